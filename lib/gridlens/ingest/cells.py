"""Cells to numbers: float64 matrices from text columns, with every unreadable cell marked and never a NaN or infinity let in."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"
"""A number as sources may write it. Stricter than a cast, which takes 1d, NaN, Infinity and full-width digits."""

_DIGEST_ROWS = 1024
_MIX = np.array([0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB], dtype=np.uint64)


def read_numbers(text: pa.Array, null_values: Sequence[str], decimal: str = ".") -> tuple[np.ndarray, np.ndarray]:
    """(values, bad) of a text column: float64 with NaN for none, and True where a cell holds no finite number."""
    trimmed = pc.utf8_trim_whitespace(text)
    empty = pc.fill_null(pc.is_in(trimmed, value_set=pa.array(list(null_values), type=trimmed.type)), True)
    if decimal == ",":
        dotted = pc.fill_null(pc.match_substring(trimmed, "."), False)
        trimmed = pc.replace_substring(trimmed, ",", ".")
        trimmed = pc.if_else(dotted, pa.scalar("?", type=trimmed.type), trimmed)
    sound = pc.and_(pc.fill_null(pc.match_substring_regex(trimmed, NUMBER), False), pc.invert(empty))
    values = pc.if_else(sound, trimmed, pa.scalar(None, type=trimmed.type)).cast(pa.float64()).to_numpy(zero_copy_only=False)
    values = np.where(np.isinf(values), np.nan, values)
    return values, np.isnan(values) & ~empty.to_numpy(zero_copy_only=False).astype(bool)


def read_column(column: pa.Array, null_values: Sequence[str], decimal: str = ".") -> tuple[np.ndarray, np.ndarray]:
    """As ``read_numbers``, for a column of any type: numbers are taken as they are, NaN and infinity marked bad."""
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return read_numbers(column, null_values, decimal)
    values = column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    bad = ~np.isfinite(values) & column.is_valid().to_numpy(zero_copy_only=False)
    return np.where(np.isfinite(values), values, np.nan), bad


def read_matrix(
    columns: Sequence[pa.Array], rows: int, null_values: Sequence[str], decimal: str = "."
) -> tuple[np.ndarray, np.ndarray | None]:
    """(values, bad) of several columns side by side, each (rows, columns); ``bad`` is None where every cell is sound."""
    matrix = np.empty((rows, len(columns)))
    bad: np.ndarray | None = None
    for j, column in enumerate(columns):
        matrix[:, j], marks = read_column(column, null_values, decimal)
        if marks.any():
            bad = np.zeros(matrix.shape, dtype=bool) if bad is None else bad
            bad[:, j] = marks
    return matrix, bad


def sound_matrix(columns: Sequence[pa.ChunkedArray], rows: int) -> np.ndarray | None:
    """Columns that were parsed as float64, as (rows, columns); None where one holds a NaN or infinity that was written out."""
    matrix = np.empty((rows, len(columns)))
    nulls = sum(column.null_count for column in columns)
    for part, begin, end in _chunks(columns):
        for j, column in enumerate(columns):
            matrix[begin:end, j] = column.chunk(part).to_numpy(zero_copy_only=False)
    return matrix if int(np.count_nonzero(~np.isfinite(matrix))) == nulls else None


def _chunks(columns: Sequence[pa.ChunkedArray]) -> list[tuple[int, int, int]]:
    """(number, begin, end) of the chunks, which the columns of one table share: filled chunk by chunk, the matrix stays in cache."""
    ends = np.cumsum([len(chunk) for chunk in columns[0].chunks]).tolist() if columns else []
    return [(i, begin, end) for i, (begin, end) in enumerate(zip([0, *ends], ends, strict=False))]


def row_digest(matrix: np.ndarray) -> np.ndarray:
    """A 64-bit digest of each row, places of missing values included. Shape (rows,), int64.

    Spark's xxhash64 skips nulls, so that [null, 1] and [1, null] would be the same to it.
    """
    digest = np.empty(len(matrix), dtype=np.uint64)
    places = np.arange(1, matrix.shape[1] + 1, dtype=np.uint64) * _MIX[0]
    for begin in range(0, len(matrix), _DIGEST_ROWS):
        part = matrix[begin : begin + _DIGEST_ROWS] + 0.0  # -0.0 becomes 0.0
        part[np.isnan(part)] = np.nan
        mixed = part.view(np.uint64)
        mixed ^= places
        mixed *= _MIX[1]
        mixed ^= mixed >> np.uint64(29)
        mixed *= _MIX[2]
        mixed ^= mixed >> np.uint64(32)
        digest[begin : begin + _DIGEST_ROWS] = mixed.sum(axis=1, dtype=np.uint64)
    return digest.view(np.int64)


def marked_positions(bad: np.ndarray | None, rows: int) -> pa.Array:
    """The column numbers of the bad cells of each row as a list column; null where a row has none."""
    if bad is None:
        return pa.nulls(rows, pa.list_(pa.int32()))
    counts = bad.sum(axis=1)
    offsets = np.zeros(rows + 1, dtype=np.int32)
    np.cumsum(counts, out=offsets[1:])
    places = pa.array(np.nonzero(bad)[1].astype(np.int32))
    return pa.ListArray.from_arrays(pa.array(offsets), places, mask=pa.array(counts == 0))
