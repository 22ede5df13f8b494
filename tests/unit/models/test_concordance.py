"""The concordance index against all pairs, one by one."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from gridlens.models.concordance import concordance, counts_of, day_counts
from hypothesis import given
from hypothesis import strategies as st
from pyspark.sql import SparkSession

Case = tuple[int, bool, int]


def by_pairs(cases: list[Case]) -> Fraction | None:
    """Harrell's definition: of pairs (i, j) where i's end was seen and j was still there, the share in which j was predicted longer."""
    agreeing, comparable = Fraction(0), 0
    for i, (days, ended, place) in enumerate(cases):
        for j, (other_days, other_ended, other_place) in enumerate(cases):
            still_there = other_days > days or (other_days == days and not other_ended)
            if i == j or not ended or not still_there:
                continue
            comparable += 1
            agreeing += 1 if other_place > place else Fraction(1, 2) if other_place == place else 0
    return agreeing / comparable if comparable else None


@given(st.lists(st.tuples(st.integers(0, 6), st.booleans(), st.integers(-3, 3)), min_size=1, max_size=25))
def test_the_index_is_that_of_all_pairs(cases: list[Case]) -> None:
    found = concordance(counts_of(np.array([(days, ended, place, 1) for days, ended, place in cases], dtype=np.int64)))
    expected = by_pairs(cases)
    assert found == (None if expected is None else pytest.approx(float(expected), abs=1e-12))


def test_counted_rows_count_as_often() -> None:
    once = np.array([(3, 1, 10, 1), (3, 1, 10, 1), (5, 0, 12, 1), (2, 1, 12, 1)])
    together = np.array([(3, 1, 10, 2), (5, 0, 12, 1), (2, 1, 12, 1)])
    assert concordance(counts_of(once)) == concordance(counts_of(together)) == pytest.approx(2.5 / 5)
    assert concordance(counts_of(np.empty((0, 4), dtype=np.int64))) is None


def test_rows_are_counted_by_day_end_and_place(spark: SparkSession) -> None:
    rows = [(5, True, 10.0), (9, True, 20.0), (9, False, 20.01), (12, True, 8.0), (3, True, None), (4, True, 0.0), (30, False, 1e9)]
    df = spark.createDataFrame(rows, "days int, settled boolean, predicted double")
    counts = day_counts(df, prediction="predicted", days="days", settled="settled")
    assert counts.days.tolist() == [4, 5, 9, 12, 30]
    assert (counts.ended.sum(), counts.censored.sum()) == (4, 2)
    assert counts.ended.shape[1] == 5  # 20 and 20.01 are half a percent apart or less, and nothing is predicted for one row
    known = [(days, settled, round(200 * np.log(min(max(p, 0.5), 3650.0)))) for days, settled, p in rows if p is not None]
    assert concordance(counts) == pytest.approx(float(by_pairs(known) or 0), abs=1e-12)
