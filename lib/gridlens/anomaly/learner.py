"""What weighs the evidence: boosted trees and how unusual it is, fitted on one half of the accounts for the other, put together on what
neither has seen, and calibrated to the share believed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from pyspark.ml import PipelineModel
from pyspark.ml.classification import GBTClassifier, LogisticRegression
from pyspark.ml.feature import VectorAssembler
from pyspark.ml.functions import vector_to_array
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from gridlens.anomaly.definition import Trees
from gridlens.anomaly.residual import ADDED, Residual, fit_residual
from gridlens.anomaly.rows import FEATURES, HALVES
from gridlens.errors import SourceError
from gridlens.threads import side_by_side

_PARTS = ("margin", "residual")
PARTITIONS = 2
"""Of the examples: they are few, and each level of each tree is a job."""


@dataclass(frozen=True)
class Half:
    """What was fitted on the accounts of the other half: what is usual of the untouched, and trees that tell them from the changed."""

    usual: Residual
    trees: PipelineModel


@dataclass(frozen=True)
class Judge:
    """Models of the halves.

    Attributes:
        halves: for the accounts of each half.
        slopes, shift: of the trees' margin and of the residual, so that the log odds are those of the examples not learnt from, and of
            the share believed beforehand. The trees do not read the residual: of the examples that they learn from it is smaller than of
            others, since the components were fitted on them (on thefts in London homes 0.796 instead of 0.806 of MAP@100, strictly).
    """

    halves: tuple[Half, ...]
    slopes: tuple[float, float]
    shift: float

    def judged(self, rows: DataFrame) -> DataFrame:
        """``rows`` (half, FEATURES) with ``log_odds`` that usage is abnormal, and ``unusual``, see :class:`Residual`."""
        weighed = sum((F.lit(slope) * F.col(part) for slope, part in zip(self.slopes, _PARTS, strict=True)), F.lit(self.shift))
        return _margins(self.halves, rows).withColumn("log_odds", weighed).drop(*_PARTS)


def fit_judge(examples: DataFrame, trees: Trees, *, prior: float, features: Sequence[str] = FEATURES) -> Judge:
    """Learns from examples.

    Untouched and changed examples weigh the same in all; the log odds are shifted to ``prior`` afterwards, so that rare thefts
    need no millions of examples.

    Args:
        examples: half, label (0 or 1), weight, FEATURES; persisted by the caller.
        trees: settings of the boosting.
        prior: share of accounts with abnormal usage that is believed beforehand.
        features: those of FEATURES to learn from.

    Raises:
        SourceError: of a half there are no examples, or of one label only.
    """
    weights = examples.groupBy("half", "label").agg(F.sum("weight").alias("weight")).collect()  # a row a half and label
    total = {label: sum(row["weight"] for row in weights if row["label"] == label) for label in (0.0, 1.0)}
    if len(weights) < 2 * HALVES:
        raise SourceError("no account uses enough energy for long enough to learn from; load more meter data, or lower examples.least_kwh")
    balanced = examples.withColumn("weight", F.col("weight") / F.when(F.col("label") == 1, total[1.0]).otherwise(total[0.0]))
    scale = examples.count() / 2
    # Cut off from what made them: every task of a fit would carry the plan, or the rows themselves.
    balanced = balanced.withColumn("weight", F.col("weight") * scale).coalesce(PARTITIONS).localCheckpoint()
    tasks = [partial(_fitted, balanced.where(F.col("half") != half), trees, half, features) for half in range(HALVES)]
    halves = tuple(side_by_side(balanced.sparkSession, tasks))
    unseen = VectorAssembler(inputCols=list(_PARTS), outputCol="x").transform(_margins(halves, balanced))
    platt = LogisticRegression(featuresCol="x", labelCol="label", weightCol="weight").fit(unseen.select("x", "label", "weight"))
    margin, residual = (float(slope) for slope in platt.coefficients)
    return Judge(halves, (margin, residual), float(platt.intercept) + math.log(prior / (1 - prior)))


def _fitted(examples: DataFrame, trees: Trees, half: int, features: Sequence[str]) -> Half:
    usual = fit_residual(examples.where(F.col("label") == 0), features)
    assembler = VectorAssembler(inputCols=list(features), outputCol=f"_features_{half}")
    learnt = assembler.transform(examples).select(assembler.getOutputCol(), "label", "weight")
    boosted = [_boosting(trees, half, number).fit(learnt) for number in range(trees.models)]
    return Half(usual, PipelineModel([assembler, *boosted]))


def _boosting(trees: Trees, half: int, number: int) -> GBTClassifier:
    boosting = GBTClassifier(
        featuresCol=f"_features_{half}",
        labelCol="label",
        weightCol="weight",
        predictionCol=f"_prediction_{half}_{number}",
        maxIter=trees.trees,
        maxDepth=trees.max_depth,
        stepSize=trees.step_size,
        featureSubsetStrategy=str(trees.feature_share),
        minInstancesPerNode=trees.min_rows,
        cacheNodeIds=True,
        maxMemoryInMB=1024,
        seed=trees.seed + number,
    )
    return boosting.setRawPredictionCol(_raw(half, number)).setProbabilityCol(f"_probability_{half}_{number}")


def _raw(half: int, number: int) -> str:
    return f"_raw_{half}_{number}"


def _margins(halves: Sequence[Half], rows: DataFrame) -> DataFrame:
    """``rows`` with ``margin``, ``residual`` and ``unusual``: of each row by what was fitted on the other half."""
    own = rows.columns
    found = dict.fromkeys((*_PARTS, "unusual"), F.lit(None).cast("double"))
    for half, model in enumerate(halves):
        rows = model.trees.transform(model.usual.added(rows)).withColumnsRenamed({name: f"_{name}_{half}" for name in ADDED})
        margins = [vector_to_array(F.col(_raw(half, number)))[1] for number in range(len(model.trees.stages) - 1)]
        mine = {"margin": sum(margins, F.lit(0.0)) / len(margins), **{name: F.col(f"_{name}_{half}") for name in ADDED}}
        found = {name: F.when(F.col("half") == half, mine[name]).otherwise(value) for name, value in found.items()}
    return rows.select(*own, *[value.alias(name) for name, value in found.items()])
