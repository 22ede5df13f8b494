"""Connected components of a graph given as edges, in DataFrames alone: neither RDD nor GraphFrames.

Up to half a million edges are one task's work, done in numpy. More are settled by large-star and small-star by turns, after
Kiveris, Lattanzi, Mirrokni, Rastogi and Vassilvitskii, "Connected Components in MapReduce and Beyond" (SoCC 2014): edges are
only moved, never multiplied, and a path of n nodes is a star after about log n rounds. Each step is one window over the edges,
so that neither a node with many neighbours nor a long plan is a burden.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from gridlens.arrow import map_rows
from gridlens.errors import ContractError

ONE_TASK = 500_000
"""Edges that one task settles: of 20 characters a name they are 20 MB."""
ROUNDS = 40
"""A path of a million nodes with shuffled names needs fewer than half of them."""


def computed(df: DataFrame) -> DataFrame:
    """``df`` computed once, its plan forgotten.

    With ``persist`` every plan would hold the plans of all that it reads, several times over: Spark's descriptions of them took
    minutes for a few rows (2026-11). The rows lie on the executors; where one is lost the run fails, and is run again.
    """
    return df.localCheckpoint()


def components(edges: DataFrame) -> DataFrame:
    """The component of every node that has an edge.

    Args:
        edges: columns ``a`` and ``b``, names of nodes in any order; repetitions and loops do no harm.

    Returns:
        ``node`` and ``component``, the smallest name of those that are connected; a node whose only edge is a loop is left out.

    Raises:
        ContractError: the edges did not settle in ROUNDS rounds.
    """
    # From here on v is the smaller end: an edge says that u may be called v.
    stars = computed(edges.where("a <> b").select(F.greatest("a", "b").alias("u"), F.least("a", "b").alias("v")).distinct())
    count, content = _digest(stars)
    settled = computed(_in_one_task(stars)) if count <= ONE_TASK else _in_rounds(stars, (count, content))
    roots = settled.select(F.col("v").alias("node"), F.col("v").alias("component")).distinct()
    return settled.select(F.col("u").alias("node"), F.col("v").alias("component")).unionByName(roots)


def _in_rounds(stars: DataFrame, before: tuple[int, int]) -> DataFrame:
    for _ in range(ROUNDS):
        stars = computed(_small_star(_large_star(stars)))
        after = _digest(stars)
        if after == before:
            return stars
        before = after
    raise ContractError(f"the connected components did not settle in {ROUNDS} rounds; report the number of edges ({before[0]})")


def _in_one_task(edges: DataFrame) -> DataFrame:
    listed = edges.agg(F.collect_list("u").alias("u"), F.collect_list("v").alias("v"))
    return map_rows(listed, _settled, edges.schema)


def _settled(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    ends = pa.concat_arrays([batch.column("u").flatten(), batch.column("v").flatten()]).dictionary_encode()
    # Numbered in the order of the names, so that the smallest number is the smallest name.
    order = pc.sort_indices(ends.dictionary).to_numpy(zero_copy_only=False)
    names = ends.dictionary.take(pa.array(order))
    numbers = np.argsort(order)[ends.indices.to_numpy(zero_copy_only=False)]
    a, b = np.split(numbers, 2)
    component = smallest_connected(a, b, len(names))
    moved = np.flatnonzero(component != np.arange(len(names)))
    yield pa.RecordBatch.from_arrays([names.take(pa.array(moved)), names.take(pa.array(component[moved]))], names=["u", "v"])


def smallest_connected(a: np.ndarray, b: np.ndarray, count: int) -> np.ndarray:
    """The smallest node that each node is connected with.

    Roots are hooked to smaller ones and every path is halved until nothing changes: about log ``count`` passes.

    Args:
        a: one end of each edge, 0 to count - 1; shape (edges,), int64.
        b: the other.
        count: nodes.

    Returns:
        Shape (count,), int64.
    """
    parent = np.arange(count)
    while (parent[a] != parent[b]).any():
        low, high = np.minimum(parent[a], parent[b]), np.maximum(parent[a], parent[b])
        np.minimum.at(parent, high, low)
        while (parent != parent[parent]).any():
            parent = parent[parent]
    return parent


def _large_star(edges: DataFrame) -> DataFrame:
    """Every node hands its greater neighbours to the smallest node it knows, itself included."""
    both = edges.select(F.explode(F.array(F.struct("u", "v"), F.struct(F.col("v").alias("u"), F.col("u").alias("v")))).alias("e"))
    known = both.select("e.u", "e.v").withColumn("low", F.least("u", _smallest_of("u")))
    return known.where("v > u").select(F.col("v").alias("u"), F.col("low").alias("v")).distinct()


def _small_star(edges: DataFrame) -> DataFrame:
    """Every node hands its smaller neighbours, and itself, to the smallest of them."""
    known = edges.withColumn("low", _smallest_of("u"))
    moved = known.select(
        F.explode(F.array(F.struct("u", F.col("low").alias("v")), F.struct(F.col("v").alias("u"), F.col("low").alias("v")))).alias("e")
    )
    return moved.select("e.u", "e.v").where("u <> v").distinct()


def _smallest_of(node: str) -> Column:
    return F.min("v").over(Window.partitionBy(node))


def _digest(edges: DataFrame) -> tuple[int, int]:
    """Number and content of the edges; equal where they are the same."""
    row = edges.agg(F.count("*").alias("n"), F.bit_xor(F.xxhash64("u", "v")).alias("content")).first()
    return (row["n"], row["content"] or 0) if row else (0, 0)
