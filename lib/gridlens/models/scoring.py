"""From a fitted pipeline's probabilities to scores: decile and band."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from gridlens.models.definition import Band

ROUNDED = 5
"""Digits after the point by which scores are counted: at most 100,001 different ones reach the driver."""
DECILES = 10


def decile_limits(scored: DataFrame, score: str = "prediction") -> list[float]:
    """The least score of the deciles 1 to 9, highest first; shape (9,). Equal scores (to 1e-5) are in one decile.

    The limit of decile d is the score of the account whose rank is ``ceil(d * n / 10)``.
    """
    rounded = F.round(score, ROUNDED).alias("score")
    counts = scored.groupBy(rounded).count().orderBy(F.desc("score")).collect()  # by rounded score: bounded
    total, seen, limits = sum(row["count"] for row in counts), 0, list[float]()
    for row in counts:
        seen += row["count"]
        while len(limits) < DECILES - 1 and seen * DECILES >= (len(limits) + 1) * total:
            limits.append(row["score"])
    return limits


def with_decile(scored: DataFrame, limits: Sequence[float], score: str = "prediction") -> DataFrame:
    """Adds ``decile``: 1 for scores of at least the first limit, and so on."""
    below = [(F.round(score, ROUNDED) < limit).cast("int") for limit in limits]
    return scored.withColumn("decile", reduce(Column.__add__, below, F.lit(1)))


def with_band(scored: DataFrame, bands: Sequence[Band], score: str = "prediction") -> DataFrame:
    """Adds ``band``: the last one that begins at or below the score."""
    named = reduce(lambda so_far, band: F.when(F.col(score) >= band.score_from, band.id).otherwise(so_far), bands, F.lit(None))
    return scored.withColumn("band", named.cast("string"))
