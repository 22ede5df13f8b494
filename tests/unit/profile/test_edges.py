"""Edges of the graph: validity from versions, strength and days from events; nothing after the day is in them."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from gridlens.contracts.graph import PROFILE_EDGE
from gridlens.contracts.silver import SILVER
from gridlens.profile.edges import GraphFacts, profile_edges
from gridlens.profile.queries import group, neighbours, totals
from gridlens.tables import Table
from pyspark.sql import DataFrame, SparkSession

AS_OF = dt.date(2026, 3, 31)
KNOWN = dt.datetime(2026, 4, 1, 16, tzinfo=dt.UTC)


def d(day: str) -> dt.date:
    """A day of 2026 from month-day, or a whole one."""
    return dt.date.fromisoformat(day if len(day) > 5 else f"2026-{day}")


def utc(text: str) -> dt.datetime:
    """A moment of 2026, UTC."""
    return dt.datetime.fromisoformat(f"2026-{text}").replace(tzinfo=dt.UTC)


def frame(spark: SparkSession, table: Table, *rows: dict[str, Any]) -> DataFrame:
    """Rows of a silver table; what a row does not state is null, its own times are old."""
    common = {"known_from": utc("01-01 00:00"), "_content_hash": 1}
    names = table.columns
    schema = table.schema
    for field in schema.fields:
        field.nullable = True
    return spark.createDataFrame([tuple((common | row).get(name) for name in names) for row in rows], schema)


def account(key: str, party: str, since: str, closed: str | None = None) -> dict[str, Any]:
    return {"account_id": key, "party_id": party, "valid_from": d(since), "closed_on": closed and d(closed), "area_id": "N"}


def point(key: str, account_id: str, since: str, meter: str, transformer: str | None) -> dict[str, Any]:
    place = {"transformer_id": transformer, "feeder_id": "F1", "area_id": "N"}
    return {"metering_point_id": key, "account_id": account_id, "valid_from": d(since), "meter_id": meter, **place}


def bought(key: str, account_id: str, product: str, on: str, ended: str | None = None) -> dict[str, Any]:
    times = {"purchased_on": d(on), "ended_on": ended and d(ended)}
    return {"purchase_id": key, "account_id": account_id, "product_id": product, **times}


def looked(key: str, kind: str, what: str, at: str) -> dict[str, Any]:
    return {"interaction_id": key, "account_id": "A1", "kind": kind, "object": what, "occurred_at": utc(at)}


def receipt(key: str, message: str, status: str, at: str) -> dict[str, Any]:
    return {"receipt_id": key, "campaign_id": "K", "message_key": message, "account_id": "A1", "status": status, "occurred_at": utc(at)}


@pytest.fixture(scope="module")
def edges(spark: SparkSession) -> DataFrame:
    """A1 moves from Y1 to Y2, who is Y1 as well, then to Y3; A2 is closed; P1's meter is exchanged and its transformer relieved."""
    facts = GraphFacts(
        accounts=frame(
            spark,
            SILVER["account"],
            account("A1", "Y1", "2020-01-01"),
            account("A1", "Y2", "02-01"),
            account("A1", "Y3", "03-01"),
            account("A2", "Y2", "2021-01-01"),
            account("A2", "Y2", "03-10", closed="03-10"),
            account("A3", "Y9", "2021-01-01", closed="04-15"),
        ),
        points=frame(
            spark,
            SILVER["metering_point"],
            point("P1", "A1", "2020-01-01", "M1", "T1"),
            point("P1", "A1", "02-10", "M2", "T1"),
            point("P1", "A1", "03-05", "M2", "T2"),
            point("P2", "A2", "2021-01-01", "M3", "T2"),
            point("P3", "A3", "2021-01-01", "M4", None),
            point("P4", "A3", "2022-01-01", "M5", "T2"),
        ),
        links=spark.createDataFrame([("Y1", "Y1"), ("Y2", "Y1"), ("Y3", "Y3")], "party_id string, person_id string"),
        purchases=frame(
            spark,
            SILVER["purchase"],
            bought("B1", "A1", "PR1", "01-05", ended="02-05"),
            bought("B2", "A1", "PR1", "02-20", ended="05-01"),
            bought("B3", "A3", "PR1", "01-05", ended="03-01"),
            bought("B4", "A3", "PR2", "04-01"),
        ),
        interactions=frame(
            spark,
            SILVER["interaction"],
            looked("I1", "view", "PR1", "03-01 15:59"),
            looked("I2", "click", "PR1", "03-01 16:00"),  # the next day in Shanghai
            looked("I3", "view", "help page", "03-01 10:00"),
            looked("I4", "message_opened", "PR1", "03-20 10:00"),
            looked("I5", "view", "PR1", "03-31 16:00"),  # after the day has ended
        ),
        tickets=frame(
            spark,
            SILVER["service_event"],
            {"event_id": "E1", "account_id": "A1", "opened_at": utc("03-01 01:00"), "closed_at": utc("03-03 01:00")},
            {"event_id": "E2", "account_id": "A1", "opened_at": utc("03-30 01:00"), "closed_at": utc("04-03 01:00")},
        ),
        receipts=frame(
            spark,
            SILVER["campaign_receipt"],
            receipt("R1", "m1", "accepted", "03-01 01:00"),
            receipt("R2", "m1", "delivered", "03-02 01:00"),
            receipt("R3", "m1", "opened", "03-04 01:00"),
            receipt("R4", "m2", "delivered", "03-09 01:00"),
            receipt("R5", "m3", "failed", "03-10 01:00"),
        ),
        products=frame(spark, SILVER["product"], {"product_id": "PR1"}, {"product_id": "PR2"}),
        alike=spark.createDataFrame([("A1", "A3", 0.25)], "account_id string, other_id string, distance double"),
    )
    return profile_edges(facts, as_of=AS_OF, known_at=KNOWN, zone="Asia/Shanghai").cache()


