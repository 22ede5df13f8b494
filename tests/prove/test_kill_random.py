"""``gridlens run`` killed with SIGKILL at ten random moments and run again: every table equals an undisturbed run's (RELIABILITY 1).

``make prove`` takes half an hour over it. Seam by seam, every write of an ingest is the end of one run.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from delta_files import differences, rows, tables
from pyspark.sql import SparkSession
from test_kill import Crash, Delivery, crash_after

pytestmark = [pytest.mark.prove, pytest.mark.spark]
POINTS = 10
SEED = 20260331
GRIDLENS = [sys.executable, "-m", "gridlens.cli", "run"]
PROVINCE = ["--accounts", "12", "--months", "2", "--curve-days", "3"]


@dataclass(frozen=True)
class Undisturbed:
    """Source files, the tables of a run that nothing disturbed, and how long it took."""

    sample: Path
    tables: dict[str, list[str]]
    seconds: float


def run(*arguments: str) -> None:
    done = subprocess.run([*GRIDLENS, *arguments], capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr[-2000:]


def on(sample: Path, folder: Path) -> list[str]:
    """Options of a run over the same source files with a warehouse of its own."""
    return ["--sources", "province.yml", "--root", str(sample), "--root-dir", str(folder)]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    folder = tmp_path_factory.mktemp("undisturbed")
    made = [sys.executable, "-m", "gridlens.cli", "sample", *PROVINCE, "--to", str(folder / "sample"), "--root-dir", str(folder)]
    assert subprocess.run(made, capture_output=True, timeout=900).returncode == 0
    began = time.monotonic()
    run(*on(folder / "sample", folder / "first"))
    return Undisturbed(folder / "sample", tables(folder / "first" / "warehouse"), time.monotonic() - began)


@pytest.mark.timeout(2400)
@pytest.mark.parametrize("point", range(POINTS))
def test_killed_at_a_random_moment(undisturbed: Undisturbed, tmp_path: Path, point: int) -> None:
    share = random.Random(SEED + point).uniform(0.1, 0.98)
    job = subprocess.Popen(
        [*GRIDLENS, *on(undisturbed.sample, tmp_path)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        job.wait(share * undisturbed.seconds)
    except subprocess.TimeoutExpired:
        os.killpg(job.pid, signal.SIGKILL)
    job.wait()
    run(*on(undisturbed.sample, tmp_path))
    assert differences(tables(tmp_path / "warehouse"), undisturbed.tables) == []


@pytest.mark.timeout(3000)
def test_crashed_after_every_single_write(spark: SparkSession, tmp_path: Path) -> None:
    delivery = Delivery(spark, tmp_path)
    with crash_after(10_000) as taken:
        delivery.ingest("undisturbed")
    for count in range(len(taken)):
        with crash_after(count), pytest.raises(Crash):
            delivery.ingest(f"crash{count}")
        delivery.ingest(f"crash{count}")
        assert rows(delivery.warehouse(f"crash{count}") / "ops" / "run_log")
        assert differences(tables(delivery.warehouse(f"crash{count}")), tables(delivery.warehouse("undisturbed"))) == []
