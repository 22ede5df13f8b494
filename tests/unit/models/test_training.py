"""Rows to train on: which moments, which part, and the search for features that know the future."""

from __future__ import annotations

import datetime as dt
import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from gridlens.contracts.account_feature import ACCOUNT_FEATURE
from gridlens.errors import SourceError
from gridlens.models.definition import ModelFeature, Snapshots
from gridlens.models.labels import Window
from gridlens.models.leakage import area_under_roc, feature_fact, refuse_future, refuse_leaks
from gridlens.models.library import Model, load_models
from gridlens.models.training import MomentFacts, apart, certain_until, moment_facts, require_both_classes, snapshot_days, training_rows
from hypothesis import given
from hypothesis import strategies as st
from pyspark.sql import SparkSession
from sklearn.metrics import roc_auc_score

DEFINITION = """\
models:
  - id: late
    name_zh: 拖欠
    name_en: Late
    purpose: Who will pay late
    limits: Nothing else is said
    owner: collection
    version: 1
    population: is_open
    label: {function: bill_unpaid, arguments: {days: 15}, gap_days: 5, horizon_days: 30}
    snapshots: {count: 2, unseen_share: 0.4}
    features: [{name: late_share_365d}, {name: open_bills}]
    learner: {algorithms: [{kind: logistic_regression}]}
    groups: [category]
    bands: [{id: low, zh: 低, en: low, score_from: 0}, {id: high, zh: 高, en: high, score_from: 0.1}]
"""


@pytest.fixture
def model(tmp_path: Path) -> Model:
    file = tmp_path / "x.yml"
    file.write_text(DEFINITION, encoding="utf-8")
    return load_models([file], {f.name: f.type for f in ACCOUNT_FEATURE.fields})[0]


@pytest.mark.parametrize(
    ("last", "count", "step", "expected"),
    [
        ("2026-03-31", 2, 3, ["2025-12-31", "2026-03-31"]),
        ("2026-03-30", 2, 3, ["2025-11-30", "2026-02-28"]),
        ("2026-01-15", 3, 1, ["2025-10-31", "2025-11-30", "2025-12-31"]),
        ("2024-03-01", 2, 12, ["2023-02-28", "2024-02-29"]),
    ],
)
def test_moments_are_ends_of_months(last: str, count: int, step: int, expected: list[str]) -> None:
    days = snapshot_days(Snapshots(count=count, step_months=step), dt.date.fromisoformat(last))
    assert [str(day) for day in days] == expected


@given(st.dates(dt.date(2000, 1, 1), dt.date(2100, 1, 1)), st.integers(2, 36), st.integers(1, 12))
def test_moments_rise_by_whole_months_up_to_the_last(last: dt.date, count: int, step: int) -> None:
    days = snapshot_days(Snapshots(count=count, step_months=step), last)
    assert len(days) == count
    assert all((day + dt.timedelta(days=1)).day == 1 for day in days)
    assert days[-1] <= last < days[-1] + dt.timedelta(days=32)
    months = [day.year * 12 + day.month for day in days]
    assert {b - a for a, b in itertools.pairwise(months)} == {step}


def test_outcomes_are_over_after_gap_horizon_and_what_the_label_waits_for(model: Model) -> None:
    assert certain_until(model, dt.date(2026, 3, 31)) == dt.date(2026, 3, 31) - dt.timedelta(days=5 + 30 + 15)


def within(model: Model, horizon: int) -> Model:
    label = model.definition.label.model_copy(update={"horizon_days": horizon})
    return replace(model, definition=model.definition.model_copy(update={"label": label}))


@pytest.mark.parametrize(
    ("horizon", "left"),
    [
        (89, ["2025-07-31", "2025-10-31", "2026-01-31"]),  # 89 days lie between the last two
        (90, ["2025-07-31", "2025-10-31"]),
        (180, ["2025-07-31", "2025-10-31"]),
        (182, ["2025-07-31"]),
    ],
)
def test_no_outcome_is_both_learned_from_and_asked_for(model: Model, horizon: int, left: list[str]) -> None:
    days = snapshot_days(Snapshots(count=4, step_months=3), dt.date(2026, 4, 30))
    wide = within(model, horizon)
    found = apart(wide, days)
    assert [str(day) for day in found] == [*left, "2026-04-30"]
    windows = [Window(day, wide.definition.label.gap_days, horizon, days[-1]) for day in found]
    assert all(window.end <= windows[-1].begin for window in windows[:-1])