def test_every_edge(edges: DataFrame) -> None:
    expected = """
    person Y1 holds account A1 2020-01-01 2026-02-28 1 2026-02-28
    person Y3 holds account A1 2026-03-01 - 1 2026-03-31
    person Y1 holds account A2 2021-01-01 2026-03-10 1 2026-03-10
    person Y9 holds account A3 2021-01-01 - 1 2026-03-31
    account A1 located_in area N 2020-01-01 - 1 2026-03-31
    account A2 located_in area N 2021-01-01 2026-03-10 1 2026-03-10
    account A3 located_in area N 2021-01-01 - 1 2026-03-31
    account A1 supplied_at metering_point P1 2020-01-01 - 1 2026-03-31
    account A2 supplied_at metering_point P2 2021-01-01 2026-03-10 1 2026-03-10
    account A3 supplied_at metering_point P3 2021-01-01 - 1 2026-03-31
    account A3 supplied_at metering_point P4 2022-01-01 - 1 2026-03-31
    metering_point P1 measured_by meter M1 2020-01-01 2026-02-09 1 2026-02-09
    metering_point P1 measured_by meter M2 2026-02-10 - 1 2026-03-31
    metering_point P2 measured_by meter M3 2021-01-01 - 1 2026-03-31
    metering_point P3 measured_by meter M4 2021-01-01 - 1 2026-03-31
    metering_point P4 measured_by meter M5 2022-01-01 - 1 2026-03-31
    metering_point P1 fed_by transformer T1 2020-01-01 2026-03-04 1 2026-03-04
    metering_point P1 fed_by transformer T2 2026-03-05 - 1 2026-03-31
    metering_point P2 fed_by transformer T2 2021-01-01 - 1 2026-03-31
    metering_point P3 fed_by feeder F1 2021-01-01 - 1 2026-03-31
    metering_point P4 fed_by transformer T2 2022-01-01 - 1 2026-03-31
    transformer T1 part_of feeder F1 2020-01-01 2026-03-04 1 2026-03-04
    transformer T2 part_of feeder F1 2021-01-01 - 1 2026-03-31
    feeder F1 part_of area N 2020-01-01 - 1 2026-03-31
    account A1 bought product PR1 2026-01-05 - 2 2026-02-20
    account A3 bought product PR1 2026-01-05 2026-03-01 1 2026-03-01
    account A1 interested_in product PR1 2026-03-01 2026-03-02 2 2026-03-02
    account A1 contacted_about ticket E1 2026-03-01 2026-03-03 1 2026-03-03
    account A1 contacted_about ticket E2 2026-03-30 - 1 2026-03-30
    account A1 reached_by campaign K 2026-03-02 2026-03-09 2 2026-03-09
    account A1 behaves_like account A3 2026-03-31 - 0.8 2026-03-31
    """
    columns = ("from_type", "from_id", "edge_type", "to_type", "to_id", "valid_from", "valid_to", "weight", "last_seen")
    rows = edges.collect()
    shown = sorted(" ".join("-" if row[c] is None else f"{row[c]:g}" if c == "weight" else str(row[c]) for c in columns) for row in rows)
    assert shown == sorted(line.strip() for line in expected.strip().splitlines())
    keys = [tuple(row[key] for key in PROFILE_EDGE.keys) for row in rows]
    assert len(set(keys)) == len(keys)


def test_neighbours_are_those_fed_now_the_most_similar_first(spark: SparkSession, edges: DataFrame) -> None:
    features = spark.createDataFrame(
        [("A1", "residential", 999.0), ("A3", "commercial", 1999.0), ("A4", "residential", 999.0)],
        "account_id string, category string, energy_kwh_365d double",
    )
    rows = neighbours(edges, features, "A1").collect()
    assert [(row["account_id"], row["transformer_id"], row["similarity"]) for row in rows] == [
        ("A3", "T2", pytest.approx(0.5 / 2.718282, abs=2e-6))
    ]
    alone = neighbours(edges, features.limit(0), "A3").collect()
    assert [(row["account_id"], row["similarity"]) for row in alone] == [("A1", None)]


def test_a_group_is_what_one_person_holds_now(spark: SparkSession, edges: DataFrame) -> None:
    features = spark.createDataFrame(
        [("A1", "Y3", "N", "residential", True, 10.0, 5.5, 0.0), ("A2", "Y2", "N", "residential", False, 99.0, 9.0, 1.0)],
        "account_id string, party_id string, area_id string, category string, is_open boolean, energy_kwh_365d double, "
        "bill_amount_365d double, arrears_amount double",
    )
    rows = group(edges, features, "A1")
    assert [(row["person_id"], row["account_id"], row["bill_amount_365d"]) for row in rows.collect()] == [("Y3", "A1", 5.5)]
    assert totals(rows).collect()[0].asDict() == {"accounts": 1, "energy_kwh_365d": 10.0, "bill_amount_365d": 5.5, "arrears_amount": 0.0}
    assert group(edges, features, "A2").collect() == []
