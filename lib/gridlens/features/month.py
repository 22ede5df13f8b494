"""``load_shape_month``: days in, one row of features a month out. The blocks are not read again."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import StructType

from gridlens.arrow import map_blocks
from gridlens.contracts.gold import LOAD_SHAPE_MONTH
from gridlens.features.month_kernel import MONTH_COLUMNS, month_features
from gridlens.features.packing import pack, with_export_share

_KEYS = ("metering_point_id", "channel", "local_month")


def load_shape_month(days: DataFrame) -> DataFrame:
    """The shape of every month in ``days``, as table load_shape_month_v1.

    A month is described by the days that are there, however few: ``complete_days`` and ``coverage`` say how
    much that is. Ratios, extremes and profiles use complete days (75 % or more known) only; energy uses all.

    Args:
        days: rows of load_shape_day_v1; whole months.
    """
    packed = pack(days, _KEYS, F.dayofmonth("local_date") - 1, MONTH_COLUMNS, profile=True)
    schema = StructType([f for f in LOAD_SHAPE_MONTH.schema if f.name != "export_share"])
    months = map_blocks(
        packed,
        lambda b: month_features(b["days"], b["local_month"]),
        schema=schema,
        keep=(*_KEYS, "known_from"),
        inputs=("days", "local_month"),
    )
    return LOAD_SHAPE_MONTH.conform(with_export_share(months, ["metering_point_id", "local_month"]))
