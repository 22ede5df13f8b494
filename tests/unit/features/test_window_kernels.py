"""Month and year features against a pandas oracle, and planted patterns that must be found."""

from __future__ import annotations

import datetime as dt

import load_shape_oracle as oracle
import numpy as np
import pandas as pd
import pytest
from gridlens.contracts.consumption_year import YEAR_FEATURES
from gridlens.contracts.gold import DAY_TYPES
from gridlens.contracts.load_shape_day import DAY_FEATURES
from gridlens.contracts.load_shape_month import MONTH_FEATURES
from gridlens.features.month_kernel import MONTH_COLUMNS, month_features
from gridlens.features.weather_kernel import weather_features
from gridlens.features.window_kernel import DAY_COLUMNS
from gridlens.features.year_kernel import year_features
from hypothesis import given, settings
from hypothesis import strategies as st

AS_OF = dt.date(2026, 8, 17)
SCALARS = [f.name for f in DAY_FEATURES if f.name != "hour_kw"]


def random_days(dates: list[dt.date], kind: str, rng: np.random.Generator) -> pd.DataFrame:
    """Day features that need not be consistent with one another: the windows must read each as it is."""
    days = pd.DataFrame(np.round(rng.gamma(2, 3, (len(dates), len(SCALARS))), 2), index=pd.Index(dates), columns=SCALARS)
    days["coverage"] = np.round(rng.choice([1.0, 1.0, 1.0, 0.8, 0.75, 0.5], len(dates)), 2)
    days["estimated_share"] = np.round(rng.random(len(dates)), 2)
    days["day_type"] = rng.choice([*DAY_TYPES, None], len(dates), p=[0.6, 0.2, 0.15, 0.05])
    days["hour_kw"] = list(np.round(rng.gamma(2, 0.5, (len(dates), 24)), 2))
    incomplete = days.coverage < 0.75
    needs_intervals = [c for c in [*SCALARS, "hour_kw"] if c not in ("energy_kwh", "coverage", "estimated_share")]
    if kind == "daily totals":
        incomplete[:] = True
    if kind == "zero":
        days["energy_kwh"] = 0.0
        days["hour_kw"] = [np.zeros(24)] * len(days)
    if kind == "nothing":
        incomplete[:], days["coverage"], days["energy_kwh"], days["estimated_share"] = True, 0.0, np.nan, np.nan
    days[needs_intervals] = days[needs_intervals].mask(incomplete)
    if kind == "some hours unknown":
        days["hour_kw"] = [h if np.ndim(h) == 0 else np.where(rng.random(24) < 0.2, np.nan, h) for h in days.hour_kw]
    return days.sample(frac=1, random_state=int(rng.integers(2**31)))


KINDS = ["ordinary", "daily totals", "zero", "nothing", "some hours unknown"]


def packed(days: pd.DataFrame, columns: tuple[str, ...], first: dt.date, *, profile: bool) -> np.ndarray:
    parts = []
    for date, day in days.iterrows():
        codes = {"day_type_code": DAY_TYPES.index(day.day_type) if day.day_type in DAY_TYPES else np.nan}
        parts += [float((date - first).days), *(codes.get(c, day.get(c)) for c in columns)]
        if profile:
            parts += [np.nan] * 24 if np.ndim(day.hour_kw) == 0 else list(day.hour_kw)
    return np.array(parts, dtype=float)[None, :]


def check(found: dict[str, np.ndarray], expected: dict[str, object], names: list[str]) -> None:
    for name in names:
        np.testing.assert_allclose(np.asarray(found[name][0], dtype=float), expected[name], rtol=1e-9, atol=1e-9, err_msg=name)


