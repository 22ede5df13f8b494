"""``consumption_year``: a year of days and weather in, one row of features a point out."""

from __future__ import annotations

import datetime as dt

import numpy as np
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import StructType

from gridlens.arrow import map_blocks
from gridlens.contracts.consumption_year import YEAR_DAYS
from gridlens.contracts.gold import CONSUMPTION_YEAR
from gridlens.features.packing import pack, with_climate, with_export_share
from gridlens.features.window_kernel import DAY_COLUMNS
from gridlens.features.year_kernel import year_features

_KEYS = ("metering_point_id", "channel")


def consumption_year(days: DataFrame, points: DataFrame, weather: DataFrame, as_of: dt.date) -> DataFrame:
    """Consumption over the 365 local days that end with ``as_of``, as table consumption_year_v1.

    ``known_from`` is the latest of the days'; weather counts as known when it is given.

    Args:
        days: rows of load_shape_day_v1; those outside the window are left out.
        points: metering_point_id, area_id; one row for each point.
        weather: rows of weather, one version for each (area_id, local_date).
        as_of: last local day included.
    """
    first = as_of - dt.timedelta(days=YEAR_DAYS - 1)
    inside = F.col("local_date").between(F.lit(first), F.lit(as_of))
    slot = F.datediff("local_date", F.lit(first))
    packed = pack(days.where(inside), _KEYS, slot, DAY_COLUMNS)
    rows = packed.join(points.select("metering_point_id", "area_id"), on="metering_point_id", how="left")
    last = np.datetime64(as_of)
    years = map_blocks(
        with_climate(rows, weather, as_of),
        lambda b: year_features(b["days"], b["temperature"], b["area_id"], last),
        schema=StructType([f for f in CONSUMPTION_YEAR.schema if f.name not in ("export_share", "as_of")]),
        keep=(*_KEYS, "known_from"),
        inputs=("days", "temperature", "area_id"),
    ).withColumn("as_of", F.lit(as_of))
    return CONSUMPTION_YEAR.conform(with_export_share(years, ["metering_point_id"]))
