"""Which characteristics stay: correlations as numpy finds them, variance inflation as a regression gives it, the order of leaving."""

from __future__ import annotations

import numpy as np
import pytest
from gridlens.models.selection import chosen, correlations, variance_inflation
from pyspark.sql import SparkSession


def made(rows: int = 400) -> np.ndarray:
    random = np.random.default_rng(2)
    a, b, c = random.normal(size=(3, rows))
    return np.column_stack([a, b, a + 0.1 * b, a + b + c, c])


def test_correlations_equal_numpy_whatever_the_partitions(spark: SparkSession) -> None:
    rows = np.column_stack([made(), np.full(400, 7.0)])
    names = [f"x{i}" for i in range(6)]
    frame = spark.createDataFrame(rows.tolist(), names)
    found = correlations(frame.repartition(3), names)
    assert found[:5, :5] == pytest.approx(np.corrcoef(rows[:, :5].T), abs=1e-9)
    assert found[5].tolist() == [0, 0, 0, 0, 0, 1], "a constant says nothing of any other"
    assert (found == correlations(frame.coalesce(1), names)).all()


def test_variance_inflation_is_that_of_a_regression_on_the_others() -> None:
    rows = made()[:, [0, 1, 3, 4]] + np.random.default_rng(3).normal(size=(400, 4))
    found = variance_inflation(np.corrcoef(rows.T))
    for i in range(4):
        others = np.column_stack([np.delete(rows, i, axis=1), np.ones(len(rows))])
        rest = rows[:, i] - others @ np.linalg.lstsq(others, rows[:, i], rcond=None)[0]
        assert found[i] == pytest.approx(rows[:, i].var() / rest.var())


def test_what_is_a_sum_of_others_is_infinite_and_what_is_not_is_not() -> None:
    random = np.random.default_rng(4)
    a, b, c, d = random.normal(size=(4, 500))
    found = variance_inflation(np.corrcoef(np.column_stack([a, b, a + b, c, d]).T))
    assert np.isinf(found[:3]).all()
    assert found[3:] == pytest.approx([1, 1], abs=0.1)


def test_the_weaker_of_two_goes_then_the_most_inflated() -> None:
    matrix = np.corrcoef(made().T)
    values = {"a": 0.5, "b": 0.2, "nearly a": 0.4, "sum": 0.3, "c": 0.1}
    kept, gone = chosen(values, matrix, max_correlation=0.9, max_vif=5)
    assert set(gone) == {"nearly a", "c"}
    assert gone["nearly a"].startswith("correlates 1.00 with a")
    assert gone["c"].startswith("variance inflation inf"), "of those that are sums of one another the one that says least"
    assert kept == ("a", "sum", "b")
    assert chosen(values, matrix, max_correlation=1, max_vif=np.inf)[0] == ("a", "nearly a", "sum", "b", "c")