@settings(max_examples=30, deadline=None)
@given(month=st.integers(1, 12), kind=st.sampled_from(KINDS), keep=st.sampled_from([1.0, 0.8, 0.3, 0.05]), seed=st.integers(0, 2**32 - 1))
def test_every_month_feature_equals_the_pandas_oracle(month: int, kind: str, keep: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    first = dt.date(2026, month, 1)
    dates = [d for d in pd.date_range(first, periods=pd.Timestamp(first).days_in_month).date if rng.random() < keep or d == first]
    days = random_days(dates, kind, rng)
    found = month_features(packed(days, MONTH_COLUMNS, first, profile=True), np.array([first], dtype="datetime64[D]"))
    check(dict(found), oracle.month(days, first), [f.name for f in MONTH_FEATURES if f.name != "export_share"])


@settings(max_examples=20, deadline=None)
@given(kind=st.sampled_from(KINDS[:4]), keep=st.sampled_from([1.0, 0.9, 0.5, 0.02]), seed=st.integers(0, 2**32 - 1))
def test_every_year_feature_equals_the_pandas_oracle(kind: str, keep: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    dates = [d for d in pd.date_range(end=AS_OF, periods=365).date if rng.random() < keep or d == AS_OF]
    days = random_days(dates, kind, rng)
    first = AS_OF - dt.timedelta(days=364)
    found = year_features(
        packed(days, DAY_COLUMNS, first, profile=False), np.empty((1, 0)), np.array([""], dtype=object), np.datetime64(AS_OF)
    )
    expected = oracle.year(days, AS_OF)
    assert set(found) == {f.name for f in YEAR_FEATURES} - {"export_share"}
    check(dict(found), expected, list(expected))
    assert found["weather_days"][0] == 0
    assert np.isnan(found["heating_slope"][0])


def plain_month(hourly: np.ndarray, first: dt.date) -> dict[str, np.ndarray]:
    """Features of a month that has nothing but its hourly profile (days, 24)."""
    days = pd.DataFrame({"hour_kw": list(hourly), "day_type": "working"}, index=pd.date_range(first, periods=len(hourly)).date)
    return dict(
        month_features(
            packed(days.reindex(columns=["hour_kw", "day_type", *SCALARS]), MONTH_COLUMNS, first, profile=True), np.array([first], "M8[D]")
        )
    )


def test_a_weekly_pattern_is_found_at_a_week_and_not_at_a_day() -> None:
    level = np.where(np.arange(28) % 7 < 5, 2.0, 0.0)
    hourly = level[:, None] + np.zeros(24)
    found = plain_month(hourly, dt.date(2026, 2, 1))
    assert found["autocorrelation_week"][0] == pytest.approx(1.0)
    assert found["autocorrelation_day"][0] < 0.4


def test_identical_days_are_regular_and_noise_is_not() -> None:
    same = np.tile(np.sin(np.arange(24.0)) + 2, (31, 1))
    found = plain_month(same, dt.date(2026, 1, 1))
    assert found["regularity"][0] == pytest.approx(1.0)
    assert found["autocorrelation_day"][0] == pytest.approx(1.0)
    noise = plain_month(np.random.default_rng(5).normal(10, 1, (31, 24)), dt.date(2026, 1, 1))
    assert noise["regularity"][0] < 0.1
    assert abs(noise["autocorrelation_day"][0]) < 0.1


TEMPERATURE = 15 - 15 * np.cos(2 * np.pi * np.arange(365) / 365)


@pytest.mark.parametrize(
    ("heat", "cool", "t_h", "t_c"),
    [(1.5, 0.8, 12, 24), (2.0, 0.0, 15, None), (0.0, 3.0, None, 26), (0.0, 0.0, None, None)],
    ids=["both", "heat", "cool", "none"],
)
@pytest.mark.parametrize("noise", [0.0, 0.3])
def test_planted_slopes_and_balance_points_are_recovered(heat: float, cool: float, t_h: int | None, t_c: int | None, noise: float) -> None:
    rng = np.random.default_rng(11)
    temperature = TEMPERATURE + rng.normal(0, 2, 365)
    energy = 10 + heat * np.maximum((t_h or 0) - temperature, 0) + cool * np.maximum(temperature - (t_c or 99), 0)
    energy = energy[None, :] + rng.normal(0, noise or 1e-9, (3, 365))
    energy[1, rng.random(365) < 0.3] = np.nan
    temperature[40:60] = np.nan
    found = weather_features(energy, temperature)
    tolerance = 1e-6 if not noise else 0.1
    np.testing.assert_allclose(found["heating_slope"], heat, atol=tolerance)
    np.testing.assert_allclose(found["cooling_slope"], cool, atol=tolerance)
    np.testing.assert_allclose(found["weather_base_kwh"], 10, atol=tolerance)
    np.testing.assert_allclose(found["heating_balance_c"], t_h if t_h else np.nan, atol=1 if noise else 0)
    np.testing.assert_allclose(found["cooling_balance_c"], t_c if t_c else np.nan, atol=1 if noise else 0)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), size=st.sampled_from([1e-3, 1.0, 1e6]))
