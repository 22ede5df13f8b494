"""Reasons of a blended pipeline: they sum to its log odds, agree with Shapley values by the definition, and name what was measured."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from gridlens.errors import DefinitionError
from gridlens.models.definition import ModelFeature
from gridlens.models.reasons import Explainer, explainer
from pyspark.ml import Pipeline, PipelineModel
from pyspark.ml.classification import GBTClassifier, LogisticRegression, RandomForestClassifier
from pyspark.ml.feature import Imputer, OneHotEncoder, SQLTransformer, StringIndexer, VectorAssembler, VectorSlicer
from pyspark.ml.functions import vector_to_array
from pyspark.ml.regression import GeneralizedLinearRegression, IsotonicRegression
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

FEATURES = (
    ModelFeature(name="days_late", en="Days late", zh="逾期天数", actionable=True, act="call before the due day"),
    ModelFeature(name="energy"),
    ModelFeature(name="autopay", kind="flag"),
    ModelFeature(name="category", kind="category"),
    ModelFeature(name="noise"),
)
NAMES = [feature.name for feature in FEATURES]
SCHEMA = "account_id string, days_late double, energy double, autopay boolean, category string, noise double, label double"


def rows(count: int = 400) -> pd.DataFrame:
    rng = np.random.default_rng(11)
    late, energy = rng.gamma(1.0, 10.0, count).round(), rng.normal(200, 60, count)
    autopay, category = rng.random(count) < 0.4, rng.choice(["household", "shop", "factory"], count)
    odds = 0.1 * late - 1.5 * autopay + (category == "shop") - 0.005 * energy
    frame = pd.DataFrame({"account_id": [f"A{i:04d}" for i in range(count)], "days_late": late, "energy": energy, "autopay": autopay})
    frame["category"], frame["noise"] = category, 0.0
    frame["label"] = (rng.random(count) < 1 / (1 + np.exp(-odds))).astype(float)
    frame.loc[frame.index % 9 == 0, "energy"] = np.nan
    return frame


@pytest.fixture(scope="module")
def train(spark: SparkSession) -> DataFrame:
    records = [tuple(None if value != value else value for value in row) for row in rows().itertuples(index=False)]
    return spark.createDataFrame(records, SCHEMA).coalesce(1).cache()


def preparation() -> list[Any]:
    return [
        SQLTransformer(
            statement="SELECT *, CAST(energy IS NULL AS DOUBLE) AS energy_missing, CAST(autopay AS DOUBLE) AS autopay_value, "
            "SIGNUM(days_late) * LN(1 + ABS(days_late)) AS days_log FROM __THIS__"
        ),
        Imputer(inputCols=["energy"], outputCols=["energy_filled"]),
        StringIndexer(inputCols=["category"], outputCols=["category_code"], handleInvalid="keep"),
        OneHotEncoder(inputCols=["category_code"], outputCols=["category_hot"], handleInvalid="keep"),
        VectorAssembler(
            inputCols=["days_late", "energy_filled", "energy_missing", "autopay_value", "category_code", "noise"], outputCol="trees"
        ),
        VectorAssembler(inputCols=["days_log", "energy_filled", "energy_missing", "autopay_value", "category_hot"], outputCol="numbers"),
    ]


def columns(name: str) -> dict[str, str]:
    return {"rawPredictionCol": f"{name}_raw", "probabilityCol": f"{name}_probability", "predictionCol": ""}


def boosting(trees: int, depth: int) -> GBTClassifier:
    stage = GBTClassifier(featuresCol="trees", maxIter=trees, maxDepth=depth, seed=5, predictionCol="")
    return stage.setRawPredictionCol("boosting_raw").setProbabilityCol("boosting_probability")


def blended() -> list[Any]:
    """Forest, boosting and regression, weighed by a logistic stage, as the fitted models are."""
    return [
        *preparation(),
        RandomForestClassifier(featuresCol="trees", numTrees=4, maxDepth=3, seed=5, **columns("forest")),
        boosting(4, 3),
        LogisticRegression(featuresCol="numbers", regParam=0.01, **columns("regression")),
        VectorSlicer(inputCol="forest_probability", outputCol="forest_margin", indices=[1]),
        VectorSlicer(inputCol="boosting_raw", outputCol="boosting_margin", indices=[1]),
        VectorSlicer(inputCol="regression_raw", outputCol="regression_margin", indices=[1]),
        VectorAssembler(inputCols=["forest_margin", "boosting_margin", "regression_margin"], outputCol="margins"),
        GeneralizedLinearRegression(
            family="binomial", featuresCol="margins", predictionCol="prediction", linkPredictionCol="log_odds", regParam=0.01
        ),
    ]


@pytest.fixture(scope="module")
def pipeline(train: DataFrame) -> PipelineModel:
    return Pipeline(stages=blended()).fit(train)


@pytest.fixture(scope="module")
def explained(spark: SparkSession, pipeline: PipelineModel, train: DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Explainer:
    return explainer(spark, pipeline, FEATURES, folder=str(tmp_path_factory.mktemp("trees")), background=train)


@pytest.fixture(scope="module")
def reasons(explained: Explainer, train: DataFrame) -> pd.DataFrame:
    """All contributions, a row for each account and feature."""
    found = explained.explain(train, top=len(FEATURES)).select("account_id", "reasons").toPandas()
    parts = ("feature", "value", "contribution")
    flat = [
        (row.account_id, rank, *(reason[part] for part in parts)) for row in found.itertuples() for rank, reason in enumerate(row.reasons)
    ]
    return pd.DataFrame(flat, columns=["account_id", "rank", *parts])


def test_contributions_sum_to_the_log_odds(explained: Explainer, reasons: pd.DataFrame, pipeline: PipelineModel, train: DataFrame) -> None:
    scored = pipeline.transform(train).select("account_id", "log_odds", "prediction").toPandas().set_index("account_id")
    total = explained.base + reasons.groupby("account_id")["contribution"].sum()
    assert (total - scored["log_odds"]).abs().max() < 1e-9
    assert (1 / (1 + np.exp(-total)) - scored["prediction"]).abs().max() < 1e-9
    assert scored["log_odds"].std() > 0.3


def test_they_are_shapley_values_of_the_features(reasons: pd.DataFrame, pipeline: PipelineModel, train: DataFrame, tmp_path: Path) -> None:
    """The game, by walks down the saved trees with the shares of the rows at each node, and by the regression's means."""
    games = Games(pipeline, train, tmp_path)
    for account in ("A0000", "A0001", "A0009", "A0123"):
        expected = games.shapley(account)
        found = reasons[reasons["account_id"] == account].set_index("feature")["contribution"]
        for feature in NAMES:
            assert found.get(feature, 0.0) == pytest.approx(expected[feature], abs=1e-9), (account, feature)


