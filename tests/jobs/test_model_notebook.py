"""The notebook of models and registry, on a company that a model can learn from."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import mlflow
import numpy as np
import pytest
from gridlens.settings import Settings, load_settings
from gridlens.tracking import Store
from notebook_shim import run_notebook
from payers_world import AS_OF, fill
from pyspark.sql import SparkSession

pytestmark = [pytest.mark.prove, pytest.mark.spark]

NOTEBOOK = Path(__file__).resolve().parents[2] / "notebooks" / "03_models_and_registry.py"
MOMENTS = [dt.date(2025, 10, 31), dt.date(2026, 1, 31), AS_OF]


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """Settings of an empty warehouse; the notebook names its store to all of MLflow, which is taken back afterwards."""
    settings = load_settings("local", overrides={"root_dir": str(tmp_path / "here")})
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"):
        monkeypatch.setenv(name, settings.mlflow_tracking_uri)
    yield settings
    mlflow.set_tracking_uri(None)  # type: ignore[arg-type]
    mlflow.set_registry_uri(None)  # type: ignore[arg-type]


def test_from_definition_to_registry_and_back(
    spark: SparkSession, settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    slow = fill(spark, settings, MOMENTS)
    shown = run_notebook(NOTEBOOK, spark, root=settings.root_dir, own=str(tmp_path / "own"), days="10")
    listed, because, figures, bands, highest, reasons, same, versions = shown
    assert {"my_arrears", "arrears"} <= set(listed.model), "the notebook's model comes on top of the packaged ones"
    assert set(because.decision) == {"champion"}, list(because.because)
    judged = {row["part"]: row for row in figures.collect()}
    assert judged["test"]["roc_auc"] > judged["prior"]["roc_auc"] == 0.5
    assert judged["unseen"]["rows"] < judged["test"]["rows"] == 499
    assert "My arrears model, 1" in capsys.readouterr().out, "the card was printed"
    assert sum(bands.accounts) == 499  # one account has no bill in the year
    assert np.mean([slow[int(account[1:])] for account in highest.account_id]) > slow.mean(), "who pays late has a high score"
    assert set(reasons.feature) <= {"late_share_365d", "arrears_months", "payment_channel"}
    assert reasons.log_odds.abs().is_monotonic_decreasing
    assert len(same) == 5
    np.testing.assert_allclose(same.probability, same.score, rtol=1e-12, err_msg="the registry gives what stands in the table")
    assert versions[["version", "aliases", "decision"]].to_numpy().tolist() == [[2, "", "rolled_back"], [1, "champion", "champion"]]
    assert Store.open(settings).version("my_arrears").version == 1
