"""All contextual checks and estimates of a window together: one opinion for each interval."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gridlens.quality.contextual import flatlines, runs_of, spikes, sum_mismatches, zero_runs
from gridlens.quality.estimation import empty_for_too_long, interpolate, like_days, scale_to_register

NONE, SPIKE, FLATLINE, ZERO_RUN, SUM_MISMATCH = range(5)
INTERPOLATED, LIKE_DAY, REGISTER_SCALED, NOT_ESTIMABLE = 11, 12, 13, 19
CONTEXT_DAYS = 31
"""Days before and after a month that its opinions may look at."""


@dataclass(frozen=True)
class OpinionSettings:
    """Bounds of the checks; the defaults are this project's choice and those of conf/checks/context.yml, where they are tuned.

    Attributes:
        spike_floor_kw: mean power below which nothing is a spike.
        spike_times_peak: a spike exceeds this many usual daily peaks.
        spike_deviations: and lies this many robust standard deviations above the median at its time of day.
        flatline_hours: shortest flatline of interval data.
        flatline_days: shortest flatline of daily totals.
        zero_hours: shortest zero run that may be objected to.
        zero_times_usual: and how many times as long as the point's usual rest it must be.
        register_relative: share by which the day's sum may differ from the register's advance.
        register_digit_kwh: and the energy, before the multiplier.
        interpolate_hours: longest gap that is interpolated.
        empty_days: longest run of days without any value that is estimated.
        scale_to_register: whether estimates are scaled to the register's advance.
    """

    spike_floor_kw: float = 1.0
    spike_times_peak: float = 3.0
    spike_deviations: float = 10.0
    flatline_hours: float = 24.0
    flatline_days: int = 7
    zero_hours: float = 48.0
    zero_times_usual: float = 3.0
    register_relative: float = 0.02
    register_digit_kwh: float = 0.1
    interpolate_hours: float = 2.0
    empty_days: int = 7
    scale_to_register: bool = True


def examine(
    values: np.ndarray,
    day_type: np.ndarray,
    register_kwh: np.ndarray,
    tolerance_kwh: np.ndarray,
    *,
    minutes: int,
    settings: OpinionSettings,
) -> tuple[np.ndarray, np.ndarray]:
    """Opinions and estimates for a window of days of many points.

    Of several objections the first holds: spike, flatline, zero run, sum against the register. Spikes are left out of
    what estimates are made from.

    Args:
        values: kWh, (points, days, intervals a day), NaN where missing.
        day_type: estimation.WORKING, WEEKEND or HOLIDAY; -1 where there is no block; (points, days).
        register_kwh: advance of the register, NaN where unknown, (points, days).
        tolerance_kwh: what its last digit leaves open, (points, days).
        minutes: length of an interval; 1440 for daily totals.

    Returns:
        (codes of codes.OPINION_CODES as int8, estimates in kWh with NaN where none), both shaped as ``values``.
    """
    opinion = _objections(values, register_kwh, tolerance_kwh, minutes, settings)
    estimates, method = _estimates(np.where(opinion == SPIKE, np.nan, values), values, day_type, minutes, settings)
    if settings.scale_to_register:
        trusted = np.where((opinion == SPIKE).any(axis=2), np.nan, register_kwh)
        estimates, scaled = scale_to_register(values, estimates, trusted, tolerance_kwh=tolerance_kwh)
        method = np.where(scaled[:, :, None] & np.isfinite(estimates), np.int8(REGISTER_SCALED), method)
    return np.where(np.isfinite(values), opinion, method).astype(np.int8), estimates


def _objections(values: np.ndarray, register_kwh: np.ndarray, tolerance_kwh: np.ndarray, minutes: int, s: OpinionSettings) -> np.ndarray:
    hours = minutes / 60.0
    opinion = np.zeros(values.shape, dtype=np.int8)
    opinion[sum_mismatches(values, register_kwh, tolerance_kwh=tolerance_kwh, relative=s.register_relative)] = SUM_MISMATCH
    runs = runs_of(values.reshape(len(values), -1))
    active = ((values != 0) & np.isfinite(values)).any(axis=2).sum(axis=1)
    resting = zero_runs(runs, active, at_least=max(round(s.zero_hours / hours), 1), times_usual=s.zero_times_usual)
    shortest = s.flatline_days if minutes >= 1440 else max(round(s.flatline_hours / hours), 2)
    stuck = flatlines(runs, at_least=shortest)
    if (resting | stuck).any():
        run_opinion = np.select([stuck, resting], [np.int8(FLATLINE), np.int8(ZERO_RUN)], np.int8(NONE))
        said = runs.spread(run_opinion).reshape(values.shape)
        opinion = np.where(said != NONE, said, opinion)
    found = spikes(values, floor_kwh=s.spike_floor_kw * hours, times_peak=s.spike_times_peak, deviations=s.spike_deviations)
    opinion[found] = SPIKE
    return opinion


def _estimates(
    trusted: np.ndarray, values: np.ndarray, day_type: np.ndarray, minutes: int, s: OpinionSettings
) -> tuple[np.ndarray, np.ndarray]:
    """Estimates of what is missing in ``values`` and the code of the method of each."""
    missing = ~np.isfinite(values)
    method = np.where(missing, np.int8(NOT_ESTIMABLE), np.int8(NONE))
    if not missing.any():
        return np.full(values.shape, np.nan), method
    longest = int(s.interpolate_hours * 60 / minutes)
    estimates = interpolate(trusted.reshape(len(trusted), -1), longest=longest).reshape(values.shape)
    estimates[~missing] = np.nan
    method[np.isfinite(estimates)] = INTERPOLATED
    left = missing & ~np.isfinite(estimates)
    wanted = left.any(axis=2) & (day_type >= 0) & ~empty_for_too_long(values, longest_days=s.empty_days)
    alike = like_days(trusted, day_type, wanted)
    use = left & np.isfinite(alike)
    method[use] = LIKE_DAY
    return np.where(use, alike, estimates), method
