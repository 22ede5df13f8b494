"""Merging fine bins: exact against all partitions on small inputs, and what always holds on any."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from gridlens.models.woe import Limits, merged, thinned, woe_iv
from hypothesis import given, settings
from hypothesis import strategies as st

counts = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), min_size=1, max_size=7)
directions = st.sampled_from(["increasing", "decreasing", "automatic", "none"])


def sums(values: np.ndarray, starts: tuple[int, ...]) -> np.ndarray:
    return np.add.reduceat(values, list(starts))


def value(bad: np.ndarray, good: np.ndarray, starts: tuple[int, ...]) -> float:
    """Information value by its formula, in plain Python."""
    pairs = zip(sums(bad, starts), sums(good, starts), strict=True)
    return sum((g / good.sum() - b / bad.sum()) * np.log((g / good.sum()) / (b / bad.sum())) for b, g in pairs)


def allowed(bad: np.ndarray, good: np.ndarray, starts: tuple[int, ...], limits: Limits, direction: str) -> bool:
    b, g = sums(bad, starts), sums(good, starts)
    steps = np.diff(b / np.where(b + g > 0, b + g, 1))
    course = {"increasing": (steps > 0).all(), "decreasing": (steps < 0).all(), "none": True}
    course["automatic"] = course["increasing"] or course["decreasing"]
    enough = (b >= limits.events).all() and (g >= limits.events).all() and (b + g >= limits.rows).all()
    return bool(enough and len(starts) <= limits.bins and course[direction])


def brute_force(bad: np.ndarray, good: np.ndarray, limits: Limits, direction: str) -> float | None:
    """The best information value of all partitions that are allowed."""
    found = []
    for size in range(len(bad)):
        for rest in itertools.combinations(range(1, len(bad)), size):
            if allowed(bad, good, (0, *rest), limits, direction):
                found.append(value(bad, good, (0, *rest)))
    return max(found) if found else None


@settings(max_examples=300, deadline=None)
@given(counts, directions, st.integers(1, 6), st.integers(1, 4), st.integers(1, 5))
def test_equals_the_best_of_all_partitions(pairs: list[tuple[int, int]], direction: str, rows: int, events: int, bins: int) -> None:
    bad, good = np.array(pairs, dtype=float).T
    limits = Limits(rows, events, bins)
    starts = merged(bad, good, limits=limits, direction=direction)  # type: ignore[arg-type]
    best = brute_force(bad, good, limits, direction) if bad.sum() and good.sum() else None
    if best is None:
        assert starts == ()
        return
    assert allowed(bad, good, starts, limits, direction)
    assert value(bad, good, starts) == pytest.approx(best, abs=1e-9)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**31), st.floats(0.02, 0.2), st.sampled_from([0.9, 0.99, 1.0]))
def test_many_fine_bins_keep_shares_events_and_course(seed: int, share: float, enough: float) -> None:
    random = np.random.default_rng(seed)
    rows = random.integers(0, 50, 200).astype(float)
    bad = random.binomial(rows.astype(int), np.sort(random.uniform(0.02, 0.4, 200))).astype(float)
    limits = Limits(share * rows.sum(), 15, 8, enough)
    starts = merged(bad, rows - bad, limits=limits)
    assert allowed(bad, rows - bad, starts, limits, "automatic")
    assert sums(rows, starts).sum() == rows.sum()
    most = merged(bad, rows - bad, limits=Limits(share * rows.sum(), 15, 8))
    assert len(starts) <= len(most)
    assert value(bad, rows - bad, starts) >= enough * value(bad, rows - bad, most) - 1e-9


def test_turned_counts_give_turned_bins() -> None:
    random = np.random.default_rng(5)
    bad, good = random.integers(1, 9, 30).astype(float), random.integers(1, 9, 30).astype(float)
    limits = Limits(20, 3, 6)
    up = merged(bad, good, limits=limits, direction="increasing")
    down = merged(bad[::-1], good[::-1], limits=limits, direction="decreasing")
    assert up == tuple(sorted({0, *(30 - start for start in down if start)}))


def test_woe_and_iv_of_a_textbook_table() -> None:
    """Four bins by hand: ln of shares, and their weighted sum."""
    bad, good = np.array([10.0, 20.0, 30.0, 0.0]), np.array([300.0, 200.0, 100.0, 5.0])
    woe, iv = woe_iv(bad, good, all_bad=60, all_good=605)
    assert woe[:3] == pytest.approx([np.log((300 / 605) / (10 / 60)), np.log((200 / 605) / (20 / 60)), np.log((100 / 605) / (30 / 60))])
    assert iv[0] == pytest.approx((300 / 605 - 10 / 60) * woe[0])
    assert (woe[3], iv[3]) == (0, 0)


def test_groups_of_neighbours_are_few_and_even() -> None:
    rows = np.full(1000, 3)
    starts = thinned(rows, 200)
    assert list(thinned(rows[:50], 200)) == list(range(50))
    assert len(starts) == 200
    assert set(np.add.reduceat(rows, starts)) == {15}
    heavy = np.array([1, 1, 1000, 1, 1])
    assert list(thinned(heavy, 3)) == [0, 3]
