"""The interval of the difference of two concordance indices, against all pairs and the jackknife written out."""

from __future__ import annotations

import numpy as np
import pytest
from gridlens.models.concordance_difference import LEAST_GROUPS, compare_days, difference
from pyspark.sql import SparkSession
from scipy.stats import t


def bills(count: int, groups: int, seed: int = 1) -> tuple[np.ndarray, ...]:
    """Group, day, end seen, and places of two predictions of which the first is the nearer."""
    random = np.random.default_rng(seed)
    scale = random.integers(3, 30, count)
    taken = np.rint(scale * random.weibull(2, count)).astype(int)
    places = [np.rint(np.log(scale) * 5 + random.normal(0, noise, count)).astype(int) for noise in (1, 8)]
    return random.integers(0, groups, count), np.minimum(taken, 25), taken <= 25, *places


def by_pairs(day: np.ndarray, end: np.ndarray, place: np.ndarray) -> float:
    """Harrell's index over all pairs."""
    pairs = end[:, None] & ((day[None] > day[:, None]) | ((day[None] == day[:, None]) & ~end[None]))
    agree = (place[None] > place[:, None]) + 0.5 * (place[None] == place[:, None])
    return float((agree * pairs).sum() / pairs.sum())


def counted(group: np.ndarray, day: np.ndarray, end: np.ndarray, place: np.ndarray) -> np.ndarray:
    return np.column_stack([group, day, end, place, np.ones_like(day)])


def test_the_interval_is_that_of_the_jackknife_over_groups() -> None:
    group, day, end, first, second = bills(150, 14)
    found = difference(counted(group, day, end, first), counted(group, day, end, second), 0.9)

    def apart(kept: np.ndarray) -> float:
        return by_pairs(day[kept], end[kept], first[kept]) - by_pairs(day[kept], end[kept], second[kept])

    whole, without = apart(group >= 0), np.array([apart(group != one) for one in range(14)])
    error = np.sqrt(13 / 14 * ((without - without.mean()) ** 2).sum())
    assert found
    assert (found.rows, found.groups, found.confidence) == (150, 14, 0.9)
    assert (found.concordance, found.other_concordance) == pytest.approx((by_pairs(day, end, first), by_pairs(day, end, second)))
    assert (found.difference, found.low, found.high) == pytest.approx((whole, *(whole + np.array([-1, 1]) * t.ppf(0.95, 13) * error)))
    assert 0 < found.low < found.high


def test_what_predicts_alike_differs_by_nothing() -> None:
    group, day, end, first, _ = bills(150, 14)
    found = difference(counted(group, day, end, first), counted(group, day, end, first))
    assert found
    assert (found.difference, found.low, found.high) == (0, 0, 0)


def test_without_groups_or_pairs_enough_nothing_is_told() -> None:
    group, day, end, first, second = bills(150, LEAST_GROUPS)
    for changed in ((group % (LEAST_GROUPS - 1), end), (group, np.zeros_like(end)), (group, (group == 3) & end)):
        assert difference(counted(changed[0], day, changed[1], first), counted(changed[0], day, changed[1], second)) is None
    nothing = np.empty((0, 5), dtype=np.int64)
    assert difference(nothing, nothing) is None
    assert difference(counted(group, day, end, first), counted(group, day, end, second))


def test_bills_of_an_account_count_together(spark: SparkSession) -> None:
    """A second bill that is as the first says nothing new: the interval is no narrower."""
    _, day, end, first, second = bills(120, 1)
    rows = [(f"a{i}", int(day[i]), bool(end[i]), *(float(np.exp(2 + place[i] / 20)) for place in (first, second))) for i in range(120)]
    unknown = [("b1", 3, True, None, 4.0), ("b2", 3, True, 4.0, float("nan"))]
    schema = "account_id string, days int, settled boolean, new double, old double"
    columns = {"prediction": "new", "other": "old", "days": "days", "settled": "settled", "by": "account_id"}
    once, twice = (compare_days(spark.createDataFrame(some, schema).coalesce(1), **columns) for some in (rows + unknown, rows + rows))
    assert once
    assert twice
    assert (once.rows, twice.rows, once.groups) == (120, 240, 20)
    assert (once.concordance, once.other_concordance) == pytest.approx((by_pairs(day, end, first), by_pairs(day, end, second)))
    assert (twice.difference, twice.low, twice.high) == pytest.approx((once.difference, once.low, once.high))
