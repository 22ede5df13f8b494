import math

import numpy as np
import pytest
from gridlens.quality.contextual import flatlines, nan_median, runs_of, spikes, sum_mismatches, zero_runs
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp


def plain_runs(row):
    """(begin, length, value) of the repeated values of a list, NaN alone."""
    found = []
    for i, value in enumerate(row):
        if i and value == row[i - 1]:
            begin, length, _ = found[-1]
            found[-1] = (begin, length + 1, value)
        else:
            found.append((i, 1, value))
    return found


STEPS = st.sampled_from([0.0, -0.0, 0.5, 1.0, math.nan])
MATRICES = hnp.arrays(float, st.tuples(st.integers(1, 4), st.integers(1, 30)), elements=STEPS)


@settings(max_examples=50, deadline=None)
@given(rows=MATRICES, at_least=st.integers(1, 6))
def test_runs_and_flatlines_are_exact(rows, at_least):
    runs = runs_of(rows)
    expected = [(r, *run) for r, row in enumerate(rows) for run in plain_runs(row)]
    width = rows.shape[1]
    assert [(int(r), int(b) % width, int(n)) for r, b, n in zip(runs.row, runs.begin, runs.length, strict=True)] == [
        e[:3] for e in expected
    ]
    stuck = runs.spread(flatlines(runs, at_least=at_least)).reshape(rows.shape)
    for r, begin, length, value in expected:
        wanted = length >= at_least and value != 0 and not math.isnan(value)
        assert (stuck[r, begin : begin + length] == wanted).all()


@settings(max_examples=50, deadline=None)
@given(rows=MATRICES, at_least=st.integers(1, 6), active=st.integers(6, 8))
def test_zero_runs_follow_their_definition(rows, at_least, active):
    runs = runs_of(rows)
    flags = zero_runs(runs, np.full(len(rows), active), at_least=at_least, times_usual=2.0)
    marked = runs.spread(flags).reshape(rows.shape)
    for r, row in enumerate(rows):
        zeros = [run for run in plain_runs(row) if run[2] == 0]
        for k, (begin, length, _) in enumerate(zeros):
            others = sorted(run[1] for j, run in enumerate(zeros) if j != k)
            usual = others[math.floor(0.9 * (len(others) - 1))] if others else 0
            wanted = length >= at_least and length > 2 * usual and active >= 7
            assert (marked[r, begin : begin + length] == wanted).all()


@settings(max_examples=50, deadline=None)
@given(
    hnp.arrays(float, st.tuples(st.integers(0, 4), st.integers(1, 9)), elements=st.sampled_from([math.nan, 1.0, 2.0, 7.5])),
    st.integers(1, 4),
)
def test_nan_median(values, at_least):
    for row, median in zip(values, nan_median(values, at_least=at_least), strict=True):
        known = row[~np.isnan(row)]
        if len(known) < at_least:
            assert np.isnan(median)
        else:
            assert median == np.median(known)


def household(seed, points=4, days=60, n=96):
    """Noisy days with an evening peak, in kWh per quarter hour."""
    rng = np.random.default_rng(seed)
    clock = np.arange(n) / n
    shape = 0.1 + 0.3 * np.exp(-(((clock - 0.8) / 0.08) ** 2))
    return shape * rng.lognormal(0, 0.4, (points, days, n))


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), day=st.integers(0, 59), quarter=st.integers(0, 95))
def test_a_planted_spike_is_found_and_clean_days_are_left_alone(seed, day, quarter):
    values = household(seed)
    assert spikes(values, floor_kwh=0.25).mean() < 1e-4
    values[1, day, quarter] = 20.0
    found = spikes(values, floor_kwh=0.25)
    assert found[1, day, quarter]
    found[1, day, quarter] = False
    assert found.mean() < 1e-4


def plain_spike(values, p, d, i, *, floor, reach, times, deviations, least):
    """The definition for one value, with lists."""
    days = list(range(max(d - reach, 0), min(d + reach + 1, values.shape[1])))
    peaks = [np.nanmax(values[p, x]) for x in days if not np.isnan(values[p, x]).all()]
    others = [values[p, x, i] for x in days if x != d and not np.isnan(values[p, x, i])]
    if np.isnan(values[p, d, i]) or len(peaks) < least or len(others) < least:
        return False
    middle = np.median(others)
    mad = np.median(np.abs(np.array(others) - middle))
    value = values[p, d, i]
    return value > floor and value > times * np.median(peaks) and value > middle + deviations * 1.4826 * mad


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.sampled_from([1, 4]))
def test_spikes_follow_their_definition(seed, n):
    rng = np.random.default_rng(seed)
    values = rng.gamma(1.0, 1.0, (2, 14, n)) * rng.choice([1, 1, 1, 8], (2, 14, n))
    values[rng.random(values.shape) < 0.2] = np.nan
    found = spikes(values, floor_kwh=1.0, reach_days=5, times_peak=1.5, deviations=2.0, at_least_days=4)
    bounds = {"floor": 1.0, "reach": 5, "times": 1.5, "deviations": 2.0, "least": 4}
    expected = [[[plain_spike(values, p, d, i, **bounds) for i in range(n)] for d in range(14)] for p in range(2)]
    np.testing.assert_array_equal(found, np.array(expected))


@pytest.mark.parametrize(
    ("day", "register", "wanted"),
    [
        ([5.0, 5.0], 10.0, False),
        ([5.0, 5.0], 10.29, False),
        ([5.0, 5.0], 10.4, True),
        ([5.0, 5.0], 9.6, True),
        ([5.0, 5.0], math.nan, False),
        ([5.0, math.nan], 10.0, False),
        ([5.0, math.nan], 4.0, True),
        ([math.nan, math.nan], 4.0, False),
        ([0.0, 0.0], 0.0, False),
    ],
)
def test_sum_against_the_register(day, register, wanted):
    found = sum_mismatches(np.array([[day]]), np.array([[register]]), tolerance_kwh=np.array([[0.1]]), relative=0.02)
    assert found.tolist() == [[wanted]]
