"""Preparation by hand-made figures; membership against scikit-learn and plain distances."""

from __future__ import annotations

import numpy as np
import pytest
from gridlens.segments.model import Clusters, fitted_preparation
from sklearn.mixture import GaussianMixture


def test_values_are_filled_limited_transformed_and_scaled() -> None:
    ready = fitted_preparation(
        ("none", "log", "sqrt", "none"),
        np.array([True, True, False, True]),
        np.array([2.0, 1.0, 1.0, 1.0]),
        np.array([np.nan, 0.0, np.nan, np.nan]),
        np.array([[0, 10, 20, 30, 40], [0, 0, 3, 7, 9], [0, 1, 4, 9, 16], [5, 5, 5, 5, 5]], dtype=float),
    )
    x = np.array([[20, 3, 4, 5], [1000, 1000, 1000, 1000], [np.nan, np.nan, -4, np.nan]])
    scaled = ready.scaled(x)
    assert scaled[0] == pytest.approx([0, 0, 2, 0])
    assert scaled[1] == pytest.approx([2 * 20 / 20, (np.log1p(9) - np.log1p(3)) / np.log1p(7), 4, 0])
    assert scaled[2] == pytest.approx([0, -np.log1p(3) / np.log1p(7), 0, 0])
    assert ready.prepared(x) == pytest.approx(scaled)


def test_the_limits_are_the_scale_where_most_values_are_the_same() -> None:
    ready = fitted_preparation(("none",), np.array([True]), np.ones(1), np.array([np.nan]), np.array([[0, 0, 0, 0, 0.5]]))
    assert ready.scaled(np.array([[0.5]])) == pytest.approx(np.array([[1.0]]))


def test_the_nearest_centre_counts() -> None:
    clusters = Clusters("kmeans", np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 100.0]]))
    first, second, distance, confidence = clusters.belonging(np.array([[1.0, 0.0], [6.0, 0.0], [0.0, 90.0]]))
    assert first.tolist() == [0, 1, 2]
    assert second.tolist() == [1, 0, 0]
    assert distance == pytest.approx([1, 4, 10])
    assert confidence == pytest.approx([1 - 1 / 9, 1 - 4 / 6, 1 - 10 / 90])


def test_equal_centres_tell_nothing_apart() -> None:
    *_, confidence = Clusters("kmeans", np.zeros((2, 1))).belonging(np.array([[0.0], [3.0]]))
    assert confidence.tolist() == [0, 0]


def test_a_mixture_gives_the_posterior_of_scikit_learn() -> None:
    random = np.random.default_rng(7)
    z = np.vstack([random.normal(0, 1, (80, 3)), random.normal(2, 0.5, (60, 3)), random.normal(-3, 2, (40, 3))])
    theirs = GaussianMixture(3, random_state=1).fit(z)
    ours = Clusters("gaussian_mixture", theirs.means_, theirs.covariances_, theirs.weights_)
    first, second, _, confidence = ours.belonging(z)
    posterior = theirs.predict_proba(z)
    assert first.tolist() == theirs.predict(z).tolist()
    assert confidence == pytest.approx(posterior.max(axis=1), abs=1e-4)
    assert (second != first).all()
