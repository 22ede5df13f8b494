"""Load shape of accounts from the months of their points, against plain arithmetic and in business cases."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from gridlens.arrow import Ragged
from gridlens.contracts.account_shape import SHAPE_FEATURES
from gridlens.contracts.codes import TARIFF_PERIODS
from gridlens.features.account_shape_kernel import NUMBERS, shape_features

WORKING = 5 / 7
FLAT = [1.0] * 24


def month(
    point: int = 0, *, export: bool = False, week: list[float] | None = None, rest: list[float] | None = None, **numbers: float
) -> list[float]:
    given = {"complete_days": 30.0, "energy_kwh": 720.0, **numbers}
    unknown = [np.nan] * 24
    return [point, float(export), *[given.get(name, np.nan) for name in NUMBERS], *(week or unknown), *(rest or unknown)]


def features(*months: list[float], points: int = 1) -> dict[str, np.ndarray]:
    flat = np.array(list(itertools.chain(*months)), dtype=float)
    return {name: values[0] for name, values in shape_features(Ragged(flat, np.array([len(flat)])), points, WORKING).items()}


def test_every_feature_of_the_contract_is_given() -> None:
    assert set(features(month(week=FLAT))) == {f.name for f in SHAPE_FEATURES}


def test_months_weigh_by_their_complete_days_and_shares_by_energy() -> None:
    got = features(
        month(complete_days=30, week=[1.0] * 24, rest=[2.0] * 24, energy_kwh=100, night_share=0.2, peak_kw=5, base_kw=0.4),
        month(complete_days=10, week=[5.0] * 24, rest=[2.0] * 24, energy_kwh=300, night_share=0.6, peak_kw=9, base_kw=0.8),
    )
    assert got["profile_working_kw"].tolist() == [2.0] * 24
    assert got["mean_kw"] == pytest.approx(2.0)
    assert got["night_share"] == pytest.approx((0.2 * 100 + 0.6 * 300) / 400)
    assert (got["peak_kw"], got["shape_days"]) == (9, 40)
    assert got["base_kw"] == pytest.approx((0.4 * 30 + 0.8 * 10) / 40)
    assert got["load_factor"] == pytest.approx(2 / 9)
    assert got["nonworking_ratio"] == pytest.approx(1.0)


def test_points_of_one_account_are_summed() -> None:
    day, night = [0.0] * 8 + [4.0] * 10 + [0.0] * 6, [3.0] * 8 + [0.0] * 10 + [3.0] * 6
    periods = {f"energy_{k}_kwh": 0.0 for k in TARIFF_PERIODS}
    got = features(
        month(0, week=day, rest=day, peak_kw=6, complete_days=20, **periods | {"energy_peak_kwh": 90.0, "energy_valley_kwh": 10.0}),
        month(1, week=night, rest=night, peak_kw=4, complete_days=31, **periods | {"energy_valley_kwh": 100.0}),
        points=2,
    )
    assert got["profile_working_kw"].tolist() == [a + b for a, b in zip(day, night, strict=True)]
    assert (got["peak_kw"], got["shape_days"]) == (10, 31)
    assert got["share_valley"] == pytest.approx(110 / 200)
    assert got["share_sharp"] == 0


def test_the_mean_day_weighs_working_and_other_days_as_the_calendar_does() -> None:
    got = features(month(week=[7.0] * 24, rest=[0.0] * 24))
    assert got["mean_kw"] == pytest.approx(5.0)
    assert got["nonworking_ratio"] == 0
    only_week = features(month(week=[7.0] * 24))
    assert only_week["mean_kw"] == pytest.approx(7.0)


def test_own_generation_is_seen_at_midday_and_in_the_export() -> None:
    profile = [1.0] * 24
    profile[11:15] = [0.1] * 4
    got = features(month(week=profile, rest=profile, energy_kwh=300), month(export=True, energy_kwh=100))
    assert got["midday_dip"] == pytest.approx(0.1)
    assert (got["export_kwh"], got["export_share"]) == (100, 0.25)
    assert features(month(week=profile))["export_share"] == 0


def test_a_night_owl_and_a_shop_differ_in_their_hours() -> None:
    owl = features(month(week=[3.0] * 5 + [1.0] * 17 + [3.0] * 2))
    shop = features(month(week=[0.2] * 9 + [2.0] * 9 + [3.0] * 4 + [0.2] * 2))
    assert owl["deep_night_ratio"] > 1.5 > shop["deep_night_ratio"]
    assert (shop["peak_hour"], shop["low_hour"], owl["peak_hour"]) == (18, 0, 0)
    assert shop["evening_ratio"] > 2


def test_the_hour_of_the_maximum_is_that_of_the_highest_month_whatever_the_order() -> None:
    months = [month(peak_kw=5, peak_hour=7), month(peak_kw=9, peak_hour=20), month(peak_kw=9, peak_hour=19)]
    for order in itertools.permutations(months):
        assert features(*order)["demand_hour"] == 19


def test_order_of_months_and_batches_changes_nothing() -> None:
    rng = np.random.default_rng(3)
    months = [
        month(p, week=list(rng.random(24)), rest=list(rng.random(24)), **{n: float(rng.random()) for n in NUMBERS}) for p in (0, 0, 1, 1)
    ]
    first = features(*months, points=2)
    for name, values in features(*reversed(months), points=2).items():
        np.testing.assert_allclose(values, first[name], rtol=1e-12)
    flat = np.array(list(itertools.chain(*months)), dtype=float)
    twice = shape_features(Ragged(np.concatenate([flat, flat]), np.array([len(flat)] * 2)), 2, WORKING)
    for values in twice.values():
        np.testing.assert_array_equal(values[0], values[1])


def test_nothing_known_gives_nulls_and_noughts() -> None:
    got = features(month(complete_days=0, energy_kwh=np.nan))
    noughts = {f.name for f in SHAPE_FEATURES if not f.nullable}
    assert {name for name, value in got.items() if np.ndim(value) == 0 and value == 0} == noughts
    assert all(np.isnan(value).all() for name, value in got.items() if name not in noughts)
