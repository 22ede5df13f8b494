"""What lies in a basket: windows, kinds, tags that hold, halves by party, coverage."""

from __future__ import annotations

import datetime as dt

import pytest
from gridlens.associations import baskets
from gridlens.associations.definition import Coverage, Events, Products, Services
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

AS_OF = dt.date(2026, 3, 31)
UNTIL = dt.datetime(2026, 3, 31, 16, tzinfo=dt.UTC)
SECOND = dt.timedelta(seconds=1)


def items_of(df: DataFrame) -> dict[str, list[str]]:
    return {row["account_id"]: sorted(row["items"]) for row in df.collect()}


def test_products_bought_in_the_window(spark: SparkSession) -> None:
    rows = [
        ("a", "P1", dt.date(2026, 3, 31)),
        ("a", "P1", dt.date(2026, 3, 29)),
        ("a", "P2", dt.date(2026, 3, 22)),
        ("b", "P2", dt.date(2026, 3, 21)),
        ("b", "P3", dt.date(2026, 4, 1)),
        ("c", "P3", dt.date(2026, 3, 30)),
    ]
    purchases = spark.createDataFrame(rows, "account_id string, product_id string, purchased_on date")
    found = baskets.product_items(purchases, Products(days=10), as_of=AS_OF)
    assert items_of(found) == {"a": ["product:P1", "product:P2"], "c": ["product:P3"]}
    assert items_of(baskets.product_items(purchases, Products(days=10, ids=("P2",)), as_of=AS_OF)) == {"a": ["product:P2"]}


def test_contacts_and_events_end_with_the_local_day(spark: SparkSession) -> None:
    rows = [
        ("a", "complaint", UNTIL - SECOND),
        ("a", "enquiry", UNTIL - SECOND),
        ("b", "complaint", UNTIL),
        ("c", "complaint", UNTIL - dt.timedelta(days=5)),
        ("d", "complaint", UNTIL - dt.timedelta(days=5) - SECOND),
    ]
    services = spark.createDataFrame(rows, "account_id string, kind string, opened_at timestamp")
    found = baskets.service_items(services, Services(days=5, kinds=("complaint",)), until=UNTIL)
    assert items_of(found) == {"a": ["service:complaint"], "c": ["service:complaint"]}


def test_events_with_and_without_their_object(spark: SparkSession) -> None:
    rows = [
        ("a", "view", "bill", UNTIL - SECOND),
        ("a", "view", "tariff", UNTIL - SECOND),
        ("b", "view", None, UNTIL - SECOND),
        ("b", "quote_received", "X", UNTIL - SECOND),
        ("c", "view", "bill", UNTIL),
    ]
    interactions = spark.createDataFrame(rows, "account_id string, kind string, object string, occurred_at timestamp")
    wanted = Events(days=5, names=("quote_received", "view:bill"))
    assert items_of(baskets.event_items(interactions, wanted, until=UNTIL)) == {"a": ["event:view:bill"], "b": ["event:quote_received"]}
    only_pages = Events(days=5, names=("view:tariff",))
    assert items_of(baskets.event_items(interactions, only_pages, until=UNTIL)) == {"a": ["event:view:tariff"]}


def test_tags_that_hold(spark: SparkSession) -> None:
    rows = [
        ("a", "t", True, None),
        ("a", "level", None, "low"),
        ("b", "t", False, None),
        ("b", "u", True, None),
        ("c", "level", None, None),
    ]
    values = spark.createDataFrame(rows, "account_id string, tag_id string, value_boolean boolean, value_text string")
    assert items_of(baskets.tag_items(values, ["t", "level"])) == {"a": ["tag:level=low", "tag:t"]}


def test_everybody_of_the_population_has_a_basket_and_a_party_is_in_one_half(spark: SparkSession) -> None:
    rows = [
        (f"a{i}", f"p{i // 3}" if i < 90 else None, i % 10 > 0, "52", "AR01", "commercial", None if i == 1 else i / 8) for i in range(600)
    ]
    schema = "account_id string, party_id string, is_open boolean, industry_code string, area_id string, category string, amount double"
    accounts = baskets.population(spark.createDataFrame(rows, schema), F.col("is_open"), money="amount")
    parts = [
        spark.createDataFrame([("a1", ["product:P2", "product:P1"]), ("a10", ["product:P1"])], "account_id string, items array<string>"),
        spark.createDataFrame([("a1", ["tag:t"]), ("nobody", ["tag:t"])], "account_id string, items array<string>"),
    ]
    found = {row["account_id"]: row for row in baskets.filled(accounts, parts).collect()}
    assert set(found) == {f"a{i}" for i in range(600) if i % 10}
    assert found["a1"]["items"] == ["product:P1", "product:P2", "tag:t"]
    assert found["a2"]["items"] == []
    assert (found["a1"]["cents"], found["a3"]["cents"]) == (None, 38)  # 0.375 of the currency, half up
    assert (found["a1"]["industry"], found["a1"]["area"], found["a1"]["category"]) == ("52", "AR01", "commercial")
    halves = [{found[f"a{i}"]["half"] for i in range(p, p + 3) if i % 10} for p in range(0, 90, 3)]
    assert all(len(half) == 1 for half in halves)
    share = sum(row["half"] for row in found.values()) / len(found)
    assert 0.4 < share < 0.6


@pytest.mark.parametrize(
    ("least", "most", "kept"), [(0.2, 0.6, ["b", "c"]), (0.3, 0.6, ["b"]), (0.1, 1.0, ["a", "b", "c", "d"]), (0.95, 1.0, [])]
)
def test_items_within_the_coverage(spark: SparkSession, least: float, most: float, kept: list[str]) -> None:
    held = [["a", "b", "c"], ["a", "b", "c"], ["a", "b"], ["a", "b"], ["a", "b"], ["a", "b"], ["a"], ["a"], ["a", "d"], []]
    df = spark.createDataFrame([(items,) for items in held], "items array<string>")
    items = baskets.kept_items(df, Coverage(least=least, most=most))
    assert items == kept
    assert [row["items"] for row in baskets.only(df, items).collect()] == [[i for i in one if i in kept] for one in held]
