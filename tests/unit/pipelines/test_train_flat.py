"""Training on any table: columns of any name, no leak, a name of its own, judged by rows of both sides of a day, with baseline and card."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gridlens.errors import SettingsError, SourceError
from gridlens.models.definition import AlgorithmDefinition, LearnerDefinition
from gridlens.models.fit import Fitted
from gridlens.models.flat import MADE, FlatTable, flat_table
from gridlens.models.leakage import refuse_leaks
from gridlens.pipelines import train_flat
from gridlens.pipelines.flat_log import refuse_taken
from gridlens.pipelines.options import FlatOptions
from gridlens.pipelines.train_flat import run_train_flat
from gridlens.settings import Settings
from gridlens.tracking import Store
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

ROWS = 200
AWKWARD = ("weight", "label", "fold", "Prediction", "weight__value", "tick`s")
LOGISTIC = LearnerDefinition(algorithms=(AlgorithmDefinition(kind="logistic_regression", grid={"ridge": (0.5,)}),), folds=2)


@pytest.fixture(autouse=True)
def one_quick_algorithm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train_flat, "DEFAULT_LEARNER", LOGISTIC)


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Customers of three years, 40 % of them of the newest; who leaves has a large ``weight``, and a day of leaving."""
    random = np.random.default_rng(3)
    values = random.normal(size=(ROWS, len(AWKWARD)))
    left = random.random(ROWS) < 1 / (1 + np.exp(-2 * values[:, 0]))
    file = tmp_path_factory.mktemp("flat") / "clients.csv"
    with file.open("w", encoding="utf-8", newline="") as text:
        out = csv.writer(text)
        out.writerow(["client", "year", "left", "left_on", "tariff", *AWKWARD])
        for i in range(ROWS):
            year = 2023 if i % 10 < 3 else 2024 if i % 10 < 6 else 2025
            day = f"{year}-0{i % 9 + 1}-15" if left[i] else ""
            out.writerow([f"C{i}", year, "yes" if left[i] else "no", day, "ab"[i % 2], *values[i].round(3)])
    return file


def options(table: Path, **changes: Any) -> FlatOptions:
    return replace(FlatOptions(str(table), "left", key="client", without=("left_on",), folds=2), **changes)


