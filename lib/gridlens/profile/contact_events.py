"""What contacts, clicks, messages, inspections, outages and consents tell."""

from __future__ import annotations

from itertools import chain

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from gridlens.profile.events import local_day, source_id, told

SERVICE_TYPES = {
    "enquiry": "enquiry",
    "complaint": "complaint",
    "fault_report": "fault_report",
    "new_connection": "service_request",
    "capacity_change": "service_request",
    "billing_dispute": "billing_dispute",
    "disconnection": "disconnected",
    "reconnection": "reconnected",
    "outage_enquiry": "outage_enquiry",
    "suggestion": "suggestion",
}
"""Kind of a service event to the event it is; a disconnection that the customer asked for is closing_requested."""
RECEIPT_TYPES = {
    "accepted": "message_sent",
    "delivered": "message_delivered",
    "opened": "message_opened",
    "clicked": "click",
    "failed": "message_failed",
    "unsubscribed": "unsubscribe",
}
"""Status of a receipt to the event it is."""


def _mapped(code: str, types: dict[str, str]) -> Column:
    """The type of a code; null, which the contract refuses, where the code is unknown."""
    return F.element_at(F.create_map(*[F.lit(text) for text in chain(*types.items())]), F.col(code))


def service_events(services: DataFrame, *, zone: str) -> DataFrame:
    """Events of tickets, at the moment they were opened.

    Args:
        services: silver.service_event as known, one row a ticket.
        zone: IANA zone of the company.
    """
    asked = (F.col("kind") == "disconnection") & (F.col("channel") != "system")
    kind = F.when(asked, "closing_requested").otherwise(_mapped("kind", SERVICE_TYPES))
    return told(
        services,
        "service_event",
        event_type=kind,
        key=F.col("event_id"),
        zone=zone,
        moment=F.col("opened_at"),
        channel=F.col("channel"),
    )


def interaction_events(interactions: DataFrame, *, zone: str) -> DataFrame:
    """Events of the web, the app, messages and the market: their kinds as they are.

    Args:
        interactions: silver.interaction as known, one row an interaction.
        zone: IANA zone of the company.
    """
    return told(
        interactions,
        "interaction",
        event_type=F.col("kind"),
        key=F.col("interaction_id"),
        zone=zone,
        moment=F.col("occurred_at"),
        channel=F.col("channel"),
        about=F.col("object"),
    )


def receipt_events(receipts: DataFrame, *, zone: str) -> DataFrame:
    """What channels report back on messages.

    Args:
        receipts: silver.campaign_receipt as known, one row a receipt.
        zone: IANA zone of the company.
    """
    return told(
        receipts,
        "campaign_receipt",
        event_type=_mapped("status", RECEIPT_TYPES),
        key=F.col("receipt_id"),
        zone=zone,
        moment=F.col("occurred_at"),
        channel=F.col("channel"),
        about=F.col("campaign_id"),
    )


def inspection_events(inspections: DataFrame, holdings: DataFrame, *, zone: str) -> DataFrame:
    """Inspections, of the account that stood behind the point on the day; of a point that no account stood behind then, none.

    Args:
        inspections: silver.inspection as known, one row an inspection.
        holdings: of :func:`gridlens.profile.account_events.point_holdings`.
        zone: IANA zone of the company.
    """
    rows = inspections.withColumn("day", F.col("inspected_on")).join(holdings, on="metering_point_id", how="inner").where(_held())
    return told(
        rows,
        "inspection",
        event_type=F.lit("inspected"),
        key=F.col("inspection_id"),
        zone=zone,
        day=F.col("inspected_on"),
        about=F.col("finding"),
        amount=F.col("recovered_amount"),
    )


def outage_events(outages: DataFrame, holdings: DataFrame, *, zone: str) -> DataFrame:
    """Outages, of every account that hung on the transformer on the day they began: one event, however many points it has there.

    Args:
        outages: silver.outage_event as known, one row an outage.
        holdings: of :func:`gridlens.profile.account_events.point_holdings`.
        zone: IANA zone of the company.
    """
    begun = outages.withColumn("day", local_day("started_at", zone))
    hit = begun.join(holdings, on="transformer_id", how="inner").where(_held())
    once = hit.groupBy("account_id", "outage_id").agg(F.any_value(F.struct("started_at", "kind", "known_from")).alias("outage"))
    return told(
        once.select("account_id", "outage_id", "outage.*"),
        "outage_event",
        event_type=F.lit("outage"),
        key=F.col("outage_id"),
        zone=zone,
        moment=F.col("started_at"),
        about=F.col("kind"),
    )


def consent_events(consents: DataFrame, holdings: DataFrame, *, zone: str) -> DataFrame:
    """Consents given, refused and, where they had been given, withdrawn, of every account that the party held on the day.

    Of a party without an account then there is none.

    Args:
        consents: silver.consent as known, one row for each party, channel, purpose and valid_from.
        holdings: of :func:`gridlens.profile.account_events.party_holdings`.
        zone: IANA zone of the company.
    """
    earlier = Window.partitionBy("party_id", "channel", "purpose").orderBy("valid_from")
    had_given = F.coalesce(F.lag("granted").over(earlier), F.lit(False))
    kind = F.when(F.col("granted"), "consent_given").when(had_given, "consent_withdrawn").otherwise("consent_refused")
    stated = consents.withColumns({"day": F.col("valid_from"), "_type": kind})
    rows = stated.join(holdings, on="party_id", how="inner").where(_held())
    return told(
        rows,
        "consent",
        event_type=F.col("_type"),
        key=source_id("party_id", "channel", "purpose", "valid_from"),
        zone=zone,
        day=F.col("day"),
        channel=F.col("channel"),
        about=F.col("purpose"),
    )


def _held() -> Column:
    """True where a holding holds on ``day``."""
    return (F.col("day") >= F.col("from_day")) & (F.col("to_day").isNull() | (F.col("day") <= F.col("to_day")))
