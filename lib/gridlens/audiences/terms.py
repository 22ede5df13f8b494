"""Why an audience has its size: the terms that AND joins, what each holds for, and what is left after each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import and_

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from gridlens.audiences.library import Audience
from gridlens.expression_functions import BOOLEAN
from gridlens.expressions import Checked, check, conjuncts


@dataclass(frozen=True)
class TermCount:
    """One term over all accounts.

    Attributes:
        term: its text.
        holds: accounts for which it is true.
        unknown: accounts for which it is neither true nor false.
        remaining: accounts for which it and all terms before it are true.
    """

    term: str
    holds: int
    unknown: int
    remaining: int


def terms_of(audience: Audience, types: dict[str, str]) -> list[Checked]:
    """The terms of the expression, each checked for itself."""
    return [check(text, types, f"audience {audience.id}", family=BOOLEAN) for text in conjuncts(audience.definition.where)]


def term_counts(rows: DataFrame, terms: Sequence[Checked]) -> tuple[int, list[TermCount]]:
    """All accounts, and the counts of each term, in one pass over ``rows`` (what the terms read, one row per account)."""
    columns = [term.column() for term in terms]
    counts = [F.count("*").alias("accounts")]
    for number, column in enumerate(columns):
        together = reduce(and_, columns[: number + 1])
        counts += [
            F.count_if(column).alias(f"holds_{number}"),
            F.count_if(column.isNull()).alias(f"unknown_{number}"),
            F.count_if(together).alias(f"remaining_{number}"),
        ]
    row = rows.agg(*counts).first()
    assert row is not None
    found = [TermCount(t.text, row[f"holds_{n}"], row[f"unknown_{n}"], row[f"remaining_{n}"]) for n, t in enumerate(terms)]
    return row["accounts"], found
