"""Profile: everything known of one account at one moment, read by narrow questions side by side → one picture."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from decimal import Decimal
from typing import Any

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from gridlens.contracts.account_feature import BASE_FIELDS, PEERS
from gridlens.contracts.graph import IDENTITY_LINK, PROFILE_EDGE
from gridlens.contracts.silver import INTERVAL_DAY, REGISTER_READING
from gridlens.contracts.trajectory import TRAJECTORY
from gridlens.errors import SettingsError
from gridlens.masking import decade, mask_address, mask_document, mask_name, mask_phone
from gridlens.pipelines.declared import tag_library
from gridlens.pipelines.moments import knowledge_of_day
from gridlens.pipelines.profile_load import load_of
from gridlens.pipelines.profile_reads import AccountReads, holdings
from gridlens.pipelines.profile_tags import tags_of
from gridlens.pipelines.tag_state import newest_features
from gridlens.profile.dealings import Bought, Contact, Edge, Event, Other, Others, Paid
from gridlens.profile.ledger import bills_with_payments
from gridlens.profile.picture import Identity, Peer, Point, Profile
from gridlens.settings import Settings
from gridlens.tags.library import TagLibrary
from gridlens.warehouse import Warehouse

READERS = 6
"""Questions asked at the same time: each is mostly planning, which waits for nothing but itself."""
EVENTS_SHOWN, PAYMENTS_SHOWN = 40, 12
FIGURES = (
    *(f.name for f in BASE_FIELDS),
    *("is_open", "account_age_days", "party_accounts", "holder_changes_730d", "point_count", "has_pv", "contract_capacity_kva"),
    *("energy_kwh_30d", "energy_kwh_90d", "energy_kwh_365d", "energy_growth_365d", "energy_growth_year_90d", "days_known_365d"),
    *("mean_kw", "peak_kw", "load_factor", "night_share", "peak_hour", "export_kwh", "full_load_hours_365d"),
    *("bill_amount_365d", "bill_count_365d", "last_bill_amount", "average_price_365d", "bill_amount_growth_365d"),
    *("arrears_amount", "arrears_months", "days_outstanding", "open_bills", "late_bills_365d", "bills_due_365d", "late_share_365d"),
    *("days_to_pay_mean_365d", "payment_channel", "top_ups_90d", "days_since_payment"),
    *("contacts_365d", "complaints_365d", "open_tickets", "satisfaction_mean_365d", "days_since_contact", "outages_365d"),
    *("logins_90d", "interactions_90d", "interaction_channel", "product_interest", "quotes_365d", "exit_page_views_90d"),
    *("messages_sent_365d", "message_open_share_365d", "running_products", "purchase_amount_365d"),
    *("peer_group", "peer_count", *PEERS, *(f"{name}_percentile" for name in PEERS)),
)
_BASE = (
    *("party_id", "party_kind", "category", "industry_code", "billing_kind", "autopay"),
    *("opened_on", "closed_on", "area_id", "org_unit_id"),
)
_UNITS = {"energy_kwh_365d": "kWh", "average_price_365d": "CNY/kWh"}


def profile_of(
    spark: SparkSession,
    settings: Settings,
    account: str,
    *,
    as_of: dt.date | None = None,
    known_at: dt.datetime | None = None,
    library: TagLibrary | None = None,
) -> Profile:
    """The picture of ``account``; default the moment of the newest account features.

    ``library`` are the tag definitions where they have been read already.

    Raises:
        SettingsError: the account is not known at the moment, or no moment is given and there are no features to take it from.
    """
    library = library or tag_library(settings)
    warehouse = Warehouse(spark, settings)
    day, moment = _moment(warehouse, settings, as_of, known_at)
    reads = AccountReads(warehouse, settings, account, day, moment)
    base = reads.base()
    if base is None:
        raise SettingsError(f"account {account} is unknown on {day}; `gridlens show account --columns account_id` shows some that are not")
    with ThreadPoolExecutor(READERS) as pool:
        return _picture(reads, base, library, _Asked(reads, base, library, pool))


def _moment(warehouse: Warehouse, settings: Settings, as_of: dt.date | None, known_at: dt.datetime | None) -> tuple[dt.date, dt.datetime]:
    found = newest_features(warehouse, as_of, known_at)
    if found is not None:
        return found.as_of, found.known_at
    if as_of is None:
        raise SettingsError("there are no account features to take the day from: run `gridlens features` first, or give --as-of")
    return as_of, known_at or knowledge_of_day(as_of, settings)


class _Asked:
    """The questions under way; those that need another's answer were asked after it, so that none waits for a free reader."""

    def __init__(self, reads: AccountReads, base: Mapping[str, Any], library: TagLibrary, pool: ThreadPoolExecutor) -> None:
        ask = pool.submit
        self.versions: Future[list[dict[str, Any]]] = ask(reads.point_versions)
        self.figures = ask(reads.figures, tuple(dict.fromkeys(FIGURES)))
        self.tags = ask(tags_of, reads, library)
        self.bills, self.payments = ask(reads.bills), ask(reads.payments)
        self.load = ask(lambda: load_of(reads, _spans(self.versions.result(), reads), _tariff(self.versions.result(), reads)))
        self.neighbours = ask(lambda: _neighbours(reads, self.versions.result()))
        self.person = ask(_same_person, reads, base["party_id"])
        self.identity, self.contacts, self.purchases = ask(reads.identity), ask(reads.contacts), ask(reads.purchases)
        self.events, self.edges = ask(reads.events), ask(reads.edges)
        self.missing = ask(_missing, reads)


