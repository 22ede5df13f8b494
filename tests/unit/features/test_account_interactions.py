"""Interaction features: by hand at the edges, against plain pandas on random behaviour, and blind to the future and the session's zone."""

from __future__ import annotations

import datetime as dt
import zoneinfo
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from gridlens.contracts.account_contact import INTERACTION_FEATURES
from gridlens.contracts.codes import INTERACTION_CHANNELS, INTERACTION_KINDS, PRODUCT_CATEGORIES
from gridlens.features.account_interactions import interaction_features
from pyspark.sql import DataFrame, SparkSession

AS_OF = dt.date(2026, 3, 31)
ZONE = "Europe/Berlin"  # clocks went forward on 29 March: the 90 days are an hour short of 90 × 24
UNTIL = dt.datetime(2026, 3, 31, 22, tzinfo=dt.UTC)
SECOND = dt.timedelta(seconds=1)
SCHEMA = "interaction_id string, account_id string, occurred_at timestamp, channel string, kind string, object string, duration_seconds int"
CATALOGUE = {"PR1": "pv", "PR2": "storage", "PR3": "ev_charging", "PR4": "pv"}
OBJECTS = [*CATALOGUE, None, "bill", "daily_usage", "tariff", "transfer_ownership", "close_account", "grid_connection", "PR-nowhere"]


def before(days: float) -> dt.datetime:
    return UNTIL - dt.timedelta(days=days)


@pytest.fixture(scope="module")
def products(spark: SparkSession) -> DataFrame:
    return spark.createDataFrame(list(CATALOGUE.items()), "product_id string, category string").coalesce(1)


def interactions(spark: SparkSession, rows: list[tuple]) -> DataFrame:
    """From (account, moment, channel, kind, object, duration)."""
    return spark.createDataFrame([(f"I{number}", *row) for number, row in enumerate(rows)], SCHEMA).coalesce(1)


def features_of(df: DataFrame, products: DataFrame) -> dict[str, dict]:
    result = interaction_features(df, products, as_of=AS_OF, until=UNTIL, zone=ZONE)
    return {row.account_id: row.asDict() for row in result.collect()}


