"""The DataFrame functions: mixed resolutions, clock-change days and gaps in one frame, the same under any session zone."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import load_shape_oracle as oracle
import numpy as np
import pandas as pd
import pytest
from gridlens.contracts.gold import LOAD_SHAPE_DAY
from gridlens.contracts.load_shape_day import DAY_FEATURES
from gridlens.contracts.load_shape_month import MONTH_FEATURES
from gridlens.contracts.silver import CALENDAR, INTERVAL_DAY, INTERVAL_ESTIMATE, TARIFF
from gridlens.features import consumption_year, load_shape_day, load_shape_month
from gridlens.tables import Table
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F

KNOWN = dt.datetime(2026, 11, 1, 3, tzinfo=dt.timezone.utc)
LATER = dt.datetime(2026, 11, 2, 3, tzinfo=dt.timezone.utc)
SHANGHAI, BERLIN = "Asia/Shanghai", "Europe/Berlin"
PERIODS = ["valley"] * 32 + ["peak"] * 16 + ["flat"] * 20 + ["sharp"] * 8 + ["peak"] * 12 + ["deep_valley"] * 8
RNG = np.random.default_rng(3)


def curve(n: int, missing: tuple[int, ...] = ()) -> list[float | None]:
    return [None if i in missing else v for i, v in enumerate(np.round(RNG.gamma(2, 0.5, n), 3).tolist())]


GAPS = (10, 11, 12, 40)
BLOCKS = [
    ("P1", "1.8.0", dt.date(2026, 3, 2), SHANGHAI, 15, curve(96)),
    ("P1", "1.8.0", dt.date(2026, 3, 3), SHANGHAI, 15, curve(96, GAPS)),
    ("P1", "1.8.0", dt.date(2026, 3, 7), SHANGHAI, 15, curve(96, tuple(range(50)))),
    ("P1", "2.8.0", dt.date(2026, 3, 2), SHANGHAI, 15, curve(96)),
    ("P2", "1.8.0", dt.date(2026, 3, 29), BERLIN, 15, curve(92, (5,))),
    ("P2", "1.8.0", dt.date(2026, 10, 25), BERLIN, 15, curve(100)),
    ("P3", "1.8.0", dt.date(2026, 3, 29), BERLIN, 60, curve(23)),
    ("P3", "1.8.0", dt.date(2026, 3, 30), BERLIN, 30, curve(48, (3, 4))),
    ("P4", "1.8.0", dt.date(2026, 3, 2), SHANGHAI, 1440, [12.5]),
    ("P4", "1.8.0", dt.date(2026, 3, 3), SHANGHAI, 1440, [None]),
]
ESTIMATES = [
    ("P1", dt.date(2026, 3, 3), 1, [0.5 if i in GAPS[:3] else None for i in range(96)]),
    ("P3", dt.date(2026, 3, 30), 99, [7.0] * 48),  # about an earlier version of the block
]
SINCE = dt.date(2025, 1, 1)
POINTS = "metering_point_id string, valid_from date, tariff_id string, contract_capacity_kva double"
TARIFF_OF = {"P1": "TOU", "P2": "TOU", "P3": None, "P4": "TOU"}
CAPACITY = {"P1": 20.0, "P2": None, "P3": 5.0, "P4": 8.0}
DAY_TYPE = {dt.date(2026, 3, 2): "working", dt.date(2026, 3, 3): "holiday", dt.date(2026, 3, 7): "weekend", dt.date(2026, 3, 29): "weekend"}


def frame(spark: SparkSession, table: Table, rows: list[dict]) -> DataFrame:
    """Rows of a contract; what they leave out is null."""
    schema = table.schema
    for field in schema:
        field.nullable = True
    return spark.createDataFrame([tuple(row.get(name) for name in schema.names) for row in rows], schema)


def block(point: str, channel: str, day: dt.date, zone: str, resolution: int, values: list[float | None]) -> dict:
    missing = sum(v is None for v in values)
    quality = [1 if v is None else 0 for v in values]
    quality[0] = 6 if (point, day.day) == ("P1", 2) else quality[0]
    return {
        "metering_point_id": point,
        "channel": channel,
        "local_date": day,
        "local_month": day.replace(day=1),
        "zone": zone,
        "resolution_minutes": resolution,
        "values": values,
        "quality": quality,
        "missing_count": missing,
        "known_from": KNOWN,
        "_content_hash": 1,
    }


def shaped(spark: SparkSession, *, with_estimates: bool = True) -> DataFrame:
    blocks = frame(spark, INTERVAL_DAY, [block(*b) for b in BLOCKS])
    estimates = [
        {"metering_point_id": p, "channel": "1.8.0", "local_date": d, "estimates": e, "block_hash": h, "known_from": LATER}
        for p, d, h, e in ESTIMATES
    ]
    points = spark.createDataFrame([(p, SINCE, TARIFF_OF[p], CAPACITY[p]) for p in TARIFF_OF], POINTS)
    tariff = [{"tariff_id": "TOU", "valid_from": dt.date(2025, 1, 1), "month": m, "periods": PERIODS} for m in range(1, 13)]
    calendar = [{"calendar_id": "CN", "local_date": d, "day_type": k} for d, k in DAY_TYPE.items()]
    return load_shape_day(
        blocks,
        frame(spark, INTERVAL_ESTIMATE, estimates) if with_estimates else None,
        points,
        frame(spark, CALENDAR, calendar),
        frame(spark, TARIFF, tariff),
    )


def collected(df: DataFrame, key: str) -> dict[tuple, Row]:
    rows = df.withColumn("known_from", F.unix_timestamp("known_from")).collect()
    return {(r.metering_point_id, r.channel, r[key]): r for r in rows}


@pytest.fixture
def in_zone(spark: SparkSession):
    """Runs a function under another session zone; the zone is put back afterwards."""
    before = spark.conf.get("spark.sql.session.timeZone")

    def run(zone: str, build: Callable[[], DataFrame], key: str) -> dict[tuple, Row]:
        spark.conf.set("spark.sql.session.timeZone", zone)
        return collected(build(), key)

    yield run
    spark.conf.set("spark.sql.session.timeZone", before)


def test_days_of_mixed_resolutions_equal_the_oracle_under_any_session_zone(spark: SparkSession, in_zone) -> None:
    found = in_zone("UTC", lambda: shaped(spark), "local_date")
    assert found == in_zone("Asia/Shanghai", lambda: shaped(spark), "local_date")
    assert len(found) == len(BLOCKS)
    estimates = {("P1", d): e for p, d, _, e in ESTIMATES if p == "P1"}
    for point, channel, day, zone, resolution, values in BLOCKS:
        row = found[(point, channel, day)]
        filled = [e if v is None else v for v, e in zip(values, estimates.get((point, day), [None] * len(values)), strict=True)]
        numbers = [np.nan if v is None else v for v in filled]
        expected = oracle.day(numbers, resolution, zone, day, PERIODS if TARIFF_OF[point] else None, CAPACITY[point] or 0.0)
        for f in DAY_FEATURES:
            if f.name == "hour_kw":
                hours = row.hour_kw or [None] * 24
                np.testing.assert_allclose(
                    np.array(hours, dtype=float), expected.get("hour_kw", np.full(24, np.nan)), rtol=1e-9, err_msg=point
                )
            elif f.name != "estimated_share":
                value = np.nan if row[f.name] is None else row[f.name]
                np.testing.assert_allclose(value, expected.get(f.name, np.nan), rtol=1e-9, atol=1e-12, err_msg=f"{f.name} of {point} {day}")
        assert row.day_type == DAY_TYPE.get(day)
        assert row.local_month == day.replace(day=1)
    p1 = found[("P1", "1.8.0", dt.date(2026, 3, 3))]
    assert p1.estimated_share == pytest.approx(3 / 95)
    assert p1.known_from == int(LATER.timestamp())
    assert found[("P1", "1.8.0", dt.date(2026, 3, 2))].estimated_share == pytest.approx(1 / 96)
    assert found[("P3", "1.8.0", dt.date(2026, 3, 30))].coverage == pytest.approx(46 / 48)


def test_without_estimates_gaps_stay_gaps(spark: SparkSession) -> None:
    found = collected(shaped(spark, with_estimates=False), "local_date")
    row = found[("P1", "1.8.0", dt.date(2026, 3, 3))]
    assert row.coverage == pytest.approx(92 / 96)
    assert row.estimated_share == 0
    assert row.known_from == int(KNOWN.timestamp())


def test_a_day_goes_by_the_version_of_its_point_in_force_on_it(spark: SparkSession) -> None:
    """The connection is of 3 March, without a tariff; from the 4th on it has one, from the 6th on also the double capacity."""
    days = [dt.date(2026, 3, d) for d in range(2, 8)]
    blocks = frame(spark, INTERVAL_DAY, [block("P9", "1.8.0", day, SHANGHAI, 60, [1.0] * 24) for day in days])
    versions = [(days[1], None, None), (days[2], "TOU", 4.0), (days[4], "TOU", 8.0)]
    points = spark.createDataFrame([("P9", *version) for version in versions], POINTS)
    tariff = [{"tariff_id": "TOU", "valid_from": dt.date(2025, 1, 1), "month": 3, "periods": PERIODS}]
    found = load_shape_day(blocks, None, points, frame(spark, CALENDAR, []), frame(spark, TARIFF, tariff)).orderBy("local_date").collect()
    assert [row.local_date for row in found] == days
    assert [row.energy_valley_kwh for row in found] == [None, None, 8, 8, 8, 8]
    assert [row.capacity_utilisation for row in found] == [None, None, 0.25, 0.25, 0.125, 0.125]


def test_months_equal_the_oracle_under_any_session_zone(spark: SparkSession, in_zone) -> None:
    days = collected(shaped(spark), "local_date")
    found = in_zone("UTC", lambda: load_shape_month(shaped(spark)), "local_month")
    assert found == in_zone("Asia/Shanghai", lambda: load_shape_month(shaped(spark)), "local_month")
    march = dt.date(2026, 3, 1)
    assert set(found) == {(p, c, d.replace(day=1)) for p, c, d, *_ in BLOCKS}
    for point, channel in {(p, c) for p, c, d, *_ in BLOCKS if d.month == 3}:
        own = pd.DataFrame([r.asDict() for (p, c, d), r in days.items() if (p, c) == (point, channel) and d.month == 3]).set_index(
            "local_date"
        )
        numeric = [f.name for f in DAY_FEATURES if f.name != "hour_kw"]
        own[numeric] = own[numeric].astype(float)
        own["hour_kw"] = [np.nan if h is None else np.array(h, dtype=float) for h in own.hour_kw]
        expected = oracle.month(own, march)
        row = found[(point, channel, march)]
        for f in MONTH_FEATURES:
            if f.name == "export_share":
                continue
            value = row[f.name] if row[f.name] is not None else (np.full(24, np.nan) if f.type.startswith("array") else np.nan)
            np.testing.assert_allclose(
                np.array(value, dtype=float), expected[f.name], rtol=1e-9, atol=1e-12, err_msg=f"{f.name} of {point}"
            )
    imported, exported = found[("P1", "1.8.0", march)], found[("P1", "2.8.0", march)]
    assert imported.export_share == pytest.approx(exported.energy_kwh / (imported.energy_kwh + exported.energy_kwh))
    assert exported.export_share is None
    assert found[("P4", "1.8.0", march)].export_share is None


def test_a_year_ends_with_as_of_and_finds_the_heating_of_its_area(spark: SparkSession, in_zone) -> None:
    as_of = dt.date(2026, 6, 30)
    dates = [as_of - dt.timedelta(days=i) for i in range(-20, 400)]
    temperature = {d: 15 - 15 * np.cos(2 * np.pi * d.timetuple().tm_yday / 365) for d in dates}
    rows = []
    for point, heating in (("P1", 2.0), ("P2", 0.0), ("P3", 2.0), ("P4", 2.0)):
        for number, d in enumerate(dates):
            energy = float(8 + heating * max(12 - temperature[d], 0) + (d.toordinal() % 5) * 0.01)
            outside = d > as_of or d <= as_of - dt.timedelta(days=365)
            rows.append(
                {
                    "metering_point_id": point,
                    "channel": "1.8.0",
                    "local_date": d,
                    "local_month": d.replace(day=1),
                    "day_type": "weekend" if number % 7 > 4 else "working",
                    "energy_kwh": 1e6 if outside else energy,
                    "coverage": 1.0,
                    "estimated_share": 0.0,
                    "known_from": KNOWN,
                }
            )
    points = spark.createDataFrame(
        [("P1", "A"), ("P2", "A"), ("P3", None), ("P4", "low and high only")], "metering_point_id string, area_id string"
    )
    observed = [("A", d, float(t), None, None) for d, t in temperature.items()]
    observed += [("low and high only", d, None, float(t) - 4, float(t) + 4) for d, t in temperature.items()]
    weather = spark.createDataFrame(
        observed, "area_id string, local_date date, temperature_mean_c double, temperature_min_c double, temperature_max_c double"
    )
    days = frame(spark, LOAD_SHAPE_DAY, rows)
    found = in_zone("UTC", lambda: consumption_year(days, points, weather, as_of), "as_of")
    assert found == in_zone("Asia/Shanghai", lambda: consumption_year(days, points, weather, as_of), "as_of")
    heated, plain, unknown, between = (found[(p, "1.8.0", as_of)] for p in ("P1", "P2", "P3", "P4"))
    assert heated.days_observed == 365
    assert heated.daily_kwh_max < 100
    assert heated.heating_slope == pytest.approx(2.0, abs=0.01)
    assert heated.heating_balance_c == 12
    assert (between.heating_balance_c, between.weather_days) == (12, 365)
    assert between.heating_slope == pytest.approx(2.0, abs=0.01)
    assert heated.peak_month in (12, 1, 2)
    assert heated.winter_ratio > 1.3
    assert plain.heating_slope == 0
    assert plain.heating_balance_c is None
    assert unknown.heating_slope is None
    assert unknown.weather_days == 0
    assert unknown.energy_kwh == heated.energy_kwh
    assert heated.peak_kw is None
