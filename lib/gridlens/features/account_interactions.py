"""Interactions of an account: how active it is, by which channel, what it looks at, and what others send it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from functools import reduce
from operator import add

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from gridlens.contracts.account_contact import CONNECTION_PAGE, DIGITAL_CHANNELS, EXIT_PAGES, INTERACTION_FEATURES, NOT_OWN_KINDS
from gridlens.contracts.codes import INTERACTION_CHANNELS, PRODUCT_CATEGORIES
from gridlens.features.account_windows import local_day, whole_days

_KIND_COUNTS = {
    "logins_30d": ("login", 30),
    "logins_90d": ("login", 90),
    "views_90d": ("view", 90),
    "clicks_90d": ("click", 90),
    "searches_365d": ("search", 365),
    "quotes_90d": ("quote_received", 90),
    "quotes_365d": ("quote_received", 365),
    "messages_sent_365d": ("message_sent", 365),
    "messages_opened_365d": ("message_opened", 365),
    "unsubscribes_365d": ("unsubscribe", 365),
    "feedback_365d": ("feedback", 365),
}


def interaction_features(interactions: DataFrame, products: DataFrame, *, as_of: dt.date, until: dt.datetime, zone: str) -> DataFrame:
    """Activity, interests and reactions to messages, one row for each account with an interaction before ``until``.

    Args:
        interactions: rows of silver.interaction as known at one moment, one for each interaction_id.
        products: rows of silver.product as known and in force on ``as_of``, one for each product_id.
        as_of: last local day included.
        until: UTC moment at which ``as_of`` ends in ``zone``.
        zone: IANA zone of the company, in which active days are counted.

    Returns:
        account_id and INTERACTION_FEATURES.
    """
    recent = {days: F.col("occurred_at") >= F.lit(until - dt.timedelta(days=days)) for days in (30, 90, 365)}
    own = ~F.col("kind").isin(*NOT_OWN_KINDS)
    days_ago = F.when(own, F.datediff(F.lit(as_of), local_day(F.col("occurred_at"), zone)))
    category = F.when(F.col("kind").isin("view", "click") & recent[90], F.col("category"))
    catalogue = products.select(F.col("product_id").alias("object"), "category")
    totals = (
        interactions.where(F.col("occurred_at") < F.lit(until))
        # A catalogue is small: with it at hand the interactions are shuffled once, by account.
        .join(F.broadcast(catalogue), on="object", how="left")
        .groupBy("account_id")
        .agg(
            *[F.count_if(own & inside).alias(f"interactions_{days}d") for days, inside in recent.items()],
            *[F.count_if((F.col("kind") == kind) & recent[days]).alias(name) for name, (kind, days) in _KIND_COUNTS.items()],
            *[F.count_if(condition).alias(name) for name, condition in _page_counts(recent).items()],
            *[F.count_if(category == code).alias(f"_category_{code}") for code in PRODUCT_CATEGORIES],
            *[F.count_if(own & recent[365] & (F.col("channel") == code)).alias(f"_channel_{code}") for code in INTERACTION_CHANNELS],
            F.count(category).alias("product_views_90d"),
            (_distinct_days(days_ago, 0, 63) + _distinct_days(days_ago, 64, 89)).alias("active_days_90d"),
            F.avg(F.when(own & recent[90], F.col("duration_seconds"))).alias("duration_mean_90d_s"),
            whole_days(F.max(F.when(own, F.col("occurred_at"))), until).alias("days_since_interaction"),
        )
    )
    categories = {code: F.col(f"_category_{code}") for code in PRODUCT_CATEGORIES}
    channels = {code: F.col(f"_channel_{code}") for code in INTERACTION_CHANNELS}
    accounts = totals.withColumns(
        {
            "product_interest": _most_frequent(categories),
            "product_interest_views_90d": F.greatest(*categories.values()),
            "interaction_channel": _most_frequent(channels),
            "digital_channels_365d": reduce(add, [(channels[code] > 0).cast("int") for code in DIGITAL_CHANNELS]),
            # Opened twice, or sent before the window: more may be opened than sent.
            "message_open_share_365d": F.try_divide(F.least("messages_opened_365d", "messages_sent_365d"), "messages_sent_365d"),
        }
    )
    return accounts.select("account_id", *[F.col(f.name).cast(f.type) for f in INTERACTION_FEATURES])


def _page_counts(recent: Mapping[int, Column]) -> dict[str, Column]:
    """What was looked at or for, by name of the count."""
    viewed, searched = (F.col("kind") == kind for kind in ("view", "search"))
    return {
        "exit_page_views_90d": (viewed | searched) & F.col("object").isin(*EXIT_PAGES) & recent[90],
        "grid_connection_views_90d": (viewed | searched) & (F.col("object") == CONNECTION_PAGE) & recent[90],
        "bill_views_90d": viewed & (F.col("object") == "bill") & recent[90],
        "usage_views_90d": viewed & (F.col("object") == "daily_usage") & recent[90],
        "tariff_searches_365d": searched & (F.col("object") == "tariff") & recent[365],
    }


def _distinct_days(days_ago: Column, least: int, most: int) -> Column:
    """How many different values from ``least`` to ``most``, 64 at most, ``days_ago`` has in a group.

    Each is a bit of one integer. All features of 6 million rows took 7.5 s so, 9.6 s with count_distinct, which shuffles a second
    time, and 23 s with collect_set (2 cores, 2026-11).
    """
    bit = F.when(days_ago.between(least, most), days_ago - least)
    seen = F.bit_or(F.call_function("shiftleft", F.lit(1).cast("bigint"), bit))
    return F.coalesce(F.bit_count(seen), F.lit(0))


def _most_frequent(counts: Mapping[str, Column]) -> Column:
    """The code with the highest count, of several the first in the alphabet; null where all are 0."""
    highest = F.greatest(*counts.values())
    return F.coalesce(*[F.when((counts[code] == highest) & (highest > 0), F.lit(code)) for code in sorted(counts)])
