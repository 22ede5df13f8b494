"""Drift: what has moved is named, what chance explains is not, and labels that arrive judge the scores."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest
from gridlens.contracts.model import MODEL_DRIFT
from gridlens.errors import SourceError
from gridlens.models.definition import ModelFeature
from gridlens.models.drift import Limits, Moment, Shift, judged, psi, psi_by_chance, rolling_auc, shifts
from gridlens.models.drift_profile import Profile, profile
from gridlens.models.figure_rows import drift_rows
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from pyspark.sql import DataFrame, SparkSession
from sklearn.metrics import roc_auc_score

FEATURES = [ModelFeature(name="kwh"), ModelFeature(name="late"), ModelFeature(name="category", kind="category")]
SCHEMA = "account_id string, as_of date, kwh double, late int, category string, prediction double, label int"
MOMENTS = (dt.date(2025, 6, 30), dt.date(2025, 9, 30), dt.date(2025, 12, 31))


def rows(
    seed: int, *, n: int = 4000, kwh: float = 0.0, category: str = "a", skill: float = 1.5, as_of: dt.date = MOMENTS[0]
) -> list[tuple]:
    rng = np.random.default_rng(seed)
    label = (rng.uniform(size=n) < 0.1).astype(int)
    score = 1 / (1 + np.exp(-(rng.normal(size=n) + skill * label - 2)))
    late = rng.poisson(0.3, size=n)
    use = rng.lognormal(5 + kwh, 0.4, size=n)
    return [
        (str(i), as_of, None if i % 50 == 0 else float(use[i]), int(late[i]), category if i % 3 else "b", float(score[i]), int(label[i]))
        for i in range(n)
    ]


@pytest.fixture(scope="module")
def before(spark: SparkSession) -> Profile:
    return profile(spark.createDataFrame(rows(1), SCHEMA), FEATURES, roc_auc=0.85)


def moved(spark: SparkSession, before: Profile, given: list[tuple]) -> dict[str, Shift]:
    return {s.subject: s for s in shifts(spark.createDataFrame(given, SCHEMA), before)}


def test_rows_of_the_same_world_are_no_warning(spark: SparkSession, before: Profile) -> None:
    found = moved(spark, before, rows(2))
    assert next(iter(found)) == "prediction", "the score comes first"
    assert not [s for s in found.values() if s.warning]
    assert found["kwh"].missing == pytest.approx(0.02)
    few = moved(spark, before, rows(3, n=60))
    assert not [s for s in few.values() if s.warning], "sixty rows move by chance"
    assert max(s.psi for s in few.values()) > 0.1, "which the limit alone would call drift"


def test_what_moved_is_named_with_its_figures(spark: SparkSession, before: Profile) -> None:
    found = moved(spark, before, rows(4, kwh=0.5, category="new"))
    assert {s.subject for s in found.values() if s.warning} == {"kwh", "category"}
    drift = judged(found.values(), before=before)
    assert not drift.retrain, "the scores have not moved"
    assert [w.split(":")[0] for w in drift.warnings] == ["The feature category has moved", "The feature kwh has moved"]


def test_a_profile_outlives_its_run(before: Profile) -> None:
    again = Profile.from_json(before.to_json())
    assert again == before
    assert again.rows == 4000
    assert sum(again.counts["category"]) == 4000


@settings(deadline=None)
@given(arrays.arrays(np.int64, 5, elements=st.integers(0, 500)), arrays.arrays(np.int64, 5, elements=st.integers(0, 500)))
def test_the_index_is_positive_symmetric_and_zero_of_the_same_shares(first: np.ndarray, second: np.ndarray) -> None:
    assert psi(first, second) == pytest.approx(psi(second, first))
    assert psi(first, second) >= 0
    assert psi(first, first) == 0
    p, q = (np.where(c == 0, 0.5, c + 0.5)[(first + second) > 0] for c in (first, second))
    p, q = p / p.sum(), q / q.sum()
    assert psi(first, second) == pytest.approx(sum((a - b) * np.log(a / b) for a, b in zip(p, q, strict=True)))


def test_chance_stays_below_its_bound_as_often_as_it_says() -> None:
    rng = np.random.default_rng(6)
    shares, above = [0.1] * 10, 0
    for _ in range(1000):
        now, then = rng.multinomial(400, shares), rng.multinomial(2000, shares)
        above += psi(now, then) > psi_by_chance(now, then)
    assert 2 <= above <= 25
    assert psi_by_chance(np.array([5, 0]), np.array([7, 0])) == 0


def labelled(spark: SparkSession, skills: dict[dt.date, float], n: int = 3000) -> tuple[DataFrame, list[tuple]]:
    given = [row for i, (day, skill) in enumerate(skills.items()) for row in rows(10 + i, n=n, skill=skill, as_of=day)]
    return spark.createDataFrame(given, SCHEMA), given


def test_labels_judge_the_scores_of_every_moment(spark: SparkSession, before: Profile) -> None:
    df, given = labelled(spark, dict(zip(MOMENTS, (1.5, 1.5, 0.3), strict=True)))
    found = rolling_auc(df, before)
    assert [m.as_of for m in found] == list(MOMENTS)
    for moment in found:
        part = [row for row in given if row[1] == moment.as_of]
        assert moment.roc_auc == pytest.approx(roc_auc_score([r[6] for r in part], [r[5] for r in part]), abs=1e-3)
        assert moment.positives == sum(r[6] for r in part)
    assert [m.warning for m in found] == [False, False, True]
    drift = judged((), found, before=before)
    assert drift.retrain
    assert "as of 2025-12-31" in drift.reasons[0]
    assert not judged((), found[:2], before=before).retrain


def test_few_positives_judge_nothing(spark: SparkSession, before: Profile) -> None:
    df, _ = labelled(spark, {MOMENTS[0]: -1.0}, n=120)
    (moment,) = rolling_auc(df, before)
    assert moment.roc_auc is not None
    assert moment.roc_auc < 0.5
    assert not moment.warning


MOVED = Shift("prediction", "score", 900, 4000, 0.3, 0.05, 0.0, 0.0, True)
FALLEN = Moment(MOMENTS[1], 900, 90, 0.1, 0.1, 0.7, 0.66, 0.74, True)


@pytest.mark.parametrize(
    ("shift", "moments", "retrain", "warnings"),
    [
        (MOVED, (), True, 1),
        (replace(MOVED, psi=0.2), (), False, 1),
        (replace(MOVED, kind="feature"), (), False, 1),
        (replace(MOVED, psi=0.02, warning=False), (FALLEN,), True, 1),
        (replace(MOVED, psi=0.02, warning=False), (FALLEN, replace(FALLEN, as_of=MOMENTS[2], roc_auc=0.85, warning=False)), False, 1),
        (replace(MOVED, psi=0.02, warning=False), (FALLEN, replace(FALLEN, as_of=MOMENTS[2], positives=3, warning=False)), True, 1),
    ],
    ids=["score far", "score somewhat", "feature far", "fallen", "fallen and risen", "too few labels since"],
)
def test_when_to_train_again(before: Profile, shift: Shift, moments: tuple[Moment, ...], retrain: bool, warnings: int) -> None:
    drift = judged([shift], moments, before=before)
    assert drift.retrain is retrain
    assert len(drift.warnings) == warnings
    assert bool(drift.reasons) is retrain


def test_limits_are_the_caller_s(spark: SparkSession, before: Profile) -> None:
    df = spark.createDataFrame(rows(4, kwh=0.5), SCHEMA)
    assert not [s for s in shifts(df, before, limits=Limits(psi_warning=9.0)) if s.warning]


def test_rows_of_the_table(spark: SparkSession) -> None:
    of = {"model_id": "arrears", "model_version": "2", "as_of": MOMENTS[2], "known_at": dt.datetime(2026, 1, 1), "run_id": "r"}
    drift = judged([MOVED], (FALLEN,), before=Profile("prediction", 4000, 0.85, ()))
    table = MODEL_DRIFT.conform(spark.createDataFrame(drift_rows(drift, of=of), MODEL_DRIFT.schema)).collect()
    assert [(r["subject_kind"], r["subject"], r["as_of"]) for r in table] == [
        ("score", "prediction", MOMENTS[2]),
        ("label", "2025-09-30", MOMENTS[2]),
    ]
    assert table[0]["psi"] == 0.3
    assert table[0]["roc_auc"] is None
    assert table[1]["roc_auc_low"] == 0.66
    assert table[1]["psi"] is None
    assert all(r["retrain"] for r in table)


def test_columns_and_rows_that_are_not_there_are_named(spark: SparkSession, before: Profile) -> None:
    df = spark.createDataFrame(rows(5, n=20), SCHEMA)
    with pytest.raises(SourceError, match="lack kwh"):
        shifts(df.drop("kwh"), before)
    with pytest.raises(SourceError, match="no scored row"):
        shifts(df.where("false"), before)
