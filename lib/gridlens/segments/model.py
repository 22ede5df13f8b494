"""The model of a segmentation as plain arrays: preparation of features, centres, and to which segment a feature vector belongs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

RIDGE = 1e-6
"""Added to the diagonal of covariances, so that a segment of few accounts has an inverse."""


@dataclass(frozen=True, eq=False)
class Preparation:
    """How feature vectors are prepared: x → fill → winsorize to [low, high] → transform → (t - middle) factor → times projection.

    Attributes:
        transforms: ``none``, ``log`` or ``sqrt`` of each feature.
        fill, low, high, middle, factor: shape (features,).
        projection: principal components, shape (features, components). Nothing is subtracted before: a shift leaves distances as they are.
    """

    transforms: tuple[str, ...]
    fill: np.ndarray
    low: np.ndarray
    high: np.ndarray
    middle: np.ndarray
    factor: np.ndarray
    projection: np.ndarray

    def scaled(self, x: np.ndarray) -> np.ndarray:
        """Feature vectors winsorized, transformed and scaled, shape (rows, features); NaN in ``x`` is not known."""
        clipped = np.clip(np.where(np.isnan(x), self.fill, x), self.low, self.high)
        return (transformed(clipped, self.transforms) - self.middle) * self.factor

    def prepared(self, x: np.ndarray) -> np.ndarray:
        """Feature vectors in the space that is clustered, shape (rows, components)."""
        return self.scaled(x) @ self.projection


def transformed(x: np.ndarray, transforms: tuple[str, ...]) -> np.ndarray:
    """Each column by its transform; ``log`` and ``sqrt`` take what is under 0 as 0. Shape (rows, features)."""
    kinds = np.array(transforms)
    above = np.maximum(x, 0.0)
    return np.where(kinds == "log", np.log1p(above), np.where(kinds == "sqrt", np.sqrt(above), x))


def fitted_preparation(
    transforms: tuple[str, ...], robust: np.ndarray, weights: np.ndarray, missing: np.ndarray, quantiles: np.ndarray
) -> Preparation:
    """A preparation without projection (the identity).

    Args:
        transforms: of each feature.
        robust: True where a feature is scaled, else it keeps its unit.
        weights: of each feature.
        missing: what an unknown value counts as; NaN: the median.
        quantiles: of each feature at (outliers, 0.1, 0.5, 0.9, 1 - outliers), shape (features, 5); NaN where nothing is known.
    """
    low, tenth, median, ninetieth, high = np.nan_to_num(quantiles).T

    def t(values: np.ndarray) -> np.ndarray:
        return transformed(values[None, :], transforms)[0]

    span = t(ninetieth) - t(tenth)
    span = np.where(span > 0, span, t(high) - t(low))
    factor = np.where(robust, np.divide(weights, span, out=np.zeros_like(span), where=span > 0), weights)
    fill = np.where(np.isnan(missing), median, missing)
    middle = np.where(robust, t(median), 0.0)
    return Preparation(transforms, fill, np.minimum(low, fill), np.maximum(high, fill), middle, factor, np.eye(len(transforms)))


@dataclass(frozen=True, eq=False)
class Clusters:
    """The clusters of one fit.

    Attributes:
        algorithm: that found them. Those of ``bisecting_kmeans`` are used like those of k-means: the nearest centre counts.
        centres: shape (k, components).
        covariances: of a Gaussian mixture, shape (k, components, components); else None.
        weights: of a Gaussian mixture, shape (k,); else None.
    """

    algorithm: str
    centres: np.ndarray
    covariances: np.ndarray | None = None
    weights: np.ndarray | None = None

    @property
    def k(self) -> int:
        return len(self.centres)

    def belonging(self, z: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Cluster, runner-up, distance to the centre and confidence (see segment_v1) of each prepared row; each of shape (rows,)."""
        distances = np.sqrt(np.maximum((z**2).sum(axis=1)[:, None] - 2 * z @ self.centres.T + (self.centres**2).sum(axis=1), 0))
        likely = -distances if self.covariances is None else self._log_posterior(z)
        order = np.argsort(-likely, axis=1, kind="stable")
        rows, first, second = np.arange(len(z)), order[:, 0], order[:, 1]
        if self.covariances is None:
            farther = distances[rows, second]
            confidence = np.where(farther > 0, 1 - distances[rows, first] / np.where(farther > 0, farther, 1), 0.0)
        else:
            confidence = np.exp(likely[rows, first])
        return first, second, distances[rows, first], confidence

    def _log_posterior(self, z: np.ndarray) -> np.ndarray:
        assert self.covariances is not None
        assert self.weights is not None
        size = z.shape[1]
        log = np.empty((len(z), self.k))
        for i in range(self.k):
            factor = np.linalg.cholesky(self.covariances[i] + RIDGE * np.eye(size))
            spread = np.linalg.solve(factor, (z - self.centres[i]).T)
            log[:, i] = np.log(max(self.weights[i], 1e-300)) - np.log(np.diag(factor)).sum() - (spread**2).sum(axis=0) / 2
        top = log.max(axis=1, keepdims=True)
        return log - top - np.log(np.exp(log - top).sum(axis=1, keepdims=True))
