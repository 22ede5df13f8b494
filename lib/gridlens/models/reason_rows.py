"""Contributions of a batch as rows: the lists of reasons, and the sums that drivers in total are made of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql.types import ArrayType, DataType, DoubleType, LongType, StringType, StructField, StructType

from gridlens.arrow import list_to_matrix
from gridlens.models.contributions_kernel import largest

REASONS: DataType = ArrayType(
    StructType(
        [
            StructField("feature", StringType(), False),
            StructField("value", StringType(), True),
            StructField("contribution", DoubleType(), False),
        ]
    ),
    False,
)
"""The largest contribution first; ``value`` as text, null where it is not known."""
SUMS: tuple[StructField, ...] = (
    StructField("feature", StringType(), False),
    StructField("rows", LongType(), False),
    *(StructField(name, DoubleType(), False) for name in ("absolute", "signed", "known", "v", "vv", "c", "cc", "vc")),
)
"""By group and feature, summed over rows: the contribution, and value, contribution and their products where the value is known."""
SLOT_SUMS: tuple[StructField, ...] = (
    StructField("vector", StringType(), False),
    StructField("slot", LongType(), False),
    StructField("total", DoubleType(), False),
    StructField("rows", LongType(), False),
)
_ARROW_REASON = pa.struct(
    [pa.field("feature", pa.string(), False), pa.field("value", pa.string()), pa.field("contribution", pa.float64(), False)]
)
NOTHING = 1e-12
"""A smaller contribution is no reason."""
_DIGITS = 6


def reason_lists(contributions: np.ndarray, names: Sequence[str], values: Sequence[pa.Array], top: int) -> pa.ListArray:
    """The ``top`` reasons of each row at most.

    Args:
        contributions: shape (features, rows).
        names: of the features.
        values: of the features, as they are in the data.
        top: most reasons of a row.
    """
    features, given = (part.T.ravel() for part in largest(contributions, top))
    counts = np.where(np.abs(given) > NOTHING, 1, 0)
    rows = contributions.shape[1]
    kept = np.flatnonzero(counts)
    offsets = np.concatenate([[0], np.cumsum(counts.reshape(rows, -1).sum(axis=1))]).astype(np.int32)
    row_of = kept // max(1, len(counts) // max(1, rows))
    named = pa.array(list(names), type=pa.string()).take(pa.array(features[kept]))
    texts = _texts(features[kept], row_of, values)
    structs = pa.StructArray.from_arrays([named, texts, pa.array(given[kept])], fields=list(_ARROW_REASON))
    return pa.ListArray.from_arrays(pa.array(offsets), structs)


def _texts(features: np.ndarray, rows: np.ndarray, values: Sequence[pa.Array]) -> pa.Array:
    """The value of each feature in each row as text."""
    pieces, places = [pa.array([], type=pa.string())], [np.array([], dtype=np.int64)]
    for number, column in enumerate(values):
        here = np.flatnonzero(features == number)
        if len(here):
            pieces.append(text_of(column.take(pa.array(rows[here]))))
            places.append(here)
    order = np.argsort(np.concatenate(places))
    return pa.concat_arrays(pieces).take(pa.array(order))


def text_of(column: pa.Array) -> pa.Array:
    """Values as text: numbers with six significant digits, NaN as not known."""
    if pa.types.is_decimal(column.type):
        column = column.cast(pa.float64())
    if not pa.types.is_floating(column.type):
        return column.cast(pa.string())
    numbers = column.to_numpy(zero_copy_only=False).astype(float)
    finite = np.isfinite(numbers)
    size = np.floor(np.log10(np.abs(np.where(finite & (numbers != 0), numbers, 1.0))))
    scale = 10.0 ** np.clip(_DIGITS - 1 - size, -300, 300)
    rounded = np.where(finite, np.rint(numbers * scale) / scale, 0.0) + 0.0  # -0.0 becomes 0
    return pc.if_else(pa.array(finite), pa.array(rounded).cast(pa.string()), pa.scalar(None, pa.string()))


def sums_by_group(contributions: np.ndarray, names: Sequence[str], values: Sequence[pa.Array], groups: pa.RecordBatch) -> pa.RecordBatch:
    """The columns of SUMS beside those of ``groups``, a row for each group and feature.

    Args:
        contributions: shape (features, rows).
        names: of the features.
        values: of the features; what is no number has no ``v``.
        groups: columns whose values make the groups; none of them: one group.
    """
    rows = contributions.shape[1]
    if groups.num_columns:
        code = groups.to_pandas().groupby(list(groups.schema.names), dropna=False, sort=True).ngroup().to_numpy()
    else:
        code = np.zeros(rows, dtype=np.int64)
    count = int(code.max()) + 1
    first = np.full(count, rows)
    np.minimum.at(first, code, np.arange(rows))

    def total(weights: np.ndarray) -> np.ndarray:
        return np.bincount(code, weights=weights, minlength=count)

    parts = []
    for name, column, given in zip(names, values, contributions, strict=True):
        value = _number(column)
        known = np.isfinite(value)
        v, c = np.where(known, value, 0.0), np.where(known, given, 0.0)
        sums = {
            "absolute": np.abs(given),
            "signed": given,
            "known": known.astype(float),
            "v": v,
            "vv": v * v,
            "c": c,
            "cc": c * c,
            "vc": v * c,
        }
        part = pd.DataFrame({"feature": name, "rows": np.bincount(code, minlength=count), **{key: total(s) for key, s in sums.items()}})
        parts.append(part)
    of_features = pa.RecordBatch.from_pandas(pd.concat(parts, ignore_index=True), preserve_index=False)
    of_groups = groups.take(pa.array(np.tile(first, len(parts)))) if groups.num_columns else groups
    columns = [*of_groups.columns, *of_features.columns] if groups.num_columns else of_features.columns
    return pa.RecordBatch.from_arrays(columns, names=[*groups.schema.names, *of_features.schema.names])


def _number(column: pa.Array) -> np.ndarray:
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.int8())
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type) or pa.types.is_decimal(column.type):
        return column.cast(pa.float64()).to_numpy(zero_copy_only=False)
    return np.full(len(column), np.nan)


def slot_sums(vectors: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """The columns of SLOT_SUMS of a batch of list columns. An aggregation of each slot by Spark takes a minute for 500 slots (2026-11)."""
    for name in vectors.schema.names:
        totals = list_to_matrix(vectors.column(name)).sum(axis=0)
        constant = {"vector": [name] * len(totals), "rows": np.full(len(totals), vectors.num_rows)}
        yield pa.RecordBatch.from_pydict(constant | {"slot": np.arange(len(totals)), "total": totals})