class Games:
    """What the pipeline gives where only some features are known, put together from its own parts."""

    TREE_SLOTS = ("days_late", "energy", "energy", "autopay", "category", "noise")
    LINEAR_SLOTS = ("days_late", "energy", "energy", "autopay")

    def __init__(self, pipeline: PipelineModel, train: DataFrame, folder: Path) -> None:
        forest, boosting, regression = pipeline.stages[6:9]
        self.weights = pipeline.stages[-1].coefficients.toArray()
        self.forest, self.boosting = saved_trees(forest, folder / "forest"), saved_trees(boosting, folder / "boosting")
        self.tree_weights = boosting.treeWeights
        self.coefficients = regression.coefficients.toArray()
        ready = (
            pipeline.transform(train)
            .select("account_id", vector_to_array("trees").alias("t"), vector_to_array("numbers").alias("n"))
            .toPandas()
        )
        self.vectors = {row.account_id: (np.array(row.t), np.array(row.n)) for row in ready.itertuples()}
        self.means = np.stack(ready["n"]).mean(axis=0)

    def value(self, account: str, known: set[str]) -> float:
        trees, numbers = self.vectors[account]
        slots = [*self.LINEAR_SLOTS, *["category"] * (len(numbers) - 4)]
        seen = np.where([slot in known for slot in slots], numbers, self.means)
        votes = [walk(tree, 0, trees, known, lambda node: node["impurityStats"][1] / sum(node["impurityStats"])) for tree in self.forest]
        steps = [walk(tree, 0, trees, known, lambda node: node["prediction"]) for tree in self.boosting]
        margins = [np.mean(votes), np.dot(steps, self.tree_weights), self.coefficients @ seen]
        return float(self.weights @ np.array(margins))

    def shapley(self, account: str) -> dict[str, float]:
        values = {"noise": 0.0}
        players = [name for name in NAMES if name != "noise"]
        for player in players:
            others = [name for name in players if name != player]
            values[player] = 0.0
            for size in range(len(players)):
                weight = math.factorial(size) * math.factorial(len(players) - 1 - size) / math.factorial(len(players))
                for some in itertools.combinations(others, size):
                    values[player] += weight * (self.value(account, {*some, player}) - self.value(account, set(some)))
        return values


