"""Who walked a path, how much it tells and which paths are worth showing: against plain Python and scipy."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pyarrow as pa
import pytest
from gridlens.profile.path_measures import Measured, is_subsequence, measured, telling
from gridlens.profile.path_mining import latest_begins, padded
from gridlens.profile.paths import PathSettings
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import contingency, fisher_exact

CODES = st.integers(0, 4)
SEQUENCES = st.lists(st.lists(CODES, max_size=9), min_size=1, max_size=12)
PATTERNS = st.lists(st.lists(st.integers(1, 4), min_size=1, max_size=4).map(tuple), min_size=1, max_size=6)


def latest_begin(sequence: list[int], pattern: tuple[int, ...]) -> int:
    """Greatest first index among all ways to walk the pattern, by trying them all."""
    ways = [way for way in combinations(range(len(sequence)), len(pattern)) if tuple(sequence[i] for i in way) == pattern]
    return max((way[0] for way in ways), default=-1)


@given(SEQUENCES, PATTERNS)
def test_the_latest_begin_is_that_of_all_ways(sequences: list[list[int]], patterns: list[tuple[int, ...]]) -> None:
    codes = padded(pa.array(sequences, pa.list_(pa.int32())), 0)
    found = [begins.tolist() for begins in latest_begins(codes, patterns)]
    assert found == [[latest_begin(sequence, pattern) for sequence in sequences] for pattern in patterns]


def test_lists_are_padded_and_null_is_empty() -> None:
    assert padded(pa.array([[1, 2], None, []], pa.list_(pa.int32())), 0).tolist() == [[1, 2], [0, 0], [0, 0]]


def counted(walked: dict[int, int], others: int) -> list[dict[str, int]]:
    """Rows of path_counts of pattern 0: accounts with the outcome by days, accounts without it."""
    rows = [{"pattern": 0, "with_outcome": True, "days": days, "accounts": n} for days, n in walked.items()]
    return [*rows, {"pattern": 0, "with_outcome": False, "days": 3, "accounts": others}] if others else rows


@pytest.mark.parametrize(("walked", "others", "cases", "compared"), [({5: 3, 9: 1}, 2, 10, 40), ({1: 7}, 90, 7, 100), ({2: 1}, 0, 20, 20)])
def test_measures_equal_those_of_a_table_of_four(walked: dict[int, int], others: int, cases: int, compared: int) -> None:
    number = sum(walked.values())
    (path,) = measured([("a", "b")], counted(walked, others), outcome_accounts=cases, compared=compared)
    table = [[number, cases - number], [others, compared - others]]
    assert path.p_value == pytest.approx(fisher_exact(table, alternative="greater").pvalue)
    assert path.q_value == pytest.approx(path.p_value)
    assert path.support == number / cases
    assert path.lift == (pytest.approx((number / cases) / (others / compared)) if others else None)
    assert path.median_days == np.median([day for day, n in walked.items() for _ in range(n)])


@pytest.mark.parametrize(("walked", "others", "cases", "compared"), [(9, 4, 30, 200), (3, 0, 12, 40), (12, 12, 40, 40)])
def test_the_lift_is_ranked_by_its_lower_end(walked: int, others: int, cases: int, compared: int) -> None:
    (path,) = measured([("a",)], counted({1: walked}, others), outcome_accounts=cases, compared=compared)
    # scipy's risk ratio takes whole numbers: twice half an account more, and an interval that is narrower for it.
    ratio = contingency.relative_risk(2 * walked + 1, 2 * cases + 2, 2 * others + 1, 2 * compared + 2)
    half_width = np.log(ratio.relative_risk / ratio.confidence_interval(0.95).low) * np.sqrt(2)
    assert np.log(path.lift_low) == pytest.approx(np.log(ratio.relative_risk) - half_width, abs=1e-3)


def test_q_values_are_those_of_benjamini_and_hochberg() -> None:
    patterns = [("a",), ("b",), ("c",), ("d",)]
    numbers = [(9, 4), (6, 10), (5, 20), (1, 9)]
    rows = [
        {"pattern": index, "with_outcome": outcome, "days": 1, "accounts": n}
        for index, pair in enumerate(numbers)
        for outcome, n in zip((True, False), pair, strict=True)
    ]
    paths = measured(patterns, rows, outcome_accounts=10, compared=40)
    p = [path.p_value for path in paths]
    for path in paths:
        adjusted = [other * len(p) / sum(o <= other for o in p) for other in p if other >= path.p_value]
        assert path.q_value == pytest.approx(min(1.0, *adjusted, 1.0))


def one(path: str, walked: int, others: int, low: float, *, q: float = 0.001) -> Measured:
    return Measured(tuple(path), walked, others, walked / 100, 2 * low, low, q, q, 10.0)


@pytest.mark.parametrize(
    ("paths", "shown"),
    [
        pytest.param([one("a", 20, 10, 2.0), one("b", 30, 10, 3.0)], ["b", "a"], id="greatest lift first"),
        pytest.param([one("a", 20, 10, 2.0), one("b", 2, 0, 9.0)], ["a"], id="rare"),
        pytest.param([one("a", 20, 40, 0.5)], [], id="no likelier before the outcome"),
        pytest.param([one("a", 20, 10, 2.0, q=0.06)], [], id="chance"),
        pytest.param([one("a", 20, 10, 2.0), one("ab", 20, 10, 2.0)], ["ab"], id="the same accounts: the longer one says more"),
        pytest.param([one("a", 20, 10, 2.0), one("ab", 20, 2, 10.0)], ["ab"], id="the same accounts, fewer others"),
        pytest.param([one("a", 20, 10, 2.0), one("ab", 15, 7, 2.1)], ["a"], id="hardly more than what it begins with"),
        pytest.param([one("a", 20, 10, 2.0), one("ab", 15, 3, 5.0)], ["ab", "a"], id="much more than what it begins with"),
    ],
)
def test_paths_worth_showing(paths: list[Measured], shown: list[str]) -> None:
    assert ["".join(path.path) for path in telling(paths, PathSettings())] == shown


@given(st.lists(CODES, max_size=4), st.lists(CODES, max_size=8))
def test_subsequence(part: list[int], whole: list[int]) -> None:
    expected = any(list(way) == part for way in combinations(whole, len(part)))
    assert is_subsequence([str(c) for c in part], [str(c) for c in whole]) == expected


def test_nothing_to_test() -> None:
    assert measured([], [], outcome_accounts=0, compared=0) == []
