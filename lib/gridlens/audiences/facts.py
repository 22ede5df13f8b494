"""What suppressions ask beside features and tags: consents by party, and when an account was last reached."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

DAYS_SINCE_CONTACT = "_days_since_contact"
REACHED = ("accepted", "delivered", "opened", "clicked", "unsubscribed")
"""Statuses of a receipt that mean that a message left us; one that failed did not reach anybody."""
_DAY_MICROS = 86_400_000_000


def consent_column(channel: str, purpose: str) -> str:
    """Name of the column that says whether consent for a channel and purpose stands."""
    return f"_consent_{channel}_{purpose}"


def consent_flags(consents: DataFrame, pairs: Collection[tuple[str, str]], links: DataFrame | None = None) -> DataFrame:
    """Whether each party consents, one column a channel and purpose; false or no row means no.

    Args:
        consents: rows of silver.consent as known and in force, one for each party, channel and purpose.
        pairs: (channel, purpose) that are asked for.
        links: party_id and person_id where parties are known to be the same person: then a refusal of one counts for all of
            them, and a consent for the party alone that gave it.

    Returns:
        party_id and a boolean column :func:`consent_column` for each pair.
    """
    names = {consent_column(*pair): pair for pair in sorted(pairs)}
    asked = {name: (F.col("channel") == channel) & (F.col("purpose") == purpose) for name, (channel, purpose) in names.items()}
    own = consents.groupBy("party_id").agg(*[F.bool_and(F.when(hit, F.col("granted"))).alias(name) for name, hit in asked.items()])
    if links is not None:
        own = own.join(links.select("party_id", "person_id"), on="party_id", how="left")
        together = own.where(F.col("person_id").isNotNull()).groupBy("person_id")
        refused = together.agg(*[(~F.bool_and(name)).alias(f"{name}_refused") for name in names])
        own = own.join(refused, on="person_id", how="left").withColumns(
            {name: F.col(name) & ~F.coalesce(f"{name}_refused", F.lit(False)) for name in names}
        )
    return own.select("party_id", *[F.coalesce(name, F.lit(False)).alias(name) for name in names])


def last_contacts(interactions: DataFrame, receipts: DataFrame, *, until: dt.datetime) -> DataFrame:
    """Whole days since we last sent something to an account: a message among its interactions, or a campaign's receipt.

    Args:
        interactions: rows of silver.interaction as known, one for each interaction_id.
        receipts: rows of silver.campaign_receipt as known, one for each receipt_id.
        until: UTC moment at which the last day included ends; what happened later is not seen.

    Returns:
        account_id and DAYS_SINCE_CONTACT (0: within the last 24 hours), for the accounts that were ever reached.
    """
    sent = interactions.where(F.col("kind") == "message_sent").select("account_id", "occurred_at")
    reached = receipts.where(F.col("status").isin(*REACHED)).select("account_id", "occurred_at")
    before = sent.unionByName(reached).where(F.col("occurred_at") < F.lit(until))
    since = F.unix_micros(F.lit(until)) - F.unix_micros(F.max("occurred_at"))
    return before.groupBy("account_id").agg(F.floor(since / F.lit(_DAY_MICROS)).cast("int").alias(DAYS_SINCE_CONTACT))
