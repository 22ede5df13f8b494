"""The terms of a margin that features contribute to: trees and linear functions.

Each reads one vector column, gives its ``base`` where no feature is known, and its ``contributions``: of vectors (rows, slots) and the
group of features that each slot belongs to (slots,), what each of ``count`` groups adds. Shape (count, rows).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from gridlens.models.contributions_kernel import by_path, by_tables, linear
from gridlens.models.shapley_tables import Table, table_bytes, tables
from gridlens.models.tree_paths import Trees

EXACT_DEPTH = 7
"""Deeper trees get path attribution: exact values would take every row past every leaf."""
EXACT_BYTES = 64_000_000
"""As do those whose tables would be larger, since they travel to every worker: 100 full trees of depth 5 take 14 MB, of depth 7 50 MB."""


@dataclass(frozen=True, eq=False)
class TreeTerm:
    """Trees, their sum times a weight; ``tables`` where they are shallow enough for exact values."""

    column: str
    weight: float
    trees: Trees
    tables: tuple[Table, ...] | None

    @property
    def base(self) -> float:
        return self.weight * self.trees.base

    def contributions(self, vectors: np.ndarray, groups: np.ndarray, count: int) -> np.ndarray:
        if self.tables is None:
            return self.weight * by_path(self.trees, groups, count, vectors)
        return self.weight * by_tables(self.trees, self.tables, count, vectors)


@dataclass(frozen=True, eq=False)
class LinearTerm:
    """Coefficients, with the mean of what they weigh."""

    column: str
    coefficients: np.ndarray
    means: np.ndarray

    @property
    def base(self) -> float:
        return float(self.coefficients @ self.means)

    def contributions(self, vectors: np.ndarray, groups: np.ndarray, count: int) -> np.ndarray:
        return linear(self.coefficients, self.means, groups, count, vectors)


@dataclass(frozen=True, eq=False)
class BoosterTerm:
    """XGBoost's trees, which work out their Shapley values themselves."""

    column: str
    weight: float
    booster: Any
    base: float

    def contributions(self, vectors: np.ndarray, groups: np.ndarray, count: int) -> np.ndarray:
        given = _booster_contributions(self.booster, vectors)
        fold = np.zeros((len(groups), count))
        fold[np.arange(len(groups)), groups] = self.weight
        return (given[:, :-1] @ fold).T


def _booster_contributions(booster: Any, vectors: np.ndarray) -> np.ndarray:
    import xgboost  # an extra

    return np.asarray(booster.predict(xgboost.DMatrix(vectors), pred_contribs=True, validate_features=False), dtype=float)


Term = TreeTerm | LinearTerm | BoosterTerm


def tree_term(column: str, weight: float, trees: Trees, groups: np.ndarray) -> TreeTerm:
    """The term of trees that read ``column``; ``groups``: of every slot."""
    exact = trees.depth <= EXACT_DEPTH and table_bytes(trees, groups) <= EXACT_BYTES
    return TreeTerm(column, weight, trees, tuple(tables(trees, groups)) if exact else None)


def booster_term(column: str, weight: float, booster: Any, slots: int) -> BoosterTerm:
    """The term of an XGBoost model over so many slots."""
    return BoosterTerm(column, weight, booster, weight * float(_booster_contributions(booster, np.zeros((1, slots)))[0, -1]))
