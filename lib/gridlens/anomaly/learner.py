"""What weighs the evidence, and how unusual it is: boosted trees, fitted on one half of the accounts for the other, and calibrated to the
share believed."""

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
from gridlens.anomaly.residual import Residual, fit_residual
from gridlens.anomaly.rows import FEATURES, HALVES
from gridlens.errors import SourceError
from gridlens.threads import side_by_side

PARTITIONS = 2
"""Of the examples: they are few, and each level of each tree is a job."""


@dataclass(frozen=True)
class Half:
    """What was fitted on the accounts of the other half: what is usual, and trees that read how far from it an account is, too."""

    usual: Residual
    trees: PipelineModel


@dataclass(frozen=True)
class Judge:
    """Models of the halves.

    Attributes:
        halves: for the accounts of each half.
        slope, shift: of the log odds, so that they are those of the examples not learnt from, and of the share believed beforehand.
    """

    halves: tuple[Half, ...]
    slope: float
    shift: float

    def judged(self, rows: DataFrame) -> DataFrame:
        """``rows`` (half, FEATURES) with ``log_odds`` that usage is abnormal, and ``unusual``, see :class:`Residual`."""
        return _margins(self.halves, rows).withColumn("log_odds", F.lit(self.shift) + F.lit(self.slope) * F.col("margin")).drop("margin")


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
        SourceError: there are examples of one label only.
    """
    total = {row["label"]: row["weight"] for row in examples.groupBy("label").agg(F.sum("weight").alias("weight")).collect()}
    if len(total) < 2:
        raise SourceError("no account uses enough energy for long enough to learn from; load more meter data, or lower examples.least_kwh")
    balanced = examples.withColumn("weight", F.col("weight") / F.when(F.col("label") == 1, total[1.0]).otherwise(total[0.0]))
    scale = examples.count() / 2
    # Cut off from what made them: every task of a fit would carry the plan, or the rows themselves.
    balanced = balanced.withColumn("weight", F.col("weight") * scale).coalesce(PARTITIONS).localCheckpoint()
    tasks = [partial(_fitted, balanced.where(F.col("half") != half), trees, half, features) for half in range(HALVES)]
    halves = tuple(side_by_side(balanced.sparkSession, tasks))
    unseen = VectorAssembler(inputCols=["margin"], outputCol="x").transform(_margins(halves, balanced))
    platt = LogisticRegression(featuresCol="x", labelCol="label", weightCol="weight").fit(unseen.select("x", "label", "weight"))
    return Judge(halves, float(platt.coefficients[0]), float(platt.intercept) + math.log(prior / (1 - prior)))


def _fitted(examples: DataFrame, trees: Trees, half: int, features: Sequence[str]) -> Half:
    usual = fit_residual(examples.where(F.col("label") == 0), features)
    assembler = VectorAssembler(inputCols=[*features, "residual"], outputCol=f"_features_{half}")
    boosting = GBTClassifier(
        featuresCol=assembler.getOutputCol(),
        labelCol="label",
        weightCol="weight",
        predictionCol=f"_prediction_{half}",
        maxIter=trees.trees,
        maxDepth=trees.max_depth,
        stepSize=trees.step_size,
        featureSubsetStrategy=str(trees.feature_share),
        minInstancesPerNode=trees.min_rows,
        cacheNodeIds=True,
        maxMemoryInMB=1024,
        seed=trees.seed,
    )
    boosting.setRawPredictionCol(f"_raw_{half}").setProbabilityCol(f"_probability_{half}")
    learnt = assembler.transform(usual.added(examples)).select(assembler.getOutputCol(), "label", "weight")
    return Half(usual, PipelineModel([assembler, boosting.fit(learnt)]))


def _margins(halves: Sequence[Half], rows: DataFrame) -> DataFrame:
    """``rows`` with ``margin`` and ``unusual``: of each row by the model of its half."""
    own = rows.columns
    margin, unusual = F.lit(None).cast("double"), F.lit(None).cast("double")
    for half, model in enumerate(halves):
        mine = F.col("half") == half
        rows = model.trees.transform(model.usual.added(rows)).withColumnRenamed("unusual", f"_unusual_{half}")
        margin = F.when(mine, vector_to_array(F.col(f"_raw_{half}"))[1]).otherwise(margin)
        unusual = F.when(mine, F.col(f"_unusual_{half}")).otherwise(unusual)
    return rows.select(*own, margin.alias("margin"), unusual.alias("unusual"))
