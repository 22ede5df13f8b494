"""Two versions on the same rows: DeLong's interval against a plain implementation over all pairs, and what it covers."""

from __future__ import annotations

import numpy as np
import pytest
from gridlens.errors import SourceError
from gridlens.models.compare import compare
from gridlens.models.figures import Comparison
from pyspark.sql import DataFrame, SparkSession
from sklearn.metrics import log_loss, roc_auc_score

N = 1200


def scores(seed: int, skill: float = 1.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels and two versions' scores that share a part; rounded, so that some are equal."""
    rng = np.random.default_rng(seed)
    label = (rng.uniform(size=N) < 0.15).astype(int)
    common = rng.normal(size=N)
    first, second = (1 / (1 + np.exp(-(common + rng.normal(size=N) + s * label - 2))) for s in (skill, 0.9))
    return label, first.round(2).clip(0.001, 0.999), second.round(3).clip(0.001, 0.999)


def delong(y: np.ndarray, a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    """(difference, standard error) over all pairs of a positive and a negative."""
    parts = []
    for s in (a, b):
        wins = (s[y == 1][:, None] > s[y == 0][None, :]) + 0.5 * (s[y == 1][:, None] == s[y == 0][None, :])
        parts.append((wins.mean(axis=1), wins.mean(axis=0), wins.mean()))
    tens, ones = np.cov(parts[0][0], parts[1][0]), np.cov(parts[0][1], parts[1][1])
    s = tens / (y == 1).sum() + ones / (y == 0).sum()
    return parts[0][2] - parts[1][2], float(np.sqrt(s[0, 0] + s[1, 1] - 2 * s[0, 1]))


def frame(spark: SparkSession, y: np.ndarray, a: np.ndarray, b: np.ndarray) -> DataFrame:
    rows = [(float(p), float(q), int(label)) for p, q, label in zip(a, b, y, strict=True)]
    return spark.createDataFrame(rows, "prediction double, champion double, label int").repartition(3)


def compared(spark: SparkSession, y: np.ndarray, a: np.ndarray, b: np.ndarray, capacity: int = 100) -> Comparison:
    return compare(frame(spark, y, a, b), other="champion", capacity=capacity)


def test_difference_and_interval_are_those_of_all_pairs(spark: SparkSession) -> None:
    y, a, b = scores(1)
    found = compared(spark, y, a, b)
    difference, error = delong(y, a, b)
    assert found.difference == pytest.approx(difference, abs=1e-9)
    assert found.difference == pytest.approx(roc_auc_score(y, a) - roc_auc_score(y, b), abs=1e-9)
    assert (found.high - found.low) / 2 == pytest.approx(1.959964 * error, rel=1e-6)
    assert (found.rows, found.positives) == (N, y.sum())
    assert found.log_loss == pytest.approx(log_loss(y, a), rel=1e-9)
    assert found.other_log_loss == pytest.approx(log_loss(y, b), rel=1e-9)


def test_a_clear_gain_is_seen_as_one(spark: SparkSession) -> None:
    found = compared(spark, *scores(2, skill=2.5))
    assert 0 < found.low < found.difference < found.high


def test_cases_that_both_name(spark: SparkSession) -> None:
    y, a, _ = scores(3)
    distinct = (np.argsort(np.argsort(a, kind="stable")) + 1) / (N + 2)
    turned = 1 - distinct
    assert compared(spark, y, distinct, distinct).common == pytest.approx(1)
    assert compared(spark, y, distinct, turned).common == 0
    rng = np.random.default_rng(0)
    other = rng.permutation(distinct)
    both = set(np.argsort(-distinct)[:100]) & set(np.argsort(-other)[:100])
    assert compared(spark, y, distinct, other).common == pytest.approx(len(both) / 100)


def test_the_same_scores_do_not_differ_at_all(spark: SparkSession) -> None:
    y, a, _ = scores(4)
    found = compared(spark, y, a, a)
    assert (found.difference, found.low, found.high) == (0, 0, 0)


def test_what_cannot_be_compared_is_refused(spark: SparkSession) -> None:
    y, a, b = scores(5)
    with pytest.raises(SourceError, match="0 positives"):
        compared(spark, np.zeros(N, dtype=int), a, b)
    with pytest.raises(SourceError, match="no champion between 0 and 1"):
        compared(spark, y, a, b + 2)
