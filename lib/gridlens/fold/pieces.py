"""From pieces as received to the block of a day: the kernel of the interval fold.

A piece is what one source row says of one day: its values from ``first_interval`` on, in the source's
unit. A block is the whole local day in kWh. Pieces are laid over one another in the order in which they
became known; a missing or unreadable value never erases one that is there. Powers at single moments become
the means of their intervals once the day is together, so that it makes no difference how a source cuts it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from gridlens.arrow import array_to_numpy, matrix_to_list
from gridlens.contracts import codes
from gridlens.quality.row_local import check_block, interval_capacity

KINDS = {name: number for number, name in enumerate(codes.VALUE_KINDS)}
_CORRECTED = 5
_BEGIN, _END = 1, -1
"""Which end of its interval a power at a moment was measured at; 0 for a value of the whole interval."""
_SIDES = np.zeros(len(KINDS), dtype=np.int8)
_SIDES[[KINDS["kw_instant"], KINDS["kw_instant_end"]]] = _BEGIN, _END
MINUTES_OF_DAY = 1440


@dataclass(frozen=True)
class Flat:
    """The values of many pieces, end to end, with the row of the result and the interval that each belongs to.

    ``side`` says of a power at a moment which end of its interval that is.
    """

    row: np.ndarray
    position: np.ndarray
    value: np.ndarray
    bad: np.ndarray
    side: np.ndarray


def lists(column: pa.Array) -> tuple[np.ndarray, pa.Array]:
    """Lengths of a list column (0 for null) and its flattened values."""
    lengths = np.diff(column.offsets.to_numpy(zero_copy_only=False)).astype(np.int64)
    if column.null_count:
        lengths[column.is_null().to_numpy(zero_copy_only=False)] = 0
    return lengths, column.flatten()


def flatten(pieces: pa.ListArray, *, multiplier: np.ndarray, block_length: np.ndarray, resolution: np.ndarray) -> Flat:
    """All values of a batch's pieces in kWh (a power at a moment as if it held for its interval), in the order of the pieces.

    Args:
        pieces: list<struct<first_interval, kind, multiplied, values, bad_intervals>>, one list a row.
        multiplier: CT×PT ratio of each row.
        block_length: intervals of each row's day.
        resolution: minutes of one interval of each row.
    """
    per_row, structs = lists(pieces)
    piece_row = np.repeat(np.arange(len(per_row)), per_row)
    first = structs.field("first_interval").to_numpy(zero_copy_only=False).astype(np.int64)
    kind = structs.field("kind").to_numpy(zero_copy_only=False)
    multiplied = structs.field("multiplied").to_numpy(zero_copy_only=False).astype(bool)
    lengths, flat_values = lists(structs.field("values"))
    values = flat_values.to_numpy(zero_copy_only=False).astype(np.float64, copy=True)
    starts = np.cumsum(lengths) - lengths
    within = np.arange(len(values)) - np.repeat(starts, lengths)

    bad = np.zeros(len(values), dtype=bool)
    bad_lengths, bad_positions = lists(structs.field("bad_intervals"))
    if len(bad_positions):
        offset = bad_positions.to_numpy(zero_copy_only=False) - np.repeat(first, bad_lengths)
        bad[np.repeat(starts, bad_lengths) + offset] = True

    hours = resolution[piece_row] / 60.0
    factor = np.where(kind == KINDS["kwh"], 1.0, hours) * np.where(multiplied, 1.0, multiplier[piece_row])
    values *= np.repeat(factor, lengths)

    position = _wall_to_elapsed(
        within, np.repeat(first, lengths), np.repeat(lengths, lengths), np.repeat(piece_row, lengths), block_length, resolution
    )
    return Flat(np.repeat(piece_row, lengths), position, values, bad, np.repeat(_SIDES[kind], lengths))


def instant_to_mean(values: np.ndarray, side: np.ndarray) -> np.ndarray:
    """Days whose powers at moments are replaced by the means of their intervals, by the trapezoid rule.

    Where the moment at the other end of the interval is not there (the neighbour is missing, or stands in the day before or
    after), the interval's own moment stands for it.

    Args:
        values: (days, intervals), NaN for none.
        side: of each value, the end of the interval it was measured at; 0 for a value of the whole interval.
    """
    means = values.copy()
    left, right = values[:, :-1], values[:, 1:]
    between = (left + right) / 2
    for wanted, target in ((_BEGIN, means[:, :-1]), (_END, means[:, 1:])):
        both = (side[:, :-1] == wanted) & (side[:, 1:] == wanted) & np.isfinite(between)
        target[both] = between[both]
    return means


def _wall_to_elapsed(
    within: np.ndarray, first: np.ndarray, length: np.ndarray, row: np.ndarray, block_length: np.ndarray, resolution: np.ndarray
) -> np.ndarray:
    """Position of each value in the elapsed intervals of its day; -1 where the value has no place.

    A full-day piece of ``1440 / resolution`` wall-clock columns is mapped by rule on a clock-change day, the
    change taken at 02:00–03:00 local time as in the European Union and Australia: on a short day the columns
    of the skipped hour fall away, on a long day the columns are the first pass through the repeated hour and
    its second pass is missing.
    """
    position = first + within
    nominal = MINUTES_OF_DAY // resolution[row]
    actual = block_length[row]
    changed = (actual != nominal) & (length == nominal) & (first == 0)
    if changed.any():
        per_hour = 60 // np.minimum(resolution[row], 60)
        gap = np.abs(nominal - actual)
        change_at = np.where(actual < nominal, 2, 3) * per_hour
        shorter = changed & (actual < nominal)
        longer = changed & (actual > nominal)
        position = np.where(shorter & (within >= change_at + gap), position - gap, position)
        position = np.where(shorter & (within >= change_at) & (within < change_at + gap), -1, position)
        position = np.where(longer & (within >= change_at), position + gap, position)
    return np.where((position < 0) | (position >= actual), -1, position)


def overlay(flat: Flat, rows: int, length: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Blocks of equal length from flat values: (values, unreadable mask, corrected mask), each (rows, length)."""
    values = np.full((rows, length), np.nan)
    bad = np.zeros((rows, length), dtype=bool)
    corrected = np.zeros((rows, length), dtype=bool)
    placed = flat.position >= 0
    cell = flat.row * length + flat.position
    unreadable = cell[placed & flat.bad]
    bad.reshape(-1)[unreadable] = True
    present = placed & np.isfinite(flat.value)
    target, source = cell[present], flat.value[present]
    # Counted: np.unique hashes every cell, which made this kernel take 96 µs a day instead of 13 (numpy 2.4, 2026-11).
    if len(target) and np.bincount(target).max() > 1:
        # A cell is corrected where two pieces disagree: its smallest and greatest value differ.
        low = np.full(rows * length, np.inf)
        high = np.full(rows * length, -np.inf)
        np.minimum.at(low, target, source)
        np.maximum.at(high, target, source)
        corrected.reshape(-1)[:] = high > low
    values.reshape(-1)[target] = source  # of repeated cells the last one stays: the latest known
    if flat.side.any():
        side = np.zeros((rows, length), dtype=np.int8)
        side.reshape(-1)[target] = flat.side[present]
        values = instant_to_mean(values, side)
    return values, bad & np.isnan(values), corrected


