"""identity_link_v1 from who is who, and what follows from it: accounts and consents of a person."""

from __future__ import annotations

import datetime as dt

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from gridlens.contracts.graph import IDENTITY_LINK


def identity_links(links: DataFrame, accounts: DataFrame, *, as_of: dt.date, known_at: dt.datetime) -> DataFrame:
    """Rows of identity_link_v1.

    Args:
        links: of :func:`gridlens.profile.identity.resolve`.
        accounts: account as known to hold on ``as_of``, one row an account.
        as_of: last local day included.
        known_at: the moment of knowledge, UTC.
    """
    open_ = accounts.where(F.col("closed_on").isNull() | (F.col("closed_on") > F.lit(as_of)))
    held = open_.groupBy("party_id").agg(F.count("*").alias("n"))
    counted = links.join(held, on="party_id", how="left")
    total = F.coalesce(F.sum("n").over(Window.partitionBy("person_id")), F.lit(0)).cast("int")
    rows = counted.withColumns({"accounts": total, "as_of": F.lit(as_of), "known_at": F.lit(known_at)})
    return IDENTITY_LINK.conform(rows)


def person_consents(consents: DataFrame, links: DataFrame) -> DataFrame:
    """The consents of persons: the strictest of their parties' for a channel and purpose, so that a refusal holds for the person.

    Nothing is written back: taking a link out gives every party its own consent again.

    Args:
        consents: consent as known, one row for each party_id, channel and purpose.
        links: party_id and person_id; a party without a link is a person of its own.

    Returns:
        person_id, channel, purpose, granted (false where one party has withdrawn or refused), parties (that said something).
    """
    who = consents.join(links.select("party_id", "person_id"), on="party_id", how="left")
    person = F.coalesce("person_id", "party_id").alias("person_id")
    return who.groupBy(person, "channel", "purpose").agg(F.bool_and("granted").alias("granted"), F.count("*").cast("int").alias("parties"))
