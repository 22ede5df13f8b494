"""Purchase features: by hand at the edges, against plain pandas on random purchases, and blind to the future."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from gridlens.contracts.account_contact import PURCHASE_FEATURES
from gridlens.contracts.codes import PRODUCT_CATEGORIES
from gridlens.features.account_purchases import purchase_features
from pyspark.sql import DataFrame, SparkSession

AS_OF = dt.date(2026, 3, 31)
DAY = dt.timedelta(days=1)
SCHEMA = "purchase_id string, account_id string, product_id string, purchased_on date, ended_on date, amount decimal(18,2)"
CATALOGUE = {**{f"PR-{code}": code for code in PRODUCT_CATEGORIES}, "PR-pv-large": "pv"}


@pytest.fixture(scope="module")
def products(spark: SparkSession) -> DataFrame:
    return spark.createDataFrame(list(CATALOGUE.items()), "product_id string, category string").coalesce(1)


def purchases(spark: SparkSession, rows: list[tuple]) -> DataFrame:
    """From (account, product, purchased, ended, amount)."""
    return spark.createDataFrame([(f"P{n}", *row[:4], Decimal(row[4])) for n, row in enumerate(rows)], SCHEMA).coalesce(1)


def features_of(df: DataFrame, products: DataFrame) -> dict[str, dict]:
    return {row.account_id: row.asDict() for row in purchase_features(df, products, as_of=AS_OF).collect()}


def test_windows_ends_and_unknown_products(spark: SparkSession, products: DataFrame) -> None:
    rows = [
        ("edge", "PR-pv", AS_OF, None, "0.10"),
        ("edge", "PR-pv-large", AS_OF - 364 * DAY, AS_OF + DAY, "0.20"),
        ("edge", "PR-storage", AS_OF - 365 * DAY, AS_OF, "0.30"),
        ("edge", "PR-insurance", AS_OF - 500 * DAY, AS_OF - 365 * DAY, "100.00"),
        ("edge", "PR-insurance", AS_OF - 500 * DAY, AS_OF - 364 * DAY, "100.00"),
        ("unknown", "PR-nowhere", AS_OF - 400 * DAY, None, "7.00"),
        ("tomorrow", "PR-pv", AS_OF + DAY, None, "9.00"),
    ]
    found = features_of(purchases(spark, rows), products)
    assert set(found) == {"edge", "unknown"}
    edge, unknown = found["edge"], found["unknown"]
    assert [edge["purchases_365d"], edge["purchases_total"], edge["running_products"], edge["ended_products_365d"]] == [2, 5, 2, 2]
    assert [edge["purchase_amount_365d"], edge["purchase_amount_total"]] == [0.3, 200.6]
    assert [code for code in PRODUCT_CATEGORIES if edge[f"owns_{code}"]] == ["pv"]
    assert [edge["product_categories"], edge["days_since_purchase"]] == [1, 0]
    assert [unknown["purchases_365d"], unknown["purchase_amount_365d"], unknown["running_products"]] == [0, 0.0, 1]
    assert [unknown["product_categories"], unknown["days_since_purchase"]] == [0, 400]
    assert {unknown[f"owns_{code}"] for code in PRODUCT_CATEGORIES} == {False}


def random_rows(seed: int, count: int = 200) -> list[tuple]:
    """Purchases of five accounts over three years; some ended by ``as_of``."""
    rng = np.random.default_rng(seed)
    rows = []
    for _ in range(count):
        age = int(rng.choice([rng.integers(0, 1000), 0, 364, 365]))
        bought = AS_OF - age * DAY
        ended = bought + int(rng.integers(0, age + 1)) * DAY if rng.random() < 0.7 else None
        product = str(rng.choice([*CATALOGUE, "PR-nowhere"]))
        rows.append((f"A{rng.integers(5)}", product, bought, ended, f"{rng.integers(-500, 900_000) / 100:.2f}"))
    return rows


def oracle(rows: list[tuple]) -> dict[str, dict]:
    """The contract, account by account."""
    every = pd.DataFrame(rows, columns=["account_id", "product", "bought", "ended", "amount"])
    every["amount"] = every.amount.astype(float)
    every["age"] = [(AS_OF - bought).days for bought in every.bought]
    every["ended_ago"] = [np.nan if ended is None else (AS_OF - ended).days for ended in every.ended]
    every["category"] = every["product"].map(CATALOGUE)
    expected = {}
    for account, mine in every.groupby("account_id"):
        year, running = mine[mine.age < 365], mine[mine.ended_ago.isna()]
        expected[account] = {
            "account_id": account,
            "purchases_365d": len(year),
            "purchases_total": len(mine),
            "purchase_amount_365d": year.amount.sum(),
            "purchase_amount_total": mine.amount.sum(),
            "running_products": len(running),
            "ended_products_365d": int((mine.ended_ago < 365).sum()),
            "days_since_purchase": int(mine.age.min()),
            "product_categories": running.category.nunique(),
            **{f"owns_{code}": code in set(running.category) for code in PRODUCT_CATEGORIES},
        }
    return expected


def test_random_purchases_agree_with_pandas_whatever_happens_later(spark: SparkSession, products: DataFrame) -> None:
    rows = random_rows(2)
    expected = oracle(rows)
    result = purchase_features(purchases(spark, rows), products, as_of=AS_OF)
    assert [(f.name, f.dataType.simpleString()) for f in result.schema][1:] == [(f.name, f.type) for f in PURCHASE_FEATURES]
    assert result.columns[0] == "account_id"

    # What runs is ended afterwards, and more is bought.
    later = [(*row[:3], row[3] or AS_OF + DAY, row[4]) for row in rows]
    later += [(account, f"PR-{code}", AS_OF + DAY, None, "1.00") for account in ("A0", "unborn") for code in PRODUCT_CATEGORIES]
    for found in ({row.account_id: row.asDict() for row in result.collect()}, features_of(purchases(spark, later), products)):
        assert set(found) == set(expected)
        for account, values in expected.items():
            assert found[account] == pytest.approx(values), account
