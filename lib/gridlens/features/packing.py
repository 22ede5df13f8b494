"""Days packed into one list a point, so that a window is a row of a kernel; export joined to import."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from gridlens.contracts.consumption_year import YEAR_DAYS
from gridlens.contracts.feature import HOURS
from gridlens.contracts.gold import DAY_TYPES

IMPORT, EXPORT = "1.8.0", "2.8.0"


def pack(days: DataFrame, keys: Sequence[str], slot: Column, columns: Sequence[str], *, profile: bool = False) -> DataFrame:
    """One row for each key: ``keys``, ``known_from`` (the latest) and ``days``: slot, columns and hour_kw of each day in turn.

    Args:
        days: rows of load_shape_day_v1.
        keys: what a window is grouped by.
        slot: 0-based place of the day in the window.
        columns: what each day contributes; ``day_type_code`` is the index into DAY_TYPES.
        profile: whether hour_kw follows.
    """
    code = F.coalesce(*[F.when(F.col("day_type") == name, F.lit(i)) for i, name in enumerate(DAY_TYPES)])
    numbers = F.array(slot.cast("double"), *[(code if c == "day_type_code" else F.col(c)).cast("double") for c in columns])
    if profile:
        unknown = F.array_repeat(F.lit(None).cast("double"), HOURS)
        numbers = F.concat(numbers, F.coalesce("hour_kw", unknown))
    # One collected column, so that what belongs to a day stays together whatever order Spark collects in.
    return (
        days.select(*keys, "known_from", numbers.alias("_day"))
        .groupBy(*keys)
        .agg(F.max("known_from").alias("known_from"), F.flatten(F.collect_list("_day")).alias("days"))
    )


def with_climate(rows: DataFrame, weather: DataFrame, as_of: dt.date) -> DataFrame:
    """``rows`` with ``temperature``: slot and daily mean of each day known in the row's area_id; empty where none is.

    Where a source has no mean it is the middle of the day's lowest and highest temperature, as degree days are counted (WMO-No. 100).

    Args:
        rows: area_id, which may be null and then becomes empty text.
        weather: rows of weather, one version for each (area_id, local_date).
        as_of: last of the 365 days; slot 0 is the first of them.
    """
    first = as_of - dt.timedelta(days=YEAR_DAYS - 1)
    middle = (F.col("temperature_min_c") + F.col("temperature_max_c")) / 2
    mean = F.coalesce("temperature_mean_c", middle).cast("double")
    day = F.array(F.datediff("local_date", F.lit(first)).cast("double"), mean)
    inside = F.col("local_date").between(F.lit(first), F.lit(as_of))
    climate = weather.where(inside).groupBy("area_id").agg(F.flatten(F.collect_list(day)).alias("temperature"))
    return (
        rows.join(climate, on="area_id", how="left")
        .withColumn("temperature", F.coalesce("temperature", F.array().cast("array<double>")))
        .withColumn("area_id", F.coalesce("area_id", F.lit("")))
    )


def with_export_share(windows: DataFrame, keys: Sequence[str]) -> DataFrame:
    """``windows`` with export_share on the import channel; rows of the same ``keys`` (channel not among them) are one point's channels."""
    # A window, not a self-join: a join would run the kernel of every window twice.
    exported = F.max(F.when(F.col("channel") == EXPORT, F.col("energy_kwh"))).over(Window.partitionBy(*keys))
    exchange = F.col("energy_kwh") + exported
    return windows.withColumn("export_share", F.when((F.col("channel") == IMPORT) & (exchange > 0), exported / exchange))
