"""Baselines: chosen on the training rows, judged on the test rows, against scikit-learn on the rows themselves."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from gridlens.errors import SourceError
from gridlens.models.baselines import PSEUDO_ROWS, baselines
from gridlens.models.definition import ModelFeature
from gridlens.models.figures import Baseline
from pyspark.sql import DataFrame, SparkSession
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score

FEATURES = [
    ModelFeature(name="noise"),
    ModelFeature(name="late"),
    ModelFeature(name="product", kind="category"),
    ModelFeature(name="only_then"),
]
SCHEMA = "account_id string, noise double, late int, product string, only_then double, label int"


def rows(seed: int, *, later: bool) -> pd.DataFrame:
    """``only_then`` orders the training rows second best and the test rows not at all; ``late`` is often missing."""
    rng = np.random.default_rng(seed)
    late = rng.poisson(1.0, size=1500)
    label = (rng.uniform(size=1500) < 0.05 + 0.12 * np.minimum(late, 6)).astype(int)
    then = rng.normal(size=1500) + (0 if later else 0.8) * label
    table = pd.DataFrame({"account_id": [str(i) for i in range(1500)], "noise": rng.normal(size=1500), "late": late.astype(object)})
    table["product"] = rng.choice(["a", "b", "c"], size=1500)
    table["only_then"], table["label"] = then, label
    table.loc[table.index % 11 == 0, "late"] = None
    return table


def frame(spark: SparkSession, table: pd.DataFrame) -> DataFrame:
    return spark.createDataFrame(list(table.itertuples(index=False, name=None)), SCHEMA)


@pytest.fixture(scope="module")
def found(spark: SparkSession) -> dict[str, Baseline]:
    train, test = frame(spark, rows(1, later=False)), frame(spark, rows(2, later=True))
    return {b.name: b for b in baselines(train, test, FEATURES, capacity=50, last_value="late")}


def test_the_prior_is_the_training_rate(found: dict[str, Baseline]) -> None:
    rate, y = rows(1, later=False)["label"].mean(), rows(2, later=True)["label"]
    prior = found["prior"]
    assert (prior.roc_auc, prior.pr_auc) == (0.5, pytest.approx(y.mean()))
    assert prior.log_loss == pytest.approx(log_loss(y, np.full(len(y), rate)))
    assert prior.brier == pytest.approx(brier_score_loss(y, np.full(len(y), rate)))


def test_the_one_rule_is_the_best_feature_of_the_training_rows(found: dict[str, Baseline]) -> None:
    train, test = rows(1, later=False), rows(2, later=True)
    rule, y = found["one_rule"], test["label"]
    rate = train["label"].mean()
    assert rule.feature in ("late", "only_then")
    if rule.feature == "only_then":
        assert rule.roc_auc == pytest.approx(0.5, abs=0.05), "judged later, where it tells nothing"
        return
    cell = {name: table["late"].fillna(-1).clip(upper=3).astype(int) for name, table in (("train", train), ("test", test))}
    by = train["label"].groupby(cell["train"]).agg(["sum", "count"])
    p = cell["test"].map((by["sum"] + PSEUDO_ROWS * rate) / (by["count"] + PSEUDO_ROWS))
    assert rule.roc_auc == pytest.approx(roc_auc_score(y, p), abs=0.02)
    assert rule.log_loss == pytest.approx(log_loss(y, p), abs=0.01)
    assert rule.brier == pytest.approx(brier_score_loss(y, p), abs=0.005)


def test_the_last_value_orders_by_itself_and_what_is_missing_comes_last(found: dict[str, Baseline]) -> None:
    test = rows(2, later=True)
    score = test["late"].fillna(-1).astype(int)
    last = found["last_value"]
    assert last.roc_auc == pytest.approx(roc_auc_score(test["label"], score), abs=1e-3)
    assert last.pr_auc == pytest.approx(average_precision_score(test["label"], score), abs=1e-2)
    assert (last.log_loss, last.brier) == (None, None)


def test_a_category_can_be_the_one_rule(spark: SparkSession) -> None:
    table = rows(3, later=True)
    table["label"] = ((table["product"] == "b") & (table["noise"] > -1)).astype(int)
    df = frame(spark, table)
    found = {b.name: b for b in baselines(df, df, FEATURES, capacity=50)}
    assert found.keys() == {"prior", "one_rule"}
    assert found["one_rule"].feature == "product"
    assert found["one_rule"].roc_auc == pytest.approx(roc_auc_score(table["label"], table["product"] == "b"), abs=0.01)


def test_rows_that_lack_a_feature_are_refused(spark: SparkSession) -> None:
    df = frame(spark, rows(1, later=False))
    with pytest.raises(SourceError, match="lack the feature"):
        baselines(df.drop("noise"), df, FEATURES, capacity=1)
    with pytest.raises(SourceError, match="no row"):
        baselines(df, df.where("false"), FEATURES, capacity=1)
