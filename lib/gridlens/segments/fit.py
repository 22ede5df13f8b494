"""Fits the candidates of a segmentation by MLlib and takes one of them by a stated rule.

The rule: of the candidates whose silhouette is at least ``silhouette_part`` of the best one's, the finest (greatest k, then greatest
silhouette) whose models of two halves of the training accounts agree by at least ``stable_from`` (adjusted Rand index on all training
accounts). Where none is stable enough, the most stable of those looked at. Silhouette alone would take the coarsest, since few big
groups are always well apart; marketing gains from every further group that is found again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from pyspark.ml.clustering import BisectingKMeans, GaussianMixture, KMeans
from pyspark.ml.evaluation import ClusteringEvaluator
from pyspark.ml.feature import PCA
from pyspark.ml.functions import array_to_vector
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from gridlens.segments.agreement import adjusted_rand_index
from gridlens.segments.definition import SegmentationDefinition
from gridlens.segments.model import Clusters
from gridlens.segments.vectors import belonging, both_labels, hashed

ITERATIONS = 20
SILHOUETTE_ACCOUNTS = 10_000
STABILITY_TRIALS = 6
"""Most candidates whose stability is measured: each costs two fits."""


@dataclass(frozen=True, eq=False)
class Candidate:
    """A fitted model with its silhouette, and its stability where that was measured."""

    clusters: Clusters
    silhouette: float
    stability: float | None = None

    @property
    def facts(self) -> dict[str, object]:
        return {
            "algorithm": self.clusters.algorithm,
            "k": self.clusters.k,
            "silhouette": round(self.silhouette, 4),
            "stability": None if self.stability is None else round(self.stability, 4),
        }


def principal_components(scaled: DataFrame, components: int) -> np.ndarray:
    """The first principal components of the scaled rows ``z``; shape (features, components)."""
    model = PCA(k=components, inputCol="features", outputCol="projected").fit(with_vector(scaled))
    return np.asarray(model.pc.toArray())


def with_vector(rows: DataFrame) -> DataFrame:
    """``rows`` with ``z`` as MLlib's vector in ``features``."""
    return rows.withColumn("features", array_to_vector(F.col("z")))


def chosen(training: DataFrame, total: int, definition: SegmentationDefinition) -> tuple[Candidate, list[Candidate]]:
    """The candidate taken, and all of them in the order of the rule.

    Args:
        training: account_id and z, cached.
        total: its rows.
        definition: algorithms, numbers of segments, limits, seed.
    """
    rows = with_vector(training)
    sizes = sorted({min(k, max(total // 2, 2)) for k in definition.k})
    candidates = []
    for algorithm in definition.algorithms:
        for k in sizes:
            clusters = fitted(rows, algorithm, k, definition.seed)
            if clusters.k >= 2:
                candidates.append(Candidate(clusters, silhouette(training, clusters, total=total, seed=definition.seed)))
    best = max(c.silhouette for c in candidates)
    good = [c for c in candidates if c.silhouette >= definition.silhouette_part * best] or candidates
    good.sort(key=lambda c: (-c.clusters.k, -c.silhouette))
    rest = [c for c in candidates if c not in good]
    measured: list[Candidate] = []
    for candidate in good[:STABILITY_TRIALS]:
        measured.append(replace(candidate, stability=stability(training, rows, candidate.clusters, definition.seed)))
        if (measured[-1].stability or 0) >= definition.stable_from:
            break
    taken = measured[-1] if (measured[-1].stability or 0) >= definition.stable_from else max(measured, key=lambda c: c.stability or 0)
    return taken, [*measured, *good[len(measured) :], *rest]


def fitted(rows: DataFrame, algorithm: str, k: int, seed: int) -> Clusters:
    """The clusters that an algorithm of MLlib finds in ``features``; fewer than k where there are fewer distinct rows."""
    if algorithm == "gaussian_mixture":
        model = GaussianMixture(k=k, seed=seed, maxIter=ITERATIONS).fit(rows)
        found = model.gaussiansDF.collect()  # k rows
        means = np.array([row["mean"].toArray() for row in found])
        return Clusters(algorithm, means, np.array([row["cov"].toArray() for row in found]), np.array(model.weights))
    kind = KMeans if algorithm == "kmeans" else BisectingKMeans
    centres = kind(k=k, seed=seed, maxIter=ITERATIONS).fit(rows).clusterCenters()
    return Clusters(algorithm, np.array(centres))


def silhouette(rows: DataFrame, clusters: Clusters, *, total: int, seed: int) -> float:
    """Mean silhouette (squared Euclidean distance) of a hashed sample of the prepared rows; 0 where all are in one cluster."""
    sample = hashed(rows, most=SILHOUETTE_ACCOUNTS, total=total, seed=seed)
    labelled = with_vector(belonging(sample, clusters, keep=("account_id", "z"))).withColumn("prediction", F.col("segment").cast("double"))
    if labelled.select("prediction").distinct().count() < 2:
        return 0.0
    return float(ClusteringEvaluator(featuresCol="features", predictionCol="prediction").evaluate(labelled))


def stability(training: DataFrame, rows: DataFrame, like: Clusters, seed: int) -> float:
    """Adjusted Rand index, on all training accounts, of two models fitted on the halves of them."""
    half = F.pmod(F.xxhash64("account_id", F.lit(seed + 1)), F.lit(2))
    first, second = (fitted(rows.where(half == side), like.algorithm, like.k, seed) for side in (0, 1))
    table = np.zeros((first.k, second.k))
    for row in both_labels(training, first, second).collect():  # at most k * k rows
        table[row["a"], row["b"]] = row["accounts"]
    return adjusted_rand_index(table)
