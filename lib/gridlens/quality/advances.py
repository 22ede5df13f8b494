"""What the registers say that a day used: the advance of each metering point, channel and day."""

from __future__ import annotations

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from gridlens.validity import in_force, with_ends

_METER = ("metering_point_id", "channel", "meter_id")
_DAY = ("metering_point_id", "channel", "read_date")


def register_advances(registers: DataFrame, points: DataFrame) -> DataFrame:
    """The advance of each day between two readings, one row per metering point, channel and day.

    A day's advance is the reading at its end minus the reading at the end of the day before, of the same meter, times the
    multiplier in force. On the day of an exchange it is the old meter's advance up to ``exchange_out`` plus the new one's
    from ``exchange_in``. No row where a reading is missing, an exchange is only half recorded, or a register ran backwards.

    Args:
        registers: silver.register_reading as known at one moment: one row per key without known_from.
        points: silver.metering_point as known at one moment: one row per metering_point_id and valid_from.

    Returns:
        metering_point_id, channel, local_date, register_kwh (kWh, double), multiplier, known_from (newest row used).
    """
    segments = _segments(_readings_by_meter(registers))
    complete = F.min(F.col("advance").isNotNull() & (F.col("advance") >= 0))
    days = segments.groupBy(*_DAY).agg(
        F.sum("advance").alias("advance"),
        complete.alias("complete"),
        F.sum(F.col("in_kwh").isNotNull().cast("int")).alias("begun"),
        F.sum(F.col("out_kwh").isNotNull().cast("int")).alias("ended"),
        F.max("known_from").alias("known_from"),
    )
    whole = days.where(F.col("complete") & (F.col("begun") == F.col("ended")))
    spans = _multiplier_spans(points)
    joined = whole.join(spans, on=[whole["metering_point_id"] == spans["point"], in_force("read_date")], how="inner")
    return joined.select(
        "metering_point_id",
        "channel",
        F.col("read_date").alias("local_date"),
        (F.col("advance").cast("double") * F.col("multiplier")).alias("register_kwh"),
        "multiplier",
        F.greatest("known_from", "point_known_from").alias("known_from"),
    )


def _readings_by_meter(registers: DataFrame) -> DataFrame:
    """One row per meter and day: its scheduled reading, and those of its removal and installation."""

    def of(kind: str) -> F.Column:
        return F.max(F.when(F.col("read_kind") == kind, F.col("reading_total")))

    read = registers.where(F.col("read_kind").isin("scheduled", "exchange_out", "exchange_in") & F.col("reading_total").isNotNull())
    return read.groupBy(*_METER, "read_date").agg(
        of("scheduled").alias("end_kwh"),
        of("exchange_out").alias("out_kwh"),
        of("exchange_in").alias("in_kwh"),
        F.max("known_from").alias("known_from"),
    )


def _segments(readings: DataFrame) -> DataFrame:
    """The part of each day that one meter measured; ``advance`` is null where one of its ends was not read."""
    by_meter = Window.partitionBy(*_METER).orderBy("read_date")
    yesterday = F.lag("read_date").over(by_meter) == F.date_sub("read_date", 1)
    stayed = F.lag("out_kwh").over(by_meter).isNull()
    known = F.greatest("known_from", F.when(yesterday, F.lag("known_from").over(by_meter)))
    begin = F.coalesce("in_kwh", F.when(yesterday & stayed, F.lag("end_kwh").over(by_meter)))
    return readings.select(
        *_DAY,
        "in_kwh",
        "out_kwh",
        (F.coalesce("out_kwh", "end_kwh") - begin).alias("advance"),
        known.alias("known_from"),
    )


def _multiplier_spans(points: DataFrame) -> DataFrame:
    """Each point's multiplier with the days on which it holds: from ``valid_from`` until before ``valid_to``."""
    return with_ends(points, "metering_point_id").select(
        F.col("metering_point_id").alias("point"),
        "valid_from",
        "valid_to",
        "multiplier",
        F.col("known_from").alias("point_known_from"),
    )
