"""Credit through the command line: a scorecard fitted and registered, decisions taken in, accounts graded; nothing is done twice."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from delta_files import rows
from gridlens.cli import main
from gridlens.models.overlay import COLUMNS
from gridlens.pipelines.moments import knowledge_of_day
from gridlens.settings import Settings, conf_files, load_settings
from gridlens.tracking import Store
from payers_world import ACCOUNTS, AS_OF, fill
from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark

MOMENTS = [dt.date(2025, 11, 30), dt.date(2026, 1, 31), AS_OF]
DEFINITION = """\
scorecards:
  - id: small
    name_zh: 小
    name_en: Small
    purpose: Who will leave a bill unpaid
    limits: Nothing else is said
    owner: collection
    version: 1
    population: is_open and bills_due_365d > 0
    label: {function: bill_unpaid, arguments: {days: 10}, horizon_days: 30}
    snapshots: {count: 2, step_months: 2}
    binning: {min_share: 0.1, min_events: 5, max_bins: 4}
    gate: {min_auc: 0.6, max_calibration_error: 0.2, max_disparity: 50, min_positives: 20, min_gain: -0.2}
    characteristics:
      - {id: late, group: history, inputs: [late_share_365d], monotone: increasing, zh: 逾期, en: late}
      - {id: arrears, group: ability, inputs: [arrears_months], monotone: increasing, zh: 欠费, en: arrears}
      - {id: channel, group: willingness, inputs: [payment_channel], kind: category, zh: 渠道, en: channel}
    grades: {min_share: 0.1, min_events: 3, best_first: [{id: A, zh: 好, en: good}, {id: B, zh: 中, en: fair}, {id: C, zh: 差, en: bad}]}
    overlay:
      factors:
        - {id: guarantee, zh: 担保, en: guarantee, move: 1}
        - {id: theft_found, zh: 窃电, en: theft found, at_most: C}
"""


@pytest.fixture(scope="module")
def settings(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A warehouse with features of three moments, bills and payments, and the one scorecard."""
    folder = tmp_path_factory.mktemp("credit")
    (folder / "conf" / "scorecards").mkdir(parents=True)
    for file in conf_files(load_settings("local"), "scorecards"):  # the packaged one gives way
        (folder / "conf" / "scorecards" / file.name).write_text("scorecards: []\n", encoding="utf-8")
    (folder / "conf" / "scorecards" / "small.yml").write_text(DEFINITION, encoding="utf-8")
    settings = load_settings("local", conf_dir=folder / "conf", overrides={"root_dir": str(folder)})
    fill(spark, settings, MOMENTS)
    return settings


