"""The algorithms behind one interface: an estimator by name and settings, and the margin that its model gives.

A margin is what the final stage weighs: half of the log odds from the trees of a boosting (as MLlib scales them), the log odds of a
logistic regression, and the share of votes of a random forest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from pyspark.ml import Model
from pyspark.ml.classification import GBTClassifier, LogisticRegression, RandomForestClassifier
from pyspark.ml.feature import VectorSlicer
from pyspark.ml.linalg import Matrices

from gridlens.errors import DefinitionError
from gridlens.models import xgboost_extra
from gridlens.models.definition import Kind
from gridlens.models.preparation import LINEAR_FEATURES, MAX_CATEGORIES, TREE_FEATURES, Preparation

FREE = 1e9
"""A coefficient never gets so large: a slot is scaled."""
DEFAULTS: dict[Kind, dict[str, float]] = {
    "gradient_boosted_trees": {"trees": 100, "max_depth": 5, "step_size": 0.2, "subsample": 1.0, "feature_share": 1.0, "min_rows": 10},
    "random_forest": {"trees": 100, "max_depth": 20, "subsample": 1.0, "feature_share": 0.2, "min_rows": 2},
    "logistic_regression": {"ridge": 0.002, "elastic_net": 0.0},
    "xgboost": {"trees": 500, "max_depth": 5, "step_size": 0.05, "subsample": 0.8, "feature_share": 0.5, "min_rows": 5},
}
"""Settings that a grid doesn't name: the best of those tried on folds of three public data sets, on stand-ins of MLlib's trees made with
another library (the same loss, leaves and bins; 2026-11)."""
BOOSTED: tuple[Kind, ...] = ("gradient_boosted_trees", "xgboost")
"""Algorithms whose ``trees`` are the most that early stopping may keep."""
MEMORY_MB = 1024
"""For the statistics of one pass over the data: at MLlib's 256 the deep levels of a forest take several."""
MAX_BINS = MAX_CATEGORIES + 4


def needs_trees(kind: Kind) -> bool:
    """Whether the algorithm reads ``tree_features``, else ``linear_features``."""
    return kind != "logistic_regression"


def probability_column(kind: Kind) -> str:
    """Vector of the algorithm's own probabilities, not calibrated."""
    return f"{kind}_probability"


def raw_column(kind: Kind) -> str:
    """Vector of the algorithm's raw predictions."""
    return f"{kind}_raw"


def margin_column(kind: Kind) -> str:
    """Vector of one place, the margin."""
    return f"{kind}_margin"


def margin_stage(kind: Kind) -> VectorSlicer:
    """The stage that takes the margin out of what the model gives."""
    source = probability_column(kind) if kind == "random_forest" else raw_column(kind)
    return VectorSlicer(inputCol=source, outputCol=margin_column(kind), indices=[1])


def estimator(
    kind: Kind, settings: Mapping[str, float], prepared: Preparation, *, seed: int, weight: str | None, signs: Sequence[int]
) -> Any:
    """The estimator; its label is the column ``label``.

    Args:
        kind: which algorithm.
        settings: from NAMES_OF_SETTINGS; DEFAULTS holds the others.
        prepared: what the vectors hold.
        seed: of sampling.
        weight: column with the rows' weights.
        signs: by place of ``tree_features``, 1 or -1 where the score may only rise or fall, else 0; MLlib's trees cannot be held to it.

    Raises:
        DefinitionError: settings that exclude each other, or the library is not installed.
    """
    chosen = DEFAULTS[kind] | dict(settings)
    columns: dict[str, Any] = {"labelCol": "label", "rawPredictionCol": raw_column(kind), "probabilityCol": probability_column(kind)}
    if weight:
        columns["weightCol"] = weight
    if kind == "xgboost":
        return xgboost_extra.estimator(
            chosen, TREE_FEATURES, raw_column(kind), probability_column(kind), seed=seed, weight=weight, signs=signs
        )
    if kind == "logistic_regression":
        return _logistic(chosen, prepared, columns)
    trees: dict[str, Any] = {
        "featuresCol": TREE_FEATURES,
        "maxDepth": int(chosen["max_depth"]),
        "maxBins": MAX_BINS,
        "maxMemoryInMB": MEMORY_MB,
        # Else every task is sent all trees so far: a forest of depth 20 on 24,000 rows took 146 s, with it 40, boosted trees of depth 5
        # took 48 and 30; the trees are the same, node by node (2026-11).
        "cacheNodeIds": True,
        "minInstancesPerNode": int(chosen["min_rows"]),
        "subsamplingRate": chosen["subsample"],
        "featureSubsetStrategy": "all" if chosen["feature_share"] >= 1 else str(chosen["feature_share"]),
        "seed": seed,
        "predictionCol": "",
    }
    if kind == "random_forest":
        return RandomForestClassifier(numTrees=int(chosen["trees"]), **columns, **trees)
    raw, probability = columns.pop("rawPredictionCol"), columns.pop("probabilityCol")  # not among its arguments in pyspark 4.2
    boosted = GBTClassifier(maxIter=int(chosen["trees"]), stepSize=chosen["step_size"], **columns, **trees)
    return boosted.setRawPredictionCol(raw).setProbabilityCol(probability)


def _logistic(chosen: Mapping[str, float], prepared: Preparation, columns: Mapping[str, Any]) -> LogisticRegression:
    regression = LogisticRegression(
        featuresCol=LINEAR_FEATURES,
        family="binomial",
        maxIter=200,
        regParam=chosen["ridge"],
        elasticNetParam=chosen["elastic_net"],
        predictionCol="",
        **columns,
    )
    if not prepared.bounds:
        return regression
    if chosen["elastic_net"]:
        raise DefinitionError(
            "logistic_regression: elastic_net and monotone features exclude each other; leave elastic_net at 0, or monotone out"
        )
    # Finite: MLlib multiplies the bounds by the slots' deviations, and infinity times the 0 of a constant slot is no bound.
    low, high = np.full(len(prepared.linear), -FREE), np.full(len(prepared.linear), FREE)
    for place, sign in prepared.bounds.items():
        (low if sign > 0 else high)[place] = 0.0
    regression.setLowerBoundsOnCoefficients(Matrices.dense(1, len(low), low.tolist()))
    return regression.setUpperBoundsOnCoefficients(Matrices.dense(1, len(high), high.tolist()))


def importances(kind: Kind, model: Model, prepared: Preparation, deviations: np.ndarray | None) -> dict[str, float]:
    """Share of each feature in what the model learned, together 1.

    Trees: MLlib's gain, after Hastie, Tibshirani and Friedman 2001. Logistic regression: the weights by the deviation of what they weigh.

    Args:
        kind, model, prepared: see there.
        deviations: standard deviation by place of ``linear_features``.
    """
    if kind == "xgboost":
        names, values = prepared.tree, xgboost_extra.gains(model, len(prepared.tree))
    elif needs_trees(kind):
        names, values = prepared.tree, np.asarray(model.featureImportances.toArray())  # type: ignore[attr-defined]
    else:
        assert deviations is not None
        names, values = prepared.linear, np.abs(model.coefficients.toArray()) * deviations  # type: ignore[attr-defined]
    total = float(values.sum())
    shares: dict[str, float] = {}
    for name, value in zip(names, values, strict=True):
        shares[name] = shares.get(name, 0.0) + (float(value) / total if total else 0.0)
    return shares
