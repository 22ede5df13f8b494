"""`gridlens models`: what is defined, and what the last scoring saw move."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest
from delta_writer import put
from gridlens.cli import main
from gridlens.contracts.model import MODEL_DRIFT
from gridlens.contracts.ops import RUN_LOG
from gridlens.contracts.score import SCORE
from gridlens.settings import Settings, load_settings
from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark

EARLIER, NEWEST = dt.date(2026, 2, 28), dt.date(2026, 3, 31)


def known(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day + dt.timedelta(days=1), dt.time(16), dt.UTC)


@pytest.fixture(scope="module")
def settings(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    settings = load_settings("local", overrides={"root_dir": str(tmp_path_factory.mktemp("drift"))})
    seen = [
        ("arrears", "9", EARLIER, "score", 0.4, True),
        ("arrears", "9", NEWEST, "late_share_365d", 0.02, False),
        ("arrears", "9", NEWEST, "autopay", 0.31, True),
        ("arrears", "9", NEWEST, "score", 0.05, False),
        ("arrears", "10", NEWEST, "score", 0.01, False),
        ("churn_household", "1", NEWEST, "score", 0.9, True),
    ]
    rows = [
        {
            "model_id": model,
            "model_version": version,
            "as_of": day,
            "known_at": known(day),
            "subject_kind": "score" if subject == "score" else "feature",
            "subject": subject,
            "psi": psi,
            "warning": warning,
        }
        for model, version, day, subject, psi, warning in seen
    ]
    put(settings, MODEL_DRIFT, rows, retrain=False, run_id="r")
    return settings


def told(settings: Settings, capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, str]:
    capsys.readouterr()
    code = main(["models", *argv, "--root-dir", str(Path(settings.warehouse).parent)])
    out, err = capsys.readouterr()
    return code, err if code else out


def test_the_newest_version_at_the_newest_moment_counts(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    code, out = told(settings, capsys, "arrears", "--drift", "--json")
    assert code == 0
    assert [(row["model_version"], row["subject"], row["psi"]) for row in json.loads(out)] == [("10", "score", 0.01)]


def test_after_a_roll_back_the_version_that_scored_last_counts(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    model = "churn_household"
    put(settings, MODEL_DRIFT, [
        {"model_id": model, "model_version": "2", "as_of": NEWEST, "known_at": known(NEWEST), "subject_kind": "score", "subject": "score",
         "psi": 0.01, "warning": False}
    ], retrain=False, run_id="r")  # fmt: skip

    def scored(hour: int, version: str) -> dict[str, object]:
        ended = known(NEWEST) + dt.timedelta(hours=hour)
        said = {"parameters": json.dumps({"model": model}), "fingerprints": json.dumps({"version": version})}
        return {"run_id": f"{hour}", "as_of": NEWEST, "known_at": known(NEWEST), "started_at": ended, "ended_at": ended, **said}

    put(settings, RUN_LOG, [scored(1, "1"), scored(2, "2"), scored(3, "1")], job="score", outcome="succeeded")
    given = {"model": model, "account_id": "A1", "as_of": NEWEST, "known_at": known(NEWEST)}
    put(settings, SCORE, [given | {"version": 1, "score": 0.9}, given | {"version": 2, "score": 0.1}], reasons=[], run_id="r")
    _, out = told(settings, capsys, model, "--drift", "--json")
    assert {row["model_version"] for row in json.loads(out)} == {"1"}
    capsys.readouterr()
    assert main(["explain", model, "A1", "--json", "--root-dir", str(Path(settings.warehouse).parent)]) == 0
    told_of = json.loads(capsys.readouterr().out)
    assert (told_of["version"], told_of["score"]) == (1, 0.9)


def test_warnings_come_first(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    put(settings, MODEL_DRIFT, [
        {"model_id": "arrears", "model_version": "11", "as_of": NEWEST, "known_at": known(NEWEST), "subject_kind": "feature",
         "subject": subject, "rows": 100, "psi": psi, "warning": warning}
        for subject, psi, warning in (("big_by_chance", 0.5, False), ("moved", 0.3, True), ("moved_more", 0.4, True))
    ], retrain=False, run_id="r")  # fmt: skip
    _, out = told(settings, capsys, "arrears", "--drift", "--json")
    assert [row["subject"] for row in json.loads(out)] == ["moved_more", "moved", "big_by_chance"]


def test_what_cannot_be_told_is_one_sentence(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    assert "name it" in told(settings, capsys, "--drift")[1]
    code, err = told(settings, capsys, "substitution", "--drift")
    assert (code, "has not scored yet: run `gridlens score substitution`" in err) == (2, True)


def test_scorecards_are_listed_among_the_models(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    rows = {row["model"]: row for row in json.loads(told(settings, capsys, "--json")[1])}
    assert {"arrears", "churn_business", "substitution", "credit_grade"} <= set(rows)
    assert rows["credit_grade"]["champion"] is None
