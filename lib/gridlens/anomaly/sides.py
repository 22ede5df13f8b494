"""What the days before a change are like, what those after it are like, and how the two differ."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gridlens.anomaly.scan import scan
from gridlens.anomaly.weeks import DAYS, NOTHING, SAME, WEEK, WEEKS
from gridlens.arrow import Arrays

QUANTILES = np.array([0.02, 0.1, 0.25, 0.5, 0.75, 0.9, 0.98])
_MEDIAN = 3
_FINE = np.linspace(0.0, 1.0, 41)[1:-1]
_FLOOR = 0.02
_SMALL = 0.01
LOW = 0.4
"""Part of what was expected below which a day counts as low."""
TOP = 0.995
"""Part of a side's highest day from which a day counts as at its cap."""


@dataclass(frozen=True, eq=False)
class Side:
    """The days on one side of the change, as ratios to what was expected of them; n accounts.

    Attributes:
        inside: known days of the side. Shape (n, DAYS), bool.
        count: their number, at least 1. Shape (n,).
        ordered: the ratios in ascending order, NaN behind them. Shape (n, DAYS).
        quantiles: at QUANTILES. Shape (7, n).
    """

    inside: np.ndarray
    count: np.ndarray
    ordered: np.ndarray
    quantiles: np.ndarray

    def fine(self) -> np.ndarray:
        """39 order statistics, evenly apart. Shape (n, 39)."""
        at = ((self.count - 1)[:, None] * _FINE).astype(np.int64)
        return np.nan_to_num(np.take_along_axis(self.ordered, at, axis=1))


def side(ratio: np.ndarray, inside: np.ndarray) -> Side:
    """The side of the days ``inside``; where there is none, all its ratios are 0."""
    known = inside & np.isfinite(ratio)
    ordered = np.sort(np.where(known, ratio, np.nan), axis=1)
    count = known.sum(axis=1)
    place = np.maximum(count - 1, 0)[:, None] * QUANTILES
    low = np.floor(place).astype(np.int64)
    high = np.minimum(low + 1, np.maximum(count - 1, 0)[:, None])
    below, above = (np.take_along_axis(ordered, at, axis=1) for at in (low, high))
    return Side(known, np.maximum(count, 1), ordered, np.nan_to_num(below + (above - below) * (place - low)).T)


def contrast(before: Side, after: Side) -> Arrays:
    """How the distribution of the ratios changed: its place, its form, and its form once the place is put right."""
    moved = np.log((after.quantiles + _FLOOR) / (before.quantiles + _FLOOR))
    found = {f"moved_{round(q * 100):02d}": moved[i] - (moved[_MEDIAN] if i != _MEDIAN else 0.0) for i, q in enumerate(QUANTILES)}
    old, new = before.fine(), after.fine()
    scale = np.maximum(after.quantiles[_MEDIAN], 1e-3)[:, None]
    apart = new - old
    return found | {
        "moved_spread": np.ptp(moved[1:6], axis=0),
        "gap": after.quantiles[5] - before.quantiles[1],
        "form_if_scaled": np.mean(np.abs(np.log((new / scale + 0.05) / (old + 0.05))), axis=1),
        "form_if_shifted": np.mean(np.abs(apart - apart.mean(axis=1)[:, None]), axis=1),
    }


def form(name: str, one: Side, daily: np.ndarray, ratio: np.ndarray, usual: np.ndarray, log_peers: np.ndarray) -> Arrays:
    """What the days of a side are like; every name ends with ``_name``."""
    q, inside, count = one.quantiles, one.inside, one.count
    log_ratio = np.log(np.maximum(ratio, _SMALL))
    centre = np.where(inside, log_ratio, 0.0).sum(axis=1) / count
    change = np.abs(np.diff(daily, axis=1))
    top = np.where(inside, daily, -1.0).max(axis=1)
    own_weeks = np.convolve(np.pad(log_peers, WEEK // 2, mode="edge"), np.ones(WEEK) / WEEK, "valid")
    peers = np.broadcast_to(log_peers, daily.shape)
    found = {
        "middle_half": np.log((q[4] - q[2] + _SMALL) / (q[_MEDIAN] + _FLOOR)),
        "upper_tail": np.log((q[6] - q[4] + _SMALL) / (q[_MEDIAN] - q[2] + _SMALL)),
        "lower_tail": np.log((q[2] - q[0] + _SMALL) / (q[4] - q[_MEDIAN] + _SMALL)),
        "lowest": q[0],
        "highest": q[6],
        "follows_peers": correlation(np.log(np.maximum(daily, _FLOOR)), peers, inside),
        "follows_days": correlation(daily, np.broadcast_to(log_peers - own_weeks, daily.shape), inside),
        "day_to_day": correlation(ratio[:, 1:], ratio[:, :-1], inside[:, 1:]),
        "week_to_week": correlation(ratio[:, WEEK:], ratio[:, :-WEEK], inside[:, WEEK:]),
        "constant": (inside[:, 1:] & (change < SAME * usual[:, None])).sum(axis=1) / count,
        "at_cap": (inside & (daily > TOP * top[:, None])).sum(axis=1) / count,
        "idle": (inside & (daily < NOTHING * usual[:, None])).sum(axis=1) / count,
        "low": (inside & (ratio < LOW)).sum(axis=1) / count,
        "zero": (inside & (daily <= 1e-6)).sum(axis=1) / count,
        "variation": np.sqrt(np.where(inside, (log_ratio - centre[:, None]) ** 2, 0.0).sum(axis=1) / count),
        "days": inside.sum(axis=1).astype(np.float64),
    }
    return {f"{key}_{name}": value for key, value in found.items()}


def steadiness(name: str, weekly: np.ndarray, inside: np.ndarray) -> Arrays:
    """Whether the weeks of a side stay where they are: the greatest step among them, and their standard deviation.

    Args:
        weekly: log level without season and peers. Shape (n, WEEKS), NaN where not known.
        inside: weeks of the side. Shape (n, WEEKS), bool.
    """
    mine = np.where(inside, weekly, np.nan)
    again = scan(mine, np.ones((1, WEEKS)), ridge=np.zeros(1), shortest=2)
    statistic, step = again.at(again.best)
    known = np.isfinite(mine)
    count = np.maximum(known.sum(axis=1), 1)
    centre = np.where(known, mine, 0.0).sum(axis=1) / count
    spread = np.sqrt(np.where(known, (mine - centre[:, None]) ** 2, 0.0).sum(axis=1) / count)
    return {f"again_{name}": statistic, f"again_step_{name}": step, f"weekly_variation_{name}": spread}


def correlation(left: np.ndarray, right: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Pearson's correlation of each row over the days ``inside`` on which both are known; 0 where one does not vary. Shape (n,)."""
    known = inside & np.isfinite(left) & np.isfinite(right)
    count = np.maximum(known.sum(axis=1), 1)
    a, b = (np.where(known, values, 0.0) for values in (left, right))
    a, b = (np.where(known, v - (v.sum(axis=1) / count)[:, None], 0.0) for v in (a, b))
    return (a * b).sum(axis=1) / np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1) + 1e-9)


def weeks_after(position: np.ndarray) -> np.ndarray:
    """True from each account's week on. Args: position: shape (n,). Shape (n, WEEKS)."""
    return np.arange(WEEKS)[None] >= position[:, None]


def days_after(position: np.ndarray) -> np.ndarray:
    """True from each account's day on. Args: position: shape (n,). Shape (n, DAYS)."""
    return np.arange(DAYS)[None] >= position[:, None]
