"""The engine: every tag in one pass, unknown where what it reads is unknown, recomputed only where asked for."""

from __future__ import annotations

import math

import pytest
from gridlens.contracts.tag import tag_current_table
from gridlens.errors import SettingsError
from gridlens.tags.engine import evaluate
from pyspark.sql import functions as F
from tag_support import CALL, CHAIN, LABELS, library, tag

SCHEMA = "account_id string, industry string, annual_kwh double, late_30d int, late_90d int, has_pv boolean, opened_on date"
FEATURES = [
    ("late and large", "C26", 100.0, 0, 2, False, None),
    ("late and small", "C26", 99.9, 0, 3, False, None),
    ("late, of unknown size", "Z99", None, 0, 2, True, None),
    ("punctual, of unknown size", None, None, 0, 1, False, None),
    ("late and large, PV unknown", "A01", 5000.0, 0, 2, None, None),
    ("nothing known", None, None, None, None, None, None),
    ("size not a number", "C26", math.nan, 0, 2, False, None),
]
TRADE = tag(
    "trade",
    inputs=["industry"],
    kind="fact",
    expression="industry",
    values={"C26": {"zh": "化工", "en": "Chemicals"}, "A01": {"zh": "农业", "en": "Farming"}},
)
EXPECTED = {
    "late and large": (True, "high", "C26", True, True),
    "late and small": (True, "low", "C26", False, False),
    "late, of unknown size": (True, None, None, None, False),
    "punctual, of unknown size": (False, None, None, False, False),
    "late and large, PV unknown": (True, "high", "A01", True, None),
    "nothing known": (None, None, None, None, None),
    "size not a number": (True, None, "C26", None, None),
}


@pytest.fixture(scope="module")
def features(spark):
    return spark.createDataFrame(FEATURES, SCHEMA)


@pytest.fixture
def tags(tmp_path):
    return library(tmp_path, [TRADE if d["id"] == "trade" else d for d in CHAIN])


def test_every_tag_of_every_account_and_null_where_its_inputs_do_not_decide_it(features, tags):
    values = evaluate(features, tags)
    assert values.columns == ["account_id", "late", "level", "trade", "big_late", "call_first"]
    stamped = values.select("*", F.lit("2026-01-31").cast("date").alias("as_of"), F.lit("2026-02-01").cast("timestamp").alias("known_at"))
    assert tag_current_table(tags.columns).conform(stamped).columns[3:] == values.columns[1:]
    assert {row[0]: tuple(row)[1:] for row in values.collect()} == EXPECTED


def test_bands_are_closed_below_and_open_above(spark, tmp_path):
    steps = [{"below": -1, "value": "low"}, {"below": 0.1, "value": "middle"}, {"value": "high"}]
    bands = tag("cut", inputs=["x"], bands={"of": "x", "steps": steps}, values=LABELS | {"middle": {"zh": "中", "en": "middle"}})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tag_support.COLUMNS", {"x": "decimal(18,2)"})
        tags = library(tmp_path, [bands])
    numbers = ["-1.01", "-1.00", "0.09", "0.10", "99.00"]
    rows = spark.createDataFrame([(n, n) for n in numbers], "account_id string, x string")
    values = evaluate(rows.withColumn("x", F.col("x").cast("decimal(18,2)")), tags).collect()
    assert {row["account_id"]: row["cut"] for row in values} == dict(zip(numbers, ["low", "middle", "middle", "high", "high"], strict=True))


def test_known_tags_are_taken_and_only_the_asked_ones_computed(spark, tags):
    """big_late is wrong in the columns joined, and late contradicts the features: both are taken as they are known."""
    rows = [("a", 500.0, 9, False, False, True), ("b", 500.0, 9, True, True, False)]
    joined = spark.createDataFrame(
        rows, "account_id string, annual_kwh double, late_90d int, has_pv boolean, late boolean, big_late boolean"
    )
    known = ("late", "big_late")
    asked = evaluate(joined, tags, only=["call_first"], known=known)
    assert asked.columns == ["account_id", "call_first"]
    again = evaluate(joined, tags, only=["call_first", "big_late"], known=known)  # level is computed on the way
    assert again.columns == ["account_id", "big_late", "call_first"]
    whole = evaluate(joined, tags, only=["call_first"])
    first, second, third = ([tuple(row)[1:] for row in df.orderBy("account_id").collect()] for df in (asked, again, whole))
    assert first == [(True,), (False,)]
    assert second == [(False, False), (True, False)]
    assert third == [(True,), (False,)]


def test_nothing_asked_gives_the_accounts_and_an_unknown_id_is_named(features, tags):
    assert evaluate(features, tags, only=[]).columns == ["account_id"]
    with pytest.raises(SettingsError, match=r"tag late_payer is not defined"):
        evaluate(features, tags, only=["late_payer"])
    with pytest.raises(SettingsError, match=r"tag call_frist is not defined; did you mean call_first\?"):
        evaluate(features, tags, known=["call_frist"])


def test_a_tag_that_reads_the_account_itself(spark, tmp_path):
    mine = CALL | {"id": "mine", "kind": "rule", "inputs": ["account_id"], "expression": "account_id = 'a'"}
    rows = spark.createDataFrame([("a",), ("b",)], "account_id string")
    assert sorted(map(tuple, evaluate(rows, library(tmp_path, [mine])).collect())) == [("a", True), ("b", False)]
