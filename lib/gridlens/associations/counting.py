"""Counts itemsets in every scope at once: one pass over the baskets, however many scopes there are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import IntegerType, LongType, StructField, StructType

from gridlens.arrow import map_rows
from gridlens.associations.itemsets import Itemset
from gridlens.contracts.association import EVERYWHERE

HALVES = 2
MINED, TESTED = 0, 1
"""Half of the baskets on which rules are found, and the one on which they are tested."""
_COUNTED = ("n", "known", "cents")
_SCHEMA = StructType(
    [StructField("itemset", IntegerType()), StructField("cell", IntegerType()), *(StructField(c, LongType()) for c in _COUNTED)]
)


class Scope(NamedTuple):
    """Baskets that are counted together: those with ``value`` in the column ``dimension``; all where that is empty."""

    dimension: str
    value: str

    @property
    def label(self) -> str:
        return f"{self.dimension}:{self.value}" if self.dimension else EVERYWHERE


@dataclass(frozen=True, eq=False)
class Tally:
    """Counts of itemsets, each of shape (itemsets, scopes, halves), int64.

    Attributes:
        n: baskets that hold the itemset.
        known: those of them whose amount is known.
        cents: sum of these amounts in hundredths of the currency, so that sums are exact in any order.
    """

    n: np.ndarray
    known: np.ndarray
    cents: np.ndarray


def scopes_of(baskets: DataFrame, dimensions: Sequence[str], *, least: int) -> list[Scope]:
    """All baskets, and every value of a dimension that at least ``least`` baskets of each half have; by dimension and value."""
    scopes = [Scope("", "")]
    if not dimensions:
        return scopes
    halves = [F.count_if(F.col("half") == half).alias(f"half_{half}") for half in range(HALVES)]
    groups = baskets.groupBy(*dimensions).agg(*halves).collect()  # bounded by industries, areas and categories
    for dimension in dimensions:
        sizes: dict[str, np.ndarray] = {}
        for row in groups:
            if row[dimension] is not None:
                sizes[row[dimension]] = sizes.get(row[dimension], 0) + np.array([row[f"half_{half}"] for half in range(HALVES)])
        scopes += [Scope(dimension, value) for value in sorted(sizes) if sizes[value].min() >= least]
    return scopes


def count_itemsets(baskets: DataFrame, itemsets: Sequence[Itemset], scopes: Sequence[Scope]) -> Tally:
    """How many baskets hold each itemset, by scope and half, and what they amount to.

    Args:
        baskets: ``half`` (0 or 1), ``items`` (array of texts), ``cents`` (bigint, null where not known), and a text column for each
            dimension of the scopes.
        itemsets: what to count; the empty one counts all baskets.
        scopes: in which of them.
    """
    dimensions = list(dict.fromkeys(scope.dimension for scope in scopes if scope.dimension))
    counter = ItemsetCounter(itemsets, scopes)

    def count(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        yield counter.count(batch)

    parts = map_rows(baskets.select("half", "items", "cents", *dimensions), count, _SCHEMA)
    sums = parts.groupBy("itemset", "cell").agg(*[F.sum(name).alias(name) for name in _COUNTED]).toArrow()
    shape = (len(itemsets), len(scopes), HALVES)
    place = sums["itemset"].to_numpy().astype(np.int64) * len(scopes) * HALVES + sums["cell"].to_numpy()
    counted = {}
    for name in _COUNTED:
        flat = np.zeros(int(np.prod(shape)), dtype=np.int64)
        flat[place] = sums[name].to_numpy()
        counted[name] = flat.reshape(shape)
    return Tally(**counted)


class ItemsetCounter:
    """Counts the itemsets in one batch; what it needs is worked out once a task."""

    def __init__(self, itemsets: Sequence[Itemset], scopes: Sequence[Scope]) -> None:
        self.items = sorted({item for itemset in itemsets for item in itemset})
        index = {item: position for position, item in enumerate(self.items)}
        self.itemsets = [np.array([index[item] for item in itemset], dtype=np.int64) for itemset in itemsets]
        self.cells = len(scopes) * HALVES
        self.values: dict[str, list[tuple[str, int]]] = {}
        for position, scope in enumerate(scopes):
            self.values.setdefault(scope.dimension, []).append((scope.value, position))

    def count(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """(itemset, cell, n, known, cents) of the batch, cells without a basket left out; a cell is scope × 2 + half."""
        held, cells = self._held(batch.column("items")), self._cells(batch)
        known = batch.column("cents").is_valid().to_numpy(zero_copy_only=False).astype(np.float64)
        cents = batch.column("cents").fill_null(0).to_numpy(zero_copy_only=False).astype(np.float64)
        found: list[tuple[np.ndarray, ...]] = []
        for number, members in enumerate(self.itemsets):
            rows = np.flatnonzero(held[members].all(axis=0))
            where = cells[:, rows].reshape(-1)
            n, valid, money = (self._sum(where, weight, rows, len(cells)) for weight in (None, known, cents))
            filled = np.flatnonzero(n)
            found.append((np.full(len(filled), number), filled, n[filled], valid[filled], money[filled]))
        columns = [np.concatenate(parts) for parts in zip(*found, strict=True)]
        return pa.RecordBatch.from_arrays([pa.array(np.rint(c).astype(np.int64)) for c in columns], names=["itemset", "cell", *_COUNTED])

    def _sum(self, where: np.ndarray, weight: np.ndarray | None, rows: np.ndarray, times: int) -> np.ndarray:
        weights = None if weight is None else np.tile(weight[rows], times)
        return np.bincount(where, weights=weights, minlength=self.cells + 1)[:-1]  # whole numbers, exact as doubles below 2**53

    def _held(self, column: pa.ListArray) -> np.ndarray:
        """Which basket holds which item; shape (items, baskets)."""
        lengths = pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False)
        basket = np.repeat(np.arange(len(column)), lengths)
        item = pc.fill_null(pc.index_in(column.flatten(), value_set=pa.array(self.items, pa.string())), -1).to_numpy(zero_copy_only=False)
        held = np.zeros((len(self.items), len(column)), dtype=bool)
        held[item[item >= 0], basket[item >= 0]] = True
        return held

    def _cells(self, batch: pa.RecordBatch) -> np.ndarray:
        """The cell of each basket in each dimension, the number of cells where its scope is not counted; shape (dimensions, baskets)."""
        half = batch.column("half").to_numpy(zero_copy_only=False).astype(np.int64)
        cells = []
        for dimension, values in self.values.items():
            if not dimension:
                cells.append(values[0][1] * HALVES + half)
                continue
            texts, positions = [text for text, _ in values], np.array([position for _, position in values])
            found = pc.fill_null(pc.index_in(batch.column(dimension), value_set=pa.array(texts)), -1).to_numpy(zero_copy_only=False)
            cells.append(np.where(found >= 0, positions[found] * HALVES + half, self.cells))
        return np.stack(cells)
