"""The ingest job as its user meets it: every row accounted for, what is known is left alone, mistakes change nothing."""

from __future__ import annotations

import contextlib
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import delta_files
import pytest
import world
from gridlens.cli import main
from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark
COUNTS = ("row_count", "accepted", "superseded", "duplicate", "quarantined", "bad_cells", "flagged")
FIRST = {
    "points": (4, 4, 0, 0, 0, 0, 0),
    "curves": (18, 10, 2, 1, 5, 1, 2),
    "registers": (4, 2, 1, 0, 1, 0, 0),
    "customers": (3, 2, 0, 0, 1, 0, 0),
    "weather": (4, 3, 0, 1, 0, 1, 1),
}
"""Rows of the world, counted by hand: read = accepted + superseded + duplicate + quarantined, then unreadable cells and flagged rows.

Curves: of 18 rows five are rejected (too few fields, unknown channel, no day, twice no point), one is delivered twice; P1's first
day arrives as it was known at three moments, and the last stands. Registers: of two readings of one day the later stands, a negative
one is rejected. Customers: a robot is no kind of party. Weather: one row twice; "hot" is no temperature, the rest of its row is kept.
"""
AGAIN = world.lines(
    world.CURVE_HEADER,
    world.curve("P3", "2026-03-02", "2026-03-03 06:00", 4),
    world.CORRECTION,
    world.curve("P3", "2026-03-03", "2026-03-06 06:00", 7),
)
"""Two rows that came before, in a file that did not, and one correction."""


@dataclass
class Deliveries:
    """What the job said of six deliveries, and where it all is."""

    warehouse: Path
    answers: dict[str, dict[str, Any]]
    screens: dict[str, str]

    def accounts(self, delivery: str) -> dict[str, tuple[int, ...]]:
        return {item["source"]: tuple(item["account"][name] for name in COUNTS) for item in self.answers[delivery]["loaded"]}


