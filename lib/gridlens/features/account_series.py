"""Daily energy of accounts from what is known of their metering points: register readings, and days with intervals."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gridlens.arrow import Ragged
from gridlens.contracts.account_energy import SERIES_DAYS

READ_KINDS = ("scheduled", "exchange_out", "exchange_in")
READING_WIDTH = 8
"""Numbers of a packed reading: point (0-based in the account), slot, index into READ_KINDS, meter, register, multiplier, since when
it is known and its content hash."""
DAY_WIDTH = 3
"""Numbers of a packed day: point, slot, energy in kWh."""
SLOTS = SERIES_DAYS + 1
"""The days of the series after one more: the reading at whose end the first day begins."""
CHUNK = 256
"""Accounts at a time, so that intermediate arrays stay in cache and memory stays bounded."""


@dataclass(frozen=True, eq=False)
class Series:
    """Daily energy, kWh, NaN where unknown. Shape (rows, SERIES_DAYS) each.

    Attributes:
        daily: of days that were measured one by one.
        spread: the same, with the advance over days without a reading spread evenly over them.
    """

    daily: np.ndarray
    spread: np.ndarray


def in_chunks(readings: Ragged, days: Ragged) -> Iterator[tuple[slice, Ragged, Ragged]]:
    """CHUNK rows of both at a time, with the rows that they are."""
    ends = [np.concatenate([[0], np.cumsum(lists.lengths)]) for lists in (readings, days)]
    for begin in range(0, len(readings.lengths), CHUNK):
        rows = slice(begin, begin + CHUNK)
        yield rows, _part(readings, ends[0], rows), _part(days, ends[1], rows)


def account_series(readings: Ragged, days: Ragged, points: int) -> Series:
    """Daily energy of accounts that have ``points`` metering points each.

    Args:
        readings: READING_WIDTH numbers a register reading, in any order; of versions of one reading the one known last counts, of
            those known at the same moment the one with the greater hash.
        days: DAY_WIDTH numbers a day with intervals, in any order; they count where the registers say nothing of the day.
        points: metering points of each account, at least 1.
    """
    rows = len(readings.lengths)
    daily, spread = _advances(_registers(readings, rows, points))
    measured = _measured(days, rows, points)
    shape = (rows, points, SERIES_DAYS)
    daily = np.where(np.isnan(daily), measured, daily).reshape(shape)
    spread = np.where(np.isnan(spread), measured, spread).reshape(shape)
    in_service = _in_service(~np.isnan(spread))
    return Series(_summed(daily, in_service), _summed(spread, in_service))


def _part(lists: Ragged, ends: np.ndarray, rows: slice) -> Ragged:
    lengths = lists.lengths[rows]
    return Ragged(lists.values[ends[rows.start] : ends[rows.start + len(lengths)]], lengths)


def _table(lists: Ragged, width: int, points: int) -> tuple[np.ndarray, np.ndarray]:
    """The packed rows as a table, and the cell (row, point, slot) that each belongs to."""
    table = lists.values.reshape(-1, width)
    owner = np.repeat(np.arange(len(lists.lengths)), lists.lengths // width)
    return table, (owner * points + table[:, 0].astype(np.int64)) * SLOTS + table[:, 1].astype(np.int64)


def _place(cell: np.ndarray, values: np.ndarray, size: int) -> np.ndarray:
    """``values`` by cell, NaN where a cell has none, or values that differ: which one came last is chance."""
    out = np.full(size, np.nan)
    out[cell] = values
    out[cell[out[cell] != values]] = np.nan
    return out.reshape(-1, SLOTS)


@dataclass(frozen=True, eq=False)
class _Registers:
    """Of each kind of reading (READ_KINDS) meter and register; the multiplier of the day. Shape (rows × points, SLOTS) each."""

    meter: list[np.ndarray]
    register: list[np.ndarray]
    factor: np.ndarray


def _registers(readings: Ragged, rows: int, points: int) -> _Registers:
    table, cell = _newest(*_table(readings, READING_WIDTH, points))
    size = rows * points * SLOTS
    meters, registers = [], []
    for kind in range(len(READ_KINDS)):
        of = table[:, 2] == kind
        meter, register = (_place(cell[of], table[of, column], size) for column in (3, 4))
        register[np.isnan(meter)] = np.nan
        meters.append(meter)
        registers.append(register)
    return _Registers(meters, registers, _place(cell, table[:, 5], size))


def _newest(table: np.ndarray, cell: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Without the versions that a later one replaced; nothing is sorted where every cell and kind comes once."""
    reading = cell * len(READ_KINDS) + table[:, 2].astype(np.int64)
    if not len(reading) or np.bincount(reading).max() == 1:
        return table, cell
    order = np.lexsort((table[:, 4], table[:, 7], table[:, 6], table[:, 3], reading))
    reading, meter = reading[order], table[order, 3]
    last = np.append((reading[1:] != reading[:-1]) | (meter[1:] != meter[:-1]), True)
    return table[order[last]], cell[order[last]]


