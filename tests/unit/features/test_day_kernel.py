"""Day features against a pandas oracle, on days of every length."""

from __future__ import annotations

import datetime as dt

import load_shape_oracle as oracle
import numpy as np
import pytest
from gridlens.contracts.load_shape_day import DAY_FEATURES
from gridlens.features.day import day_features
from gridlens.features.periods import CalendarLookup, TariffLookup
from hypothesis import given, settings
from hypothesis import strategies as st

SHANGHAI, BERLIN, LORD_HOWE = "Asia/Shanghai", "Europe/Berlin", "Australia/Lord_Howe"
ORDINARY = dt.date(2026, 5, 14)
SPRING, AUTUMN = dt.date(2026, 3, 29), dt.date(2026, 10, 25)
HALF_HOUR_SPRING, HALF_HOUR_AUTUMN = dt.date(2026, 10, 4), dt.date(2026, 4, 5)
SHAPES = [
    (96, 15, SHANGHAI, ORDINARY),
    (48, 30, SHANGHAI, ORDINARY),
    (24, 60, BERLIN, ORDINARY),
    (92, 15, BERLIN, SPRING),
    (100, 15, BERLIN, AUTUMN),
    (46, 30, BERLIN, SPRING),
    (50, 30, BERLIN, AUTUMN),
    (23, 60, BERLIN, SPRING),
    (25, 60, BERLIN, AUTUMN),
    (47, 30, LORD_HOWE, HALF_HOUR_SPRING),
    (98, 15, LORD_HOWE, HALF_HOUR_AUTUMN),
    (1, 1440, SHANGHAI, ORDINARY),
]
PERIODS = (
    ["deep_valley"] * 10 + ["valley"] * 22 + ["flat"] * 7 + ["peak"] * 13 + ["sharp"] * 8 + ["flat"] * 20 + ["peak"] * 12 + ["valley"] * 4
)
TARIFFS = TariffLookup.of([{"tariff_id": "T", "valid_from": dt.date(2020, 1, 1), "month": m, "periods": PERIODS} for m in range(1, 13)])
CALENDAR = CalendarLookup.of([{"local_date": ORDINARY, "day_type": "working"}])


def batch(
    values: np.ndarray, resolution: int, zone: str, day: dt.date, *, capacity: float = np.nan, tariff: int = 0
) -> dict[str, np.ndarray]:
    rows = len(values)
    return {
        "values": values,
        "estimates": np.empty((rows, 0)),
        "estimated_by_source": np.zeros(rows, dtype=np.int32),
        "resolution_minutes": np.full(rows, resolution),
        "zone": np.array([zone] * rows, dtype=object),
        "local_date": np.array([day] * rows, dtype="datetime64[D]"),
        "tariff_code": np.full(rows, tariff),
        "contract_capacity_kva": np.full(rows, capacity),
    }


def features(*args: object, **options: object) -> dict[str, np.ndarray]:
    return dict(day_features(batch(*args, **options), TARIFFS, CALENDAR))


def random_day(kind: str, n: int, rng: np.random.Generator) -> np.ndarray:
    day = {
        "smooth": lambda: rng.gamma(2, 0.5, n),
        "zeros": lambda: rng.gamma(2, 0.5, n) * (rng.random(n) < 0.4),
        "constant": lambda: np.full(n, rng.integers(0, 3) / 10),
        "signed": lambda: rng.normal(0, 1, n),
        "large": lambda: rng.gamma(2, 5e5, n),
        "one peak": lambda: np.where(np.arange(n) == rng.integers(n), 1.0, 0.0),
    }[kind]()
    day = np.round(day, 3)
    day[rng.random(n) < rng.choice([0, 0, 0.1, 0.24, 0.5, 1.0])] = np.nan
    return day


KINDS = ["smooth", "zeros", "constant", "signed", "large", "one peak"]


@settings(max_examples=50, deadline=None)
@given(shape=st.sampled_from(SHAPES), kinds=st.lists(st.sampled_from(KINDS), min_size=1, max_size=5), seed=st.integers(0, 2**32 - 1))
def test_every_feature_equals_the_pandas_oracle(shape: tuple, kinds: list[str], seed: int) -> None:
    n, resolution, zone, date = shape
    rng = np.random.default_rng(seed)
    values = np.stack([random_day(kind, n, rng) for kind in kinds])
    capacity = float(rng.choice([np.nan, 0.0, 12.5]))
    found = features(values, resolution, zone, date, capacity=capacity)
    for row, day in enumerate(values):
        expected = oracle.day(day.tolist(), resolution, zone, date, PERIODS, capacity)
        for f in DAY_FEATURES:
            if f.name != "estimated_share":
                empty = np.full(24, np.nan) if f.name == "hour_kw" else np.nan
                np.testing.assert_allclose(
                    found[f.name][row], expected.get(f.name, empty), rtol=1e-9, atol=1e-9, err_msg=f"{f.name} of {day}"
                )


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), size=st.sampled_from([2, 7, 33]))
def test_a_day_does_not_depend_on_the_other_days_of_its_batch(seed: int, size: int) -> None:
    rng = np.random.default_rng(seed)
    values = np.stack([random_day(str(rng.choice(KINDS)), 48, rng) for _ in range(size)])
    together = features(values, 30, SHANGHAI, ORDINARY)
    for row in range(size):
        alone = features(values[row : row + 1], 30, SHANGHAI, ORDINARY)
        for f in DAY_FEATURES:
            np.testing.assert_array_equal(together[f.name][row], alone[f.name][0], err_msg=f.name)  # to the last bit


