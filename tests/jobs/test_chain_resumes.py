"""A chain that died between load and features makes up for it; a load that changes no feature is measured all the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import world
from delta_files import rows
from gridlens.cli import main
from gridlens.contracts.ops import INGEST_FILE
from gridlens.errors import SettingsError
from gridlens.pipelines import chain
from gridlens.pipelines.options import IngestOptions, RunOptions
from gridlens.samples.province import write_province
from gridlens.samples.publish import sizes_of
from gridlens.settings import load_settings
from gridlens.warehouse import Warehouse
from pyspark.sql import SparkSession

TINY = ["run", "--accounts", "3", "--months", "2", "--curve-days", "0"]


@pytest.mark.spark
@pytest.mark.parametrize(
    ("source", "path", "stops"),
    [
        pytest.param("province_bills", "bills/bills-00007.csv", True, id="a file that this province does not have"),
        pytest.param("province_weather", "weather/weather-00000.csv", True, id="a file of this name and another size"),
        pytest.param("nsw_half_hourly", "half_hourly/1.csv", False, id="a company's own source"),
    ],
)
def test_two_provinces_are_never_mixed(
    source: str,
    path: str,
    stops: bool,
    spark: SparkSession,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Whether the files of the one before still stand, were replaced or removed: what was loaded counts."""
    settings = load_settings("local", overrides={"root_dir": str(tmp_path)})
    row = (source, "f1", path, 9, 1, "b1")
    Warehouse(spark, settings).append(INGEST_FILE, spark.createDataFrame([row], INGEST_FILE.schema))

    def never(*_: Any, **__: Any) -> None:
        raise SettingsError("loading began")

    monkeypatch.setattr(chain, "run_ingest", never)
    assert main([*TINY, "--root-dir", str(tmp_path)]) == 2
    told = " ".join(capsys.readouterr().err.split())
    if stops:
        assert f"the warehouse holds {path} of another synthetic province" in told
        assert "such as that of another --root-dir, or remove the old one" in told
    else:
        assert told.endswith("loading began")


@pytest.mark.spark
def test_the_files_that_were_loaded_are_not_cleared_away_for_another_province(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = load_settings("local", overrides={"root_dir": str(tmp_path)})
    write_province(spark, tmp_path / "sample", accounts=3, months=2, curve_days=1, curves=False)
    before = sizes_of(tmp_path / "sample")
    rows = [("province_bills", str(i), path, size, 1, "b1") for i, (path, size) in enumerate(before.items())]
    Warehouse(spark, settings).append(INGEST_FILE, spark.createDataFrame(rows, INGEST_FILE.schema))

    def never(*_: Any, **__: Any) -> None:
        raise SettingsError("loading began")

    monkeypatch.setattr(chain, "run_ingest", never)
    other = [word if word != "3" else "4" for word in TINY]
    assert main([*other, "--root-dir", str(tmp_path)]) == 2
    told = " ".join(capsys.readouterr().err.split())
    assert "holds another synthetic province" in told
    assert "give another --root-dir, or remove both" in told
    assert {path: (tmp_path / "sample" / path).stat().st_size for path in before} == before

    assert main([*TINY, "--root-dir", str(tmp_path)]) == 2
    assert " ".join(capsys.readouterr().err.split()).endswith("loading began"), "the same province goes on"


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
