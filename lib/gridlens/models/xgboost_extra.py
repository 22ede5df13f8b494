"""XGBoost's own Spark estimator, for those who installed it: ``pip install 'gridlens[xgboost]'``.

It trains outside the JVM and is no stock stage: whoever serves such a model needs xgboost too. It needs a classic session.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from pyspark.ml import Model
from pyspark.sql import Column, DataFrame
from pyspark.sql.utils import is_remote

from gridlens.errors import DefinitionError

PATIENCE = 20
"""Rounds without a better held-out loss after which early stopping ends."""
_HELD_OUT = "held_out"


def estimator(
    chosen: Mapping[str, float], features: str, raw: str, probability: str, *, seed: int, weight: str | None, signs: Sequence[int]
) -> Any:
    """The estimator with one worker, so that the same seed gives the same trees.

    Raises:
        DefinitionError: xgboost is not installed, or the session is a Spark Connect one.
    """
    try:
        classifier = importlib.import_module("xgboost.spark").SparkXGBClassifier
    except ImportError:
        raise DefinitionError(
            "the algorithm xgboost is not installed; pip install 'gridlens[xgboost]', or take gradient_boosted_trees"
        ) from None
    if is_remote():
        raise DefinitionError("xgboost does not train on Spark Connect; use a classic session, or take gradient_boosted_trees")
    settings: dict[str, Any] = {
        "features_col": features,
        "label_col": "label",
        "raw_prediction_col": raw,
        "probability_col": probability,
        "prediction_col": f"{raw}_class",
        "n_estimators": int(chosen["trees"]),
        "max_depth": int(chosen["max_depth"]),
        "learning_rate": chosen["step_size"],
        "subsample": chosen["subsample"],
        "colsample_bynode": chosen["feature_share"],
        "min_child_weight": chosen["min_rows"],
        "random_state": seed % 2**31,
        "num_workers": 1,
        "verbosity": 0,
    }
    if weight:
        settings["weight_col"] = weight
    if any(signs):
        settings["monotone_constraints"] = "(" + ",".join(map(str, signs)) + ")"
    return classifier(**settings)


def best_rounds(estimator: Any, rows: DataFrame, held_out: Column) -> int:
    """Trees up to the least loss on the rows that are held out."""
    estimator.setParams(validation_indicator_col=_HELD_OUT, early_stopping_rounds=PATIENCE, eval_metric="logloss")
    fitted = estimator.fit(rows.withColumn(_HELD_OUT, held_out))
    return int(fitted.get_booster().best_iteration) + 1


def gains(fitted: Model, places: int) -> np.ndarray:
    """Total gain by place of the features; shape (places,)."""
    found = fitted.get_booster().get_score(importance_type="total_gain")  # type: ignore[attr-defined]
    return np.array([found.get(f"f{i}", found.get(str(i), 0.0)) for i in range(places)])