@pytest.fixture(scope="module")
def deliveries(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Deliveries:
    """The world, the same again, one file under another name, old rows in a new file, one day more, and a definition mended."""
    folder = tmp_path_factory.mktemp("deliveries")
    definition = world.define(folder)
    found = Deliveries(folder / "gridlens" / "warehouse", {}, {})
    parts: list[tuple[str, dict[str, str]]] = [
        ("first", world.FILES),
        ("same", {}),
        ("renamed", {"curves/renamed.csv": world.FILES["curves/2.csv"]}),
        ("again", {"curves/again.csv": AGAIN}),
        ("day", {"curves/4.csv": world.NEW_DAY}),
        ("mended", {}),
    ]
    for name, files in parts:
        world.write(folder / "in", files)
        if name == "mended":
            definition.write_text("# more\n" + definition.read_text(encoding="utf-8").replace("kw_mean", "kwh"), encoding="utf-8")
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main(
                ["ingest", "--sources", str(definition), "--root", str(folder / "in"), "--root-dir", str(folder / "gridlens"), "--json"]
            )
        assert code == 0, err.getvalue()
        found.answers[name], found.screens[name] = json.loads(out.getvalue()), err.getvalue()
    return found


def test_every_source_row_is_accounted_for(deliveries: Deliveries) -> None:
    assert deliveries.accounts("first") == FIRST
    for row_count, accepted, superseded, duplicate, quarantined, *_ in FIRST.values():
        assert row_count == accepted + superseded + duplicate + quarantined
    assert "18 rows of 3 file(s): 10 accepted, 2 superseded, 1 duplicate, 5 quarantined" in deliveries.screens["first"]
    committed = delta_files.rows(deliveries.warehouse / "ops" / "batch_account")
    batches = {item["batch_id"]: item["account"] for answer in deliveries.answers.values() for item in answer["loaded"]}
    assert {row["_batch_id"]: {name: row[name] for name in COUNTS} for row in committed} == batches


def test_quarantine_holds_text_place_and_reason(deliveries: Deliveries) -> None:
    rows = {row["_locator"]: row for row in delta_files.rows(deliveries.warehouse / "silver" / "quarantine")}
    reasons = {place: [(d["rule"], d["detail"]) for d in row["defects"] if d["severity"] == "reject"] for place, row in rows.items()}
    assert rows["curves/1.csv:7"]["source_text"] == world.MALFORMED
    assert reasons["curves/1.csv:7"] == [("malformed_row", "the line has 6 fields, expected 100")]
    assert rows["curves/1.csv:8"]["source_text"] == world.STRANGE_CHANNEL
    assert reasons["curves/1.csv:8"] == [("meter_interval_channel_code", "channel=7.7.7")]
    assert rows["curves/1.csv:9"]["source_text"] == world.NO_DAY
    assert ("meter_interval_required", "local_date=null") in reasons["curves/1.csv:9"]
    assert rows["curves/1.csv:10"]["source_text"] == rows["curves/1.csv:11"]["source_text"] == world.NO_POINT
    assert reasons["curves/1.csv:10"] == [("meter_interval_required", "metering_point_id=null")]
    assert reasons["registers/all.csv:5"] == [("meter_register_reading_total_negative", "reading_total=-7.000")]
    assert reasons["customers/all.csv:4"] == [("customer_party_kind_code", "party_kind=robot")]
    assert len(rows) == sum(counts[4] for counts in FIRST.values())


def test_a_second_run_finds_nothing_new_and_says_so(deliveries: Deliveries) -> None:
    assert deliveries.answers["same"]["loaded"] == []
    assert deliveries.answers["same"]["known_files"] == len(world.FILES)
    outcomes = [row["outcome"] for row in sorted(delta_files.rows(deliveries.warehouse / "ops" / "run_log"), key=lambda r: r["started_at"])]
    assert outcomes == ["succeeded", "nothing_new", "nothing_new", "succeeded", "succeeded", "nothing_new"]


def test_files_read_with_an_earlier_definition_are_told_and_stand(deliveries: Deliveries) -> None:
    told = {
        name: [line.strip() for line in screen.splitlines() if "earlier definition" in line] for name, screen in deliveries.screens.items()
    }
    sentence = (
        "curves: 5 file(s) were read with an earlier definition and stand as read then; "
        "to read all with today's, load everything into a new warehouse (--root-dir or --warehouse)"
    )
    assert told.pop("mended") == [sentence], "of the source whose definition changed, not of the others in its file"
    assert not any(told.values())
    accounts = {row["_batch_id"]: row["source_fingerprint"] for row in delta_files.rows(deliveries.warehouse / "ops" / "batch_account")}
    assert all(batch.endswith(f"-{definition}") for batch, definition in accounts.items())


def test_a_file_is_known_under_another_name(deliveries: Deliveries) -> None:
    assert deliveries.answers["renamed"]["loaded"] == []
    assert deliveries.answers["renamed"]["known_files"] == len(world.FILES) + 1


def test_known_rows_in_a_new_file_are_duplicates(deliveries: Deliveries) -> None:
    assert deliveries.accounts("again") == {"curves": (3, 1, 0, 2, 0, 0, 0)}
    named = {row["_locator"]: row["disposition"] for row in delta_files.rows(deliveries.warehouse / "ops" / "row_disposition")}
    assert {place: kind for place, kind in named.items() if "again" in place} == {
        "curves/again.csv:2": "duplicate",
        "curves/again.csv:3": "duplicate",
    }


def test_one_new_day_touches_only_that_day(deliveries: Deliveries) -> None:
    assert deliveries.accounts("day") == {"curves": (2, 2, 0, 0, 0, 0, 0)}
    last = delta_files.commits(deliveries.warehouse / "silver" / "interval_day")[-1]
    assert last.removes == []
    stats = [json.loads(add["stats"]) for add in last.adds]
    days = {(s["minValues"]["local_date"], s["maxValues"]["local_date"]) for s in stats if s["numRecords"]}
    assert days == {("2026-03-04", "2026-03-04")}
    superseded = delta_files.commits(deliveries.warehouse / "silver" / "interval_day_superseded")[-1]
    assert not [add for add in superseded.adds if "2026-03-04" in add["stats"]]


def test_the_fold_has_ratio_correction_and_latecomer(deliveries: Deliveries) -> None:
    """Energy of a day in kWh: the mean of the curve's 96 values in kW, times 24, times the ratio."""
    rows = delta_files.rows(deliveries.warehouse / "silver" / "interval_day")
    energy = {(row["metering_point_id"], str(row["local_date"])[8:]): round(row["energy_kwh"], 6) for row in rows}
    mean = 97 / 200  # of 0.01, 0.02, … 0.96
    assert energy[("P1", "01")] == pytest.approx(24 * (2 + mean))
    assert energy[("P1", "02")] == pytest.approx(24 * (1 + mean))
    assert energy[("P2", "01")] == pytest.approx(20 * (24 * (3 + mean) - (3.05 + 3.06) / 4))
    assert energy[("P2", "03")] == pytest.approx(40 * 24 * (3 + mean))
    assert energy[("P3", "02")] == pytest.approx(10 * 24 * (4 + mean))
    assert energy[("P3", "03")] == pytest.approx(10 * 24 * (7 + mean))
    assert not [key for key in energy if key[0] == "P9"]
    assert len(energy) == len(rows) == 11


def test_every_source_is_looked_for_before_one_is_loaded(spark: SparkSession, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    definition = world.define(tmp_path, ["points", "curves"])
    root = world.write(tmp_path / "in", {"points/1.csv": world.FILES["points/master.csv"]})
    options = ["--sources", str(definition), "--root", str(root), "--root-dir", str(tmp_path / "gridlens")]
    assert main(["ingest", *options]) == 3
    assert "source curves: no file matches" in capsys.readouterr().err
    assert delta_files.tables(tmp_path / "gridlens" / "warehouse") == {}, "not even the points, which come first"
    definition.write_text(
        definition.read_text(encoding="utf-8").replace("path: curves/", "may_be_empty: true\n    path: curves/"), encoding="utf-8"
    )
    assert main(["ingest", "--json", *options]) == 0
    assert [batch["source"] for batch in json.loads(capsys.readouterr().out)["loaded"]] == ["points"]


UNREADABLE = [world.curve("P1", f"2026-03-0{d}", f"2026-03-0{d + 1} 06:00", 1, **{f"P{i}": "#" for i in range(1, 97)}) for d in (1, 2, 3)]


@pytest.mark.parametrize(
    ("files", "code", "parts"),
    [
        (
            {"curves/1.csv": world.FILES["curves/1.csv"], "curves/2.csv": world.FILES["curves/2.csv"].replace("received", "arrived", 1)},
            3,
            ["curves/2.csv: lacks the column(s) received that source curves declares; found point, channel, day, arrived"],
        ),
        (
            {"curves/1.csv": world.FILES["curves/1.csv"], "curves/2.csv.gz": b"no gzip at all"},
            3,
            ["source curves: ", "2.csv.gz cannot be read"],
        ),
        ({}, 3, ["source curves: no file matches", "check --root and the path of the source"]),
        (
            {"curves/1.csv": world.lines(world.CURVE_HEADER, *UNREADABLE)},
            5,
            ["source curves: ", "nothing was loaded: mend the source or the rule"],
        ),
    ],
    ids=["missing column", "unreadable file", "no file", "stop rule"],
)
def test_a_mistake_is_one_sentence_and_nothing_is_written(
    spark: SparkSession,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    files: dict[str, str | bytes],
    code: int,
    parts: list[str],
) -> None:
    definition, root = world.define(tmp_path, ["curves"]), world.write(tmp_path / "in", files)
    root.mkdir(exist_ok=True)
    assert main(["ingest", "--sources", str(definition), "--root", str(root), "--root-dir", str(tmp_path / "gridlens")]) == code
    out, err = capsys.readouterr()
    told = [line for line in err.splitlines() if line.startswith("gridlens: ")]
    assert out == ""
    assert len(told) == 1
    assert all(part in told[0] for part in parts), told[0]
    assert "Traceback" not in err
    assert delta_files.tables(tmp_path / "gridlens" / "warehouse") == {}
