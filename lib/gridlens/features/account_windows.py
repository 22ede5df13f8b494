"""Moments of events as local days and distances, whatever the session's zone."""

from __future__ import annotations

import datetime as dt

from pyspark.sql import Column
from pyspark.sql import functions as F

HOUR_MICROS = 3_600_000_000
_DAY_SECONDS = 86_400


def local_day(moment: Column | str, zone: str) -> Column:
    """The local day of a moment; counted from the epoch, because a cast to date would follow the session's zone."""
    wall = F.unix_seconds(F.from_utc_timestamp(moment, zone))
    return F.date_from_unix_date(F.floor(wall / _DAY_SECONDS).cast("int"))


def whole_days(moment: Column, until: dt.datetime) -> Column:
    """Whole days (of 24 hours) from ``moment`` to ``until``; in microseconds, as Spark's own difference depends on the session's zone."""
    return F.floor((F.unix_micros(F.lit(until)) - F.unix_micros(moment)) / (24 * HOUR_MICROS))
