"""Times over clock changes against zoneinfo, in several session time zones."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from ingest_support import interval_source, known_files, staged_rows
from pyspark.sql import SparkSession

UTC = dt.timezone.utc
CHANGES = {
    "Europe/Berlin": (["2024-03-30", "2024-03-31", "2024-10-27"], 15),
    "Australia/Sydney": (["2024-04-07", "2024-10-06", "2024-12-31"], 30),
    "Asia/Shanghai": (["1986-05-04", "1986-09-14"], 15),
}


@pytest.fixture(autouse=True)
def session_zone(spark: SparkSession) -> Iterator[None]:
    before = spark.conf.get("spark.sql.session.timeZone")
    yield
    spark.conf.set("spark.sql.session.timeZone", before)


def moments(zone: str, day: str, minutes: int) -> list[dt.datetime]:
    """Begin of every interval of a local day, UTC."""
    rules, date = ZoneInfo(zone), dt.date.fromisoformat(day)
    begin, end = (dt.datetime.combine(d, dt.time(), rules).astimezone(UTC) for d in (date, date + dt.timedelta(1)))
    return [begin + i * dt.timedelta(minutes=minutes) for i in range((end - begin) // dt.timedelta(minutes=minutes))]


def label(moment: dt.datetime, zone: str, clock: str) -> str:
    if clock == "utc":
        return f"{moment:%Y-%m-%d %H:%M}"
    local = moment.astimezone(ZoneInfo(zone))
    if clock == "standard":
        local = moment.astimezone(dt.timezone(local.utcoffset() - local.dst()))  # type: ignore[operator]
    return f"{local:%Y-%m-%d %H:%M}"


def write_long(path: Path, zone: str, *, clock: str, labels: str, points: int = 2) -> set[tuple[str, dt.date, int, float]]:
    """A file of long readings (points interleaved, each in order of time); gives what bronze must hold."""
    days, minutes = CHANGES[zone]
    ahead = dt.timedelta(minutes=minutes if labels == "end" else 0)
    lines, expected = ["point,time,kwh"], set()
    for day in days:
        for position, moment in enumerate(moments(zone, day, minutes)):
            for point in range(points):
                value = round(random.Random(f"{day}{position}{point}").random() * 9, 3)
                lines.append(f"P{point},{label(moment + ahead, zone, clock)},{value}")
                expected.add((f"P{point}", dt.date.fromisoformat(day), position, value))
    path.write_text("\n".join(lines) + "\n")
    return expected


@pytest.mark.parametrize(
    ("zone", "clock", "labels", "sessions"),
    [
        ("Europe/Berlin", "wall", "begin", ("UTC", "Europe/Berlin")),
        ("Australia/Sydney", "wall", "end", ("Europe/Berlin",)),
        ("Asia/Shanghai", "wall", "begin", ("Australia/Sydney",)),
        ("Australia/Sydney", "standard", "begin", ("Australia/Sydney",)),
        ("Europe/Berlin", "utc", "end", ("Asia/Shanghai",)),
    ],
)
def test_positions_in_the_local_day(
    spark: SparkSession, tmp_path: Path, zone: str, clock: str, labels: str, sessions: tuple[str, ...]
) -> None:
    expected = write_long(tmp_path / "r.csv", zone, clock=clock, labels=labels)
    minutes = CHANGES[zone][1]
    part = {"layout": "long", "label": "time", "value": "kwh", "labels": labels, "resolution_minutes": minutes, "overlap": "order"}
    source = interval_source(part, zone=zone, clock=clock)
    files = known_files(spark, tmp_path, source)
    for session in sessions:
        spark.conf.set("spark.sql.session.timeZone", session)
        rows = staged_rows(spark, tmp_path, source, files)
        assert not any(r["_rejected"] for r in rows)
        assert len(rows) == len(expected)
        assert {(r["metering_point_id"], r["local_date"], r["first_interval"], r["values"][0]) for r in rows} == expected
        for r in rows[:: len(rows) // 5]:
            known = dt.datetime.combine(r["local_date"] + dt.timedelta(1), dt.time(2), ZoneInfo(zone))
            assert r["known_us"] == int(known.timestamp()) * 1_000_000


def test_first_of_a_repeated_hour_where_only_one_is_there_or_asked_for(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text("point,time,kwh\nP,2024-10-27 02:00,1\nP,2024-10-27 02:15,2\nP,2024-10-27 02:00,3\n")
    part = {"layout": "long", "label": "time", "value": "kwh", "resolution_minutes": 15}
    by_order = staged_rows(spark, tmp_path, interval_source(part, zone="Europe/Berlin"))
    assert [(r["first_interval"], r["values"]) for r in by_order] == [(8, [1.0]), (9, [2.0]), (12, [3.0])]
    first = staged_rows(spark, tmp_path, interval_source({**part, "overlap": "first"}, zone="Europe/Berlin"))
    assert sorted(r["first_interval"] for r in first) == [8, 8, 9]


def test_overlapping_files_read_together_or_alone_repeat_the_same_hour(spark: SparkSession, tmp_path: Path) -> None:
    """A month's file and a day's file hold both passes through the repeated hour each: the second of a file is the second."""
    month = ["P,2024-10-26 02:00,9", "P,2024-10-27 02:00,1", "P,2024-10-27 02:30,2", "P,2024-10-27 02:00,3", "P,2024-10-27 02:30,4"]
    (tmp_path / "2024-10.csv").write_text("\n".join(["point,time,kwh", *month]) + "\n")
    (tmp_path / "2024-10-27.csv").write_text("\n".join(["point,time,kwh", *month[1:]]) + "\n")
    part = {"layout": "long", "label": "time", "value": "kwh", "resolution_minutes": 30}
    rows = staged_rows(spark, tmp_path, interval_source(part, zone="Europe/Berlin"))
    assert {(r["_locator"].split(":")[0], r["first_interval"], r["values"][0]) for r in rows if r["local_date"].day == 27} == {
        (name, position, float(value)) for name in ("2024-10.csv", "2024-10-27.csv") for position, value in ((4, 1), (5, 2), (6, 3), (7, 4))
    }


def test_times_that_cannot_be_are_rejected_with_their_text(spark: SparkSession, tmp_path: Path) -> None:
    lines = [
        "P,2024-03-31 02:30,1",
        "P,2024-03-31 03:07,2",
        "P,2024-02-30 00:00,3",
        "P,soon,4",
        "P,2024-03-31 03:15,x",
        "P,2024-03-31 01:00,",
    ]
    (tmp_path / "r.csv").write_text("point,time,kwh\n" + "\n".join(lines) + "\n")
    rows = staged_rows(
        spark,
        tmp_path,
        interval_source({"layout": "long", "label": "time", "value": "kwh", "resolution_minutes": 15}, zone="Europe/Berlin"),
    )
    assert [r["_rejected"] for r in rows] == [True, True, True, True, False, False]
    assert [r["_raw"] for r in rows] == [*lines[:4], None, None]
    reasons = [r["_defects"][0]["detail"] if r["_defects"] else None for r in rows]
    assert reasons == [
        "the local clock skipped this time",
        "the time is not on the grid of the resolution",
        "the date or time cannot be read",
        "the date or time cannot be read",
        "unreadable: values (intervals 9)",
        None,
    ]
    assert rows[4]["values"] == [None]
    assert rows[4]["bad_intervals"] == [9]
    assert (rows[5]["values"], rows[5]["first_interval"]) == ([None], 4)


def test_chinese_end_of_day_and_instants_with_offsets(spark: SparkSession, tmp_path: Path) -> None:
    part = {"layout": "long", "label": "time", "value": "kwh", "labels": "end", "resolution_minutes": 60}
    (tmp_path / "r.csv").write_text("point,time,kwh\nP,2024/1/1 24:00,1\nP,2024/1/2 0:00,2\nP,2024/1/2 1:00,3\n")
    rows = staged_rows(spark, tmp_path, interval_source({**part, "formats": "yyyy/M/d H:mm"}))
    assert [(str(r["local_date"]), r["first_interval"]) for r in rows] == [("2024-01-01", 23), ("2024-01-01", 23), ("2024-01-02", 0)]
    (tmp_path / "r.csv").write_text("point,time,kwh\nP,2024-10-27T02:00:00+02:00,1\nP,2024-10-27T02:00:00+01:00,2\n")
    source = interval_source({**part, "labels": "begin", "formats": "yyyy-MM-dd'T'HH:mm:ssXXX"}, zone="Europe/Berlin")
    assert [r["first_interval"] for r in staged_rows(spark, tmp_path, source)] == [2, 3]


def test_timestamps_without_zone_in_parquet_run_on_the_declared_clock(spark: SparkSession, tmp_path: Path) -> None:
    zone, minutes = "Europe/Berlin", 15
    days = CHANGES[zone][0]
    found = [(day, i, m) for day in days for i, m in enumerate(moments(zone, day, minutes))]
    local = [pd.Timestamp(label(m, zone, "wall")) for _, _, m in found]
    pd.DataFrame({"point": "P", "time": local, "kwh": [float(i) for _, i, _ in found]}).to_parquet(
        tmp_path / "r.parquet", coerce_timestamps="us"
    )
    part = {"layout": "long", "label": "time", "value": "kwh", "resolution_minutes": minutes}
    spark.conf.set("spark.sql.session.timeZone", "Australia/Sydney")
    rows = staged_rows(spark, tmp_path, interval_source(part, zone=zone, format="parquet", path="r.parquet"))
    assert {(str(r["local_date"]), r["first_interval"], r["values"][0]) for r in rows} == {(day, i, float(i)) for day, i, _ in found}
    assert len(rows) == len(found)


def test_a_daily_total_labelled_at_its_end_belongs_to_the_day_that_ended(spark: SparkSession, tmp_path: Path) -> None:
    labels = ["2026-03-02 00:00", "2026-03-02 24:00", "2026-03-01 23:59:59", "2026-03-02", "soon"]
    (tmp_path / "r.csv").write_text("point,day,kwh\n" + "".join(f"P,{label},1\n" for label in labels))
    part = {"layout": "daily_total", "label": "day", "value": "kwh", "labels": "end", "resolution_minutes": 1440}
    days = [str(r["local_date"]) for r in staged_rows(spark, tmp_path, interval_source(part))]
    assert days == ["2026-03-01", "2026-03-02", "2026-03-01", "2026-03-02", "None"]
    utc = [str(r["local_date"]) for r in staged_rows(spark, tmp_path, interval_source(part, clock="utc"))]
    assert utc[0] == "2026-03-02", "eight in the morning in Shanghai"
    written = {**part, "formats": ["yyyyMMdd", "yyyyMMddHHmm"]}
    (tmp_path / "r.csv").write_text("point,day,kwh\nP,20260302,1\nP,202603020000,1\n")
    assert [str(r["local_date"]) for r in staged_rows(spark, tmp_path, interval_source(written))] == ["2026-03-02", "2026-03-01"]
    pd.DataFrame({"point": "P", "day": [pd.Timestamp("2026-03-02")], "kwh": 1.0}).to_parquet(tmp_path / "r.parquet", coerce_timestamps="us")
    (row,) = staged_rows(spark, tmp_path, interval_source(part, format="parquet", path="r.parquet"))
    assert str(row["local_date"]) == "2026-03-01"


def test_a_power_at_a_moment_keeps_which_end_of_its_interval_that_is(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text("point,day," + ",".join(f"P{i}" for i in range(1, 25)) + "\nP,2026-03-02" + ",1" * 24 + "\n")
    part = {"layout": "wide_day", "label": "day", "columns": "P{1..24}", "value_kind": "kw_instant", "resolution_minutes": 60}
    kinds = [staged_rows(spark, tmp_path, interval_source({**part, "labels": end}))[0]["value_kind"] for end in ("begin", "end")]
    assert kinds == ["kw_instant", "kw_instant_end"]