def test_weather_fit_equals_brute_force(seed: int, size: float) -> None:
    rng = np.random.default_rng(seed)
    temperature = TEMPERATURE + rng.normal(0, 3, 365)
    temperature[rng.random(365) < 0.05] = np.nan
    energy = size * (
        5 + rng.gamma(1, 1) * np.maximum(rng.uniform(5, 20) - temperature, 0) + rng.gamma(1, 1) * np.maximum(temperature - 25, 0)
    )
    energy += size * rng.normal(0, 1, 365)
    energy[rng.random(365) < 0.2] = np.nan
    found = weather_features(energy[None, :], temperature)
    for name, value in oracle.weather(energy, temperature).items():
        np.testing.assert_allclose(found[name][0], value, rtol=1e-6, atol=1e-9 * size, err_msg=name)


def test_too_few_days_or_a_constant_gives_no_weather_model() -> None:
    energy = np.full((2, 365), 5.0)
    energy[1] = np.arange(365.0)
    energy[1, 119:] = np.nan
    found = weather_features(energy, TEMPERATURE)
    assert found["weather_days"].tolist() == [365, 119]
    for name in ("heating_slope", "cooling_slope", "weather_base_kwh", "weather_r2", "heating_balance_c", "heating_share"):
        assert np.isnan(found[name]).all(), name


@pytest.mark.parametrize(("days", "fits"), [(9, False), (10, True)])
def test_a_balance_point_needs_ten_days_beyond_it(days: int, fits: bool) -> None:
    temperature = np.full(365, 21.5)
    temperature[:days] = np.linspace(-5, 4, days)
    energy = 10 + 2 * np.maximum(12 - temperature, 0)
    assert (weather_features(energy[None, :], temperature)["heating_slope"][0] > 0) == fits


@pytest.mark.parametrize(("days", "given_"), [(8, True), (7, False)])
def test_autocorrelation_needs_seven_pairs_of_days(days: int, given_: bool) -> None:
    hourly = np.random.default_rng(2).gamma(2, 1, (days, 24))
    assert np.isfinite(plain_month(hourly, dt.date(2026, 1, 1))["autocorrelation_day"][0]) == given_


def test_a_window_does_not_depend_on_its_batch_to_the_last_bit() -> None:
    rng = np.random.default_rng(8)
    first, start = dt.date(2026, 5, 1), AS_OF - dt.timedelta(days=364)
    months = [random_days(list(pd.date_range(first, periods=31).date), "ordinary", rng) for _ in range(7)]
    month_rows = np.concatenate([packed(days, MONTH_COLUMNS, first, profile=True) for days in months])
    years = [random_days(list(pd.date_range(start, periods=365).date), "ordinary", rng) for _ in range(7)]
    year_rows = np.concatenate([packed(days, DAY_COLUMNS, start, profile=False) for days in years])
    climate = np.tile(np.column_stack([np.arange(365.0), TEMPERATURE]).reshape(1, -1), (7, 1))

    def both(rows: slice) -> dict[str, np.ndarray]:
        count = len(month_rows[rows])
        month = month_features(month_rows[rows], np.array([first] * count, dtype="M8[D]"))
        year = year_features(year_rows[rows], climate[rows], np.array(["A"] * count, dtype=object), np.datetime64(AS_OF))
        return {f"month {k}": v for k, v in month.items()} | {f"year {k}": v for k, v in year.items()}

    together = both(slice(None))
    for row in range(7):
        for name, value in both(slice(row, row + 1)).items():
            np.testing.assert_array_equal(together[name][row], value[0], err_msg=name)