def saved_trees(model: Any, folder: Path) -> list[dict[int, dict[str, Any]]]:
    """Nodes by id of every tree."""
    model.write().overwrite().save(str(folder))
    rows = pq.read_table(folder / "data").to_pylist()
    return [
        {row["nodeData"]["id"]: row["nodeData"] for row in rows if row["treeID"] == tree}
        for tree in sorted({row["treeID"] for row in rows})
    ]


def walk(tree: dict[int, dict[str, Any]], at: int, x: np.ndarray, known: set[str], leaf: Callable[[dict[str, Any]], float]) -> float:
    node = tree[at]
    if node["leftChild"] < 0:
        return leaf(node)
    slot, rule = node["split"]["featureIndex"], node["split"]["leftCategoriesOrThreshold"]
    ways = (node["leftChild"], node["rightChild"])
    if Games.TREE_SLOTS[slot] in known:
        left = x[slot] <= rule[0] if node["split"]["numCategories"] == -1 else x[slot] in rule
        return walk(tree, ways[0 if left else 1], x, known, leaf)
    stats = [tree[way]["impurityStats"] for way in ways]
    cover = [one[0] if len(one) == 3 else sum(one) for one in stats]  # boosting: count, sum, sum of squares; forest: by class
    return sum(c * walk(tree, way, x, known, leaf) for c, way in zip(cover, ways, strict=True)) / sum(cover)


def test_largest_first_with_the_value_as_it_stands_in_the_data(reasons: pd.DataFrame) -> None:
    ranked = reasons.sort_values(["account_id", "rank"])
    assert (ranked.groupby("account_id")["contribution"].apply(lambda c: c.abs().is_monotonic_decreasing)).all()
    assert set(reasons["feature"]) <= set(NAMES) - {"noise"}, "what never varies is no reason"
    frame = rows().set_index("account_id")
    for row in reasons.sample(200, random_state=1).itertuples():
        actual = frame.loc[row.account_id, row.feature]
        if isinstance(actual, float):
            assert row.value is None if np.isnan(actual) else float(row.value) == pytest.approx(actual, rel=1e-5)
        else:
            assert row.value == str(actual).lower()
    assert reasons["value"].isna().any()


def test_few_reasons_are_the_head_of_all(explained: Explainer, train: DataFrame, reasons: pd.DataFrame) -> None:
    two = explained.explain(train.limit(50), top=2, keep=["account_id"])
    assert two.columns == ["account_id", "reasons"]
    for row in two.collect():
        expected = reasons[reasons["account_id"] == row["account_id"]].nsmallest(2, "rank")["feature"]
        assert [reason["feature"] for reason in row["reasons"]] == list(expected)


def test_scored_rows_are_not_prepared_again(explained: Explainer, pipeline: PipelineModel, train: DataFrame) -> None:
    scored = pipeline.transform(train).withColumn("energy", F.col("energy") * 1000)
    afresh, taken = (explained.explain(df.limit(5), top=9) for df in (train, scored))
    contributions = [[[r["contribution"] for r in row["reasons"]] for row in df.orderBy("account_id").collect()] for df in (afresh, taken)]
    assert contributions[0] == contributions[1]
    assert "prediction" in taken.columns
    assert "trees" not in taken.columns


