"""profile_edge_v1: what is connected with what, since when, until when, how strongly; all from silver as known at one moment."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from gridlens.contracts.graph import PROFILE_EDGE
from gridlens.profile.events import local_day
from gridlens.profile.periods import periods, within

REACHED = ("delivered", "opened", "clicked")
"""Receipts that say that a message arrived."""
LOOKED = ("view", "search", "click")
_COLUMNS = ("from_type", "from_id", "edge_type", "to_type", "to_id", "valid_from", "valid_to", "weight", "last_seen")


@dataclass(frozen=True)
class GraphFacts:
    """What was known at one moment.

    Attributes:
        accounts: account, one row for each account_id and valid_from, none that begins after as_of.
        points: metering_point, likewise for each metering_point_id and valid_from.
        links: party_id and person_id.
        purchases, interactions, tickets, receipts: one row a key.
        products: product, one row for each product_id.
        alike: account_id, other_id and distance of those who behave alike; may be empty.
    """

    accounts: DataFrame
    points: DataFrame
    links: DataFrame
    purchases: DataFrame
    interactions: DataFrame
    tickets: DataFrame
    receipts: DataFrame
    products: DataFrame
    alike: DataFrame


def profile_edges(facts: GraphFacts, *, as_of: dt.date, known_at: dt.datetime, zone: str) -> DataFrame:
    """Rows of profile_edge_v1.

    Args:
        facts: what was known.
        as_of: last local day included; what ends later still stands.
        known_at: the moment that ``facts`` stand for, UTC.
        zone: IANA zone of the company: what a local day is.
    """
    day = F.lit(as_of)
    closed = _closing(facts.accounts, day)
    parts = (
        *_of_accounts(facts.accounts, facts.links, closed, day),
        *_of_points(facts.points, closed, day),
        *_of_network(facts.points, day),
        _bought(facts.purchases, day),
        _interested(facts.interactions, facts.products, day, zone),
        _contacted(facts.tickets, day, zone),
        _reached(facts.receipts, day, zone),
        _alike(facts.alike, day),
    )
    edges = reduce(DataFrame.unionByName, [part.select(*_COLUMNS) for part in parts])
    return PROFILE_EDGE.conform(edges.withColumns({"as_of": day, "known_at": F.lit(known_at)}))


def _closing(accounts: DataFrame, day: Column) -> DataFrame:
    """account_id and the day on which it was closed, null where it is open on ``day``."""
    newest = accounts.groupBy("account_id").agg(
        F.max_by("closed_on", F.struct("valid_from", "known_from", "_content_hash")).alias("closed_on")
    )
    return newest.select("account_id", F.when(F.col("closed_on") <= day, F.col("closed_on")).alias("closed_on"))


def _of_accounts(accounts: DataFrame, links: DataFrame, closed: DataFrame, day: Column) -> tuple[DataFrame, ...]:
    """holds and located_in."""
    held = accounts.join(links.select("party_id", "person_id"), on="party_id", how="left")
    held = held.withColumn("person_id", F.coalesce("person_id", "party_id"))
    holders = _until_closed(periods(held, ["account_id"], ["person_id"]), closed)
    places = _until_closed(periods(accounts, ["account_id"], ["area_id"]), closed)
    return (
        _state(holders, ("person", "person_id"), "holds", ("account", "account_id"), day),
        _state(places, ("account", "account_id"), "located_in", ("area", "area_id"), day),
    )


def _of_points(points: DataFrame, closed: DataFrame, day: Column) -> tuple[DataFrame, ...]:
    """supplied_at, measured_by and fed_by."""
    feeding = F.when(F.col("transformer_id").isNotNull(), "transformer").otherwise("feeder")
    fed = points.withColumns({"to_type": feeding, "to_id": F.coalesce("transformer_id", "feeder_id")})
    key = ["metering_point_id"]
    point = ("metering_point", "metering_point_id")
    return (
        _state(_until_closed(periods(points, key, ["account_id"]), closed), ("account", "account_id"), "supplied_at", point, day),
        _state(periods(points, key, ["meter_id"]), point, "measured_by", ("meter", "meter_id"), day),
        _state(periods(fed, key, ["to_type", "to_id"]), point, "fed_by", (None, "to_id"), day),
    )


def _of_network(points: DataFrame, day: Column) -> tuple[DataFrame, ...]:
    """part_of: what the points say about transformers and feeders, from the first that says so to the last."""
    return tuple(
        _state(_spans(periods(points, ["metering_point_id"], [low, high]), [low, high]), (kind, low), "part_of", (over, high), day)
        for kind, low, over, high in (("transformer", "transformer_id", "feeder", "feeder_id"), ("feeder", "feeder_id", "area", "area_id"))
    )


def _spans(rows: DataFrame, keys: Sequence[str]) -> DataFrame:
    """The whole time of each combination of ``keys``; gaps are not told."""
    known = rows.where(" AND ".join(f"{key} IS NOT NULL" for key in keys))
    open_ = F.max(F.col("valid_to").isNull())
    return known.groupBy(*keys).agg(F.min("valid_from").alias("valid_from"), F.when(~open_, F.max("valid_to")).alias("valid_to"))


def _until_closed(rows: DataFrame, closed: DataFrame) -> DataFrame:
    """``rows`` until their account was closed."""
    return within(rows.join(closed, on="account_id", how="left"), F.col("closed_on"))


def _bought(purchases: DataFrame, day: Column) -> DataFrame:
    """The first purchase to the end of the last subscription; weight is the number of purchases."""
    seen = purchases.where(F.col("purchased_on") <= day)
    ended = F.when(F.col("ended_on") <= day, F.greatest("ended_on", "purchased_on"))
    rows = seen.groupBy("account_id", "product_id").agg(
        F.min("purchased_on").alias("valid_from"),
        F.when(~F.max(ended.isNull()), F.max(ended)).alias("valid_to"),
        F.count("*").cast("double").alias("weight"),
        F.greatest(F.max("purchased_on"), F.max(ended)).alias("last_seen"),
    )
    return _edge(rows, ("account", "account_id"), "bought", ("product", "product_id"))


def _interested(interactions: DataFrame, products: DataFrame, day: Column, zone: str) -> DataFrame:
    """The first look at a product to the last; weight is the number of looks."""
    known = products.select(F.col("product_id").alias("object")).distinct()
    looks = interactions.where(F.col("kind").isin(*LOOKED)).join(known, on="object", how="left_semi")
    return _edge(_seen(looks, "object", day, zone), ("account", "account_id"), "interested_in", ("product", "object"))


def _reached(receipts: DataFrame, day: Column, zone: str) -> DataFrame:
    """The first message of a campaign that arrived to the last; weight is their number."""
    arrived = receipts.where(F.col("status").isin(*REACHED))
    rows = _seen(arrived, "campaign_id", day, zone, weight=F.countDistinct("message_key"))
    return _edge(rows, ("account", "account_id"), "reached_by", ("campaign", "campaign_id"))


def _seen(events: DataFrame, key: str, day: Column, zone: str, weight: Column | None = None) -> DataFrame:
    """Events of an account and ``key``: first and last local day, and how many."""
    dated = events.withColumn("on", local_day("occurred_at", zone)).where(F.col("on") <= day)
    count = F.count("*") if weight is None else weight
    rows = dated.groupBy("account_id", key).agg(
        F.min("on").alias("valid_from"), F.max("on").alias("valid_to"), count.cast("double").alias("weight")
    )
    return rows.withColumn("last_seen", F.col("valid_to"))


def _contacted(tickets: DataFrame, day: Column, zone: str) -> DataFrame:
    """The ticket's own time."""
    opened, closed = local_day("opened_at", zone), local_day("closed_at", zone)
    rows = tickets.select(
        "account_id", "event_id", opened.alias("valid_from"), F.when(closed <= day, F.greatest(closed, opened)).alias("valid_to")
    ).where(F.col("valid_from") <= day)
    told = rows.withColumns({"weight": F.lit(1.0), "last_seen": F.coalesce("valid_to", "valid_from")})
    return _edge(told, ("account", "account_id"), "contacted_about", ("ticket", "event_id"))


