"""Fitting: calibrated probabilities, the right algorithm chosen, the same result whatever the order of rows, refusals in one sentence."""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
import pytest
from gridlens.errors import DefinitionError, SourceError
from gridlens.models.definition import AlgorithmDefinition, LearnerDefinition, ModelFeature
from gridlens.models.fit import Fitted, fit
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from sklearn.metrics import roc_auc_score

FEATURES = (
    ModelFeature(name="debt"),
    ModelFeature(name="age.years"),
    ModelFeature(name="late", kind="flag"),
    ModelFeature(name="trade", kind="category"),
    ModelFeature(name="noise"),
)
SMALL = LearnerDefinition(
    algorithms=(
        AlgorithmDefinition(kind="gradient_boosted_trees", grid={"trees": (8,), "max_depth": (2,), "step_size": (0.4,)}),
        AlgorithmDefinition(kind="random_forest", grid={"trees": (8,), "max_depth": (4,), "feature_share": (0.6,)}),
        AlgorithmDefinition(kind="logistic_regression", grid={"ridge": (0.001, 30.0)}),
    ),
    combine="blend",
    folds=2,
)
RATES = {"shop": 0.0, "mill": 0.9, "farm": -0.9}


def planted(accounts: int, seed: int) -> pd.DataFrame:
    """Two rows an account, with the probability that its label was drawn by, gaps in two features."""
    rng = np.random.default_rng(seed)
    n = 2 * accounts
    rows = pd.DataFrame(
        {
            "account_id": [f"A{i // 2}" for i in range(n)],
            "debt": rng.lognormal(3, 1, n),
            "age.years": rng.uniform(0, 30, n),
            "late": pd.array(rng.random(n) < 0.3, dtype="boolean"),
            "trade": rng.choice(["shop", "mill", "farm"], n, p=[0.5, 0.3, 0.2]).astype(object),
            "noise": rng.normal(size=n),
        }
    )
    log_odds = -3.2 + 0.7 * np.log1p(rows["debt"]) - 0.06 * rows["age.years"] + rows["late"].astype(float) + rows["trade"].map(RATES)
    rows["truth"] = 1 / (1 + np.exp(-log_odds))
    rows["label"] = (rng.random(n) < rows["truth"]).astype(int)
    rows.loc[rng.random(n) < 0.05, "late"] = pd.NA
    rows.loc[rng.random(n) < 0.05, "age.years"] = np.nan
    return rows


def frame(spark: SparkSession, rows: pd.DataFrame) -> DataFrame:
    schema = "account_id string, debt double, `age.years` double, late boolean, trade string, noise double, truth double, label int"
    values = rows.astype(object).where(rows.notna(), None)
    return spark.createDataFrame(list(values.itertuples(index=False, name=None)), schema)


@pytest.fixture(scope="module")
def train(spark: SparkSession) -> DataFrame:
    return frame(spark, planted(1500, 1)).persist()


@pytest.fixture(scope="module")
def blend(train: DataFrame) -> Fitted:
    return fit(train, FEATURES, SMALL)


@pytest.fixture(scope="module")
def scored(spark: SparkSession, blend: Fitted) -> pd.DataFrame:
    return blend.pipeline.transform(frame(spark, planted(3000, 2))).select("truth", "label", "prediction").toPandas()


def error_in_tens(probability: pd.Series, label: pd.Series) -> float:
    """Mean difference of predicted and observed rates in ten groups of equal size."""
    tens = np.array_split(np.argsort(probability.to_numpy(), kind="stable"), 10)
    return float(np.mean([abs(probability.iloc[ten].mean() - label.iloc[ten].mean()) for ten in tens]))


def test_probabilities_are_those_that_the_labels_were_drawn_by(scored: pd.DataFrame) -> None:
    assert roc_auc_score(scored["label"], scored["prediction"]) > roc_auc_score(scored["label"], scored["truth"]) - 0.02
    assert error_in_tens(scored["prediction"], scored["truth"]) < 0.02
    assert (scored["prediction"] - scored["truth"]).abs().mean() < 0.05


