"""Two teams at the same customers: members that audiences share, and members outside a team's territory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import groupby
from operator import or_

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from gridlens.audiences.disclosure import Shown, shown, shown_parts, small
from gridlens.audiences.library import Audience
from gridlens.audiences.membership import outside_territory

ALL, OTHERS = "all", "others"
"""Stand for every organisation unit together, and for those whose numbers are hidden."""


@dataclass(frozen=True)
class Shared:
    """Members that two audiences share in one organisation unit; ``accounts`` is hidden where they are few."""

    audience: str
    other: str
    org_unit_id: str
    accounts: Shown


@dataclass(frozen=True)
class Outside:
    """Members of an audience in an organisation unit and area that its definition does not name, written ``unit/area``."""

    audience: str
    place: str
    accounts: Shown


def shared_members(members: DataFrame, *, limit: int) -> list[Shared]:
    """For each pair of audiences the accounts in both, all together and by organisation unit; pairs that share most come first.

    Pairs that share none are left out. Units with few are shown as one, ``others``, together with a further one where the total
    would give them away; of a pair that shares few in all, no unit is shown.

    Args:
        members: rows of audience_v1 of one moment.
        limit: smallest number shown.
    """
    left = members.select("account_id", "org_unit_id", "audience")
    right = members.select("account_id", F.col("audience").alias("other"))
    pairs = left.join(right, on="account_id", how="inner").where(F.col("audience") < F.col("other"))
    counted = pairs.groupBy("audience", "other", "org_unit_id").agg(F.count("*").alias("accounts"))
    rows = counted.orderBy("audience", "other", "org_unit_id").collect()  # audiences² × organisation units
    by_pair = [(pair, list(group)) for pair, group in groupby(rows, key=lambda row: (row["audience"], row["other"]))]
    by_pair.sort(key=lambda found: -sum(row["accounts"] for row in found[1]))
    return [
        Shared(*pair, unit, accounts)
        for pair, group in by_pair
        for unit, accounts in _told([(row["org_unit_id"], row["accounts"]) for row in group], limit)
    ]


def _told(cells: Sequence[tuple[str, int]], limit: int) -> Iterator[tuple[str, Shown]]:
    """The total, then the cells that may be shown, then the rest as one."""
    numbers = [number for _, number in cells]
    yield ALL, shown(sum(numbers), limit)
    if small(sum(numbers), limit):
        return
    parts = shown_parts(numbers, limit)
    yield from ((name, part) for (name, _), part in zip(cells, parts, strict=True) if isinstance(part, int))
    hidden = sum(number for number, part in zip(numbers, parts, strict=True) if not isinstance(part, int))
    if hidden:
        yield OTHERS, hidden


def outside_members(members: DataFrame, audiences: Sequence[Audience], *, limit: int) -> list[Outside]:
    """Members outside the territory of their audience, all together and by place; few are shown as in :func:`shared_members`.

    Args:
        members: rows of audience_v1 of one moment.
        audiences: those looked at; one without a territory has nobody outside it.
        limit: smallest number shown.
    """
    outside = reduce(or_, [(F.col("audience") == one.id) & outside_territory(one) for one in audiences], F.lit(False))
    grain = ("audience", "org_unit_id", "area_id")
    rows = members.where(outside).groupBy(*grain).agg(F.count("*").alias("accounts")).orderBy(*grain).collect()
    return [
        Outside(audience, place, accounts)
        for audience, group in groupby(rows, key=lambda row: row["audience"])
        for place, accounts in _told([(f"{row['org_unit_id']}/{row['area_id']}", row["accounts"]) for row in group], limit)
    ]
