"""Profile: everything known of one account at one moment, read by narrow questions side by side → one picture."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from pyspark.sql import Column, SparkSession
from pyspark.sql import functions as F

from gridlens.contracts.account_feature import ACCOUNT_FEATURE, BASE_FIELDS, COMPARED_ONLY, PEERS
from gridlens.contracts.segment import SEGMENT
from gridlens.contracts.trajectory import TRAJECTORY
from gridlens.errors import SettingsError
from gridlens.pipelines.declared import tag_library
from gridlens.pipelines.moments import knowledge_of_day, newest_moment
from gridlens.pipelines.profile_load import Load, chosen, load_of
from gridlens.pipelines.profile_reads import AccountReads
from gridlens.pipelines.profile_tags import tags_of
from gridlens.profile.assemble import Spans, bought, current_points, edge, folded_events, holdings, identity, others, segment
from gridlens.profile.dealings import Contact, Others, Paid
from gridlens.profile.ledger import bills_with_payments
from gridlens.profile.picture import Peer, Point, Profile
from gridlens.settings import Settings
from gridlens.tags.library import TagLibrary
from gridlens.warehouse import Warehouse

READERS = 6
"""Questions asked at the same time: each is mostly planning, which waits for nothing but itself."""
EVENTS_SHOWN, PAYMENTS_SHOWN = 40, 12
FIGURES = (
    *(f.name for f in BASE_FIELDS if f.name not in COMPARED_ONLY),
    *("is_open", "account_age_days", "party_accounts", "holder_changes_730d", "point_count", "has_pv", "contract_capacity_kva"),
    *("energy_kwh_30d", "energy_kwh_90d", "energy_kwh_365d", "energy_growth_365d", "energy_growth_year_90d", "days_known_365d"),
    *("mean_kw", "peak_kw", "load_factor", "night_share", "peak_hour", "export_kwh", "full_load_hours_365d"),
    *("bill_amount_365d", "bill_count_365d", "last_bill_amount", "average_price_365d", "bill_amount_growth_365d"),
    *(
        "arrears_amount",
        "arrears_months",
        "days_outstanding",
        "open_bills",
        "bills_in_question",
        "late_bills_365d",
        "bills_due_365d",
        "late_share_365d",
    ),
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
    with ThreadPoolExecutor(READERS) as pool:
        asked = _Asked(reads, library, pool)
        base = asked.base.result()
        if base is None:
            pool.shutdown(wait=False, cancel_futures=True)
            raise SettingsError(
                f"account {account} is unknown on {day}; `gridlens show account --columns account_id` shows some that are not"
            )
        return _picture(reads, base, asked)


def _moment(warehouse: Warehouse, settings: Settings, as_of: dt.date | None, known_at: dt.datetime | None) -> tuple[dt.date, dt.datetime]:
    found = newest_moment(warehouse.read(ACCOUNT_FEATURE), as_of, known_at)
    if found is not None:
        return found
    if as_of is None:
        raise SettingsError("there are no account features to take the day from: run `gridlens features` first, or give --as-of")
    return as_of, known_at or knowledge_of_day(as_of, settings)


class _Asked:
    """The questions under way; those that need another's answer were asked after it, so that none waits for a free reader."""

    def __init__(self, reads: AccountReads, library: TagLibrary, pool: ThreadPoolExecutor) -> None:
        ask = pool.submit
        self.account = reads.account
        self.base = ask(reads.base)
        self.versions: Future[list[dict[str, Any]]] = ask(reads.point_versions)
        self.figures = ask(reads.figures, tuple(dict.fromkeys(FIGURES)))
        self.tags = ask(tags_of, reads, library)
        self.bills, self.payments, self.identity = ask(reads.bills), ask(reads.payments), ask(reads.identity)
        self.questioned = ask(reads.questioned)
        self.blocks = ask(lambda: reads.blocks(chosen(self.spans)))
        self.readings = ask(lambda: reads.readings(chosen(self.spans)))
        self.neighbours = ask(lambda: _neighbours(reads, self.points))
        self.parties = ask(lambda: reads.parties(self.party))
        self.contacts, self.purchases, self.products = ask(reads.contacts), ask(reads.purchases), ask(reads.products)
        self.events, self.edges, self.segments = ask(reads.events), ask(reads.edges), ask(reads.segments)
        self.day_types = ask(reads.day_types)
        self.periods = ask(lambda: reads.periods(self.points[0].tariff_id if self.points else None))
        self.person = ask(lambda: _others(reads, F.col("party_id").isin(self.parties.result() or [self.party])))

    @property
    def party(self) -> str:
        base = self.base.result()
        return base["party_id"] if base else ""

    @property
    def points(self) -> tuple[Point, ...]:
        return current_points(self.versions.result(), self.account)

    @property
    def spans(self) -> Spans:
        return holdings(self.versions.result(), self.account)


