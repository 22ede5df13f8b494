"""Figures from counts by score, against scikit-learn and statements about every row."""

from __future__ import annotations

import math
from itertools import permutations

import numpy as np
import pytest
from gridlens.models import metric_kernels as kernels
from gridlens.models.metric_kernels import Counts
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.stats import ks_2samp
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, roc_auc_score

CASES = st.lists(st.tuples(st.integers(0, 12), st.booleans()), min_size=2, max_size=60)
"""Few scores, so that many are equal."""


def arrays(cases: list[tuple[int, bool]]) -> tuple[np.ndarray, np.ndarray]:
    scores, labels = zip(*cases, strict=True)
    return np.array(scores) / 12, np.array(labels, dtype=float)


def counts(scores: np.ndarray, labels: np.ndarray) -> Counts:
    distinct, at = np.unique(scores, return_inverse=True)
    return Counts(distinct, np.bincount(at).astype(float), np.bincount(at, weights=labels))


def two_classes(cases: list[tuple[int, bool]]) -> tuple[np.ndarray, np.ndarray, Counts]:
    scores, labels = arrays(cases)
    assume(0 < labels.sum() < len(labels))
    return scores, labels, counts(scores, labels)


@settings(deadline=None)
@given(CASES)
def test_auc_average_precision_and_ks_are_the_known_ones(cases: list[tuple[int, bool]]) -> None:
    scores, labels, found = two_classes(cases)
    assert kernels.roc_auc(found) == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)
    assert kernels.average_precision(found) == pytest.approx(average_precision_score(labels, scores), abs=1e-12)
    exact = ks_2samp(scores[labels == 1], scores[labels == 0], method="asymp").statistic
    assert kernels.kolmogorov_smirnov(found) == pytest.approx(exact, abs=1e-12)


@settings(deadline=None)
@given(CASES)
def test_structural_components_are_shares_of_the_other_class(cases: list[tuple[int, bool]]) -> None:
    scores, labels, found = two_classes(cases)
    below, above = kernels.shares_beaten(found)
    for i, score in enumerate(found.score):
        negatives, positives = scores[labels == 0], scores[labels == 1]
        assert below[i] == pytest.approx((negatives < score).mean() + (negatives == score).mean() / 2, abs=1e-12)
        assert above[i] == pytest.approx((positives > score).mean() + (positives == score).mean() / 2, abs=1e-12)


def test_one_class_has_no_curve() -> None:
    negative = counts(np.array([0.1, 0.2]), np.zeros(2))
    positive = counts(np.array([0.1, 0.2]), np.ones(2))
    for found in (negative, positive):
        assert kernels.roc_auc(found) is None
        assert kernels.roc_auc_interval(found) is None
        assert kernels.kolmogorov_smirnov(found) is None
        assert kernels.calibration_line(found) is None
    assert kernels.average_precision(negative) is None
    assert kernels.average_precision(positive) == 1
    assert kernels.at_capacity(negative, 1).recall is None
    assert kernels.top_shares(negative)[0].lift is None


def test_equal_scores_tell_nothing() -> None:
    same = counts(np.full(10, 0.4), np.array([1.0] * 3 + [0.0] * 7))
    assert kernels.roc_auc(same) == 0.5
    assert kernels.average_precision(same) == pytest.approx(0.3)
    assert kernels.kolmogorov_smirnov(same) == 0
    assert kernels.calibration_line(same) is None
    assert [top.lift for top in kernels.top_shares(same)] == pytest.approx([1.0] * 3)
    bins = kernels.calibration_bins(same)
    assert [b.observed_rate for b in bins] == pytest.approx([0.3] * 10)
    assert kernels.calibration_error(bins) == pytest.approx(0.1)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.booleans()), min_size=2, max_size=6), st.integers(1, 6))
def test_equal_scores_across_the_limit_count_by_expectation(cases: list[tuple[int, bool]], limit: int) -> None:
    scores, labels = arrays(cases)
    orders = [order for order in permutations(range(len(labels))) if (np.diff(scores[list(order)]) <= 0).all()]
    hits = np.mean([labels[list(order)][:limit].sum() for order in orders])
    found = kernels.at_capacity(counts(scores, labels), limit)
    assert found.hits == pytest.approx(hits)
    assert found.cases == min(limit, len(labels))
    assert found.precision == pytest.approx(hits / found.cases)


@settings(deadline=None)
@given(CASES, st.integers(1, 80))
def test_so_many_are_taken_from_the_top(cases: list[tuple[int, bool]], limit: int) -> None:
    found = counts(*arrays(cases))
    taken = kernels.taken(found, limit)
    assert taken.sum() == min(limit, found.total)
    partly = (taken > 0) & (taken < found.rows)
    assert partly.sum() <= 1
    assert (np.diff((taken > 0).astype(int)) >= 0).all(), "never a lower score before a higher one"


def test_lift_and_capture_of_the_best() -> None:
    scores = np.arange(200) / 200
    labels = np.zeros(200)
    labels[[199, 198, 190, 50]] = 1
    one, five, ten = kernels.top_shares(counts(scores, labels))
    assert (one.rows, one.precision, one.lift, one.capture) == (2, 1.0, 50.0, 0.5)
    assert (five.rows, five.precision, five.capture) == (10, pytest.approx(0.3), 0.75)
    assert (ten.rows, ten.lift) == (20, pytest.approx(7.5))
    curve = kernels.gains(counts(scores, labels))
    assert curve[0] == (0, 0)
    assert curve[-1] == (1, 1)
    assert curve[5] == (0.05, 0.75)


