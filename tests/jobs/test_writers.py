"""Two threads of one driver write different days of one table (RELIABILITY 4); text from outside stays text (RELIABILITY 11)."""

from __future__ import annotations

import datetime as dt
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import world
from delta_files import rows
from gridlens.cli import main
from gridlens.contracts.silver import INTERVAL_DAY
from gridlens.tables import literal_in
from gridlens.warehouse import Warehouse
from pyspark.sql import SparkSession
from writers import blocks_of, merge_days

pytestmark = pytest.mark.spark
HOSTILE = "1' or '1'='1"


def test_two_writers_on_different_days_lose_nothing(spark: SparkSession, warehouse: Warehouse) -> None:
    days = [[dt.date(2026, 3, first + 2 * i) for i in range(3)] for first in (1, 2)]
    warehouse.create(INTERVAL_DAY)
    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(merge_days, warehouse, of_writer) for of_writer in days]:
            done.result()
    found = sorted(row["local_date"] for row in rows(Path(warehouse.path(INTERVAL_DAY))))
    assert found == sorted(days[0] + days[1])


def test_a_condition_in_a_value_selects_prunes_and_deletes_only_itself(
    spark: SparkSession, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [f"{area},2026-03-01,4,8,12,2026-03-02 06:00" for area in ("N", HOSTILE, "1")]
    root = world.write(tmp_path / "in", {"weather/all.csv": world.lines(world.WEATHER_HEADER, *lines)})
    place = ["--root-dir", str(tmp_path)]
    assert main(["ingest", "--sources", str(world.define(tmp_path, ["weather"])), "--root", str(root), *place]) == 0
    capsys.readouterr()
    assert main(["show", "weather", "--where", f'area_id = "{HOSTILE}"', "--columns", "area_id", "--json", *place]) == 0
    assert json.loads(capsys.readouterr().out) == [{"area_id": HOSTILE}]


def test_a_hostile_key_in_merge_and_delete(spark: SparkSession, warehouse: Warehouse) -> None:
    day = dt.date(2026, 3, 1)
    points = ["P1", HOSTILE, "back\\slash"]
    warehouse.append(INTERVAL_DAY, blocks_of(spark, [(point, day) for point in points]))
    prune = {"local_month": [day], "metering_point_id": [HOSTILE]}
    warehouse.merge(INTERVAL_DAY, blocks_of(spark, [(HOSTILE, day)], energy=2.0), prune=prune)
    assert _energies(warehouse) == {"P1": 1.0, HOSTILE: 2.0, "back\\slash": 1.0}
    warehouse.replace(INTERVAL_DAY, blocks_of(spark, [("back\\slash", day)], energy=3.0), where=literal_in("metering_point_id", points[2:]))
    assert _energies(warehouse) == {"P1": 1.0, HOSTILE: 2.0, "back\\slash": 3.0}
    warehouse.delete(INTERVAL_DAY, where={"metering_point_id": [HOSTILE]})
    assert _energies(warehouse) == {"P1": 1.0, "back\\slash": 3.0}


def _energies(warehouse: Warehouse) -> dict[str, float]:
    return {row["metering_point_id"]: row["energy_kwh"] for row in rows(Path(warehouse.path(INTERVAL_DAY)))}
