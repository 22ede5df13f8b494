"""Scores and grades as tags, audiences and customer value read them."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from delta_writer import put
from gridlens.contracts.credit import CREDIT_GRADE
from gridlens.contracts.ops import RUN_LOG
from gridlens.contracts.score import SCORE, grade_fields, score_field
from gridlens.pipelines.scores import Served, score_behind, scores_stand, served_at, with_scores
from gridlens.pipelines.tag_state import Moment
from gridlens.settings import Settings
from gridlens.warehouse import Warehouse
from pyspark.sql import SparkSession

AS_OF, KNOWN_AT = dt.date(2026, 3, 31), dt.datetime(2026, 4, 1, 16, tzinfo=dt.UTC)
BEFORE = {"as_of": dt.date(2026, 2, 28), "known_at": KNOWN_AT}
MOMENT = Moment(AS_OF, KNOWN_AT, "")
COLUMNS = ["arrears_score", "arrears_band", "churn_score", "credit_grade_grade", "credit_grade_pd", "unheard_grade"]
ASKED = ("arrears", "churn", "credit_grade", "unheard")


def run(number: int, job: str, name: str, version: int, **more: Any) -> dict[str, Any]:
    key = "scorecard" if job == "credit" else "model"
    told = {"parameters": json.dumps({key: name}), "fingerprints": json.dumps({"version": str(version)})}
    return {"run_id": f"run {number}", "job": job, "ended_at": dt.datetime(2026, 4, 2, number, tzinfo=dt.UTC), **told, **more}


@pytest.fixture
def filled(settings: Settings, warehouse: Warehouse) -> Warehouse:
    """Arrears was rolled back from version 3 to 2, and graded by version 1 twice; churn scored another moment only."""
    at = {"as_of": AS_OF, "known_at": KNOWN_AT}
    put(settings, SCORE, [{"account_id": "a", "model": "arrears", "version": 2, "score": 0.25, "band": "watch", "decile": 3}], **at)
    put(settings, SCORE, [{"account_id": "a", "model": "arrears", "version": 3, "score": 0.75, "band": "high", "decile": 1}], **at)
    put(settings, SCORE, [{"account_id": "a", "model": "churn", "version": 1, "score": 0.5, "decile": 1}], **BEFORE)
    graded = [{"account_id": name, "grade": grade, "pd": pd} for name, grade, pd in (("a", "B", 0.02), ("b", "E", 0.4))]
    put(settings, CREDIT_GRADE, graded, scorecard="credit_grade", version=1, **at)
    put(settings, CREDIT_GRADE, [{"account_id": "a", "grade": "A"}], scorecard="credit_grade", version=1, **BEFORE)
    runs = [
        run(1, "score", "arrears", 2),
        run(2, "score", "arrears", 3),
        run(3, "score", "arrears", 2, outcome="nothing_new"),
        run(4, "score", "arrears", 3, outcome="failed"),
        run(5, "score", "churn", 1, **BEFORE),
        run(6, "credit", "credit_grade", 1),
        run(7, "credit", "credit_grade", 1, outcome="nothing_new"),
    ]
    put(settings, RUN_LOG, runs, outcome="succeeded", **at)
    return warehouse


def test_the_version_that_scored_last_and_the_grade(spark: SparkSession, filled: Warehouse) -> None:
    served = served_at(filled, ASKED, MOMENT)
    assert served == Served({"arrears": 2, "credit_grade": 1}, ("churn", "unheard"))
    assert served.of(["arrears", "churn"]) == Served({"arrears": 2}, ("churn",))
    rows = spark.createDataFrame([("a",), ("b",), ("c",)], "account_id string")
    wide = with_scores(rows, filled, COLUMNS, served, MOMENT)
    assert wide.columns == [
        "account_id",
        *sorted(COLUMNS, key=lambda name: (name.startswith(("churn", "unheard")), name.startswith("credit"))),
    ]
    assert {row["account_id"]: tuple(row[name] for name in COLUMNS) for row in wide.collect()} == {
        "a": (0.25, "watch", None, "B", 0.02, None),
        "b": (None, None, None, "E", 0.4, None),
        "c": (None, None, None, None, None, None),
    }
    assert {name: kind for name, kind in wide.dtypes if name != "account_id"} == {name: score_field(name).type for name in COLUMNS}


def test_what_is_behind_them(filled: Warehouse) -> None:
    found = score_behind(filled, "a", COLUMNS, MOMENT)
    assert found.values == {"arrears_score": 0.25, "arrears_band": "watch", "credit_grade_grade": "B", "credit_grade_pd": 0.02}
    assert [(one.table, one.rows, one.newest[0]["version"]) for one in found.behind] == [
        ("gold.score_v1", 1, 2),
        ("gold.credit_grade_v1", 1, 1),
    ]
    assert score_behind(filled, "c", COLUMNS, MOMENT).values == {}
    assert score_behind(filled, "a", [], MOMENT).behind == ()


def test_another_grading_by_the_same_version_counts_as_new(settings: Settings, filled: Warehouse) -> None:
    served = served_at(filled, ASKED, MOMENT)
    versions = {"model arrears": "2", "model credit_grade": "1"}
    assert scores_stand(filled, COLUMNS, served, MOMENT) == {**versions, "grades": "run 6"}
    assert scores_stand(filled, COLUMNS[:3], served, MOMENT) == versions
    put(settings, RUN_LOG, [run(8, "credit", "credit_grade", 1)], outcome="succeeded", as_of=AS_OF, known_at=KNOWN_AT)
    assert scores_stand(filled, COLUMNS, served, MOMENT)["grades"] == "run 8"


def test_every_column_has_its_field() -> None:
    assert [score_field(f.name) for f in grade_fields("credit_grade")] == list(grade_fields("credit_grade"))
    assert score_field("credit_grade_decile").type == "int"
