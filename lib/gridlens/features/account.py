"""``account_feature``: everything that is known of accounts, put together as table account_feature_v1."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from gridlens.contracts.account_feature import ACCOUNT_FEATURE, ACCOUNT_FEATURES, COUNTS, TOLD_BY
from gridlens.features.account_age import age_features
from gridlens.features.account_base import account_base, accounts_as_of
from gridlens.features.account_bills import bill_features
from gridlens.features.account_energy import Rows, account_energy, point_holdings
from gridlens.features.account_field import inspection_features, outage_features, survey_features
from gridlens.features.account_industry import with_industry
from gridlens.features.account_interactions import interaction_features
from gridlens.features.account_payments import payment_features, payment_ledger
from gridlens.features.account_peers import peer_groups, with_peers
from gridlens.features.account_purchases import purchase_features
from gridlens.features.account_service import service_features
from gridlens.features.account_shape import account_shape


@dataclass(frozen=True)
class AccountFacts:
    """What was known at one moment; rows of silver tables one version a key, of gold tables as computed for that moment.

    Attributes:
        accounts: account, one row for each account_id and valid_from.
        identities: customer_identity, one row for each account_id.
        points: metering_point, one row for each metering_point_id and valid_from, none that begins after as_of.
        points_now, points_before: the version of each point that holds on as_of, and 365 days earlier.
        questioned: account_id, bill_id and asked_on of the bills of which a payment stands in quarantine.
        readings: register_reading, every version that was known; None where there are none.
        days, months: load_shape_day_v1 and load_shape_month_v1.
        calendar: rows of the company's calendar.
        silent: silver tables of which no row was known, of any account.
    """

    accounts: DataFrame
    identities: DataFrame
    points: DataFrame
    points_now: DataFrame
    points_before: DataFrame
    readings: DataFrame | None
    days: DataFrame
    months: DataFrame
    bills: DataFrame
    items: DataFrame
    payments: DataFrame
    questioned: DataFrame
    events: DataFrame
    purchases: DataFrame
    products: DataFrame
    interactions: DataFrame
    inspections: DataFrame
    surveys: DataFrame
    outages: DataFrame
    weather: DataFrame
    calendar: Rows
    silent: frozenset[str] = frozenset()


def account_feature(facts: AccountFacts, *, as_of: dt.date, known_at: dt.datetime, until: dt.datetime, zone: str) -> DataFrame:
    """One row of account_feature_v1 for each account opened by ``as_of``.

    Args:
        facts: what was known.
        as_of: last local day included.
        known_at: the moment of knowledge that ``facts`` stand for, UTC.
        until: moment at which ``as_of`` ends, UTC.
        zone: IANA zone of the company.
    """
    accounts = accounts_as_of(facts.accounts, as_of=as_of)
    holdings = point_holdings(facts.points)
    prepaid = accounts.where(F.col("billing_kind") == "prepaid").select("account_id")
    ledger = payment_ledger(facts.bills, facts.payments, prepaid=prepaid, questioned=facts.questioned, as_of=as_of, until=until, zone=zone)
    base = account_base(accounts, facts.points_now, facts.points_before)
    parts = (
        age_features(facts.identities, accounts, as_of=as_of),
        account_energy(accounts, facts.readings, facts.days, holdings, calendar=facts.calendar, weather=facts.weather, as_of=as_of),
        account_shape(facts.months, holdings, calendar=facts.calendar, as_of=as_of),
        bill_features(facts.bills, facts.items, as_of=as_of),
        with_industry(payment_features(ledger, as_of=as_of), accounts),
        service_features(facts.events, as_of=as_of, until=until),
        purchase_features(facts.purchases, facts.products, as_of=as_of),
        interaction_features(facts.interactions, facts.products, as_of=as_of, until=until, zone=zone),
        inspection_features(facts.inspections, holdings, as_of=as_of),
        survey_features(facts.surveys, base, as_of=as_of),
        outage_features(facts.outages, facts.points, until=until, zone=zone),
    )
    joined = base
    for part in parts:
        joined = joined.join(part, on="account_id", how="left")
    hours = F.try_divide(F.col("energy_kwh_365d"), F.col("contract_capacity_kva"))
    derived = {"full_load_hours_365d": hours, "as_of": F.lit(as_of), "known_at": F.lit(known_at)}
    filled = joined.withColumns(derived).withColumns(_counted(facts.silent))
    return ACCOUNT_FEATURE.conform(with_peers(filled, peer_groups(accounts)))


def _counted(silent: frozenset[str]) -> dict[str, Column]:
    """What is not told where a table mentions nobody, and nothing where it mentions others."""
    columns = {}
    for f in ACCOUNT_FEATURES:
        if not silent.isdisjoint(TOLD_BY.get(f.name, ())):
            columns[f.name] = F.lit(None).cast(f.data_type)
        elif f.name in COUNTS:
            columns[f.name] = F.coalesce(F.col(f.name), F.lit(False if f.type == "boolean" else 0).cast(f.data_type))
    return columns
