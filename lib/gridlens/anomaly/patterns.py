"""Ways in which thefts and faults change a daily series: put into untouched series they teach a model what to look for.

The families are those of Jokar, Arianpoor and Leung, Electricity Theft Detection in AMI Using Customers' Consumption
Patterns, IEEE Transactions on Smart Grid 7(1), 2016, and of Zanetti et al., A Tunable Fraud Detection System for Advanced
Metering Infrastructure Using Short-Lived Patterns, IEEE Transactions on Smart Grid 10(1), 2019: once said of days, where those change the
hours of a day and these the days of a period, and once of the parts of the day.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from gridlens.anomaly.weeks import PARTS

Draw = Callable[[np.ndarray, float, np.random.Generator], np.ndarray]


def scaled(days: np.ndarray, mean: float, random: np.random.Generator) -> np.ndarray:
    """A constant share of every day is recorded."""
    return days * random.uniform(0.1, 0.85)


def capped(days: np.ndarray, mean: float, random: np.random.Generator) -> np.ndarray:
    """Nothing above a constant is recorded."""
    return np.minimum(days, mean * random.uniform(0.15, 0.95))


def reduced(days: np.ndarray, mean: float, random: np.random.Generator) -> np.ndarray:
    """A constant is missing from every day, down to zero."""
    return np.maximum(days - mean * random.uniform(0.15, 0.9), 0.0)


def absent(days: np.ndarray, mean: float, random: np.random.Generator) -> np.ndarray:
    """The meter is by-passed on random days, or in random stretches of days."""
    share = random.uniform(0.15, 0.9)
    stretch = int(random.choice((1, 1, 3, 7, 14)))
    chosen = np.repeat(random.random(len(days) // stretch + 1) < share, stretch)[: len(days)]
    return np.where(chosen, days * random.choice((0.0, 0.0, random.uniform(0.0, 0.2))), days)


def jittered(days: np.ndarray, mean: float, random: np.random.Generator) -> np.ndarray:
    """Another share of every day is recorded, or such a share of the mean."""
    share = random.uniform(0.1, 0.85, len(days))
    return share * (mean if random.random() < 0.5 else days)


def rearranged(days: np.ndarray, mean: float, random: np.random.Generator) -> np.ndarray:
    """The energy is kept and its days are not: the mean every day, or the days in reversed order."""
    if random.random() < 0.5:
        return np.full(len(days), mean)
    return days[::-1]


def bypassed_parts(parts: np.ndarray, mean: float, random: np.random.Generator) -> np.ndarray:
    """Hardly anything is recorded in two to twelve hours on end, on all days or on most."""
    length = int(random.integers(1, 7))
    chosen = (np.arange(length) + int(random.integers(PARTS))) % PARTS
    changed = parts.copy()
    changed[:, chosen] *= 1 - random.choice((1.0, random.uniform(0.5, 1.0))) * random.uniform(0.7, 1.0)
    return changed


def capped_parts(parts: np.ndarray, mean: float, random: np.random.Generator) -> np.ndarray:
    """No part of the day has more than a constant."""
    return np.minimum(parts, mean * random.uniform(0.4, 1.4))


def flattened_parts(parts: np.ndarray, mean: float, random: np.random.Generator) -> np.ndarray:
    """The energy of the day, or a share of it, is recorded evenly."""
    return np.broadcast_to(parts.mean(axis=1, keepdims=True), parts.shape) * random.choice((1.0, random.uniform(0.2, 0.9)))


def turned_parts(parts: np.ndarray, mean: float, random: np.random.Generator) -> np.ndarray:
    """The day is recorded backwards: what is used in the evening seems to be used in the morning."""
    return parts[:, ::-1]


PART_PATTERNS: dict[str, Draw] = {
    "bypassed_parts": bypassed_parts,
    "capped_parts": capped_parts,
    "flattened_parts": flattened_parts,
    "turned_parts": turned_parts,
}
"""What is done to the weeks' mean days (weeks, PARTS)."""
PATTERNS: dict[str, Draw] = {
    "scaled": scaled,
    "capped": capped,
    "reduced": reduced,
    "absent": absent,
    "jittered": jittered,
    "rearranged": rearranged,
}


def inject(series: np.ndarray, start: int, pattern: str, random: np.random.Generator) -> np.ndarray:
    """``series`` changed from position ``start`` to its end; missing days stay missing.

    Args:
        series: shape (days,), NaN where a day is missing.
        start: first position changed.
        pattern: one of PATTERNS.
        random: draws the strength.
    """
    changed = series.copy()
    at = start + np.flatnonzero(np.isfinite(series[start:]))
    if len(at):
        changed[at] = PATTERNS[pattern](series[at], float(series[at].mean()), random)
    return changed


def inject_parts(hours: np.ndarray, start: int, pattern: str, random: np.random.Generator) -> np.ndarray:
    """The weeks' mean days changed from week ``start`` on; weeks without curves stay so.

    Args:
        hours: shape (WEEKS, PARTS), NaN in weeks without curves.
        start: first week changed.
        pattern: one of PART_PATTERNS.
        random: draws the strength.
    """
    changed = hours.copy()
    at = start + np.flatnonzero(np.isfinite(hours[start:]).all(axis=1))
    if len(at):
        changed[at] = PART_PATTERNS[pattern](hours[at], float(hours[at].mean()), random)
    return changed