@settings(deadline=None)
@given(CASES)
def test_ten_bins_hold_the_same_rows_and_everything(cases: list[tuple[int, bool]]) -> None:
    scores, labels = arrays(cases)
    bins = kernels.calibration_bins(counts(scores, labels))
    assert len(bins) == 10
    assert {round(b.rows, 9) for b in bins} == {round(len(labels) / 10, 9)}
    assert sum(b.rows * b.mean_score for b in bins) == pytest.approx(scores.sum())
    assert sum(b.rows * b.observed_rate for b in bins) == pytest.approx(labels.sum())
    assert [b.mean_score for b in bins] == pytest.approx(sorted(b.mean_score for b in bins))


def test_calibration_error_is_the_mean_gap_of_equal_bins() -> None:
    rng = np.random.default_rng(3)
    scores = rng.uniform(size=1000)
    labels = (rng.uniform(size=1000) < scores**2).astype(float)
    order = np.argsort(scores)
    gaps = [abs(scores[part].mean() - labels[part].mean()) for part in order.reshape(10, 100)]
    assert kernels.calibration_error(kernels.calibration_bins(counts(scores, labels))) == pytest.approx(np.mean(gaps))


def test_the_calibration_line_is_that_of_logistic_regression() -> None:
    rng = np.random.default_rng(4)
    scores = rng.uniform(0.02, 0.6, size=3000)
    labels = (rng.uniform(size=3000) < 1 / (1 + np.exp(-(0.6 * np.log(scores / (1 - scores)) - 0.3)))).astype(float)
    fitted = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(np.log(scores / (1 - scores))[:, None], labels)
    line = kernels.calibration_line(counts(scores, labels))
    assert line is not None
    assert line == pytest.approx((fitted.coef_[0, 0], fitted.intercept_[0]), abs=1e-5)


def test_classes_that_a_score_separates_have_no_calibration_line() -> None:
    assert kernels.calibration_line(counts(np.array([0.1, 0.2, 0.7, 0.8]), np.array([0.0, 0.0, 1.0, 1.0]))) is None


@settings(deadline=None)
@given(CASES, st.integers(1, 20), st.integers(1, 20))
def test_no_threshold_is_cheaper(cases: list[tuple[int, bool]], in_vain: int, missed: int) -> None:
    scores, labels = arrays(cases)

    def price(threshold: float) -> float:
        act = scores >= threshold
        return (in_vain * (act & (labels == 0)).sum() + missed * (~act & (labels == 1)).sum()) / len(labels)

    found = kernels.cost(counts(scores, labels), in_vain=in_vain, missed=missed)
    assert found.per_row == pytest.approx(min(price(t) for t in [*scores, math.inf]))
    assert found.per_row == pytest.approx(price(math.inf if found.threshold is None else found.threshold))
    assert found.at_expected == pytest.approx(price(in_vain / (in_vain + missed)))
    assert (found.of_none, found.of_all) == pytest.approx((price(math.inf), price(-1)))


def test_the_interval_covers_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(5)
    truth, inside = 0.7602499, 0  # P(X > Y) of normals one standard deviation apart: Φ(1 / √2)
    for _ in range(400):
        labels = (np.arange(300) < 60).astype(float)
        low, high = kernels.roc_auc_interval(counts(rng.normal(size=300) + labels, labels)) or (1.0, 0.0)
        inside += low <= truth <= high
    assert 0.92 <= inside / 400 <= 0.98


def test_a_perfect_score_has_a_point_for_an_interval() -> None:
    assert kernels.roc_auc_interval(counts(np.arange(6) / 6, np.array([0, 0, 0, 1.0, 1.0, 1.0]))) == (1.0, 1.0)
    assert kernels.roc_auc_interval(counts(np.array([0.1, 0.3]), np.array([0.0, 1.0]))) is None


@settings(deadline=None)
@given(CASES, st.floats(0.01, 0.9))
def test_average_precision_at_another_rate_is_that_of_weighed_positives(cases: list[tuple[int, bool]], rate: float) -> None:
    scores, labels, counted = two_classes(cases)
    weights = np.where(labels == 1, rate / labels.sum(), (1 - rate) / (1 - labels).sum())
    moved = kernels.at_rate(counted, rate)
    assert moved.found / moved.total == pytest.approx(rate)
    assert kernels.average_precision(moved) == pytest.approx(average_precision_score(labels, scores, sample_weight=weights))
    assert kernels.roc_auc(moved) == pytest.approx(kernels.roc_auc(counted))


@settings(deadline=None)
@given(CASES, st.floats(0.05, 1.0))
def test_false_alarms_are_counted_from_the_highest_score_down(cases: list[tuple[int, bool]], capture: float) -> None:
    scores, labels, counted = two_classes(cases)
    wanted, alarms = capture * labels.sum(), 0.0
    for score in np.unique(scores)[::-1]:
        hits, others = labels[scores == score].sum(), (1 - labels[scores == score]).sum()
        part = min(wanted / hits, 1.0) if hits else 1.0
        wanted, alarms = wanted - part * hits, alarms + part * others
        if wanted <= 1e-9:
            break
    assert kernels.false_alarms(counted, capture) == pytest.approx(alarms / (1 - labels).sum())