def test_a_horizon_that_leaves_nothing_to_train_on_is_told(model: Model) -> None:
    days = snapshot_days(Snapshots(count=2, step_months=1), dt.date(2026, 2, 28))
    assert apart(within(model, 28), days) == days
    with pytest.raises(SourceError, match=r"^model late: the outcomes of 2026-01-31 reach into the 30 days by which 2026-02-28 judges"):
        apart(model, days)


def test_customers_of_the_test_are_in_no_earlier_moment(spark: SparkSession, model: Model) -> None:
    known_at = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    accounts = [(f"a{i}", None if i % 8 == 6 else f"p{i // 4}", i % 10 != 0, i / 400, i % 3, "residential") for i in range(400)]
    names = ["account_id", "party_id", "is_open", "late_share_365d", "open_bills", "category"]
    labels = spark.createDataFrame(
        [(f"a{i}", int(i % 4 == 0), 10.0, 0.0, 5, True) for i in range(0, 400, 2)] + [("stranger", 1, 1.0, 1.0, 1, False)],
        "account_id string, label int, exposure double, unpaid double, days_to_pay int, settled boolean",
    )

    def rows(day: dt.date, test: bool) -> list:
        moment = spark.createDataFrame([(*a, day, known_at) for a in accounts], [*names, "as_of", "known_at"])
        return training_rows(moment, labels, model, test=test).collect()

    earlier, test = rows(dt.date(2025, 9, 30), False), rows(dt.date(2025, 12, 31), True)
    expected = {f"a{i}": int(i % 4 == 0) for i in range(0, 400, 2) if i % 10}
    for found in (earlier, test):
        assert {row["account_id"]: row["label"] for row in found} == expected, "the population with a label, nobody else"
    trained = {row["account_id"] for row in earlier if row["part"] == "train"}
    unseen = {row["account_id"] for row in test if row["unseen"]}
    assert {row["part"] for row in test} == {"test"}
    assert {row["part"] for row in earlier} == {"train", None}
    party = {a[0]: a[1] or a[0] for a in accounts}
    assert {row["account_id"]: row["party_id"] for row in test} == {a: party[a] for a in expected}, "folds are of customers, too"
    alone = {a[0] for a in accounts if a[1] is None} & set(expected)
    assert 0 < len(alone & unseen) < len(alone), "accounts without a party are customers of their own"
    assert not {party[a] for a in trained} & {party[a] for a in unseen}
    assert trained | unseen == set(expected)
    assert 0.25 < len(unseen) / len(expected) < 0.55
    assert {row["account_id"]: (row["late_share_365d"], row["category"], row["exposure"]) for row in test} == {
        a: (int(a[1:]) / 400, "residential", 10.0) for a in expected
    }


def test_facts_of_moments_count_what_is_used(spark: SparkSession) -> None:
    a, b = dt.date(2025, 9, 30), dt.date(2025, 12, 31)
    rows = [(b, "test", 1, True), (b, "test", 0, True), (b, "test", 0, False), (b, "test", 1, False), (b, "test", 0, True)]
    rows += [(a, "train", 1, False), (a, "train", 0, False), (a, "train", 0, False), (a, None, 1, True), (a, None, 0, True)]
    found = moment_facts(spark.createDataFrame(rows, "as_of date, part string, label int, unseen boolean"))
    assert found == (MomentFacts(a, "train", 3, 1, left_out=2), MomentFacts(b, "test", 5, 2, 0, unseen=3, unseen_positives=1))


@pytest.mark.parametrize(
    ("train", "test", "says"),
    [
        ((0, 0), (100, 10), "no account of its population has a label in the train part"),
        ((1000, 0), (100, 10), "all 1,000 rows of the train part .* have the label 0"),
        ((1000, 1000), (100, 10), "all 1,000 rows of the train part .* have the label 1"),
        ((1000, 19), (100, 10), "19 of the 1,000 rows to train on .* at least 20"),
        ((1000, 981), (100, 10), "981 of the 1,000 rows"),
        ((1000, 20), (100, 0), "all 100 rows of the test part"),
    ],
)
def test_too_little_to_learn_from_is_told(model: Model, train: tuple[int, int], test: tuple[int, int], says: str) -> None:
    moments = [MomentFacts(dt.date(2025, 9, 30), "train", *train, 0), MomentFacts(dt.date(2025, 12, 31), "test", *test, 0)]
    with pytest.raises(SourceError, match=f"^model late: {says}"):
        require_both_classes(model, moments)
    enough = [MomentFacts(dt.date(2025, 9, 30), "train", 1000, 20, 0), MomentFacts(dt.date(2025, 12, 31), "test", 100, 1, 0)]
    require_both_classes(model, enough)


