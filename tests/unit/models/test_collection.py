"""The collection list against sums by hand."""

from __future__ import annotations

import datetime as dt

import pytest
from gridlens.models.collection import CollectionPlan, collection_list, exposures, unpaid_share
from pyspark.sql import DataFrame, SparkSession

AS_OF, KNOWN_AT = dt.date(2026, 3, 31), dt.datetime(2026, 4, 1, tzinfo=dt.timezone.utc)
REASONS = [("late_bills_90d", "2", 0.8)]
SCORES = (
    "account_id string, score double, reasons array<struct<feature:string,value:string,contribution:double>>, model string, version int"
)


def scores(spark: SparkSession, **of: float) -> DataFrame:
    return spark.createDataFrame([(account, score, REASONS, "arrears", 3) for account, score in of.items()], SCORES)


def exposed(spark: SparkSession, **of: tuple[str, float]) -> DataFrame:
    return spark.createDataFrame(
        [(account, *rest, 0) for account, rest in of.items()], "account_id string, category string, exposure double, bills_in_question int"
    )


def test_exposure_is_arrears_and_a_usual_bill(spark: SparkSession) -> None:
    features = spark.createDataFrame(
        [
            ("A", "residential", 100.0, 40.0, 2),
            ("B", "residential", None, 40.0, None),
            ("C", "residential", 7.0, None, 0),
            ("D", "residential", 5.0, -3.0, 0),
        ],
        "account_id string, category string, arrears_amount double, bill_amount_mean_365d double, bills_in_question int",
    )
    assert {row["account_id"]: row["exposure"] for row in exposures(features).collect()} == {"A": 140.0, "B": 40.0, "C": 7.0, "D": 5.0}


def test_the_greatest_expected_saving_comes_first_up_to_the_capacity(spark: SparkSession) -> None:
    plan = CollectionPlan(capacity=2, loss_given_default=0.5, by_category={"large_industrial": 0.2}, saved=0.4, cost=10)
    at = exposed(
        spark,
        A=("residential", 100.0),
        B=("residential", 1000.0),
        C=("large_industrial", 9000.0),
        D=("residential", 4000.0),
        E=("residential", 1.0),
    )
    days = spark.createDataFrame([("B", 21.5)], "account_id string, expected_days double")
    found = collection_list(scores(spark, A=0.9, B=0.8, C=0.1, D=0.1, X=1.0), at, plan, as_of=AS_OF, known_at=KNOWN_AT, days=days)
    rows = found.orderBy("rank").collect()
    # A saves 0.9 x 100 x 0.5 x 0.4 - 10 = 8, B 150, C 0.1 x 9000 x 0.2 x 0.4 - 10 = 62, D 70: two of them fit.
    assert [(row["rank"], row["account_id"], round(row["expected_loss"], 6), round(row["expected_saving"], 6)) for row in rows] == [
        (1, "B", 400.0, 150.0),
        (2, "D", 200.0, 70.0),
    ]
    assert [row["expected_days"] for row in rows] == [21.5, None]
    assert rows[0]["reasons"][0]["feature"] == "late_bills_90d"
    assert (rows[0]["model"], rows[0]["version"], rows[0]["as_of"]) == ("arrears", 3, AS_OF)


def test_what_saves_less_than_it_costs_is_no_case(spark: SparkSession) -> None:
    plan = CollectionPlan(capacity=10, loss_given_default=1.0, saved=1.0, cost=10)
    at = exposed(spark, A=("residential", 20.0), B=("residential", 20.1))
    found = collection_list(scores(spark, A=0.5, B=0.5), at, plan, as_of=AS_OF, known_at=KNOWN_AT).collect()
    assert [row["account_id"] for row in found] == ["B"]


def test_equal_cases_stand_by_account(spark: SparkSession) -> None:
    at = exposed(spark, B=("residential", 500.0), A=("residential", 500.0), C=("residential", 500.0))
    found = collection_list(scores(spark, C=0.5, B=0.5, A=0.5), at, CollectionPlan(capacity=2), as_of=AS_OF, known_at=KNOWN_AT)
    assert [row["account_id"] for row in found.orderBy("rank").collect()] == ["A", "B"]


def test_share_unpaid_is_of_defaults_by_amount(spark: SparkSession) -> None:
    outcomes = spark.createDataFrame(
        [("h", 1, 100.0, 100.0), ("h", 1, 300.0, 60.0), ("h", 0, 900.0, 0.0), ("s", 0, 10.0, 0.0)],
        "category string, label int, exposure double, unpaid double",
    )
    rows = unpaid_share(outcomes).collect()
    assert [(row["category"], row["accounts"], row["unpaid_share"]) for row in rows] == [("h", 2, pytest.approx(0.4))]
