"""The search for abnormal usage on sixty made-up homes behind three metered transformers, two of them thieves."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import mlflow.pyfunc
import numpy as np
import pandas as pd
import pytest
from delta_writer import put
from gridlens.anomaly.pipeline import judge_pipeline
from gridlens.anomaly.weeks import DAYS
from gridlens.cli import main
from gridlens.contracts.anomaly import MODEL, USAGE_ALERT
from gridlens.contracts.ops import BATCH_ACCOUNT
from gridlens.contracts.silver import ACCOUNT_TABLE, INTERVAL_DAY, METERING_POINT, SILVER
from gridlens.pipelines import anomaly, anomaly_model
from gridlens.settings import Settings
from gridlens.tracking import CHAMPION, Store
from gridlens.warehouse import Warehouse
from pyspark.ml import PipelineModel
from pyspark.sql import SparkSession

AS_OF, KNOWN_AT = dt.date(2026, 3, 31), dt.datetime(2026, 4, 1, 16, tzinfo=dt.UTC)
FIRST = AS_OF - dt.timedelta(days=DAYS - 1)
HOMES, EACH = 60, 20
START = 500
THIEF, SOME_DAYS, SAVER, GENERATES, REPAIRED, VISITED, BACKWARDS, EMPTY = range(8)
"""Numbers of the homes that change on day START: a by-pass of two thirds, one on some days, a home that really uses less, one that
generates; a theft that was found and put right, one whose visit found nothing. Of BACKWARDS the curve is turned round from TURNED on, and
EMPTY is lived in from START on."""
CURVES, TURNED = DAYS - 84, DAYS - 42
"""First days with curves, and of that home's other curve."""
DAY = 1 + 0.8 * np.sin(2 * np.pi * (np.arange(24) - 10) / 24)
"""How a home spreads its energy over the hours."""
DEFINITION = """\
name_zh: 用电异常
name_en: Abnormal usage
peers: [category]
least_peers: 10
least_probability: 0.02
examples: {accounts: 60, copies: 1, earlier_days: [28], inspection_weight: 1}
trees: {models: 1, trees: 6, max_depth: 3, step_size: 0.4, min_rows: 10}
visits: {per_week: 2}
"""

pytestmark = pytest.mark.spark


def day(position: int) -> dt.date:
    return FIRST + dt.timedelta(days=position)


def account(home: int) -> str:
    return f"A{home:03}"


def world() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What homes record, what they export, and what the transformers supply, kWh a day."""
    random = np.random.default_rng(5)
    season = 1 + 0.3 * np.cos(2 * np.pi * np.arange(DAYS) / 365)
    drawn = random.uniform(4, 15, HOMES)[:, None] * season * np.exp(random.normal(0, 0.15, (HOMES, DAYS)))
    exported = np.full((HOMES, DAYS), np.nan)
    drawn[SAVER, START:] *= 0.4
    drawn[GENERATES, START:] *= 0.6
    drawn[EMPTY, :START] *= 0.02
    exported[GENERATES, START:] = 3.0
    recorded = drawn.copy()
    recorded[THIEF, START:] *= 0.35
    recorded[SOME_DAYS, START:] *= np.where(random.random(DAYS - START) < 0.5, 0.05, 1.0)
    recorded[REPAIRED, START : START + 120] *= 0.3
    recorded[VISITED, START:] *= 0.4
    needed = (drawn - np.nan_to_num(exported)).reshape(HOMES // EACH, EACH, DAYS).sum(axis=1)
    return recorded, exported, needed * 1.04


def blocks(point: str, channel: str, days: np.ndarray) -> list[dict[str, Any]]:
    """Days of a metering point: totals, and hours since CURVES."""
    return [
        {
            "metering_point_id": point,
            "channel": channel,
            "local_date": day(i),
            "local_month": day(i).replace(day=1),
            **(hours(point, i, kwh) if i >= CURVES else {"resolution_minutes": 1440, "values": [float(kwh)], "quality": [0]}),
            "energy_kwh": float(kwh),
            "missing_count": 0,
        }
        for i, kwh in enumerate(days)
        if np.isfinite(kwh)
    ]


def hours(point: str, position: int, kwh: float) -> dict[str, Any]:
    """A day's energy by hours, each with a little noise."""
    shape = DAY * np.exp(np.random.default_rng([position, int(point[1:])]).normal(0, 0.1, 24))
    turned = point == f"P{BACKWARDS:03}" and position >= TURNED
    values = kwh * (shape[::-1] if turned else shape) / shape.sum()
    return {"resolution_minutes": 60, "zone": "Asia/Shanghai", "values": [float(value) for value in values], "quality": [0] * 24}


