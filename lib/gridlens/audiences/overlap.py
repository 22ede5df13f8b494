"""Two teams at the same customers: members that audiences share, and members outside a team's territory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import groupby
from operator import or_

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from gridlens.audiences.disclosure import Shown, shown, shown_parts
from gridlens.audiences.library import Audience
from gridlens.audiences.membership import outside_territory

ALL = "all"
"""Stands for every organisation unit together."""


@dataclass(frozen=True)
class Shared:
    """Members that two audiences share in one organisation unit; ``accounts`` is hidden where they are few."""

    audience: str
    other: str
    org_unit_id: str
    accounts: Shown


@dataclass(frozen=True)
class Outside:
    """Members of an audience in an organisation unit and area that its definition does not name."""

    audience: str
    org_unit_id: str
    area_id: str
    accounts: Shown


def shared_members(members: DataFrame, *, limit: int) -> list[Shared]:
    """For each pair of audiences the accounts in both, all together and by organisation unit; pairs that share none are left out.

    Args:
        members: rows of audience_v1 of one moment.
        limit: groups under it are hidden, and a second one where a total would give a single hidden one away.
    """
    left = members.select("account_id", "org_unit_id", "audience")
    right = members.select("account_id", F.col("audience").alias("other"))
    pairs = left.join(right, on="account_id", how="inner").where(F.col("audience") < F.col("other"))
    counted = pairs.groupBy("audience", "other", "org_unit_id").agg(F.count("*").alias("accounts"))
    rows = counted.orderBy("audience", "other", "org_unit_id").collect()  # audiences² × organisation units
    cells = [((row["audience"], row["other"]), row["org_unit_id"], row["accounts"]) for row in rows]
    return [Shared(*pair, unit, accounts) for pair, unit, accounts in _with_totals(cells, limit)]


def _with_totals(cells: Iterable[tuple[tuple[str, str], str, int]], limit: int) -> Iterable[tuple[tuple[str, str], str, Shown]]:
    for pair, group in groupby(cells, key=lambda cell: cell[0]):
        own = list(group)
        numbers = [number for _, _, number in own]
        yield pair, ALL, shown(sum(numbers), limit)
        for (_, unit, _), accounts in zip(own, shown_parts(numbers, limit), strict=True):
            yield pair, unit, accounts


def outside_members(members: DataFrame, audiences: Sequence[Audience], *, limit: int) -> list[Outside]:
    """Members outside the territory of their audience, by organisation unit and area.

    Args:
        members: rows of audience_v1 of one moment.
        audiences: those looked at; one without a territory has nobody outside it.
        limit: groups under it are hidden, see :func:`shared_members`.
    """
    outside = reduce(or_, [(F.col("audience") == one.id) & outside_territory(one) for one in audiences], F.lit(False))
    grain = ("audience", "org_unit_id", "area_id")
    rows = members.where(outside).groupBy(*grain).agg(F.count("*").alias("accounts")).orderBy(*grain).collect()
    found: list[Outside] = []
    for _, group in groupby(rows, key=lambda row: row["audience"]):
        own = list(group)
        numbers = shown_parts([row["accounts"] for row in own], limit)
        for row, accounts in zip(own, numbers, strict=True):
            found.append(Outside(row["audience"], row["org_unit_id"], row["area_id"], accounts))
    return found
