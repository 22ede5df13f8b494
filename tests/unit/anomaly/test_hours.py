"""How the day is spread over its hours: what changes there is seen though the energy is not, and honest accounts are left alone."""

from __future__ import annotations

import numpy as np
from gridlens.anomaly.evidence import evidence, told_days
from gridlens.anomaly.examples import examples
from gridlens.anomaly.groups import Peers, usual_hours
from gridlens.anomaly.hours import PREFIX, shares_of
from gridlens.anomaly.patterns import PART_PATTERNS, inject_parts
from gridlens.anomaly.rows import DAY_FEATURES, FEATURES
from gridlens.anomaly.weeks import DAYS, PARTS, WEEK, WEEKS, Diary, Reference, reference
from hypothesis import given, settings
from hypothesis import strategies as st

LAST = np.datetime64("2026-03-31")
KNOWN = 12
"""Weeks with curves, the last ones."""
CHANGED = WEEKS - 6
SHAPE = 1 + 0.7 * np.sin(2 * np.pi * (np.arange(PARTS) - 5) / PARTS)


def homes(count: int, seed: int = 0) -> Diary:
    """Homes whose days and parts of the day vary a little; curves of the last weeks only."""
    random = np.random.default_rng(seed)
    daily = 8.0 * np.exp(random.normal(0, 0.15, (count, DAYS)))
    means = daily.reshape(count, WEEKS, WEEK).mean(axis=2)
    hours = means[:, :, None] * SHAPE / SHAPE.sum() * np.exp(random.normal(0, 0.1, (count, WEEKS, PARTS)))
    hours[:, : WEEKS - KNOWN] = np.nan
    nothing = np.full(daily.shape, np.nan)
    return Diary(daily, nothing, nothing, hours.reshape(count, -1))


def peers() -> Reference:
    return reference(np.ones(DAYS), 8.0, LAST, hours=usual_hours(homes(101, seed=9).hours))


def with_parts(diary: Diary, parts: np.ndarray) -> Diary:
    return Diary(diary.daily, diary.excess, diary.exported, parts.reshape(len(parts), -1))


def without_curves(diary: Diary) -> Diary:
    return with_parts(diary, np.full(diary.hours.shape, np.nan))


def test_a_day_turned_round_is_dated_and_told_though_no_energy_is_missing() -> None:
    honest = homes(20)
    turned = honest.hours.reshape(20, WEEKS, PARTS).copy()
    turned[:, CHANGED:] = turned[:, CHANGED:, ::-1]
    found, before = evidence(with_parts(honest, turned), peers()), evidence(honest, peers())
    assert found[f"{PREFIX}joint"].min() > 5 * before[f"{PREFIX}joint"].max()
    assert (found[f"{PREFIX}since"] == WEEKS - CHANGED).all()
    np.testing.assert_allclose(found["change"], CHANGED * WEEK, atol=2 * WEEK)
    assert (found[f"{PREFIX}turned"] > 0.95).all()
    assert (found[f"{PREFIX}alike"] < 0.5).all()
    np.testing.assert_allclose(found[f"{PREFIX}level"], 0.0, atol=0.2)


def test_a_bypass_in_the_evening_names_the_part_that_fell() -> None:
    honest = homes(20)
    evening = honest.hours.reshape(20, WEEKS, PARTS).copy()
    lost = evening[:, CHANGED:, 9:11].sum(axis=2)
    evening[:, CHANGED:, 9:11] *= 0.1
    daily = honest.daily.copy()
    daily[:, CHANGED * WEEK :] -= np.repeat(0.9 * lost, WEEK, axis=1)
    found = evidence(Diary(daily, honest.excess, honest.exported, evening.reshape(20, -1)), peers())
    np.testing.assert_allclose(found[f"{PREFIX}fallen"], SHAPE[9:11].sum() / SHAPE.sum(), rtol=0.25)
    assert (found[f"{PREFIX}fall"] < -1.2).all()
    assert (found[f"{PREFIX}level"] < -0.1).all()
    told = told_days(daily, evening.reshape(20, -1), peers())
    np.testing.assert_allclose(told["day_since"][:, 9:11] / told["day_before"][:, 9:11], 0.1, rtol=0.3)
    assert told["day_before"].shape == (20, PARTS)


