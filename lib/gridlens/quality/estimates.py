"""Opinions on interval blocks as a table: contextual checks and estimates, month by month of each metering point."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import to_arrow_schema

from gridlens.arrow import array_to_numpy, matrix_to_list
from gridlens.contracts.silver import SILVER
from gridlens.quality.advances import register_advances
from gridlens.quality.estimation import HOLIDAY, WEEKEND, WORKING
from gridlens.quality.opinions import CONTEXT_DAYS, INTERPOLATED, NONE, OpinionSettings, examine
from gridlens.quality.windows import Days, group_starts, months_in, on_one_clock, whole_groups

INTERVAL_ESTIMATE = SILVER["interval_estimate"]
_SERIES = ("metering_point_id", "channel")
_DAY_TYPES = {"working": WORKING, "weekend": WEEKEND, "holiday": HOLIDAY}


def affected_months(days: Sequence[dt.date]) -> list[dt.date]:
    """First days of the months whose opinions may change when the blocks or registers of ``days`` change."""
    reach = dt.timedelta(days=CONTEXT_DAYS)
    months: set[dt.date] = set()
    for day in days:
        month, last = (day - reach).replace(day=1), day + reach
        while month <= last:
            months.add(month)
            month = (month + dt.timedelta(days=31)).replace(day=1)
    return sorted(months)


def context_of(months: Sequence[dt.date]) -> tuple[dt.date, dt.date]:
    """First and last day of the blocks that the opinions of ``months`` look at."""
    after = (max(months).replace(day=1) + dt.timedelta(days=31)).replace(day=1)
    return min(months).replace(day=1) - dt.timedelta(days=CONTEXT_DAYS), after + dt.timedelta(days=CONTEXT_DAYS - 1)


def interval_estimates(
    blocks: DataFrame,
    registers: DataFrame | None,
    points: DataFrame,
    calendar: DataFrame | None,
    *,
    months: Sequence[dt.date] | None = None,
    settings: OpinionSettings | None = None,
) -> DataFrame:
    """The rows of silver.interval_estimate: one for each block on some interval of which there is an opinion.

    A month's opinions depend on its blocks and on those of the 31 days before and after it, on nothing else, whatever
    else is given: so recomputing the affected months gives what computing everything would. ``known_from`` is the newest
    of the facts in that window. Days of 23 or 25 hours are not compared with the register.

    Args:
        blocks: silver.interval_day, with the context of ``months`` (see ``context_of``).
        registers: silver.register_reading as known at one moment; None where there are none.
        points: silver.metering_point as known at one moment: one row per metering_point_id and valid_from.
        calendar: silver.calendar's rows of one calendar; None, and days it lacks, count Saturday and Sunday as weekend.
        months: first days of the months wanted; default all that the blocks touch.
        settings: bounds of the checks.
    """
    chosen = settings or OpinionSettings()
    rows = _block_rows(blocks, calendar)
    if registers is not None:
        rows = rows.unionByName(_register_rows(registers, points, months, chosen))
    if months is not None:
        first, last = context_of(months) if months else (dt.date.max, dt.date.min)
        rows = rows.where(F.col("local_date").between(F.lit(first), F.lit(last)))
    ordered = rows.repartition(*_SERIES).sortWithinPartitions(*_SERIES, "resolution_minutes", "local_date")
    wanted = None if months is None else frozenset((month.replace(day=1) - dt.date(1970, 1, 1)).days for month in months)
    target = to_arrow_schema(INTERVAL_ESTIMATE.schema, timezone="UTC")

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for table in whole_groups(batches, _SERIES):
            yield from _opinions_of(table, wanted, chosen, target)

    return INTERVAL_ESTIMATE.conform(ordered.mapInArrow(run, INTERVAL_ESTIMATE.schema))


def _block_rows(blocks: DataFrame, calendar: DataFrame | None) -> DataFrame:
    rows = blocks
    day_type: Column = F.lit(None).cast("string")
    if calendar is not None:
        types = calendar.select("local_date", F.col("day_type").alias("_day_type"))
        rows, day_type = blocks.join(F.broadcast(types), on="local_date", how="left"), F.col("_day_type")
    weekday = F.when(F.weekday("local_date") >= 5, F.lit(WEEKEND)).otherwise(F.lit(WORKING))
    known = [F.when(day_type == name, F.lit(code)) for name, code in _DAY_TYPES.items()]
    return rows.select(
        *_SERIES,
        "resolution_minutes",
        "local_date",
        "zone",
        "values",
        F.coalesce(*known, weekday).alias("day_type"),
        F.lit(None).cast("double").alias("register_kwh"),
        F.lit(None).cast("double").alias("tolerance_kwh"),
        F.col("_content_hash").alias("block_hash"),
        "known_from",
    )


def _register_rows(registers: DataFrame, points: DataFrame, months: Sequence[dt.date] | None, settings: OpinionSettings) -> DataFrame:
    """Advances as rows of the same stream (resolution 0, so they come first): a join would shuffle the blocks once more."""
    if months:
        first, last = context_of(months)
        registers = registers.where(F.col("read_date").between(F.lit(first - dt.timedelta(days=1)), F.lit(last)))
    return register_advances(registers, points).select(
        *_SERIES,
        F.lit(0).alias("resolution_minutes"),
        "local_date",
        F.lit(None).cast("string").alias("zone"),
        F.lit(None).cast("array<double>").alias("values"),
        F.lit(-1).alias("day_type"),
        "register_kwh",
        (F.col("multiplier") * settings.register_digit_kwh).alias("tolerance_kwh"),
        F.lit(None).cast("bigint").alias("block_hash"),
        "known_from",
    )


def _opinions_of(table: pa.Table, wanted: frozenset[int] | None, settings: OpinionSettings, target: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Result batches for whole series (blocks and advances of each metering point and channel)."""
    group = np.cumsum(group_starts(table, _SERIES)) - 1
    minutes = array_to_numpy(table.column("resolution_minutes").combine_chunks()).astype(np.int64)
    advances = _Rows(table, np.flatnonzero(minutes == 0), group)
    for resolution in np.unique(minutes[minutes > 0]):
        part = _Rows(table, np.flatnonzero(minutes == resolution), group)
        values = part.table.column("values").combine_chunks()
        days = on_one_clock(values, part.table.column("zone").combine_chunks(), part.day, int(resolution))
        for first, last in months_in(part.day):
            if wanted is None or first in wanted:
                yield from _month(part, days, advances, first, last, int(resolution), settings, target)


