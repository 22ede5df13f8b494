"""Killed anywhere and run again: every table equals that of a run that nothing disturbed (RELIABILITY 1)."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import world
from delta_files import differences, rows, tables
from gridlens.pipelines.ingest import run_ingest
from gridlens.pipelines.options import IngestOptions
from gridlens.settings import load_settings
from gridlens.warehouse import Warehouse
from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark
SOURCES = ("points", "curves")
SEAMS = (
    pytest.param("after bronze", marks=pytest.mark.prove),
    "before silver",
    pytest.param("before registration", marks=pytest.mark.prove),
)
WRITES = ("append", "replace", "merge", "delete")


class Delivery:
    """The same source files, for warehouses of one's own."""

    def __init__(self, spark: SparkSession, folder: Path) -> None:
        self.spark = spark
        self.folder = folder
        self.root = world.write(folder / "in", {n: t for n, t in world.FILES.items() if n.startswith(SOURCES)})
        self.options = IngestOptions(world.define(folder, SOURCES), self.root)

    def warehouse(self, name: str) -> Path:
        return self.folder / name / "warehouse"

    def ingest(self, name: str) -> None:
        run_ingest(self.spark, load_settings("local", overrides={"root_dir": str(self.folder / name)}), self.options, say=lambda text: None)

    def arguments(self, name: str) -> list[str]:
        where = ["--sources", str(self.options.sources), "--root", str(self.root), "--root-dir", str(self.folder / name)]
        return ["ingest", *where]


@pytest.fixture(scope="module")
def delivery(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Delivery:
    made = Delivery(spark, tmp_path_factory.mktemp("kill"))
    made.ingest("undisturbed")
    return made


def kill(delivery: Delivery, seam: str) -> None:
    """Runs the job in a process that dies at the seam by its own hand."""
    command = [sys.executable, str(Path(__file__).with_name("dying_job.py")), seam, *delivery.arguments(seam)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True)
    _, err = process.communicate(timeout=600)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # its Java dies with it
    assert process.returncode == -signal.SIGKILL, f"{seam}: {err.decode()[-2000:]}"


@pytest.mark.parametrize("seam", SEAMS)
def test_killed_at_a_seam_and_run_again(delivery: Delivery, seam: str) -> None:
    kill(delivery, seam)
    before = tables(delivery.warehouse(seam))
    assert "bronze.meter_interval" in before
    assert ("silver.interval_day_superseded" in before) == (seam != "after bronze")
    assert ("silver.interval_day" in before) == (seam == "before registration")
    assert "curves" not in {row["_source"] for row in rows(delivery.warehouse(seam) / "ops" / "ingest_file")}
    delivery.ingest(seam)
    assert differences(tables(delivery.warehouse(seam)), tables(delivery.warehouse("undisturbed"))) == []


class Crash(Exception):
    """What stands for a dying driver inside this process."""


@contextlib.contextmanager
def crash_after(count: int) -> Iterator[list[str]]:
    """The warehouse takes ``count`` more writes; the one after it, and all that follow, fail. Gives the writes that were taken."""
    taken: list[str] = []
    guard = threading.Lock()

    def failing(original: Any) -> Any:
        def write(self: Warehouse, table: Any, *arguments: Any, **options: Any) -> None:
            with guard:
                if len(taken) >= count:
                    raise Crash(table.name)
                taken.append(table.name)
            original(self, table, *arguments, **options)

        return write

    with pytest.MonkeyPatch.context() as patch:
        for name in WRITES:
            patch.setattr(Warehouse, name, failing(getattr(Warehouse, name)))
        yield taken


@pytest.mark.prove
def test_crashed_at_one_write_after_another(delivery: Delivery) -> None:
    """One warehouse; each run gets some writes further than the last, the final one to its end."""
    for count in (2, 5):
        with crash_after(count) as taken, pytest.raises(Crash):
            delivery.ingest("crashes")
        assert len(taken) == count
        assert not rows(delivery.warehouse("crashes") / "ops" / "run_log")
    delivery.ingest("crashes")
    assert differences(tables(delivery.warehouse("crashes")), tables(delivery.warehouse("undisturbed"))) == []