def call(settings: Settings, capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    place = ["--root-dir", settings.root_dir, "--conf", str(settings.conf_dir), "--scorecard", "small", "--json"]
    assert main(["credit", *arguments, *place]) == 0
    return json.loads(capsys.readouterr().out)


def grades_of(settings: Settings) -> dict[str, dict[str, Any]]:
    """credit_grade_v1 by account, read without Spark."""
    return {row["account_id"]: row for row in rows(Path(settings.warehouse) / "gold" / "credit_grade_v1")}


def decisions(folder: Path, *lines: str) -> Path:
    file = folder / "decisions.csv"
    file.write_text("\n".join([",".join(COLUMNS), *lines, ""]), encoding="utf-8")
    return file


def test_train_grade_decide_and_grade_again(settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trained = call(settings, capsys, "train")
    assert (trained["decision"], trained["version"], trained["nothing_new"]) == ("champion", 1, False), trained["reasons"]
    assert [one["grade"] for one in trained["grades"]] == ["A", "B", "C"]
    assert sum(one["rows"] for one in trained["grades"]) == ACCOUNTS - 1  # one has no bill due in the year
    assert set(trained["roc_auc_of"]) == {"willingness", "ability", "history"}
    assert call(settings, capsys, "train")["nothing_new"]
    check_what_is_kept_of_a_training(settings)

    graded = call(settings, capsys, "grade")
    assert (graded["accounts"], graded["moved_up"], graded["moved_down"]) == (ACCOUNTS - 1, 0, 0)
    before = grades_of(settings)
    assert "a000" not in before
    moved = {row["subject"]: row for row in rows(Path(settings.warehouse) / "gold" / "model_drift_v1")}
    assert {"points", "late"} <= set(moved)
    assert (moved["points"]["model_id"], moved["points"]["model_version"], moved["points"]["rows"]) == ("small", "1", ACCOUNTS - 1)
    check_against_the_served_model(settings, before)

    good, bad = (next(name for name, row in sorted(before.items()) if row["grade"] == grade) for grade in ("A", "B"))
    file = decisions(
        tmp_path,
        f"d1,theft_found,seal broken,inspector 7,{good},,2026-03-01,2026-12-31,",
        f"d2,guarantee,the parent guarantees,credit office,{bad},,2026-03-01,2026-12-31,",
        f"d3,guarantee,it did,credit office,{good},,2025-03-01,2026-03-30,",
    )
    at = knowledge_of_day(AS_OF, settings).isoformat()
    late = call(settings, capsys, "decide", str(file))
    assert late["written"] == 3
    assert late["note"] == (
        f"the newest account features are as known at {at}, before 3 of the file's decisions: these count for moments known from "
        f"{late['counts_from']} on; to count what has begun by 2026-03-31 for that moment too, give --known-at {at}"
    )
    known = call(settings, capsys, "decide", str(file), "--known-at", "2026-03-15T00:00:00Z")
    assert (known["written"], known["counts_from"], known["note"]) == (3, "2026-03-15T00:00:00+00:00", None)
    repeated = call(settings, capsys, "decide", str(file))
    assert (repeated["nothing_new"], repeated["note"]) == (True, None)
    again = call(settings, capsys, "grade")
    assert (again["moved_up"], again["moved_down"], again["nothing_new"]) == (1, 1, False)
    after = grades_of(settings)
    assert (after[good]["grade"], after[good]["moved"], after[good]["grade_before_overlay"]) == ("C", -2, "A")
    assert (after[bad]["grade"], after[bad]["moved"]) == ("A", 1)
    assert [(one["overlay_id"], one["author"], one["reason"]) for one in after[good]["overlays"]] == [("d1", "inspector 7", "seal broken")]
    unchanged = before.keys() - {good, bad}
    assert {name: after[name] for name in unchanged} == {name: before[name] for name in unchanged}
    retried = call(settings, capsys, "grade")
    assert (retried["nothing_new"], retried["psi"] is None) == (True, False)
    assert [retried[name] for name in ("psi", "warnings", "retrain")] == [again[name] for name in ("psi", "warnings", "retrain")]

    place = ["--root-dir", settings.root_dir, "--conf", str(settings.conf_dir), "--scorecard", "small"]
    assert main(["credit", "card", *place]) == 0
    assert "| A 好 good |" in capsys.readouterr().out


def check_what_is_kept_of_a_training(settings: Settings) -> None:
    """The card with its grades, the gate's decision, charts, and figures beside the baselines; of both models."""
    store = Store.open(settings)
    for name in ("small", "small_spark_free"):
        version = store.version(name)
        card = store.text(version, "model_card.md")
        assert "最佳单一特征 best single feature: late_share_365d" in card
        assert "| A | 好 good | " in card
        assert "<h2" in store.text(version, "model_card.html")
        assert store.text(version, "plots/calibration.svg").startswith('<svg xmlns="http://www.w3.org/2000/svg"')
        checks = [check["name"] for check in json.loads(store.text(version, "decision.json"))["checks"]]
        assert (checks[-1], "On the test rows the bad rate falls from no grade to the next" in version.reason) == ("grades", True)
        assert {"baseline.one_rule.roc_auc", "train.roc_auc", "grade.A.bad_rate"} <= version.metrics.keys()
    parts = {row["part"] for row in rows(Path(settings.warehouse) / "gold" / "model_figure_v1") if row["model_id"] == "small"}
    assert {"test", "train", "prior", "one_rule"} <= parts


def check_against_the_served_model(settings: Settings, found: dict[str, dict[str, Any]]) -> None:
    """The registered model that needs no Spark, on the same features, gives what stands in the table."""
    model = Store.open(settings).load("small_spark_free").model
    known = [row for row in rows(Path(settings.warehouse) / "gold" / "account_feature_v1") if str(row["as_of"]) == str(AS_OF)]
    frame = pd.DataFrame(known).set_index("account_id").loc[sorted(found)]
    served = model.predict(frame[["late_share_365d", "arrears_months", "payment_channel"]].astype({"arrears_months": float}))
    for name, row in zip(sorted(found), served.to_dict("records"), strict=True):
        assert found[name]["points"] == row["points"]
        assert found[name]["pd"] == pytest.approx(row["prediction"], abs=1e-9)
        assert found[name]["grade"] == row["grade"]
        assert [one["characteristic"] for one in found[name]["reasons"]] == row["reasons"]


def test_a_scorecard_with_other_points_grades_nobody(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    (card,) = (path for path in Path(settings.mlflow_artifacts, "small").rglob("scorecard.json"))
    kept = card.read_text(encoding="utf-8")
    content = json.loads(kept)
    content["lines"][0]["bins"][0]["points"] += 40
    card.write_text(json.dumps(content, ensure_ascii=False, indent=1, sort_keys=True), encoding="utf-8")
    place = ["--root-dir", settings.root_dir, "--conf", str(settings.conf_dir), "--scorecard", "small"]
    try:
        for command in ("grade", "card"):
            assert main(["credit", command, *place]) != 0
            assert "version 1 of small was altered after it was registered (scorecard.json): it is not loaded" in capsys.readouterr().err
    finally:
        card.write_text(kept, encoding="utf-8")


def test_what_is_not_there_is_said(settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = ["--root-dir", str(tmp_path / "empty"), "--conf", str(settings.conf_dir)]
    assert main(["credit", "train", "--scorecard", "smal", *place]) == 2
    assert "scorecard smal is not defined; did you mean small?" in capsys.readouterr().err
    assert main(["credit", "train", "--scorecard", "small", *place]) == 3
    assert "there are no account features" in capsys.readouterr().err
    assert main(["credit", "grade", "--scorecard", "small", *place]) != 0
    assert "scorecard small has no champion: run `gridlens credit train --scorecard small`" in capsys.readouterr().err
    file = decisions(tmp_path, "d1,theft,seal broken,inspector 7,a001,,2026-03-01,2026-12-31,")
    assert main(["credit", "decide", str(file), "--scorecard", "small", *place]) == 3
    assert "line 2: column factor: theft is not defined; did you mean theft_found?" in capsys.readouterr().err