class _Rows:
    """Some rows of the stream: their table, series number, day, and moment of knowledge."""

    def __init__(self, table: pa.Table, rows: np.ndarray, group: np.ndarray) -> None:
        self.table = table.take(pa.array(rows)).combine_chunks()
        self.group = group[rows]
        self.day = self.numbers("local_date").astype("datetime64[D]").astype(np.int64)
        self.known_from = self.numbers("known_from").astype("datetime64[us]").astype(np.int64)

    def numbers(self, name: str) -> np.ndarray:
        return array_to_numpy(self.table.column(name).combine_chunks())


def _month(
    part: _Rows, days: Days, advances: _Rows, first: int, last: int, minutes: int, settings: OpinionSettings, target: pa.Schema
) -> Iterator[pa.RecordBatch]:
    begin, end = first - CONTEXT_DAYS, last + CONTEXT_DAYS
    series = np.unique(part.group[(part.day >= first) & (part.day <= last)])
    rows = np.flatnonzero((part.day >= begin) & (part.day <= end) & np.isin(part.group, series))
    register = np.flatnonzero((advances.day >= begin) & (advances.day <= end) & np.isin(advances.group, series))
    p, d = np.searchsorted(series, part.group[rows]), part.day[rows] - begin
    rp, rd = np.searchsorted(series, advances.group[register]), advances.day[register] - begin
    shape = (len(series), end - begin + 1)
    values = np.full((*shape, days.values.shape[1]), np.nan)
    values[p, d] = days.values[rows]
    day_type = np.full(shape, -1)
    day_type[p, d] = part.numbers("day_type")[rows]
    register_kwh, tolerance = np.full(shape, np.nan), np.full(shape, np.nan)
    register_kwh[rp, rd] = advances.numbers("register_kwh")[register]
    tolerance[rp, rd] = advances.numbers("tolerance_kwh")[register]
    known = np.zeros(len(series), dtype=np.int64)
    np.maximum.at(known, p, part.known_from[rows])
    np.maximum.at(known, rp, advances.known_from[register])
    # A clock-change day has another number of intervals than the window: its sum there is not the day's.
    compared = register_kwh.copy()
    compared[p[~days.ordinary[rows]], d[~days.ordinary[rows]]] = np.nan
    opinion, estimates = examine(values, day_type, compared, tolerance, minutes=minutes, settings=settings)

    inside = (part.day[rows] >= first) & (part.day[rows] <= last)
    rows, p, d = rows[inside], p[inside], d[inside]
    facts = (register_kwh[p, d], known[p])
    yield from _result(part, days, rows, opinion[p, d], estimates[p, d], facts, target)