def _picture(reads: AccountReads, base: dict[str, Any], library: TagLibrary, asked: _Asked) -> Profile:
    figures = asked.figures.result() or {}
    tags, load = asked.tags.result(), asked.load.result()
    payments = asked.payments.result()
    bills = bills_with_payments(asked.bills.result(), payments, as_of=reads.as_of, prepaid=base["billing_kind"] == "prepaid")
    missing = dict(asked.missing.result())
    if not figures:
        missing["figures"] = f"no account features of this moment: run `gridlens features --as-of {reads.as_of}`"
    if tags is None:
        missing["tags"] = f"no tags of this day: run `gridlens tags run --as-of {reads.as_of}`"
    return Profile(
        account=reads.account,
        as_of=reads.as_of,
        known_at=reads.known_at,
        currency=reads.settings.currency,
        base={name: base[name] for name in _BASE},
        identity=_identity(asked.identity.result(), company=base["party_kind"] == "company"),
        points=tuple(_point(row) for row in _current(asked.versions.result(), reads)),
        figures=figures,
        tags=tags,
        typical_day=load.typical_day,
        year=load.year,
        bills=bills,
        payments=tuple(Paid(p["paid_on"], p["amount"], p["channel"], p["bill_id"] is None) for p in payments[:PAYMENTS_SHOWN]),
        contacts=tuple(Contact(**row) for row in asked.contacts.result()),
        purchases=tuple(_bought(row, reads.as_of) for row in asked.purchases.result()),
        events=_events(asked.events.result()),
        edges=tuple(_edge(row) for row in asked.edges.result()),
        neighbours=asked.neighbours.result(),
        same_person=asked.person.result(),
        peers=tuple(Peer(n, figures[n], _UNITS.get(n, ""), figures[f"{n}_percentile"]) for n in PEERS) if figures else (),
        missing=missing,
    )


def _identity(row: Mapping[str, Any] | None, *, company: bool) -> Identity | None:
    if row is None:
        return None
    return Identity(
        name=mask_name(row["name"], company=company),
        phone=mask_phone(row["phone"]),
        address=mask_address(row["address"]),
        document=mask_document(row["document_number"]),
        born=decade(row["birth_year"]),
    )


