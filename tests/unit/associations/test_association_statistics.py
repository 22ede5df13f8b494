"""Measures, Fisher's exact test and the control of false discoveries against exact and plain computations."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from gridlens.associations.statistics import benjamini_hochberg, fisher_greater, measures
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import false_discovery_control


@st.composite
def four_counts(draw: st.DrawFn, most: int = 120) -> tuple[int, int, int, int]:
    """(baskets, antecedent, consequent, both) that can occur together, both sides there."""
    n = draw(st.integers(1, most))
    a, c = draw(st.integers(1, n)), draw(st.integers(1, n))
    return n, a, c, draw(st.integers(max(0, a + c - n), min(a, c)))


def tail(n: int, a: int, c: int, b: int) -> Fraction:
    """The exact chance that at least b of a drawn from n are among c, as a fraction."""
    ways = sum(math.comb(c, k) * math.comb(n - c, a - k) for k in range(b, min(a, c) + 1) if a - k <= n - c)
    return Fraction(ways, math.comb(n, a))


@given(st.lists(four_counts(), min_size=1, max_size=8))
def test_p_values_equal_the_exact_fractions(counts: list[tuple[int, int, int, int]]) -> None:
    found = fisher_greater(*np.array(counts).T)
    assert found == pytest.approx([float(tail(*one)) for one in counts], rel=1e-9, abs=1e-300)


def test_p_values_of_large_tables_are_exact_far_out() -> None:
    n, a, c, b = 20_000, 400, 500, 60
    assert fisher_greater(*(np.array([x]) for x in (n, a, c, b)))[0] == pytest.approx(float(tail(n, a, c, b)), rel=1e-9)
    assert fisher_greater(np.array([10]), np.array([0]), np.array([3]), np.array([0]))[0] == 1.0


@given(four_counts())
def test_measures_equal_their_definitions(counts: tuple[int, int, int, int]) -> None:
    n, a, c, b = (Fraction(x) for x in counts)
    found = measures(*(np.array([x]) for x in counts))
    assert found.support[0] == pytest.approx(float(b / n))
    assert found.confidence[0] == pytest.approx(float(b / a))
    assert found.lift[0] == pytest.approx(float((b / a) / (c / n)))
    assert found.leverage[0] == pytest.approx(float(b / n - (a / n) * (c / n)), abs=1e-12)
    if a == b:
        assert math.isnan(found.conviction[0])
    else:
        assert found.conviction[0] == pytest.approx(float((1 - c / n) / (1 - b / a)))


def step_up(p_values: list[float], level: float) -> set[int]:
    """Benjamini and Hochberg's procedure as they wrote it: reject the k smallest, k the greatest with p(k) <= k level / m."""
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    passing = [k for k, i in enumerate(order, 1) if p_values[i] <= k * level / len(p_values)]
    return set(order[: max(passing, default=0)])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40), st.sampled_from([0.01, 0.05, 0.2]))
def test_q_values_reject_what_the_step_up_procedure_rejects(p_values: list[float], level: float) -> None:
    q_values = benjamini_hochberg(np.array(p_values))
    assert q_values == pytest.approx(false_discovery_control(p_values, method="bh"))
    # A level that stands apart from every q-value: at one of them the two differ by how they round.
    if np.abs(q_values - level).min() > 1e-9:
        assert set(np.flatnonzero(q_values <= level)) == step_up(p_values, level)


def test_of_no_tests_there_are_no_q_values() -> None:
    assert len(benjamini_hochberg(np.array([]))) == 0
