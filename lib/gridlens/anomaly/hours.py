"""How an account spreads its energy over the day, week by week, and when that changed: what daily totals cannot tell.

A meter that is by-passed in the evening loses part of the day only, one whose curve is turned round loses nothing: both move the parts of
the day against one another. Steps are looked for as in the levels of the weeks, in each part against the usual account of the peers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gridlens.anomaly.scan import scan
from gridlens.anomaly.sides import weeks_after
from gridlens.anomaly.weeks import PARTS, WEEKS
from gridlens.arrow import Arrays

LEAST_WEEKS = 2
"""Weeks with curves that both sides of a change must have."""
FALLEN = 0.5
"""Part of its former share below which a part of the day counts as fallen."""
_FLOOR = 0.01
_WEIGHT = 3.0 / PARTS
"""All parts together weigh as three signals of the week."""
PREFIX = "hours_"


@dataclass(frozen=True, eq=False)
class Hours:
    """The steps of n accounts.

    Attributes:
        shares: part of the week's energy in each part of the day, NaN in weeks without curves. Shape (n, WEEKS, PARTS).
        step: change of the log share from each week on, against the peers. Shape (n, WEEKS, PARTS).
        joint: sum of the squared statistics, weighed. Shape (n, WEEKS), 0 where either side is too short.
    """

    shares: np.ndarray
    step: np.ndarray
    joint: np.ndarray


def shares_of(hours: np.ndarray) -> np.ndarray:
    """Energy of the parts as shares of the week's. Args: hours: shape (n, WEEKS * PARTS). Shape (n, WEEKS, PARTS)."""
    parts = hours.reshape(len(hours), WEEKS, PARTS)
    total = parts.sum(axis=2, keepdims=True)
    return np.where(total > 0, parts / np.where(total > 0, total, 1.0), np.nan)


def hour_steps(hours: np.ndarray, usual: np.ndarray) -> Hours:
    """When the parts of the day changed. Args: hours: shape (n, WEEKS * PARTS), NaN where not known; usual: shape (WEEKS, PARTS)."""
    shares = shares_of(hours)
    step, joint = np.zeros(shares.shape), np.zeros(shares.shape[:2])
    known = np.isfinite(shares[:, :, 0]) & np.isfinite(usual[:, 0])
    rows = np.flatnonzero(known.sum(axis=1) >= 2 * LEAST_WEEKS)
    signal = np.log((shares[rows] + _FLOOR) / (usual[None] + _FLOOR))
    for part in range(PARTS if len(rows) else 0):
        one = scan(signal[:, :, part], np.ones((1, WEEKS)), ridge=np.zeros(1), shortest=LEAST_WEEKS)
        step[rows, :, part] = one.step
        joint[rows] += _WEIGHT * np.square(np.minimum(np.abs(one.statistic), _MOST))
    return Hours(shares, step, joint)


_MOST = 30.0
"""Greatest statistic that counts: shares that are the same every week have no noise to measure a step by."""


def hour_evidence(found: Hours, weekly: np.ndarray, best: np.ndarray) -> Arrays:
    """What the parts of the day say, each of shape (n,) and 0 where there are too few curves; every name begins with PREFIX.

    Args:
        found: of :func:`hour_steps`.
        weekly: log level of each week without season and peers, NaN where not known. Shape (n, WEEKS).
        best: the week at which the account changed, by all that is known of it. Shape (n,).

    Returns:
        joint, since: the strongest change of the parts, and weeks since it; then: the same at ``best``; fall, rise, apart: smallest and
        greatest step of a part and their standard deviation; fallen: share of the day before in the parts that fell to half; level:
        change of the energy; alike, turned: correlation of the day since with the day before, and with the day before turned round;
        even_before, even_since, unrest_before, unrest_since: how evenly the day is used, and how far its weeks differ.
    """
    rows = np.arange(len(best))
    week = np.argmax(found.joint, axis=1)
    joint = found.joint[rows, week]
    known = np.isfinite(found.shares[:, :, 0])
    told = joint > 0
    since = weeks_after(week) & known
    days = {"before": _mean(found.shares, known & ~since), "since": _mean(found.shares, since)}
    apart = {name: _spread(found.shares, days[name], inside) for name, inside in (("before", known & ~since), ("since", since))}
    step = found.step[rows, week]
    before, after = days["before"], days["since"]
    evidence = {
        "joint": joint,
        "since": (WEEKS - week).astype(np.float64),
        "then": found.joint[rows, best],
        "fall": step.min(axis=1),
        "rise": step.max(axis=1),
        "apart": step.std(axis=1),
        "fallen": np.where(after < FALLEN * before, before, 0.0).sum(axis=1),
        "level": _level(weekly, since) - _level(weekly, known & ~since),
        "alike": _correlation(before, after),
        "turned": _correlation(before[:, ::-1], after),
        "even_before": before.std(axis=1),
        "even_since": after.std(axis=1),
        "unrest_before": apart["before"],
        "unrest_since": apart["since"],
    }
    return {f"{PREFIX}{name}": np.where(told, values, 0.0) for name, values in evidence.items()}


def mean_parts(hours: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Energy in each part of a mean day of the weeks ``inside``, kWh, NaN where none of them has curves. Shape (n, PARTS).

    Args:
        hours: shape (n, WEEKS * PARTS), NaN where not known.
        inside: shape (n, WEEKS), bool.
    """
    parts = hours.reshape(len(hours), WEEKS, PARTS)
    known = inside & np.isfinite(parts[:, :, 0])
    return np.where(known.any(axis=1)[:, None], _mean(parts, known), np.nan)


def _mean(shares: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Mean day over the weeks ``inside``, 0 where there is none. Shape (n, PARTS)."""
    count = np.maximum(inside.sum(axis=1), 1)[:, None]
    return np.where(inside[:, :, None], shares, 0.0).sum(axis=1) / count


def _spread(shares: np.ndarray, mean: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """How far the weeks' days lie from their mean day. Shape (n,)."""
    away = np.abs(np.where(inside[:, :, None], shares - mean[:, None], 0.0)).sum(axis=2)
    return away.sum(axis=1) / np.maximum(inside.sum(axis=1), 1)


def _level(weekly: np.ndarray, inside: np.ndarray) -> np.ndarray:
    known = inside & np.isfinite(weekly)
    return np.where(known, weekly, 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)


def _correlation(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    a, b = (values - values.mean(axis=1, keepdims=True) for values in (left, right))
    return (a * b).sum(axis=1) / np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1) + 1e-12)
