"""Files that change, vanish or do not fit between two runs: every row that was read has its account, nothing is written half."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
import yaml
from delta_files import rows
from gridlens.contracts.bronze import BRONZE
from gridlens.errors import SourceError
from gridlens.pipelines.ingest import IngestResult, run_ingest
from gridlens.pipelines.options import IngestOptions
from gridlens.warehouse import Warehouse
from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark
WEATHER = {
    "name": "weather",
    "entity": "weather",
    "format": "csv",
    "path": "*.csv",
    "zone": "Asia/Shanghai",
    "columns": {"area_id": "area", "local_date": "day", "humidity_pct": "low"},
    "known_from": {"days_after": 1},
}


class Died(BaseException):
    """As a killed process: nothing that comes after it is done."""


def deliver(spark: SparkSession, warehouse: Warehouse, folder: Path, **changed: Any) -> IngestResult:
    """Loads the weather in ``folder``; where keys are ``changed``, from a second source with these as well."""
    sources = [WEATHER, *([WEATHER | {"name": "changed"} | changed] if changed else [])]
    (folder / "mine.yml").write_text(yaml.safe_dump({"sources": sources}))
    return run_ingest(spark, warehouse.settings, IngestOptions(folder / "mine.yml", folder), say=lambda text: None)


def day(number: int, low: int = 40) -> str:
    return f"area,day,low\nN,2024-01-{number:02},{low}\n"


def table(warehouse: Warehouse, layer: str, name: str) -> list[dict[str, Any]]:
    return rows(Path(warehouse.settings.warehouse) / layer / name)


def test_what_a_dead_run_read_is_accounted_for_though_the_files_have_changed(
    spark: SparkSession, warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, number in (("stays", 1), ("goes", 2), ("changes", 3)):
        (tmp_path / f"{name}.csv").write_text(day(number))
    with monkeypatch.context() as patch:
        patch.setattr("gridlens.pipelines.ingest.publish", Mock(side_effect=Died))
        patch.setattr("gridlens.runs._record", lambda *_, **__: None)
        with pytest.raises(Died):
            deliver(spark, warehouse, tmp_path)
    (tmp_path / "goes.csv").unlink()
    (tmp_path / "changes.csv").write_text(day(3, low=55))
    assert [(batch.files, batch.account.row_count) for batch in deliver(spark, warehouse, tmp_path).loaded] == [(3, 3), (1, 1)]
    account = {row["_batch_id"]: row["row_count"] for row in table(warehouse, "ops", "batch_account")}
    assert Counter(row["_batch_id"] for row in table(warehouse, "bronze", "weather")) == account
    assert len(table(warehouse, "silver", "weather")) == 3, "the changed row is of the same moment, so one of both stands"
    assert {row["path"] for row in table(warehouse, "ops", "ingest_file")} == {"stays.csv", "goes.csv", "changes.csv"}
    assert deliver(spark, warehouse, tmp_path).nothing_new


def test_a_missing_column_of_the_last_source_is_told_before_the_first_is_written(
    spark: SparkSession, warehouse: Warehouse, tmp_path: Path
) -> None:
    (tmp_path / "a.csv").write_text(day(1))
    wrong = {"area_id": "area", "local_date": "date"}
    with pytest.raises(SourceError, match=r"a\.csv: lacks the column\(s\) date that source changed declares"):
        deliver(spark, warehouse, tmp_path, columns=wrong)
    assert not warehouse.exists(BRONZE["weather"])
    assert [row["outcome"] for row in table(warehouse, "ops", "run_log")] == ["failed"]
