"""What the profile of one account reads: narrow questions to the warehouse, each bounded by the account, a window or a limit."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from gridlens.contracts.account_feature import ACCOUNT_FEATURE
from gridlens.contracts.bronze import BRONZE
from gridlens.contracts.graph import IDENTITY_LINK, PROFILE_EDGE
from gridlens.contracts.segment import SEGMENT, SEGMENT_PROFILE
from gridlens.contracts.silver import (
    ACCOUNT_TABLE,
    CALENDAR,
    CUSTOMER_IDENTITY,
    INTERVAL_DAY,
    INTERVAL_DAY_SUPERSEDED,
    METERING_POINT,
    REGISTER_READING,
    SILVER,
    TARIFF,
)
from gridlens.contracts.trajectory import TRAJECTORY
from gridlens.features.account_series import READ_KINDS
from gridlens.features.account_windows import local_day
from gridlens.fold.blocks import blocks_as_known
from gridlens.fold.versioned import as_known
from gridlens.pipelines.moments import end_of_local_day, of_moment
from gridlens.pipelines.questioned import questioned_bills
from gridlens.settings import Settings
from gridlens.tables import Table, empty
from gridlens.warehouse import Warehouse

IMPORT, EXPORT = "1.8.0", "2.8.0"
YEAR = 365
READ_DAYS = YEAR + 40
"""Days of register readings: so far back that a meter read once a month has a reading before the year begins."""
BILLS, PAYMENTS, CONTACTS, PURCHASES, EVENTS, EDGES, OTHERS = 24, 400, 15, 20, 400, 60, 12
OTHER = ("account_id", "category", "is_open", "energy_kwh_365d", "bill_amount_365d", "arrears_amount", "has_pv")
_BLOCK = ("metering_point_id", "channel", "local_date", "resolution_minutes", "zone", "values", "energy_kwh", "missing_count")
Row = dict[str, Any]


@dataclass(frozen=True)
class AccountReads:
    """The questions about one account at one (``as_of``, ``known_at``)."""

    warehouse: Warehouse
    settings: Settings
    account: str
    as_of: dt.date
    known_at: dt.datetime

    @cached_property
    def until(self) -> dt.datetime:
        """The moment at which as_of ends, UTC."""
        return end_of_local_day(self.as_of, self.settings.zone)

    @property
    def own(self) -> Column:
        return F.col("account_id") == self.account

    @property
    def at(self) -> Column:
        """Rows of exactly these moments."""
        return of_moment(self.as_of, self.known_at)

    def known(self, table: Table, condition: Column, keys: Sequence[str] | None = None) -> DataFrame:
        """The rows for which ``condition`` holds, as known."""
        return as_known(self.warehouse.read(table).where(condition), table, known_at=self.known_at, as_of=self.as_of, keys=keys)

    def base(self) -> Row | None:
        """The account itself."""
        return _first(self.known(ACCOUNT_TABLE, self.own))

    def identity(self) -> Row | None:
        """Who holds it, unmasked: for :mod:`gridlens.masking` only."""
        return _first(self.known(CUSTOMER_IDENTITY, self.own))

    def figures(self, names: Sequence[str]) -> Row | None:
        """Chosen account features of the moment."""
        return _first(self.warehouse.read(ACCOUNT_FEATURE).where(self.own & self.at).select(*names))

    def point_versions(self) -> list[Row]:
        """Every version of every metering point that the account holds or held."""
        points = self.warehouse.read(METERING_POINT)
        ids = points.where(self.own).select("metering_point_id").distinct()
        whole = points.join(ids, on="metering_point_id", how="left_semi")
        keys = ("metering_point_id", "valid_from")
        return _rows(as_known(whole, METERING_POINT, known_at=self.known_at, as_of=self.as_of, keys=keys))

    def readings(self, points: Sequence[str]) -> list[Row]:
        """Import registers of the year, every version known."""
        first = self.as_of - dt.timedelta(days=READ_DAYS)
        rows = self.warehouse.read(REGISTER_READING).where(
            (F.col("local_month") >= F.lit(first.replace(day=1)))
            & F.col("metering_point_id").isin(list(points))
            & (F.col("channel") == IMPORT)
            & F.col("read_date").between(F.lit(first), F.lit(self.as_of))
            & (F.col("known_from") <= F.lit(self.known_at))
            & F.col("read_kind").isin(*READ_KINDS)
        )
        return _rows(
            rows.select(
                "metering_point_id",
                F.col("read_date").alias("local_date"),
                "read_kind",
                F.xxhash64("meter_id").cast("double").alias("meter"),
                F.col("reading_total").cast("double").alias("reading_total"),
                F.unix_micros("known_from").cast("double").alias("known"),
                F.col("_content_hash").cast("double").alias("digest"),
            )
        )

    def blocks(self, points: Sequence[str]) -> pa.Table:
        """Interval blocks of the year, import and export."""
        first = self.as_of - dt.timedelta(days=YEAR - 1)
        inside = (
            (F.col("local_month") >= F.lit(first.replace(day=1)))
            & F.col("local_date").between(F.lit(first), F.lit(self.as_of))
            & F.col("metering_point_id").isin(list(points))
            & F.col("channel").isin(IMPORT, EXPORT)
        )
        current = self.warehouse.read(INTERVAL_DAY).where(inside)
        newest = current.select(*_BLOCK, (F.col("known_from") <= F.lit(self.known_at)).alias("_known")).toArrow()
        if pc.all(newest.column("_known"), min_count=0).as_py():  # as nearly always: the older versions need not be asked
            return newest.select(list(_BLOCK))
        older = self.warehouse.read(INTERVAL_DAY_SUPERSEDED).where(inside)
        return blocks_as_known(current, older, self.known_at).select(*_BLOCK).toArrow()

    def day_types(self) -> dict[dt.date, str]:
        """What each day of the year is."""
        first = self.as_of - dt.timedelta(days=YEAR - 1)
        of_company = (F.col("calendar_id") == self.settings.calendar) & F.col("local_date").between(F.lit(first), F.lit(self.as_of))
        return {row["local_date"]: row["day_type"] for row in _rows(self.warehouse.read(CALENDAR).where(of_company))}

    def periods(self, tariff: str | None) -> tuple[str, ...]:
        """Tariff period of each quarter hour in the month of as_of; empty where there is none."""
        if tariff is None:
            return ()
        in_force = (F.col("tariff_id") == tariff) & (F.col("valid_from") <= F.lit(self.as_of)) & (F.col("month") == self.as_of.month)
        row = self.warehouse.read(TARIFF).where(in_force).agg(F.max_by("periods", "valid_from").alias("periods")).first()
        return tuple(row["periods"]) if row and row["periods"] else ()

    def bills(self) -> list[Row]:
        """The last bills issued."""
        issued = self.known(SILVER["bill"], self.own).where(F.col("issued_on") <= F.lit(self.as_of))
        return _rows(issued.orderBy(F.desc("period_end"), F.desc("issued_on")).limit(BILLS))

    def payments(self) -> list[Row]:
        """The last payments, reversals included, newest first."""
        made = self.known(SILVER["payment"], self.own).where(F.col("paid_at") < F.lit(self.until))
        chosen = made.select(
            "payment_id",
            "bill_id",
            "amount",
            "channel",
            local_day("paid_at", self.settings.zone).alias("paid_on"),
            F.unix_micros("paid_at").alias("paid_at"),
        )
        return _rows(chosen.orderBy(F.desc("paid_at"), "payment_id").limit(PAYMENTS))

    def questioned(self) -> dict[str, dt.date] | None:
        """Since when nobody can say whether a bill is paid, by its id; None where rejected rows may not be read."""
        if self.warehouse.denied(BRONZE["payment"]):
            return None
        if empty(self.warehouse.read(BRONZE["payment"]).where(F.col("_rejected") & self.own)):
            return {}
        asked = questioned_bills(self.warehouse, as_of=self.as_of, known_at=self.known_at, of=self.own)
        return {row["bill_id"]: row["asked_on"] for row in asked.collect()}

    def contacts(self) -> list[Row]:
        """The last service tickets, newest first, without their transcripts."""
        opened = self.known(SILVER["service_event"], self.own).where(F.col("opened_at") < F.lit(self.until))
        chosen = opened.orderBy(F.desc("opened_at"), "event_id").limit(CONTACTS)
        closed = F.coalesce(F.col("closed_at") < F.lit(self.until), F.lit(False)).alias("closed")
        return _rows(chosen.select(local_day("opened_at", self.settings.zone).alias("on"), "kind", "channel", closed, "satisfaction"))

    def purchases(self) -> list[Row]:
        """The last purchases, newest first."""
        bought = self.known(SILVER["purchase"], self.own).where(F.col("purchased_on") <= F.lit(self.as_of))
        return _rows(bought.orderBy(F.desc("purchased_on"), "purchase_id").limit(PURCHASES))

    def products(self) -> dict[str, Row]:
        """The company's products by id."""
        products = self.known(SILVER["product"], F.lit(True)).select("product_id", "name_zh", "name_en", "category")
        return {row["product_id"]: row for row in _rows(products)}

    def events(self) -> list[Row]:
        """The last events of the trajectory, newest first."""
        first = self.as_of - dt.timedelta(days=READ_DAYS)
        inside = F.col("local_date").between(F.lit(first), F.lit(self.as_of)) & (F.col("local_month") >= F.lit(first.replace(day=1)))
        seen = self.warehouse.read(TRAJECTORY).where(inside & self.own & (F.col("known_from") <= F.lit(self.known_at)))
        newest = seen.orderBy(F.desc("occurred_at"), "event_type", "source_id").limit(EVENTS)
        return _rows(newest.select("local_date", "event_type", "channel", "object", "amount"))

    def segments(self) -> list[Row]:
        """The account's segments with their names."""
        placed = self.warehouse.read(SEGMENT).where(self.at & self.own & F.col("segment_id").isNotNull())
        named = self.warehouse.read(SEGMENT_PROFILE).where(self.at).select("segmentation", "segment_id", "name_zh", "name_en")
        own = placed.select("segmentation", "segment_id", "confidence").join(named, on=["segmentation", "segment_id"], how="inner")
        return _rows(own.orderBy("segmentation"))

    def edges(self) -> list[Row]:
        """The account's connections in the behaviour graph, those seen last first."""
        own = (F.col("from_type") == "account") & (F.col("from_id") == self.account)
        edges = self.warehouse.read(PROFILE_EDGE).where(self.at & own)
        return _rows(edges.orderBy(F.desc("last_seen"), "edge_type", "to_id").limit(EDGES))

    def parties(self, party: str) -> list[str]:
        """The parties that are the same person or company, this one included; empty where none was resolved."""
        links = self.warehouse.read(IDENTITY_LINK).where(self.at)
        person = links.where(F.col("party_id") == party).select("person_id")
        return sorted(row["party_id"] for row in links.join(person, on="person_id", how="left_semi").select("party_id").collect())

    def others(self, condition: Column) -> tuple[int, list[Row]]:
        """How many other accounts there are for which ``condition`` holds, and those of most energy."""
        rows = self.warehouse.read(ACCOUNT_FEATURE).where(self.at & condition & ~self.own)
        energy = F.coalesce("energy_kwh_365d", F.lit(-1.0)).alias("_energy")
        most = F.slice(F.sort_array(F.collect_list(F.struct(energy, *OTHER)), asc=False), 1, OTHERS)
        row = rows.agg(F.count("*").alias("n"), most.alias("most")).first()
        return (row["n"], [one.asDict() for one in row["most"]]) if row else (0, [])


def _rows(df: DataFrame) -> list[Row]:
    return [row.asDict() for row in df.collect()]


def _first(df: DataFrame) -> Row | None:
    row = df.first()
    return row.asDict() if row else None
