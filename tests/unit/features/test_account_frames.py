"""Base data, holdings, peers and packing of accounts on a few rows."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from chispa import assert_df_equality
from gridlens.contracts.account_feature import MIN_PEERS, PEERS
from gridlens.contracts.silver import ACCOUNT_TABLE, METERING_POINT, REGISTER_READING
from gridlens.features.account_base import account_base, accounts_as_of
from gridlens.features.account_energy import account_energy, point_holdings
from gridlens.features.account_peers import peer_groups, with_peers
from gridlens.features.account_shape import first_month
from gridlens.tables import Table
from pyspark.sql import DataFrame, SparkSession

WEATHER = "area_id string, local_date date, temperature_mean_c double, temperature_min_c double, temperature_max_c double"
AS_OF = dt.date(2026, 3, 31)
KNOWN = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
DEFAULTS: dict[str, Any] = {"known_from": KNOWN, "_content_hash": 1, "_source": "s", "_locator": "l"}
ACCOUNT_DEFAULTS = {
    "party_id": "Y1",
    "party_kind": "person",
    "category": "residential",
    "billing_kind": "postpaid",
    "opened_on": dt.date(2020, 3, 31),
    "area_id": "N",
    "org_unit_id": "U",
    "valid_from": dt.date(2020, 3, 31),
}
POINT_DEFAULTS = {
    "meter_id": "M",
    "feeder_id": "F",
    "area_id": "N",
    "voltage_level": "0.22kV",
    "ct_ratio": 1.0,
    "pt_ratio": 1.0,
    "multiplier": 1.0,
    "valid_from": dt.date(2020, 3, 31),
}


def frame(spark: SparkSession, table: Table, defaults: dict[str, Any], *rows: dict[str, Any]) -> DataFrame:
    full = [tuple({**DEFAULTS, **defaults, **row}.get(c) for c in table.columns) for row in rows]
    return spark.createDataFrame(full, table.schema)


def accounts(spark: SparkSession, *rows: dict[str, Any]) -> DataFrame:
    return frame(spark, ACCOUNT_TABLE, ACCOUNT_DEFAULTS, *rows)


def points(spark: SparkSession, *rows: dict[str, Any]) -> DataFrame:
    return frame(spark, METERING_POINT, POINT_DEFAULTS, *rows)


def test_base_data_are_those_that_hold_on_the_day(spark: SparkSession) -> None:
    versions = accounts(
        spark,
        {"account_id": "A1", "category": "commercial"},
        {"account_id": "A1", "party_id": "Y2", "valid_from": dt.date(2025, 6, 1)},
        {"account_id": "A1", "party_id": "Y9", "valid_from": dt.date(2026, 4, 1)},
        {"account_id": "A2", "party_id": "Y2", "closed_on": dt.date(2026, 3, 31)},
        {"account_id": "A3", "party_id": "Y2", "closed_on": dt.date(2026, 4, 1)},
        {"account_id": "A4", "opened_on": dt.date(2026, 4, 1), "valid_from": dt.date(2026, 1, 1)},
    )
    now = points(
        spark,
        {"metering_point_id": "P2", "account_id": "A1", "contract_capacity_kva": 100.0, "voltage_level": "0.38kV", "has_pv": True},
        {"metering_point_id": "P1", "account_id": "A1", "contract_capacity_kva": 30.0, "has_pv": False},
        {"metering_point_id": "P3", "account_id": "A1", "contract_capacity_kva": 100.0, "voltage_level": "10kV"},
    )
    before = points(spark, {"metering_point_id": "P1", "account_id": "A1", "contract_capacity_kva": 30.0})
    got = account_base(accounts_as_of(versions, as_of=AS_OF), now, before)
    wanted = ("party_id", "category", "closed_on", "is_open", "account_age_days", "party_accounts", "holder_changes_730d", "point_count")
    expected = spark.createDataFrame(
        [
            ("A1", "Y2", "residential", None, True, 2191, 2, 1, 3, "0.38kV", True, 230.0, 200.0),
            ("A2", "Y2", "residential", AS_OF, False, 2191, 2, 0, 0, None, None, None, None),
            ("A3", "Y2", "residential", None, True, 2191, 2, 0, 0, None, None, None, None),
        ],
        "account_id string, party_id string, category string, closed_on date, is_open boolean, account_age_days int, party_accounts int, "
        "holder_changes_730d int, point_count int, voltage_level string, has_pv boolean, contract_capacity_kva double, "
        "capacity_change_365d double",
    )
    chosen = got.select("account_id", *wanted, "voltage_level", "has_pv", "contract_capacity_kva", "capacity_change_365d")
    assert_df_equality(chosen, expected, ignore_row_order=True, ignore_nullable=True)


def test_a_point_belongs_to_the_account_that_holds_it_and_since_when(spark: SparkSession) -> None:
    versions = points(
        spark,
        {"metering_point_id": "P1", "account_id": "A1"},
        {"metering_point_id": "P1", "account_id": "A2", "valid_from": dt.date(2025, 1, 1)},
        {"metering_point_id": "P1", "account_id": "A2", "valid_from": dt.date(2025, 6, 1), "multiplier": 40.0},
        {"metering_point_id": "P0", "account_id": "A2"},
    )
    got = {tuple(row) for row in point_holdings(versions).collect()}
    begin = dt.date(2020, 3, 31)
    assert got == {
        ("P1", "A1", 0, begin, begin, dt.date(2025, 1, 1), 1.0),
        ("P1", "A2", 1, dt.date(2025, 1, 1), dt.date(2025, 1, 1), dt.date(2025, 6, 1), 1.0),
        ("P1", "A2", 1, dt.date(2025, 1, 1), dt.date(2025, 6, 1), None, 40.0),
        ("P0", "A2", 0, begin, begin, None, 1.0),
    }


def test_a_new_holder_does_not_inherit_the_energy_of_the_one_before(spark: SparkSession) -> None:
    versions = points(
        spark,
        {"metering_point_id": "P1", "account_id": "A1"},
        {"metering_point_id": "P1", "account_id": "A2", "valid_from": dt.date(2026, 3, 1), "multiplier": 10.0},
    )
    readings = frame(
        spark,
        REGISTER_READING,
        {"metering_point_id": "P1", "meter_id": "M", "channel": "1.8.0", "read_kind": "scheduled", "local_month": dt.date(2026, 3, 1)},
        *[{"read_date": AS_OF - dt.timedelta(days=ago), "reading_total": Decimal(1000 - ago)} for ago in range(100)],
        *[{"read_date": AS_OF + dt.timedelta(days=ahead), "reading_total": Decimal(9_000_000)} for ahead in (1, 2)],
        {"read_date": AS_OF, "reading_total": Decimal(7_000_000), "read_kind": "special"},
        {"read_date": AS_OF, "reading_total": Decimal(7_000_000), "channel": "2.8.0"},
    )
    base = spark.createDataFrame([("A1", "N"), ("A2", "N"), ("A3", "N")], "account_id string, area_id string")
    days = spark.createDataFrame([], "metering_point_id string, channel string, local_date date, coverage double, energy_kwh double")
    calendar = [{"local_date": AS_OF, "day_type": "working", "days_to_spring_festival": 42}]
    weather = spark.createDataFrame([("N", AS_OF, 12.0, 8.0, 16.0)], WEATHER)
    got = account_energy(base, readings, days, point_holdings(versions), calendar=calendar, weather=weather, as_of=AS_OF)
    known = {row["account_id"]: (row["days_known_90d"], row["energy_kwh_30d"]) for row in got.collect()}
    assert known == {"A1": (59, None), "A2": (30, 300.0)}


def test_small_cells_are_compared_with_their_industry_or_category(spark: SparkSession) -> None:
    big = [(f"a{i}", "commercial", "52", "N", True, float(i)) for i in range(MIN_PEERS)]
    few = [(f"b{i}", "commercial", "52", "S", True, 100.0 + i) for i in range(3)]
    rest = [(f"c{i}", "commercial", "62", "S", True, None) for i in range(2)]
    closed = [("d0", "commercial", "52", "N", False, 5.0)]
    home = [("e0", "residential", None, "N", True, 1.0)]
    values = ", ".join(f"{name} double" for name in PEERS)
    rows = [(*row[:5], *[row[5]] * len(PEERS)) for row in big + few + rest + closed + home]
    base = spark.createDataFrame(
        rows, f"account_id string, category string, industry_code string, area_id string, is_open boolean, {values}"
    )
    got = {
        row["account_id"]: (row["peer_group"], row["peer_count"], row[f"{PEERS[0]}_percentile"])
        for row in with_peers(base, peer_groups(base)).collect()
    }
    assert got["a0"] == ("commercial/52/N", MIN_PEERS, 0.0)
    assert got[f"a{MIN_PEERS - 1}"] == ("commercial/52/N", MIN_PEERS, 1.0)
    assert got["b0"][:2] == ("commercial/52", MIN_PEERS + 3)
    assert got["c0"] == ("commercial", MIN_PEERS + 5, None)
    assert got["d0"] == ("commercial/52/N", MIN_PEERS, None)
    assert got["e0"] == ("residential", 1, 0.0)


@pytest.mark.parametrize(
    ("as_of", "first"),
    [
        (dt.date(2026, 3, 31), dt.date(2026, 1, 1)),
        (dt.date(2026, 1, 15), dt.date(2025, 11, 1)),
        (dt.date(2026, 12, 1), dt.date(2026, 10, 1)),
    ],
)
def test_the_window_of_a_shape_is_three_calendar_months(as_of: dt.date, first: dt.date) -> None:
    assert first_month(as_of) == first
