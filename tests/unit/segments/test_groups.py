"""Large and small customers against plain Python; feature vectors and who is left out."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from gridlens.segments.definition import load_segmentations
from gridlens.segments.large import large_customers, load_large_customers
from gridlens.segments.small import load_small_customers, small_customers
from gridlens.segments.vectors import preparation, vectors
from pyspark.sql import SparkSession

AS_OF, KNOWN_AT = dt.date(2026, 3, 31), dt.datetime(2026, 4, 1, 16, tzinfo=dt.UTC)
COLUMNS = {"big": "boolean", "bill": "double", "late": "double", "trade": "string", "day_kw": "array<double>"}
DDL = "account_id string, big boolean, bill double, late double, trade string, day_kw array<double>"
LARGE = """\
name_zh: 大
name_en: large
population: big
high_quality: score >= 60 and credit_score >= 50
parts:
  value: {weight: 2, measures: [{expression: bill}]}
  growth: {weight: 1, measures: [{expression: bill * 0}]}
  stability: {weight: 1, measures: [{expression: bill}, {expression: late, better: low, weight: 3}]}
  credit: {weight: 1, measures: [{expression: late, better: low}]}
  potential: {weight: 1, measures: [{expression: "nullif(bill, bill)"}]}
"""
SMALL = """\
name_zh: 小
name_en: small
population: not big
industry: [{id: shop, name_zh: 商店, name_en: shop, when: trade = '52'}, {id: other, name_zh: 其他, name_en: other}]
stage: [{id: all, name_zh: 全部, name_en: all}]
rhythm: [{id: all, name_zh: 全部, name_en: all}]
need:
  - {id: help, name_zh: 纾困, name_en: help, when: late > 0.5}
  - {id: saving, name_zh: 省钱, name_en: saving, when: bill > 5}
  - {id: none, name_zh: 无, name_en: none}
"""
CLUSTERS = """\
segmentations:
  - id: days
    name_zh: 日
    name_en: Days
    description: Kinds of days, for the test
    population: bill > 0
    components: 2
    k: [2]
    outliers: 0.0
    features:
      - {id: day, profile: day_kw, scale: none}
      - {id: late, expression: late, missing: median}
    phrases: [{expression: bill, high: {zh: 高, en: high}, low: {zh: 低, en: low}}]
"""

pytestmark = pytest.mark.spark


def file(folder: Path, text: str) -> Path:
    path = folder / "definition.yml"
    path.write_text(text, encoding="utf-8")
    return path


def test_large_customers_are_scored_by_percentile_and_ranked(spark: SparkSession, tmp_path: Path) -> None:
    bills, late = [100.0, 300.0, 200.0, 300.0, 50.0], [0.0, 0.5, None, 0.1, 0.1]
    accounts = [(f"A{i}", True, b, x, "17", None) for i, (b, x) in enumerate(zip(bills, late, strict=True))]
    features = spark.createDataFrame([*accounts, ("S", False, 1e9, 0.0, "52", None), ("N", None, 1e9, 0.0, "52", None)], DDL)
    large = load_large_customers(file(tmp_path, LARGE), COLUMNS)
    rows = large_customers(features, large, as_of=AS_OF, known_at=KNOWN_AT).toPandas().set_index("account_id").sort_index()
    value = (pd.Series(bills).rank(method="average") - 1) / 4 * 100
    credit = ((-pd.Series(late, dtype=float)).rank(method="average") - 1) / 3 * 100
    stability = ((value + 3 * credit) / 4).fillna(value)
    score = (2 * value + 50 + stability + credit.fillna(50) + 50) / 6
    assert list(rows.index) == [f"A{i}" for i in range(5)]
    assert rows["value_score"].tolist() == pytest.approx(value.tolist())
    assert rows["credit_score"].tolist() == pytest.approx(credit.fillna(50).tolist())
    assert rows["stability_score"].tolist() == pytest.approx(stability.tolist())
    assert rows["potential_score"].tolist() == [50] * 5
    assert rows["score"].tolist() == pytest.approx(score.tolist())
    assert rows["rank"].tolist() == score.rank(ascending=False, method="first").astype(int).tolist()
    assert rows["high_quality"].tolist() == ((score >= 60) & (credit.fillna(50) >= 50)).tolist()
    assert rows.loc["A3", "reason_en"] == "strong: value 88, stability 59; weak: potential 50".replace("59", f"{stability[3]:.0f}")


def test_small_customers_are_grouped_by_the_first_condition_that_holds(spark: SparkSession, tmp_path: Path) -> None:
    rows = [
        ("A", False, 10.0, 0.9, "52", None),
        ("B", False, 10.0, None, None, None),
        ("C", False, 1.0, 0.0, "17", None),
        ("D", True, 1.0, 0.0, "52", None),
    ]
    small = load_small_customers(file(tmp_path, SMALL), COLUMNS)
    found = small_customers(spark.createDataFrame(rows, DDL), small, as_of=AS_OF, known_at=KNOWN_AT).collect()
    told = {row["account_id"]: (row["industry"], row["need"], row["needs"], row["label_zh"], row["label_en"]) for row in found}
    assert told == {
        "A": ("shop", "help", ["help", "saving"], "商店 · 全部 · 全部 · 纾困", "shop · all · all · help"),
        "B": ("other", "saving", ["saving"], "其他 · 全部 · 全部 · 省钱", "other · all · all · saving"),
        "C": ("other", "none", [], "其他 · 全部 · 全部 · 无", "other · all · all · none"),
    }


def test_vectors_are_relative_to_the_mean_and_nobody_is_lost_silently(spark: SparkSession, tmp_path: Path) -> None:
    flat, peak = [2.0] * 24, [0.0] * 12 + [6.0] * 12
    rows = [
        ("A", True, 1.0, 0.2, "", flat),
        ("B", True, 1.0, None, "", peak),
        ("C", True, -1.0, 0.3, "", flat),
        ("D", True, None, 0.3, "", flat),
        ("E", True, 1.0, 0.3, "", None),
        ("F", True, 1.0, 0.3, "", [*flat[:23], None]),
        ("G", True, 1.0, 0.3, "", [0.0] * 24),
        ("H", True, 1.0, 0.6, "", peak),
    ]
    (segmentation,) = load_segmentations([file(tmp_path, CLUSTERS)], COLUMNS)
    found = vectors(spark.createDataFrame(rows, DDL), segmentation)
    by_account = {row["account_id"]: row for row in found.collect()}
    assert {a: row["left_out"] for a, row in by_account.items()} == {
        **dict.fromkeys("ABH"),
        **dict.fromkeys("CD", "population"),
        **dict.fromkeys("EFG", "missing: day"),
    }
    assert by_account["A"]["x"] == [1.0] * 24 + [0.2]
    assert by_account["B"]["x"] == [0.0] * 12 + [2.0] * 12 + [None]
    ready = preparation(found.where("left_out is null"), segmentation)
    assert ready.fill[24] in (0.2, 0.6)
    assert ready.low[:24] == pytest.approx(np.array([0.0] * 12 + [1.0] * 12))
