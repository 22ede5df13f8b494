"""Blocks to write, day by day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from gridlens.contracts.silver import INTERVAL_DAY
from gridlens.warehouse import Warehouse
from pyspark.sql import DataFrame, SparkSession

NOON = dt.datetime(2026, 3, 5, 12, tzinfo=dt.UTC)


def blocks_of(spark: SparkSession, keys: Sequence[tuple[str, dt.date]], *, energy: float = 1.0) -> DataFrame:
    """A daily block of ``energy`` kWh for each (point, day)."""
    made = [
        (point, "1.8.0", day, day.replace(day=1), "Asia/Shanghai", 1440, NOON, [energy], [0], energy, energy, 0, 0, 1.0, NOON, 7)
        for point, day in keys
    ]
    return spark.createDataFrame(made, INTERVAL_DAY.schema).coalesce(1)


def merge_days(warehouse: Warehouse, days: Sequence[dt.date]) -> None:
    """One merge for each day, as the fold does it: months and days as literals."""
    for day in days:
        rows = blocks_of(warehouse.spark, [("P1", day)])
        warehouse.merge(INTERVAL_DAY, rows, prune={"local_month": [day.replace(day=1)], "local_date": [day]})