def test_windows_ties_and_what_the_customer_did_not_do(spark: SparkSession, products: DataFrame) -> None:
    edges = [before(30), before(30) - SECOND, before(90), before(90) - SECOND, before(365), before(365) - SECOND, UNTIL - SECOND]
    rows = [("edge", moment, "web", "login", None, None) for moment in edges]
    rows += [("tie", before(1), "wechat", "view", "PR2", 10), ("tie", before(1), "app", "click", "PR1", 20)]
    rows += [("tie", before(2), "call", "search", "PR1", None), ("tie", before(2), "visit", "search", "close_account", None)]
    looks = ((UNTIL, "view"), (before(1), "view"), (before(1), "click"), (before(90), "search"), (before(90) - SECOND, "view"))
    rows += [("connects", moment, "web", kind, "grid_connection", None) for moment, kind in looks]
    rows += [("tie", before(2), "wechat", "click", "PR-nowhere", None), ("tie", before(2), "app", "search", "bill", None)]
    rows += [
        ("passive", before(5), "sms", "message_sent", "bill_reminder", None),
        ("passive", before(5), "market", "quote_received", "X", 5),
    ]
    rows += [
        ("opened twice", before(366), "sms", "message_sent", "offer", None),
        ("opened twice", before(9), "sms", "message_sent", "b", None),
    ]
    rows += [("opened twice", before(day), "sms", "message_opened", "offer", None) for day in (8, 9)]
    rows += [("tomorrow", UNTIL, "app", "login", None, None)]
    # 22:30 UTC is past midnight in Berlin after the change, and a moment of the window's first hour is of the day before.
    rows += [("days", dt.datetime(2026, 3, 30, hour, 30, tzinfo=dt.UTC), "app", "view", "bill", 0) for hour in (1, 21, 22)]
    rows += [("days", before(90), "app", "view", "daily_usage", 60)]
    rows += [("daily", before(day + 0.5), "app", "login", None, None) for day in range(100)]
    found = features_of(interactions(spark, rows), products)
    assert set(found) == {"edge", "tie", "connects", "passive", "opened twice", "days", "daily"}

    edge = found["edge"]
    assert [edge[f"interactions_{days}d"] for days in (30, 90, 365)] == [2, 4, 6]
    assert [edge["logins_30d"], edge["logins_90d"], edge["days_since_interaction"]] == [2, 4, 0]
    assert [edge["interaction_channel"], edge["digital_channels_365d"], edge["duration_mean_90d_s"]] == ["web", 1, None]
    assert [edge["product_interest"], edge["product_interest_views_90d"]] == [None, 0]

    tie = found["tie"]
    assert [tie["product_interest"], tie["product_interest_views_90d"], tie["product_views_90d"]] == ["pv", 1, 2]
    assert [tie["interaction_channel"], tie["digital_channels_365d"], tie["duration_mean_90d_s"]] == ["app", 2, 15.0]
    assert [tie["exit_page_views_90d"], tie["bill_views_90d"], tie["active_days_90d"]] == [1, 0, 2]

    assert [found["connects"][name] for name in ("grid_connection_views_90d", "exit_page_views_90d")] == [2, 0]

    passive = found["passive"]
    assert [passive["interactions_365d"], passive["quotes_90d"], passive["messages_sent_365d"]] == [0, 1, 1]
    assert [passive[name] for name in ("interaction_channel", "days_since_interaction", "duration_mean_90d_s")] == [None, None, None]
    assert [passive["message_open_share_365d"], found["opened twice"]["message_open_share_365d"]] == [0.0, 1.0]
    assert [edge["message_open_share_365d"], found["opened twice"]["messages_opened_365d"]] == [None, 2]

    days = found["days"]
    assert [days["active_days_90d"], days["views_90d"], days["bill_views_90d"], days["usage_views_90d"]] == [2, 4, 3, 1]
    assert [days["duration_mean_90d_s"], found["daily"]["active_days_90d"]] == [15.0, 90]


def random_rows(seed: int, count: int = 600) -> list[tuple]:
    """Two years of six accounts, half of them in the last 90 days."""
    rng = np.random.default_rng(seed)
    rows = []
    for _ in range(count):
        moment = before(float(rng.choice([rng.uniform(0, 92), rng.uniform(0, 730), rng.choice([30.0, 90.0, 365.0])])) + 1e-6)
        seconds = int(rng.integers(0, 500)) if rng.random() < 0.6 else None
        channel, kind = str(rng.choice(INTERACTION_CHANNELS)), str(rng.choice(INTERACTION_KINDS))
        rows.append((f"A{rng.integers(6)}", moment, channel, kind, OBJECTS[rng.integers(len(OBJECTS))], seconds))
    return rows


def most(values: list[str]) -> tuple[str | None, int]:
    """The most frequent value, of several the first in the alphabet, and how often it is there."""
    return min(Counter(values).items(), key=lambda item: (-item[1], item[0]), default=(None, 0))