def _picture(reads: AccountReads, base: dict[str, Any], asked: _Asked) -> Profile:
    figures, payments = asked.figures.result() or {}, asked.payments.result()
    prepaid = base["billing_kind"] == "prepaid"
    products = asked.products.result()
    events, edges = folded_events(asked.events.result())[:EVENTS_SHOWN], tuple(edge(row) for row in asked.edges.result())
    spoken_of = {event.object for event in events} | {one.node_id for one in edges}
    load = load_of(
        reads.as_of, asked.spans, asked.blocks.result(), asked.readings.result(), asked.day_types.result(), asked.periods.result()
    )
    return Profile(
        account=reads.account,
        as_of=reads.as_of,
        known_at=reads.known_at,
        currency=reads.settings.currency,
        base={name: base[name] for name in _BASE},
        identity=identity(asked.identity.result(), company=base["party_kind"] == "company"),
        points=asked.points,
        figures=figures,
        tags=asked.tags.result(),
        segments=tuple(segment(row) for row in asked.segments.result()),
        typical_day=load.typical_day,
        year=load.year,
        bills=bills_with_payments(asked.bills.result(), payments, as_of=reads.as_of, prepaid=prepaid, questioned=asked.questioned.result()),
        payments=tuple(Paid(p["paid_on"], p["amount"], p["channel"], p["bill_id"] is None) for p in payments[:PAYMENTS_SHOWN]),
        contacts=tuple(Contact(**row) for row in asked.contacts.result()),
        purchases=tuple(bought(row, products, reads.as_of) for row in asked.purchases.result()),
        events=events,
        edges=edges,
        neighbours=asked.neighbours.result(),
        same_person=asked.person.result(),
        peers=tuple(Peer(n, figures[n], _UNITS.get(n, ""), figures[f"{n}_percentile"]) for n in PEERS) if figures else (),
        names={name: row["name_zh"] for name, row in products.items() if name in spoken_of},
        missing=_missing(reads, asked, load),
    )


def _neighbours(reads: AccountReads, points: tuple[Point, ...]) -> Others | None:
    fed_by = sorted({point.transformer_id for point in points if point.transformer_id})
    return _others(reads, F.col("transformer_id").isin(fed_by)) if fed_by else None


def _others(reads: AccountReads, condition: Column) -> Others:
    return others(*reads.others(condition))


def _missing(reads: AccountReads, asked: _Asked, load: Load) -> dict[str, str]:
    """Sections of which nothing is there because no job has run for them; a party that was resolved has a link at least to itself."""
    graph = f"run `gridlens graph run --as-of {reads.as_of}`"
    written, resolved = reads.warehouse.written, bool(asked.parties.result())
    found = {
        "quarantine": asked.questioned.result() is None and "rejected payments may not be read: a bill shown as overdue may be in question",
        "figures": asked.figures.result() is None and f"no account features of this moment: run `gridlens features --as-of {reads.as_of}`",
        "tags": asked.tags.result() is None and f"no tags of this day: run `gridlens tags run --as-of {reads.as_of}`",
        "segments": not (asked.segments.result() or written(SEGMENT)) and "no segments yet: run `gridlens segments run`",
        "readings": load.year is None and "no meter reading of the last year: `gridlens ingest` loads them",
        "trajectory": not (asked.events.result() or written(TRAJECTORY)) and "no events yet: run `gridlens trajectory run`",
        "graph": not (resolved or asked.edges.result()) and f"no behaviour graph of this moment: {graph}",
        "person": not resolved and f"these are accounts of the same party; to find the person behind, {graph}",
    }
    return {section: text for section, text in found.items() if text}
