"""What weighs the evidence: boosted trees and how unusual it is, fitted on one half of the accounts for the other, put together on what
neither has seen, and calibrated to the share believed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from pyspark.ml import PipelineModel
from pyspark.ml.classification import GBTClassifier, LogisticRegression
from pyspark.ml.feature import VectorAssembler
from pyspark.ml.functions import vector_to_array
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from gridlens.anomaly.definition import Trees
from gridlens.anomaly.residual import ADDED, Residual, fit_residual
from gridlens.anomaly.rows import FEATURES, HALVES
from gridlens.errors import SourceError
from gridlens.threads import side_by_side

_PARTS = ("margin", "residual")
FOLDS = 2
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
        return _margins(self.halves, rows).withColumn("log_odds", _weighed(self.slopes, self.shift)).drop(*_PARTS)


@dataclass(frozen=True)
class Learnt:
    """What was fitted on the halves, and what it says of the examples that it did not learn from.

    Attributes:
        halves: for the accounts of each half.
        unseen: the examples without their features, with ``margin`` and ``residual`` by what was fitted on the other half, and ``weight``
            so that both labels weigh the same; checkpointed.
        counts: examples by half and label.
    """

    halves: tuple[Half, ...]
    unseen: DataFrame
    counts: Mapping[tuple[int, float], int]

    @property
    def rate(self) -> float:
        """Share of changed examples."""
        return sum(rows for (_, label), rows in self.counts.items() if label == 1) / sum(self.counts.values())

    def judge(self, prior: float) -> Judge:
        """The judge whose log odds are those of a company where ``prior`` is the share of abnormal usage."""
        slopes, intercept = _weights(self.unseen)
        return Judge(self.halves, slopes, intercept + _log_odds(prior))

    def crossed(self, fold: Column) -> DataFrame:
        """``unseen`` with ``prediction``, the probability at the examples' own rate, by weights from the other fold's examples.

        The judge's weights are fitted on all of them: by those it would be judged on rows that it has seen.

        Args:
            fold: 0 or 1, the same for all examples of an account.
        """
        folded = self.unseen.withColumn("fold", fold)
        odds = F.lit(None).cast("double")
        for own in range(FOLDS):
            slopes, intercept = _weights(folded.where(F.col("fold") != own))
            odds = F.when(F.col("fold") == own, _weighed(slopes, intercept + _log_odds(self.rate))).otherwise(odds)
        return folded.withColumn("prediction", 1 / (1 + F.exp(-odds)))


def fit_judge(examples: DataFrame, trees: Trees, *, prior: float, features: Sequence[str] = FEATURES) -> Judge:
    """The judge that :func:`learn` gives. Args: prior: share of accounts with abnormal usage that is believed beforehand."""
    return learn(examples, trees, features).judge(prior)


def learn(examples: DataFrame, trees: Trees, features: Sequence[str] = FEATURES) -> Learnt:
    """Learns from examples.

    Untouched and changed examples weigh the same in all; the log odds are shifted to the prior afterwards, so that rare thefts
    need no millions of examples.

    Args:
        examples: half, label (0 or 1), weight, FEATURES; persisted by the caller.
        trees: settings of the boosting.
        features: those of FEATURES to learn from.

    Raises:
        SourceError: of a half there are no examples, or of one label only.
    """
    counted = examples.groupBy("half", "label").agg(F.sum("weight").alias("weight"), F.count("*").alias("rows"))
    found = counted.collect()  # a row a half and label
    counts = {(row["half"], row["label"]): row["rows"] for row in found}
    total = {label: sum(row["weight"] for row in found if row["label"] == label) for label in (0.0, 1.0)}
    if len(found) < 2 * HALVES:
        raise SourceError("no account uses enough energy for long enough to learn from; load more meter data, or lower examples.least_kwh")
    balanced = examples.withColumn("weight", F.col("weight") / F.when(F.col("label") == 1, total[1.0]).otherwise(total[0.0]))
    scale = sum(counts.values()) / 2
    # Cut off from what made them: every task of a fit would carry the plan, or the rows themselves.
    balanced = balanced.withColumn("weight", F.col("weight") * scale).coalesce(PARTITIONS).localCheckpoint()
    others = [balanced.where(F.col("half") != half) for half in range(HALVES)]
    # One after the other: LAPACK in Java keeps state of its first call in static variables, and with two at once it may never end.
    usual = [fit_residual(rows.where(F.col("label") == 0), features) for rows in others]
    tasks = [partial(_boosted, rows, trees, half, features) for half, rows in enumerate(others)]
    boosted = side_by_side(balanced.sparkSession, tasks)
    halves = tuple(Half(*fitted) for fitted in zip(usual, boosted, strict=True))
    unseen = _margins(halves, balanced).drop(*{*FEATURES, *features}).localCheckpoint()
    return Learnt(halves, unseen, counts)


def _weights(unseen: DataFrame) -> tuple[tuple[float, float], float]:
    """Slopes of margin and residual, and the intercept, of the log odds where both labels weigh the same."""
    rows = VectorAssembler(inputCols=list(_PARTS), outputCol="x").transform(unseen).select("x", "label", "weight")
    platt = LogisticRegression(featuresCol="x", labelCol="label", weightCol="weight").fit(rows)
    margin, residual = (float(slope) for slope in platt.coefficients)
    return (margin, residual), float(platt.intercept)


def _weighed(slopes: Sequence[float], shift: float) -> Column:
    return sum((F.lit(slope) * F.col(part) for slope, part in zip(slopes, _PARTS, strict=True)), F.lit(shift))


def _log_odds(share: float) -> float:
    return math.log(share / (1 - share))


def _boosted(examples: DataFrame, trees: Trees, half: int, features: Sequence[str]) -> PipelineModel:
    assembler = VectorAssembler(inputCols=list(features), outputCol=f"_features_{half}")
    learnt = assembler.transform(examples).select(assembler.getOutputCol(), "label", "weight")
    boosted = [_boosting(trees, half, number).fit(learnt) for number in range(trees.models)]
    return PipelineModel([assembler, *boosted])


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
