"""Service features: by hand at the edges, against plain pandas on random tickets, and blind to the future."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from gridlens.contracts.account_contact import SERVICE_FEATURES
from gridlens.contracts.codes import SERVICE_CHANNELS, SERVICE_KINDS
from gridlens.features.account_service import service_features
from pyspark.sql import DataFrame, SparkSession

AS_OF = dt.date(2026, 3, 31)
UNTIL = dt.datetime(2026, 3, 31, 16, tzinfo=dt.UTC)  # the end of 31 March in Shanghai
SCHEMA = "event_id string, account_id string, kind string, channel string, opened_at timestamp, closed_at timestamp, satisfaction int"
SECOND = dt.timedelta(seconds=1)


def before(days: float) -> dt.datetime:
    return UNTIL - dt.timedelta(days=days)


def events(spark: SparkSession, rows: list[tuple]) -> DataFrame:
    """From (account, kind, channel, opened, closed, satisfaction)."""
    return spark.createDataFrame([(f"E{number}", *row) for number, row in enumerate(rows)], SCHEMA)


def features_of(df: DataFrame) -> dict[str, dict]:
    return {row.account_id: row.asDict() for row in service_features(df, as_of=AS_OF, until=UNTIL).collect()}


def test_windows_begin_with_their_first_moment_and_end_before_until(spark: SparkSession) -> None:
    edges = [before(30), before(30) - SECOND, before(90), before(90) - SECOND, before(365), before(365) - SECOND, UNTIL - SECOND]
    rows = [("edge", "complaint", "field", moment, None, None) for moment in edges]
    rows += [("system", "disconnection", "system", before(1), before(0.5), None)]
    rows += [("system", "disconnection", "counter", before(4), before(3.5), None)]  # its holder asked for that one
    rows += [("tomorrow", "enquiry", "app", UNTIL, None, None)]
    rows += [("closed at the end", "enquiry", "counter", before(2.5), UNTIL, 1)]
    rows += [("closed", "enquiry", "web", before(2) + dt.timedelta(microseconds=1), UNTIL - SECOND, 2)]
    rows += [("out of range", "enquiry", "app", before(3), before(2), 9), ("out of range", "enquiry", "app", before(3), before(2), 0)]
    found = features_of(events(spark, rows))
    assert set(found) == {"edge", "system", "closed at the end", "closed", "out of range"}

    edge = found["edge"]
    assert [edge[f"contacts_{days}d"] for days in (30, 90, 365)] == [2, 4, 6]
    assert [edge["complaints_30d"], edge["complaints_365d"], edge["open_complaints"], edge["open_tickets"]] == [2, 6, 7, 7]
    assert [edge["days_since_contact"], edge["days_since_complaint"]] == [0, 0]
    assert [edge["hotline_share_365d"], edge["digital_contact_share_365d"], edge["counter_contact_share_365d"]] == [0.0, 0.0, 0.0]
    assert edge["resolve_hours_mean_365d"] is None

    system = found["system"]
    assert [system["contacts_365d"], system["disconnections_365d"], system["open_tickets"]] == [1, 1, 0]
    assert [system["days_since_contact"], system["hotline_share_365d"], system["resolve_hours_mean_365d"]] == [4, 0.0, 12.0]

    still_open = found["closed at the end"]
    assert [still_open["open_tickets"], still_open["open_complaints"], still_open["days_since_contact"]] == [1, 0, 2]
    assert [still_open["low_satisfaction_365d"], still_open["satisfaction_mean_365d"]] == [0, None]

    closed = found["closed"]
    assert [closed["open_tickets"], closed["days_since_contact"], closed["days_since_complaint"]] == [0, 1, None]
    assert [closed["low_satisfaction_365d"], closed["satisfaction_mean_365d"]] == [1, 2.0]
    assert [found["out of range"]["low_satisfaction_365d"], found["out of range"]["satisfaction_mean_365d"]] == [0, None]


def random_rows(seed: int, count: int = 400) -> list[tuple]:
    """Tickets of six accounts over two years, some open; all opened, and where closed closed, before ``until``."""
    rng = np.random.default_rng(seed)
    rows = []
    for _ in range(count):
        opened = before(float(rng.choice([rng.uniform(0, 31), rng.uniform(0, 730), 30.0, 90.0, 365.0])) + 0.001)
        closed = opened + (UNTIL - opened) * rng.uniform(0, 0.999) if rng.random() < 0.8 else None
        answer = int(rng.integers(1, 6)) if closed and rng.random() < 0.5 else None
        rows.append((f"A{rng.integers(6)}", str(rng.choice(SERVICE_KINDS)), str(rng.choice(SERVICE_CHANNELS)), opened, closed, answer))
    return rows


def oracle(rows: list[tuple]) -> dict[str, dict]:
    """The contract, account by account."""
    every = pd.DataFrame(rows, columns=["account_id", "kind", "channel", "opened", "closed", "answer"])
    every["age"] = (pd.Timestamp(UNTIL) - pd.to_datetime(every.opened, utc=True)) / pd.Timedelta(days=1)
    every["closed"] = pd.to_datetime(every.closed, utc=True)
    every["hours"] = (every.closed - pd.to_datetime(every.opened, utc=True)) / pd.Timedelta(hours=1)
    plural = {"enquiry": "enquiries", "capacity_change": "capacity_requests", "outage_enquiry": "outage_enquiries"}
    expected = {}
    for account, mine in every.groupby("account_id"):
        year, people = mine[mine.age <= 365], mine[mine.channel != "system"]
        contacts = people[people.age <= 365]
        counted = year[(year.kind != "disconnection") | (year.channel == "system")]
        complaints = mine[mine.kind == "complaint"]
        answers = year.answer.dropna()

        def mean(values: pd.Series) -> float | None:
            return None if values.dropna().empty else values.mean()

        expected[account] = {
            "account_id": account,
            **{f"contacts_{days}d": int((people.age <= days).sum()) for days in (30, 90, 365)},
            **{f"{plural.get(kind, kind + 's')}_365d": int((counted.kind == kind).sum()) for kind in SERVICE_KINDS},
            "complaints_30d": int((complaints.age <= 30).sum()),
            "hotline_share_365d": mean(contacts.channel == "hotline_95598"),
            "digital_contact_share_365d": mean(contacts.channel.isin(["app", "wechat", "web"])),
            "counter_contact_share_365d": mean(contacts.channel == "counter"),
            "open_tickets": int(mine.closed.isna().sum()),
            "open_complaints": int(complaints.closed.isna().sum()),
            "resolve_hours_mean_365d": mean(year.hours),
            "satisfaction_mean_365d": mean(answers),
            "low_satisfaction_365d": int((answers <= 2).sum()),
            "days_since_contact": int(people.age.min()) if len(people) else None,
            "days_since_complaint": int(complaints.age.min()) if len(complaints) else None,
        }
    return expected


def test_random_tickets_agree_with_pandas_whatever_happens_later(spark: SparkSession) -> None:
    rows = [*random_rows(1), ("never", "fault_report", "system", before(400), None, None)]
    expected = oracle(rows)
    result = service_features(events(spark, rows), as_of=AS_OF, until=UNTIL)
    assert [(f.name, f.dataType.simpleString()) for f in result.schema][1:] == [(f.name, f.type) for f in SERVICE_FEATURES]
    assert result.columns[0] == "account_id"

    # Tickets still open are closed afterwards, with a bad answer, and more are opened.
    later = [(*row[:4], row[4] or UNTIL + 3 * SECOND, row[5] if row[4] else 1) for row in rows]
    later += [(account, "complaint", "hotline_95598", UNTIL + 5 * SECOND, None, None) for account in ("A0", "never", "unborn")]
    for found in ({row.account_id: row.asDict() for row in result.collect()}, features_of(events(spark, later))):
        assert set(found) == set(expected)
        for account, values in expected.items():
            assert found[account] == pytest.approx(values), account
