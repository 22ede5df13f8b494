"""Energy features of accounts: against pandas, and business cases that must be told apart."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from gridlens.contracts.account_energy import ENERGY_FEATURES, SERIES_DAYS
from gridlens.features.account_energy_kernel import Days, energy_features, longest_run
from gridlens.features.account_series import Series

AS_OF = pd.Timestamp("2026-03-31")
DATES = pd.date_range(end=AS_OF, periods=SERIES_DAYS)
KIND = np.where(DATES.weekday >= 5, 1, 0)
FESTIVAL = int(np.flatnonzero(pd.Timestamp("2026-02-17") == DATES)[0])
KIND[FESTIVAL - 1 : FESTIVAL + 7] = 2
DAYS = Days(np.datetime64(AS_OF.date()), KIND, FESTIVAL)
COLD = 16 - 14 * np.cos(2 * np.pi * (DATES.dayofyear.to_numpy() - 20) / 365.25)


def packed(warmth: np.ndarray) -> np.ndarray:
    """(slot, temperature) of each day, one after another."""
    return np.stack([np.arange(len(warmth), dtype=float), warmth], axis=1).reshape(-1)


def features(daily: np.ndarray, spread: np.ndarray | None = None, temperature: np.ndarray | None = None) -> dict[str, float]:
    warmth = COLD[-365:] if temperature is None else temperature
    series = Series(daily[None, :], (daily if spread is None else spread)[None, :])
    row = energy_features(series, DAYS, packed(warmth)[None, :], np.array(["N"], dtype=object))
    return {name: float(values[0]) for name, values in row.items()}


def test_every_feature_of_the_contract_is_given() -> None:
    assert set(features(np.ones(SERIES_DAYS))) == {f.name for f in ENERGY_FEATURES}


@pytest.mark.parametrize("seed", range(4))
def test_levels_growth_and_variation_are_those_of_pandas(seed: int) -> None:
    rng = np.random.default_rng(seed)
    energy = np.round(rng.gamma(2, 5, SERIES_DAYS), 2)
    energy[rng.random(SERIES_DAYS) < 0.1] = np.nan
    energy[rng.random(SERIES_DAYS) < 0.05] = 0.0
    s = pd.Series(energy, index=DATES)
    got = features(energy)

    def level(length: int, back: int = 0) -> float:
        return float(s.iloc[SERIES_DAYS - back - length : SERIES_DAYS - back].mean())

    year = s.iloc[-365:]
    kinds = pd.Series(KIND, index=DATES).iloc[-365:]
    expected = {
        "energy_kwh_30d": 30 * level(30),
        "energy_kwh_365d": 365 * level(365),
        "energy_growth_30d": level(30) / level(30, 30) - 1,
        "energy_growth_year_90d": level(90) / level(90, 365) - 1,
        "energy_growth_365d": level(365) / level(365, 365) - 1,
        "energy_ratio_14d": level(14) / level(56, 14),
        "energy_variation_365d": year.std(ddof=0) / year.mean(),
        "highest_day_ratio_365d": year.max() / year.mean(),
        "zero_days_365d": (year == 0).sum(),
        "days_known_90d": s.iloc[-90:].notna().sum(),
        "low_days_90d": (s.iloc[-90:] < 0.2 * year.median()).sum(),
        "weekend_ratio_365d": year[kinds == 1].mean() / year[kinds == 0].mean(),
        "holiday_ratio_365d": year[kinds == 2].mean() / year[kinds == 0].mean(),
        "days_since_use": (AS_OF - s[s > 0].index.max()).days,
    }
    for name, value in expected.items():
        assert got[name] == pytest.approx(value, rel=1e-12), name


def test_energy_of_a_window_of_which_too_little_is_known_is_unknown() -> None:
    energy = np.full(SERIES_DAYS, 2.0)
    energy[-30:-22] = np.nan  # 22 of 30 days are left
    got = features(energy)
    assert np.isnan([got["energy_kwh_30d"], got["energy_growth_30d"]]).all()
    assert got["energy_kwh_90d"] == 180


def test_days_without_a_reading_count_in_the_energy_but_not_as_known_days() -> None:
    spread = np.full(SERIES_DAYS, 2.0)
    daily = spread.copy()
    daily[-20:] = np.nan
    got = features(daily, spread)
    assert got["energy_kwh_30d"] == 60
    assert got["days_known_90d"] == 70


def test_a_workshop_that_rests_at_the_spring_festival() -> None:
    energy = np.where(KIND == 0, 100.0, 40.0)
    energy[FESTIVAL : FESTIVAL + 7] = 5.0
    got = features(energy)
    assert got["spring_festival_ratio_365d"] == pytest.approx(0.05)
    assert got["weekend_ratio_90d"] == pytest.approx(0.4)


def test_a_calendar_without_the_festival_says_nothing_of_it() -> None:
    one = Series(np.ones((1, SERIES_DAYS)), np.ones((1, SERIES_DAYS)))
    got = energy_features(one, Days(DAYS.as_of, KIND, None), packed(COLD[-365:])[None, :], np.array(["N"], dtype=object))
    assert np.isnan(got["spring_festival_ratio_365d"]).all()


def test_heating_by_electricity_is_found_and_the_area_without_weather_has_none() -> None:
    heating = 8 + 1.5 * np.maximum(14 - COLD, 0)
    one = Series(heating[None, :], heating[None, :])
    got = energy_features(one, DAYS, packed(COLD[-365:])[None, :], np.array(["N"], dtype=object))
    elsewhere = energy_features(one, DAYS, np.empty((1, 0)), np.array(["S"], dtype=object))
    assert got["heating_slope_365d"][0] == pytest.approx(1.5)
    assert got["cooling_slope_365d"][0] == 0
    assert got["winter_ratio_365d"][0] > 1.5
    assert np.isnan(elsewhere["heating_slope_365d"][0])
    assert elsewhere["winter_ratio_365d"][0] == got["winter_ratio_365d"][0]


def test_a_vacant_dwelling_has_long_runs_without_consumption() -> None:
    energy = np.full(SERIES_DAYS, 3.0)
    energy[-200:-50] = 0
    energy[-10:] = 0
    got = features(energy)
    assert (got["longest_zero_run_365d"], got["zero_days_30d"], got["zero_days_365d"], got["days_since_use"]) == (150, 10, 160, 10)


def test_longest_runs() -> None:
    marks = np.array([[1, 1, 0, 1, 1, 1], [0, 0, 0, 0, 0, 0], [1, 1, 1, 1, 1, 1], [0, 1, 0, 0, 1, 0]], dtype=bool)
    assert longest_run(marks).tolist() == [3, 0, 6, 1]
    assert longest_run(np.zeros((2, 0), dtype=bool)).tolist() == [0, 0]


def test_nothing_known_gives_nulls_and_noughts() -> None:
    got = features(np.full(SERIES_DAYS, np.nan))
    noughts = {f.name for f in ENERGY_FEATURES if not f.nullable}
    assert {name for name, value in got.items() if value == 0} == noughts
    assert all(np.isnan(value) for name, value in got.items() if name not in noughts)
