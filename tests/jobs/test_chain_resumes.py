"""A chain that died between load and features computes them when it is run again, though nothing is new at the sources."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import world
from delta_files import rows
from gridlens.pipelines import chain
from gridlens.pipelines.options import IngestOptions, RunOptions
from gridlens.settings import load_settings
from pyspark.sql import SparkSession


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
