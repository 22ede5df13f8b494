"""Writes the fold of interval readings: history before current, only the days that were touched."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from gridlens.contracts.bronze import BRONZE
from gridlens.contracts.silver import INTERVAL_DAY, INTERVAL_DAY_SUPERSEDED, METERING_POINT
from gridlens.fold import blocks
from gridlens.tables import empty
from gridlens.warehouse import Warehouse

MANY_DAYS = 1500
"""Above this number of days a merge names months instead of days: a condition of that length costs more than it prunes."""


@dataclass(frozen=True)
class Touched:
    """The days that a load touches: those that silver does not know yet, and those that it knows."""

    new: list[dt.date]
    known: list[dt.date]


def touched_days(warehouse: Warehouse, batch: DataFrame) -> Touched:
    """The distinct local days of a batch (at most a few thousand), divided by whether silver knows them."""
    days = {row[0] for row in batch.where(~F.col("_rejected")).select("local_date").distinct().collect() if row[0]}
    if not days or not warehouse.exists(INTERVAL_DAY):
        return Touched(sorted(days), [])
    silver = warehouse.read(INTERVAL_DAY).where(F.col("local_month").isin(_months(days)))
    known = {row[0] for row in silver.select("local_date").distinct().collect()} & days
    return Touched(sorted(days - known), sorted(known))


def fold_batch(warehouse: Warehouse, bronze: DataFrame, *, repeated: DataFrame | None, again: bool = False) -> None:
    """Folds one batch of ``meter_interval`` into silver.

    Args:
        warehouse: the tables.
        bronze: the committed rows of the batch.
        repeated: block keys that occur more than once in the batch, or None where there is none.
        again: True where an earlier run may have died in the middle of this.
    """
    batch = bronze.where(~F.col("_rejected"))
    touched = touched_days(warehouse, batch)
    if touched.known:
        refold(warehouse, batch.where(F.col("local_date").isin(touched.known)).select(*blocks.KEY).distinct(), touched.known)
    if touched.new:
        fresh = batch.where(F.col("local_date").isin(touched.new)) if touched.known else batch
        load_new_days(warehouse, fresh, repeated, touched.new, again=again)


def load_new_days(warehouse: Warehouse, batch: DataFrame, repeated: DataFrame | None, days: list[dt.date], *, again: bool) -> None:
    """Days that silver does not know: blocks of keys with one piece are appended as they come, without a join of blocks."""
    points = warehouse.read(METERING_POINT)
    single, several = blocks.pieces_of(batch), None
    if repeated is not None:
        several = single.join(repeated, on=blocks.KEY, how="left_semi")
        single = single.join(repeated, on=blocks.KEY, how="left_anti")
    direct, historic = blocks.route(single, points)
    fresh = blocks.to_blocks(direct)
    # Few pieces, looked at several times each: kept, so that the curves of bronze are not read again for every look.
    history = (historic if several is None else historic.unionByName(several)).persist()
    if empty(history):
        warehouse.append(INTERVAL_DAY, fresh)
        return
    versions = blocks.to_blocks(blocks.history_versions(history, points)).persist()
    current, superseded = blocks.split_versions(versions)
    if again:
        warehouse.merge(INTERVAL_DAY_SUPERSEDED, superseded, prune=_prune(days), drop="_drop")
    else:
        warehouse.append(INTERVAL_DAY_SUPERSEDED, superseded.where(~F.col("_drop")))
    warehouse.append(INTERVAL_DAY, fresh.unionByName(current))
    versions.unpersist()
    history.unpersist()


def refold(warehouse: Warehouse, keys: DataFrame, days: list[dt.date]) -> None:
    """Folds the given keys again from all of bronze, and merges what changed: superseded first, then current."""
    bronze = warehouse.read(BRONZE["meter_interval"]).where(F.col("local_date").between(F.lit(days[0]), F.lit(days[-1])))
    pieces = blocks.pieces_of(bronze.join(keys, on=blocks.KEY, how="left_semi"))
    versions = blocks.to_blocks(blocks.history_versions(pieces, warehouse.read(METERING_POINT)))
    current, superseded = blocks.split_versions(versions)
    prune = _prune(days)
    warehouse.merge(INTERVAL_DAY_SUPERSEDED, superseded, prune=prune, drop="_drop")
    warehouse.merge(INTERVAL_DAY, current, update="t._content_hash != s._content_hash OR t.known_from != s.known_from", prune=prune)


def refold_points(warehouse: Warehouse, batch_id: str) -> None:
    """After new versions of metering points: folds again the days whose ratio, capacity or very existence they change."""
    if not warehouse.exists(BRONZE["meter_interval"]):
        return
    concerned = changed_points(warehouse.read(BRONZE["supply_point"]).where(~F.col("_rejected")), batch_id)
    rows = warehouse.read(BRONZE["meter_interval"]).where(~F.col("_rejected"))
    keys = rows.join(concerned, on="metering_point_id", how="left_semi").select(*blocks.KEY).distinct()
    days = sorted(row[0] for row in keys.select("local_date").distinct().collect())
    if days:
        refold(warehouse, keys, days)


def changed_points(points: DataFrame, batch_id: str) -> DataFrame:
    """Points of a batch whose blocks it may change.

    Those whose ratio or capacity is not the same in all their rows, or that begin earlier, or were known earlier, than
    without the batch. A meter exchange that leaves the ratio as it was, or a delivery that comes again, changes nothing.
    """
    came = F.col("_batch_id") == batch_id
    ratio = F.struct("ct_ratio", "pt_ratio", F.coalesce("contract_capacity_kva", F.lit(-1.0)))
    by_point = points.groupBy("metering_point_id").agg(
        (F.count_distinct(ratio) > 1).alias("varies"),
        (F.min_by("known_from", "valid_from") > F.min("known_from")).alias("begin_known_late"),
        F.min(F.when(came, F.col("valid_from"))).alias("begin"),
        F.min(F.when(~came, F.col("valid_from"))).alias("begin_before"),
        F.min(F.when(came, F.col("known_from"))).alias("known"),
        F.min(F.when(~came, F.col("known_from"))).alias("known_before"),
    )
    first = F.col("begin_before").isNull()
    earlier = (F.col("begin") < F.col("begin_before")) | (F.col("known") < F.col("known_before"))
    matter = first | earlier | F.col("varies") | F.col("begin_known_late")
    return by_point.where(F.col("begin").isNotNull() & matter).select("metering_point_id")


def _prune(days: list[dt.date]) -> dict[str, Sequence[object]]:
    """Literal months, and days where they are not too many, so that a merge reads and locks only their files."""
    months: dict[str, Sequence[object]] = {"local_month": _months(days)}
    return {**months, "local_date": days} if len(days) <= MANY_DAYS else months


def _months(days: Iterable[dt.date]) -> list[dt.date]:
    return sorted({day.replace(day=1) for day in days})
