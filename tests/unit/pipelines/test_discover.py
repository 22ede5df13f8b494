"""What a run that died left in bronze keeps the definition that it was read with."""

from __future__ import annotations

from pathlib import Path

from gridlens.contracts.bronze import BRONZE
from gridlens.ingest.bronze import staged
from gridlens.ingest.files import list_files
from gridlens.ingest.fingerprints import read_fingerprints
from gridlens.ingest.source import SourceFile
from gridlens.pipelines.discover import KnownFiles, batch_name, new_files
from gridlens.warehouse import Warehouse
from pyspark.sql import SparkSession

WEATHER = {
    "name": "weather",
    "entity": "weather",
    "format": "csv",
    "path": "*.csv",
    "zone": "Asia/Shanghai",
    "columns": {"area_id": "area", "local_date": "day", "humidity_pct": "low"},
    "known_from": {"days_after": 1},
}


def test_a_batch_in_bronze_is_finished_under_the_definition_that_read_it(spark: SparkSession, warehouse: Warehouse, tmp_path: Path) -> None:
    wrong = SourceFile.model_validate(WEATHER)
    mended = SourceFile.model_validate(WEATHER | {"columns": {**WEATHER["columns"], "humidity_pct": "high"}})  # type: ignore[dict-item]
    (tmp_path / "a.csv").write_text("area,day,low,high\nN,2024-01-01,40,60\n")
    listed = list_files(spark, str(tmp_path), wrong)
    files = read_fingerprints(spark, wrong, listed)
    rows = staged(spark, wrong, files, batch_id=batch_name(wrong, [files[0].fingerprint]))
    warehouse.append(BRONZE["weather"], rows)
    ((found,), _) = new_files(warehouse, mended, listed, KnownFiles())
    assert (found.in_bronze, found.definition) == (True, wrong.fingerprint)
    assert found.definition != mended.fingerprint
    known = KnownFiles(batches={"one": found.batch_id, "old": "weather-0123456789abcdef"})
    assert (known.read_otherwise(mended), known.read_otherwise(wrong)) == (1, 0)


def test_a_fingerprint_is_of_what_reads_rows() -> None:
    source = SourceFile.model_validate(WEATHER)
    elsewhere = SourceFile.model_validate(WEATHER | {"path": "new/*.csv", "may_be_empty": True, "options": {"delimiter": ","}})
    assert source.fingerprint == elsewhere.fingerprint
    assert source.fingerprint != SourceFile.model_validate(WEATHER | {"zone": "Asia/Tokyo"}).fingerprint