def _advances(r: _Registers) -> tuple[np.ndarray, np.ndarray]:
    """Energy of each day but the first slot: of days read at both ends, and with gaps spread evenly. Shape (rows × points, SERIES_DAYS)."""
    end, out, begin = r.register
    known = ~np.isnan(end)
    slots = np.arange(SLOTS)
    last = np.maximum.accumulate(np.where(known, slots, -1), axis=1)[:, :-1]  # last reading before the day
    following = np.minimum.accumulate(np.where(known, slots, SLOTS)[:, ::-1], axis=1)[:, ::-1][:, 1:]
    between = (last >= 0) & (following < SLOTS)
    row = np.arange(len(end))[:, None]
    a, b = np.maximum(last, 0), np.minimum(following, SLOTS - 1)
    exchanges = np.cumsum(~np.isnan(out) | ~np.isnan(begin), axis=1)
    gap = b - a
    same = (r.meter[0][row, a] == r.meter[0][row, b]) & (exchanges[row, a] == exchanges[row, b])
    same &= (gap == 1) | (r.factor[row, a] == r.factor[row, b])
    with np.errstate(invalid="ignore"):
        advance = (end[row, b] - end[row, a]) * r.factor[row, b]
        rate = np.where(between & same & (advance >= 0), advance / np.maximum(gap, 1), np.nan)
        exchanged = _exchange_days(r)
    spread = np.where(np.isnan(rate), exchanged, rate)
    return np.where(gap == 1, spread, exchanged), spread


def _exchange_days(r: _Registers) -> np.ndarray:
    """Energy of days on which the meter was exchanged: the old meter's advance plus the new one's, NaN on all others.

    The old meter counts with the multiplier of the day before, the new one with that of the day.
    """
    end, out, begin = r.register
    before, after = out[:, 1:] - end[:, :-1], end[:, 1:] - begin[:, 1:]
    same = (r.meter[1][:, 1:] == r.meter[0][:, :-1]) & (r.meter[2][:, 1:] == r.meter[0][:, 1:])
    energy = before * r.factor[:, :-1] + after * r.factor[:, 1:]
    return np.where(same & (before >= 0) & (after >= 0), energy, np.nan)


def _measured(days: Ragged, rows: int, points: int) -> np.ndarray:
    table, cell = _table(days, DAY_WIDTH, points)
    return _place(cell, table[:, 2], rows * points * SLOTS)[:, 1:]


def _in_service(known: np.ndarray) -> np.ndarray:
    """Whether a point was in service: from its first known day to its last. Shape as ``known``: (rows, points, days)."""
    return np.logical_or.accumulate(known, axis=2) & np.logical_or.accumulate(known[:, :, ::-1], axis=2)[:, :, ::-1]


def _summed(energy: np.ndarray, in_service: np.ndarray) -> np.ndarray:
    """Sum over the points in service; NaN where one of them is unknown, or none is in service."""
    if energy.shape[1] == 1:
        return energy[:, 0]
    total = np.where(in_service, energy, 0.0).sum(axis=1)
    return np.where(in_service.any(axis=1), total, np.nan)
