"""Names say what sets a segment apart, and no two are the same."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from gridlens.segments.definition import Phrase, Words
from gridlens.segments.naming import differences, names


def phrase(name: str) -> Phrase:
    return Phrase(expression=name, high=Words(zh=f"{name}高", en=f"high {name}"), low=Words(zh=f"{name}低", en=f"low {name}"))


PHRASES = [phrase("a"), phrase("b"), phrase("c")]


def test_the_two_greatest_differences_make_the_name() -> None:
    made = names(np.array([[0.1, -3.0, 1.0], [0.2, 0.1, -0.4]]), PHRASES, [10, 20], [None, None])
    assert made == [("b低、c高", "low b, high c"), ("接近平均", "near the average")]


def test_equal_names_are_told_apart_by_a_third_phrase_then_by_number() -> None:
    apart = np.array([[0.6, 3.0, 2.0], [0.0, 3.0, 2.0], [0.0, 3.0, 2.0]])
    made = names(apart, PHRASES, [5, 20, 10], [None, None, None])
    assert made[1] == ("b高、c高", "high b, high c"), "the largest comes first"
    assert made[0] == ("b高、c高、a高", "high b, high c, high a")
    assert made[2] == ("b高、c高（2）", "high b, high c (2)")


def test_a_name_that_is_taken_stays() -> None:
    made = names(np.array([[0.0, 3.0, 2.0], [0.0, 3.0, 2.0]]), PHRASES, [10, 20], [("b高、c高", "high b, high c"), None])
    assert made[0] == ("b高、c高", "high b, high c")
    assert made[1] != made[0]


def test_differences_are_those_of_pandas() -> None:
    random = np.random.default_rng(3)
    rows = pd.DataFrame({"segment": random.integers(0, 3, 200), "v": random.normal(5, 2, 200)})
    rows.loc[rows.index % 7 == 0, "v"] = np.nan
    groups = rows.groupby("segment")["v"]
    means, counts = groups.mean().to_numpy()[:, None], groups.count().to_numpy()[:, None]
    squares = (rows["v"] ** 2).groupby(rows["segment"]).mean().to_numpy()[:, None]
    others, apart = differences(means, counts, squares)
    for segment in range(3):
        rest = rows.loc[rows["segment"] != segment, "v"].mean()
        assert others[segment, 0] == pytest.approx(rest)
        assert apart[segment, 0] == pytest.approx((means[segment, 0] - rest) / rows["v"].std(ddof=0))