def _alike(pairs: DataFrame, day: Column) -> DataFrame:
    """Who behaves alike is found anew for each day."""
    told = pairs.withColumns(
        {"valid_from": day, "valid_to": F.lit(None).cast("date"), "weight": 1 / (1 + F.col("distance")), "last_seen": day}
    )
    return _edge(told, ("account", "account_id"), "behaves_like", ("account", "other_id"))


def _state(rows: DataFrame, start: tuple[str, str], kind: str, end: tuple[str | None, str], day: Column) -> DataFrame:
    """Connections that are or are not: they are said anew as long as they stand."""
    return _edge(rows.withColumns({"weight": F.lit(1.0), "last_seen": F.coalesce("valid_to", day)}), start, kind, end)


def _edge(rows: DataFrame, start: tuple[str, str], kind: str, end: tuple[str | None, str]) -> DataFrame:
    """``rows`` named as edges; where the end has no kind, the rows' own ``to_type`` says it."""
    return rows.select(
        F.lit(start[0]).alias("from_type"),
        F.col(start[1]).alias("from_id"),
        F.lit(kind).alias("edge_type"),
        (F.lit(end[0]) if end[0] else F.col("to_type")).alias("to_type"),
        F.col(end[1]).alias("to_id"),
        "valid_from",
        "valid_to",
        "weight",
        "last_seen",
    )
