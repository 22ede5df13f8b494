"""The fold of pieces into versions of day blocks, against an oracle that goes through them one by one."""

from __future__ import annotations

import datetime as dt
import math
import random
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from gridlens.contracts.bronze import BRONZE
from gridlens.contracts.silver import METERING_POINT
from gridlens.fold import blocks
from pyspark.sql import SparkSession

UTC = dt.timezone.utc
DAY = dt.date(2026, 3, 10)
T = [dt.datetime(2026, 3, 11, hour, tzinfo=UTC) for hour in range(10)]


def bronze_row(**fields: Any) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(BRONZE["meter_interval"].columns)
    row |= {
        "metering_point_id": "p1",
        "channel": "1.8.0",
        "local_date": DAY,
        "resolution_minutes": 360,
        "first_interval": 0,
        "values": [1.0, 2.0, 3.0, 4.0],
        "value_kind": "kwh",
        "multiplied": False,
        "zone": "Asia/Shanghai",
        "known_from": T[1],
        "_source": "s",
        "_batch_id": "b",
        "_file_id": "f",
        "_locator": "x:1",
        "_head": True,
        "_content_hash": 1,
        "_rejected": False,
    }
    return row | fields


def point_row(**fields: Any) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(METERING_POINT.columns)
    row |= {
        "metering_point_id": "p1",
        "account_id": "a1",
        "meter_id": "m1",
        "feeder_id": "f1",
        "area_id": "r1",
        "voltage_level": "0.22kV",
        "ct_ratio": 1.0,
        "pt_ratio": 1.0,
        "multiplier": 1.0,
        "valid_from": dt.date(2020, 1, 1),
        "known_from": T[0],
        "_content_hash": 1,
        "_source": "s",
        "_locator": "y:1",
    }
    return row | fields


def frames(spark: SparkSession, pieces: list[dict[str, Any]], points: list[dict[str, Any]]) -> tuple[Any, Any]:
    bronze = spark.createDataFrame([tuple(r[c] for c in BRONZE["meter_interval"].columns) for r in pieces], BRONZE["meter_interval"].schema)
    silver = spark.createDataFrame([tuple(r[c] for c in METERING_POINT.columns) for r in points], METERING_POINT.schema)
    return blocks.pieces_of(bronze), silver


def folded(spark: SparkSession, pieces: list[dict[str, Any]], points: list[dict[str, Any]]) -> dict[dt.datetime, list[float | None]]:
    """Version moments and values by the history route, redundant moments left out."""
    piece_rows, point_rows = frames(spark, pieces, points)
    current, superseded = blocks.split_versions(blocks.to_blocks(blocks.history_versions(piece_rows, point_rows)))
    rows = current.collect() + superseded.where("NOT _drop").drop("_drop").collect()
    found = {
        row["known_from"].astimezone(UTC) if row["known_from"].tzinfo else row["known_from"].replace(tzinfo=UTC): row["values"]
        for row in rows
    }
    assert len(found) == len(rows)
    return found


def oracle(pieces: list[dict[str, Any]], points: list[dict[str, Any]], length: int) -> dict[dt.datetime, list[float | None]]:
    """Every moment of knowledge, the pieces known by then laid over one another, times the ratio known by then."""
    moments = sorted({p["known_from"] for p in pieces} | {p["known_from"] for p in points if p["valid_from"] <= DAY})
    result: dict[dt.datetime, list[float | None]] = {}
    last: object = None
    for moment in moments:
        known_points = [p for p in points if p["known_from"] <= moment and p["valid_from"] <= DAY]
        known_pieces = sorted((p for p in pieces if p["known_from"] <= moment), key=lambda p: (p["known_from"], p["_content_hash"]))
        if not known_points or not known_pieces:
            continue
        ratio = max(known_points, key=lambda p: (p["valid_from"], p["known_from"], p["_content_hash"]))["multiplier"]
        cells: list[float | None] = [None] * length
        for piece in known_pieces:
            for offset, value in enumerate(piece["values"]):
                if value is not None:
                    cells[piece["first_interval"] + offset] = value * ratio
        if (cells, ratio) != last:
            result[moment] = cells
        last = (cells, ratio)
    return result


