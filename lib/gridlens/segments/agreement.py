"""How far two segmentations of the same accounts agree, and which segments of the one continue those of the other."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment

MIN_OVERLAP = 0.5
"""Least part of the smaller of two segments that both must share for the one to continue the other."""
_FLOOR = 1e-4


def adjusted_rand_index(table: np.ndarray) -> float:
    """The adjusted Rand index (L. Hubert, P. Arabie 1985, Comparing Partitions): 1 where equal, about 0 by chance.

    Args:
        table: accounts by (first label, second label), shape (n, m).
    """
    table = np.asarray(table, dtype=float)
    total = table.sum()

    def pairs(counts: np.ndarray) -> float:
        return float((counts * (counts - 1) / 2).sum())

    both, rows, columns, whole = pairs(table), pairs(table.sum(axis=1)), pairs(table.sum(axis=0)), total * (total - 1) / 2
    expected = rows * columns / whole if whole else 0.0
    most = (rows + columns) / 2
    return 1.0 if most == expected else float((both - expected) / (most - expected))


def stability_index(now: np.ndarray, before: np.ndarray) -> float:
    """Population stability index of shares: Σ (p - q) ln(p / q); shares under 0.0001 count as that. Shapes (k,)."""
    p, q = (np.maximum(np.asarray(shares, dtype=float), _FLOOR) for shares in (now, before))
    return float(((p - q) * np.log(p / q)).sum())


def continued(table: np.ndarray) -> dict[int, int]:
    """Of each later segment the earlier one that it continues: the assignment of greatest common accounts (Hungarian method).

    Args:
        table: accounts by (earlier segment, later segment), shape (n, m).

    Returns:
        later position to earlier position; those that share less than MIN_OVERLAP of the smaller one are left out.
    """
    table = np.asarray(table, dtype=float)
    if not table.size:
        return {}
    rows, columns = linear_sum_assignment(-table)
    smaller = np.minimum.outer(table.sum(axis=1), table.sum(axis=0))
    return {int(c): int(r) for r, c in zip(rows, columns, strict=True) if table[r, c] > 0 and table[r, c] >= MIN_OVERLAP * smaller[r, c]}


def crossing(counts: list[tuple[str, str, int]], first: list[str], second: list[str]) -> np.ndarray:
    """(first label, second label, accounts) as an array of shape (len(first), len(second))."""
    table = np.zeros((len(first), len(second)))
    for a, b, n in counts:
        table[first.index(a), second.index(b)] = n
    return table
