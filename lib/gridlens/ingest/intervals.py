"""Interval readings of every layout as the business columns of bronze ``meter_interval``.

Wide days keep the columns they came with, clock-change days too: 96 readings of a day of 92 or 100 quarter hours are
stored as received, and silver maps them by rule. Readings with a time of their own (``long`` and timed matrices) get
their position from the moment they name: 0 is the first interval of the local day, so a day of 25 hours counts on to 99.
"""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F
from pyspark.sql.types import DataType, DateType, DoubleType, StringType, TimestampType

from gridlens.ingest import clock
from gridlens.ingest.fields import FieldSource
from gridlens.ingest.frames import column
from gridlens.ingest.mapping import (
    LINEAGE,
    bad_cells,
    cleaned,
    instant_of_column,
    known_from,
    read_cell,
    read_date,
    read_fields,
    unreadable_mark,
    value_of,
    wall_of_ntz,
)
from gridlens.ingest.source import SourceFile

_OFF_GRID = "the time is not on the grid of the resolution"
_SKIPPED = "the local clock skipped this time"
_NO_TIME = "the date or time cannot be read"
_NO_DATE_IN_NAME = ": the column's name is no date or time; list it under drop where it holds no readings"


def to_interval_contract(rows: DataFrame, source: SourceFile) -> DataFrame:
    """The business columns of meter_interval, ``known_from``, ``_bad_cells``, ``_flags`` and lineage, from rows of any layout.

    ``_problem`` says why a row cannot stand (unreadable time, off the grid, a time the clock skipped); ``_flags`` holds the
    detail of an incomplete day; ``_digest`` stands for the values in the content hash.
    """
    part = source.intervals
    assert part is not None
    mapped = {name: StringType() for name in source.columns}
    read = read_fields(cleaned(rows, source), source, mapped)
    if part.layout == "wide_day":
        days = read.withColumn("_date", _label_date(read, source))
        return _contract(days, source, first=F.lit(0), values=F.col("_values"), bad=F.col("_bad"), digest=F.col("_digest"))
    if "_value" not in read.columns:
        read = _with_reading(read, source)
    if part.is_daily:
        dated = read.withColumn("_date", _label_date(read, source))
        if part.layout == "matrix_by_date":
            found = F.when(F.col("_date").isNull(), _unreadable_label(source))
            dated = dated.withColumn("_problem", F.coalesce("_problem", found))
        return _single(dated, source, first=F.lit(0))
    length = part.resolution_minutes * 60_000_000
    timed = _resolve_moments(read, source).withColumn("_date", clock.date_of_wall(clock.wall_of_instant(F.col("_begin"), source.zone)))
    timed = timed.withColumn("_since", F.unix_micros("_begin") - F.unix_micros(clock.day_begin(F.col("_date"), source.zone)))
    found = F.when(F.col("_begin").isNull(), _unreadable_label(source)).when(F.col("_skipped"), F.lit(_SKIPPED))
    found = found.when(F.col("_since") % F.lit(length) != 0, F.lit(_OFF_GRID))
    first = F.floor(F.col("_since") / F.lit(length)).cast("int")
    return _single(timed.withColumn("_problem", F.coalesce("_problem", found)), source, first=first)


def _with_reading(rows: DataFrame, source: SourceFile) -> DataFrame:
    """``rows`` with ``_value`` and ``_unreadable``, where the reader has not made them (all but CSV)."""
    part = source.intervals
    assert part is not None
    number = read_cell(rows, source, FieldSource(column=part.value), DoubleType())
    return rows.withColumn("_value", number).withColumn("_unreadable", column(str(part.value)).isNotNull() & F.col("_value").isNull())


def _unreadable_label(source: SourceFile) -> Column:
    part = source.intervals
    named = part is not None and part.layout == "matrix_by_date"
    return F.concat("_member", F.lit(_NO_DATE_IN_NAME)) if named else F.lit(_NO_TIME)


def _label(source: SourceFile) -> str:
    part = source.intervals
    return "_member" if part is None or part.layout == "matrix_by_date" else str(part.label)


