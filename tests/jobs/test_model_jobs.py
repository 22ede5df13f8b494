"""Training and scoring of a model by the jobs themselves, on a company of a few hundred accounts."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest
from delta_files import rows
from gridlens.errors import PlatformError
from gridlens.models.drift import Drift
from gridlens.models.fit import Fitted, fit
from gridlens.pipelines import score, train
from gridlens.pipelines.account_features import facts_digest
from gridlens.pipelines.judging import incumbent
from gridlens.pipelines.options import ScoreOptions, TrainOptions
from gridlens.pipelines.score import run_score
from gridlens.pipelines.train import TrainResult, run_train
from gridlens.settings import Settings, conf_files, load_settings
from gridlens.tracking import Store
from gridlens.warehouse import Warehouse
from payers_world import AS_OF, fill
from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark

MOMENTS = [dt.date(2025, 10, 31), dt.date(2026, 1, 31), AS_OF]
SCORED = 499
"""One account of the company has no bill in the year."""
DEFINITION = """\
models:
  - id: late
    name_zh: 拖欠
    name_en: Late
    purpose: Who will pay late
    limits: Nothing else is said
    owner: collection
    version: 1
    population: is_open and bills_due_365d > 0
    label: {function: bill_unpaid, arguments: {days: 10}, gap_days: 3, horizon_days: 27}
    snapshots: {count: 2, step_months: 3}
    features: [{name: late_share_365d, monotone: increasing}, {name: payment_channel, kind: category}]
    learner: {algorithms: [{kind: logistic_regression, grid: {ridge: [0.01]}}], folds: 2}
    groups: [category]
    gate: {min_auc: 0.65, min_gain: -0.1, max_calibration_error: 0.2, min_positives: 20}
    bands: [{id: low, zh: 低, en: low, score_from: 0}, {id: high, zh: 高, en: high, score_from: 0.1}]
"""


@pytest.fixture(scope="module")
def settings(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The company, and one definition."""
    folder = tmp_path_factory.mktemp("late")
    (folder / "conf" / "models").mkdir(parents=True)
    for file in conf_files(load_settings("local"), "models"):  # the packaged ones give way
        (folder / "conf" / "models" / file.name).write_text("models: []\n", encoding="utf-8")
    (folder / "conf" / "models" / "late.yml").write_text(DEFINITION, encoding="utf-8")
    settings = load_settings("local", conf_dir=folder / "conf", overrides={"root_dir": str(folder)})
    fill(spark, settings, MOMENTS)
    return settings


def trained(spark: SparkSession, settings: Settings, *, again: bool = False) -> TrainResult:
    return run_train(spark, settings, TrainOptions("late", again=again), say=lambda _: None)


def test_a_model_is_trained_twice_and_scored_and_its_scores_outlive_the_store(
    spark: SparkSession, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    folds: list[str] = []

    def fitted(*given: Any, by: str, **more: Any) -> Fitted:
        folds.append(by)
        return fit(*given, by=by, **more)

    monkeypatch.setattr(train, "fit", fitted)
    first = trained(spark, settings)
    assert (first.version, first.decision) == (1, "champion"), first.reasons
    assert not any("champion" in reason for reason in first.reasons), "there was none to compare with"
    assert any(reason.startswith("Predicted over observed positives in all") for reason in first.reasons)

    second = trained(spark, settings, again=True)
    assert (second.version, second.decision) == (2, "champion"), second.reasons
    assert second.reasons[-1].startswith("Against champion 1 on the same 499 rows the ROC-AUC changes by")
    assert folds == ["party_id", "party_id"]

    known = [
        json.loads(row["fingerprints"])["facts"] for row in rows(Path(settings.warehouse) / "ops" / "run_log") if row["job"] == "train"
    ]
    assert set(known) == {facts_digest(Warehouse(spark, settings))}, "features declared otherwise are looked at again"

    options = ScoreOptions("late")
    scored = run_score(spark, settings, options, say=lambda _: None)
    assert (scored.version, scored.accounts, scored.as_of) == (2, SCORED, AS_OF)
    table = Path(settings.warehouse) / "gold" / "score_v1"
    before = rows(table)
    assert len(before) == SCORED
    monkeypatch.setattr(score, "drift_kept", lambda *_: Drift((), (), ("The score has moved.",), True, ()))
    retried = run_score(spark, settings, options, say=lambda _: None)
    assert (retried.nothing_new, retried.warnings, retried.retrain) == (True, ("The score has moved.",), True), "as kept"

    away = settings.model_copy(update={"mlflow_tracking_uri": "http://127.0.0.1:9", "mlflow_registry_uri": "http://127.0.0.1:9"})
    with pytest.raises(PlatformError, match=r"^the MLflow store http://127\.0\.0\.1:9 does not answer") as told:
        run_score(spark, away, options, say=lambda _: None)
    assert "\n" not in str(told.value)
    assert rows(table) == before, "what was scored stands"

    store = Store.open(settings)
    (model,) = (Path(settings.mlflow_artifacts) / "late" / store.version("late").run_id).rglob("MLmodel")
    model.write_text(model.read_text(encoding="utf-8") + "# altered\n", encoding="utf-8")
    lost = incumbent(Warehouse(spark, settings), store, "late")
    assert lost is not None
    assert str(lost.lost).startswith("version 2 of late was altered after it was registered (MLmodel)")
