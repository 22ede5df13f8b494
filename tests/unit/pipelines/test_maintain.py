"""Upkeep: small files merged, unused files removed, rows the same; nothing but words in a dry run."""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import shutil
import time
from pathlib import Path

import pytest
from gridlens.cli import main
from gridlens.contracts.ops import ROW_DISPOSITION, RUN_LOG
from gridlens.contracts.silver import REGISTER_READING
from gridlens.errors import LeaseHeld, SettingsError
from gridlens.lease import writer_lease
from gridlens.pipelines.maintain import FEW_FILES, run_maintain
from gridlens.pipelines.options import MaintainOptions
from gridlens.settings import Settings, load_settings
from gridlens.warehouse import Warehouse
from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark
DAY = 86400


def quiet(_: str) -> None:
    return


def reading(month: int, number: int) -> tuple[object, ...]:
    day = dt.date(2026, month, number + 1)
    row = {"metering_point_id": "P1", "meter_id": "M1", "channel": "1.8.0", "read_date": day, "read_kind": "scheduled"}
    rest = {"local_month": day.replace(day=1), "known_from": dt.datetime(2026, 4, 1, tzinfo=dt.UTC), "_content_hash": number}
    return tuple({**row, **rest, "_source": "s", "_locator": f"f:{number}"}.get(column) for column in REGISTER_READING.columns)


@pytest.fixture
def scattered(spark: SparkSession, warehouse: Warehouse) -> Warehouse:
    """Two months of register readings, one of them in many small files with deletion vectors; and a table of one file."""
    crowded, calm = FEW_FILES + 2, 2
    warehouse.create(REGISTER_READING)
    spark.sql(f"ALTER TABLE {warehouse.location(REGISTER_READING)} SET TBLPROPERTIES ('delta.enableDeletionVectors' = 'true')")
    rows = [reading(1, n) for n in range(crowded * 3)] + [reading(2, n) for n in range(calm * 3)]
    spark.conf.set("spark.sql.files.maxRecordsPerFile", "3")
    try:
        warehouse.append(REGISTER_READING, spark.createDataFrame(rows, REGISTER_READING.schema).coalesce(1))
    finally:
        spark.conf.unset("spark.sql.files.maxRecordsPerFile")
    warehouse.delete(REGISTER_READING, where={"_locator": ["f:4"]})
    one = spark.createDataFrame([("s", "b", "f:1", "duplicate")], ROW_DISPOSITION.schema)
    warehouse.append(ROW_DISPOSITION, one.coalesce(1))
    return warehouse


def data_files(warehouse: Warehouse) -> set[str]:
    folder = Path(warehouse.path(REGISTER_READING))
    return {str(path.relative_to(folder)) for path in folder.rglob("*.parquet") if "_delta_log" not in path.parts}


def rows_of(warehouse: Warehouse) -> list[tuple[object, ...]]:
    return sorted(tuple(row) for row in warehouse.read(REGISTER_READING).select("read_date", "_locator", "reading_total").collect())


def aged(warehouse: Warehouse, to: Path, days: int) -> Warehouse:
    """A copy of the warehouse in which everything happened ``days`` earlier: times in the log and of the files."""
    settings = load_settings("local", overrides={"root_dir": str(to)})
    shutil.copytree(warehouse.root, settings.warehouse)
    moment = time.time() - days * DAY
    for path in Path(settings.warehouse).rglob("*"):
        if path.parent.name == "_delta_log" and path.suffix == ".json":
            text = re.sub(
                r'"(createdTime|deletionTimestamp|modificationTime|timestamp)":(\d+)',
                lambda m: f'"{m[1]}":{int(m[2]) - days * DAY * 1000}',
                path.read_text(encoding="utf-8"),
            )
            path.write_text(text, encoding="utf-8")
        elif path.name.endswith(".crc"):
            path.unlink()  # checksums of what was just changed
    for path in Path(settings.warehouse).rglob("*"):
        os.utime(path, (moment, moment))
    return Warehouse(warehouse.spark, settings)


def test_small_files_are_merged_where_there_are_many_and_rows_stay(scattered: Warehouse, capsys: pytest.CaptureFixture[str]) -> None:
    before, files = rows_of(scattered), data_files(scattered)
    root = ["--root-dir", scattered.settings.root_dir]
    assert len(before) == (FEW_FILES + 2) * 3 + 6 - 2  # f:4 stood in both months
    assert main(["maintain", "--dry-run", "--json", *root]) == 0
    wish = {t["table"]: t for t in json.loads(capsys.readouterr().out)["tables"]}
    assert {name: (t["merged"], t["files_after"]) for name, t in wish.items()} == {
        "silver.register_reading": (FEW_FILES + 2, None),
        "ops.row_disposition": (0, None),
    }
    assert data_files(scattered) == files
    assert not scattered.exists(RUN_LOG)

    done = run_maintain(scattered.spark, scattered.settings, MaintainOptions(), say=quiet)
    assert rows_of(scattered) == before
    table = {t.table: t for t in done.tables}["silver.register_reading"]
    assert (table.merged, table.files - (table.files_after or 0)) == (FEW_FILES + 2, FEW_FILES + 1)
    assert files < data_files(scattered), "files of the last days stay for readers and time travel"

    assert main(["maintain", *root]) == 0
    assert "nothing new" in capsys.readouterr().out
    outcomes = [row["outcome"] for row in scattered.read(RUN_LOG).orderBy("started_at").collect()]
    assert outcomes == ["succeeded", "nothing_new"]


def test_files_unused_for_longer_than_the_retention_are_removed(scattered: Warehouse, tmp_path: Path) -> None:
    run_maintain(scattered.spark, scattered.settings, MaintainOptions(), say=quiet)
    old = aged(scattered, tmp_path / "old", days=20)
    before = rows_of(old)
    folder = Path(old.path(REGISTER_READING))
    left = next(folder.rglob("*.parquet")).with_name("part-left-by-a-killed-write.parquet")  # in no commit
    left.write_bytes(b"x")
    os.utime(left, (time.time() - 20 * DAY,) * 2)

    kept = run_maintain(old.spark, old.settings, MaintainOptions(retain_days=30), say=quiet)
    assert kept.nothing_new
    assert left.exists()
    done = run_maintain(old.spark, old.settings, MaintainOptions(retain_days=7), say=quiet)
    in_use = {path.rsplit("/", 1)[-1] for path in old.read(REGISTER_READING).inputFiles()}
    assert {Path(name).name for name in data_files(old)} == in_use
    assert rows_of(old) == before
    assert {t.table: t.removed for t in done.tables}["silver.register_reading"] > FEW_FILES + 2


def test_a_dangerous_retention_is_refused_in_one_sentence(spark: SparkSession, settings: Settings) -> None:
    with pytest.raises(SettingsError, match=r"^option --retain-days: 6 is less than 7 days, and files .* choose 7 or more$"):
        run_maintain(spark, settings, MaintainOptions(retain_days=6), say=quiet)


def test_upkeep_needs_the_lease_and_a_dry_run_does_not(warehouse: Warehouse) -> None:
    with writer_lease(warehouse.settings):
        with pytest.raises(LeaseHeld):
            run_maintain(warehouse.spark, warehouse.settings, MaintainOptions(), say=quiet)
        assert run_maintain(warehouse.spark, warehouse.settings, MaintainOptions(dry_run=True), say=quiet).run_id is None
