"""The evidence of made-up accounts: when they changed, how much is missing, and what the transformer says."""

from __future__ import annotations

import numpy as np
import pytest
from gridlens.anomaly.evidence import FACTS, SHORTEST, evidence, told_days
from gridlens.anomaly.examples import BEFORE, FIRST_START, LAST_START, examples
from gridlens.anomaly.patterns import PATTERNS, inject
from gridlens.anomaly.rows import FEATURES
from gridlens.anomaly.weeks import DAYS, PARTS, WEEKS, Diary, Reference, reference
from hypothesis import given, settings
from hypothesis import strategies as st

LAST = np.datetime64("2026-03-31")
SEASON = 1 + 0.4 * np.cos(2 * np.pi * np.arange(DAYS) / 365.25)


def peers() -> Reference:
    return reference(SEASON, 8.0, LAST)


def homes(count: int, seed: int = 0) -> np.ndarray:
    """Homes that follow their peers with noise of their own. Shape (count, DAYS)."""
    random = np.random.default_rng(seed)
    return 8.0 * SEASON * np.exp(random.normal(0, 0.2, (count, DAYS)))


def diary(
    daily: np.ndarray, excess: np.ndarray | None = None, exported: np.ndarray | None = None, hours: np.ndarray | None = None
) -> Diary:
    """Where nothing else is given, no loss, no export and no curve is known."""
    nothing = np.full(daily.shape, np.nan)
    unknown = np.full((len(daily), WEEKS * PARTS), np.nan)
    return Diary(
        daily, nothing if excess is None else excess, nothing if exported is None else exported, unknown if hours is None else hours
    )


@pytest.mark.parametrize("share", [0.3, 0.6])
def test_a_scaled_meter_is_dated_and_its_loss_is_counted(share: float) -> None:
    true = homes(20)
    daily = true.copy()
    starts = np.arange(400, 680, 14)
    for row, start in zip(daily, starts, strict=True):
        row[start:] *= share
    found = evidence(diary(daily), peers())
    assert np.abs(found["change"] - starts).max() <= 7
    np.testing.assert_allclose(found["ratio"], share, rtol=0.12)
    np.testing.assert_allclose(found["peer_ratio"], share, rtol=0.12)
    np.testing.assert_allclose(found["lost_kwh"], (true - daily).sum(axis=1), rtol=0.2)
    assert (found["level_best"] < -10).all()


def test_homes_that_stay_as_they_are_have_little_evidence() -> None:
    found = evidence(diary(homes(50)), peers())
    changed = homes(50)
    changed[:, 500:] *= 0.5
    assert np.quantile(found["joint"], 0.95) < np.quantile(evidence(diary(changed), peers())["joint"], 0.05)
    assert np.abs(found["ratio"] - 1).max() < 0.4


def test_a_transformer_tells_a_theft_from_a_home_that_uses_less() -> None:
    true = homes(2)
    daily = true.copy()
    daily[:, 500:] *= 0.5
    excess = np.random.default_rng(1).normal(0, 0.5, daily.shape)
    excess[0] += true[0] - daily[0]
    thief, saver = (evidence(diary(daily, excess).rows(slice(i, i + 1)), peers()) for i in (0, 1))
    assert thief["loss_match"] == pytest.approx([1.0], abs=0.2)
    assert saver["loss_match"] == pytest.approx([0.0], abs=0.2)
    assert thief["loss_kwh"][0] == pytest.approx(4.0, abs=1.0)
    unknown = evidence(diary(daily), peers())
    assert np.isnan(unknown["loss_kwh"]).all()
    assert not unknown["loss_match"].any()
    assert not unknown["loss_told"].any()
    assert thief["loss_told"] == [1.0]


def test_who_generates_himself_is_told_by_his_export() -> None:
    daily = homes(2)
    daily[:, 500:] *= 0.5
    exported = np.full(daily.shape, np.nan)
    exported[0, 505:] = 4.0
    found = evidence(diary(daily, exported=exported), peers())
    assert found["export_rise"] == pytest.approx([0.5, 0.0], abs=0.15)
    assert found["exports"] == pytest.approx([223 / DAYS, 0.0])