def test_a_later_piece_corrects_and_a_null_erases_nothing(spark: SparkSession) -> None:
    pieces = [
        bronze_row(known_from=T[1], values=[1.0, None, 3.0, 4.0], _content_hash=5),
        bronze_row(known_from=T[3], values=[None, 2.0, 9.0, None], _content_hash=2),
    ]
    assert folded(spark, pieces, [point_row()]) == {T[1]: [1.0, None, 3.0, 4.0], T[3]: [1.0, 2.0, 9.0, 4.0]}


def test_a_correction_is_marked(spark: SparkSession) -> None:
    piece_rows, point_rows = frames(
        spark, [bronze_row(), bronze_row(known_from=T[2], values=[1.0, 2.0, 8.0, None], _content_hash=2)], [point_row()]
    )
    current, _ = blocks.split_versions(blocks.to_blocks(blocks.history_versions(piece_rows, point_rows)))
    assert list(current.first()["quality"]) == [0, 0, 5, 0]


def test_a_point_known_late_lets_its_readings_appear_then(spark: SparkSession) -> None:
    assert folded(spark, [bronze_row(known_from=T[1])], [point_row(known_from=T[4], multiplier=10.0)]) == {T[4]: [10.0, 20.0, 30.0, 40.0]}


def test_random_histories_equal_the_oracle(spark: SparkSession) -> None:
    chance = random.Random(20260310)
    for _ in range(6):
        pieces = []
        for number in range(chance.randint(1, 5)):
            first = chance.randint(0, 3)
            values = [chance.choice([None, 0.0, 1.5, 2.25, 7.0]) for _ in range(chance.randint(1, 4 - first))]
            pieces.append(bronze_row(known_from=T[chance.randint(0, 9)], first_interval=first, values=values, _content_hash=number * 7 % 5))
        points = [
            point_row(
                known_from=T[chance.randint(0, 9)],
                multiplier=chance.choice([1.0, 2.0, 40.0]),
                valid_from=chance.choice([dt.date(2020, 1, 1), dt.date(2026, 3, 1), dt.date(2026, 4, 1)]),
                _content_hash=number,
            )
            for number in range(chance.randint(1, 3))
        ]
        hashes = [p["_content_hash"] for p in pieces]
        if len({(p["known_from"], p["_content_hash"]) for p in pieces}) < len(pieces) or len(set(hashes)) < len(hashes):
            for number, piece in enumerate(pieces):
                piece["_content_hash"] = number
        assert folded(spark, pieces, points) == oracle(pieces, points, 4)


@pytest.mark.parametrize("multiplied", [False, True], ids=["with ratio", "already multiplied"])
def test_the_direct_route_gives_what_the_history_route_gives(spark: SparkSession, multiplied: bool) -> None:
    pieces = [bronze_row(metering_point_id=f"p{n}", multiplied=multiplied, known_from=T[n]) for n in range(5)]
    points = [point_row(metering_point_id=f"p{n}", known_from=T[2], multiplier=20.0, contract_capacity_kva=2.0) for n in range(4)]
    points.append(
        point_row(metering_point_id="p1", known_from=T[5], valid_from=dt.date(2026, 3, 5), multiplier=30.0, contract_capacity_kva=2.0)
    )
    piece_rows, point_rows = frames(spark, pieces, points)
    direct, historic = blocks.route(piece_rows, point_rows)
    columns = ["metering_point_id", "known_from", "values", "quality"]
    by_route = blocks.to_blocks(direct).unionByName(
        blocks.split_versions(blocks.to_blocks(blocks.history_versions(historic, point_rows)))[0]
    )
    by_history = blocks.split_versions(blocks.to_blocks(blocks.history_versions(piece_rows, point_rows)))[0]
    assert sorted(map(str, by_route.select(columns).collect())) == sorted(map(str, by_history.select(columns).collect()))
    waiting = {f"p{n}" for n in range(5)} - {row[0] for row in by_route.select("metering_point_id").collect()}
    assert waiting == (set() if multiplied else {"p4"})


