"""Figures of scored rows: the bounded count in Spark against scikit-learn on the rows themselves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from gridlens.errors import SourceError
from gridlens.models.definition import Costs
from gridlens.models.figures import MORE, Figures
from gridlens.models.metrics import ALL, COARSE, STEPS, disparity, evaluate, group_figures, score_counts
from pyspark.sql import DataFrame, SparkSession
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score

ROWS = 6000


def rare(seed: int = 1) -> pd.DataFrame:
    """Scores of a rare event with some equal, some 0 and 1; groups of very different sizes."""
    rng = np.random.default_rng(seed)
    scores = 1 / (1 + np.exp(-(rng.normal(size=ROWS) * 1.5 - 4)))
    scores[:200] = 0.0123
    labels = (rng.uniform(size=ROWS) < scores * 1.5).astype(int)
    scores[200], labels[200] = 0.0, 0
    scores[201], labels[201] = 1.0, 1
    category = rng.choice(["residential", "commercial", None], size=ROWS, p=[0.7, 0.28, 0.02])
    category[:20] = "agricultural"
    return pd.DataFrame({"prediction": scores, "label": labels, "category": category, "urban": rng.uniform(size=ROWS) < 0.5})


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return rare()


@pytest.fixture(scope="module")
def scored(spark: SparkSession, rows: pd.DataFrame) -> DataFrame:
    return spark.createDataFrame(
        list(rows.itertuples(index=False, name=None)), "prediction double, label int, category string, urban boolean"
    ).cache()


@pytest.fixture(scope="module")
def figures(scored: DataFrame) -> Figures:
    return evaluate(scored, groups=("category", "urban"), capacity=150, costs=Costs(in_vain=1, missed=20), min_group=50)


def test_the_figures_are_those_of_the_rows(rows: pd.DataFrame, figures: Figures) -> None:
    y, p = rows["label"], rows["prediction"]
    assert (figures.rows, figures.positives) == (ROWS, y.sum())
    assert figures.mean_score == pytest.approx(p.mean(), rel=1e-12)
    assert figures.roc_auc == pytest.approx(roc_auc_score(y, p), abs=2e-5)
    assert figures.pr_auc == pytest.approx(average_precision_score(y, p), abs=1e-3)
    assert figures.brier == pytest.approx(brier_score_loss(y, p), rel=1e-12)
    assert figures.log_loss == pytest.approx(log_loss(y, np.clip(p, 1e-15, 1 - 1e-15)), rel=1e-9)
    assert figures.roc_auc_low is not None
    assert figures.roc_auc_high is not None
    assert figures.roc_auc_low < figures.roc_auc < figures.roc_auc_high


def test_near_scores_are_told_apart_where_events_are_rare(scored: DataFrame, rows: pd.DataFrame) -> None:
    counts = score_counts(scored)[ALL]
    assert len(counts.rows) > 0.85 * rows["prediction"].nunique()
    assert len(counts.rows) > 1.2 * len(np.unique(rows["prediction"].round(5))), "five decimals would tell fewer apart"
    odds = np.log(rows["prediction"].clip(1e-6, 1 - 1e-6) / (1 - rows["prediction"].clip(1e-6, 1 - 1e-6)))
    assert abs(odds.to_numpy()[:, None] * STEPS - counts.place[None, :]).min(axis=1)[202:].max() < 0.5 + 1e-6


def test_groups_have_their_own_figures(rows: pd.DataFrame, figures: Figures) -> None:
    known = rows.assign(category=rows["category"].fillna("unknown"), urban=rows["urban"].map({True: "true", False: "false"}))
    assert {(g.column, g.value) for g in figures.groups} == {
        ("category", "residential"),
        ("category", "commercial"),
        ("category", "unknown"),
        ("urban", "true"),
        ("urban", "false"),
    }
    assert figures.hidden_rows == (("category", 20),)
    everyone = (rows["prediction"].sum() + 0.5) / (rows["label"].sum() + 0.5)
    for group in figures.groups:
        part = known[known[group.column] == group.value]
        assert (group.rows, group.positives) == (len(part), part["label"].sum())
        assert group.mean_score == pytest.approx(part["prediction"].mean(), rel=1e-12)
        assert group.ratio == pytest.approx((part["prediction"].sum() + MORE * everyone) / (part["label"].sum() + MORE))
        assert group.roc_auc == pytest.approx(roc_auc_score(part["label"], part["prediction"]), abs=2e-3)
        assert group.judged is bool(max(part["prediction"].sum(), part["label"].sum()) >= 10)
    urban = [g for g in figures.groups if g.column == "urban"]
    assert sum(g.selected * g.rows for g in urban) == pytest.approx(150), "the team's cases, divided"
    assert sum((g.recall or 0) * g.positives for g in urban) == pytest.approx(figures.capacity.hits, rel=0.05)


@pytest.mark.parametrize(("ratios", "factor"), [((1.0, 2.5), 2.5), ((1.0, 0.4), 2.5), ((0.5, 1.0, 2.0), 4.0), ((1.0,), None)])
def test_too_few_predicted_weighs_as_much_as_too_many(figures: Figures, ratios: tuple[float, ...], factor: float | None) -> None:
    groups = [replace(figures.groups[0], value=str(n), ratio=ratio, judged=True) for n, ratio in enumerate(ratios)]
    assert disparity(groups) == (None if factor is None else pytest.approx(factor))


def test_disparity_is_the_factor_within_one_column(figures: Figures) -> None:
    spreads = {column: [g.ratio for g in figures.groups if g.column == column and g.judged] for column in ("category", "urban")}
    assert figures.disparity == pytest.approx(max(max(r) / min(r) for r in spreads.values()))
    assert disparity([g for g in figures.groups if g.value == "residential"]) is None


def test_a_group_without_positives_has_a_finite_ratio(spark: SparkSession) -> None:
    found = score_counts(
        spark.createDataFrame([(0.25, 0, "a")] * 80 + [(0.25, 1, "b")] * 20, "prediction double, label int, g string"), by=["g"]
    )
    group = group_figures(("g", "a"), found["g", "a"], found[ALL], 50)
    everyone = 25.5 / 20.5
    assert group.ratio == pytest.approx((20 + MORE * everyone) / MORE)
    assert group.roc_auc is None
    assert group.recall is None
    assert group.selected == pytest.approx(0.5)
    assert group.judged


def test_who_has_no_age_is_shown_but_not_compared_with_the_ages(spark: SparkSession) -> None:
    rows = [(0.5, n % 2, "60_and_over") for n in range(60)] + [(0.5, n % 2, "under_30") for n in range(60)] + [(0.9, 0, None)] * 60
    figures = evaluate(
        spark.createDataFrame(rows, "prediction double, label int, age_band string"), groups=["age_band"], capacity=10, min_group=10
    )
    assert {group.value: group.judged for group in figures.groups} == {"60_and_over": True, "under_30": True, "unknown": False}
    assert figures.disparity == pytest.approx(1.0)


def test_flat_names_for_the_run(figures: Figures) -> None:
    metrics = figures.as_metrics()
    assert metrics["roc_auc"] == figures.roc_auc
    assert metrics["lift_at_1"] == figures.top[0].lift
    assert metrics["capture_at_10"] == figures.top[2].capture
    assert metrics["precision_at_capacity"] == figures.capacity.precision
    assert metrics["cost.per_row"] == figures.cost.per_row if figures.cost else False
    assert metrics["group.category.residential.rows"] > 3000
    assert all(isinstance(value, float) for value in metrics.values())
    assert all(set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789_.-") for name in metrics)


def test_the_groups_shown_are_the_largest(spark: SparkSession) -> None:
    rows = [(0.1, 0, str(i % 70)) for i in range(700)] + [(0.3, 1, "0"), (0.2, 0, "69")]
    found = score_counts(spark.createDataFrame(rows, "prediction double, label int, area string"), by=["area"])
    assert len(found) == 1 + 50
    assert ("area", "0") in found
    assert ("area", "69") in found
    assert found["area", "0"].total == 11
    assert found["area", "0"].place.tolist() == sorted(found["area", "0"].place.tolist())
    assert found["area", "0"].place[0] == round(np.log(1 / 9) * STEPS) // COARSE


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([], "there is no row"),
        ([(1.2, 1), (0.3, 0)], "1 row(s) have no prediction between 0 and 1"),
        ([(float("nan"), 1), (None, 1), (0.3, 0)], "2 row(s)"),
        ([(0.4, None), (0.4, 2), (0.3, 0)], "2 row(s)"),
    ],
    ids=["none", "no probability", "not known", "label"],
)
def test_what_cannot_be_judged_is_refused(spark: SparkSession, rows: list[tuple[float, int]], said: str) -> None:
    with pytest.raises(SourceError) as refused:
        evaluate(spark.createDataFrame(rows, "prediction double, label int"), capacity=10)
    assert said in str(refused.value)
