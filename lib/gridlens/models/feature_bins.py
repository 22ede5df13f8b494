"""Fixed cells of columns and what lies in them: one pass over all columns, and a few numbers a cell reach the driver.

A number's cells lie between quantiles of the rows that they were taken from, a value that many rows share in a cell of its own; a
category's are its most frequent values and one for all others. What is missing has a cell of its own, the last one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import IntegerType, LongType, StructField, StructType

from gridlens.arrow import map_rows
from gridlens.errors import SourceError
from gridlens.models.definition import ModelFeature

SAMPLE = 20_000
"""Rows that cells are taken from: borders are quantiles within ±0.7 %; what lies in the cells is counted over all rows."""
CELLS = 10
VALUES = 20
_BUCKETS = 1_000_000
_LABEL = "_label"
_COUNTED = StructType(
    [
        StructField("feature", IntegerType(), False),
        StructField("cell", IntegerType(), False),
        StructField("rows", LongType(), False),
        StructField("positives", LongType(), False),
    ]
)


@dataclass(frozen=True)
class Bins:
    """The cells of one column.

    Attributes:
        name: the column.
        kind: number, or category (flags too).
        cuts: rising; a number's cell i holds cuts[i - 1] <= x < cuts[i].
        values: a category's, most frequent first.
    """

    name: str
    kind: Literal["number", "category"]
    cuts: tuple[float, ...] = ()
    values: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Number of cells: the last one is what is missing; of a category the one before it is every other value."""
        return (len(self.cuts) if self.kind == "number" else len(self.values)) + 2

    @property
    def column(self) -> Column:
        return F.col(self.name).cast("double" if self.kind == "number" else "string").alias(self.name)

    def cells(self, column: pa.Array) -> np.ndarray:
        """The cell of every row. Shape (rows,), int64."""
        if self.kind == "number":
            x = column.to_numpy(zero_copy_only=False)
            return np.where(np.isnan(x), self.size - 1, np.searchsorted(np.array(self.cuts), x, side="right"))
        at = pc.fill_null(pc.index_in(column, value_set=pa.array(self.values, pa.string())), len(self.values))
        missing = column.is_null().to_numpy(zero_copy_only=False)
        return np.where(missing, self.size - 1, at.to_numpy(zero_copy_only=False).astype(np.int64))


def bins_of(
    rows: DataFrame, features: Sequence[ModelFeature], *, by: str = "account_id", cells: int = CELLS, seed: int = 20260331
) -> tuple[Bins, ...]:
    """The cells of the features, from at most about SAMPLE of the rows, chosen by a hash of ``by``: the same ones on any machine.

    Raises:
        SourceError: a column is not there, or there is no row.
    """
    missing = [f.name for f in features if f.name not in rows.columns]
    if missing:
        raise SourceError(f"the rows lack the feature(s) {', '.join(missing)}: compute them, or take them out of the model")
    empty = [Bins(f.name, "number" if f.kind == "number" else "category") for f in features]
    total = rows.count()
    if not total:
        raise SourceError("there is no row to take the distribution of the features from")
    if total > SAMPLE:
        rows = rows.where(F.pmod(F.xxhash64(by, F.lit(seed)), F.lit(_BUCKETS)) < F.lit(int(_BUCKETS * SAMPLE / total)))
    sample = rows.select(*[b.column for b in empty]).toArrow()
    return tuple(_bins(b, sample.column(b.name).combine_chunks(), cells) for b in empty)


def _bins(of: Bins, column: pa.Array, cells: int) -> Bins:
    if of.kind == "number":
        return Bins(of.name, "number", cuts=cuts_of(column.to_numpy(zero_copy_only=False), cells))
    known = column.drop_null().value_counts()
    counted = sorted(zip(known.field("counts").to_pylist(), known.field("values").to_pylist(), strict=True), key=lambda c: (-c[0], c[1]))
    return Bins(of.name, "category", values=tuple(value for _, value in counted[:VALUES]))


def cuts_of(values: np.ndarray, cells: int = CELLS) -> tuple[float, ...]:
    """Borders between about ``cells`` equally large cells; a value of more than a cell's share of the rows stands alone."""
    known = np.sort(values[np.isfinite(values)])
    if not len(known):
        return ()
    distinct, counts = np.unique(known, return_counts=True)
    heavy = counts * cells > len(known)
    begins = np.searchsorted(distinct, np.quantile(known, np.arange(1, cells) / cells, method="inverted_cdf"))
    begins = np.unique(np.concatenate([begins, np.flatnonzero(heavy), np.flatnonzero(heavy) + 1]))
    begins = begins[(begins > 0) & (begins < len(distinct))]
    after_heavy = np.nextafter(distinct[begins - 1], np.inf)  # what lies between a heavy value and the next one is not the heavy one
    return tuple(float(c) for c in np.where(heavy[begins - 1], after_heavy, distinct[begins]))


def counted(rows: DataFrame, bins: Sequence[Bins], *, label: str | None = None) -> dict[str, np.ndarray]:
    """Rows and, where a label is given, positives in every cell, by column. Shape (cells, 2), int64."""
    asked = [b.column for b in bins]
    positive = (F.lit(0) if label is None else F.col(label)).cast("int").alias(_LABEL)
    parts = map_rows(rows.select(*asked, positive), partial(_count, bins=tuple(bins)), _COUNTED)
    sums = parts.groupBy("feature", "cell").agg(F.sum("rows").alias("rows"), F.sum("positives").alias("positives")).toArrow()
    found = {b.name: np.zeros((b.size, 2), dtype=np.int64) for b in bins}
    for row in sums.to_pylist():
        found[bins[row["feature"]].name][row["cell"]] = row["rows"], row["positives"]
    return found


def _count(batch: pa.RecordBatch, *, bins: Sequence[Bins]) -> Iterator[pa.RecordBatch]:
    labels = pc.fill_null(batch.column(_LABEL), 0).to_numpy(zero_copy_only=False)
    columns: list[list[np.ndarray]] = [[], [], [], []]
    for i, of in enumerate(bins):
        at = of.cells(batch.column(of.name))
        rows, positives = np.bincount(at, minlength=of.size), np.bincount(at, weights=labels, minlength=of.size)
        parts = (np.full(of.size, i), np.arange(of.size), rows, positives.astype(np.int64))
        for column, part in zip(columns, parts, strict=True):
            column.append(part)
    yield pa.RecordBatch.from_arrays([pa.array(np.concatenate(c)) for c in columns], names=_COUNTED.names)