def test_the_pipeline_is_of_mllibs_own_stages(blend: Fitted) -> None:
    modules = {type(stage).__module__ for stage in blend.pipeline.stages}
    assert modules <= {"pyspark.ml.feature", "pyspark.ml.classification", "pyspark.ml.regression"}
    assert type(blend.pipeline.stages[-1]).__name__ == "GeneralizedLinearRegressionModel"


def test_the_best_of_each_algorithm_is_chosen_and_every_candidate_told(blend: Fitted) -> None:
    ridges = {row["settings"]["ridge"]: row["mean_roc_auc"] for row in blend.candidates if row["algorithm"] == "logistic_regression"}
    assert set(ridges) == {0.001, 30.0}
    assert len(blend.candidates) == 4
    by_kind = {row["algorithm"]: row for row in blend.chosen}
    assert list(by_kind) == ["gradient_boosted_trees", "random_forest", "logistic_regression"]
    assert by_kind["logistic_regression"]["settings"]["ridge"] == max(ridges, key=lambda ridge: ridges[ridge])
    assert all(row["weight"] > 0 and len(row["roc_auc"]) == 2 for row in blend.chosen)
    assert 1 <= by_kind["gradient_boosted_trees"]["settings"]["trees"] <= 8


def test_what_matters_is_important_and_noise_is_not(blend: Fitted) -> None:
    shares = dict(blend.importances)
    assert sum(shares.values()) == pytest.approx(1)
    assert next(iter(shares)) == "debt"
    assert shares["noise"] < min(shares[name] for name in ("debt", "age.years", "late", "trade"))


@pytest.mark.prove
def test_rows_in_another_order_and_other_partitions_give_the_same_model(train: DataFrame) -> None:
    sampling = {"trees": (5,), "max_depth": (3,), "subsample": (0.7,), "feature_share": (0.5,)}
    algorithms = tuple(AlgorithmDefinition(kind=kind, grid=sampling) for kind in ("gradient_boosted_trees", "random_forest"))  # type: ignore[arg-type]
    learner = SMALL.model_copy(update={"algorithms": algorithms})
    one, other = (fit(rows, FEATURES, learner) for rows in (train, train.repartition(5).orderBy(F.rand(7))))
    assert one.candidates == other.candidates
    assert dict(one.importances) == pytest.approx(dict(other.importances), rel=1e-9)
    both = [f.pipeline.transform(train).select("prediction").toPandas()["prediction"] for f in (one, other)]
    np.testing.assert_allclose(both[0], both[1], rtol=1e-9)


def test_unseen_categories_and_gaps_get_a_score_and_rare_ones_are_alike(spark: SparkSession, blend: Fitted) -> None:
    usual = {"account_id": "B", "debt": 20.0, "age.years": 10.0, "late": True, "trade": "mill", "noise": 0.0, "truth": 0.5, "label": 0}
    odd = [{"trade": "zoo"}, {"trade": "circus"}, {"trade": None}, {"trade": ""}, {"late": None}, {"debt": float("nan")}, {"debt": None}]
    odd += [{"debt": float("inf")}, dict.fromkeys(("debt", "age.years", "late", "trade", "noise"))]
    rows = pd.DataFrame([usual | change for change in odd], dtype=object)
    schema = frame(spark, planted(1, 1)).schema
    given = spark.createDataFrame([tuple(row) for row in rows.itertuples(index=False, name=None)], schema)
    scores = blend.pipeline.transform(given).select("prediction").toPandas()["prediction"].tolist()
    assert all(0 < score < 1 for score in scores)
    assert scores[0] == scores[1]
    assert scores[2] == scores[3]
    assert scores[5] == scores[6] == scores[7]