def _label_date(rows: DataFrame, source: SourceFile) -> Column:
    """The day of a day's label: a date names it; a time belongs to it, or, of a daily total with ``labels: end``, ends it."""
    part = source.intervals
    assert part is not None
    dtype, value = rows.schema[_label(source)].dataType, column(_label(source))
    if isinstance(dtype, DateType):
        return value
    run = part.clock or source.clock
    if part.is_daily and part.labels == "end":
        return _ended_day(value, dtype, run, source)
    if not isinstance(dtype, StringType) and dtype.typeName().startswith("timestamp"):
        return clock.date_of_wall(clock.wall_of_instant(instant_of_column(value, dtype, run, source.zone), source.zone))
    return read_date(value.cast("string"), part.formats, run, source.zone)


def _ended_day(value: Column, dtype: DataType, run: clock.Clock, source: SourceFile) -> Column:
    """The day that ends at a label with a time (midnight ends the day before it); of a label without one the day it names."""
    part = source.intervals
    assert part is not None
    if not isinstance(dtype, StringType):
        return _day_before(clock.wall_of_instant(instant_of_column(value, dtype, run, source.zone), source.zone))
    dates = [p for p in part.formats if "H" not in p and "h" not in p]
    times = [p for p in part.formats if p not in dates]
    found = []
    if dates or not part.formats:
        named = read_date(value, dates, run, source.zone)
        found.append(named if dates else F.when(value.rlike(clock.ISO_DATE), named))
    if times or not part.formats:
        local = run == "wall" and not any(clock.has_offset(p) for p in times)
        moment = None if local else clock.instant_of_text(value, times, run, source.zone)
        found.append(_day_before(_wall(value, times) if moment is None else clock.wall_of_instant(moment, source.zone)))
    return F.coalesce(*found)


def _day_before(wall: Column) -> Column:
    """The day that a wall time ends or lies in: midnight belongs to the day before."""
    return clock.date_of_wall(clock.shift(wall, -1))


def _resolve_moments(rows: DataFrame, source: SourceFile) -> DataFrame:
    """``rows`` with ``_begin`` (the moment the interval begins) and ``_skipped`` (a wall time that did not occur)."""
    part = source.intervals
    assert part is not None
    run, length = part.clock or source.clock, part.resolution_minutes * 60
    value, dtype = column(_label(source)), rows.schema[_label(source)].dataType
    own_moment = isinstance(dtype, TimestampType) or any(clock.has_offset(p) for p in part.formats)
    if run != "wall" or own_moment:
        if isinstance(dtype, StringType):
            moment = clock.instant_of_text(value, part.formats, run, source.zone)
        else:
            moment = instant_of_column(value, dtype, run, source.zone)
        begin = clock.shift(moment, -length) if part.labels == "end" else moment
        return rows.withColumn("_begin", begin).withColumn("_skipped", F.lit(False))
    wall = _wall(value, part.formats) if isinstance(dtype, StringType) else wall_of_ntz(value)
    timed = rows.withColumn("_wall", wall)
    occurs = clock.exists(F.col("_wall"), source.zone)
    if part.labels == "end":  # an end written by adding the length to the begin: 02:00 where the clock jumped to 03:00
        occurs = occurs | clock.exists(clock.shift(F.col("_wall"), -length), source.zone)
    moment = F.to_utc_timestamp("_wall", source.zone)
    if _by_order(source):
        timed = _with_second(timed, source)
        moment = F.coalesce("_second", moment)
    begin = clock.shift(moment, -length) if part.labels == "end" else moment
    return timed.withColumn("_begin", begin).withColumn("_skipped", ~occurs)


def _wall(text: Column, formats: Sequence[str]) -> Column:
    """The wall time of a label; 24:00 is the midnight that ends the day."""
    midnight = text.contains(" 24:00")
    read = clock.wall_of_text(F.when(midnight, F.replace(text, F.lit(" 24:00"), F.lit(" 00:00"))).otherwise(text), formats)
    return F.when(midnight, clock.shift(read, 86_400)).otherwise(read)


def _by_order(source: SourceFile) -> bool:
    part = source.intervals
    assert part is not None
    if part.overlap is not None:
        return part.overlap == "order"
    return clock.changes_clock(source.zone, first_year=2000)


