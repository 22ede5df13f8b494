"""The kernel of an account's energy: two years of days in, one value a feature out. Definitions: contracts/account_energy.py."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gridlens.arrow import Arrays
from gridlens.contracts.account_energy import MIN_DAY_TYPE, MIN_KNOWN, SERIES_DAYS, SPRING_FESTIVAL_DAYS
from gridlens.contracts.consumption_year import MIN_TREND_DAYS, YEAR_DAYS
from gridlens.features import windows as w
from gridlens.features.account_series import Series
from gridlens.features.year_kernel import seasons, weather_by_area

LOW = 0.2
FESTIVAL_BEFORE = (49, 8)
MIN_FESTIVAL_DAYS = 4
MIN_BEFORE_FESTIVAL = 10
_SEASON_NAMES = ("seasonal_amplitude", "summer_ratio", "winter_ratio", "peak_month")
_WEATHER_NAMES = ("weather_base_kwh", "heating_slope", "cooling_slope", "weather_r2", "heating_share", "cooling_share")


@dataclass(frozen=True, eq=False)
class Days:
    """What the days of the series are.

    Attributes:
        as_of: the last of them.
        kind: index into DAY_TYPES, -1 where the calendar does not cover the day. Shape (SERIES_DAYS,).
        festival: slot of the last Spring Festival among the last 365 days, None where there is none.
    """

    as_of: np.datetime64
    kind: np.ndarray
    festival: int | None


def energy_features(series: Series, days: Days, temperature: np.ndarray, area: np.ndarray) -> Arrays:
    """Every feature of ``ENERGY_FEATURES``, NaN for null.

    Args:
        series: of the accounts.
        days: what the days of the series are.
        temperature: (slot, daily mean in °C) of each of the last 365 days known in the area, in any order. Shape (rows, days × 2).
        area: area of each row; rows of one area have the same temperatures. Shape (rows,), objects.
    """
    daily = series.daily[:, -YEAR_DAYS:]
    with np.errstate(invalid="ignore", divide="ignore"):
        return (
            _levels(series)
            | _variation(daily)
            | _zeros(series.daily)
            | _kinds(daily, days.kind[-YEAR_DAYS:])
            | _festival(series.daily, days)
            | {"week_autocorrelation_365d": w.autocorrelation(daily.copy(), 7, least=w.MIN_PAIRS_OF_DAYS)}
            | _of_year(seasons(daily, days.as_of), _SEASON_NAMES)
            | _of_year(weather_by_area(daily, temperature, area), _WEATHER_NAMES)
        )


def _window(spread: np.ndarray, length: int, back: int = 0) -> np.ndarray:
    """Mean daily energy of ``length`` days that end ``back`` days before the last; NaN where too few are known."""
    end = SERIES_DAYS - back
    days = spread[:, max(end - length, 0) : end]
    known = (~np.isnan(days)).sum(axis=1)
    return np.where(known >= MIN_KNOWN * length, w.mean(days), np.nan)


def _levels(series: Series) -> Arrays:
    s = series.spread
    pairs = {
        "energy_growth_30d": ((30, 0), (30, 30)),
        "energy_growth_90d": ((90, 0), (90, 90)),
        "energy_growth_year_30d": ((30, 0), (30, YEAR_DAYS)),
        "energy_growth_year_90d": ((90, 0), (90, YEAR_DAYS)),
        "energy_growth_365d": ((YEAR_DAYS, 0), (YEAR_DAYS, YEAR_DAYS)),
    }
    known = ~np.isnan(series.daily)
    return (
        {f"days_known_{n}d": known[:, -n:].sum(axis=1) for n in (90, YEAR_DAYS)}
        | {f"energy_kwh_{n}d": n * _window(s, n) for n in (30, 90, YEAR_DAYS)}
        | {name: w.ratio(_window(s, *now), _window(s, *then)) - 1 for name, (now, then) in pairs.items()}
        | {"energy_ratio_14d": w.ratio(_window(s, 14), _window(s, 56, 14))}
    )


def _variation(daily: np.ndarray) -> Arrays:
    centre = w.mean(daily)
    enough = (~np.isnan(daily)).sum(axis=1) >= MIN_TREND_DAYS
    return {
        "energy_trend_365d": np.where(enough, w.ratio(w.slope(daily) * YEAR_DAYS, centre), np.nan),
        "energy_variation_90d": w.variation(daily[:, -90:]),
        "energy_variation_365d": w.variation(daily),
        "highest_day_ratio_365d": w.ratio(w.highest(daily), centre),
    }


def _zeros(daily: np.ndarray) -> Arrays:
    zero, year = daily == 0, daily[:, -YEAR_DAYS:]
    used = daily > 0
    last = SERIES_DAYS - 1 - np.argmax(used[:, ::-1], axis=1)
    return {f"zero_days_{n}d": zero[:, -n:].sum(axis=1) for n in (30, 90, YEAR_DAYS)} | {
        "low_days_90d": (daily[:, -90:] < LOW * w.median(year)[:, None]).sum(axis=1),
        "longest_zero_run_365d": longest_run(zero[:, -YEAR_DAYS:]),
        "days_since_use": np.where(used.any(axis=1), SERIES_DAYS - 1.0 - last, np.nan),
    }


def longest_run(marks: np.ndarray) -> np.ndarray:
    """Length of the longest run of True in each row. Shape (rows,)."""
    position = np.arange(1, marks.shape[1] + 1)
    since = position - np.maximum.accumulate(np.where(marks, 0, position), axis=1)
    return since.max(axis=1, initial=0)


def _kinds(daily: np.ndarray, kind: np.ndarray) -> Arrays:
    """Weekends and holidays against working days."""

    def of(code: int, length: int) -> np.ndarray:
        days = daily[:, -length:][:, kind[-length:] == code]
        return np.where((~np.isnan(days)).sum(axis=1) >= MIN_DAY_TYPE, w.mean(days), np.nan)

    return {
        "weekend_ratio_90d": w.ratio(of(1, 90), of(0, 90)),
        "weekend_ratio_365d": w.ratio(of(1, YEAR_DAYS), of(0, YEAR_DAYS)),
        "holiday_ratio_365d": w.ratio(of(2, YEAR_DAYS), of(0, YEAR_DAYS)),
    }


def _festival(daily: np.ndarray, days: Days) -> Arrays:
    unknown = np.full(len(daily), np.nan)
    if days.festival is None:
        return {"spring_festival_ratio_365d": unknown}
    at = days.festival
    week = daily[:, at : at + SPRING_FESTIVAL_DAYS]
    first, last = (max(at - n, 0) for n in FESTIVAL_BEFORE)
    before = daily[:, first : last + 1][:, days.kind[first : last + 1] == 0]
    enough = ((~np.isnan(week)).sum(axis=1) >= MIN_FESTIVAL_DAYS) & ((~np.isnan(before)).sum(axis=1) >= MIN_BEFORE_FESTIVAL)
    return {"spring_festival_ratio_365d": np.where(enough, w.ratio(w.mean(week), w.mean(before)), np.nan)}


def _of_year(found: Arrays, names: tuple[str, ...]) -> Arrays:
    """The features of a year that an account has too, by their names there."""
    return {f"{name}_365d": found[name] for name in names}
