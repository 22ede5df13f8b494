"""The kernel of an account's load shape: the months of its points in, one value a feature out. Definitions: contracts/account_shape.py."""

from __future__ import annotations

import numpy as np

from gridlens.arrow import Arrays, Ragged
from gridlens.contracts.account_shape import DAY_PARTS
from gridlens.contracts.codes import TARIFF_PERIODS
from gridlens.features import windows as w
from gridlens.features.account_months import Months
from gridlens.features.day_kernel import entropy
from gridlens.features.month_kernel import correlation

SHARES = tuple(f"{part}_share" for part in DAY_PARTS)
PERIODS = tuple(f"energy_{period}_kwh" for period in TARIFF_PERIODS)
NUMBERS = (
    "complete_days",
    "energy_kwh",
    "peak_kw",
    "base_kw",
    "capacity_utilisation",
    *SHARES,
    *PERIODS,
    "regularity",
    "ramp_up_kw_per_h",
    "peak_hour",
    "zero_share",
)
"""What a month of a point contributes; see :class:`Months` for what stands around it."""
BESIDE_MIDDAY = (9, 10, 15, 16)


def shape_features(packed: Ragged, points: int, working: float) -> Arrays:
    """Every feature of ``SHAPE_FEATURES``, NaN for null.

    Args:
        packed: the months of each account in any order, as :class:`Months` reads them.
        points: metering points of each account, at least 1.
        working: part of the window's days that are working days, 0 to 1.
    """
    m = Months(packed, NUMBERS, points)
    with np.errstate(invalid="ignore", divide="ignore"):
        week, rest = m.profile(0), m.profile(1)
        profile = np.where(np.isnan(week), rest, np.where(np.isnan(rest), week, working * week + (1 - working) * rest))
        return (
            _power(m, profile)
            | _hours(profile)
            | {name: m.weighted(m[name]) for name in (*SHARES, "regularity")}
            | _exchange(m)
            | {
                "shape_days": m.longest(),
                "nonworking_ratio": w.ratio(rest.mean(axis=1), week.mean(axis=1)),
                "profile_similarity": correlation(week, rest),
                "profile_working_kw": week,
                "profile_nonworking_kw": rest,
            }
        )


def _power(m: Months, profile: np.ndarray) -> Arrays:
    mean, peak, base = profile.mean(axis=1), m.summed_highest(m["peak_kw"]), m.summed_mean(m["base_kw"])
    return {
        "mean_kw": mean,
        "peak_kw": peak,
        "base_kw": base,
        "load_factor": w.ratio(mean, peak),
        "base_share": w.ratio(base, mean),
        "capacity_utilisation": m.highest(m["capacity_utilisation"]),
        "ramp_up_kw_per_h": m.highest(m["ramp_up_kw_per_h"]),
        "demand_hour": m.at_highest(m["peak_kw"], m["peak_hour"]),
        "zero_share": m.mean(m["zero_share"]),
    }


def _hours(profile: np.ndarray) -> Arrays:
    """What the mean day looks like. Args: profile: shape (rows, 24), kW."""
    mean = profile.mean(axis=1)
    used = mean > 0
    return {
        "shape_entropy": entropy(profile),
        "evening_ratio": w.ratio(profile[:, 18:22].mean(axis=1), mean),
        "deep_night_ratio": w.ratio(profile[:, :5].mean(axis=1), mean),
        "working_hours_ratio": w.ratio(profile[:, 8:18].mean(axis=1), mean),
        "midday_dip": w.ratio(profile[:, 11:15].mean(axis=1), profile[:, list(BESIDE_MIDDAY)].mean(axis=1)),
        "peak_hour": np.where(used, np.argmax(np.nan_to_num(profile, nan=-np.inf), axis=1), np.nan),
        "low_hour": np.where(used, np.argmin(np.nan_to_num(profile, nan=np.inf), axis=1), np.nan),
    }


def _exchange(m: Months) -> Arrays:
    """Energy by tariff period, and what is fed into the grid."""
    periods = [m.account(m[name], ~m.export) for name in PERIODS]
    whole = np.sum(periods, axis=0)
    exported = np.nan_to_num(m.account(m["energy_kwh"], m.export))
    imported = np.nan_to_num(m.account(m["energy_kwh"], ~m.export))
    return {f"share_{k}": w.ratio(energy, whole) for k, energy in zip(TARIFF_PERIODS, periods, strict=True)} | {
        "export_kwh": exported,
        "export_share": w.ratio(exported, imported + exported),
    }