def test_means_stand_for_the_background(
    spark: SparkSession, explained: Explainer, pipeline: PipelineModel, train: DataFrame, tmp_path: Path
) -> None:
    again = explainer(spark, pipeline, FEATURES, folder=str(tmp_path), background=explained.means)
    assert again.base == explained.base
    with pytest.raises(DefinitionError, match="as background"):
        explainer(spark, pipeline, FEATURES, folder=str(tmp_path))


def test_drivers_are_the_means_of_the_reasons(explained: Explainer, train: DataFrame, reasons: pd.DataFrame) -> None:
    frame = rows().set_index("account_id")
    wide = reasons.pivot(index="account_id", columns="feature", values="contribution").reindex(columns=NAMES).fillna(0.0)
    for by in ([], ["category"]):
        found = explained.drivers(train, by=by).toPandas()
        keys = frame.loc[wide.index, "category"] if by else pd.Series("all", index=wide.index)
        for group, part in wide.groupby(keys):
            mine = (found[found["category"] == group] if by else found).set_index("feature").loc[NAMES]
            assert (mine["rows"] == len(part)).all()
            np.testing.assert_allclose(mine["contribution"], part.abs().mean(), atol=1e-12)
            np.testing.assert_allclose(mine["mean_contribution"], part.mean(), atol=1e-12)
            np.testing.assert_allclose(mine["share"], part.abs().mean() / part.abs().mean().sum(), atol=1e-12)
    total = explained.drivers(train).toPandas().set_index("feature")["direction"]
    assert total[["days_late", "energy", "autopay", "noise"]].tolist() == ["raises", "lowers", "lowers", "mixed"]
    assert total["category"] is None


def test_steps_of_calibration_come_after_the_sum(spark: SparkSession, train: DataFrame, tmp_path: Path) -> None:
    stages = [
        *preparation()[:5],
        boosting(2, 2),
        VectorSlicer(inputCol="boosting_raw", outputCol="margin", indices=[1]),
        IsotonicRegression(featuresCol="margin", predictionCol="prediction"),
    ]
    pipeline = Pipeline(stages=stages).fit(train)
    explained = explainer(spark, pipeline, FEATURES, folder=str(tmp_path))
    scored = explained.explain(pipeline.transform(train).withColumn("margin", vector_to_array("boosting_raw")[1]), top=9)
    for row in scored.limit(20).collect():
        assert explained.base + sum(reason["contribution"] for reason in row["reasons"]) == pytest.approx(row["margin"], abs=1e-12)


def test_what_depends_on_two_features_is_theirs_in_equal_parts(spark: SparkSession, train: DataFrame, tmp_path: Path) -> None:
    stages = [
        SQLTransformer(statement="SELECT *, COALESCE(energy, 0) * days_late AS product FROM __THIS__"),
        VectorAssembler(inputCols=["product"], outputCol="numbers"),
        LogisticRegression(featuresCol="numbers", predictionCol="prediction"),
    ]
    explained = explainer(spark, Pipeline(stages=stages).fit(train), FEATURES, folder=str(tmp_path), background=train)
    for row in explained.explain(train.limit(5)).collect():
        first, second = row["reasons"]
        assert [first["feature"], second["feature"]] == ["days_late", "energy"]
        assert first["contribution"] == second["contribution"]


def test_refusals_name_what_is_missing(
    spark: SparkSession, pipeline: PipelineModel, explained: Explainer, train: DataFrame, tmp_path: Path
) -> None:
    with pytest.raises(DefinitionError, match="lacks the feature energy, "):
        explained.explain(train.drop("energy"))
    with pytest.raises(DefinitionError, match="reads the column days_late, which is not among its features"):
        explainer(spark, pipeline, FEATURES[1:], folder=str(tmp_path), background=explained.means)
    with pytest.raises(DefinitionError, match="does not come from a model"):
        explainer(spark, PipelineModel(pipeline.stages[:3]), FEATURES, folder=str(tmp_path))
    pca = PipelineModel([*pipeline.stages[:5], VectorSlicer(inputCol="trees", outputCol="prediction", indices=[1]), Untraceable()])
    with pytest.raises(DefinitionError, match="through the stage Untraceable"):
        explainer(spark, pca, FEATURES, folder=str(tmp_path))


class Untraceable(SQLTransformer):
    """A kind of stage that nobody knows."""
