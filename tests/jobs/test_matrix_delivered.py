"""The account of a matrix: a line is counted once, and no reading disappears from it."""

from __future__ import annotations

from pathlib import Path

import delta_files
import pytest
from gridlens.pipelines.ingest import Loaded, run_ingest
from gridlens.pipelines.options import IngestOptions
from gridlens.settings import load_settings
from pyspark.sql import SparkSession

pytestmark = [pytest.mark.spark, pytest.mark.prove]
MATRIX = """sources:
  - name: curves
    entity: meter_interval
    format: csv
    path: "*.csv"
    zone: Asia/Shanghai
    columns: {metering_point_id: user, channel: {constant: 1.8.0}}
    intervals: {layout: matrix_by_date, formats: yyyy/M/d, resolution_minutes: 1440, multiplied: true}
    known_from: {days_after: 1, hour: 6}
"""
FIRST = """user,2014/1/1,2014/1/2,2014/1/3
good,1,2,3
first,?,2,3
middle,1,n/a,3
empty,1,,3
negative,1,-2,3
none,x,y,z
short,1
"""
AGAIN = """user,FLAG,2014/1/1,2014/1/2,2014/1/3,2014/1/4
good,1,1,2,3,4
middle,0,1,,3,
negative,1,9,,3,
"""
"""FLAG holds no readings, and nobody dropped it; the fourth day is new, and one reading is another than at first."""


class Deliveries:
    def __init__(self, spark: SparkSession, folder: Path) -> None:
        self.spark, self.folder, self.said = spark, folder, ""
        (folder / "in").mkdir()
        (folder / "matrix.yml").write_text(MATRIX)
        self.settings = load_settings("local", overrides={"root_dir": str(folder / "gridlens")})

    def deliver(self, name: str, text: str) -> Loaded:
        (self.folder / "in" / name).write_text(text)
        said: list[str] = []
        result = run_ingest(self.spark, self.settings, IngestOptions(self.folder / "matrix.yml", self.folder / "in"), say=said.append)
        self.said = "".join(said)
        return result.loaded[0]

    def quarantine(self) -> dict[str, tuple[str, set[str]]]:
        rows = delta_files.rows(Path(self.settings.warehouse) / "silver" / "quarantine")
        return {row["_locator"]: (row["source_text"], {d["detail"] for d in row["defects"] if d["severity"] == "reject"}) for row in rows}


def test_a_matrix_line_is_kept_for_its_good_readings_and_its_bad_ones_are_shown(spark: SparkSession, tmp_path: Path) -> None:
    deliveries = Deliveries(spark, tmp_path)
    account = deliveries.deliver("first.csv", FIRST).account
    assert (account.row_count, account.accepted, account.superseded, account.duplicate, account.quarantined) == (7, 5, 0, 0, 2)
    assert (account.bad_cells, account.flagged) == (2, 1)
    assert "2 quarantined, and 2 readings of other rows in " in deliveries.said
    found = deliveries.quarantine()
    assert {place: text for place, (text, _) in found.items()} == {
        "first.csv:3": "first,?,2,3",
        "first.csv:4": "middle,1,n/a,3",
        "first.csv:7": "none,x,y,z\n2014/1/2\n2014/1/3",
        "first.csv:8": "short,1",
    }
    assert found["first.csv:8"][1] == {"the line has 2 fields, expected 4"}

    account = deliveries.deliver("again.csv", AGAIN).account
    assert (account.row_count, account.duplicate, account.quarantined) == (3, 1, 0), "one line has a day more, one another reading"
    assert account.bad_cells == 3
    assert "curves: 1 row(s) differ from one known at the same moment" in deliveries.said
    text, reasons = deliveries.quarantine()["again.csv:2"]
    assert text == "good,1,1,2,3,4"
    assert reasons == {"FLAG: the column's name is no date or time; list it under drop where it holds no readings"}
