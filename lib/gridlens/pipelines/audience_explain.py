"""Why an audience has its size, term by term; and why one account is in it or not."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from pyspark.sql import Column, SparkSession
from pyspark.sql import functions as F

from gridlens.audiences.disclosure import HIDDEN, Shown, shown_apart, shown_total, small, told_by_parts
from gridlens.audiences.library import Audience
from gridlens.audiences.membership import flagged, matched, tallies
from gridlens.audiences.terms import TermCount, term_counts, terms_of
from gridlens.errors import SettingsError
from gridlens.expressions import Checked
from gridlens.pipelines.audience import Definitions
from gridlens.pipelines.audience_frame import WideFrame, wide_frame
from gridlens.pipelines.tag_state import required_features
from gridlens.settings import Settings
from gridlens.warehouse import Warehouse


@dataclass(frozen=True)
class Term:
    """One term of the expression over all accounts; see audiences.terms.TermCount. Small groups are hidden."""

    term: str
    holds: Shown
    unknown: Shown
    remaining: Shown


@dataclass(frozen=True)
class AudienceExplanation:
    """An audience term by term.

    Attributes:
        terms: what AND joins at the top, in order.
    """

    audience: str
    where: str
    reason: str
    as_of: dt.date
    known_at: dt.datetime
    accounts: int
    expired: tuple[str, ...]
    never_computed: tuple[str, ...]
    terms: tuple[Term, ...]


@dataclass(frozen=True)
class AccountTerm:
    """One term for one account: whether it holds (unknown: None), and what it reads."""

    term: str
    holds: bool | None
    values: dict[str, Any]


@dataclass(frozen=True)
class AccountExplanation:
    """Why an account is in an audience or not.

    Attributes:
        member: true where the expression holds and no suppression does.
        suppressions: those that hold for it; empty too where it does not match.
    """

    account: str
    audience: str
    member: bool
    matches: bool
    suppressions: tuple[str, ...]
    as_of: dt.date
    known_at: dt.datetime
    expired: tuple[str, ...]
    never_computed: tuple[str, ...]
    terms: tuple[AccountTerm, ...]


def explain_audience(
    spark: SparkSession,
    settings: Settings,
    audience: Audience,
    definitions: Definitions,
    *,
    as_of: dt.date | None = None,
    known_at: dt.datetime | None = None,
) -> AudienceExplanation:
    """What each term holds for, for how many it is unknown, and how many are left after it.

    Raises:
        SourceError: there are no account features of that day.
    """
    warehouse = Warehouse(spark, settings)
    moment = required_features(warehouse, as_of, known_at)
    everyone = definitions.audiences.with_inputs([audience])
    inputs = [one for one in everyone if one.id != audience.id]
    frame = wide_frame(warehouse, definitions.tags, [audience], everyone, moment)
    terms = terms_of(audience, definitions.audiences.types)
    accounts, counts = term_counts(flagged(frame.rows, inputs), terms)
    return AudienceExplanation(
        audience.id,
        audience.definition.text,
        " ".join(audience.definition.reason.split()),
        moment.as_of,
        moment.known_at,
        accounts,
        frame.expired,
        frame.never_computed,
        shown_terms(counts, accounts, _parts(frame, audience, everyone, counts[-1].remaining), settings.min_group),
    )


def _parts(frame: WideFrame, audience: Audience, everyone: Sequence[Audience], remaining: int) -> list[int]:
    """What `audience count` shows of the accounts that match: how many each suppression removes, then the members."""
    if not audience.suppressions:
        return [remaining]
    (tally,) = tallies(matched(frame.rows, [audience], everyone, unserved=frame.unserved), [audience])
    return [*(one.removed for one in tally.removals), tally.size]


def shown_terms(counts: Sequence[TermCount], accounts: int, parts: Sequence[int], limit: int) -> tuple[Term, ...]:
    """The terms as they may be shown beside the number of all accounts, and beside what `audience count` shows.

    Who reads the terms may know of any two groups that one is within the other (``x >= 20 and x >= 21``), or that they have
    nobody in common, so no two numbers are shown that tell a small group. First comes what is left, then what each term holds for.

    Args:
        counts: of each term.
        accounts: all of them.
        parts: what the accounts that match all terms fall into, as `audience count` shows them.
        limit: least size of a group that is shown.
    """
    known = [told_by_parts(parts, limit)]
    matching = counts[-1].remaining
    secret = {matching} if shown_total(matching, parts, limit) == HIDDEN else set()
    left = shown_apart([one.remaining for one in counts], accounts, limit, known=known, secret=secret)
    known += _numbers(left)
    secret |= _telling_neither(counts, left, accounts, limit)
    holds = shown_apart([one.holds for one in counts], accounts, limit, known=known, secret=secret)
    known += _numbers(holds)
    unknown = shown_apart([one.unknown for one in counts], accounts, limit, known=known, secret=secret)
    return tuple(Term(one.term, *of) for one, *of in zip(counts, holds, unknown, left, strict=True))


def _telling_neither(counts: Sequence[TermCount], left: Sequence[Shown], accounts: int, limit: int) -> set[int]:
    """What terms hold for, where with what is left before and after it could be worked out how few are in neither group."""
    steps = zip(pairwise(counts), pairwise(left), strict=True)
    return {
        one.holds
        for (before, one), told in steps
        if len(_numbers(told)) == 2 and small(accounts - before.remaining - one.holds + one.remaining, limit)
    }


def _numbers(told: Iterable[Shown]) -> list[int]:
    return [one for one in told if isinstance(one, int)]


def explain_account(
    spark: SparkSession,
    settings: Settings,
    audience: Audience,
    account: str,
    definitions: Definitions,
    *,
    as_of: dt.date | None = None,
    known_at: dt.datetime | None = None,
) -> AccountExplanation:
    """Each term and each suppression for one account, with the values that are read.

    Raises:
        SourceError: there are no account features of that day.
        SettingsError: the account is not among them.
    """
    warehouse = Warehouse(spark, settings)
    moment = required_features(warehouse, as_of, known_at)
    everyone = definitions.audiences.with_inputs([audience])
    frame = wide_frame(warehouse, definitions.tags, [audience], everyone, moment)
    own = frame.rows.where(F.col("account_id") == account)
    terms = terms_of(audience, definitions.audiences.types)
    inputs = [one for one in everyone if one.id != audience.id]
    row = flagged(own, inputs).select(_of_terms(terms)).first()
    if row is None:
        raise SettingsError(f"account {account} is not known as of {moment.as_of}: check the number, or give --as-of a later day")
    match = matched(own, [audience], everyone, unserved=frame.unserved).select("suppressions").first()
    held = tuple(match["suppressions"]) if match else ()
    return AccountExplanation(
        account,
        audience.id,
        match is not None and not held,
        match is not None,
        held,
        moment.as_of,
        moment.known_at,
        frame.expired,
        frame.never_computed,
        tuple(AccountTerm(term.text, row["of"][f"t{n}"], row["of"][f"v{n}"].asDict()) for n, term in enumerate(terms)),
    )


def _of_terms(terms: list[Checked]) -> Column:
    """Each term's value and the values that it reads."""
    parts = [term.column().alias(f"t{number}") for number, term in enumerate(terms)]
    parts += [
        F.struct(*[F.col(name) for name in sorted(term.columns)] or [F.lit(None).alias("none")]).alias(f"v{n}")
        for n, term in enumerate(terms)
    ]
    return F.struct(*parts).alias("of")