def _result(
    part: _Rows,
    days: Days,
    rows: np.ndarray,
    opinion: np.ndarray,
    estimates: np.ndarray,
    facts: tuple[np.ndarray, np.ndarray],
    target: pa.Schema,
) -> Iterator[pa.RecordBatch]:
    """Batches of the rows with an opinion, each of one list length; ``rows`` ascending."""
    ordinary = np.flatnonzero(days.ordinary[rows])
    yield from _batch(part, rows[ordinary], opinion[ordinary], estimates[ordinary], [f[ordinary] for f in facts], target)
    for change in days.changes:
        own = np.flatnonzero(np.isin(rows, change.rows))
        if not len(own):
            continue
        values = change.values[np.searchsorted(change.rows, rows[own])]
        said, estimated = opinion[own][:, change.positions], estimates[own][:, change.positions]
        present = np.isfinite(values)
        # Of an hour met twice, one may be missing and the other not.
        said = np.where(present & (said >= INTERPOLATED), np.int8(NONE), said)
        yield from _batch(part, rows[own], said, np.where(present, np.nan, estimated), [f[own] for f in facts], target)


def _batch(
    part: _Rows, rows: np.ndarray, opinion: np.ndarray, estimates: np.ndarray, facts: Sequence[np.ndarray], target: pa.Schema
) -> Iterator[pa.RecordBatch]:
    some = np.flatnonzero((opinion != NONE).any(axis=1))
    if not len(some):
        return
    rows, opinion, estimates = rows[some], opinion[some], estimates[some]
    register_kwh, known = (fact[some] for fact in facts)
    source = part.table.take(pa.array(rows)).combine_chunks()
    day = part.day[rows].astype("datetime64[D]")
    columns = {
        **{name: source.column(name).combine_chunks() for name in ("metering_point_id", "channel", "local_date", "block_hash")},
        "local_month": pa.array(day.astype("datetime64[M]").astype("datetime64[D]")),
        "opinion": matrix_to_list(opinion, pa.int8()),
        "estimates": matrix_to_list(estimates, pa.float64()),
        "suspect_count": ((opinion > NONE) & (opinion < INTERPOLATED)).sum(axis=1),
        "estimated_count": np.isfinite(estimates).sum(axis=1),
        "register_kwh": register_kwh,
        "known_from": pa.array(known.astype("datetime64[us]"), type=pa.timestamp("us", tz="UTC")),
    }
    arrays = [_as(columns[field.name], field.type) for field in target]
    yield pa.RecordBatch.from_arrays(arrays, schema=target)


def _as(column: pa.Array | np.ndarray, kind: pa.DataType) -> pa.Array:
    array = column if isinstance(column, pa.Array) else pa.array(column, from_pandas=True)
    return array.cast(kind)
