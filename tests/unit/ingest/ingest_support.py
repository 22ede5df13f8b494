"""What the ingest tests share: a source built from a dictionary, and its rows as an ingest would stage them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gridlens.ingest.bronze import staged
from gridlens.ingest.files import InputFile, list_files
from gridlens.ingest.fingerprints import read_fingerprints
from gridlens.ingest.source import SourceFile, problems
from pyspark.sql import SparkSession


def interval_source(intervals: dict[str, Any], **changes: Any) -> SourceFile:
    """A source of interval readings: CSV with the columns point and channel unless ``changes`` say otherwise."""
    definition: dict[str, Any] = {
        "name": "readings",
        "entity": "meter_interval",
        "format": "csv",
        "path": "*.csv*",
        "zone": "Asia/Shanghai",
        "columns": {"metering_point_id": "point", "channel": {"constant": "1.8.0"}},
        "intervals": {"multiplied": False, **intervals},
        "known_from": {"days_after": 1, "hour": 2},
    }
    return sound(SourceFile.model_validate(definition | changes))


def sound(source: SourceFile) -> SourceFile:
    assert list(problems(source)) == []
    return source


def known_files(spark: SparkSession, root: Path, source: SourceFile) -> list[InputFile]:
    return read_fingerprints(spark, source, list_files(spark, str(root), source))


def staged_rows(spark: SparkSession, root: Path, source: SourceFile, files: list[InputFile] | None = None) -> list[dict[str, Any]]:
    """The bronze rows as dictionaries, by locator; ``known_us`` is known_from in microseconds UTC (collecting a
    timestamp would apply this machine's zone)."""
    frame = staged(spark, source, files or known_files(spark, root, source), batch_id="b1")
    rows = frame.selectExpr("*", "unix_micros(known_from) AS known_us").drop("known_from").collect()
    return sorted((row.asDict(recursive=True) for row in rows), key=lambda r: (r["_locator"], r.get("first_interval") or 0))
