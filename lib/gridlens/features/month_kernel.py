"""The kernel of a month: the days of a point in, one value a feature out. Definitions: contracts/load_shape_month.py."""

from __future__ import annotations

import numpy as np

from gridlens.arrow import Arrays
from gridlens.contracts.feature import HOURS
from gridlens.features import windows as w
from gridlens.features.day_kernel import entropy
from gridlens.features.window_kernel import DAY_COLUMNS, complete_energy, demand_window, energy_window, of_type

SLOTS = 31
MONTH_COLUMNS = (
    *DAY_COLUMNS,
    "min_kw",
    "peak_hour",
    "peak_valley_difference_kw",
    "peak_valley_ratio",
    "load_factor",
    "ramp_up_kw_per_h",
    "ramp_down_kw_per_h",
    "zero_share",
)
WIDTH = 1 + len(MONTH_COLUMNS) + HOURS
"""Numbers of a packed day: its slot (day of the month, 0-based), MONTH_COLUMNS, the 24 of hour_kw."""


def month_features(packed: np.ndarray, month: np.ndarray) -> Arrays:
    """Every feature of a month but export_share, NaN for null.

    Args:
        packed: the days of each month in any order, WIDTH numbers a day. Shape (rows, days × WIDTH).
        month: first day of the month. Shape (rows,), datetime64[D].
    """
    return w.in_chunks(_features, packed, month)


def _features(packed: np.ndarray, month: np.ndarray) -> Arrays:
    cube = w.dense(packed, WIDTH, SLOTS)
    days = dict(zip(MONTH_COLUMNS, cube[1:], strict=False))
    hourly = np.ascontiguousarray(np.moveaxis(cube[-HOURS:], 0, 2))  # (rows, days, hours)
    first = month.astype("datetime64[M]")
    length = ((first + 1).astype("datetime64[D]") - first.astype("datetime64[D]")).astype(np.int64)
    with np.errstate(invalid="ignore", divide="ignore"):
        out = energy_window(days, length) | demand_window(days) | _extremes(days) | _profiles(hourly, days)
        out["working_day_kwh"] = w.mean(of_type(complete_energy(days), days, 0))
        series = hourly.reshape(len(packed), -1)
        out["autocorrelation_day"] = w.autocorrelation(series, HOURS, least=w.MIN_PAIRS_OF_DAYS * HOURS)
        out["autocorrelation_week"] = w.autocorrelation(series, 7 * HOURS, least=w.MIN_PAIRS_OF_DAYS * HOURS)
    return out


def _extremes(days: Arrays) -> Arrays:
    rows = np.arange(len(days["peak_kw"]))
    peak = w.highest(days["peak_kw"])
    at = np.argmax(days["peak_kw"] == peak[:, None], axis=1)
    return {
        "peak_day": np.where(np.isnan(peak), np.nan, at + 1.0),
        "peak_hour": np.where(np.isnan(peak), np.nan, days["peak_hour"][rows, at]),
        "min_kw": w.lowest(days["min_kw"]),
        "peak_valley_difference_kw": w.highest(days["peak_valley_difference_kw"]),
        "ramp_up_kw_per_h": w.highest(days["ramp_up_kw_per_h"]),
        "ramp_down_kw_per_h": w.highest(days["ramp_down_kw_per_h"]),
        "zero_share": w.mean(days["zero_share"]),
        "daily_load_factor": w.mean(days["load_factor"]),
        "peak_valley_ratio": w.mean(days["peak_valley_ratio"]),
    }


def _profiles(hourly: np.ndarray, days: Arrays) -> Arrays:
    """Mean profiles and how well they describe the days. Args: hourly: (rows, days, 24), kW."""
    kind = days["day_type_code"][:, :, None]
    working = w.mean(np.where(kind == 0, hourly, np.nan))
    other = w.mean(np.where(kind > 0, hourly, np.nan))
    profile = w.mean(hourly)
    flat = hourly.reshape(len(hourly), -1)
    spread = w.mean((flat - w.mean(flat)[:, None]) ** 2)
    unexplained = w.mean(((hourly - profile[:, None, :]) ** 2).reshape(flat.shape))
    return {
        "profile_working_kw": working,
        "profile_nonworking_kw": other,
        "profile_similarity": correlation(working, other),
        "entropy": entropy(profile),
        "regularity": np.where(w.varies(flat), 1 - unexplained / spread, np.nan),
    }


def correlation(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Pearson correlation of the rows of two arrays; NaN where a value is unknown or a row is flat."""
    moving = (a.max(axis=1) > a.min(axis=1)) & (b.max(axis=1) > b.min(axis=1))
    a, b = a - a.mean(axis=1, keepdims=True), b - b.mean(axis=1, keepdims=True)
    return np.where(moving, (a * b).sum(axis=1) / np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1)), np.nan)
