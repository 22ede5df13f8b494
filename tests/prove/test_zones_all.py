"""Sessions, and whole processes, in four zones give the same tables (RELIABILITY 8)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from delta_files import differences, tables
from pyspark.sql import SparkSession
from session_zones import ZONES, chain_in

pytestmark = [pytest.mark.prove, pytest.mark.spark]
CHAIN = """
import sys
from pathlib import Path
from gridlens.session import get_spark
from gridlens.settings import load_settings
from session_zones import chain_in
inputs, folder, zone = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
spark = get_spark(load_settings("local", overrides={"root_dir": str(folder / "gridlens")}))
chain_in(spark, zone, inputs, folder)
spark.stop()
"""


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("zones") / "in"


@pytest.fixture(scope="module")
def utc(spark: SparkSession, inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    return chain_in(spark, "UTC", inputs, tmp_path_factory.mktemp("utc"))


@pytest.mark.parametrize("zone", ZONES[1:])
def test_a_session_in_any_zone(spark: SparkSession, inputs: Path, utc: dict[str, list[str]], tmp_path: Path, zone: str) -> None:
    assert differences(utc, chain_in(spark, zone, inputs, tmp_path)) == []


@pytest.mark.parametrize("zone", ZONES[1:])
def test_a_process_in_any_zone(inputs: Path, utc: dict[str, list[str]], tmp_path: Path, zone: str) -> None:
    jobs = Path(__file__).resolve().parents[1] / "jobs"
    environment = {**os.environ, "TZ": zone, "PYTHONPATH": str(jobs)}
    done = subprocess.run(
        [sys.executable, "-c", CHAIN, str(inputs), str(tmp_path), zone], env=environment, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert differences(utc, tables(tmp_path / "gridlens" / "warehouse", layers=["silver", "gold"])) == []
