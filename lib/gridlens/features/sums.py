"""Weighted sums of the columns of each row, the same to the last bit whatever the other rows of the batch."""

from __future__ import annotations

import numpy as np


def weighted_sums(x: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """``x @ weights`` without BLAS, whose last bits depend on where in the batch a row stands (measured): replays must be exact.

    Neighbouring columns of equal weights are added first, so that quarter hours become hours and the rest is cheap.

    Args:
        x: shape (rows, n), finite.
        weights: shape (n, sums).

    Returns:
        shape (rows, sums).
    """
    while len(weights) % 2 == 0 and np.array_equal(weights[0::2], weights[1::2]):
        x, weights = x[:, 0::2] + x[:, 1::2], weights[0::2]
    diagonal = np.diagonal(weights)
    if weights.shape[0] == weights.shape[1] and np.array_equal(weights, np.diag(diagonal)):
        return x * diagonal
    return np.einsum("ij,jk->ik", x, weights)
