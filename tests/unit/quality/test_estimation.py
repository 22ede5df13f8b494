import math

import numpy as np
import pytest
from gridlens.quality.estimation import HOLIDAY, WEEKEND, WORKING, empty_for_too_long, interpolate, like_days, scale_to_register
from gridlens.quality.opinions import OpinionSettings, examine
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

NAN = math.nan


@settings(max_examples=50, deadline=None)
@given(
    slope=st.floats(-5, 5),
    level=st.floats(-100, 100),
    holes=hnp.arrays(bool, st.tuples(st.integers(1, 3), st.integers(1, 40))),
    longest=st.integers(0, 6),
)
def test_interpolation_is_exact_on_a_line_and_only_fills_short_inner_gaps(slope, level, holes, longest):
    line = np.broadcast_to(level + slope * np.arange(holes.shape[1]), holes.shape)
    estimates = interpolate(np.where(holes, NAN, line), longest=longest)
    for r, row in enumerate(holes):
        for i, hole in enumerate(row):
            left = max((j for j in range(i) if not row[j]), default=None)
            right = min((j for j in range(i, len(row)) if not row[j]), default=None)
            inside = hole and left is not None and right is not None and right - left - 1 <= longest
            if inside:
                assert estimates[r, i] == pytest.approx(line[r, i], abs=1e-9)
            else:
                assert np.isnan(estimates[r, i])


def plain_like_day(values, types, d, *, reach, count, least, complete, known):
    """The documented estimate of one day of one point."""

    def nearest(kinds):
        order = sorted((x for x in range(len(values)) if x != d and abs(x - d) <= reach), key=lambda x: (abs(x - d), x))
        return [x for x in order if kinds[x] == kinds[d] and np.isfinite(values[x]).mean() >= complete][:count]

    chosen = nearest(types)
    if len(chosen) < least and types[d] != WORKING:
        chosen = nearest([min(t, WEEKEND) for t in types])
    if len(chosen) < least:
        return np.full(values.shape[1], NAN)
    columns = [[v for v in column if not np.isnan(v)] for column in values[chosen].T]
    profile = np.array([np.median(column) if column else NAN for column in columns])
    both = np.isfinite(values[d]) & np.isfinite(profile)
    scale = 1.0
    if both.mean() >= known and profile[both].sum() > 0:
        scale = min(max(values[d][both].sum() / profile[both].sum(), 0.2), 5.0)
    return profile * scale


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_like_days_follow_their_definition(seed):
    rng = np.random.default_rng(seed)
    values = rng.gamma(2.0, 1.0, (2, 20, 4))
    values[rng.random(values.shape) < 0.15] = NAN
    types = rng.choice([WORKING, WORKING, WORKING, WEEKEND, HOLIDAY, -1], (2, 20))
    wanted = (rng.random((2, 20)) < 0.5) & (types >= 0)
    bounds = {"reach": 6, "count": 3, "least": 2, "complete": 0.7, "known": 0.5}
    estimates = like_days(values, types, wanted, reach_days=6, count=3, at_least=2, complete_share=0.7, known_share=0.5)
    for p in range(2):
        for d in range(20):
            expected = plain_like_day(values[p], types[p].tolist(), d, **bounds) if wanted[p, d] else np.full(4, NAN)
            np.testing.assert_allclose(estimates[p, d], expected, rtol=1e-12)


