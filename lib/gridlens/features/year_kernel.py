"""The kernel of a year: up to 365 days of a point in, one value a feature out. Definitions: contracts/consumption_year.py."""

from __future__ import annotations

from functools import partial

import numpy as np

from gridlens.arrow import Arrays
from gridlens.contracts.consumption_year import MIN_MONTH_DAYS, MIN_TREND_DAYS, YEAR_DAYS
from gridlens.features import windows as w
from gridlens.features.weather_kernel import weather_features
from gridlens.features.window_kernel import DAY_COLUMNS, complete_energy, demand_window, energy_window

WIDTH = 1 + len(DAY_COLUMNS)
"""Numbers of a packed day: its slot (days since the first of the window), DAY_COLUMNS."""


def year_features(packed: np.ndarray, temperature: np.ndarray, area: np.ndarray, as_of: np.datetime64) -> Arrays:
    """Every feature of a year but export_share, NaN for null.

    Args:
        packed: the days of each point in any order, WIDTH numbers a day. Shape (rows, days × WIDTH).
        temperature: (slot, daily mean in °C) of each day known in the area, in any order. Shape (rows, days × 2), width 0 where none.
        area: area of each row; rows of one area have the same temperatures. Shape (rows,), objects.
        as_of: last day of the window.
    """
    return w.in_chunks(partial(_features, as_of=as_of), packed, temperature, area)


def _features(packed: np.ndarray, temperature: np.ndarray, area: np.ndarray, as_of: np.datetime64) -> Arrays:
    days = dict(zip(DAY_COLUMNS, w.dense(packed, WIDTH, YEAR_DAYS)[1:], strict=True))
    daily = complete_energy(days)
    with np.errstate(invalid="ignore", divide="ignore"):
        out = energy_window(days, YEAR_DAYS) | demand_window(days) | seasons(daily, as_of)
        centre = w.mean(daily)
        slope = np.where((~np.isnan(daily)).sum(axis=1) >= MIN_TREND_DAYS, w.slope(daily), np.nan)
        return (
            out
            | {
                "annualised_kwh": centre * YEAR_DAYS,
                "autocorrelation_day": w.autocorrelation(daily, 1, least=w.MIN_PAIRS_OF_DAYS),
                "autocorrelation_week": w.autocorrelation(daily, 7, least=w.MIN_PAIRS_OF_DAYS),
                "trend_kwh_per_day": slope,
                "trend_relative": w.ratio(slope * YEAR_DAYS, centre),
            }
            | weather_by_area(daily, temperature, area)
        )


def weather_by_area(daily: np.ndarray, temperature: np.ndarray, area: np.ndarray) -> Arrays:
    """The weather fit, one area at a time, since its rows share their regressors; arguments as of :func:`year_features`."""
    out: Arrays = {}
    areas, member = np.unique(area.astype(str), return_inverse=True)
    for number in range(len(areas)):
        rows = np.flatnonzero(member == number)
        series = w.dense(temperature[rows[:1]], 2, YEAR_DAYS)[1, 0] if temperature.shape[1] else np.full(YEAR_DAYS, np.nan)
        for name, values in weather_features(daily[rows], series).items():
            out.setdefault(name, np.full(len(daily), np.nan))[rows] = values
    return out


def seasons(daily: np.ndarray, as_of: np.datetime64) -> Arrays:
    """Seasonality from the twelve calendar months, where each has days enough."""
    dates = as_of.astype("datetime64[D]") - np.arange(YEAR_DAYS - 1, -1, -1)
    month = dates.astype("datetime64[M]").astype(np.int64) % 12
    columns = [np.where(month == m, daily, np.nan) for m in range(12)]
    means = np.stack([w.mean(column) for column in columns], axis=1)
    enough = np.all([(~np.isnan(column)).sum(axis=1) >= MIN_MONTH_DAYS for column in columns], axis=0) & (means.mean(axis=1) > 0)
    means[~enough] = np.nan
    centre = means.mean(axis=1)
    return {
        "seasonal_amplitude": w.ratio(means.max(axis=1) - means.min(axis=1), centre),
        "summer_ratio": w.ratio((means[:, 5] + means[:, 6] + means[:, 7]) / 3, centre),
        "winter_ratio": w.ratio((means[:, 11] + means[:, 0] + means[:, 1]) / 3, centre),
        "peak_month": np.where(enough, means.argmax(axis=1) + 1.0, np.nan),
        "low_month": np.where(enough, means.argmin(axis=1) + 1.0, np.nan),
    }
