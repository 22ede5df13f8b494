"""A matrix line is counted once, by all its readings: those that are rejected are counted and shown, wherever in the line they stand."""

from __future__ import annotations

from pathlib import Path

import pytest
from gridlens.fold import disposition
from gridlens.ingest.bronze import staged
from gridlens.pipelines.measure import Measure, kept_lines, measure, quarantine_rows
from gridlens.quality.rule_columns import defects_column
from gridlens.quality.rules import load_rules
from ingest_support import interval_source, known_files
from pyspark.sql import DataFrame, SparkSession

RULES = sorted((Path(__file__).resolve().parents[3] / "conf" / "rules").glob("*.yml"))
MATRIX = {"layout": "matrix_by_date", "formats": "yyyy/M/d", "resolution_minutes": 1440}
FIRST = """point,2014/1/1,2014/1/2,2014/1/3
good,1,2,3
first,?,2,3
middle,1,n/a,3
empty,1,,3
negative,1,-2,3
none,x,y,z
short,1
"""
AGAIN = """point,FLAG,2014/1/1,2014/1/2,2014/1/3,2014/1/4
good,1,1,2,3,4
middle,0,1,,3,
"""
"""FLAG holds no readings, and nobody dropped it; the fourth day is new."""


@pytest.fixture(scope="module")
def bronze(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> DataFrame:
    """Two deliveries, as batches of their names."""
    rules, frames = load_rules(RULES), []
    source = interval_source(MATRIX)
    for name, text in (("first", FIRST), ("again", AGAIN)):
        folder = tmp_path_factory.mktemp(name)
        (folder / f"{name}.csv").write_text(text)
        files = known_files(spark, folder, source)
        frames.append(staged(spark, source, files, batch_id=name, defects=defects_column(rules, "meter_interval")))
    return frames[0].unionByName(frames[1]).persist()


def batch(bronze: DataFrame, name: str) -> DataFrame:
    return bronze.where(f"_batch_id = '{name}'")


def quarantine(bronze: DataFrame, name: str) -> dict[str, tuple[str, set[str]]]:
    rows = quarantine_rows(batch(bronze, name), "meter_interval", "r", melted=True).collect()
    return {r["_locator"]: (r["source_text"], {d["detail"] for d in r["defects"] if d["severity"] == "reject"}) for r in rows}


def test_a_line_is_kept_for_its_good_readings_and_quarantined_without_any(bronze: DataFrame) -> None:
    found = measure(batch(bronze, "first"), ["meter_interval_mostly_unreadable"])
    broken = {"meter_interval_mostly_unreadable": 5}
    assert found == Measure(row_count=7, quarantined=2, bad_cells=2, cells_rejected=2, flagged=1, judged=18, broken=broken)
    assert kept_lines(batch(bronze, "first"), melted=found.melted).count() == 5


def test_every_rejected_reading_is_shown_in_quarantine(bronze: DataFrame) -> None:
    assert {place: text for place, (text, _) in quarantine(bronze, "first").items()} == {
        "first.csv:3": "first,?,2,3",
        "first.csv:4": "middle,1,n/a,3",
        "first.csv:7": "none,x,y,z\n2014/1/2\n2014/1/3",
        "first.csv:8": "short,1",
    }


def test_a_column_that_holds_no_readings_rejects_itself_and_not_its_lines(bronze: DataFrame) -> None:
    found = measure(batch(bronze, "again"))
    assert (found.row_count, found.quarantined, found.cells_rejected) == (2, 0, 2)
    reason = "FLAG: the column's name is no date or time; list it under drop where it holds no readings"
    assert quarantine(bronze, "again") == {
        "again.csv:2": ("good,1,1,2,3,4", {reason}),
        "again.csv:3": ("middle,0,1,,3,", {reason}),
    }


def test_a_known_line_with_a_new_day_is_accepted_and_one_without_is_a_duplicate(bronze: DataFrame) -> None:
    new = disposition.slim(batch(bronze, "again"), "meter_interval")
    older = disposition.older_rows(bronze, new, "meter_interval", "again")
    suspects = new.join(older.select("_key"), on="_key", how="left_semi").distinct()
    named = disposition.classify(suspects, older, rows_of=disposition.rows_of_lines(new)).collect()
    assert [(row["_locator"], row["disposition"]) for row in named] == [("again.csv:3", "duplicate")]