def test_daily_totals_have_energy_and_nothing_that_needs_intervals() -> None:
    found = features(np.array([[7.5], [np.nan]]), 1440, SHANGHAI, ORDINARY, capacity=10.0)
    np.testing.assert_array_equal(found["energy_kwh"], [7.5, np.nan])
    np.testing.assert_array_equal(found["coverage"], [1.0, 0.0])
    np.testing.assert_array_equal(found["estimated_share"], [0.0, np.nan])
    for f in DAY_FEATURES:
        if f.name not in ("energy_kwh", "coverage", "estimated_share"):
            assert np.isnan(found[f.name]).all(), f.name


@pytest.mark.parametrize(
    ("date", "n", "night_hours", "length"), [(SPRING, 92, 7, 23), (AUTUMN, 100, 9, 25), (ORDINARY, 96, 8, 24)], ids=["23 h", "25 h", "24 h"]
)
def test_night_share_counts_the_hours_that_the_night_has(date: dt.date, n: int, night_hours: int, length: int) -> None:
    found = features(np.full((1, n), 0.25), 15, BERLIN, date)
    assert found["night_share"][0] == pytest.approx(night_hours / length)
    assert found["energy_kwh"][0] == pytest.approx(length)
    assert found["mean_kw"][0] == pytest.approx(1.0)
    assert found["load_factor"][0] == pytest.approx(1.0)


def test_on_clock_change_days_time_is_read_from_the_wall_clock() -> None:
    spring, autumn = np.zeros((1, 92)), np.zeros((2, 100))
    spring[0, 8] = 1.0  # the ninth quarter hour begins at 03:00: there is no 02:00
    autumn[0, 12], autumn[1, 16] = 1.0, 1.0  # the second 02:00, then 03:00
    assert features(spring, 15, BERLIN, SPRING)["peak_hour"].tolist() == [3.0]
    assert np.isnan(features(spring, 15, BERLIN, SPRING)["hour_kw"][0, 2])
    found = features(autumn, 15, BERLIN, AUTUMN)
    assert found["peak_hour"].tolist() == [2.0, 3.0]
    assert found["hour_kw"][0, 2] == pytest.approx(4.0 / 8)  # one quarter hour at 4 kW in the two hours called 2


def test_readings_on_the_threshold_of_high_load_are_not_above_it_whatever_rounding_says() -> None:
    values = np.repeat([0.1, 0.7, 0.4], [40, 40, 16])[None, :]  # (0.4 kW + 2.8 kW) / 2 is less than 1.6 kW in its last bit
    assert features(values, 15, SHANGHAI, ORDINARY)["high_load_hours"].tolist() == [10.0]


@pytest.mark.parametrize(("known", "described"), [(72, True), (71, False)])
def test_a_shape_needs_three_quarters_of_the_day(known: int, described: bool) -> None:
    values = np.arange(96.0)[None, :].copy()
    values[0, known:] = np.nan
    found = features(values, 15, SHANGHAI, ORDINARY)
    assert np.isfinite(found["peak_kw"][0]) == described
    assert np.isfinite(found["energy_peak_kwh"][0]) == described
    assert found["energy_kwh"][0] == sum(range(known))


def test_estimates_fill_gaps_only_and_are_counted() -> None:
    values = np.full((3, 96), 1.0)
    values[:2, :24] = np.nan
    rows = batch(values, 15, SHANGHAI, ORDINARY) | {"estimates": np.full((3, 96), 5.0), "estimated_by_source": np.array([0, 10, 2])}
    rows["estimates"][1] = np.nan
    found = day_features(rows, TARIFFS, CALENDAR)
    assert found["energy_kwh"].tolist() == [72 + 24 * 5, 72, 96]
    np.testing.assert_allclose(found["estimated_share"], [24 / 96, 10 / 72, 2 / 96])
    np.testing.assert_allclose(found["coverage"], [1, 0.75, 1])
    rows["estimates"] = np.full((3, 48), 5.0)  # of another resolution: not about these intervals
    assert day_features(rows, TARIFFS, CALENDAR)["energy_kwh"].tolist() == [72, 72, 96]
