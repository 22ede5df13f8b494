"""Weekly signals and the two sides of a change, against pandas and numpy on one account."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from gridlens.anomaly.sides import QUANTILES, contrast, correlation, form, side, steadiness
from gridlens.anomaly.weeks import DAYS, MIN_DAYS, WEEKS, reference, shifted, usual_day, weekly_signals
from hypothesis import given
from hypothesis import strategies as st


def days(seed: int, missing: float = 0.2) -> np.ndarray:
    random = np.random.default_rng(seed)
    values = random.gamma(4.0, 2.0, (2, DAYS))
    values[random.random(values.shape) < missing] = np.nan
    return values


@given(st.integers(0, 1000), st.floats(0.0, 0.95))
def test_the_usual_day_is_the_median_of_what_is_known(seed: int, missing: float) -> None:
    values = days(seed, missing)
    np.testing.assert_allclose(usual_day(values), np.maximum(pd.DataFrame(values).median(axis=1).fillna(0.0), 0.05))


def test_weekly_signals_are_those_of_pandas() -> None:
    values = days(1, 0.3)
    usual = usual_day(values)
    found = weekly_signals(values, usual)
    for row in range(2):
        weeks = pd.DataFrame((values[row] / usual[row]).reshape(WEEKS, 7))
        enough = (weeks.notna().sum(axis=1) >= MIN_DAYS).to_numpy()
        level = np.log(weeks.mean(axis=1) + 0.02)
        spread = weeks.std(axis=1, ddof=0)
        rough = weeks.diff(axis=1).abs().mean(axis=1).fillna(0.0)
        expected = {
            "level": level,
            "lowest": np.log(weeks.min(axis=1) + 0.02) - level,
            "highest": np.log(weeks.max(axis=1) + 0.02) - level,
            "spread": np.log((spread + 0.005) / (weeks.mean(axis=1) + 0.02)),
            "amount": np.log(spread + 0.005),
            "rough": np.log((rough + 0.005) / (spread + 0.005)),
            "idle": (weeks < 0.03).sum(axis=1) / weeks.notna().sum(axis=1),
        }
        assert set(found) == set(expected)
        for name, series in expected.items():
            np.testing.assert_allclose(found[name][row], np.where(enough, series, np.nan), rtol=1e-9, err_msg=name)


def test_quantiles_of_a_side_are_those_of_its_known_days() -> None:
    ratio = days(2)
    inside = np.arange(DAYS)[None] >= np.array([[700], [100]])
    found = side(ratio, inside)
    for row in range(2):
        mine = ratio[row][inside[row] & np.isfinite(ratio[row])]
        assert found.count[row] == len(mine)
        np.testing.assert_allclose(found.quantiles[:, row], np.quantile(mine, QUANTILES))
    assert not side(ratio, np.zeros_like(inside)).quantiles.any()


def test_scaling_alone_keeps_the_form() -> None:
    ratio = days(3, 0.0) / 8.0  # 8 being about their median
    inside = np.arange(DAYS)[None] < 400
    before = side(ratio, inside)
    after = side(np.where(inside, np.nan, 0.4 * np.roll(ratio, 400, axis=1)), ~inside)
    same, apart = contrast(before, after), contrast(before, side(np.full_like(ratio, 0.4), ~inside))
    assert same["moved_50"] == pytest.approx([np.log(0.4)] * 2, abs=0.15)
    assert (same["form_if_scaled"] < 0.1).all()
    assert (apart["form_if_scaled"] > 3 * same["form_if_scaled"]).all()


def test_the_form_of_a_side_against_numpy() -> None:
    values = days(4)
    usual, log_peers = usual_day(values), np.random.default_rng(5).normal(0, 0.2, DAYS)
    inside = np.arange(DAYS)[None] >= np.array([[300], [500]])
    values[0, 600:650] = 4.0  # a run of the same day
    values[1, 700:] = 0.0
    one = side(values / usual[:, None], inside)
    found = form("after", one, values, values / usual[:, None], usual, log_peers)
    for row in range(2):
        known = inside[row] & np.isfinite(values[row])
        mine = values[row][known]
        assert found["zero_after"][row] == pytest.approx((mine == 0).mean())
        assert found["low_after"][row] == pytest.approx((mine / usual[row] < 0.4).mean())
        assert found["at_cap_after"][row] == pytest.approx((mine > 0.995 * mine.max()).mean())
        same = np.abs(np.diff(values[row])) < 1e-3 * usual[row]
        assert found["constant_after"][row] == pytest.approx((same & known[1:]).sum() / known.sum())
        logs = np.log(np.maximum(mine / usual[row], 0.01))
        assert found["variation_after"][row] == pytest.approx(logs.std())
        assert found["days_after"][row] == known.sum()


@given(st.integers(0, 1000))
def test_correlation_is_numpys_over_common_days(seed: int) -> None:
    left, right = days(seed), days(seed + 1)
    inside = np.random.default_rng(seed).random(left.shape) < 0.5
    found = correlation(left, right, inside)
    for row in range(2):
        both = inside[row] & np.isfinite(left[row]) & np.isfinite(right[row])
        assert found[row] == pytest.approx(np.corrcoef(left[row][both], right[row][both])[0, 1], abs=1e-6)
    assert correlation(np.ones((1, 5)), left[:1, :5], np.ones((1, 5), dtype=bool)) == pytest.approx([0.0])


def test_a_side_whose_weeks_step_again_is_not_steady() -> None:
    random = np.random.default_rng(6)
    weekly = random.normal(0, 0.05, (2, WEEKS))
    weekly[1, 80:] += 1.0
    found = steadiness("after", weekly, np.arange(WEEKS)[None] >= np.array([[60], [60]]))
    assert abs(found["again_step_after"][0]) < 0.2
    assert found["again_step_after"][1] == pytest.approx(1.0, abs=0.1)
    assert found["again_after"][1] > 5 * abs(found["again_after"][0])


def test_an_earlier_day_is_the_last_one() -> None:
    values = days(7)
    assert np.isnan(shifted(values, 28)[:, :28]).all()
    np.testing.assert_array_equal(shifted(values, 28)[:, 28:], values[:, :-28])
    np.testing.assert_array_equal(shifted(values, 0), values)
    peers = np.exp(np.random.default_rng(8).normal(0, 0.1, DAYS))
    now, before = (reference(peers, 5.0, np.datetime64("2026-03-31"), back=back) for back in (0, 28))
    np.testing.assert_array_equal(before.peers[28:], now.peers[:-28])
    assert (before.peers[:28] == 1).all()
    np.testing.assert_allclose(before.basis[2, 4:], now.basis[2, :-4], atol=1e-12)
