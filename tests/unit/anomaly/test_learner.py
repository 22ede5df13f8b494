"""The judge: several boosted models as one, beside the residual, each row by what was fitted on the other half."""

from __future__ import annotations

import numpy as np
import pytest
from gridlens.anomaly.definition import Trees
from gridlens.anomaly.learner import fit_judge
from gridlens.errors import SourceError
from pyspark.ml.functions import vector_to_array
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from sklearn.metrics import roc_auc_score

NAMES = ["loss", "steady", "noise"]


def test_boosted_models_are_averaged_and_weighed_with_the_residual(spark: SparkSession) -> None:
    random = np.random.default_rng(4)
    label = random.integers(0, 2, 240).astype(float)
    values = random.normal(size=(240, 3)) + label[:, None] * np.array([2.0, -1.0, 0.0])
    rows = [(i, i % 2, float(y), 1.0, *map(float, x)) for i, (y, x) in enumerate(zip(label, values, strict=True))]
    table = spark.createDataFrame(rows, ["place", "half", "label", "weight", *NAMES]).localCheckpoint()
    judge = fit_judge(table, Trees(models=2, trees=5, max_depth=2, min_rows=5), prior=0.02, features=NAMES)
    judged = judge.judged(table.drop("label", "weight")).orderBy("place").toPandas()
    assert list(judged.columns) == ["place", "half", *NAMES, "unusual", "log_odds"]
    assert roc_auc_score(label, judged["log_odds"]) > 0.9

    half = judge.halves[1]
    mine = half.trees.transform(half.usual.added(table.where("half = 1"))).orderBy("place")
    raw = [vector_to_array(F.col(name))[1].alias(name) for name in mine.columns if name.startswith("_raw_1_")]
    told = mine.select(*raw, "residual").toPandas()
    margins = told.drop(columns="residual").to_numpy()
    assert margins.shape == (120, 2)
    assert not np.allclose(margins[:, 0], margins[:, 1]), "each model has a seed of its own"
    odds = judge.slopes[0] * margins.mean(axis=1) + judge.slopes[1] * told["residual"].to_numpy() + judge.shift
    np.testing.assert_allclose(judged.loc[judged["half"] == 1, "log_odds"], odds, atol=1e-9)


def test_a_half_without_examples_of_either_kind_is_one_sentence(spark: SparkSession) -> None:
    rows = [(0, 0.0), (0, 1.0), (1, 0.0)]
    table = spark.createDataFrame([(half, label, 1.0, 1.0) for half, label in rows], ["half", "label", "weight", "loss"])
    with pytest.raises(SourceError, match="no account uses enough energy for long enough to learn from"):
        fit_judge(table, Trees(), prior=0.02, features=["loss"])
