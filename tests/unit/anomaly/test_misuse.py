"""Business under a household tariff: who uses energy as businesses do stands out, is told once, and only while it is a customer."""

from __future__ import annotations

import numpy as np
import pytest
from gridlens.anomaly.definition import Misuse, UsageDefinition
from gridlens.anomaly.misuse import business_shares, misuse_alerts, misuse_odds
from gridlens.contracts.anomaly import FOUND_NOTHING, TARIFF_MISUSE
from gridlens.pipelines.anomaly_judged import misuse_figures
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from sklearn.metrics import roc_auc_score

NAMES = ("weekend_ratio_90d", "night_share", "working_hours_ratio")
MISUSE = Misuse(household="category = 'residential'", features=NAMES, trees=20, max_depth=4, least_accounts=20)
DEFINITION = UsageDefinition(name_zh="用电异常", name_en="Abnormal usage", peers=("category",), misuse=MISUSE)
SHOPS = ("SHOP", "VISITED", "FOUND", "CLOSED")
"""Households by their tariff that use energy as businesses do."""


@pytest.fixture(scope="module")
def features(spark: SparkSession) -> DataFrame:
    random = np.random.default_rng(7)
    rows = []
    for account in [*(f"H{i}" for i in range(160)), *(f"B{i}" for i in range(80)), *SHOPS]:
        business = not account.startswith("H")
        centre = (0.4, 0.1, 1.8) if business else (1.1, 0.3, 0.8)
        category = "commercial" if account.startswith("B") else "residential"
        values = [float(value) for value in random.normal(centre, 0.04)]
        rows.append((account, category, account != "CLOSED", 3650.0, *values))
    columns = ", ".join(f"{name} double" for name in ("energy_kwh_365d", *NAMES))
    return spark.createDataFrame(rows, f"account_id string, category string, is_open boolean, {columns}").localCheckpoint()


def shares_of(features: DataFrame, misuse: Misuse = MISUSE) -> DataFrame | None:
    return business_shares(features, F.col("category") == "residential", misuse)


def test_households_that_live_like_businesses_are_told_while_they_are_customers(spark: SparkSession, features: DataFrame) -> None:
    shares = shares_of(features)
    assert shares is not None
    shares = shares.localCheckpoint()
    figures = misuse_figures(shares)
    assert (figures["households"], figures["businesses"]) == (160 + len(SHOPS), 80), "of who has left, too"
    table = shares.toPandas()
    assert figures["roc_auc"] == pytest.approx(roc_auc_score(table["label"], table["share"]), abs=1e-3)
    held = misuse_odds(shares).localCheckpoint()
    found = {row["account_id"]: row["log_odds"] for row in held.collect()}
    assert set(found) == {f"H{i}" for i in range(160)} | set(SHOPS) - {"CLOSED"}, "every open household, no business"
    assert min(found[name] for name in ("SHOP", "VISITED", "FOUND")) > 2 > 1 + max(v for name, v in found.items() if name.startswith("H"))

    kept = "phases string, transformer_id string, price double, peers string"
    facts = spark.createDataFrame([("SHOP", None, "T1", 0.5, "residential")], f"account_id string, {kept}")
    seen = [("VISITED", FOUND_NOTHING), ("FOUND", TARIFF_MISUSE)]
    visited = spark.createDataFrame(seen, "account_id string, last_finding string")
    days = [F.lit(None).cast("date").alias(name) for name in ("last_inspected_on", "nothing_on", "found_on")]
    energy = features.select("account_id", "energy_kwh_365d")
    told = misuse_alerts(held, energy, facts, visited.select("*", *days), {TARIFF_MISUSE: 0.5}, DEFINITION).collect()
    alerts = {row["account_id"]: row.asDict() for row in told}
    assert "FOUND" not in alerts, "its tariff is being put right"
    shop, looked = alerts["SHOP"], alerts.get("VISITED", {"probability": 0.0})
    assert (shop["kind"], shop["transformer_id"]) == (TARIFF_MISUSE, "T1")
    assert shop["recoverable_kwh"] == pytest.approx(3650.0)
    assert shop["probability"] > DEFINITION.least_probability
    assert looked["probability"] < shop["probability"], "somebody looked and found nothing"


def test_too_few_businesses_teach_nothing(features: DataFrame) -> None:
    assert shares_of(features, MISUSE.model_copy(update={"least_accounts": 100})) is None
    assert misuse_figures(None) == {}
