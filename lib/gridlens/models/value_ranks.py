"""Ranks of amounts of money at scale: counted by place on a logarithmic scale, so that a few thousand counts tell the tenths.

Amounts of one place differ by less than 1 % (below 1 CNY by less than a fen) and count as equal. At most about 5,000 places are possible,
whatever the number of accounts, and the result does not depend on how Spark has split the rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import reduce

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

STEPS = 100
"""Places for each factor e of an amount."""


def place(amount: Column) -> Column:
    """The place of an amount, a whole number that rises with it; 0 for nothing, negative for losses."""
    return (F.signum(amount) * F.rint(F.log1p(F.abs(amount)) * STEPS)).cast("int")


def limits(counts: Iterable[tuple[int, int]], shares: Sequence[float]) -> tuple[int, ...]:
    """The least place of each share of the accounts, the highest places first; shape (len(shares),).

    Args:
        counts: place and number of accounts there, in any order.
        shares: rising, such as 0.1, 0.2; the limit of a share is the place of the account whose rank is ``ceil(share * accounts)``.
    """
    ordered = sorted(counts, reverse=True)
    total, seen, found = sum(count for _, count in ordered), 0, list[int]()
    for at, count in ordered:
        seen += count
        while len(found) < len(shares) and seen >= shares[len(found)] * total * (1 - 1e-12):
            found.append(at)
    return tuple(found)


def bucket(at: Column, bounds: Sequence[int]) -> Column:
    """1 for places of at least the first bound, 2 for those of at least the second, and so on."""
    return reduce(Column.__add__, [(at < F.lit(bound)).cast("int") for bound in bounds], F.lit(1))


def middle_ranks(rows: DataFrame, column: str) -> DataFrame:
    """``column`` (a place) and ``rank``: the mean rank of the rows there, the lowest place first; a row a place."""
    counted = rows.groupBy(column).agg(F.count(F.lit(1)).alias("n"))
    before = F.sum("n").over(Window.orderBy(column).rowsBetween(Window.unboundedPreceding, Window.currentRow))  # of a few thousand places
    return counted.select(column, (before - (F.col("n") - 1) / 2).alias("rank"))
