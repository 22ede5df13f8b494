"""Any order, any number of times: the same silver, and the same answer for every moment of knowledge (RELIABILITY 2, 3)."""

from __future__ import annotations

import datetime as dt
from functools import reduce

import fold_oracle
import pytest
from delta_files import differences, rows
from gridlens.contracts.silver import INTERVAL_DAY, INTERVAL_DAY_SUPERSEDED, METERING_POINT
from gridlens.fold.blocks import blocks_as_known
from gridlens.fold.versioned import as_known
from gridlens.warehouse import Warehouse
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from replay import FILES, Replay, disguised, repeated_keys

pytestmark = pytest.mark.spark
BACKWARDS = tuple(reversed(FILES))
MIXED = (("curves/2.csv", "points/late.csv"), ("curves/3.csv", "curves/1.csv", "points/master.csv"))


@pytest.fixture(scope="module")
def together(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Replay:
    """Every file in one run."""
    replay = Replay(spark, tmp_path_factory.mktemp("together"))
    replay.deliver(FILES)
    return replay


def test_files_in_another_order_and_three_times(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory, together: Replay) -> None:
    replay = Replay(spark, tmp_path_factory.mktemp("mixed"))
    for names in MIXED:
        replay.deliver({name: FILES[name] for name in names})
    assert differences(replay.silver(), together.silver()) == []
    second = replay.deliver({name: text for old in FILES for name, text in disguised(old).items()})
    assert {batch.source: (batch.account.accepted, batch.account.quarantined) for batch in second.loaded} == {
        "points": (0, 2),
        "curves": (0, 5 + 3),
    }
    third = replay.deliver({name.replace(".csv", "_copy.csv"): text for name, text in FILES.items()})
    assert third.nothing_new
    assert third.known_files == 3 * len(FILES)
    assert differences(replay.silver(), together.silver()) == []
    assert repeated_keys(replay.warehouse) == []


@pytest.mark.prove
def test_files_alone_and_backwards(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory, together: Replay) -> None:
    replay = Replay(spark, tmp_path_factory.mktemp("backwards"))
    replay.deliver_alone(BACKWARDS)
    assert differences(replay.silver(), together.silver()) == []


def test_null_keys_never_reach_silver(together: Replay) -> None:
    bronze = rows(together.warehouse / "bronze" / "meter_interval")
    assert sum(not row["metering_point_id"] for row in bronze if row["_defects"] and row["_defects"][0]["rule"] != "malformed_row") == 2
    assert repeated_keys(together.warehouse) == []


def test_answers_for_every_past_moment(spark: SparkSession, together: Replay) -> None:
    curves = [text for name, text in FILES.items() if name.startswith("curves/")]
    points = [text for name, text in FILES.items() if name.startswith("points/")]
    moments = fold_oracle.moments(curves, points)
    warehouse = Warehouse(spark, together.settings)
    current, superseded = warehouse.read(INTERVAL_DAY), warehouse.read(INTERVAL_DAY_SUPERSEDED)
    held = [_labelled(blocks_as_known(current, superseded, at), at) for at in moments]
    found: dict[dt.datetime, fold_oracle.Blocks] = {at: {} for at in moments}
    for row in reduce(DataFrame.unionByName, held).select("at", "metering_point_id", "local_date", "energy_kwh").collect():
        found[dt.datetime.fromisoformat(row["at"])][(row["metering_point_id"], str(row["local_date"]))] = round(row["energy_kwh"], 6)
    assert found == {at: fold_oracle.blocks(curves, points, at) for at in moments}
    assert len({repr(sorted(answer.items())) for answer in found.values()}) >= 6  # the world does change with knowledge


def test_ratios_for_every_past_moment(spark: SparkSession, together: Replay) -> None:
    points = [text for name, text in FILES.items() if name.startswith("points/")]
    day = dt.date(2026, 3, 3)
    table = Warehouse(spark, together.settings).read(METERING_POINT)
    moments = fold_oracle.moments([], points)
    held = [_labelled(as_known(table, METERING_POINT, known_at=at, as_of=day), at) for at in moments]
    found = {
        (row["at"], row["metering_point_id"]): row["multiplier"]
        for row in reduce(DataFrame.unionByName, held).select("at", "metering_point_id", "multiplier").collect()
    }
    expected = {(at.isoformat(), p): fold_oracle.ratio(points, p, day.isoformat(), at) for at in moments for p in ("P1", "P2", "P3", "P9")}
    assert found == {key: value for key, value in expected.items() if value is not None}


def _labelled(answer: DataFrame, at: dt.datetime) -> DataFrame:
    return answer.withColumn("at", F.lit(at.isoformat()))
