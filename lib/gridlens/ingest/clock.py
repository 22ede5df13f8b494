"""Local times as Spark columns, the same in every session time zone.

A *wall* column is a timestamp whose UTC reading is the local clock's reading (02:30 in Berlin is 02:30Z): it can be
computed with without the session's zone ever entering. An *instant* is the real moment.
"""

from __future__ import annotations

import datetime as dt
import zoneinfo
from collections.abc import Sequence
from functools import reduce

from pyspark.sql import Column
from pyspark.sql import functions as F

from gridlens.ingest.fields import Clock

ISO_DATE = r"^\d{4}-\d{2}-\d{2}$"
ISO_TIME = r"^\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?$"
_DAY_SECONDS = 86_400


def _first(columns: Sequence[Column]) -> Column:
    return columns[0] if len(columns) == 1 else F.coalesce(*columns)


def has_offset(pattern: str) -> bool:
    """True where a pattern carries its own UTC offset (``XXX``): what it reads is an instant, whatever the clock."""
    return any(letter in pattern.split("'")[0] + "".join(pattern.split("'")[2::2]) for letter in "Xx")


def wall_of_text(text: Column, formats: Sequence[str] = ()) -> Column:
    """Wall timestamp of ``text`` (ISO date or time unless ``formats`` are given); null where it cannot be read."""
    if not formats:
        seconds = F.when(F.char_length(text) == len("2024-01-01 00:00"), F.lit(":00Z")).otherwise(F.lit("Z"))
        iso = F.when(text.rlike(ISO_TIME), F.concat(text, seconds)).when(text.rlike(ISO_DATE), F.concat(text, F.lit(" 00:00:00Z")))
        return iso.try_cast("timestamp")
    # The appended offset makes the pattern read the written clock as UTC; without it the session's zone would apply.
    return _first([F.try_to_timestamp(F.concat(text, F.lit(" +0000")), F.lit(f"{p} xx")) for p in formats if not has_offset(p)])


def instant_of_text(text: Column, formats: Sequence[str], clock: Clock, zone: str) -> Column:
    """The moment that ``text`` names; of a wall time that occurs twice the first, of one that does not occur the one an hour on."""
    plain = [p for p in formats if not has_offset(p)]
    read = [F.try_to_timestamp(text, F.lit(p)) for p in formats if has_offset(p)]
    if plain or not formats:
        read.append(instant_of_wall(wall_of_text(text, plain), clock, zone))
    return _first(read)


def standard_offset(zone: str) -> int:
    """Seconds that the zone's standard time is ahead of UTC (of January or July 2010, whichever is less)."""
    rules = zoneinfo.ZoneInfo(zone)
    offsets = [dt.datetime(2010, month, 1, tzinfo=rules).utcoffset() for month in (1, 7)]
    return min(int(offset.total_seconds()) for offset in offsets if offset is not None)


def changes_clock(zone: str, *, first_year: int, last_year: int = 2037) -> bool:
    """True where the zone's offset from UTC changes between the years."""
    rules = zoneinfo.ZoneInfo(zone)
    moments = (dt.datetime(year, month, 1, tzinfo=dt.timezone.utc) for year in range(first_year, last_year + 1) for month in range(1, 13))
    return len({moment.astimezone(rules).utcoffset() for moment in moments}) > 1


def shift(moment: Column, seconds: int | Column) -> Column:
    """``moment`` moved by seconds of elapsed time."""
    moved = F.unix_micros(moment) + (F.lit(seconds * 1_000_000) if isinstance(seconds, int) else seconds.cast("bigint") * F.lit(1_000_000))
    return F.timestamp_micros(moved)


def instant_of_wall(wall: Column, clock: Clock, zone: str) -> Column:
    """The moment of a wall timestamp that runs on ``clock``."""
    if clock == "utc":
        return wall
    return shift(wall, -standard_offset(zone)) if clock == "standard" else F.to_utc_timestamp(wall, zone)


def wall_of_instant(moment: Column, zone: str) -> Column:
    """What the local clock showed at ``moment``."""
    return F.from_utc_timestamp(moment, zone)


def date_of_wall(wall: Column) -> Column:
    """The local day of a wall timestamp."""
    return F.date_from_unix_date(F.floor(F.unix_seconds(wall) / F.lit(_DAY_SECONDS)).cast("int"))


def day_begin(date: Column, zone: str) -> Column:
    """The moment at which a local day begins."""
    return F.to_utc_timestamp(F.timestamp_seconds(F.unix_date(date).cast("bigint") * F.lit(_DAY_SECONDS)), zone)


def exists(wall: Column, zone: str) -> Column:
    """False for a wall time that the zone's clock skipped."""
    return wall_of_instant(F.to_utc_timestamp(wall, zone), zone) == wall


def second_occurrence(wall: Column, zone: str) -> Column:
    """The later moment of a wall time that occurs twice; null for any other."""
    first = F.to_utc_timestamp(wall, zone)
    later = [F.when(wall_of_instant(shift(first, seconds), zone) == wall, shift(first, seconds)) for seconds in (3600, 1800)]
    return reduce(lambda a, b: F.coalesce(a, b), later)


def round_up(moment: Column, to: str | None, zone: str) -> Column:
    """``moment``, or the next full UTC hour or local midnight."""
    if to == "hour":
        return F.timestamp_seconds(F.ceil(F.unix_micros(moment) / F.lit(3_600_000_000)).cast("bigint") * F.lit(3600))
    if to == "day":
        day = date_of_wall(wall_of_instant(moment, zone))
        return F.when(day_begin(day, zone) == moment, moment).otherwise(day_begin(F.date_add(day, 1), zone))
    return moment
