"""From rows of days to windows: dense arrays (points, days, intervals) that the contextual kernels work on."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gridlens.arrow import list_lengths, list_to_matrix

DAY_MINUTES = 1440


def whole_groups(batches: Iterator[pa.RecordBatch], keys: tuple[str, ...]) -> Iterator[pa.Table]:
    """Tables in which every group of equal ``keys`` is complete, from batches in which equal keys follow one another."""
    pending: pa.Table | None = None
    for batch in batches:
        if not batch.num_rows:
            continue
        table = pa.Table.from_batches([batch])
        table = pa.concat_tables([pending, table]).combine_chunks() if pending is not None else table
        last = int(np.flatnonzero(group_starts(table, keys))[-1])
        if last:
            yield table.slice(0, last)
        pending = table.slice(last)
    if pending is not None:
        yield pending


def group_starts(table: pa.Table, keys: tuple[str, ...]) -> np.ndarray:
    """TRUE on the first row of each group of equal keys. Shape (rows,)."""
    starts = np.zeros(table.num_rows, dtype=bool)
    starts[:1] = True
    for key in keys:
        column = table.column(key).combine_chunks()
        changed = pc.not_equal(column.slice(1), column.slice(0, len(column) - 1)) if len(column) > 1 else pa.array([], pa.bool_())
        starts[1:] |= pc.fill_null(changed, True).to_numpy(zero_copy_only=False)
    return starts


@lru_cache(maxsize=4096)
def clock_positions(zone: str, day: int, length: int, minutes: int) -> np.ndarray:
    """Where each interval of a clock-change day stands on an ordinary day's clock. Shape (length,).

    In the 23-hour day an hour of the clock stays empty, in the 25-hour day an hour is met twice.

    Args:
        zone: IANA zone.
        day: days since 1970-01-01.
        length: intervals in that day.
        minutes: length of an interval.
    """
    local = dt.datetime(1970, 1, 1, tzinfo=ZoneInfo(zone)) + dt.timedelta(days=day)
    begin = local.astimezone(dt.UTC)
    clocks = [(begin + dt.timedelta(minutes=minutes * i)).astimezone(local.tzinfo) for i in range(length)]
    positions = np.array([(c.hour * 60 + c.minute) // minutes for c in clocks])
    return np.minimum(positions, DAY_MINUTES // minutes - 1)


@dataclass(frozen=True)
class ClockChange:
    """Rows of one clock-change day.

    Attributes:
        rows: which rows.
        positions: where each interval stands on the ordinary clock, (length,).
        values: the rows' values as they are, (rows, length).
    """

    rows: np.ndarray
    positions: np.ndarray
    values: np.ndarray


@dataclass(frozen=True)
class Days:
    """Rows of one resolution as a matrix on the ordinary day's clock.

    Attributes:
        values: kWh, (rows, intervals of an ordinary day), NaN where missing; of an hour met twice the mean.
        ordinary: TRUE for rows of ordinary length, (rows,).
        changes: the other rows.
    """

    values: np.ndarray
    ordinary: np.ndarray
    changes: list[ClockChange]


def on_one_clock(values: pa.ListArray, zones: pa.Array, days: np.ndarray, minutes: int) -> Days:
    """The rows' lists on an ordinary day's clock; clock-change days are mapped by their zone.

    Args:
        values: one list of kWh a row.
        zones: IANA zone of each row.
        days: days since 1970-01-01, (rows,).
        minutes: length of an interval, the same in all rows; 1440 for daily totals.
    """
    length = max(DAY_MINUTES // minutes, 1)
    lengths = list_lengths(values)
    ordinary = lengths == length
    matrix = np.full((len(values), length), np.nan)
    matrix[ordinary] = list_to_matrix(values.filter(pa.array(ordinary)))
    odd = np.flatnonzero(~ordinary)
    changes: list[ClockChange] = []
    if len(odd):
        names = zones.take(pa.array(odd)).to_numpy(zero_copy_only=False).astype(str)
        kinds = np.rec.fromarrays([names, days[odd], lengths[odd]])
        for kind in np.unique(kinds):  # a zone changes its clock twice a year
            rows = odd[kinds == kind]
            positions = clock_positions(str(kind[0]), int(kind[1]), int(kind[2]), minutes)
            own = list_to_matrix(values.take(pa.array(rows)))
            matrix[rows] = _mean_by_position(own, positions, length)
            changes.append(ClockChange(rows, positions, own))
    return Days(matrix, ordinary, changes)


def _mean_by_position(own: np.ndarray, positions: np.ndarray, length: int) -> np.ndarray:
    """Mean of the columns that share a position, NaN where one of them is missing or none is there. Shape (rows, length)."""
    total = np.zeros((len(own), length))
    np.add.at(total.T, positions, own.T)
    met = np.bincount(positions, minlength=length)
    return np.divide(total, met, out=np.full(total.shape, np.nan), where=met > 0)


def months_in(days: np.ndarray) -> list[tuple[int, int]]:
    """First and last day (since 1970-01-01) of each calendar month that the days touch, in order."""
    months = np.unique(days.astype("datetime64[D]").astype("datetime64[M]"))
    firsts, nexts = months.astype("datetime64[D]").astype(np.int64), (months + 1).astype("datetime64[D]").astype(np.int64)
    return [(int(first), int(after) - 1) for first, after in zip(firsts, nexts, strict=True)]
