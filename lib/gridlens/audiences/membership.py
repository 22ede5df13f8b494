"""Who is in an audience: expressions and suppressions as columns of one wide row per account, and what they come to."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from gridlens.audiences.facts import DAYS_SINCE_CONTACT, consent_column
from gridlens.audiences.library import Audience, Suppression
from gridlens.contracts.audience import AUDIENCE

BASE = ("account_id", "party_id", "org_unit_id", "area_id")
"""What comes along of every account."""


@dataclass(frozen=True)
class Removal:
    """What one suppression does to an audience.

    Attributes:
        suppression: its id.
        alone: matched accounts for which it holds.
        removed: those of them for which none before it holds.
    """

    suppression: str
    alone: int
    removed: int


@dataclass(frozen=True)
class Tally:
    """How the size of an audience comes about: ``matched`` = all that is removed + ``size``.

    Attributes:
        outside: members outside the audience's territory; None where it has none.
    """

    audience: str
    matched: int
    removals: tuple[Removal, ...]
    size: int
    outside: int | None


def flagged(rows: DataFrame, audiences: Iterable[Audience]) -> DataFrame:
    """``rows`` with a boolean column for each audience, never null: an account of which it is not known is not in it.

    Args:
        rows: the columns that the expressions read.
        audiences: in any order; what they read and is not among them is a column of ``rows`` already.
    """
    waiting = {audience.id: audience for audience in audiences}
    while waiting:
        ready = [one for one in waiting.values() if not waiting.keys() & one.reads]
        rows = rows.withColumns({one.id: F.coalesce(one.checked.column(), F.lit(False)) for one in ready})
        waiting = {identity: one for identity, one in waiting.items() if one not in ready}
    return rows


def matched(rows: DataFrame, audiences: Sequence[Audience], everyone: Sequence[Audience], *, unserved: Collection[str] = ()) -> DataFrame:
    """One row per account and audience whose expression is true.

    Args:
        rows: one per account: BASE, ``as_of``, what the expressions read, and the columns of consent and contact that the
            suppressions ask for.
        audiences: those wanted.
        everyone: these and all that they read.
        unserved: columns whose values are expired or were never computed: a suppression that reads one removes everybody,
            because nobody can say whom it should spare.

    Returns:
        BASE, ``audience``, ``suppressions`` (ids of those that hold, in the order applied) and ``outside`` (of its territory).
    """
    read = {name for audience in everyone for name in audience.reads}
    known = flagged(rows, [audience for audience in everyone if audience.id in read])
    # The expressions themselves, not the columns that are never null: so Spark takes an AND apart and filters where it reads.
    some = known.where(reduce(or_, [audience.checked.column() for audience in audiences]))
    if len(audiences) == 1:
        return some.select(*BASE, _entry(audiences[0], unserved).alias("_entry")).select(*BASE, "_entry.*")
    named = flagged(some, [audience for audience in audiences if audience.id not in read])
    entries = [F.when(F.col(audience.id), _entry(audience, unserved)) for audience in audiences]
    return named.select(*BASE, F.explode(F.array_compact(F.array(*entries))).alias("_entry")).select(*BASE, "_entry.*")


def _entry(audience: Audience, unserved: Collection[str]) -> Column:
    holds = [F.when(_removes(one, audience, unserved), F.lit(one.id)) for one in audience.suppressions]
    suppressions = F.array_compact(F.array(*holds)) if holds else F.array().cast("array<string>")
    return F.struct(F.lit(audience.id).alias("audience"), suppressions.alias("suppressions"), outside_territory(audience).alias("outside"))


def _removes(suppression: Suppression, audience: Audience, unserved: Collection[str]) -> Column:
    definition = suppression.definition
    if suppression.columns.intersection(unserved):
        return F.lit(True)
    if suppression.checked is not None:
        return F.coalesce(suppression.checked.column(), F.lit(definition.unknown == "remove"))
    if definition.kind == "contact":
        return F.coalesce(F.col(DAYS_SINCE_CONTACT) < F.lit(definition.days), F.lit(False))
    return ~F.coalesce(F.col(asked_consent(audience)), F.lit(False))


def asked_consent(audience: Audience) -> str:
    """The column of the consent that the audience needs."""
    return consent_column(audience.definition.channel or "", audience.definition.purpose or "")


def outside_territory(audience: Audience) -> Column:
    """True for accounts in an organisation unit or area that the audience's definition does not name, where it names any."""
    definition = audience.definition
    outside = F.lit(False)
    if definition.org_units:
        outside = outside | ~F.col("org_unit_id").isin(*definition.org_units)
    if definition.areas:
        outside = outside | ~F.col("area_id").isin(*definition.areas)
    return outside


def members(matches: DataFrame) -> DataFrame:
    """Of the rows of :func:`matched` those that no suppression removes: BASE and ``audience``."""
    return matches.where(F.size("suppressions") == 0).select("audience", *BASE)


def member_rows(matches: DataFrame, as_of: Column, known_at: Column) -> DataFrame:
    """The rows of audience_v1."""
    return members(matches).withColumns({"as_of": as_of, "known_at": known_at}).select(*AUDIENCE.columns)


def tallies(matches: DataFrame, audiences: Sequence[Audience]) -> list[Tally]:
    """How each audience's size comes about, in one pass; one that matches nobody has zeros."""
    ids = sorted({one.id for audience in audiences for one in audience.suppressions})
    first, member = F.get("suppressions", 0), F.size("suppressions") == 0
    rows = matches.groupBy("audience").agg(
        F.count("*").alias("matched"),
        F.count_if(member).alias("size"),
        F.count_if(member & F.col("outside")).alias("outside"),
        *[F.count_if(F.array_contains("suppressions", identity)).alias(f"alone_{identity}") for identity in ids],
        *[F.count_if(first == identity).alias(f"removed_{identity}") for identity in ids],
    )
    found = {row["audience"]: row.asDict() for row in rows.collect()}  # a row an audience
    return [_tally(audience, found.get(audience.id, {})) for audience in audiences]


def _tally(audience: Audience, row: Mapping[str, Any]) -> Tally:
    removals = [Removal(one.id, row.get(f"alone_{one.id}", 0), row.get(f"removed_{one.id}", 0)) for one in audience.suppressions]
    bounded = audience.definition.org_units or audience.definition.areas
    return Tally(audience.id, row.get("matched", 0), tuple(removals), row.get("size", 0), row.get("outside", 0) if bounded else None)
