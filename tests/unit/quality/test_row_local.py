import math

import numpy as np
import pytest
from gridlens.quality.row_local import check_block, interval_capacity
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp


def expected(value: float, bad: bool, negative_ok: bool, capacity: float, tolerance: float) -> tuple[float, int]:
    """The documented order, one value at a time."""
    if bad or math.isinf(value):
        return math.nan, 2
    if math.isnan(value):
        return math.nan, 1
    if value < 0 and not negative_ok:
        return math.nan, 3
    if not math.isnan(capacity) and abs(value) > capacity * (1 + tolerance):
        return value, 4
    return value, 0


@settings(max_examples=50, deadline=None)
@given(data=st.data(), rows=st.integers(0, 5), length=st.sampled_from([1, 4, 92]))
def test_every_value_gets_the_first_code_that_holds(data, rows, length):
    numbers = st.sampled_from([0.0, -0.0, 1.0, 5.0, 5.25, 5.26, -3.0, math.nan, math.inf, -math.inf, 1e300])
    values = data.draw(hnp.arrays(float, (rows, length), elements=numbers))
    bad = data.draw(hnp.arrays(bool, (rows, length)))
    negative_ok = data.draw(hnp.arrays(bool, rows))
    capacity = data.draw(hnp.arrays(float, rows, elements=st.sampled_from([math.nan, 5.0, 0.0])))
    before = values.copy()

    clean, codes = check_block(values, bad, allow_negative=negative_ok, capacity_kwh=capacity, tolerance=0.05)

    assert codes.dtype == np.int8
    assert clean.shape == codes.shape == values.shape
    np.testing.assert_array_equal(values, before)
    for i in range(rows):
        for j in range(length):
            value, code = expected(values[i, j], bad[i, j], negative_ok[i], capacity[i], 0.05)
            assert codes[i, j] == code
            assert clean[i, j] == value or (math.isnan(value) and math.isnan(clean[i, j]))


@pytest.mark.parametrize(("minutes", "kwh"), [(15, 25.0), (30, 50.0), (60, 100.0), (1440, 2400.0)])
def test_capacity_of_an_interval(minutes, kwh):
    assert interval_capacity(np.array([100.0]), minutes)[0] == pytest.approx(kwh)
    assert np.isnan(interval_capacity(np.array([np.nan]), minutes)[0])


def test_a_daily_total_of_25_hours_at_full_capacity_passes():
    capacity = interval_capacity(np.array([10.0]), 1440)
    clean, codes = check_block(np.array([[250.0]]), np.zeros((1, 1), bool), capacity_kwh=capacity)
    assert codes.tolist() == [[0]]
    assert clean.tolist() == [[250.0]]
