"""Which characteristics stay: enough information, no near doubles (correlation), no near sums of others (variance inflation)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from gridlens.arrow import from_arrow_schema, map_rows

_ELEMENTS = pa.schema([("position", pa.int32()), ("value", pa.float64())])
_PRECISION = 10
"""Decimals of a correlation: sums of doubles differ later with the order of the partitions."""


def correlations(rows: DataFrame, columns: Sequence[str]) -> np.ndarray:
    """Pearson's correlations of number columns without nulls, shape (columns, columns), in one pass; 0 with a constant column."""
    found = map_rows(rows.select(*columns), _products, from_arrow_schema(_ELEMENTS))
    size = len(columns) + 1
    moments = np.zeros(size * size)
    for row in found.groupBy("position").agg(F.sum("value").alias("value")).collect():  # (columns + 1)²
        moments[row["position"]] = row["value"]
    return _correlations(moments.reshape(size, size))


def _products(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """The sums of products of all columns and of 1, row by row of the matrix."""
    matrix = np.column_stack([np.ones(batch.num_rows), *(column.to_numpy(zero_copy_only=False) for column in batch.columns)])
    flat = (matrix.T @ matrix).reshape(-1)
    yield pa.RecordBatch.from_arrays([pa.array(np.arange(len(flat), dtype=np.int32)), pa.array(flat)], schema=_ELEMENTS)


def _correlations(moments: np.ndarray) -> np.ndarray:
    count, sums = moments[0, 0], moments[0, 1:]
    covariance = moments[1:, 1:] / count - np.outer(sums, sums) / count**2
    spread = np.sqrt(np.clip(np.diag(covariance), 0, None))
    scale = np.outer(spread, spread)
    found = np.where(scale > 1e-12, covariance / np.where(scale > 1e-12, scale, 1), 0.0)
    np.fill_diagonal(found, 1.0)
    return np.round(np.clip(found, -1, 1), _PRECISION)


def variance_inflation(correlation: np.ndarray) -> np.ndarray:
    """1 / (1 - R²) of each column by all others: the diagonal of the inverse correlation matrix; infinite where that has none."""
    if np.linalg.matrix_rank(correlation) < len(correlation):
        values, vectors = np.linalg.eigh(correlation)
        dependent = np.abs(vectors[:, values < 1e-10]).max(axis=1, initial=0.0) > 1e-6
        return np.where(dependent, np.inf, np.diag(np.linalg.pinv(correlation)))
    return np.diag(np.linalg.inv(correlation))


def chosen(
    values: Mapping[str, float], correlation: np.ndarray, *, max_correlation: float, max_vif: float
) -> tuple[tuple[str, ...], dict[str, str]]:
    """Names that stay, most information first, and why the others go.

    Args:
        values: information value by name, in the order of the matrix.
        correlation: of the weights of evidence.
        max_correlation, max_vif: see SelectionDefinition.
    """
    names = list(values)
    order = sorted(range(len(names)), key=lambda i: (-values[names[i]], names[i]))
    kept: list[int] = []
    gone: dict[str, str] = {}
    for i in order:
        like = next((k for k in kept if abs(correlation[i, k]) > max_correlation), None)
        if like is None:
            kept.append(i)
        else:
            gone[names[i]] = f"correlates {correlation[i, like]:.2f} with {names[like]}, which says more"
    while len(kept) > 1:
        inflation = variance_inflation(correlation[np.ix_(kept, kept)])
        worst = max(range(len(kept)), key=lambda j: (round(float(inflation[j]), 6), j))  # of equals the one that says least
        if inflation[worst] <= max_vif:
            break
        gone[names[kept.pop(worst)]] = f"variance inflation {inflation[worst]:.1f}: the others say it together"
    return tuple(names[i] for i in kept), gone
