"""The features that a month and a year share: energy, daily energy, kinds of day, demand and time of use."""

from __future__ import annotations

import numpy as np

from gridlens.arrow import Arrays
from gridlens.contracts.codes import TARIFF_PERIODS
from gridlens.contracts.feature import MIN_COVERAGE
from gridlens.features import windows as w
from gridlens.features.day_kernel import WINDOWS

PERIOD_COLUMNS = tuple(f"energy_{period}_kwh" for period in TARIFF_PERIODS)
SHARE_COLUMNS = tuple(f"{name}_share" for name in WINDOWS)
DAY_COLUMNS = (
    "day_type_code",
    "energy_kwh",
    "coverage",
    "estimated_share",
    "mean_kw",
    "peak_kw",
    "base_kw",
    "capacity_utilisation",
    *SHARE_COLUMNS,
    *PERIOD_COLUMNS,
)
"""What a day contributes to a window, beside its slot."""


def complete_energy(days: Arrays) -> np.ndarray:
    """Daily energy of complete days, NaN elsewhere. Shape (rows, slots), kWh."""
    return np.where(days["coverage"] >= MIN_COVERAGE, days["energy_kwh"], np.nan)


def of_type(values: np.ndarray, days: Arrays, code: int) -> np.ndarray:
    """``values`` on days of one type (index into DAY_TYPES), NaN elsewhere. Shape (rows, slots)."""
    return np.where(days["day_type_code"] == code, values, np.nan)


def energy_window(days: Arrays, length: np.ndarray | int) -> Arrays:
    """The features of ``contracts.load_shape_month.energy_features`` but export_share.

    Args:
        days: DAY_COLUMNS, each (rows, slots).
        length: days of the window, by row or for all.
    """
    daily = complete_energy(days)
    coverage = w.total(days["coverage"])
    working = w.mean(of_type(daily, days, 0))
    return {
        "days_observed": (~np.isnan(days["energy_kwh"])).sum(axis=1),
        "complete_days": (~np.isnan(daily)).sum(axis=1),
        "coverage": coverage / length,
        "estimated_share": w.ratio(w.total(days["estimated_share"] * days["coverage"]), coverage),
        "energy_kwh": w.total(days["energy_kwh"]),
        "daily_kwh_mean": w.mean(daily),
        "daily_kwh_min": w.lowest(daily),
        "daily_kwh_median": w.median(daily),
        "daily_kwh_max": w.highest(daily),
        "zero_days": np.where(np.isnan(daily).all(axis=1), np.nan, (daily == 0).sum(axis=1)),
        "daily_variation": w.variation(daily),
        "weekend_ratio": w.ratio(w.mean(of_type(daily, days, 1)), working),
        "holiday_ratio": w.ratio(w.mean(of_type(daily, days, 2)), working),
    }


def demand_window(days: Arrays) -> Arrays:
    """The features of ``contracts.load_shape_month.demand_features``. Args: days: DAY_COLUMNS, each (rows, slots)."""
    mean, peak = w.mean(days["mean_kw"]), w.highest(days["peak_kw"])
    out = {
        "mean_kw": mean,
        "peak_kw": peak,
        "base_kw": w.median(days["base_kw"]),
        "load_factor": w.ratio(mean, peak),
        "utilisation_hours": w.ratio(w.total(days["energy_kwh"]), peak),
        "capacity_utilisation": w.highest(days["capacity_utilisation"]),
    }
    for name in SHARE_COLUMNS:
        used = days[name] * days["energy_kwh"]
        out[name] = w.ratio(w.total(used), w.total(np.where(np.isnan(used), np.nan, days["energy_kwh"])))
    periods = {name: w.total(days[name]) for name in PERIOD_COLUMNS}
    whole = np.sum(list(periods.values()), axis=0)
    return (
        out
        | periods
        | {f"share_{period}": w.ratio(periods[column], whole) for period, column in zip(TARIFF_PERIODS, PERIOD_COLUMNS, strict=True)}
    )
