"""Contributions of trees against Shapley values by the definition, and against a walk down each tree."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
from gridlens.models import contributions_kernel, margin_terms
from gridlens.models.contributions_kernel import by_path, by_tables, largest, linear
from gridlens.models.margin_terms import EXACT_DEPTH, booster_term, tree_term
from gridlens.models.shapley_tables import MAX_ANSWERS, shapley_of_leaves, table_bytes, tables
from gridlens.models.tree_paths import Trees, trees_of
from hypothesis import given as example
from hypothesis import settings
from hypothesis import strategies as st

from tests.unit.models.tree_games import Node, goes_left, random_tree, rows_of, shapley

SLOTS = 5
CODED = 4


def fitted(nodes: list[Node], weights: list[float] | None = None) -> Trees:
    rows = pd.DataFrame(rows_of(nodes))
    return trees_of(rows, pd.Series(weights or [1.0] * len(nodes)), classification=False)


def vectors(rng: np.random.Generator, rows: int) -> np.ndarray:
    x = rng.normal(size=(rows, SLOTS))
    x[:, CODED] = rng.integers(0, 7, rows)  # 5 and 6 were never seen
    x[rng.random(x.shape) < 0.1] = np.nan
    return x


@settings(max_examples=25, deadline=None)
@example(seed=st.integers(0, 10_000), depth=st.integers(1, 6), grouped=st.booleans())
def test_tables_are_shapley_values(seed: int, depth: int, grouped: bool) -> None:
    rng = np.random.default_rng(seed)
    nodes = [random_tree(rng, depth, SLOTS, coded=CODED) for _ in range(3)]
    group = np.array([0, 1, 2, 0, 3]) if grouped else np.arange(SLOTS)
    trees, x = fitted(nodes), vectors(rng, 4)
    got = by_tables(trees, tables(trees, group), group.max() + 1, x)
    for row, at in enumerate(x):
        base, expected = shapley(nodes, at, group)
        np.testing.assert_allclose(got[:, row], expected, atol=1e-12)
        assert trees.base == pytest.approx(base, abs=1e-12)


def test_blocks_of_rows_are_put_together(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    trees, x = fitted([random_tree(rng, 4, SLOTS, coded=CODED)]), vectors(rng, 11)
    whole = by_tables(trees, tables(trees, np.arange(SLOTS)), SLOTS, x)
    monkeypatch.setattr(contributions_kernel, "ROWS", 4)
    np.testing.assert_array_equal(by_tables(trees, tables(trees, np.arange(SLOTS)), SLOTS, x), whole)


def test_no_table_asks_more_than_it_may() -> None:
    nodes = [random_tree(np.random.default_rng(2), EXACT_DEPTH, 40)]
    found = tables(fitted(nodes), np.arange(40))
    assert len(found) > 4
    assert max(len(table.splits) for table in found) <= MAX_ANSWERS
    assert table_bytes(fitted(nodes), np.arange(40)) == sum(table.values.nbytes for table in found)


def test_weights_of_trees_scale_what_they_give() -> None:
    rng = np.random.default_rng(3)
    nodes, x = [random_tree(rng, 3, SLOTS), random_tree(rng, 3, SLOTS)], vectors(rng, 5)
    one, two = (by_tables(t, tables(t, np.arange(SLOTS)), SLOTS, x) for t in (fitted(nodes[:1]), fitted(nodes[1:])))
    both = fitted(nodes, [1.0, 0.1])
    np.testing.assert_allclose(by_tables(both, tables(both, np.arange(SLOTS)), SLOTS, x), one + 0.1 * two, atol=1e-12)


def mean(node: Node) -> float:
    if "slot" not in node:
        return float(node["value"])
    left, right = node["left"], node["right"]
    return (left["cover"] * mean(left) + right["cover"] * mean(right)) / (left["cover"] + right["cover"])


@pytest.mark.parametrize("depth", [2, EXACT_DEPTH + 3])
def test_a_path_gives_each_split_what_it_changes(depth: int) -> None:
    rng = np.random.default_rng(depth)
    nodes = [random_tree(rng, depth, SLOTS, coded=CODED) for _ in range(2)]
    trees, x, group = fitted(nodes), vectors(rng, 20), np.array([0, 1, 2, 0, 3])
    got = by_path(trees, group, 4, x)
    for row, at in enumerate(x):
        expected, total = np.zeros(4), 0.0
        for tree in nodes:
            node = tree
            while "slot" in node:
                child = node["left"] if goes_left(node, at) else node["right"]
                expected[group[node["slot"]]] += mean(child) - mean(node)
                node = child
            total += node["value"]
        np.testing.assert_allclose(got[:, row], expected, atol=1e-12)
        assert trees.base + got[:, row].sum() == pytest.approx(total, abs=1e-12)


def test_deep_trees_go_by_path_and_shallow_ones_by_tables() -> None:
    rng = np.random.default_rng(4)
    deep, shallow = (fitted([random_tree(rng, depth, SLOTS)]) for depth in (EXACT_DEPTH + 2, 3))
    assert deep.depth > EXACT_DEPTH
    assert tree_term("v", 1.0, deep, np.arange(SLOTS)).tables is None
    assert tree_term("v", 1.0, shallow, np.arange(SLOTS)).tables


def test_tables_too_large_to_travel_are_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    trees = fitted([random_tree(np.random.default_rng(5), 3, SLOTS)])
    monkeypatch.setattr(margin_terms, "EXACT_BYTES", table_bytes(trees, np.arange(SLOTS)) - 1)
    assert tree_term("v", 1.0, trees, np.arange(SLOTS)).tables is None


def test_a_tree_without_splits_contributes_nothing() -> None:
    trees = fitted([{"value": 0.7, "cover": 10.0}])
    assert trees.base == pytest.approx(0.7)
    assert not by_tables(trees, tables(trees, np.arange(SLOTS)), SLOTS, np.zeros((2, SLOTS))).any()
    assert not by_path(trees, np.arange(SLOTS), SLOTS, np.zeros((2, SLOTS))).any()


def test_votes_of_a_forest_are_shares_of_the_class() -> None:
    rows = pd.DataFrame(
        rows_of([{"slot": 0, "upto": 0.0, "cover": 0, "left": {"value": 0, "cover": 0}, "right": {"value": 0, "cover": 0}}])
    )
    rows["stats"] = [[6.0, 4.0], [5.0, 1.0], [1.0, 3.0]]
    trees = trees_of(rows, pd.Series([1.0]), classification=True)
    assert trees.value.tolist() == [0.4, 1 / 6, 0.75]
    got = by_tables(trees, tables(trees, np.array([0])), 1, np.array([[-1.0], [1.0]]))
    np.testing.assert_allclose(got, [[1 / 6 - 0.4, 0.75 - 0.4]])


def test_one_unknown_feature_answers_by_its_share() -> None:
    np.testing.assert_allclose(shapley_of_leaves(np.array([[0.25]])), [[[-0.25, 0.75]]])


def test_linear_parts_compare_with_the_mean_and_fold_to_groups() -> None:
    got = linear(
        np.array([2.0, -1.0, 0.5]), np.array([1.0, 0.0, 4.0]), np.array([0, 1, 0]), 2, np.array([[3.0, 1.0, 0.0], [1.0, 0.0, 4.0]])
    )
    np.testing.assert_allclose(got, [[2.0, 0.0], [-1.0, 0.0]])


def test_equal_contributions_stand_in_the_order_of_the_features() -> None:
    order, given = largest(np.array([[0.5, 0.0], [-0.5, 0.1], [0.7, -0.2]]), 2)
    assert order.T.tolist() == [[2, 0], [2, 1]]
    assert given.T.tolist() == [[0.7, 0.5], [-0.2, 0.1]]


def test_xgboost_tells_its_own_values() -> None:
    xgboost = pytest.importorskip("xgboost")
    rng = np.random.default_rng(6)
    x, group = vectors(rng, 200), np.array([0, 1, 2, 0, 3])
    matrix = xgboost.DMatrix(x, label=(np.nan_to_num(x[:, 0]) > 0).astype(float))
    booster = xgboost.train({"max_depth": 3, "objective": "binary:logistic"}, matrix, num_boost_round=5)
    term = pickle.loads(pickle.dumps(booster_term("v", 0.5, booster, SLOTS)))
    total = term.base + term.contributions(x, group, 4).sum(axis=0)
    np.testing.assert_allclose(total, 0.5 * booster.predict(matrix, output_margin=True), atol=1e-5)
