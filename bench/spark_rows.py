"""The peer that everybody writes: Spark SQL over one row a reading; twelve features of a day and eight of a month."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from bench.curves import INTERVALS

DAY_COLUMNS = (
    "energy_kwh",
    "mean_kw",
    "peak_kw",
    "min_kw",
    "peak_valley_difference_kw",
    "zero_share",
    "load_factor",
    "night_share",
    "morning_share",
    "midday_share",
    "evening_share",
    "variation",
)
MONTH_COLUMNS = ("energy_kwh", "daily_kwh_mean", "daily_kwh_min", "daily_kwh_max", "mean_kw", "peak_kw", "load_factor", "zero_share")
_LEAST = 72
_WINDOWS = {"morning": (24, 40), "midday": (40, 68), "evening": (68, 88)}


def day_rows(readings: DataFrame) -> DataFrame:
    """DAY_COLUMNS of each point, channel and day, with ``known``: the number of known intervals."""
    interval, kwh = F.col("interval"), F.col("kwh")
    sums = {name: F.sum(F.when((interval >= begin) & (interval < end), kwh)) for name, (begin, end) in _WINDOWS.items()}
    sums["night"] = F.sum(F.when((interval >= 88) | (interval < 24), kwh))
    days = readings.groupBy("metering_point_id", "channel", "local_date", "local_month").agg(
        F.count("kwh").alias("known"),
        F.sum("kwh").alias("energy_kwh"),
        F.avg("kwh").alias("mean"),
        F.max("kwh").alias("high"),
        F.min("kwh").alias("low"),
        F.stddev_pop("kwh").alias("deviation"),
        F.count_if(kwh == 0).alias("zeros"),
        *[value.alias(f"{name}_kwh") for name, value in sums.items()],
    )
    shape = {
        "mean_kw": F.col("mean") * 4,
        "peak_kw": F.col("high") * 4,
        "min_kw": F.col("low") * 4,
        "peak_valley_difference_kw": (F.col("high") - F.col("low")) * 4,
        "zero_share": F.col("zeros") / F.col("known"),
        "load_factor": _ratio(F.col("mean"), F.col("high")),
        **{f"{name}_share": _ratio(F.coalesce(f"{name}_kwh", F.lit(0)), F.col("energy_kwh")) for name in sums},
        "variation": _ratio(F.col("deviation"), F.col("mean")),
    }
    whole = F.col("known") >= _LEAST
    chosen = {name: F.when(whole, shape[name]) for name in DAY_COLUMNS if name in shape}
    return days.select(
        "metering_point_id",
        "channel",
        "local_date",
        "local_month",
        "known",
        "energy_kwh",
        *[column.alias(name) for name, column in chosen.items()],
    )


def month_rows(days: DataFrame) -> DataFrame:
    """MONTH_COLUMNS of each point, channel and month."""
    whole = F.when(F.col("known") >= F.lit(0.75 * INTERVALS), F.col("energy_kwh"))
    return (
        days.groupBy("metering_point_id", "channel", "local_month")
        .agg(
            F.sum("energy_kwh").alias("energy_kwh"),
            F.avg(whole).alias("daily_kwh_mean"),
            F.min(whole).alias("daily_kwh_min"),
            F.max(whole).alias("daily_kwh_max"),
            F.avg("mean_kw").alias("mean_kw"),
            F.max("peak_kw").alias("peak_kw"),
            F.avg("zero_share").alias("zero_share"),
        )
        .withColumn("load_factor", _ratio(F.col("mean_kw"), F.col("peak_kw")))
    )


def _ratio(part: Column, whole: Column) -> Column:
    return F.when(whole > 0, part / whole)
