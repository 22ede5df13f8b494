"""Two sources of one contract in one run: what they share is counted once and stands once."""

from __future__ import annotations

from pathlib import Path

import pytest
import world
from delta_files import differences, tables
from gridlens.pipelines.ingest import run_ingest
from gridlens.pipelines.options import IngestOptions
from gridlens.settings import load_settings
from pyspark.sql import SparkSession
from replay import FILES, Replay, repeated_keys


@pytest.mark.spark
def test_two_metering_systems_deliver_the_same_points_and_days(spark: SparkSession, tmp_path: Path) -> None:
    root = world.write(tmp_path / "in", FILES | {name.replace("/", "_b/"): text for name, text in FILES.items()})
    definition = world.define(tmp_path, ["points", "curves"])
    text = definition.read_text(encoding="utf-8")
    second = text.removeprefix("sources:")
    for name in ("points", "curves"):
        second = second.replace(f"name: {name}", f"name: {name}_b").replace(f"path: {name}/", f"path: {name}_b/")
    definition.write_text(text + second, encoding="utf-8")
    settings = load_settings("local", overrides={"root_dir": str(tmp_path / "gridlens")})
    result = run_ingest(spark, settings, IngestOptions(definition, root), say=lambda line: None)
    accounts = {batch.source: batch.account for batch in result.loaded}
    assert accounts["points"].accepted + accounts["points_b"].accepted == 4
    assert accounts["curves"].accepted + accounts["curves_b"].accepted == 10
    assert accounts["curves"].duplicate + accounts["curves_b"].duplicate == 1 + 13
    assert repeated_keys(Path(settings.warehouse)) == []
    alone = Replay(spark, tmp_path / "alone")
    alone.deliver(FILES)
    shared = ("silver.interval_day", "silver.interval_day_superseded")
    found, expected = tables(Path(settings.warehouse)), tables(alone.warehouse)
    assert differences({name: found[name] for name in shared}, {name: expected[name] for name in shared}) == []
