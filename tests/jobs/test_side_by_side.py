"""Two sources of one contract in one run: what they share is counted once and stands once."""

from __future__ import annotations

from pathlib import Path

import fold_oracle
import pytest
import world
from delta_files import rows
from gridlens.pipelines.ingest import run_ingest
from gridlens.pipelines.options import IngestOptions
from gridlens.settings import load_settings
from pyspark.sql import SparkSession
from replay import repeated_keys

SHARED = ("points/master.csv", "curves/1.csv", "curves/2.csv")


@pytest.mark.spark
@pytest.mark.prove
def test_two_metering_systems_deliver_the_same_points_and_days(spark: SparkSession, tmp_path: Path) -> None:
    files = {name: world.FILES[name] for name in SHARED}
    root = world.write(tmp_path / "in", files | {name.replace("/", "_b/"): text for name, text in files.items()})
    definition = world.define(tmp_path, ["points", "curves"])
    text = definition.read_text(encoding="utf-8")
    second = text.removeprefix("sources:")
    for name in ("points", "curves"):
        second = second.replace(f"name: {name}", f"name: {name}_b").replace(f"path: {name}/", f"path: {name}_b/")
    definition.write_text(text + second, encoding="utf-8")
    settings = load_settings("local", overrides={"root_dir": str(tmp_path / "gridlens")})
    result = run_ingest(spark, settings, IngestOptions(definition, root), say=lambda line: None)
    accounts = {batch.source: batch.account for batch in result.loaded}
    assert [(a.accepted, a.superseded, a.duplicate) for a in (accounts["points"], accounts["points_b"])] == [(3, 0, 0), (0, 0, 3)]
    assert [(a.accepted, a.superseded, a.duplicate) for a in (accounts["curves"], accounts["curves_b"])] == [(7, 1, 1), (0, 0, 9)]
    warehouse = Path(settings.warehouse)
    assert repeated_keys(warehouse) == []
    curves = [files["curves/1.csv"], files["curves/2.csv"]]
    known = {(r["metering_point_id"], str(r["local_date"])): round(r["energy_kwh"], 6) for r in rows(warehouse / "silver" / "interval_day")}
    assert known == fold_oracle.blocks(curves, [files["points/master.csv"]], fold_oracle.moment("2026-04-01"))
