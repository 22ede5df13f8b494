"""Figures as rows of their table: one for each part and group, every field of the contract in its place."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from gridlens.contracts.model import MODEL_FIGURE
from gridlens.models.definition import Costs
from gridlens.models.figure_rows import figure_rows
from gridlens.models.figures import Baseline, Comparison, Figures
from gridlens.models.metric_kernels import Counts
from gridlens.models.metrics import ALL, COARSE, figures_of
from pyspark.sql import SparkSession

OF = {
    "model_id": "arrears",
    "model_version": "2",
    "as_of": dt.date(2026, 3, 31),
    "known_at": dt.datetime(2026, 4, 1, tzinfo=dt.UTC),
    "run_id": "r",
}
BASELINES = (
    Baseline("prior", None, 0.5, 0.2, 0.5, 0.16, 0.1, 0.2),
    Baseline("one_rule", "late_share_365d", 0.7, 0.3, 0.45, 0.15, 0.2, 0.4),
    Baseline("last_value", "late_bills_90d", 0.65, 0.28, None, None, 0.18, 0.3),
)
AGAINST = Comparison(80, 20, 0.8, 0.79, 0.01, -0.02, 0.04, 0.95, 0.41, 0.42, 0.8)


def figures() -> Figures:
    """Eighty rows at eight scores, a quarter of them in a group."""
    place = np.arange(8) * 1600 - 12000
    score = 1 / (1 + np.exp(-place / 3300))
    hits = np.array([0, 1, 1, 1, 2, 3, 5, 7.0])
    everyone = Counts(score, np.full(8, 10.0), hits, 40.0, 12.0, place)
    few = Counts(score[:2], np.full(2, 10.0), np.array([0.0, 1.0]), 1.0, 1.0, place[:2] // COARSE)
    return figures_of(
        {ALL: everyone, ("category", "residential"): few}, columns=["category"], capacity=16, costs=Costs(in_vain=1, missed=5)
    )


def test_every_part_and_group_has_its_row(spark: SparkSession) -> None:
    found = figures()
    rows = figure_rows({"test": found, "unseen": found}, baselines=BASELINES, against=AGAINST, of=OF)
    table = MODEL_FIGURE.conform(spark.createDataFrame(rows, MODEL_FIGURE.schema).where(MODEL_FIGURE.check_condition() or "true")).collect()
    by = {(r["part"], r["group_column"], r["group_value"]): r.asDict() for r in table}
    everyone = ("all", "all")
    assert set(by) == {
        ("test", *everyone),
        ("test", "category", "residential"),
        ("unseen", *everyone),
        ("unseen", "category", "residential"),
        *((part, *everyone) for part in ("prior", "one_rule", "last_value", "champion")),
    }
    test, group = by["test", "all", "all"], by["test", "category", "residential"]
    assert (test["rows"], test["positives"], test["observed_rate"]) == (80, 20, 0.25)
    assert test["roc_auc"] == found.roc_auc
    assert test["precision_at_capacity"] == pytest.approx((7 + 0.6 * 5) / 16)
    assert test["selected"] == 0.2
    assert test["cost_per_row"] == found.cost.at_expected if found.cost else False
    assert (group["rows"], group["selected"], group["recall_at_capacity"]) == (20, 0, 0)
    assert group["log_loss"] is None
    assert by["one_rule", "all", "all"]["feature"] == "late_share_365d"
    assert by["last_value", "all", "all"]["log_loss"] is None
    assert by["champion", "all", "all"]["roc_auc"] == 0.79
    assert all(r["run_id"] == "r" and r["model_version"] == "2" for r in table)
