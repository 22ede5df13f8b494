"""Corrections and knowledge time as stories: ``knowledge/STORY/given_STEP_KIND.csv`` is delivered step by step, ``then_*.csv`` must hold.

All times are local to Asia/Shanghai. ``then_energy.csv`` gives what was known at a moment of the energy of a day, in kWh with the
ratio applied (empty: nothing); ``then_rows.csv`` what became of source rows. Every story has metering points of its own, so that
all are delivered together.
"""

from __future__ import annotations

import csv
import datetime as dt
import shutil
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from gridlens.contracts.ops import ROW_DISPOSITION
from gridlens.contracts.silver import INTERVAL_DAY, INTERVAL_DAY_SUPERSEDED, QUARANTINE
from gridlens.fold.blocks import blocks_as_known
from gridlens.pipelines.ingest import run_ingest
from gridlens.pipelines.options import IngestOptions
from gridlens.settings import load_settings
from gridlens.warehouse import Warehouse
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

pytestmark = pytest.mark.spark
STORIES = sorted(path for path in Path(__file__).with_name("knowledge").iterdir() if path.is_dir())
NAMES = [story.name for story in STORIES]
SHANGHAI = ZoneInfo("Asia/Shanghai")
SOURCES = {
    "points": """
  - name: points
    entity: supply_point
    format: csv
    path: points/*.csv
    zone: Asia/Shanghai
    columns: {metering_point_id: point, account_id: point, meter_id: point, feeder_id: {constant: F}, area_id: {constant: N},
              voltage_level: {constant: 0.38kV}, ct_ratio: ct, pt_ratio: {constant: "1"}, valid_from: valid_from}
    known_from: {column: received}
""",
    "readings": """
  - name: readings
    entity: meter_interval
    format: csv
    path: readings/*.csv
    zone: Asia/Shanghai
    columns: {metering_point_id: point, channel: {constant: 1.8.0}}
    intervals: {layout: daily_total, label: day, value: kwh, value_kind: kwh, resolution_minutes: 1440, multiplied: false}
    known_from: {column: received}
""",
    "hours": """
  - name: hours
    entity: meter_interval
    format: csv
    path: hours/*.csv
    zone: Asia/Shanghai
    columns: {metering_point_id: point, channel: {constant: 1.8.0}}
    intervals: {layout: long, label: time, labels: begin, value: kwh, value_kind: kwh, resolution_minutes: 60, multiplied: false}
    known_from: {column: received}
""",
}


def table(story: Path, name: str) -> list[dict[str, str]]:
    """A file of a story; none where it is not there."""
    path = story / name
    return list(csv.DictReader(path.open(encoding="utf-8"))) if path.exists() else []


def moment(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


@dataclass(frozen=True)
class Told:
    """What came of all stories: energy by (point, day, moment), and source rows that are not simply accepted by locator."""

    energy: dict[tuple[str, str, dt.datetime], float]
    became: dict[str, str]


@pytest.fixture(scope="module")
def told(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Told:
    folder = tmp_path_factory.mktemp("stories")
    settings = load_settings("local", overrides={"root_dir": str(folder / "gridlens")})
    for step in ("1", "2", "3"):
        kinds = set()
        for given in (file for story in STORIES for file in story.glob(f"given_{step}_*.csv")):
            kind = given.stem.split("_")[2]
            kinds.add(kind)
            (folder / kind).mkdir(exist_ok=True)
            shutil.copy(given, folder / kind / f"{given.parent.name}_{step}.csv")
        if kinds:
            definition = folder / f"step_{step}.yml"
            definition.write_text("sources:" + "".join(text for kind, text in SOURCES.items() if kind in kinds), encoding="utf-8")
            run_ingest(spark, settings, IngestOptions(definition, folder), say=lambda text: None)
    warehouse = Warehouse(spark, settings)
    return Told(_energy(warehouse), _became(warehouse))


def _energy(warehouse: Warehouse) -> dict[tuple[str, str, dt.datetime], float]:
    current, superseded = warehouse.read(INTERVAL_DAY), warehouse.read(INTERVAL_DAY_SUPERSEDED)
    moments = sorted({moment(row["known_at"]) for story in STORIES for row in table(story, "then_energy.csv")})
    held = [blocks_as_known(current, superseded, at).withColumn("at", F.lit(at.isoformat())) for at in moments]
    rows = reduce(DataFrame.unionByName, held).select("metering_point_id", "local_date", "at", "energy_kwh").collect()
    return {(row[0], str(row[1]), dt.datetime.fromisoformat(row[2])): row[3] for row in rows}


def _became(warehouse: Warehouse) -> dict[str, str]:
    found = {row["_locator"]: row["disposition"] for row in warehouse.read(ROW_DISPOSITION).collect()}
    return found | {row["_locator"]: "quarantined" for row in warehouse.read(QUARANTINE).collect()}


@pytest.mark.parametrize("story", STORIES, ids=NAMES)
def test_energy_as_known(story: Path, told: Told) -> None:
    expected = {(row["point"], row["day"], moment(row["known_at"])): row["kwh"] for row in table(story, "then_energy.csv")}
    found = {key: f"{told.energy[key]:g}" if key in told.energy else "" for key in expected}
    assert expected
    assert found == expected


@pytest.mark.parametrize("story", [s for s in STORIES if (s / "then_rows.csv").exists()], ids=lambda story: story.name)
def test_what_became_of_source_rows(story: Path, told: Told) -> None:
    for row in table(story, "then_rows.csv"):
        _, step, kind = row["file"].removesuffix(".csv").split("_")
        place = f"{kind}/{story.name}_{step}.csv:{row['line']}"
        assert (place, told.became.get(place, "accepted")) == (place, row["became"])
