"""The table of opinions from blocks, registers, points and calendar."""

import datetime as dt
import zoneinfo
from collections import Counter
from decimal import Decimal

import numpy as np
import pytest
from chispa import assert_df_equality
from gridlens.contracts.codes import OPINION_CODES
from gridlens.contracts.silver import SILVER
from gridlens.quality.advances import register_advances
from gridlens.quality.estimates import affected_months, context_of, interval_estimates
from gridlens.quality.metrics import code_figures
from pyspark.sql import functions as F

UTC = dt.UTC
BLOCKS = SILVER["interval_day"].schema
START = dt.date(2024, 2, 20)
DAY = dt.timedelta(days=1)
KNOWN = dt.datetime(2024, 5, 1, tzinfo=UTC)


def block(point, day, values, *, minutes=60, zone="Asia/Shanghai", known=KNOWN, channel="1.8.0"):
    values = [None if v is None or np.isnan(v) else float(v) for v in values]
    here = [v for v in values if v is not None]
    start = dt.datetime.combine(day, dt.time(), zoneinfo.ZoneInfo(zone)).astimezone(UTC)
    quality = [1 if v is None else 0 for v in values]
    missing = quality.count(1)
    energy, peak = (sum(here), max(here)) if here else (None, None)
    identity = hash((point, day.toordinal(), minutes)) % 10**9
    return (point, channel, day, day.replace(day=1), zone, minutes, start, values, quality, energy, peak, missing, 0, 1.0, known, identity)


def days_of(point, count=70, *, n=24, seed=0, **options):
    """Hourly days with one shape and little noise."""
    rng = np.random.default_rng(seed)
    shape = 1.0 + np.sin(np.arange(n) / n * 2 * np.pi) / 2
    return {START + k * DAY: shape * rng.uniform(0.95, 1.05, n) for k in range(count)}


def frame(spark, rows):
    return spark.createDataFrame(rows, BLOCKS)


@pytest.fixture(scope="module")
def points(spark):
    rows = [(p, dt.date(2024, 1, 1), 2.0, KNOWN) for p in ("A", "B", "D")]
    return spark.createDataFrame(rows, "metering_point_id string, valid_from date, multiplier double, known_from timestamp")


def register(point, day, total, *, meter="M", kind="scheduled", known=KNOWN):
    return (point, meter, "1.8.0", day, kind, None if total is None else Decimal(str(total)), known)


READINGS = (
    "metering_point_id string, meter_id string, channel string, read_date date, read_kind string, "
    "reading_total decimal(18,3), known_from timestamp"
)


def test_advances_of_registers(spark):
    d = [dt.date(2024, 3, 1) + k * DAY for k in range(8)]
    early = dt.datetime(2024, 3, 2, tzinfo=UTC)
    rows = [
        register("A", d[0], 100, known=early),
        register("A", d[1], 101.5, known=early),
        register("A", d[2], None),  # unread: neither this day nor the next has an advance
        register("A", d[3], 110),
        register("A", d[4], 111),  # new multiplier from here
        register("A", d[5], 112, kind="special"),
        register("B", d[0], 900),
        register("B", d[1], 907, kind="exchange_out"),
        register("B", d[1], 10, kind="exchange_in", meter="N"),
        register("B", d[1], 13, meter="N"),
        register("B", d[2], 14, meter="N"),
        register("C", d[0], 50),  # exchanged without a record of the removal
        register("C", d[1], 3, kind="exchange_in", meter="N"),
        register("C", d[1], 5, meter="N"),
        register("C", d[2], 4, meter="N"),  # ran backwards
        register("C", d[3], 4, meter="N"),
    ]
    later = dt.datetime(2024, 6, 1, tzinfo=UTC)
    versions = [("A", dt.date(2020, 1, 1), 2.0, early), ("A", d[4], 40.0, later), ("B", d[0], 1.0, early), ("C", d[0], 1.0, early)]
    points = spark.createDataFrame(versions, "metering_point_id string, valid_from date, multiplier double, known_from timestamp")
    expected = [
        ("A", "1.8.0", d[1], 3.0, 2.0, early),
        ("A", "1.8.0", d[4], 40.0, 40.0, later),
        ("B", "1.8.0", d[1], 10.0, 1.0, KNOWN),
        ("B", "1.8.0", d[2], 1.0, 1.0, KNOWN),
        ("C", "1.8.0", d[3], 0.0, 1.0, KNOWN),
    ]
    columns = "metering_point_id string, channel string, local_date date, register_kwh double, multiplier double, known_from timestamp"
    found = register_advances(spark.createDataFrame(rows, READINGS), points)
    assert_df_equality(found, spark.createDataFrame(expected, columns), ignore_row_order=True, ignore_nullable=True)


