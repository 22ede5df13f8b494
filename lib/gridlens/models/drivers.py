"""Drivers in total: what raises the scores of the accounts that a model flags."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

FIRST = 3
"""Reasons of an account that count."""


def driver_summary(scores: DataFrame, *, first: int = FIRST) -> DataFrame:
    """How often each feature is among the first reasons that raise an account's score.

    Args:
        scores: account_id and reasons, as in score_v1: the largest contribution first.
        first: reasons of an account that are looked at.

    Returns:
        feature; ``accounts`` where it is among the first reasons and raises the score; ``share`` of all accounts of ``scores``;
        ``mean_contribution`` there, in log odds. A row a feature.
    """
    total = scores.agg(F.count("*").alias("total"))
    told = scores.select("account_id", F.explode(F.slice("reasons", 1, first)).alias("reason")).where(F.col("reason.contribution") > 0)
    counted = told.groupBy(F.col("reason.feature").alias("feature")).agg(
        F.count_distinct("account_id").alias("accounts"), F.avg("reason.contribution").alias("mean_contribution")
    )
    share = F.col("accounts") / F.col("total")
    return counted.crossJoin(F.broadcast(total)).select("feature", "accounts", share.alias("share"), "mean_contribution")
