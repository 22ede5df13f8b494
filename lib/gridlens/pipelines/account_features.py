"""Account features: silver as known, the load shapes as computed for the same moment → account_feature_v1."""

from __future__ import annotations

import datetime as dt
from functools import reduce
from typing import NamedTuple

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from gridlens.contracts.account_feature import ACCOUNT_FEATURE, TOLD_BY
from gridlens.contracts.consumption_year import YEAR_DAYS
from gridlens.contracts.gold import LOAD_SHAPE_DAY, LOAD_SHAPE_MONTH
from gridlens.contracts.ops import BATCH_ACCOUNT
from gridlens.contracts.silver import ACCOUNT_TABLE, CUSTOMER_IDENTITY, METERING_POINT, REGISTER_READING, SILVER
from gridlens.definitions import STAMP_LENGTH, fingerprint_of
from gridlens.features.account import AccountFacts, account_feature
from gridlens.fold.versioned import as_known
from gridlens.pipelines.load_shapes import shape_definitions
from gridlens.pipelines.moments import end_of_local_day, moment_where
from gridlens.pipelines.questioned import questioned_bills
from gridlens.settings import Settings
from gridlens.warehouse import Warehouse

LOOKUP_CALENDAR = ("local_date", "day_type", "days_to_spring_festival")


def batches_digest(warehouse: Warehouse) -> str:
    """What account features depend on beside load shapes: the batches loaded so far, whatever their entity."""
    batches = warehouse.read(BATCH_ACCOUNT).agg(F.count("*").alias("n"), F.bit_xor(F.xxhash64("_batch_id")).alias("digest")).first()
    return f"{batches['n']}:{batches['digest']}" if batches else ""


def facts_digest(warehouse: Warehouse) -> str:
    """:func:`batches_digest`, what the table is declared to hold, and the definitions that load shapes go by.

    A column that is new to an older warehouse has to be computed, and a past moment by the tariffs, calendar and checks of today's.
    """
    declared = [(f.name, f.type, getattr(f, "formula", "")) for f in ACCOUNT_FEATURE.fields]
    return f"{batches_digest(warehouse)}/{fingerprint_of([declared, shape_definitions(warehouse.settings)])[:STAMP_LENGTH]}"


class Shapes(NamedTuple):
    """Rows of load_shape_day_v1 and load_shape_month_v1."""

    days: DataFrame
    months: DataFrame


def standing_shapes(warehouse: Warehouse) -> Shapes:
    """Those of the shared tables."""
    return Shapes(warehouse.read(LOAD_SHAPE_DAY), warehouse.read(LOAD_SHAPE_MONTH))


def write_account_features(
    warehouse: Warehouse, settings: Settings, calendar: DataFrame, shapes: Shapes, as_of: dt.date, known_at: dt.datetime
) -> None:
    """Computes and writes the rows of one (``as_of``, ``known_at``); ``shapes`` are those of the same two moments."""
    facts = _facts(warehouse, calendar, shapes, as_of, known_at)
    until = end_of_local_day(as_of, settings.zone)
    features = account_feature(facts, as_of=as_of, known_at=known_at, until=until, zone=settings.zone)
    warehouse.replace(ACCOUNT_FEATURE, features, where=moment_where(as_of, known_at))


def _facts(warehouse: Warehouse, calendar: DataFrame, shapes: Shapes, as_of: dt.date, known_at: dt.datetime) -> AccountFacts:
    def known(name: str) -> DataFrame:
        return as_known(warehouse.read(SILVER[name]), SILVER[name], known_at=known_at, as_of=as_of)

    def versions(name: str, key: str) -> DataFrame:
        return as_known(warehouse.read(SILVER[name]), SILVER[name], known_at=known_at, as_of=as_of, keys=(key, "valid_from"))

    def seen(name: str) -> DataFrame:
        """The table's name where a row of it was known."""
        return warehouse.read(SILVER[name]).where(F.col("known_from") <= F.lit(known_at)).limit(1).select(F.lit(name).alias("name"))

    entities = sorted({entity for told_by in TOLD_BY.values() for entity in told_by})
    spoken = {row["name"] for row in reduce(DataFrame.unionByName, map(seen, entities)).collect()}
    points = warehouse.read(METERING_POINT)
    year_before = as_of - dt.timedelta(days=YEAR_DAYS)
    readings = warehouse.read(REGISTER_READING).where(F.col("known_from") <= F.lit(known_at))
    return AccountFacts(
        accounts=versions(ACCOUNT_TABLE.name, "account_id"),
        identities=known(CUSTOMER_IDENTITY.name).select("account_id", "birth_year"),
        points=versions(METERING_POINT.name, "metering_point_id"),
        points_now=as_known(points, METERING_POINT, known_at=known_at, as_of=as_of),
        points_before=as_known(points, METERING_POINT, known_at=known_at, as_of=year_before),
        readings=readings if warehouse.written(REGISTER_READING) else None,
        days=shapes.days,
        months=shapes.months,
        bills=known("bill"),
        items=known("bill_item"),
        payments=known("payment"),
        questioned=questioned_bills(warehouse, as_of=as_of, known_at=known_at),
        events=known("service_event"),
        purchases=known("purchase"),
        products=known("product"),
        interactions=known("interaction"),
        inspections=known("inspection"),
        surveys=known("energy_survey"),
        outages=known("outage_event"),
        weather=known("weather"),
        calendar=[row.asDict() for row in calendar.select(*LOOKUP_CALENDAR).collect()],  # some thousand days
        silent=frozenset(entities) - spoken,
    )