def test_estimates_of_a_small_area(spark, points):
    a, b = days_of("A", seed=1), days_of("B", seed=2)
    gap, hole, empty = dt.date(2024, 3, 12), dt.date(2024, 3, 13), dt.date(2024, 3, 14)
    spike, known_total = dt.date(2024, 4, 3), dt.date(2024, 4, 10)
    truth = {day: values.copy() for day, values in a.items()}
    a[gap][5:7] = np.nan
    a[hole][3:9] = np.nan
    a[empty][:] = np.nan
    a[spike][4] = 90.0
    a[known_total][10:16] = np.nan
    advance = 60.0
    registers = [register("A", known_total - DAY, 500), register("A", known_total, 500 + advance / 2)]
    rows = [block("A", day, v) for day, v in a.items()] + [block("B", day, v) for day, v in b.items()]
    rows += [block("D", day, [30.0 + k % 3], minutes=1440) for k, day in enumerate(a) if day != hole]
    rows += [block("D", hole, [np.nan], minutes=1440)]
    # Of the 25-hour Sunday in Sydney both the hour met twice and another one are missing once.
    sydney = days_of("S", seed=3)
    change = dt.date(2024, 4, 7)
    long_day = np.insert(sydney[change], 3, sydney[change][2])
    long_day[[3, 12]] = np.nan
    rows += [block("S", day, long_day if day == change else v, zone="Australia/Sydney") for day, v in sydney.items()]
    calendar = [("CN", START + k * DAY, "working") for k in range(70)]
    calendar = spark.createDataFrame(calendar, "calendar_id string, local_date date, day_type string")
    read = spark.createDataFrame(registers, READINGS)
    blocks = frame(spark, rows)

    whole = interval_estimates(blocks, read, points, calendar).cache()
    found = {(r["metering_point_id"], r["local_date"]): r for r in whole.collect()}
    assert set(found) == {*(("A", day) for day in (gap, hole, empty, spike, known_total)), ("D", hole), ("S", change)}

    short = found["A", gap]
    assert [i for i, code in enumerate(short["opinion"]) if code] == [5, 6]
    line = np.interp([5, 6], [4, 7], [truth[gap][4], truth[gap][7]])
    np.testing.assert_allclose([short["estimates"][5], short["estimates"][6]], line)
    assert (short["suspect_count"], short["estimated_count"], short["register_kwh"]) == (0, 2, None)
    assert short["known_from"].astimezone(UTC) == KNOWN
    assert short["local_month"] == dt.date(2024, 3, 1)
    assert short["block_hash"] == block("A", gap, [])[-1]

    for day, codes in ((hole, {0, 12}), (empty, {12})):
        assert set(found["A", day]["opinion"]) == codes
        estimated = [(e, truth[day][i]) for i, e in enumerate(found["A", day]["estimates"]) if e is not None]
        assert all(abs(e - t) < 0.15 * t for e, t in estimated)
    assert [(i, code) for i, code in enumerate(found["A", spike]["opinion"]) if code] == [(4, 1)]
    scaled = found["A", known_total]
    assert set(scaled["opinion"]) == {0, 13}
    assert scaled["register_kwh"] == pytest.approx(advance)
    assert sum(e for e in scaled["estimates"] if e is not None) + np.nansum(a[known_total]) == pytest.approx(advance)
    assert found["D", hole]["opinion"] == [12]
    assert found["D", hole]["estimates"][0] == pytest.approx(31.0, abs=1.0)
    twice = found["S", change]
    assert [i for i, e in enumerate(twice["estimates"]) if e is not None] == [3, 12]
    assert len(twice["opinion"]) == 25

    # A month alone, from its own context and in another layout, is what it is in the whole.
    april = [dt.date(2024, 4, 1)]
    first, last = context_of(april)
    part = blocks.where(F.col("local_date").between(F.lit(first), F.lit(last))).repartition(5, "local_date")
    alone = interval_estimates(part, read, points, calendar, months=april)
    assert_df_equality(alone, whole.where("local_month = DATE'2024-04-01'"), ignore_row_order=True, ignore_nullable=True)

    march = F.col("local_month") == F.lit(dt.date(2024, 3, 1))
    counted = {r["metric"]: r["value"] for r in code_figures(blocks.where(march), whole.where(march)).collect()}
    assert {name: count for name, count in counted.items() if name in ("opinion_interpolated", "opinion_like_day", "opinion_flatline")} == {
        "opinion_interpolated": 2,
        "opinion_like_day": 6 + 24 + 1,
        "opinion_flatline": 0,
    }
    every = Counter(code for row in whole.collect() for code in row["opinion"] if code)
    counted = {r["metric"]: r["value"] for r in code_figures(blocks, whole).collect() if r["metric"].startswith("opinion")}
    assert counted == {f"opinion_{name}": every[code] for code, (name, _) in OPINION_CODES.items() if code}
    whole.unpersist()


def test_months_that_a_change_touches():
    assert affected_months([dt.date(2024, 2, 15)]) == [dt.date(2024, m, 1) for m in (1, 2, 3)]
    assert affected_months([]) == []
    for month in range(1, 13):
        first, last = context_of([dt.date(2024, month, 1)])
        for day in (first - DAY, first, last, last + DAY):
            assert (dt.date(2024, month, 1) in affected_months([day])) == (first <= day <= last)