@pytest.mark.parametrize(
    ("zone", "day", "intervals", "columns"),
    [
        ("Asia/Shanghai", dt.date(2026, 3, 29), 24, 24),
        ("Europe/Berlin", dt.date(2026, 3, 29), 23, 24),
        ("Europe/Berlin", dt.date(2026, 10, 25), 25, 24),
        ("Europe/Berlin", dt.date(2026, 10, 25), 25, 25),
        ("Australia/Sydney", dt.date(2026, 4, 5), 25, 24),
    ],
)
def test_a_day_has_its_own_length(spark: SparkSession, zone: str, day: dt.date, intervals: int, columns: int) -> None:
    piece = bronze_row(zone=zone, local_date=day, resolution_minutes=60, values=[float(n) for n in range(columns)], multiplied=True)
    rows, points = frames(spark, [piece], [])
    for session_zone in ("UTC", "Asia/Shanghai", "Europe/Berlin", "Australia/Sydney"):
        spark.conf.set("spark.sql.session.timeZone", session_zone)
        try:
            block = blocks.to_blocks(blocks.route(rows, points)[0]).selectExpr("*", "unix_seconds(start_utc) AS start_s").first()
        finally:
            spark.conf.set("spark.sql.session.timeZone", "UTC")
        expected: list[float | None] = [float(n) for n in range(columns)]
        if intervals == 23:
            expected = [float(n) for n in range(24) if n != 2]
        elif intervals > columns:
            expected = [0.0, 1.0, 2.0, None, *[float(n) for n in range(3, 24)]]
        assert block["values"] == expected
        local = dt.datetime.fromtimestamp(block["start_s"], UTC)
        assert local.astimezone(ZoneInfo(zone)).replace(tzinfo=None) == dt.datetime.combine(day, dt.time())


def test_units_become_kilowatt_hours(spark: SparkSession) -> None:
    pieces = [
        bronze_row(metering_point_id="mean", value_kind="kw_mean", values=[2.0, 2.0, 4.0, None]),
        bronze_row(metering_point_id="instant", value_kind="kw_instant", values=[2.0, 4.0, None, 6.0]),
    ]
    rows, points = frames(spark, pieces, [point_row(metering_point_id="mean"), point_row(metering_point_id="instant", multiplier=10.0)])
    found = {row["metering_point_id"]: row["values"] for row in blocks.to_blocks(blocks.route(rows, points)[0]).collect()}
    assert found["mean"] == [12.0, 12.0, 24.0, None]
    assert all(
        (a is None) == (b is None) and (a is None or math.isclose(a, b))
        for a, b in zip(found["instant"], [180.0, 240.0, None, 360.0], strict=True)
    )


def test_past_moments_are_answered_as_they_were(spark: SparkSession) -> None:
    pieces = [bronze_row(known_from=T[1]), bronze_row(known_from=T[4], values=[5.0, None, None, None], _content_hash=2)]
    rows, points = frames(spark, pieces, [point_row()])
    current, superseded = blocks.split_versions(blocks.to_blocks(blocks.history_versions(rows, points)))
    history = superseded.where("NOT _drop").drop("_drop")
    answers = [[r["values"] for r in blocks.blocks_as_known(current, history, moment).collect()] for moment in (T[0], T[2], T[4])]
    assert answers == [[], [[1.0, 2.0, 3.0, 4.0]], [[5.0, 2.0, 3.0, 4.0]]]
