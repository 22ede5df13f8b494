"""Weight of evidence: counts of fine bins, merged into few bins that say the most while the bad rate rises or falls throughout.

The weight of evidence of a bin is WOE = ln((good_i / good) / (bad_i / bad)), the information value of all bins
IV = Σ (good_i / good - bad_i / bad) WOE_i (Siddiqi, Intelligent Credit Scoring, 2017, ch. 10). Merging is exact: dynamic programming
over all ways of cutting the ordered fine bins, the state being the last bin, since its rate decides what may follow it. It is a function
of counts alone, so that neither the order nor the partitions of the rows can change its result.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

Direction = Literal["increasing", "decreasing", "automatic", "none"]
"""How the bad rate moves with the value; ``automatic`` is whichever of the first two says more, ``none`` any way."""


@dataclass(frozen=True)
class Limits:
    """What a bin must hold.

    Attributes:
        rows: least number of rows.
        events: least number of bad rows, and of good ones.
        bins: most bins.
        enough: the fewest bins are taken whose information value is at least this part of the best.
    """

    rows: float
    events: float
    bins: int
    enough: float = 1.0


def woe_iv(bad: np.ndarray, good: np.ndarray, *, all_bad: float, all_good: float) -> tuple[np.ndarray, np.ndarray]:
    """Weight of evidence and share of the information value of bins; both 0 where a bin has no bad or no good row.

    Args:
        bad, good: rows of each bin; any one shape.
        all_bad, all_good: rows of all bins, those of missing and special values included.
    """
    both = (bad > 0) & (good > 0)
    of_bad, of_good = np.where(both, bad, 1) / all_bad, np.where(both, good, 1) / all_good
    woe = np.where(both, np.log(of_good / of_bad), 0.0)
    return woe, np.where(both, (of_good - of_bad) * woe, 0.0)


def thinned(counts: np.ndarray, most: int) -> np.ndarray:
    """First positions of at most ``most`` groups of neighbours of about equal size. Args: counts: rows of each, shape (n,)."""
    if len(counts) <= most:
        return np.arange(len(counts))
    above = np.cumsum(counts) - counts  # rows before each
    group = above * most // counts.sum()
    return np.flatnonzero(np.diff(group, prepend=-1))


def merged(
    bad: np.ndarray,
    good: np.ndarray,
    *,
    limits: Limits,
    direction: Direction = "automatic",
    all_bad: float | None = None,
    all_good: float | None = None,
) -> tuple[int, ...]:
    """First fine bin of each bin of the best merging; empty where no bin can be made at all.

    Args:
        bad, good: rows of the ordered fine bins, shape (n,).
        limits: see :class:`Limits`.
        direction: see :data:`Direction`; rates of neighbours differ where it is not ``none``.
        all_bad, all_good: as for :func:`woe_iv`; default the sums.
    """
    totals = (float(all_bad or bad.sum()), float(all_good or good.sum()))
    if not len(bad) or not all(totals):
        return ()
    if direction != "decreasing":
        first = _rising(bad, good, limits, totals, free=direction == "none")
        if direction != "automatic":
            return first[0]
    turned, worth = _rising(bad[::-1], good[::-1], limits, totals, free=False)
    ends = [len(bad) - start for start in turned]  # a start of the turned order is an end of the other
    second = ((0, *sorted(ends)[:-1]) if ends else (), worth)
    if direction == "decreasing":
        return second[0]
    return second[0] if second[1] > first[1] else first[0]


def _rising(bad: np.ndarray, good: np.ndarray, limits: Limits, totals: tuple[float, float], *, free: bool) -> tuple[tuple[int, ...], float]:
    """Starts of the best bins with rising bad rates and their information value."""
    count = len(bad)
    most = max(min(limits.bins, count), 1)
    rate, worth = _intervals(bad, good, limits, totals)
    best = np.full((most, count, count), -np.inf)
    back = np.full((most, count, count), -1, dtype=np.int32)
    best[0, 0] = worth[0]
    for k in range(1, most):
        for start in range(k, count):
            before = best[k - 1, :start, start - 1]
            order = np.argsort(rate[:start, start - 1], kind="stable") if not free else np.arange(start)
            top = np.maximum.accumulate(before[order])
            if not np.isfinite(top[-1]):
                continue
            reached = order[np.searchsorted(top, top, side="left")]  # the first that reached the maximum so far
            below = np.searchsorted(rate[order, start - 1], rate[start, start:], side="left") if not free else np.full(count - start, start)
            held = below > 0
            at = np.where(held, below - 1, 0)
            best[k, start, start:] = np.where(held, top[at] + worth[start, start:], -np.inf)
            back[k, start, start:] = np.where(held, reached[at], -1)
    return _traced(best, back, limits.enough)


def _intervals(bad: np.ndarray, good: np.ndarray, limits: Limits, totals: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    """Bad rate and information value of every run i..j of fine bins, shape (n, n); the value is -inf where it may be no bin."""
    runs_bad, runs_good = (np.subtract.outer(np.cumsum(x), np.cumsum(x) - x).T.astype(float) for x in (bad, good))
    rows = runs_bad + runs_good
    allowed = np.triu(rows >= limits.rows) & (runs_bad >= limits.events) & (runs_good >= limits.events) & (rows > 0)
    _, iv = woe_iv(runs_bad, runs_good, all_bad=totals[0], all_good=totals[1])
    return runs_bad / np.where(rows > 0, rows, 1), np.where(allowed, iv, -np.inf)


def _traced(best: np.ndarray, back: np.ndarray, enough: float) -> tuple[tuple[int, ...], float]:
    """Starts of the bins of the fewest whose value is enough."""
    values = best[:, :, -1].max(axis=1)
    if not np.isfinite(values).any():
        return (), -np.inf
    k = int(np.argmax(values >= enough * values.max() - 1e-12))
    starts, end = [], best.shape[1] - 1
    start = int(np.argmax(best[k, :, end]))
    value = float(values[k])
    while k >= 0:
        starts.append(start)
        start, end, k = int(back[k, start, end]), start - 1, k - 1
    return tuple(reversed(starts)), value
