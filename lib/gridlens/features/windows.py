"""Numpy helpers for windows of days: rows are points, columns days, NaN is unknown. Every result is NaN where nothing supports it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from gridlens.arrow import Arrays

MIN_PAIRS_OF_DAYS = 7
CHUNK = 256
"""Windows at a time, so that intermediate arrays stay in cache (measured on months: 73 µs each, 133 at 10 000 at a time)."""


def in_chunks(kernel: Callable[..., Arrays], *columns: np.ndarray) -> Arrays:
    """``kernel`` over CHUNK rows of the columns at a time; gives what it would give over all of them."""
    rows = len(columns[0])
    parts = [kernel(*(column[at : at + CHUNK] for column in columns)) for at in range(0, max(rows, 1), CHUNK)]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def dense(packed: np.ndarray, width: int, slots: int) -> np.ndarray:
    """Days collected in any order, laid out by their slot.

    Args:
        packed: for each row its days one after another, ``width`` numbers a day, the first one its slot. Shape (rows, days × width).
        width: numbers of a day.
        slots: days of the window.

    Returns:
        shape (width, rows, slots); NaN where a slot has no day.
    """
    days = packed.reshape(len(packed), -1, width)
    out = np.full((len(packed), slots, width), np.nan)
    out[np.arange(len(packed))[:, None], days[:, :, 0].astype(np.int64)] = days
    return np.ascontiguousarray(np.moveaxis(out, 2, 0))


def total(x: np.ndarray) -> np.ndarray:
    """Sum of what is known in each row, NaN where nothing is."""
    known = ~np.isnan(x)
    return np.where(known.any(axis=1), np.where(known, x, 0.0).sum(axis=1), np.nan)


def mean(x: np.ndarray) -> np.ndarray:
    """Mean of what is known along axis 1."""
    known = ~np.isnan(x)
    return ratio(np.where(known, x, 0.0).sum(axis=1), known.sum(axis=1))


def highest(x: np.ndarray) -> np.ndarray:
    """Maximum of what is known in each row."""
    return np.fmax.reduce(x, axis=1)


def lowest(x: np.ndarray) -> np.ndarray:
    """Minimum of what is known in each row."""
    return np.fmin.reduce(x, axis=1)


def median(x: np.ndarray) -> np.ndarray:
    """Median of what is known in each row."""
    ordered = np.sort(x, axis=1)
    count = (~np.isnan(x)).sum(axis=1)
    rows = np.arange(len(x))
    return (ordered[rows, np.maximum(count - 1, 0) // 2] + ordered[rows, np.minimum(count // 2, x.shape[1] - 1)]) / 2


def ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """``part / whole``, NaN where the whole is not positive or either is unknown."""
    part, whole = np.broadcast_arrays(np.asarray(part, dtype=float), np.asarray(whole, dtype=float))
    return np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)


def varies(x: np.ndarray) -> np.ndarray:
    """True where the known values of a row are not all the same."""
    return highest(x) > lowest(x)


def variation(x: np.ndarray) -> np.ndarray:
    """Coefficient of variation (population) of what is known in each row; NaN where the mean is not positive."""
    centre = mean(x)
    return ratio(np.where(varies(x), np.sqrt(mean((x - centre[:, None]) ** 2)), np.where(np.isnan(centre), np.nan, 0.0)), centre)


def autocorrelation(x: np.ndarray, lag: int, *, least: int) -> np.ndarray:
    """Autocorrelation of each row at ``lag`` over known pairs (Parzen 1963); NaN under ``least`` pairs or where all values are the same."""
    if x.shape[1] <= lag:
        return np.full(len(x), np.nan)
    deviation = x - mean(x)[:, None]
    known = ~np.isnan(deviation)
    deviation[~known] = 0.0
    pairs = (known[:, :-lag] & known[:, lag:]).sum(axis=1)
    products = np.einsum("ij,ij->i", deviation[:, :-lag], deviation[:, lag:])
    variance = ratio(np.einsum("ij,ij->i", deviation, deviation), known.sum(axis=1))
    return np.where((pairs >= least) & varies(x), ratio(ratio(products, pairs), variance), np.nan)


def slope(x: np.ndarray) -> np.ndarray:
    """Least-squares slope of each row against its column number, over what is known."""
    known = ~np.isnan(x)
    time = np.where(known, np.arange(x.shape[1], dtype=float), np.nan)
    time -= mean(time)[:, None]
    centred = np.where(known, x - mean(x)[:, None], 0.0)
    time[~known] = 0.0
    return ratio((time * centred).sum(axis=1), (time * time).sum(axis=1))
