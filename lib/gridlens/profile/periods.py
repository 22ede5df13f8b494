"""Versions of a key to the periods in which it was connected with one and the same thing."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F


def periods(versions: DataFrame, keys: Sequence[str], target: Sequence[str]) -> DataFrame:
    """One row for each stretch of versions with one target; a target whose last column is null is no connection.

    Args:
        versions: ``keys``, ``valid_from`` (one row for each) and ``target``.
        keys: columns that name what has versions.
        target: columns that name what it is connected with.

    Returns:
        keys, target, ``valid_from``, and ``valid_to``: the day before the next stretch begins, null for the last.
    """
    ordered = Window.partitionBy(*keys).orderBy("valid_from")
    what = F.struct(*target)
    changes = versions.withColumn("_same", what.eqNullSafe(F.lag(what).over(ordered))).where("NOT _same")
    ended = changes.withColumn("valid_to", F.date_sub(F.lead("valid_from").over(ordered), 1))
    return ended.where(F.col(target[-1]).isNotNull()).select(*keys, *target, "valid_from", "valid_to")


def within(rows: DataFrame, last: Column) -> DataFrame:
    """``rows`` of :func:`periods` cut at the day ``last`` (null: not at all); what would begin after it is left out."""
    cut = rows.withColumn("valid_to", F.least("valid_to", last))
    return cut.where("valid_to IS NULL OR valid_to >= valid_from")
