"""Where an account stands among its peers: open accounts of the same category, industry and area."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from gridlens.contracts.account_feature import MIN_PEERS, PEERS

_CELL = ("category", "industry_code", "area_id")


def peer_groups(accounts: DataFrame) -> DataFrame:
    """The peer group of each (category, industry_code, area_id), with the number of its open accounts.

    An account of a small cell is compared with its whole industry or category; that group counts all its accounts.

    Args:
        accounts: category, industry_code, area_id, is_open: one row an account.
    """
    cells = accounts.groupBy(*_CELL).agg(F.count_if("is_open").alias("n"))
    sizes = [F.col("n"), _over(*_CELL[:2]), _over(*_CELL[:1])]
    industry = F.coalesce("industry_code", F.lit("-"))
    names = [F.concat_ws("/", "category", industry, "area_id"), F.concat_ws("/", "category", industry), F.col("category")]
    sized = cells.select(*_CELL, F.array(*sizes).alias("sizes"), F.array(*names).alias("names"))
    widest = len(names) - 1
    level = F.coalesce(*[F.when(F.col("sizes")[i] >= MIN_PEERS, F.lit(i)) for i in range(widest)], F.lit(widest))
    return sized.select(
        *_CELL, F.element_at("names", level + 1).alias("peer_group"), F.element_at("sizes", level + 1).cast("int").alias("peer_count")
    )


def with_peers(accounts: DataFrame, groups: DataFrame) -> DataFrame:
    """``accounts`` with peer_group, peer_count and the percentile of each of PEERS.

    Args:
        accounts: category, industry_code, area_id, is_open and PEERS: one row an account.
        groups: of :func:`peer_groups`.
    """
    cells = groups.withColumnsRenamed({c: f"_{c}" for c in _CELL})
    same = [F.col(c).eqNullSafe(F.col(f"_{c}")) for c in _CELL]
    named = accounts.join(F.broadcast(cells), on=same, how="left").select(*accounts.columns, "peer_group", "peer_count")
    return named.withColumns({f"{name}_percentile": _percentile(name) for name in PEERS})


def _over(*columns: str) -> Column:
    return F.sum("n").over(Window.partitionBy(*columns))


def _percentile(name: str) -> Column:
    """Of open accounts that have the feature; the others come last in the order, so that ranks are not theirs."""
    ranked = F.when(F.col("is_open"), F.col(name))
    group = Window.partitionBy("peer_group")
    rank, known = F.rank().over(group.orderBy(ranked.asc_nulls_last())), F.count(ranked).over(group)
    return F.when(ranked.isNotNull(), F.coalesce(F.try_divide(rank - 1, known - 1), F.lit(0.0)))