def test_days_empty_for_too_long():
    values = np.ones((1, 10, 2))
    values[0, [1, 2, 3, 6, 7]] = NAN
    assert np.flatnonzero(empty_for_too_long(values, longest_days=2)[0]).tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("day", "estimate", "register", "wanted"),
    [
        ([2.0, NAN, NAN], [NAN, 1.0, 3.0], 10.0, [NAN, 2.0, 6.0]),
        ([2.0, NAN, NAN], [NAN, 1.0, 3.0], 2.0, [NAN, 0.0, 0.0]),
        ([2.0, NAN, NAN], [NAN, 1.0, 3.0], 1.0, None),  # the known part exceeds the advance
        ([2.0, NAN, NAN], [NAN, 1.0, NAN], 10.0, None),  # something stays unknown
        ([2.0, NAN, NAN], [NAN, 1.0, 3.0], NAN, None),
        ([2.0, NAN, NAN], [NAN, 0.01, 0.02], 2.05, None),  # less than the register shows
        ([2.0, 1.0, 3.0], [NAN, NAN, NAN], 10.0, None),  # nothing is missing
        ([NAN], [NAN], 7.0, [7.0]),
        ([NAN], [5.0], 7.0, [7.0]),
    ],
)
def test_scaling_to_the_register(day, estimate, register, wanted):
    estimate = np.array([[estimate]])
    result, scaled = scale_to_register(np.array([[day]]), estimate, np.array([[register]]), tolerance_kwh=np.array([[0.1]]))
    assert scaled.tolist() == [[wanted is not None]]
    np.testing.assert_allclose(result[0, 0], wanted if wanted is not None else estimate[0, 0])


def window(seed, n):
    rng = np.random.default_rng(seed)
    values = rng.gamma(2.0, 0.1, (3, 40, n))
    values[rng.random(values.shape) < 0.05] = NAN
    values[0, 10:14] = NAN
    values[1, 20:32] = NAN
    values[2, 5, :] = NAN
    types = np.tile(np.where(np.arange(40) % 7 >= 5, WEEKEND, WORKING), (3, 1))
    register = np.where(rng.random((3, 40)) < 0.5, np.nansum(values, axis=2) * rng.uniform(1, 1.3), NAN)
    return values, types, register, np.full((3, 40), 0.01)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), minutes=st.sampled_from([60, 180, 1440]))
def test_opinions_hold_together(seed, minutes):
    values, types, register, digit = window(seed, 1440 // minutes)
    before = values.copy()
    opinion, estimates = examine(values, types, register, digit, minutes=minutes, settings=OpinionSettings())
    np.testing.assert_array_equal(values, before)
    missing = np.isnan(values)
    assert np.isnan(estimates[~missing]).all()
    assert np.isin(opinion[~missing], [0, 1, 2, 3, 4]).all()
    assert np.isin(opinion[missing], [11, 12, 13, 19]).all()
    np.testing.assert_array_equal(np.isfinite(estimates), np.isin(opinion, [11, 12, 13]))
    assert (opinion[1, 22:30][np.isnan(register[1, 22:30])] == 19).all()
    scaled = (opinion == 13).any(axis=2)
    total = np.nansum(np.where(missing, estimates, values), axis=2)
    np.testing.assert_allclose(total[scaled], register[scaled], rtol=1e-9, atol=1e-9)

    again = examine(values, types, register, digit, minutes=minutes, settings=OpinionSettings())
    np.testing.assert_array_equal(again[0], opinion)
    alone = examine(values[1:2], types[1:2], register[1:2], digit[1:2], minutes=minutes, settings=OpinionSettings())
    np.testing.assert_array_equal(alone[0], opinion[1:2])
    np.testing.assert_allclose(alone[1], estimates[1:2], rtol=1e-12)


def test_what_is_estimated_leaves_no_gap_to_estimate_again():
    values, types, _, digit = window(1, 24)
    none = np.full(types.shape, NAN)
    _, estimates = examine(values, types, none, digit, minutes=60, settings=OpinionSettings())
    filled = np.where(np.isnan(values), estimates, values)
    opinion, estimates = examine(filled, types, none, digit, minutes=60, settings=OpinionSettings())
    assert not np.isin(opinion, [11, 12, 13]).any()
    assert np.isnan(estimates).all()


def test_a_spike_does_not_shape_an_estimate():
    values, types, register, digit = window(2, 24)
    register[:] = NAN
    values[2, 15:17] = 0.2
    values[2, 15, 10], values[2, 15, 11], values[2, 15, 12] = 500.0, NAN, 0.4
    opinion, estimates = examine(values, types, register, digit, minutes=60, settings=OpinionSettings())
    assert opinion[2, 15, 10] == 1
    assert opinion[2, 15, 11] == 11
    assert estimates[2, 15, 11] == pytest.approx(0.2 + (0.4 - 0.2) * 2 / 3)
