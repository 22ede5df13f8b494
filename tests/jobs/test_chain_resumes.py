"""A chain that died between load and features makes up for it; a load that changes no feature is measured all the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import world
from delta_files import rows
from gridlens.cli import main
from gridlens.contracts.ops import INGEST_FILE
from gridlens.pipelines import chain
from gridlens.pipelines.options import IngestOptions, RunOptions
from gridlens.settings import load_settings
from gridlens.warehouse import Warehouse
from pyspark.sql import SparkSession


@pytest.mark.spark
def test_two_provinces_are_never_mixed(spark: SparkSession, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sample = tmp_path / "sample"
    sample.mkdir()
    older = json.dumps({"version": 1, "complete": True, "sizes": {}})
    (sample / "manifest.json").write_text(older, encoding="utf-8")
    row = ("province_bills", "f1", "bills/bills-00000.csv", 9, 1, "b1")
    Warehouse(spark, load_settings("local", overrides={"root_dir": str(tmp_path)})).append(
        INGEST_FILE, spark.createDataFrame([row], INGEST_FILE.schema)
    )
    assert main(["run", "--accounts", "3", "--months", "2", "--curve-days", "0", "--root-dir", str(tmp_path)]) == 2
    told = " ".join(capsys.readouterr().err.split())
    assert f"{sample} holds another synthetic province" in told
    assert "give another --root-dir, or remove this one" in told
    assert (sample / "manifest.json").read_text(encoding="utf-8") == older, "it is told again at the next try"


@pytest.mark.prove
@pytest.mark.spark
def test_features_of_a_load_whose_run_died_are_made_up_for(spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("points/master.csv", "curves/3.csv")
    root = world.write(tmp_path / "in", {name: world.FILES[name] for name in names})
    options = RunOptions(ingest=IngestOptions(world.define(tmp_path, ["points", "curves"]), root))
    settings = load_settings("local", overrides={"root_dir": str(tmp_path / "gridlens")})

    def run() -> chain.ChainResult:
        return chain.run_chain(spark, settings, options, say=lambda text: None)

    def last_day() -> str:
        return max(str(row["local_date"]) for row in rows(Path(settings.warehouse) / "gold" / "load_shape_day_v1"))

    assert not run().nothing_new
    assert last_day() == "2026-03-03"

    world.write(root, {"curves/4.csv": world.NEW_DAY})

    def die(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(chain, "run_features", die)
        with pytest.raises(KeyboardInterrupt):
            run()
    assert last_day() == "2026-03-03"
    assert not run().nothing_new
    assert last_day() == "2026-03-04"

    *_, known = world.NEW_DAY.splitlines()
    world.write(root, {"curves/again.csv": world.lines(world.CURVE_HEADER, known)})
    (repeated,) = run().loaded
    assert (repeated.rows, repeated.duplicate) == (1, 1)
    figures = rows(Path(settings.warehouse) / "ops" / "quality_metric")
    log = {row["run_id"]: row for row in rows(Path(settings.warehouse) / "ops" / "run_log")}
    shares = {log[row["run_id"]]["outcome"]: row["value"] for row in figures if row["metric"] == "duplicate_share" and row["value"]}
    assert shares == {"nothing_new": 1.0}
