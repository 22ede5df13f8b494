"""Next best offers: exclusions in their order, few of one category, and a plain Python ranking beside."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from typing import Any

import numpy as np
import pytest
from gridlens.models.next_best_offer import by_product, exclusions, judged, offers
from gridlens.models.offer_definition import OfferPlan
from pyspark.sql import DataFrame, SparkSession

AS_OF, KNOWN_AT = dt.date(2026, 3, 31), dt.datetime(2026, 4, 1, tzinfo=dt.timezone.utc)
PRODUCTS = [
    ("P1", "pv", 900.0),
    ("P2", "pv", 700.0),
    ("P3", "insurance", 36.0),
    ("P4", "smart_home", 380.0),
    ("P5", "retail_plan", 0.0),
    ("P6", "maintenance", None),
]
PAIRS = "account_id string, product_id string"
KEPT = "account_id string, kept_share double"


def pairs(spark: SparkSession, rows: list[tuple[str, str]]) -> DataFrame:
    return spark.createDataFrame(rows, PAIRS)


def products(spark: SparkSession) -> DataFrame:
    return spark.createDataFrame(PRODUCTS, "product_id string, category string, margin double")


def propensities(spark: SparkSession, rows: list[tuple[str, str, float]]) -> DataFrame:
    return spark.createDataFrame([(*row, "m", 1) for row in rows], f"{PAIRS}, probability double, model string, version int")


def test_each_exclusion_with_the_first_reason_that_holds(spark: SparkSession) -> None:
    wanted = [("A", p[0], 0.5) for p in PRODUCTS] + [("N", "P1", 0.9), ("N", "P2", 0.9), ("B", "P3", 0.01)]
    eligible = [("A", p[0]) for p in PRODUCTS if p[0] != "P4"] + [("B", "P3")]
    found = judged(
        propensities(spark, wanted),
        products(spark),
        owned=pairs(spark, [("A", "P2"), ("N", "P2"), ("A", "P2")]),
        eligible=pairs(spark, eligible),
        consenting=spark.createDataFrame([("A",), ("B",)], "account_id string"),
        kept=spark.createDataFrame([("A", 0.5)], KEPT),
        recurring=(),
        plan=OfferPlan(min_probability=0.02),
    )
    why = {(row["account_id"], row["product_id"]): row["exclusion"] for row in found.collect()}
    assert why == {
        ("A", "P1"): None,
        ("A", "P2"): "owned",
        ("A", "P3"): None,
        ("A", "P4"): "not_eligible",
        ("A", "P5"): "no_margin",
        ("A", "P6"): "no_margin",
        ("N", "P1"): "no_consent",
        ("N", "P2"): "no_consent",
        ("B", "P3"): "unlikely",
    }
    chosen = offers(found, OfferPlan(offers=1), as_of=AS_OF, known_at=KNOWN_AT)
    assert [(row["account_id"], row["product_id"]) for row in chosen.collect()] == [("A", "P1")]
    rows = exclusions(found, chosen, as_of=AS_OF, known_at=KNOWN_AT).collect()
    left = {(row["product_id"], row["exclusion"]): row["accounts"] for row in rows}
    told = {pair: reason or "beyond_plan" for pair, reason in why.items() if pair != ("A", "P1")}
    assert left == dict(Counter((product, reason) for (_, product), reason in told.items()))
    assert sum(left.values()) + 1 == len(wanted), "offered, excluded and beyond the plan are all propensities"


@pytest.mark.parametrize(
    "plan", [OfferPlan(offers=2, of_one_category=1), OfferPlan(offers=3, of_one_category=2)], ids=["diverse", "two of one"]
)
def test_ranking_is_that_of_plain_python(spark: SparkSession, plan: OfferPlan) -> None:
    rng = np.random.default_rng(5)
    wanted = [(f"A{i}", p[0], float(rng.choice([0.1, 0.3, rng.random()]))) for i in range(20) for p in PRODUCTS[:4]]
    every = [(account, product) for account, product, _ in wanted]
    stays = {f"A{i}": float(rng.uniform(0.2, 1)) for i in range(10)}  # of the others nothing is known
    found = judged(
        propensities(spark, wanted),
        products(spark),
        owned=pairs(spark, [("A1", "P1")]),
        eligible=pairs(spark, every),
        consenting=spark.createDataFrame([(f"A{i}",) for i in range(20)], "account_id string"),
        kept=spark.createDataFrame(list(stays.items()), KEPT),
        recurring=("insurance", "pv"),
        plan=plan,
    )
    rows = offers(found, plan, as_of=AS_OF, known_at=KNOWN_AT).collect()
    got: dict[str, list[tuple[int, Any]]] = {}
    for row in rows:
        share = stays.get(row["account_id"], 1.0) if row["category"] in ("insurance", "pv") else 1.0
        assert row["kept_share"] == share
        assert row["expected_margin"] == pytest.approx(row["probability"] * row["margin"] * share)
        got.setdefault(row["account_id"], []).append((row["rank"], row["product_id"]))
    about = {product: (category, margin) for product, category, margin in PRODUCTS}
    for account in {row[0] for row in wanted}:
        shares = {q: stays.get(account, 1.0) if about[q][0] in ("insurance", "pv") else 1.0 for q in about}
        mine = sorted((-p * about[q][1] * shares[q], q) for a, q, p in wanted if a == account and (a, q) != ("A1", "P1"))
        kept: list[str] = []
        for _, product in mine:
            same = sum(about[k][0] == about[product][0] for k in kept)
            if len(kept) < plan.offers and same < plan.of_one_category:
                kept.append(product)
        assert sorted(got[account]) == list(enumerate(kept, start=1))


def test_a_model_is_shared_by_what_the_account_may_be_offered_of_its_products(spark: SparkSession) -> None:
    scores = spark.createDataFrame(
        [("A", "product_pv", 2, 0.4), ("B", "product_pv", 2, 0.4), ("A", "insurance", 1, 0.1), ("C", "product_pv", 2, 0.3)],
        "account_id string, model string, version int, score double",
    )
    sold = spark.createDataFrame(
        [("product_pv", "P1", 87), ("product_pv", "P2", 87), ("insurance", "P3", 30), ("insurance", "P1", 30)],
        "model string, product_id string, days int",
    )
    eligible = pairs(spark, [("A", "P1"), ("A", "P2"), ("A", "P2"), ("B", "P2"), ("A", "P3")])
    rows = by_product(scores, sold, eligible).collect()
    found = {(row["account_id"], row["product_id"]): (row["probability"], row["days"], row["model"], row["version"]) for row in rows}
    pv, other = (87, "product_pv", 2), (30, "insurance", 1)
    assert len(rows) == len(found)
    assert found == {
        ("A", "P1"): (0.2, *pv),  # the other model gives it 0.05
        ("A", "P2"): (0.2, *pv),
        ("A", "P3"): (0.05, *other),
        ("B", "P1"): (0.0, *pv),  # may not be offered it
        ("B", "P2"): (0.4, *pv),
        ("C", "P1"): (0.0, *pv),
        ("C", "P2"): (0.0, *pv),
    }
