"""``trajectory``: what all sources tell of every account, in one table."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from gridlens.contracts.trajectory import TRAJECTORY
from gridlens.profile.account_events import account_events, lifetimes, party_holdings, point_events, point_holdings
from gridlens.profile.contact_events import (
    consent_events,
    inspection_events,
    interaction_events,
    outage_events,
    receipt_events,
    service_events,
)
from gridlens.profile.money_events import bill_events, payment_events, purchase_events


@dataclass(frozen=True)
class TrajectoryFacts:
    """Silver as known at one moment, one version a key.

    Attributes:
        accounts: account, one row for each account_id and valid_from.
        points: metering_point, one row for each metering_point_id and valid_from.
        consents: one row for each party_id, channel, purpose and valid_from.
        questioned: account_id, bill_id and asked_on of the bills of which a payment stands in quarantine.
    """

    accounts: DataFrame
    points: DataFrame
    bills: DataFrame
    payments: DataFrame
    purchases: DataFrame
    services: DataFrame
    interactions: DataFrame
    receipts: DataFrame
    inspections: DataFrame
    outages: DataFrame
    consents: DataFrame
    questioned: DataFrame


def trajectory(facts: TrajectoryFacts, *, as_of: dt.date, known_at: dt.datetime, zone: str) -> DataFrame:
    """Rows of trajectory_v1: every event up to ``as_of`` that was known at ``known_at``.

    Args:
        facts: what was known at ``known_at``.
        as_of: last local day included.
        known_at: UTC moment; that a bill is unpaid is known when the day ends, so that it may be later than the bill.
        zone: IANA zone of the company.
    """
    lives = lifetimes(facts.accounts)
    behind_points = point_holdings(facts.points, lives)
    newest = F.max_by("billing_kind", "valid_from").alias("billing_kind")
    prepaid = facts.accounts.groupBy("account_id").agg(newest).where(F.col("billing_kind") == "prepaid").select("account_id")
    parts = (
        account_events(facts.accounts, zone=zone),
        point_events(facts.points, zone=zone),
        bill_events(facts.bills, facts.payments, prepaid, facts.questioned, as_of=as_of, zone=zone),
        payment_events(facts.payments, facts.bills, zone=zone),
        purchase_events(facts.purchases, zone=zone),
        service_events(facts.services, zone=zone),
        interaction_events(facts.interactions, zone=zone),
        receipt_events(facts.receipts, zone=zone),
        inspection_events(facts.inspections, behind_points, zone=zone),
        outage_events(facts.outages, behind_points, zone=zone),
        consent_events(facts.consents, party_holdings(facts.accounts, lives), zone=zone),
    )
    seen = (F.col("local_date") <= F.lit(as_of)) & (F.col("known_from") <= F.lit(known_at))
    return reduce(DataFrame.unionByName, parts).where(seen).select(*TRAJECTORY.columns)
