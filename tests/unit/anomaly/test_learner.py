"""The judge: several boosted models as one, beside the residual, each row by what was fitted on the other half; the same as a pipeline."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from gridlens.anomaly.definition import Trees, UsageDefinition
from gridlens.anomaly.learner import Judge, Learnt, fit_judge, learn
from gridlens.anomaly.pipeline import features_of, importances, judge_pipeline
from gridlens.errors import SourceError
from gridlens.pipelines.anomaly_judged import decided, fold_of, judge_usage
from pyspark.ml.functions import vector_to_array
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score, roc_curve

NAMES = ["loss", "steady", "noise", "twin", "idle"]


@pytest.fixture(scope="module")
def table(spark: SparkSession) -> DataFrame:
    """Examples of 240 accounts, a third of them changed. ``twin`` goes with ``steady``, of changed ones less; ``idle`` is 0 of all."""
    random = np.random.default_rng(4)
    label = (random.random(240) < 0.35).astype(float)
    values = random.normal(size=(240, 3)) + label[:, None] * np.array([2.0, -1.0, 0.0])
    twin = values[:, 1] + random.normal(0, 0.1 + 0.3 * label)
    columns = np.column_stack([label, np.ones(240), values, twin, np.zeros(240)]).tolist()
    rows = [(f"A{i:03}", i % 2, *row) for i, row in enumerate(columns)]
    return spark.createDataFrame(rows, ["account_id", "half", "label", "weight", *NAMES]).localCheckpoint()


@pytest.fixture(scope="module")
def learnt(table: DataFrame) -> Learnt:
    return learn(table, Trees(models=2, trees=5, max_depth=2, min_rows=5), NAMES)


@pytest.fixture(scope="module")
def judge(learnt: Learnt) -> Judge:
    return learnt.judge(0.02)


@pytest.fixture(scope="module")
def crossed(learnt: Learnt) -> pd.DataFrame:
    return by_account(learnt.crossed(fold_of()))


def by_account(rows: DataFrame) -> pd.DataFrame:
    return rows.orderBy("account_id").toPandas()


def test_boosted_models_are_averaged_and_weighed_with_the_residual(table: DataFrame, judge: Judge) -> None:
    judged = by_account(judge.judged(table.drop("weight")))
    assert list(judged.columns) == ["account_id", "half", "label", *NAMES, "unusual", "log_odds"]
    assert roc_auc_score(judged["label"], judged["log_odds"]) > 0.9

    half = judge.halves[1]
    mine = half.trees.transform(half.usual.added(table.where("half = 1")))
    raw = [vector_to_array(F.col(name))[1].alias(name) for name in mine.columns if name.startswith("_raw_1_")]
    told = by_account(mine.select("account_id", *raw, "residual"))
    margins = told[[name for name in told if name.startswith("_raw_")]].to_numpy()
    assert margins.shape == (120, 2)
    assert not np.allclose(margins[:, 0], margins[:, 1]), "each model has a seed of its own"
    odds = judge.slopes[0] * margins.mean(axis=1) + judge.slopes[1] * told["residual"].to_numpy() + judge.shift
    np.testing.assert_allclose(judged.loc[judged["half"] == 1, "log_odds"], odds, atol=1e-9)


def test_the_pipeline_is_the_judge(spark: SparkSession, table: DataFrame, judge: Judge) -> None:
    rows = table.drop("label", "weight").withColumn("half", F.col("half").cast("double"))  # as a server sends it
    lacking = rows.limit(1).withColumns({"account_id": F.lit("UNKNOWN"), "steady": F.lit(None).cast("double")})
    told, judged = by_account(judge_pipeline(spark, judge).transform(rows.unionByName(lacking))), by_account(judge.judged(rows))
    added = ["log_odds", "unusual", "prediction"]
    assert list(told.columns) == ["account_id", "half", *NAMES, *added], "what it made on the way is gone"
    assert told.iloc[-1][added].isna().all(), "without evidence there is no probability"
    np.testing.assert_allclose(told["log_odds"][:-1], judged["log_odds"], atol=1e-9)
    np.testing.assert_allclose(told["prediction"][:-1], 1 / (1 + np.exp(-judged["log_odds"])), atol=1e-9)
    np.testing.assert_array_equal(told["unusual"][:-1], judged["unusual"])

    assert features_of(judge) == tuple(NAMES)
    shares = dict(importances(judge))
    assert sum(shares.values()) == pytest.approx(1.0)
    assert max(shares, key=lambda name: shares[name]) == "loss"


def test_examples_are_judged_by_weights_from_other_accounts(learnt: Learnt, crossed: pd.DataFrame) -> None:
    assert learnt.rate == crossed["label"].mean()
    assert sum(learnt.counts.values()) == len(crossed) == 240
    for own in (0, 1):
        mine, others = crossed[crossed["fold"] == own], crossed[crossed["fold"] != own]
        oracle = LogisticRegression(C=np.inf, tol=1e-8, max_iter=1000)
        oracle.fit(others[["margin", "residual"]], others["label"], sample_weight=others["weight"])
        odds = oracle.decision_function(mine[["margin", "residual"]]) + np.log(learnt.rate / (1 - learnt.rate))
        np.testing.assert_allclose(mine["prediction"], 1 / (1 + np.exp(-odds)), atol=1e-3)


def test_figures_are_those_of_scikit_learn_and_the_gate_asks_for_a_gain(learnt: Learnt, crossed: pd.DataFrame) -> None:
    definition = UsageDefinition(name_zh="用电异常", name_en="Abnormal usage", prior=0.05)
    judged = judge_usage(learnt, definition)
    label, score = crossed["label"].to_numpy(), crossed["prediction"].to_numpy()
    found = judged.metrics()
    assert found["roc_auc"] == pytest.approx(roc_auc_score(label, score), abs=1e-3)
    assert found["pr_auc"] == pytest.approx(average_precision_score(label, score), abs=1e-3)
    assert found["log_loss"] == pytest.approx(log_loss(label, score))
    assert found["brier"] == pytest.approx(brier_score_loss(label, score))
    assert found["baseline.residual.roc_auc"] == pytest.approx(roc_auc_score(label, crossed["residual"]), abs=1e-3)
    assert found["baseline.residual.log_loss"] is None, "it is no probability"
    assert found["baseline.prior.roc_auc"] == 0.5
    rare = np.where(label == 1, 0.05 / label.sum(), 0.95 / (1 - label).sum())
    assert found["at_prior.pr_auc"] == pytest.approx(average_precision_score(label, score, sample_weight=rare), abs=1e-3)
    wrong, right, _ = roc_curve(label, score, drop_intermediate=False)
    assert found["false_alarms_at_80"] == pytest.approx(wrong[np.argmax(right >= 0.8)], abs=0.02)

    assert judged.decision.champion
    refused = decided(definition.gate.model_copy(update={"min_gain": 0.9}), judged.figures, judged.baselines)
    assert [check.name for check in refused.checks if not check.passed] == ["gain"]
    assert "over the best baseline, residual" in refused.reasons[0]


def test_a_half_without_examples_of_either_kind_is_one_sentence(spark: SparkSession) -> None:
    rows = [(0, 0.0), (0, 1.0), (1, 0.0)]
    table = spark.createDataFrame([(half, label, 1.0, 1.0) for half, label in rows], ["half", "label", "weight", "loss"])
    with pytest.raises(SourceError, match="no account uses enough energy for long enough to learn from"):
        fit_judge(table, Trees(), prior=0.02, features=["loss"])
