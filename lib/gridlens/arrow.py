"""The one bridge from Spark to numpy kernels: list columns become 2-D arrays, without a Python loop per row.

A kernel is a pure function of numpy arrays. ``map_blocks`` runs one over every Arrow batch of a
DataFrame. Rows whose list columns differ in length (92-, 96- and 100-interval days, 48, 24, 1) are
grouped by length, so that a kernel always sees rectangular arrays; lists of any length come as :class:`Ragged` where asked for.
``map_rows`` is for functions of whole batches that give more or fewer rows than they get.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql.pandas.types import from_arrow_schema, to_arrow_schema
from pyspark.sql.types import StructType

Arrays = dict[str, np.ndarray]
Kernel = Callable[..., Mapping[str, np.ndarray]]
RowFunction = Callable[[pa.RecordBatch], Iterable[pa.RecordBatch]]

__all__ = [
    "Arrays",
    "Kernel",
    "Ragged",
    "RowFunction",
    "array_to_numpy",
    "from_arrow_schema",
    "list_lengths",
    "list_to_matrix",
    "map_blocks",
    "map_rows",
    "matrix_to_list",
]


@dataclass(frozen=True, eq=False)
class Ragged:
    """Lists of different lengths.

    Attributes:
        values: the elements of all lists, one list after another; NaN for null. Shape (elements,).
        lengths: of each list, 0 for a null list. Shape (rows,), int64.
    """

    values: np.ndarray
    lengths: np.ndarray

    @staticmethod
    def of(column: pa.Array) -> Ragged:
        """From a list column of floats."""
        lengths = np.maximum(list_lengths(column), 0)
        return Ragged(column.flatten().to_numpy(zero_copy_only=False), lengths)


def list_lengths(column: pa.Array) -> np.ndarray:
    """Length of every list of a list column; a null list counts -1. Shape (rows,), int64."""
    lengths = np.diff(column.offsets.to_numpy(zero_copy_only=False)).astype(np.int64)
    if column.null_count:
        lengths[column.is_null().to_numpy(zero_copy_only=False)] = -1
    return lengths


def list_to_matrix(column: pa.Array) -> np.ndarray:
    """A list column of equal lengths as a (rows, length) array; nulls of floats become NaN, of integers 0."""
    flat = column.flatten()
    if pa.types.is_floating(flat.type):
        values = flat.to_numpy(zero_copy_only=False)  # Arrow writes NaN for null floats
    else:
        values = flat.fill_null(0).to_numpy(zero_copy_only=False) if flat.null_count else flat.to_numpy(zero_copy_only=False)
    rows = len(column)
    return values.reshape(rows, len(values) // rows if rows else 0)


def array_to_numpy(column: pa.Array) -> np.ndarray:
    """A flat column as numpy: floats with NaN for null, dates as datetime64[D], timestamps as datetime64[us], else objects."""
    kind = column.type
    if pa.types.is_date32(kind):
        return column.to_numpy(zero_copy_only=False).astype("datetime64[D]")
    if pa.types.is_timestamp(kind):
        return column.cast(pa.timestamp("us")).to_numpy(zero_copy_only=False)
    if pa.types.is_decimal(kind):
        return column.cast(pa.float64()).to_numpy(zero_copy_only=False)
    return column.to_numpy(zero_copy_only=False)


def matrix_to_list(matrix: np.ndarray, value_type: pa.DataType) -> pa.Array:
    """A (rows, length) array as a list column; NaN becomes null."""
    rows, length = matrix.shape
    flat = np.ascontiguousarray(matrix).reshape(-1)
    values = pa.array(flat, type=value_type, from_pandas=flat.dtype.kind == "f")
    offsets = np.arange(0, rows * length + 1, length, dtype=np.int32) if length else np.zeros(rows + 1, dtype=np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), values)


def _column_to_numpy(column: pa.Array) -> np.ndarray:
    return list_to_matrix(column) if pa.types.is_list(column.type) else array_to_numpy(column)


def _to_arrow(values: np.ndarray, kind: pa.DataType) -> pa.Array:
    if pa.types.is_list(kind):
        return matrix_to_list(values, kind.value_type) if values.ndim == 2 else pa.array(values, type=kind)
    if values.dtype.kind == "f" and pa.types.is_integer(kind):
        missing = ~np.isfinite(values)
        return pa.array(np.where(missing, 0, values).astype(np.int64), mask=missing).cast(kind)
    if values.dtype.kind == "M" and pa.types.is_timestamp(kind):
        return pa.array(values.astype("datetime64[us]"), type=pa.timestamp("us")).cast(kind)
    return pa.array(values, type=kind, from_pandas=True)


def _groups_by_length(batch: pa.RecordBatch, list_columns: Sequence[str], group_by: Sequence[str] = ()) -> Iterator[pa.RecordBatch]:
    """The batch split so that every list column has one length (and no null list), and every group_by column one value, in each part."""
    if not list_columns and not group_by:
        yield batch
        return
    lengths = np.stack(
        [
            *(list_lengths(batch.column(name)) for name in list_columns),
            *(batch.column(name).to_numpy(zero_copy_only=False).astype(np.int64) for name in group_by),
        ]
    )
    distinct, inverse = np.unique(lengths, axis=1, return_inverse=True)
    if distinct.shape[1] == 1 and (distinct >= 0).all():
        yield batch
        return
    inverse = inverse.reshape(-1)
    for group in range(distinct.shape[1]):
        if (distinct[:, group] < 0).any():
            names = [name for name, length in zip(list_columns, distinct[: len(list_columns), group], strict=True) if length < 0]
            raise ValueError(f"list column {', '.join(names)} is null where a kernel needs a list (give an empty list or filter first)")
        yield batch.take(pa.array(np.flatnonzero(inverse == group)))


def map_blocks(
    df: DataFrame,
    kernel: Kernel,
    *,
    schema: StructType,
    keep: Sequence[str] = (),
    inputs: Sequence[str] | None = None,
    group_by: Sequence[str] = (),
    ragged: Sequence[str] = (),
) -> DataFrame:
    """Runs ``kernel`` over every batch of ``df``; gives ``keep`` unchanged plus the kernel's columns.

    Args:
        df: the blocks; list columns hold one day each.
        kernel: gets the ``inputs`` columns as numpy (lists as 2-D) and gives a mapping of new columns,
            one row for each input row (2-D for a list column).
        schema: of the result, ``keep`` included; the kernel must give every other field.
        keep: columns carried over as they are.
        inputs: columns the kernel reads; default all columns of ``df``.
        group_by: non-negative integer columns that are constant in each call of the kernel.
        ragged: list columns given as :class:`Ragged`, whatever their lengths.
    """
    inputs = list(inputs if inputs is not None else df.columns)
    wanted = list(dict.fromkeys([*keep, *inputs, *group_by]))
    target = to_arrow_schema(schema, timezone="UTC")
    list_columns = [name for name in inputs if name not in ragged and df.schema[name].dataType.typeName() == "array"]

    def given(part: pa.RecordBatch, name: str) -> Any:
        return Ragged.of(part.column(name)) if name in ragged else _column_to_numpy(part.column(name))

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            if not batch.num_rows:
                continue
            for part in _groups_by_length(batch, list_columns, group_by):
                result = kernel({name: given(part, name) for name in inputs})
                yield pa.RecordBatch.from_arrays([_field(part, result, keep, field) for field in target], schema=target)

    return df.select(*wanted).mapInArrow(run, schema)


def map_rows(df: DataFrame, function: RowFunction, schema: StructType) -> DataFrame:
    """Runs ``function`` over every batch of ``df``; gives the rows of all batches that it yields.

    Args:
        df: the rows; all its columns reach the function.
        function: gets a batch with at least one row and yields any number of batches with the fields of ``schema``.
        schema: of the result; other columns that the function gives are dropped.
    """
    target = to_arrow_schema(schema, timezone="UTC")

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for result in function(batch) if batch.num_rows else ():
                yield pa.RecordBatch.from_arrays([result.column(field.name).cast(field.type) for field in target], schema=target)

    return df.mapInArrow(run, schema)


def _field(part: pa.RecordBatch, result: Mapping[str, Any], keep: Sequence[str], field: pa.Field) -> pa.Array:
    if field.name in result:
        return _to_arrow(np.asarray(result[field.name]), field.type)
    if field.name in keep:
        return part.column(field.name).cast(field.type)
    raise KeyError(f"the kernel gave no column {field.name}")
