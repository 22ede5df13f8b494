"""Estimates of missing interval values: interpolation, like days, the register's advance.

Arrays are (points, days, intervals a day), NaN where missing, days without holes. A value that is there is never changed.
"""

from __future__ import annotations

import numpy as np

from gridlens.quality.contextual import nan_median, runs_of

WORKING, WEEKEND, HOLIDAY = range(3)
_SCALE_LIMITS = (0.2, 5.0)


def interpolate(values: np.ndarray, *, longest: int) -> np.ndarray:
    """Estimates on the straight line between both neighbours of every gap of at most ``longest`` intervals; else NaN.

    Args:
        values: (rows, length), a row's intervals in order, midnight included.
    """
    estimates = np.full(values.shape, np.nan)
    flat, length = values.reshape(-1), values.shape[1]
    known = np.isfinite(flat)
    anchors, gaps = np.flatnonzero(known), np.flatnonzero(~known)
    if not len(anchors) or not len(gaps):
        return estimates
    after = np.searchsorted(anchors, gaps)
    inner = (after > 0) & (after < len(anchors))
    gaps, after = gaps[inner], after[inner]
    left, right = anchors[after - 1], anchors[after]
    short = (right - left - 1 <= longest) & (left // length == right // length)
    gaps, left, right = gaps[short], left[short], right[short]
    low, high = flat[left], flat[right]
    estimates.reshape(-1)[gaps] = low + (high - low) * (gaps - left) / (right - left)
    return estimates


def empty_for_too_long(values: np.ndarray, *, longest_days: int) -> np.ndarray:
    """TRUE for days in a run of more than ``longest_days`` days without any value. Shape (points, days)."""
    empty = ~np.isfinite(values).any(axis=2)
    runs = runs_of(empty.astype(float))
    return runs.spread((runs.value == 1) & (runs.length > longest_days)).reshape(empty.shape)


def like_days(
    values: np.ndarray,
    day_type: np.ndarray,
    wanted: np.ndarray,
    *,
    reach_days: int = 28,
    count: int = 4,
    at_least: int = 2,
    complete_share: float = 0.9,
    known_share: float = 0.25,
) -> np.ndarray:
    """Estimates for the days in ``wanted`` (all intervals of them; the caller takes the missing ones); NaN elsewhere.

    The profile is the median, interval by interval, of the ``count`` nearest days of the same day type within
    ``reach_days`` (an earlier day before a later one at equal distance) of whose intervals ``complete_share`` are known;
    a weekend or holiday that has fewer than ``at_least`` such days takes both kinds. Where ``known_share`` of the day is
    known, the profile is scaled to that part (factor 0.2 to 5). Fewer than ``at_least`` like days: no estimate.

    Args:
        day_type: WORKING, WEEKEND or HOLIDAY, -1 where there is no block; shape (points, days).
        wanted: days to estimate, shape (points, days).
    """
    estimates = np.full(values.shape, np.nan)
    p, d = np.nonzero(wanted)
    if not len(p):
        return estimates
    complete = np.isfinite(values).mean(axis=2) >= complete_share
    chosen, usable = _nearest(p, d, day_type, complete, reach_days, count)
    fallback = (usable.sum(axis=1) < at_least) & (day_type[p, d] > WORKING)
    if fallback.any():
        rest = np.minimum(day_type, WEEKEND)
        chosen[fallback], usable[fallback] = _nearest(p[fallback], d[fallback], rest, complete, reach_days, count)
    like = np.where(usable[:, :, None], values[p[:, None], chosen], np.nan)
    profile = nan_median(np.moveaxis(like, 1, 2))
    profile[usable.sum(axis=1) < at_least] = np.nan
    estimates[p, d] = profile * _scale_to_known(values[p, d], profile, known_share)[:, None]
    return estimates


def _nearest(
    p: np.ndarray, d: np.ndarray, day_type: np.ndarray, complete: np.ndarray, reach: int, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """Day indices of the nearest like days of each (p, d), and which of them are like days; both (wanted days, count)."""
    days = day_type.shape[1]
    offsets = np.array([side * distance for distance in range(1, reach + 1) for side in (-1, 1)])
    other = d[:, None] + offsets
    inside = (other >= 0) & (other < days)
    other = np.clip(other, 0, days - 1)
    fits = inside & complete[p[:, None], other] & (day_type[p[:, None], other] == day_type[p, d][:, None])
    nearest = np.argsort(~fits, axis=1, kind="stable")[:, :count]
    return np.take_along_axis(other, nearest, axis=1), np.take_along_axis(fits, nearest, axis=1)


def _scale_to_known(values: np.ndarray, profile: np.ndarray, known_share: float) -> np.ndarray:
    """Known energy over the profile's energy in the same intervals, limited; 1 where too little is known. Shape (days,)."""
    both = np.isfinite(values) & np.isfinite(profile)
    known = np.where(both, values, 0.0).sum(axis=1)
    expected = np.where(both, profile, 0.0).sum(axis=1)
    usable = (both.mean(axis=1) >= known_share) & (expected > 0)
    ratio = np.divide(known, expected, out=np.ones(len(values)), where=usable)
    return np.where(usable, np.clip(ratio, *_SCALE_LIMITS), 1.0)


def scale_to_register(
    values: np.ndarray, estimates: np.ndarray, register_kwh: np.ndarray, *, tolerance_kwh: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Estimates scaled so that the day equals the register's advance, and the days where that was done.

    Only where every missing interval has an estimate, the known part does not exceed the advance, and more is at stake
    than the register's last digit shows. A daily total alone is the advance itself, also without an estimate.

    Args:
        estimates: numbers only where ``values`` is missing.
        register_kwh: shape (points, days), NaN where unknown.
        tolerance_kwh: what the register's last digit leaves open, same shape.

    Returns:
        (estimates, shape as ``values``; scaled days, shape (points, days)).
    """
    scaled = np.zeros(register_kwh.shape, dtype=bool)
    result = estimates.copy()
    p, d = np.nonzero(~np.isfinite(values).all(axis=2) & np.isfinite(register_kwh))
    day, offered_day = values[p, d], estimates[p, d]
    rest = register_kwh[p, d] - np.nansum(day, axis=1)
    if values.shape[2] == 1:
        possible = rest >= 0
        result[p[possible], d[possible], 0] = rest[possible]
    else:
        offered = np.nansum(offered_day, axis=1)
        filled = (np.isfinite(day) | np.isfinite(offered_day)).all(axis=1)
        possible = filled & (rest >= 0) & (offered > 0) & (np.maximum(rest, offered) > tolerance_kwh[p, d])
        factor = np.divide(rest, offered, out=np.ones(len(rest)), where=possible)
        result[p, d] = offered_day * factor[:, None]
    scaled[p[possible], d[possible]] = True
    return result, scaled