def inspected(settings: Settings, home: int, on: dt.date, finding: str, known: dt.datetime = KNOWN_AT) -> None:
    """A visit that became known at ``known``; the batch that brought it is in the books."""
    identity = f"{home}-{on}-{finding}"
    row = {"inspection_id": identity, "metering_point_id": f"P{home:03}", "inspected_on": on, "finding": finding, "known_from": known}
    put(settings, SILVER["inspection"], [row])
    put(settings, BATCH_ACCOUNT, [{"_batch_id": identity}])


def fill(settings: Settings) -> None:
    recorded, exported, supplied = world()
    homes = [{"account_id": account(i), "party_id": f"H{i:03}", "category": "residential"} for i in range(HOMES)]
    put(settings, ACCOUNT_TABLE, [*homes, {"account_id": "GRID", "category": "public"}])
    points = [
        {
            "metering_point_id": f"P{i:03}",
            "account_id": account(i),
            "transformer_id": f"T{i // EACH}",
            "tariff_id": "residential_tiered",
            "phases": 1,
            "multiplier": 1.0,
        }
        for i in range(HOMES)
    ]
    meters = [
        {"metering_point_id": f"S{i}", "account_id": "GRID", "transformer_id": f"T{i}", "multiplier": 1.0} for i in range(len(supplied))
    ]
    put(settings, METERING_POINT, [*points, *meters])
    rows = [row for i in range(HOMES) for row in blocks(f"P{i:03}", "1.8.0", recorded[i])]
    rows += [row for i, days in enumerate(supplied) for row in blocks(f"S{i}", "1.8.0", days)]
    put(settings, INTERVAL_DAY, rows + blocks(f"P{GENERATES:03}", "2.8.0", exported[GENERATES]))
    inspected(settings, REPAIRED, day(START + 120), "theft")
    inspected(settings, VISITED, day(START + 150), "normal")
    inspected(settings, THIEF, day(START + 170), "normal", known=KNOWN_AT + dt.timedelta(days=1))  # not known yet


def alerts(spark: SparkSession, settings: Settings) -> dict[str, dict[str, Any]]:
    rows = Warehouse(spark, settings).read(USAGE_ALERT).drop("known_at").collect()
    return {row["account_id"]: row.asDict() for row in rows}


def interrupted(*_: Any) -> None:
    raise KeyboardInterrupt


def check_the_version(spark: SparkSession, settings: Settings, learnt: PipelineModel) -> None:
    """What stands in the registry: figures, card, and the pipeline that was learnt, which MLflow alone can ask."""
    store = Store.open(settings)
    version = store.version(MODEL, CHAMPION)
    figures = version.metrics
    assert figures["roc_auc"] > figures["baseline.residual.roc_auc"] + 0.02 > figures["baseline.prior.roc_auc"] == 0.5
    assert figures["calibration_error"] < 0.1
    assert 0 < figures["at_prior.pr_auc"] < figures["pr_auc"]
    assert 0 <= figures["false_alarms_at_80"] < 0.5
    assert "the best baseline, residual" in version.reason
    training = json.loads(store.text(version, "training.json"))
    assert sum(row["rows"] for row in training["examples"]) == figures["rows"]
    card = store.text(version, "model_card.md")
    assert "metering inspection" in card
    assert "capped" in card, "the patterns taught"
    assert not any(account(home) in card or account(home) in json.dumps(training) for home in range(HOMES))

    served = mlflow.pyfunc.load_model(store.client.get_model_version_download_uri(version.name, str(version.version)))
    random = np.random.default_rng(6)
    columns = served.metadata.get_input_schema().input_names()
    rows = pd.DataFrame(random.normal(0, 1, (6, len(columns))), columns=columns).assign(half=[0.0, 1.0] * 3)
    told = learnt.transform(spark.createDataFrame(rows)).toPandas()["prediction"]
    np.testing.assert_allclose(np.ravel(served.predict(rows)), told, atol=1e-12)
    assert told.between(0, 1).all()


