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
from gridlens.pipelines.measure import Measure, kept_lines, quarantine_rows
from gridlens.tables import Table, literal_in
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
class Registered:
    """A published batch, ready to be registered: its account, and its files as rows of ``ingest_file``."""

    batch: Batch
    account: Account
    files: tuple[tuple[object, ...], ...]
    file_count: int
    again: bool

    @property
    def account_row(self) -> tuple[object, ...]:
        batch, account = self.batch, self.account
        counts = (account.row_count, account.accepted, account.superseded, account.duplicate, account.quarantined)
        prints = (batch.rules_fingerprint, batch.source_fingerprint)
        return (batch.source, batch.batch_id, batch.entity, self.file_count, *counts, account.bad_cells, account.flagged, *prints)


def bronze_rows(warehouse: Warehouse, batch: Batch) -> DataFrame:
    """The committed bronze rows of a batch."""
    return warehouse.read(batch.table).where(F.col("_batch_id") == batch.batch_id)


def repeated_keys(bronze: DataFrame, entity: str) -> DataFrame:
    """Keys with several accepted rows in a batch: of interval readings the keys of day blocks, else one column ``_key``."""
    if entity == "meter_interval":
        return bronze.where(~F.col("_rejected")).groupBy(*blocks.KEY).count().where("count > 1").select(*blocks.KEY)
    return disposition.repeated_keys(disposition.slim(bronze, entity))


def retract(warehouse: Warehouse, batch: Batch) -> None:
    """Takes a batch that may not be published out of bronze."""
    warehouse.delete(batch.table, where={"_batch_id": [batch.batch_id]})


def publish(warehouse: Warehouse, batch: Batch, bronze: DataFrame, found: Measure, *, first: bool, again: bool) -> tuple[Account, int]:
    """Everything that follows the bronze commit of a batch; gives its account, counted from the committed tables.

    And how many rows say something else than a row of the same key that was known at the same moment: which one stands is arbitrary.

    Args:
        warehouse: the tables.
        batch: the batch.
        bronze: its committed rows (:func:`bronze_rows`).
        found: its measure.
        first: True where bronze held nothing of the entity before, so that there is nothing to compare with.
        again: True where an earlier run may have come as far as this, so that everything is written by key.
    """
    # Found once and kept: accounting and folding both ask, and most batches have few.
    twice = repeated_keys(bronze, batch.entity).persist()
    repeated = twice if twice.count() else None
    if found.quarantined or found.cells_rejected:
        rejected = quarantine_rows(bronze, batch.entity, batch.rules_fingerprint, melted=found.melted)
        _write(warehouse, QUARANTINE, rejected, batch, again=again)
    exceptions = _exceptions(warehouse, batch, bronze, repeated, first=first, melted=found.melted)
    contradicting = 0
    if exceptions is not None:
        exceptions = exceptions.persist()
        named = exceptions.where("disposition IS NOT NULL").drop("contradicts")
        _write(warehouse, ROW_DISPOSITION, named, batch, again=again)
        contradicting = exceptions.where("contradicts").count()
        exceptions.unpersist()
    _fold(warehouse, batch, bronze, repeated, again=again)
    twice.unpersist()
    kept = kept_lines(bronze, melted=found.melted)
    counts = {"accepted": found.row_count - found.quarantined} if exceptions is None else _counted(warehouse, batch, kept)
    accepted, superseded, duplicate = (counts.get(name, 0) for name in ("accepted", "superseded", "duplicate"))
    account = Account(found.row_count, accepted, superseded, duplicate, found.quarantined, found.bad_cells, found.flagged)
    return account, contradicting


def _write(warehouse: Warehouse, table: Table, rows: DataFrame, batch: Batch, *, again: bool) -> None:
    """Writes a batch's rows to a table that several sources share: in place of its earlier ones where there may be some."""
    with warehouse.shared:
        if again:
            warehouse.replace(table, rows, where=literal_in("_batch_id", [batch.batch_id]))
        else:
            warehouse.append(table, rows)