def test_without_curves_the_hours_say_nothing_and_the_days_say_what_they_said() -> None:
    some = homes(5)
    blank = without_curves(some)
    found = evidence(blank, peers())
    assert not any(found[name].any() for name in set(FEATURES) - set(DAY_FEATURES))
    assert np.isnan(told_days(blank.daily, blank.hours, peers())["day_since"]).all()
    nobody = evidence(some, reference(np.ones(DAYS), 8.0, LAST))
    for name in DAY_FEATURES:
        np.testing.assert_array_equal(found[name], nobody[name], err_msg=name)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.0, 1.0))
def test_features_are_finite_whatever_the_hours(seed: int, missing: float) -> None:
    random = np.random.default_rng(seed)
    hours = random.gamma(0.3, 2.0, (3, WEEKS, PARTS)) * (random.random((3, WEEKS, PARTS)) < 0.6)
    hours[random.random((3, WEEKS)) < missing] = np.nan
    found = evidence(with_parts(homes(3, seed), hours), peers())
    assert not [name for name in FEATURES if not np.isfinite(found[name]).all()]


@given(st.sampled_from(sorted(PART_PATTERNS)), st.integers(0, 10_000), st.integers(WEEKS - KNOWN, WEEKS - 1))
def test_a_pattern_of_the_day_leaves_earlier_weeks_and_never_adds_energy(name: str, seed: int, start: int) -> None:
    before = homes(1, seed % 7).hours.reshape(WEEKS, PARTS)
    after = inject_parts(before, start, name, np.random.default_rng(seed))
    np.testing.assert_array_equal(after[:start], before[:start])
    np.testing.assert_array_equal(np.isnan(after), np.isnan(before))
    energy = [np.nansum(parts[start:], axis=1) for parts in (before, after)]
    assert (energy[1] <= energy[0] * (1 + 1e-9)).all()
    assert (np.nan_to_num(after) >= 0).all()


def test_examples_within_the_day_need_curves_and_hide_what_the_days_lose() -> None:
    some, references = homes(6), {0: peers()}
    made = examples(some, references, np.arange(6), copies=1, least_kwh=0.3)
    without = examples(without_curves(some), references, np.arange(6), copies=1, least_kwh=0.3)
    assert made.label.sum() - without.label.sum() == 6 * len(PART_PATTERNS)
    assert (made.features[f"{PREFIX}joint"][made.label == 1] > 0).all()


def test_untouched_examples_that_end_earlier_have_their_curves_all_the_same() -> None:
    references = {back: reference(np.ones(DAYS), 8.0, LAST, back=back, hours=peers().hours) for back in (0, 84)}
    made = examples(homes(8), references, np.arange(8), copies=1, least_kwh=0.3)
    honest = made.features[f"{PREFIX}joint"][made.label == 0]
    assert (honest > 0).all(), "what is known of the hours must not tell the label"
    np.testing.assert_array_equal(honest[:8], honest[8:])


@given(st.integers(0, 1000))
def test_the_usual_day_of_the_peers_is_a_median_that_a_few_do_not_move(seed: int) -> None:
    hours = homes(31, seed).hours
    moved = hours.copy().reshape(31, WEEKS, PARTS)
    moved[:4, :, 1:] = 0.0
    usual, with_few = usual_hours(hours), usual_hours(moved.reshape(31, -1))
    assert np.isnan(usual[: WEEKS - KNOWN]).all()
    np.testing.assert_allclose(usual[-KNOWN:].sum(axis=1), 1.0)
    np.testing.assert_allclose(usual[-1], SHAPE / SHAPE.sum(), rtol=0.15)
    np.testing.assert_allclose(with_few[-1], usual[-1], rtol=0.15)
    assert np.isnan(usual_hours(np.empty((0, WEEKS * PARTS)))).all()


def test_shares_of_a_week_without_energy_are_not_known() -> None:
    hours = np.zeros((1, WEEKS * PARTS))
    hours[0, :PARTS] = 1.0
    shares = shares_of(hours)
    np.testing.assert_allclose(shares[0, 0], 1 / PARTS)
    assert np.isnan(shares[0, 1:]).all()


def test_peers_without_curves_say_so() -> None:
    index, usual = np.ones((1, DAYS)), np.ones(1)
    assert not Peers(("all",), index, usual, np.full((1, WEEKS, PARTS), np.nan)).with_curves
    assert Peers(("all",), index, usual, usual_hours(homes(3).hours)[None]).with_curves