def test_thieves_are_found_dated_counted_and_visits_change_the_order(
    spark: SparkSession, settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    conf = tmp_path / "conf"
    (conf / "anomaly").mkdir(parents=True)
    (conf / "anomaly" / "usage.yml").write_text(DEFINITION, encoding="utf-8")
    root = ["--root-dir", settings.root_dir, "--conf", str(conf)]
    run = ["anomalies", "run", "--as-of", str(AS_OF), "--known-at", KNOWN_AT.isoformat(), "--json", *root]
    assert main(["anomalies", "run", "--as-of", str(AS_OF), *root]) == 3
    assert "load meter data" in capsys.readouterr().err

    fill(settings)
    learnt: list[PipelineModel] = []
    with monkeypatch.context() as killed:
        killed.setattr(anomaly_model, "judge_pipeline", lambda *a: learnt.append(judge_pipeline(*a)) or learnt[0])
        killed.setattr(anomaly, "_write", interrupted)
        assert main(run) == 130
    assert main(run) == 0
    told = json.loads(capsys.readouterr().out)
    found = alerts(spark, settings)
    assert (told["accounts"], told["alerts"], told["visits"], told["nothing_new"]) == (HOMES, len(found), 2, False)
    recorded, exported, supplied = world()
    thief = found[account(THIEF)]
    assert (thief["kind"], thief["visit"], thief["peers"]) == ("under_recording", True, "residential")
    assert abs((thief["changed_on"] - day(START)).days) <= 3
    missing = recorded[THIEF, START:].sum() * (1 / 0.35 - 1)
    assert thief["lost_kwh"] == pytest.approx(missing, rel=0.15)
    assert thief["ratio"] == pytest.approx(0.35, abs=0.05)
    shared = THIEF // EACH
    metered = (recorded - np.nan_to_num(exported)).reshape(HOMES // EACH, EACH, DAYS).sum(axis=1)
    lost = (supplied - metered)[shared]
    more = lost[START:].mean() - lost[:START].mean()
    assert thief["loss_match"] == pytest.approx(more / (missing / (DAYS - START)), rel=0.15), "others steal behind the same transformer"
    assert thief["last_inspected_on"] is None, "that visit was not known yet"
    assert float(thief["recoverable_amount"]) == pytest.approx(thief["recoverable_kwh"] * thief["price"], abs=0.01)
    assert thief["recoverable_kwh"] == pytest.approx(thief["lost_kwh"]), "the change is younger than a year"
    assert len(thief["recorded_weeks"]) == len(thief["expected_weeks"]) == DAYS // 7
    assert thief["recorded_weeks"][-1] == pytest.approx(recorded[THIEF, -7:].mean())
    assert found[account(SOME_DAYS)]["kind"] == "bypass_at_times"
    backwards = found[account(BACKWARDS)]
    assert backwards["kind"] == "day_turned"
    assert abs((backwards["changed_on"] - day(TURNED)).days) <= 14
    assert abs(backwards["ratio"] - 1) < 0.15, "no energy is missing"
    assert np.corrcoef(backwards["day_since"], backwards["day_before"][::-1])[0, 1] > 0.95
    empty = found[account(EMPTY)]
    assert (empty["kind"], empty["changed_on"]) == ("vacant_drawing", day(START))
    assert empty["evidence_probability"] >= 0.3
    assert account(REPAIRED) not in found, "what was found and put right is settled"
    honest = [
        row["evidence_probability"]
        for home, row in found.items()
        if home not in {account(i) for i in (THIEF, SOME_DAYS, VISITED, BACKWARDS, EMPTY)}
    ]
    assert thief["evidence_probability"] > max(honest, default=0.0)
    visited = found.get(account(VISITED))
    assert visited is None or visited["probability"] < visited["evidence_probability"] / 2

    assert {row["model_version"] for row in found.values()} == {told["version"]} == {1}, "learnt before the search was killed"
    check_the_version(spark, settings, learnt[0])

    assert main(run) == 0
    again = json.loads(capsys.readouterr().out)
    assert (again["nothing_new"], again["version"]) == (True, 1)

    inspected(settings, THIEF, day(DAYS - 5), "normal")
    assert main(run) == 0
    assert json.loads(capsys.readouterr().out)["version"] == 2
    again = alerts(spark, settings).get(account(THIEF))
    assert again is None or again["probability"] < thief["probability"] / 2
    assert again is None or again["last_finding"] == "normal"

    assert main(["rollback", MODEL, "--json", *root]) == 0
    assert json.loads(capsys.readouterr().out)["version"] == 1
    with monkeypatch.context() as judged_again:
        judged_again.setattr(anomaly, "_compute", interrupted)
        assert main(run) == 130, "another champion is something new"
    capsys.readouterr()
    assert main(["models", "--json", *root]) == 0
    (listed,) = [row for row in json.loads(capsys.readouterr().out) if row["model"] == MODEL]
    assert (listed["champion"], listed["versions"], listed["current"]) == (1, 2, True)

    assert main(["anomalies", "list", "--visits", "--json", *root]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [row["rank"] for row in listed] == list(range(1, len(listed) + 1))
    assert main(["anomalies", "show", account(SOME_DAYS), "--json", *root]) == 0
    assert json.loads(capsys.readouterr().out)["kind"] == "bypass_at_times"
    assert main(["anomalies", "list", "--kind", "bypass", *root]) == 2
    assert "bypass_at_times" in capsys.readouterr().err
    assert main(["anomalies", "show", account(REPAIRED), *root]) == 3
    assert "no alert of account" in capsys.readouterr().err