def fold_batches(batches: Iterator[pa.RecordBatch], *, schema: pa.Schema, capacity_tolerance: float) -> Iterator[pa.RecordBatch]:
    """Block rows from version rows; see :func:`gridlens.fold.blocks.to_blocks` for the columns."""
    for batch in batches:
        lengths = batch.column("block_length").to_numpy(zero_copy_only=False)
        for length in np.unique(lengths):
            chosen = np.flatnonzero(lengths == length)
            part = batch if len(chosen) == batch.num_rows else batch.take(pa.array(chosen))
            yield _fold_part(part, int(length), schema=schema, capacity_tolerance=capacity_tolerance)


def _fold_part(part: pa.RecordBatch, length: int, *, schema: pa.Schema, capacity_tolerance: float) -> pa.RecordBatch:
    resolution = array_to_numpy(part.column("resolution_minutes")).astype(np.int64)
    flat = flatten(
        part.column("pieces"),
        multiplier=array_to_numpy(part.column("multiplier")),
        block_length=array_to_numpy(part.column("block_length")).astype(np.int64),
        resolution=resolution,
    )
    raw, bad, corrected = overlay(flat, part.num_rows, length)
    capacity = interval_capacity(array_to_numpy(part.column("contract_capacity_kva")), resolution)
    values, quality = check_block(
        raw,
        bad,
        allow_negative=np.zeros(part.num_rows, dtype=bool),
        capacity_kwh=capacity,
        tolerance=capacity_tolerance,
    )
    quality = np.where((quality == 0) & corrected, _CORRECTED, quality).astype(np.int8)
    present = np.isfinite(values)
    some = present.any(axis=1)
    filled = np.where(present, values, 0.0)
    result = {
        "values": matrix_to_list(values, pa.float64()),
        "quality": matrix_to_list(quality, pa.int8()),
        "energy_kwh": pa.array(filled.sum(axis=1), mask=~some),
        "max_kwh": pa.array(np.where(present, values, -np.inf).max(axis=1), mask=~some),
        "missing_count": pa.array((~present).sum(axis=1).astype(np.int32)),
        "flagged_count": pa.array((~np.isin(quality, (0, 1, 6))).sum(axis=1).astype(np.int32)),
    }
    return pa.RecordBatch.from_arrays(
        [result[f.name] if f.name in result else part.column(f.name).cast(f.type) for f in schema], schema=schema
    )