def test_the_best_alone_and_calibrated_by_steps(spark: SparkSession, train: DataFrame) -> None:
    learner = SMALL.model_copy(update={"combine": "best", "calibration": "isotonic", "algorithms": SMALL.algorithms[1:]})
    fitted = fit(train, FEATURES, learner)
    (chosen,) = fitted.chosen
    assert chosen["mean_roc_auc"] == max(row["mean_roc_auc"] for row in fitted.candidates)
    assert type(fitted.pipeline.stages[-1]).__name__ == "IsotonicRegressionModel"
    rows = fitted.pipeline.transform(frame(spark, planted(3000, 3))).select("truth", "prediction").toPandas()
    assert error_in_tens(rows["prediction"], rows["truth"]) < 0.03


def test_an_algorithm_that_needs_more_positives_is_not_tried(train: DataFrame) -> None:
    positives = train.where("label = 1").count()
    regression = AlgorithmDefinition(kind="logistic_regression")
    trees = SMALL.algorithms[0]

    def kinds(needed: int) -> list[str]:
        learner = SMALL.model_copy(update={"algorithms": (regression, trees.model_copy(update={"min_positives": needed}))})
        return [row["algorithm"] for row in fit(train, FEATURES, learner).candidates]

    assert kinds(positives) == ["logistic_regression", "gradient_boosted_trees"]
    assert kinds(positives + 1) == ["logistic_regression"]


def test_rows_that_weigh_nothing_change_nothing(train: DataFrame) -> None:
    learner = LearnerDefinition(algorithms=(AlgorithmDefinition(kind="logistic_regression"),), folds=2)
    turned = train.withColumn("weight", F.lit(0.0)).withColumn("label", 1 - F.col("label"))
    with_weights = fit(train.withColumn("weight", F.lit(1.0)).unionByName(turned.limit(500)), FEATURES, learner)
    plain = fit(train, FEATURES, learner)
    both = [f.pipeline.transform(train).select("prediction").toPandas()["prediction"] for f in (with_weights, plain)]
    assert np.abs(both[0] - both[1]).mean() < 0.01
    assert both[0].mean() == pytest.approx(both[1].mean(), abs=0.005)


def test_a_monotone_feature_keeps_its_direction_in_the_regression(spark: SparkSession, train: DataFrame) -> None:
    against = (ModelFeature(name="debt", monotone="decreasing"), *FEATURES[1:])
    fitted = fit(train, against, LearnerDefinition(algorithms=(AlgorithmDefinition(kind="logistic_regression"),), folds=2))
    row = train.limit(1).drop("debt")
    many = row.crossJoin(spark.createDataFrame([(float(v),) for v in range(0, 200, 10)], "debt double"))
    scores = fitted.pipeline.transform(many).orderBy("debt").select("prediction").toPandas()["prediction"]
    assert (np.diff(scores) <= 1e-12).all()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda df: df.withColumn("label", F.lit(1)), "all 200 have the label 1"),
        (lambda df: df.where("label = 0"), "have the label 0"),
        (lambda df: df.withColumn("label", F.when(F.col("account_id") == "A1", 1).otherwise(0)), "2 of 200 have the label 1, at least 20"),
        (lambda df: df.withColumn("label", F.when(F.col("account_id") == "A1", 2).otherwise(F.col("label"))), "2 of 200 have a label that"),
        (lambda df: df.withColumn("label", F.lit(None).cast("int")), "200 of 200 have a label that is neither 0 nor 1"),
        (lambda df: df.withColumn("label", F.col("label").cast("string")), "label is string, expected 0 or 1"),
        (lambda df: df.drop("label"), "no column label"),
        (lambda df: df.drop("debt"), "no column debt"),
        (lambda df: df.withColumn("debt", F.col("debt").cast("string")), "debt is string instead of a number"),
        (lambda df: df.limit(0), "there is none"),
    ],
)
def test_refusals_are_one_sentence(spark: SparkSession, change, expected: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(SourceError) as caught:
        fit(change(frame(spark, planted(100, 4))), FEATURES, SMALL)
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


def test_xgboost_that_is_not_installed_is_said(train: DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xgboost.spark", None)
    with pytest.raises(DefinitionError, match="xgboost is not installed; pip install"):
        fit(train, FEATURES, LearnerDefinition(algorithms=(AlgorithmDefinition(kind="xgboost"),)))
