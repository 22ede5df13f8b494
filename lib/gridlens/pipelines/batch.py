"""One batch of one source, step by step; every step can be repeated with the same result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from gridlens.contracts.bronze import BRONZE
from gridlens.contracts.ops import BATCH_ACCOUNT, INGEST_FILE, ROW_DISPOSITION
from gridlens.contracts.silver import QUARANTINE
from gridlens.fold import blocks, disposition, versioned
from gridlens.pipelines.interval_fold import fold_batch, refold_points
from gridlens.tables import Table
from gridlens.warehouse import Warehouse


@dataclass(frozen=True)
class Batch:
    """What identifies a batch and the definitions that it is loaded with."""

    source: str
    entity: str
    batch_id: str
    rules_fingerprint: str
    source_fingerprint: str

    @property
    def table(self) -> Table:
        return BRONZE[self.entity]


@dataclass(frozen=True)
class Account:
    """The account of a batch, in source rows; ``bad_cells`` and ``flagged`` are told apart from the sum."""

    row_count: int
    accepted: int
    superseded: int
    duplicate: int
    quarantined: int
    bad_cells: int
    flagged: int


@dataclass(frozen=True)
class Measure:
    """What one pass over a committed batch tells.

    Attributes:
        row_count: source rows.
        quarantined: source rows rejected.
        bad_cells: unreadable optional cells in rows that were kept.
        flagged: kept source rows with a broken rule of severity flag.
        kept: bronze rows not rejected.
        keys: distinct business keys among them.
        blocks: distinct day blocks among them (interval readings only).
        broken: source rows by rule of severity stop.
    """

    row_count: int
    quarantined: int
    bad_cells: int
    flagged: int
    kept: int
    keys: int
    blocks: int
    broken: dict[str, int]


def bronze_rows(warehouse: Warehouse, batch: Batch) -> DataFrame:
    """The committed bronze rows of a batch."""
    return warehouse.read(batch.table).where(F.col("_batch_id") == batch.batch_id)


def measure(bronze: DataFrame, entity: str, stop_rules: Sequence[str] = ()) -> Measure:
    """Counts a committed batch in one pass: every further Spark job on a small batch costs more than its data."""
    head, rejected, kept = F.col("_head"), F.col("_rejected"), ~F.col("_rejected")
    no_defects = F.array().cast(bronze.schema["_defects"].dataType)
    rules = F.transform(F.coalesce("_defects", no_defects), lambda d: d["rule"])
    flags = F.exists(F.coalesce("_defects", no_defects), lambda d: d["severity"] == "flag")
    columns = {
        "row_count": F.count_if(head),
        "quarantined": F.count_if(head & rejected),
        "bad_cells": F.sum(F.when(kept, F.coalesce(F.size("_bad_cells"), F.lit(0)))),
        "flagged": F.count_if(head & kept & flags),
        "kept": F.count_if(kept),
        "keys": F.count_distinct(F.when(kept, F.xxhash64(*disposition.key_columns(entity)))),
        **{f"rule:{rule}": F.count_if(head & F.array_contains(rules, rule)) for rule in stop_rules},
    }
    if entity == "meter_interval":
        columns["blocks"] = F.count_distinct(F.when(kept, F.xxhash64(*blocks.KEY)))
    row = bronze.agg(*[column.alias(name) for name, column in columns.items()]).first()
    found = {name: int(value or 0) for name, value in (row.asDict() if row else {}).items()}
    broken = {name.removeprefix("rule:"): count for name, count in found.items() if name.startswith("rule:")}
    plain = {name: count for name, count in found.items() if not name.startswith("rule:")}
    return Measure(**{"blocks": plain["keys"], **plain}, broken=broken)


def retract(warehouse: Warehouse, batch: Batch) -> None:
    """Takes a batch that may not be published out of bronze."""
    warehouse.delete(batch.table, where={"_batch_id": [batch.batch_id]})


def publish(warehouse: Warehouse, batch: Batch, found: Measure, *, first: bool) -> Account:
    """Everything that follows the bronze commit of a batch; gives its account, counted from the committed tables.

    Args:
        warehouse: the tables.
        batch: the batch.
        found: its measure.
        first: True where bronze held nothing of the entity before, so that there is nothing to compare with.
    """
    bronze = bronze_rows(warehouse, batch)
    if found.quarantined:
        with warehouse.shared:
            warehouse.merge(QUARANTINE, quarantine_rows(bronze, batch), update=None)
    repeated = found.keys < found.kept
    exceptions = _classify(warehouse, batch, bronze, repeated=repeated, first=first)
    _fold(warehouse, batch, bronze, unique=not repeated, several=found.blocks < found.kept)
    duplicate, superseded = exceptions.get("duplicate", 0), exceptions.get("superseded", 0)
    accepted = _accepted(warehouse, batch) if exceptions else found.row_count - found.quarantined
    return Account(found.row_count, accepted, superseded, duplicate, found.quarantined, found.bad_cells, found.flagged)


def quarantine_rows(bronze: DataFrame, batch: Batch) -> DataFrame:
    """Rejected rows of a batch in the form of the quarantine, one for each source row."""
    return bronze.where(F.col("_rejected") & F.col("_head")).select(
        "_source",
        "_batch_id",
        "_locator",
        F.lit(batch.entity).alias("entity"),
        F.col("_raw").alias("source_text"),
        F.col("_defects").alias("defects"),
        F.lit(batch.rules_fingerprint).alias("rules_fingerprint"),
    )


def _classify(warehouse: Warehouse, batch: Batch, bronze: DataFrame, *, repeated: bool, first: bool) -> dict[str, int]:
    """Writes the exceptions among the batch's rows and counts them as committed; empty where there is none."""
    new = disposition.slim(bronze, batch.entity)
    suspects = new.join(disposition.repeated_keys(new), on="_key", how="left_semi") if repeated else new.limit(0)
    older = new.limit(0)
    if not first:
        older = disposition.older_rows(warehouse.read(batch.table), new, batch.entity, batch.batch_id)
        suspects = suspects.unionByName(new.join(older.select("_key"), on="_key", how="left_semi")).distinct()
        older = older.join(suspects.select("_key"), on="_key", how="left_semi")
    elif not repeated:
        return {}
    exceptions = disposition.classify(suspects, older)
    rows = exceptions.select(F.lit(batch.source).alias("_source"), F.lit(batch.batch_id).alias("_batch_id"), "_locator", "disposition")
    with warehouse.shared:
        warehouse.merge(ROW_DISPOSITION, rows, prune={"_batch_id": [batch.batch_id]})
    return {row["disposition"]: int(row["count"]) for row in _exceptions(warehouse, batch).groupBy("disposition").count().collect()}