@pytest.fixture
def fitted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What judges is registered, too: another fit, of all rows, would say the same and take as long again."""
    done: list[Fitted] = []
    fit = train_flat._fit

    def once(rows: DataFrame, table: FlatTable) -> Fitted:
        if not done:
            done.append(fit(rows, table))
        return done[0]

    monkeypatch.setattr(train_flat, "_fit", once)


@pytest.mark.usefixtures("fitted_once")
def test_columns_of_any_name_are_learned_from_and_scored_by(spark: SparkSession, settings: Settings, table: Path) -> None:
    told = run_train_flat(spark, settings, options(table, name="my_churn", by="year"), say=lambda _: None)
    assert (told.rows, told.features, told.split) == (ROWS * 6 // 10, 7, "the rows with the latest year, 40% of them")
    assert told.importances[0]["feature"] == "weight"
    assert {row["feature"] for row in told.importances} == {*AWKWARD, "tariff"}
    assert (told.best_baseline, told.version) == ("one_rule weight", 1)
    assert told.roc_auc is not None
    assert told.best_baseline_auc is not None
    assert min(told.roc_auc, told.best_baseline_auc) > 0.75

    store = Store.open(settings)
    loaded = store.load("my_churn")
    given = spark.read.csv(str(table), header=True, inferSchema=True)
    loaded.check(given.schema)
    scored = loaded.model.transform(given).select("left", "prediction").toPandas()
    assert scored.loc[scored["left"] == "yes", "prediction"].mean() > scored.loc[scored["left"] == "no", "prediction"].mean() + 0.2
    made = {name.casefold() for name in loaded.model.transform(given).columns if "__" not in name} - {n.casefold() for n in given.columns}
    assert {name for name in made if not name.startswith("gridlens_column_")} <= MADE

    card = store.text(loaded.version, "model_card.md")
    assert "| 最佳单一特征 best single feature: weight |" in card
    assert "within 1 days" not in card
    assert "</html>" in store.text(loaded.version, "model_card.html")
    assert json.loads(store.text(loaded.version, "decision.json"))["champion"] is True
    assert loaded.version.metrics["baseline.one_rule.roc_auc"] == pytest.approx(told.best_baseline_auc)


def test_every_row_is_judged_once_by_a_model_that_has_not_seen_it(spark: SparkSession, table: Path) -> None:
    rows = spark.createDataFrame([(str(i % 50),) for i in range(100)], "row_key string")
    parts, said = train_flat._parts(rows, options(table, folds=3))
    assert said == "cross-validation in 3 parts"
    keys = [[{row["row_key"] for row in side.collect()} for side in part] for part in parts]
    assert all(not early & late for early, late in keys)
    assert sum(late.count() for _, late in parts) == 100


def test_what_is_filled_for_those_who_left_alone_is_refused(spark: SparkSession, settings: Settings, table: Path) -> None:
    with pytest.raises(SourceError) as told:
        run_train_flat(spark, settings, options(table, without=()), say=lambda _: None)
    assert str(told.value) == (
        "feature left_on tells the label almost alone (AUC 1.000, more than 0.98): it seems to know the outcome; "
        "leave it out by --without, or name it under --strong where it was known before"
    )
    rows = spark.read.csv(str(table), header=True, inferSchema=True)
    kept = flat_table(rows, label="left", key="client", strong=("left_on",))
    assert refuse_leaks(kept.frame, kept.features)[0].name == "left_on"


def test_a_table_of_ones_own_takes_no_name_of_the_library(settings: Settings) -> None:
    for name in ("arrears", "Arrears", "credit_grade", "credit_grade_spark_free", "time_to_pay"):
        with pytest.raises(SettingsError, match=f"{name} is the name of a model that gridlens trains itself: .* another, as my_{name}"):
            refuse_taken(settings, name)
    with pytest.raises(SettingsError, match="cannot name a model"):
        refuse_taken(settings, "my churn")
    refuse_taken(settings, "my_churn")


def timed(spark: SparkSession, days: list[float | None], positives: set[int]) -> DataFrame:
    rows = [(day, int(i in positives)) for i, day in enumerate(days)]
    return spark.createDataFrame(rows, "row_at double, label int")


def test_the_latest_rows_judge_and_both_sides_have_rows(spark: SparkSession) -> None:
    days = [float(i) for i in range(100)]
    ((early, late),), said = train_flat._by_time(timed(spark, days, {85, 95}), "day")
    assert (early.count(), late.count(), said) == (80, 20, "the rows with the latest day, 20% of them")
    years = [2024.0] * 60 + [2025.0] * 40 + [None]
    ((early, late),), said = train_flat._by_time(timed(spark, years, {70}), "year")
    assert (early.agg(F.max("row_at")).first()[0], late.count(), said) == (2024.0, 40, "the rows with the latest year, 40% of them")
    with pytest.raises(SourceError, match="column year has one value only: rows cannot be put in the order of time; leave --by out"):
        train_flat._by_time(timed(spark, [2025.0] * 10, {1}), "year")
    with pytest.raises(SourceError, match="the rows with the latest year all have the same label"):
        train_flat._by_time(timed(spark, years, {5}), "year")
    with pytest.raises(SourceError, match="column year has no value"):
        train_flat._by_time(timed(spark, [None, None], {1}), "year")


def test_what_no_column_can_be_called_or_hold_is_said_at_once(spark: SparkSession) -> None:
    rows = spark.createDataFrame([(0, 1.0, 7), (1, 2.0, 8)], "left int, `kWh ${env:HOME}` double, account_id int")
    with pytest.raises(SourceError, match=r"column kWh \$\{env:HOME\}: \$\{ in its name would be read as code; rename it in the table"):
        flat_table(rows, label="left")
    found = flat_table(rows.withColumnRenamed("kWh ${env:HOME}", "kWh"), label="left", identifiers=("account_id",))
    assert found.left_out == (("account_id", "identifies a customer: no model may read it"),)


def test_keys_telephone_numbers_and_names_are_no_features(spark: SparkSession) -> None:
    rows = spark.range(0, 100, 1, 1).select(
        (F.col("id") % 2).alias("left"),
        (F.col("id") + 1).alias("number"),
        (13_800_000_000 + F.col("id") * 7_654_321).alias("mobile"),
        F.concat(F.lit("Person "), "id").alias("name"),
        (F.col("id") * F.col("id") * 37).alias("kwh"),  # another in every row, too, but amounts have no fixed length
        (F.col("id") % 40).alias("age"),
        F.element_at(F.array(F.lit("a"), F.lit("b")), (F.col("id") % 2 + 1).cast("int")).alias("tariff"),
    )
    found = flat_table(rows, label="left")
    assert {feature.name for feature in found.features} == {"kwh", "age", "tariff"}
    assert [name for name, _ in found.left_out] == ["number", "mobile", "name"]
    assert dict(found.left_out)["mobile"] == "is a whole number that is another in nearly every row, as keys and telephone numbers are"
    assert {feature.name for feature in flat_table(rows.limit(10), label="left").features} >= {"number", "name"}, "ten rows tell nothing"
