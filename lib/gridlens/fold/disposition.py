"""How every source row is classified on arrival: accepted, superseded or a duplicate (quarantine is decided before).

Only exceptions are stored. A row is a duplicate where the same content of the same key came before it
(in an older batch, or earlier in its own); superseded where something newer about its key was known already.
"""

from __future__ import annotations

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from gridlens.contracts.entities import ENTITIES

_EVENT_DATE = {"meter_interval": "local_date", "meter_register": "read_date", "weather": "local_date"}
"""Date column of the entities that come by day: old rows of other days need not be looked at."""


def key_columns(entity: str) -> list[str]:
    """The business key; a long reading is one interval of its day, so the interval belongs to its key."""
    keys = list(ENTITIES[entity][2])
    return [*keys, "first_interval", "resolution_minutes"] if entity == "meter_interval" else keys


def slim(bronze: DataFrame, entity: str) -> DataFrame:
    """The few columns that classification needs of accepted bronze rows."""
    dates = [_EVENT_DATE[entity]] if entity in _EVENT_DATE else []
    key = F.xxhash64(*key_columns(entity)).alias("_key")
    return bronze.where(~F.col("_rejected")).select(key, *dates, "known_from", "_content_hash", "_locator", "_head", "_batch_id")


def repeated_keys(rows: DataFrame) -> DataFrame:
    """Keys that occur more than once, as one column ``_key`` (64-bit: a chance hit costs a second look, never a row)."""
    return rows.groupBy("_key").count().where("count > 1").select("_key")


def older_rows(bronze: DataFrame, new: DataFrame, entity: str, batch_id: str) -> DataFrame:
    """Rows of other batches that could concern the new ones; for daily entities of the same days only (files prune)."""
    others = slim(bronze.where(F.col("_batch_id") != batch_id), entity)
    if entity in _EVENT_DATE:
        date = _EVENT_DATE[entity]
        span = new.agg(F.min(date).alias("low"), F.max(date).alias("high")).first()
        if span is None or span["low"] is None:
            return others.limit(0)
        others = others.where(F.col(date).between(F.lit(span["low"]), F.lit(span["high"])))
    return others


def rows_of_lines(rows: DataFrame) -> DataFrame:
    """How many different :func:`slim` rows each source row made, as (_locator, kept)."""
    return rows.select("_locator", "_key", "_content_hash").distinct().groupBy("_locator").agg(F.count("*").alias("kept"))


def classify(new: DataFrame, older: DataFrame, *, rows_of: DataFrame | None = None) -> DataFrame:
    """Exceptions among ``new``: (_locator, disposition, contradicts). ``new`` and ``older`` are :func:`slim` rows sharing keys.

    A source row that made several bronze rows (a matrix line) is a duplicate where all of them are, and superseded where
    none was accepted and not all are duplicates. ``new`` holds the suspects only, so ``rows_of`` (:func:`rows_of_lines`)
    must say how many rows such lines have: a line with a reading that nobody suspects was accepted. ``contradicts`` marks
    a row that says something else than a row of its key known at the same moment, whichever of them stands; its disposition is
    null where it is the one that stands.
    """
    rows = new.withColumn("_old", F.lit(False)).unionByName(older.withColumn("_old", F.lit(True)))
    same_content = Window.partitionBy("_key", "_content_hash").orderBy(F.desc("_old"), "known_from", "_locator")
    same_key, same_moment = Window.partitionBy("_key"), Window.partitionBy("_key", "known_from")
    apart = F.min("_content_hash").over(same_moment) < F.max("_content_hash").over(same_moment)
    newest = F.max(F.struct("known_from", "_content_hash")).over(same_key)
    marked = rows.select(
        "_locator",
        "_old",
        (F.row_number().over(same_content) > 1).alias("duplicate"),
        (F.struct("known_from", "_content_hash") < newest).alias("older"),
        apart.alias("contradicts"),
    ).where(~F.col("_old"))
    per_row = marked.groupBy("_locator").agg(
        F.bool_and("duplicate").alias("duplicate"),
        F.bool_and(F.col("duplicate") | F.col("older")).alias("nothing_new"),
        F.bool_or(F.col("contradicts") & ~F.col("duplicate")).alias("contradicts"),
    )
    disposition = F.when(F.col("duplicate"), "duplicate").when(F.col("nothing_new"), "superseded")
    if rows_of is not None:
        suspected = rows_of_lines(new).withColumnRenamed("kept", "suspected")
        per_row = per_row.join(suspected, on="_locator").join(rows_of, on="_locator")
        disposition = F.when(F.col("suspected") == F.col("kept"), disposition)
    found = per_row.select("_locator", disposition.alias("disposition"), "contradicts")
    return found.where(F.col("disposition").isNotNull() | F.col("contradicts"))
