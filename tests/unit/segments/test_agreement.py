"""Agreement of partitions against scikit-learn, and matching against every assignment tried out."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from gridlens.segments.agreement import adjusted_rand_index, continued, crossing, stability_index
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import adjusted_rand_score

LABELS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=2, max_size=60)
TABLES = arrays(np.int64, st.tuples(st.integers(1, 4), st.integers(1, 4)), elements=st.integers(0, 50))


@given(LABELS)
def test_the_index_is_that_of_scikit_learn(labels: list[tuple[int, int]]) -> None:
    first, second = zip(*labels, strict=True)
    table = np.zeros((5, 5))
    np.add.at(table, (np.array(first), np.array(second)), 1)
    assert adjusted_rand_index(table) == pytest.approx(adjusted_rand_score(first, second))


@given(TABLES)
def test_no_other_assignment_shares_more_accounts(table: np.ndarray) -> None:
    wide = table if table.shape[0] <= table.shape[1] else table.T
    best = max(sum(wide[i, j] for i, j in enumerate(p)) for p in permutations(range(wide.shape[1]), wide.shape[0]))
    found = continued(table)
    assert len(set(found.values())) == len(found), "an earlier segment goes on in one later one at the most"
    assert sum(table[old, new] for new, old in found.items()) <= best
    for new, old in found.items():
        assert 2 * table[old, new] >= min(table[old].sum(), table[:, new].sum())
    if table.any() and (2 * table >= table.sum()).any():  # where one pair has half of all, it is recognised
        assert found


def test_a_segment_that_is_split_goes_on_in_its_larger_part() -> None:
    assert continued(np.array([[60, 40, 0], [0, 0, 80]])) == {0: 0, 2: 1}
    assert continued(np.zeros((0, 3))) == {}


def test_stability_index_of_shares() -> None:
    assert stability_index(np.array([0.5, 0.5]), np.array([0.5, 0.5])) == 0
    assert stability_index(np.array([0.6, 0.4]), np.array([0.5, 0.5])) == pytest.approx(0.1 * np.log(1.2) - 0.1 * np.log(0.8))
    assert stability_index(np.array([1.0, 0.0]), np.array([0.5, 0.5])) > 1


def test_counts_become_a_table() -> None:
    assert crossing([("a", "1", 5), ("b", "0", 2)], ["a", "b"], ["0", "1"]).tolist() == [[0, 5], [2, 0]]