def _with_second(timed: DataFrame, source: SourceFile) -> DataFrame:
    """``timed`` with ``_second``: the later moment of a wall time, on the second row of the same point, channel and time in its file.

    Counted within each file, so that it does not matter which files are read together: overlapping ones repeat each other. Only the rows
    inside the repeated hours are ordered; that costs another reading of the source, but no shuffle of it.
    """
    key = [column(spec.column) for spec in source.columns.values() if spec.column is not None]
    key += [F.col("_member")] if source.intervals is not None and source.intervals.layout == "matrix_by_point" else []
    later = clock.second_occurrence(F.col("_wall"), source.zone)
    place = F.regexp_extract("_locator", r"(?:@(\d+)\+)?(\d+)$", 1), F.regexp_extract("_locator", r"(\d+)$", 1)
    order = [F.regexp_replace("_locator", r"(@\d+\+|:)\d+$", ""), *[p.try_cast("bigint") for p in place]]
    in_file = Window.partitionBy("_file_id", *key, "_wall").orderBy(*order)
    numbered = timed.where(later.isNotNull()).withColumn("_turn", F.row_number().over(in_file))
    melted = ["_member"] if "_member" in timed.columns else []
    second = numbered.where(F.col("_turn") == 2).select("_locator", *melted, later.alias("_second"))
    return timed.join(F.broadcast(second), ["_locator", *melted], how="left")


def _single(rows: DataFrame, source: SourceFile, *, first: Column) -> DataFrame:
    """Rows with one reading each: ``values`` of length one, ``bad_intervals`` with its position in the day."""
    part = source.intervals
    value, flag = F.col("_value"), F.lit(None).cast("string")
    if part is not None and part.complete is not None:
        count = F.coalesce(column(part.complete.column).cast("string"), F.lit("nothing"))
        whole = F.btrim(count) == F.lit(part.complete.equals)
        detail = F.concat(
            F.lit(f"{part.complete.column} is "), count, F.lit(f", expected {part.complete.equals}: the value counts as missing")
        )
        flag, value = F.when(~whole, detail), F.when(whole, value)
    bad = F.when(F.col("_unreadable"), F.array(first))
    digest = F.xxhash64(value.isNull(), value)
    return _contract(rows, source, first=first, values=F.array(value), bad=bad, digest=digest, flag=flag)


def _contract(
    rows: DataFrame, source: SourceFile, *, first: Column, values: Column, bad: Column, digest: Column, flag: Column | None = None
) -> DataFrame:
    part = source.intervals
    assert part is not None
    points = {name: value_of(name) for name in source.columns}
    if part.layout == "matrix_by_point":
        points["metering_point_id"] = F.concat(F.lit(part.point_prefix), F.col("_member"))
    sound = F.col("_problem").isNull()
    business = {
        "metering_point_id": points["metering_point_id"],
        "channel": points["channel"],
        "local_date": F.col("_date"),
        "resolution_minutes": F.lit(part.resolution_minutes),
        "first_interval": first,
        "values": F.when(sound, values),
        "bad_intervals": bad,
        "value_kind": F.lit(part.stored_kind),
        "multiplied": F.lit(part.multiplied),
        "zone": F.lit(source.zone),
    }
    known, unreadable = known_from(rows, source, business)
    marks = {name: unreadable_mark(spec, name) for name, spec in source.columns.items()} | {
        "known_from": unreadable,
        "values": bad.isNotNull(),
    }
    raw = F.col("_raw")
    if "_member" in rows.columns:  # the first cell of a line, and its first bad one, carry the line; the others show themselves
        shown = [F.col("_member"), *([column(part.label)] if part.label else []), F.col("_value").cast("string")]
        raw = F.coalesce(raw, F.concat_ws(source.options.delimiter, *shown))
    flags = flag if flag is not None else F.lit(None).cast("string")
    return rows.select(
        *[value.alias(name) for name, value in business.items()],
        known.alias("known_from"),
        bad_cells(marks).alias("_bad_cells"),
        digest.alias("_digest"),
        flags.alias("_flag"),
        *[c for c in LINEAGE if c != "_raw"],
        raw.alias("_raw"),
    )
