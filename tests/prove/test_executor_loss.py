"""Executors killed in the middle of a load, speculation on: exact rows (RELIABILITY 6); many merges at once (RELIABILITY 4)."""

from __future__ import annotations

import datetime as dt
import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from delta_files import differences, rows, tables
from gridlens.contracts.silver import INTERVAL_DAY
from gridlens.warehouse import Warehouse
from pyspark.sql import SparkSession
from test_kill import Delivery
from writers import merge_days

pytestmark = [pytest.mark.prove, pytest.mark.spark]
MERGES = 50
CONF = {
    "spark.master": "local-cluster[2,1,1024]",
    "spark.executor.memory": "1g",
    "spark.speculation": "true",
    "spark.speculation.multiplier": "1.1",
    "spark.speculation.quantile": "0.5",
    "spark.task.maxFailures": "8",
}


@pytest.mark.timeout(1200)
def test_two_killed_executors_change_nothing(spark: SparkSession, tmp_path: Path) -> None:
    delivery = Delivery(spark, tmp_path)
    delivery.ingest("undisturbed")
    job = subprocess.Popen(
        [sys.executable, "-m", "gridlens.cli", *delivery.arguments("shot")],
        env={**os.environ, "GRIDLENS_SPARK": json.dumps(CONF)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    shot: set[int] = set()
    while job.poll() is None and len(shot) < 2:
        if (delivery.warehouse("shot") / "bronze" / "supply_point" / "_delta_log").exists():
            for executor in executors_of(job.pid) - shot:
                time.sleep(3)
                os.kill(executor, signal.SIGKILL)
                shot.add(executor)
        time.sleep(0.2)
    _, err = job.communicate(timeout=900)
    assert job.returncode == 0, err[-2000:]
    assert len(shot) == 2
    assert differences(tables(delivery.warehouse("shot")), tables(delivery.warehouse("undisturbed"))) == []


def executors_of(session: int) -> set[int]:
    """Process ids of the executors that a job of this process session started."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command, status = (process / "cmdline").read_bytes(), (process / "stat").read_text()
        except OSError:
            continue
        if b"CoarseGrainedExecutorBackend" in command and int(status.rsplit(")", 1)[1].split()[3]) == session:
            found.add(int(process.name))
    return found


@pytest.mark.timeout(1800)
def test_two_writers_of_fifty_merges_each(spark: SparkSession, warehouse: Warehouse) -> None:
    first = dt.date(2026, 1, 1)
    days = [[first + dt.timedelta(days=2 * i + writer) for i in range(MERGES)] for writer in (0, 1)]
    warehouse.create(INTERVAL_DAY)
    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(merge_days, warehouse, of_writer) for of_writer in days]:
            done.result()
    assert sorted(row["local_date"] for row in rows(Path(warehouse.path(INTERVAL_DAY)))) == sorted(days[0] + days[1])