def oracle(rows: list[tuple]) -> dict[str, dict]:
    """The contract, account by account."""
    every = pd.DataFrame(rows, columns=["account_id", "moment", "channel", "kind", "object", "seconds"])
    every["age"] = (pd.Timestamp(UNTIL) - pd.to_datetime(every.moment, utc=True)) / pd.Timedelta(days=1)
    every["day"] = [moment.astimezone(zoneinfo.ZoneInfo(ZONE)).date() for moment in every.moment]
    expected = {}
    for account, mine in every.groupby("account_id"):
        kinds = {days: Counter(mine[mine.age <= days].kind) for days in (30, 90, 365)}
        own = mine[~mine.kind.isin(["message_sent", "quote_received"])]
        quarter, year = mine[mine.age <= 90], own[own.age <= 365]
        looked = quarter[quarter.kind.isin(["view", "click"]) & quarter.object.isin(list(CATALOGUE))]
        interest, views = most([CATALOGUE[product] for product in looked.object])
        seconds = own[own.age <= 90].seconds.dropna()
        sent, opened = kinds[365]["message_sent"], kinds[365]["message_opened"]
        pages = Counter(quarter[quarter.kind == "view"].object)
        leaving = quarter.kind.isin(["view", "search"]) & quarter.object.isin(["transfer_ownership", "close_account"])
        expected[account] = {
            "account_id": account,
            **{f"interactions_{days}d": int((own.age <= days).sum()) for days in (30, 90, 365)},
            "logins_30d": kinds[30]["login"],
            "logins_90d": kinds[90]["login"],
            "active_days_90d": own[own.day > AS_OF - dt.timedelta(days=90)].day.nunique(),
            "views_90d": kinds[90]["view"],
            "clicks_90d": kinds[90]["click"],
            "searches_365d": kinds[365]["search"],
            "product_views_90d": len(looked),
            "product_interest": interest,
            "product_interest_views_90d": views,
            "exit_page_views_90d": int(leaving.sum()),
            "grid_connection_views_90d": int((quarter.kind.isin(["view", "search"]) & (quarter.object == "grid_connection")).sum()),
            "bill_views_90d": pages["bill"],
            "usage_views_90d": pages["daily_usage"],
            "tariff_searches_365d": int(((mine.age <= 365) & (mine.kind == "search") & (mine.object == "tariff")).sum()),
            "quotes_90d": kinds[90]["quote_received"],
            "quotes_365d": kinds[365]["quote_received"],
            "messages_sent_365d": sent,
            "messages_opened_365d": opened,
            "message_open_share_365d": min(1.0, opened / sent) if sent else None,
            "unsubscribes_365d": kinds[365]["unsubscribe"],
            "feedback_365d": kinds[365]["feedback"],
            "duration_mean_90d_s": seconds.mean() if len(seconds) else None,
            "days_since_interaction": int(own.age.min()) if len(own) else None,
            "interaction_channel": most(year.channel.tolist())[0],
            "digital_channels_365d": len({"app", "web", "wechat"} & set(year.channel)),
        }
    return expected


def test_random_behaviour_agrees_with_pandas_whatever_happens_later(spark: SparkSession, products: DataFrame) -> None:
    rows = [*random_rows(3), ("once", before(500), "app", "login", None, None), ("once", before(3), "sms", "message_sent", "b", None)]
    expected = oracle(rows)
    result = interaction_features(interactions(spark, rows), products, as_of=AS_OF, until=UNTIL, zone=ZONE)
    assert [(f.name, f.dataType.simpleString()) for f in result.schema][1:] == [(f.name, f.type) for f in INTERACTION_FEATURES]
    assert result.columns[0] == "account_id"
    assert {f.name: f.allowed for f in INTERACTION_FEATURES if f.type == "string"} == {
        "product_interest": PRODUCT_CATEGORIES,
        "interaction_channel": INTERACTION_CHANNELS,
    }

    found = [{row.account_id: row.asDict() for row in result.collect()}]
    later = [(account, UNTIL, "market", kind, "PR3", 9000) for account in ("A0", "once", "unborn") for kind in INTERACTION_KINDS * 9]
    zone = spark.conf.get("spark.sql.session.timeZone")
    try:
        spark.conf.set("spark.sql.session.timeZone", "Australia/Sydney")
        found.append(features_of(interactions(spark, rows + later), products))
    finally:
        spark.conf.set("spark.sql.session.timeZone", zone)
    for answer in found:
        assert set(answer) == set(expected)
        for account, values in expected.items():
            assert answer[account] == pytest.approx(values), account
