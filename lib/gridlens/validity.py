"""From when until when a version of master data holds: ends are derived, never stored."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F


def with_ends(versions: DataFrame, key: str) -> DataFrame:
    """Adds ``valid_to``: the first day on which the version holds no more; null where none follows it.

    Args:
        versions: one row for each ``key`` and ``valid_from``.
        key: the entity's column.
    """
    return versions.withColumn("valid_to", F.lead("valid_from").over(Window.partitionBy(key).orderBy("valid_from")))


def in_force(day: str) -> Column:
    """True where a version (``valid_from``, ``valid_to``) holds on ``day``."""
    return (F.col(day) >= F.col("valid_from")) & (F.col("valid_to").isNull() | (F.col(day) < F.col("valid_to")))