def _exceptions(
    warehouse: Warehouse, batch: Batch, bronze: DataFrame, repeated: DataFrame | None, *, first: bool, melted: bool
) -> DataFrame | None:
    """The exceptions among the batch's rows; None where there can be none."""
    if first and repeated is None:
        return None
    new = disposition.slim(bronze, batch.entity)
    suspects = new.limit(0) if repeated is None else _suspects(bronze, batch.entity, repeated)
    older = new.limit(0)
    if not first:
        older = disposition.older_rows(warehouse.read(batch.table), new, batch.entity, batch.batch_id)
        suspects = suspects.unionByName(new.join(older.select("_key"), on="_key", how="left_semi")).distinct()
        older = older.join(suspects.select("_key"), on="_key", how="left_semi")
    lines = new.join(suspects.select("_locator").distinct(), on="_locator", how="left_semi") if melted else None
    exceptions = disposition.classify(suspects, older, rows_of=None if lines is None else disposition.rows_of_lines(lines))
    return exceptions.select(
        F.lit(batch.source).alias("_source"), F.lit(batch.batch_id).alias("_batch_id"), "_locator", "disposition", "contradicts"
    )


def _suspects(bronze: DataFrame, entity: str, repeated: DataFrame) -> DataFrame:
    """The rows whose key occurs again in their batch."""
    if entity != "meter_interval":
        return disposition.slim(bronze, entity).join(repeated, on="_key", how="left_semi")
    of_block = disposition.slim(
        bronze.join(repeated, on=blocks.KEY, how="left_semi"), entity
    )  # pieces of one day need not repeat each other
    return of_block.join(disposition.repeated_keys(of_block), on="_key", how="left_semi")


def _counted(warehouse: Warehouse, batch: Batch, kept: DataFrame) -> dict[str, int]:
    """How the source rows that were kept (one column ``_locator``) are classified in the committed exceptions."""
    exceptions = warehouse.read(ROW_DISPOSITION).where(F.col("_batch_id") == batch.batch_id).select("_locator", "disposition")
    named = kept.join(exceptions, on="_locator", how="left").select(F.coalesce("disposition", F.lit("accepted")).alias("disposition"))
    return {row["disposition"]: int(row["count"]) for row in named.groupBy("disposition").count().collect()}


def _fold(warehouse: Warehouse, batch: Batch, bronze: DataFrame, repeated: DataFrame | None, *, again: bool) -> None:
    if batch.entity == "meter_interval":
        fold_batch(warehouse, bronze, repeated=repeated, again=again)
        return
    for table in versioned.TARGETS[batch.entity]:
        rows = versioned.versions(bronze, table, repeated=repeated, key=disposition.key_columns(batch.entity))
        if warehouse.written(table):
            warehouse.merge(table, rows, update=versioned.WINNER, prune=_months_of(bronze, table))
        else:
            warehouse.append(table, rows)
    if batch.entity == "supply_point":
        refold_points(warehouse, batch.batch_id)


def _months_of(bronze: DataFrame, table: Table) -> dict[str, Sequence[object]] | None:
    """The months that a batch touches, where the table is laid out by month."""
    if "local_month" not in table.partition_by:
        return None
    month = F.trunc("read_date", "MM").cast("date")
    found = bronze.where(~F.col("_rejected")).select(month.alias("month")).distinct().collect()
    return {"local_month": sorted(row["month"] for row in found)}


def register(warehouse: Warehouse, batches: Sequence[Registered]) -> None:
    """The last step of some batches: their accounts, then their files. From here on the files are known.

    Batches that an earlier run may have brought as far as this are written by key.
    """
    spark = warehouse.spark
    for again in (False, True):
        chosen = [item for item in batches if item.again is again]
        if not chosen:
            continue
        write = warehouse.merge if again else warehouse.append
        with warehouse.shared:
            write(BATCH_ACCOUNT, spark.createDataFrame([item.account_row for item in chosen], BATCH_ACCOUNT.schema).coalesce(1))
            files = [row for item in chosen for row in item.files]
            write(INGEST_FILE, spark.createDataFrame(files, INGEST_FILE.schema).coalesce(1))
