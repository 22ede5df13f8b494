"""Every source's rows become events: a small world, each row with a reason."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from gridlens.contracts.trajectory import EVENT_TYPES, TRAJECTORY
from gridlens.profile.trajectory import TrajectoryFacts, trajectory
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

AS_OF = dt.date(2026, 3, 31)
KNOWN_AT = dt.datetime(2026, 4, 1, 16, tzinfo=dt.UTC)
ZONE = "Asia/Shanghai"
K = dt.datetime(2024, 4, 1, tzinfo=dt.UTC)
STATED = ("residential", None, "postpaid", True, "AR1", "OU1")
PREPAID = ("residential", None, "prepaid", None, "AR1", "OU1")


def d(text: str | None) -> dt.date | None:
    return dt.date.fromisoformat(text) if text else None


def utc(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


ACCOUNTS = [
    ("A1", "P1", *STATED, d("2020-05-01"), None, d("2020-05-01")),
    ("A1", "P1", *STATED, d("2020-05-01"), None, d("2025-01-01")),  # repeats
    ("A1", "P2", *STATED, d("2020-05-01"), None, d("2025-06-01")),  # holder changed
    ("A1", "P2", "commercial", *STATED[1:], d("2020-05-01"), None, d("2025-07-01")),  # account changed
    ("A2", "P3", *STATED, d("2026-01-10"), None, d("2026-01-10")),
    ("A2", "P3", *STATED, d("2026-01-10"), d("2026-03-20"), d("2026-03-10")),  # closed: the version itself says nothing else
    ("A3", "P4", *PREPAID, d("2019-01-01"), d("2026-05-01"), d("2019-01-01")),  # will close later
]
POINTS = [
    ("M1", "A1", "D1", "T1", 8.0, "R1", d("2024-04-01")),
    ("M1", "A1", "D2", "T1", 8.0, "R1", d("2025-02-01")),  # meter
    ("M1", "A1", "D2", "T1", 16.0, "R2", d("2025-03-01")),  # capacity (and tariff: one event)
    ("M1", "A1", "D2", "T2", 16.0, "R2", d("2025-04-01")),  # other transformer
    ("M1", "A1", "D2", "T2", 16.0, "R2", d("2025-05-01")),  # repeats
    ("M1b", "A1", "D9", "T2", 4.0, "R1", d("2024-04-01")),
    ("M2", "A2", "D3", "T1", 8.0, "R1", d("2026-01-10")),
]
BILLS = [
    ("B paid", "A1", "100", d("2026-01-05"), d("2026-01-20")),
    ("B late", "A1", "100", d("2025-12-05"), d("2025-12-20")),
    ("B arrears", "A1", "100", d("2025-10-05"), d("2025-10-20")),
    ("B cleared", "A1", "100", d("2025-08-05"), d("2025-08-20")),
    ("B due today", "A1", "100", d("2026-03-10"), d("2026-03-31")),
    ("B thirty", "A1", "100", d("2026-02-10"), d("2026-03-01")),
    ("B bounced", "A1", "100", d("2025-06-05"), d("2025-06-20")),
    ("B prepaid", "A3", "100", d("2025-12-05"), d("2025-12-20")),
    ("B credit", "A1", "-5", d("2025-11-05"), d("2025-11-20")),
    ("B asked", "A1", "100", d("2025-06-01"), d("2025-06-20")),
    ("B asked late", "A1", "100", d("2025-04-01"), d("2025-04-20")),
]
PAYMENTS = [
    ("p1", "A1", "B paid", utc("2026-01-20 15:59:59"), "100", "app", None),  # the last second of the due date
    ("p2", "A1", "B late", utc("2025-12-20 16:00:00"), "100", "app", None),  # the first of the next day
    ("p3", "A1", "B arrears", utc("2025-10-10 02:00:00"), "40", "app", None),
    ("p4", "A1", "B cleared", utc("2025-08-25 02:00:00"), "60", "app", None),
    ("p5", "A1", "B cleared", utc("2025-10-01 02:00:00"), "40", "counter", None),
    ("p6", "A1", "B bounced", utc("2025-06-10 02:00:00"), "100", "bank", None),
    ("p7", "A1", "B bounced", utc("2025-06-12 02:00:00"), "-100", "bank", "p6"),
    ("p8", "A1", "B bounced", utc("2025-06-19 02:00:00"), "100", "app", None),
    ("p9", "A3", None, utc("2026-01-01 02:00:00"), "50", "wechat", None),
    ("p10", "A1", "B thirty", utc("2026-03-31 16:00:00"), "100", "app", None),  # the day after as_of
]
SERVICES = [
    ("s1", "A1", "complaint", "app", utc("2026-01-31 16:30:00")),  # February in Shanghai
    ("s2", "A1", "disconnection", "system", utc("2026-02-02 02:00:00")),
    ("s3", "A1", "disconnection", "counter", utc("2026-02-03 02:00:00")),
    ("s4", "A1", "new_connection", "counter", utc("2026-02-04 02:00:00")),
]
PURCHASES = [
    ("u1", "A1", "PR1", d("2025-05-01"), d("2026-02-01"), "12.50", "app"),
    ("u2", "A1", "PR2", d("2025-05-01"), d("2026-04-01"), "8", "app"),  # ends tomorrow
]
INTERACTIONS = [
    ("i1", "A1", utc("2026-01-02 02:00:00"), "web", "view", "close_account"),
    ("i2", "A1", utc("2026-01-03 02:00:00"), "app", "login", None),
]
RECEIPTS = [
    ("r1", "A1", "C1", "sms", "accepted", utc("2026-01-04 02:00:00")),
    ("r2", "A1", "C1", "sms", "unsubscribed", utc("2026-01-05 02:00:00")),
]
INSPECTIONS = [
    ("n1", "M1", d("2026-01-06"), "theft", "99.90"),
    ("n2", "M2", d("2026-01-09"), "normal", None),  # a day before the account began
    ("n3", "M?", d("2026-01-09"), "normal", None),  # of a point that is not known
]
OUTAGES = [
    ("o1", "T1", "unplanned", utc("2025-03-31 15:00:00")),  # the last day of M1 on T1
    ("o2", "T2", "planned", utc("2025-04-01 02:00:00")),  # M1 and M1b of the same account: one event
    ("o3", "T1", "unplanned", utc("2026-03-20 02:00:00")),  # A2 on its last day
    ("o4", "T1", "unplanned", utc("2026-03-21 02:00:00")),  # nobody any more
]
CONSENTS = [
    ("P1", "sms", "marketing", True, d("2024-06-01")),
    ("P1", "sms", "marketing", False, d("2025-08-01")),  # P1 holds no account any more
    ("P2", "sms", "marketing", False, d("2025-08-01")),
    ("P2", "app", "marketing", True, d("2025-09-01")),
    ("P2", "app", "marketing", False, d("2025-09-05")),
]


MONEY = "decimal(18,2)"
STATED_COLUMNS = "category string, industry_code string, billing_kind string, autopay boolean, area_id string, org_unit_id string"
SCHEMAS = {
    "accounts": f"account_id string, party_id string, {STATED_COLUMNS}, opened_on date, closed_on date, valid_from date",
    "points": "metering_point_id string, account_id string, meter_id string, transformer_id string, feeder_id string, area_id string, "
    "voltage_level string, contract_capacity_kva double, ct_ratio double, pt_ratio double, tariff_id string, phases int, "
    "has_pv boolean, valid_from date",
    "bills": f"bill_id string, account_id string, amount {MONEY}, currency string, issued_on date, due_on date",
    "payments": f"payment_id string, account_id string, bill_id string, paid_at timestamp, amount {MONEY}, currency string, "
    "channel string, reversal_of string",
    "purchases": f"purchase_id string, account_id string, product_id string, purchased_on date, ended_on date, amount {MONEY}, "
    "currency string, channel string",
    "services": "event_id string, account_id string, kind string, channel string, opened_at timestamp",
    "interactions": "interaction_id string, account_id string, occurred_at timestamp, channel string, kind string, object string",
    "receipts": "receipt_id string, account_id string, campaign_id string, channel string, status string, occurred_at timestamp",
    "inspections": "inspection_id string, metering_point_id string, inspected_on date, finding string, "
    f"recovered_amount {MONEY}, currency string",
    "outages": "outage_id string, transformer_id string, kind string, started_at timestamp",
    "consents": "party_id string, channel string, purpose string, granted boolean, valid_from date",
    "questioned": "account_id string, bill_id string, asked_on date",
}


def facts_of(spark: SparkSession, **given: list[tuple]) -> TrajectoryFacts:
    """Frames of the rows given, all known since K; of all else empty ones."""
    frames = {
        name: spark.createDataFrame([(*row, K) for row in given.get(name, [])], f"{schema}, known_from timestamp")
        for name, schema in SCHEMAS.items()
    }
    return TrajectoryFacts(**frames)


@pytest.fixture(scope="module")
def rows(spark: SparkSession) -> list[dict[str, Any]]:
    facts = facts_of(
        spark,
        accounts=ACCOUNTS,
        points=[(m, a, meter, t, "F1", "AR1", "0.22kV", kva, 1.0, 1.0, r, 1, False, day) for m, a, meter, t, kva, r, day in POINTS],
        bills=[(b, a, Decimal(amount), "CNY", issued, due) for b, a, amount, issued, due in BILLS],
        payments=[(p, a, b, at, Decimal(amount), "CNY", channel, of) for p, a, b, at, amount, channel, of in PAYMENTS],
        purchases=[(p, a, product, on, end, Decimal(amount), "CNY", channel) for p, a, product, on, end, amount, channel in PURCHASES],
        services=SERVICES,
        interactions=INTERACTIONS,
        receipts=RECEIPTS,
        inspections=[(i, m, on, finding, Decimal(amount) if amount else None, "CNY") for i, m, on, finding, amount in INSPECTIONS],
        outages=OUTAGES,
        consents=CONSENTS,
        questioned=[
            ("A1", "B asked", d("2025-06-20")),
            ("A1", "B asked late", d("2025-05-20")),  # overdue for certain, and in arrears on that very day perhaps
            ("A1", "B cleared", d("2025-08-01")),  # covered all the same
        ],
    )
    found = TRAJECTORY.conform(trajectory(facts, as_of=AS_OF, known_at=KNOWN_AT, zone=ZONE))
    return [row.asDict() for row in found.withColumn("occurred_at", F.unix_micros("occurred_at")).collect()]


def told(rows: list[dict[str, Any]], table: str, *columns: str) -> set[tuple]:
    return {tuple(str(row[c]) for c in columns) for row in rows if row["source_table"] == table}


def test_accounts(rows: list[dict[str, Any]]) -> None:
    assert told(rows, "account", "account_id", "event_type", "local_date") == {
        ("A1", "account_opened", "2020-05-01"),
        ("A1", "holder_changed", "2025-06-01"),
        ("A1", "account_changed", "2025-07-01"),
        ("A2", "account_opened", "2026-01-10"),
        ("A2", "account_closed", "2026-03-20"),
        ("A3", "account_opened", "2019-01-01"),
    }


def test_points(rows: list[dict[str, Any]]) -> None:
    assert told(rows, "metering_point", "event_type", "object", "local_date") == {
        ("point_connected", "D1", "2024-04-01"),
        ("point_connected", "D9", "2024-04-01"),
        ("point_connected", "D3", "2026-01-10"),
        ("meter_exchanged", "D2", "2025-02-01"),
        ("capacity_changed", "M1", "2025-03-01"),
        ("point_changed", "M1", "2025-04-01"),
    }


def test_bills(rows: list[dict[str, Any]]) -> None:
    found = told(rows, "bill", "source_id", "event_type", "local_date", "amount")
    assert {row for row in found if row[1] != "bill_issued"} == {
        ("B late", "bill_overdue", "2025-12-21", "100.00"),
        ("B asked late", "bill_overdue", "2025-04-21", "100.00"),
        ("B arrears", "bill_overdue", "2025-10-21", "60.00"),
        ("B arrears", "bill_in_arrears", "2025-11-19", "60.00"),
        ("B cleared", "bill_overdue", "2025-08-21", "100.00"),
        ("B cleared", "bill_in_arrears", "2025-09-19", "40.00"),
        ("B cleared", "arrears_cleared", "2025-10-01", "100.00"),
        ("B thirty", "bill_overdue", "2026-03-02", "100.00"),
        ("B thirty", "bill_in_arrears", "2026-03-31", "100.00"),
    }
    assert {row[0] for row in found if row[1] == "bill_issued"} == {bill[0] for bill in BILLS}


def test_payments_and_purchases(rows: list[dict[str, Any]]) -> None:
    kinds = dict(told(rows, "payment", "source_id", "event_type"))
    late, back = {"p2", "p4", "p5"}, {"p7"}
    assert kinds == {
        f"p{n}": "late_payment" if f"p{n}" in late else "payment_reversed" if f"p{n}" in back else "payment" for n in range(1, 10)
    }
    assert told(rows, "purchase", "source_id", "event_type", "object", "amount", "local_date") == {
        ("u1", "purchase", "PR1", "12.50", "2025-05-01"),
        ("u1", "subscription_ended", "PR1", "None", "2026-02-01"),
        ("u2", "purchase", "PR2", "8.00", "2025-05-01"),
    }


def test_contacts(rows: list[dict[str, Any]]) -> None:
    assert told(rows, "service_event", "source_id", "event_type", "local_date") == {
        ("s1", "complaint", "2026-02-01"),
        ("s2", "disconnected", "2026-02-02"),
        ("s3", "closing_requested", "2026-02-03"),
        ("s4", "service_request", "2026-02-04"),
    }
    assert told(rows, "interaction", "event_type", "channel", "object") == {("view", "web", "close_account"), ("login", "app", "None")}
    assert told(rows, "campaign_receipt", "event_type", "object") == {("message_sent", "C1"), ("unsubscribe", "C1")}


def test_what_concerns_points_transformers_and_parties_reaches_the_accounts_of_the_day(rows: list[dict[str, Any]]) -> None:
    assert told(rows, "inspection", "account_id", "source_id", "object", "amount") == {("A1", "n1", "theft", "99.90")}
    assert told(rows, "outage_event", "account_id", "source_id", "object") == {
        ("A1", "o1", "unplanned"),
        ("A1", "o2", "planned"),
        ("A2", "o3", "unplanned"),
    }
    assert told(rows, "consent", "account_id", "event_type", "local_date") == {
        ("A1", "consent_given", "2024-06-01"),
        ("A1", "consent_refused", "2025-08-01"),
        ("A1", "consent_given", "2025-09-01"),
        ("A1", "consent_withdrawn", "2025-09-05"),
    }


NO_EVENT = {
    "account": 1,  # repeats the version before
    "metering_point": 1,  # repeats the version before
    "payment": 1,  # after as_of
    "inspection": 2,  # before the account; of an unknown point
    "outage_event": 1,  # nobody behind the transformer any more
    "consent": 1,  # of a party without an account
}
SOURCES = {
    "account": ACCOUNTS,
    "metering_point": POINTS,
    "bill": BILLS,
    "payment": PAYMENTS,
    "purchase": PURCHASES,
    "service_event": SERVICES,
    "interaction": INTERACTIONS,
    "campaign_receipt": RECEIPTS,
    "inspection": INSPECTIONS,
    "outage_event": OUTAGES,
    "consent": CONSENTS,
}


@pytest.mark.parametrize("source", SOURCES)
def test_no_source_row_is_lost(rows: list[dict[str, Any]], source: str) -> None:
    telling = {row["source_id"] for row in rows if row["source_table"] == source}
    assert len(SOURCES[source]) == len(telling) + NO_EVENT.get(source, 0)


def test_keys_are_unique_and_rows_are_whole(rows: list[dict[str, Any]]) -> None:
    keys = Counter(tuple(row[key] for key in TRAJECTORY.keys) for row in rows)
    assert set(keys.values()) == {1}
    for field in TRAJECTORY.fields:
        assert field.nullable or all(row[field.name] is not None for row in rows), field.name
    assert {row["event_type"] for row in rows} <= set(EVENT_TYPES)
    for row in rows:
        assert row["local_month"] == row["local_date"].replace(day=1)
        assert (row["amount"] is None) == (row["currency"] is None), row
        moment = dt.datetime.fromtimestamp(row["occurred_at"] / 1e6, ZoneInfo(ZONE))
        assert moment.date() == row["local_date"], row
        if row["source_table"] in ("bill", "account", "consent"):
            assert moment.time() == dt.time(23, 59, 59), "only the day is known"


def test_what_is_known_later_is_not_told(spark: SparkSession) -> None:
    """That a bill is unpaid is known when the day ends: not by one who knew what was known before."""
    bills = [("B", "A1", Decimal(100), "CNY", d("2026-01-05"), d("2026-01-20"))]
    facts = facts_of(spark, accounts=ACCOUNTS[:1], bills=bills)
    found = {}
    for hour in (15, 16):
        known_at = dt.datetime(2026, 1, 20, hour, tzinfo=dt.UTC)
        rows = trajectory(facts, as_of=dt.date(2026, 1, 31), known_at=known_at, zone=ZONE).collect()
        found[hour] = {row["event_type"] for row in rows}
    assert found == {15: {"account_opened", "bill_issued"}, 16: {"account_opened", "bill_issued", "bill_overdue"}}