def _exceptions(warehouse: Warehouse, batch: Batch) -> DataFrame:
    return warehouse.read(ROW_DISPOSITION).where(F.col("_batch_id") == batch.batch_id)


def _accepted(warehouse: Warehouse, batch: Batch) -> int:
    """Rows of committed bronze with nothing against them."""
    kept = bronze_rows(warehouse, batch).where(F.col("_head") & ~F.col("_rejected"))
    return kept.join(_exceptions(warehouse, batch).select("_locator"), on="_locator", how="left_anti").count()


def _fold(warehouse: Warehouse, batch: Batch, bronze: DataFrame, *, unique: bool, several: bool) -> None:
    if batch.entity == "meter_interval":
        fold_batch(warehouse, batch.batch_id, repeated=_repeated_blocks(bronze) if several else None)
        return
    for table in versioned.TARGETS[batch.entity]:
        rows = versioned.versions(bronze, table, unique=unique)
        if warehouse.written(table):
            warehouse.merge(table, rows, update=versioned.WINNER, prune=_months_of(bronze, table))
        else:
            warehouse.append(table, rows)
    if batch.entity == "supply_point":
        refold_points(warehouse, batch.batch_id)


def _repeated_blocks(bronze: DataFrame) -> DataFrame:
    """Block keys with several pieces in the batch; looks at the key columns only."""
    return bronze.where(~F.col("_rejected")).groupBy(*blocks.KEY).count().where("count > 1").select(*blocks.KEY)


def _months_of(bronze: DataFrame, table: Table) -> dict[str, Sequence[object]] | None:
    """The months that a batch touches, where the table is laid out by month."""
    if "local_month" not in table.partition_by:
        return None
    month = F.trunc("read_date", "MM").cast("date")
    found = bronze.where(~F.col("_rejected")).select(month.alias("month")).distinct().collect()
    return {"local_month": sorted(row["month"] for row in found)}


def register(warehouse: Warehouse, batch: Batch, account: Account, files: DataFrame, *, file_count: int, again: bool) -> None:
    """The last step: the batch's account, then its files. From here on the files are known.

    ``again`` says that an earlier run may have come as far as this, so that both are written by key.
    """
    row = (
        batch.source,
        batch.batch_id,
        batch.entity,
        file_count,
        account.row_count,
        account.accepted,
        account.superseded,
        account.duplicate,
        account.quarantined,
        account.bad_cells,
        account.flagged,
        batch.rules_fingerprint,
        batch.source_fingerprint,
    )
    write = warehouse.merge if again else warehouse.append
    with warehouse.shared:
        write(BATCH_ACCOUNT, warehouse.spark.createDataFrame([row], BATCH_ACCOUNT.schema).coalesce(1))
        write(INGEST_FILE, files)