def test_what_is_expected_stays_where_the_home_was() -> None:
    true = homes(4)
    daily = true.copy()
    daily[:, 600:] *= 0.2
    after = told_days(daily, np.full((4, WEEKS * PARTS), np.nan), peers())["expected"][:, 600:]
    np.testing.assert_allclose(after.mean(axis=1), true[:, 600:].mean(axis=1), rtol=0.15)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.0, 1.0), st.sampled_from([0.0, 0.001, 1.0, 1e6]))
def test_features_are_finite_whatever_the_days(seed: int, missing: float, scale: float) -> None:
    random = np.random.default_rng(seed)
    daily = scale * random.gamma(0.5, 2.0, (3, DAYS)) * (random.random((3, DAYS)) < 0.7)
    daily[random.random(daily.shape) < missing] = np.nan
    found = evidence(diary(daily, np.where(random.random(daily.shape) < 0.5, np.nan, daily), daily), peers())
    assert set(found) == {*FEATURES, *FACTS}
    assert not [name for name in (*FEATURES, "change", "lost_kwh", "expected_kwh") if not np.isfinite(found[name]).all()]
    assert ((found["change"] >= 0) & (found["change"] < DAYS)).all()


def test_accounts_do_not_see_one_another() -> None:
    daily = homes(300)
    whole, alone = evidence(diary(daily), peers()), evidence(diary(daily[290:291]), peers())
    for name in FEATURES:
        assert whole[name][290] == pytest.approx(alone[name][0], rel=1e-6, abs=1e-9), name


@given(st.sampled_from(sorted(PATTERNS)), st.integers(0, 10_000), st.integers(0, DAYS - 1))
def test_a_pattern_changes_what_comes_after_and_nothing_before(name: str, seed: int, start: int) -> None:
    random = np.random.default_rng(seed)
    series = random.gamma(4.0, 2.0, DAYS)
    series[random.random(DAYS) < 0.2] = np.nan
    changed = inject(series, start, name, random)
    np.testing.assert_array_equal(changed[:start], series[:start])
    np.testing.assert_array_equal(np.isnan(changed), np.isnan(series))
    assert (changed[np.isfinite(changed)] >= 0).all()
    total = np.nansum(series[start:])
    assert np.nansum(changed[start:]) <= total * (1 + 1e-9) or name == "jittered"


def test_examples_are_labelled_and_lose_at_the_transformer_what_they_hide() -> None:
    daily, excess = homes(3), np.zeros((3, DAYS))
    daily[2] *= 0.001  # too little to steal from
    references = {back: reference(SEASON, 8.0, LAST, back=back) for back in (0, 28)}
    made = examples(diary(daily, excess), references, np.arange(3), copies=2, least_kwh=0.3)
    assert made.label.sum() == 2 * 2 * len(PATTERNS)
    assert (made.label == 0).sum() == 3 * 2 + 2 * 2, "and two homes twice that really use less"
    honest = np.flatnonzero(made.label == 0)[6:]
    assert set(made.row[honest]) == {0, 1}
    assert (made.features["ratio"][honest] < 0.97).all()
    np.testing.assert_allclose(made.features["loss_match"][honest], 0.0, atol=1e-9)
    unknown = examples(diary(daily), references, np.arange(3), copies=2, least_kwh=0.3)
    assert (unknown.label == 0).sum() == 3 * 2, "where no loss is known nobody can tell"
    assert set(made.row[made.label == 1]) == {0, 1}
    assert set(made.features) == {*FEATURES, *FACTS}
    changed = made.label == 1
    hidden = changed & (made.features["ratio"] < 0.7)
    assert hidden.sum() > 5
    np.testing.assert_allclose(made.features["loss_match"][hidden], 1.0, atol=0.35)
    again = examples(diary(daily, excess), references, np.arange(3), copies=2, least_kwh=0.3)
    np.testing.assert_array_equal(made.features["joint"], again.features["joint"])
    assert FIRST_START < DAYS
    assert BEFORE > 7 * SHORTEST
    assert LAST_START >= 7 * SHORTEST
