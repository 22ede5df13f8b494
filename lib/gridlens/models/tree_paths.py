"""The trees of a fitted MLlib forest or boosting, as arrays, read from the folder that MLlib itself saves a model to.

Nothing but the saved form tells what each node covers and gives, and it can be read without the JVM, on Spark Connect too.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from pyspark.sql import SparkSession
from pyspark.sql import functions as F


@dataclass(frozen=True, eq=False)
class Trees:
    """Binary trees, all nodes one after another; a tree's root is its first node. Shape of every array: (nodes,).

    Attributes:
        slot: place in the feature vector that the node splits by; -1 for a leaf.
        threshold: values up to it go left; NaN where the split is by category, and for a leaf.
        left, right: index of the child; -1 for a leaf.
        value: what the tree gives for the rows that the node covers, times the tree's weight.
        cover: weight of the training rows that came by.
        roots: index of each tree's root, rising. Shape (trees,).
        categories: by node that splits by category: for each category true where it goes left, and last where any other value goes.
    """

    slot: np.ndarray
    threshold: np.ndarray
    left: np.ndarray
    right: np.ndarray
    value: np.ndarray
    cover: np.ndarray
    roots: np.ndarray
    categories: dict[int, np.ndarray]

    def goes_left(self, node: int, values: np.ndarray) -> np.ndarray:
        """True where MLlib sends a row left at ``node``; ``values`` of the node's slot, of any shape."""
        if node not in self.categories:
            return values <= self.threshold[node]
        lefts = self.categories[node]
        other = len(lefts) - 1
        known = (values >= 0) & (values < other)
        return lefts[np.where(known, values, other).astype(np.intp)]

    def ways(self, nodes: np.ndarray, values: np.ndarray) -> np.ndarray:
        """:meth:`goes_left` of a row at each of ``nodes``, by ``values`` of the slots that they split by. Shape (rows,)."""
        left = values <= self.threshold[nodes]
        for node in set(nodes[np.isnan(self.threshold[nodes])].tolist()):
            here = nodes == node
            left[here] = self.goes_left(node, values[here])
        return left

    @cached_property
    def share(self) -> np.ndarray:
        """Of each node, which part of the rows at its parent goes there; 1 of a root. Shape (nodes,)."""
        share = np.ones(len(self.slot))
        inner = np.flatnonzero(self.left >= 0)
        left, right = self.left[inner], self.right[inner]
        together = self.cover[left] + self.cover[right]
        share[left] = np.divide(self.cover[left], together, out=np.full(len(inner), 0.5), where=together > 0)
        share[right] = 1.0 - share[left]
        return share

    @cached_property
    def mean(self) -> np.ndarray:
        """Average of the leaves below each node, by the shares. Shape (nodes,)."""
        mean = self.value.copy()
        for node in np.flatnonzero(self.left >= 0)[::-1]:  # a node stands before its children
            left, right = self.left[node], self.right[node]
            mean[node] = self.share[left] * mean[left] + self.share[right] * mean[right]
        return mean

    @property
    def base(self) -> float:
        """What the trees give where no feature is known."""
        return float(self.mean[self.roots].sum())

    @property
    def depth(self) -> int:
        """Splits on the longest way from a root to a leaf."""
        level, nodes = -1, self.roots
        while len(nodes):
            level += 1
            inner = nodes[self.left[nodes] >= 0]
            nodes = np.concatenate([self.left[inner], self.right[inner]])
        return level


def read_trees(spark: SparkSession, folder: str, *, classification: bool, of_class: int = 1) -> Trees:
    """The trees that MLlib saved in ``folder``.

    Args:
        spark: session.
        folder: of the saved stage, as ``…/stages/07_RandomForestClassifier_6c21b55fee57``.
        classification: the trees vote by shares of classes (a random forest); else each gives a number (boosting).
        of_class: whose share a classification tree gives.

    Returns:
        The trees; their number times two to the power of their depth bounds what is collected.
    """
    node = F.col("nodeData")
    rows = (
        spark.read.parquet(f"{folder}/data")
        .select(
            F.col("treeID").alias("tree"),
            node["id"].alias("id"),
            node["prediction"].alias("prediction"),
            node["impurityStats"].alias("stats"),
            node["leftChild"].alias("left"),
            node["rightChild"].alias("right"),
            node["split"]["featureIndex"].alias("slot"),
            node["split"]["leftCategoriesOrThreshold"].alias("rule"),
            node["split"]["numCategories"].alias("categories"),
        )
        .toPandas()
    )
    described = spark.read.parquet(f"{folder}/treesMetadata")  # tree, its parameters, its weight: Spark 4 names them _1, _2, _3
    weights = described.select(described.columns[0], described.columns[2]).toPandas().set_index(described.columns[0]).iloc[:, 0]
    return trees_of(rows, weights, classification=classification, of_class=of_class)


def trees_of(rows: pd.DataFrame, weights: pd.Series, *, classification: bool, of_class: int = 1) -> Trees:
    """Trees from MLlib's node rows (tree, id, prediction, stats, left, right, slot, rule, categories) and the weight by tree."""
    rows = rows.sort_values(["tree", "id"], kind="stable", ignore_index=True)
    sizes = rows.groupby("tree", sort=True).size().to_numpy()
    roots = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)
    start = np.repeat(roots, sizes)
    stats = np.stack([np.asarray(s, dtype=float) for s in rows["stats"]])
    cover = stats.sum(axis=1) if classification else stats[:, 0]
    value = stats[:, of_class] / cover if classification else rows["prediction"].to_numpy(float)
    leaf = rows["left"].to_numpy() < 0
    thresholds = [float(r[0]) if c == -1 and len(r) else np.nan for r, c in zip(rows["rule"], rows["categories"], strict=True)]
    return Trees(
        slot=np.where(leaf, -1, rows["slot"].to_numpy()).astype(np.int64),
        threshold=np.where(leaf, np.nan, thresholds),
        left=np.where(leaf, -1, rows["left"].to_numpy() + start).astype(np.int64),
        right=np.where(leaf, -1, rows["right"].to_numpy() + start).astype(np.int64),
        value=value * weights.loc[rows["tree"]].to_numpy(float),
        cover=cover,
        roots=roots,
        categories={
            node: _lefts(np.asarray(rule, dtype=np.intp), count)
            for node, (rule, count, end) in enumerate(zip(rows["rule"], rows["categories"], leaf, strict=True))
            if count != -1 and not end
        },
    )


def _lefts(categories: np.ndarray, count: int) -> np.ndarray:
    """As MLlib's CategoricalSplit: it keeps the smaller side, and what is in neither goes to the other one."""
    lefts = np.zeros(count + 1, dtype=bool)
    lefts[categories] = True
    lefts[count] = len(categories) > count / 2
    return lefts