def _current(versions: Sequence[Mapping[str, Any]], reads: AccountReads) -> list[Mapping[str, Any]]:
    """The account's points on as_of, those of most capacity first."""
    newest: dict[str, Mapping[str, Any]] = {}
    for row in sorted(versions, key=lambda row: row["valid_from"]):
        newest[row["metering_point_id"]] = row
    own = [row for row in newest.values() if row["account_id"] == reads.account]
    return sorted(own, key=lambda row: (-(row["contract_capacity_kva"] or 0), row["metering_point_id"]))


def _spans(versions: Sequence[Mapping[str, Any]], reads: AccountReads) -> dict[str, list[tuple[dt.date, dt.date | None, float]]]:
    order = [row["metering_point_id"] for row in _current(versions, reads)]
    spans = holdings(versions, reads.account)
    return {point: spans[point] for point in [*order, *sorted(spans.keys() - set(order))]}


def _tariff(versions: Sequence[Mapping[str, Any]], reads: AccountReads) -> str | None:
    return next((row["tariff_id"] for row in _current(versions, reads)), None)


def _point(row: Mapping[str, Any]) -> Point:
    return Point(**{name: row[name] for name in Point.__dataclass_fields__})


def _bought(row: Mapping[str, Any], as_of: dt.date) -> Bought:
    ended = row["ended_on"] if row["ended_on"] is not None and row["ended_on"] <= as_of else None
    names = row["name_zh"], row["name_en"], row["category"]
    return Bought(row["purchased_on"], row["product_id"], *names, ended, row["amount"], row["channel"])


def _events(rows: Sequence[Mapping[str, Any]]) -> tuple[Event, ...]:
    """Like events of one day as one, newest first."""
    counted: dict[tuple[dt.date, str, str | None, str | None], list[Decimal | None]] = {}
    for row in rows:
        counted.setdefault((row["local_date"], row["event_type"], row["channel"], row["object"]), []).append(row["amount"])
    return tuple(
        Event(on, kind, channel, about, _sum(amounts), len(amounts))
        for (on, kind, channel, about), amounts in list(counted.items())[:EVENTS_SHOWN]
    )


def _sum(amounts: Sequence[Decimal | None]) -> Decimal | None:
    known = [amount for amount in amounts if amount is not None]
    return sum(known, Decimal(0)) if known else None


def _edge(row: Mapping[str, Any]) -> Edge:
    return Edge(row["edge_type"], row["to_type"], row["to_id"], row["valid_from"], row["valid_to"], row["weight"])


def _neighbours(reads: AccountReads, versions: Sequence[Mapping[str, Any]]) -> Others | None:
    fed_by = sorted({row["transformer_id"] for row in _current(versions, reads) if row["transformer_id"]})
    return _others(reads, F.col("transformer_id").isin(fed_by)) if fed_by else None


def _same_person(reads: AccountReads, party: str) -> Others:
    return _others(reads, F.col("party_id").isin(reads.parties(party) or [party]))


def _others(reads: AccountReads, condition: Any) -> Others:
    count, rows = reads.others(condition)
    return Others(count, tuple(Other(**{name: row[name] for name in Other.__dataclass_fields__}) for row in rows))


def _missing(reads: AccountReads) -> dict[str, str]:
    """Sections whose tables were never written, or not for this moment."""
    written = reads.warehouse.written
    found = {
        "trajectory": written(TRAJECTORY) or "no events were put together yet: run `gridlens trajectory run`",
        "graph": reads.written(PROFILE_EDGE) or f"no behaviour graph of this moment: run `gridlens graph run --as-of {reads.as_of}`",
        "person": reads.written(IDENTITY_LINK)
        or f"accounts of the party; `gridlens graph run --as-of {reads.as_of}` finds the person behind",
        "readings": written(REGISTER_READING) or written(INTERVAL_DAY) or "no meter readings were loaded: run `gridlens ingest`",
    }
    return {section: text for section, text in found.items() if isinstance(text, str)}