@given(st.lists(st.tuples(st.sampled_from([-np.inf, -1.0, 0.0, 0.5, 2.0, np.inf]), st.booleans()), min_size=1, max_size=60))
def test_the_area_under_the_curve_equals_scikit_learn(rows: list[tuple[float, bool]]) -> None:
    values, positive = np.array([r[0] for r in rows]), np.array([r[1] for r in rows])
    expected = 0.5 if len(set(positive)) == 1 else roc_auc_score(positive, np.clip(values, -1e9, 1e9))
    assert area_under_roc(values, positive) == pytest.approx(expected, abs=1e-12)


def test_what_a_feature_tells_alone() -> None:
    rng = np.random.default_rng(1)
    y = rng.random(4000) < 0.1
    noise = rng.normal(size=4000)
    assert feature_fact("noise", noise, y).auc < 0.55
    assert feature_fact("label", y.astype(float), y).auc == 1
    assert feature_fact("reversed", -y.astype(float) + noise * 1e-3, y).auc == 1
    only = feature_fact("missing for the others", np.where(y, noise, np.nan), y)
    assert (only.auc, only.giveaway) == (1, True)
    some = feature_fact("known for half of the positives", np.where(y & (noise > 0), noise, np.nan), y)
    assert some.giveaway
    assert some.auc < 0.8
    assert not feature_fact("missing by chance", np.where(noise > 1, np.nan, noise), y).giveaway
    codes = np.where(y, "gone", np.where(noise > 0, "a", None))
    assert feature_fact("code", codes, y, codes=True).auc == 1
    names = np.array([f"n{i}" for i in range(4000)], dtype=object)
    assert feature_fact("a code for everybody tells nothing", names, y, codes=True).auc == 0.5


def test_a_feature_made_of_the_label_is_refused(spark: SparkSession) -> None:
    rng = np.random.default_rng(2)
    y = rng.random(3000) < 0.05
    kinds = rng.choice(["a", "b", None], 3000)
    rows = [
        (int(y[i]), float(y[i]) + float(rng.normal()), bool(y[i]) if i % 400 else None, kinds[i], float(y[i]) * 5 + float(rng.random()))
        for i in range(3000)
    ]
    frame = spark.createDataFrame(rows, "label int, honest double, planted boolean, kind string, strong double")
    honest, planted, kind, strong = (
        ModelFeature(name="honest"),
        ModelFeature(name="planted", kind="flag"),
        ModelFeature(name="kind", kind="category"),
        ModelFeature(name="strong", strong_because="measured before"),
    )
    with pytest.raises(SourceError, match=r"^feature planted tells the label almost alone \(AUC (1\.000|0\.99\d), more than 0\.98\)"):
        refuse_leaks(frame, [honest, planted, kind])
    found = refuse_leaks(frame, [honest, kind, strong])
    assert [fact.name for fact in found][:2] == ["strong", "honest"]
    assert found[0].auc == 1
    expected = roc_auc_score(y, [row[1] for row in rows])
    assert found[1].auc == pytest.approx(expected, abs=1e-9)


def test_days_after_the_moment_are_refused(spark: SparkSession) -> None:
    day, later = dt.date(2026, 1, 31), dt.date(2026, 2, 1)
    at, after = dt.datetime(2026, 2, 1, tzinfo=dt.UTC), dt.datetime(2026, 2, 2, tzinfo=dt.UTC)
    schema = "as_of date, known_at timestamp, opened_on date, closed_on date, seen_at timestamp"
    good = [(day, at, day, None, at), (day, at, day, day, None)]
    refuse_future(spark.createDataFrame(good, schema), known={day: at})
    with pytest.raises(SourceError, match=r"know the future: closed_on \(1 rows\) lie after as_of"):
        refuse_future(spark.createDataFrame([*good, (day, at, day, later, at)], schema))
    with pytest.raises(SourceError, match=r"seen_at \(1 rows\)"):
        refuse_future(spark.createDataFrame([*good, (day, at, day, None, after)], schema), known={day: at})
    refuse_future(spark.createDataFrame([*good, (day, at, day, None, after)], schema))
