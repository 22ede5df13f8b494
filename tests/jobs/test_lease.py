"""One writer a warehouse: the second stops at once with one sentence, readers go on, a killed holder holds nothing (RELIABILITY 5)."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import world
from gridlens.cli import main
from gridlens.lease import writer_lease
from gridlens.settings import load_settings
from pyspark.sql import SparkSession

SECONDS = 5
HOLDER = """
import sys, time
from gridlens.lease import writer_lease
from gridlens.settings import load_settings
with writer_lease(load_settings("local", overrides={"root_dir": sys.argv[1]})):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that writes to the warehouse below ``tmp_path``."""
    process = subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()


@pytest.mark.spark
def test_the_second_writer_stops_and_a_reader_goes_on(
    spark: SparkSession, tmp_path: Path, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    root = world.write(tmp_path / "in", {"weather/all.csv": world.FILES["weather/all.csv"]})
    job = ["ingest", "--sources", str(world.define(tmp_path, ["weather"])), "--root", str(root), "--root-dir", str(tmp_path)]
    assert main(job) == 0
    world.write(root, {"weather/more.csv": world.lines(world.WEATHER_HEADER, "N,2026-03-04,1,2,3,2026-03-05 06:00")})
    holder = request.getfixturevalue("holder")
    capsys.readouterr()
    began = time.monotonic()
    assert main(job) == 7
    assert time.monotonic() - began < SECONDS
    told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("gridlens: ")]
    assert told == [
        f"gridlens: another run (process {holder.pid}) is writing to {tmp_path}/warehouse: wait until it ends, then run this again"
    ]
    assert main(["show", "weather", "--json", "--root-dir", str(tmp_path)]) == 0
    assert len(json.loads(capsys.readouterr().out)) == 3


def test_a_killed_holder_frees_the_warehouse(holder: subprocess.Popen[str], tmp_path: Path) -> None:
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    began = time.monotonic()
    with writer_lease(load_settings("local", overrides={"root_dir": str(tmp_path)})):
        assert time.monotonic() - began < 1
        assert (tmp_path / "warehouse" / ".writer").read_text() == str(os.getpid())
