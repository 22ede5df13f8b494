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
from gridlens.tables import Table, empty
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


def bronze_rows(warehouse: Warehouse, batch: Batch) -> DataFrame:
    """The committed bronze rows of a batch."""
    return warehouse.read(batch.table).where(F.col("_batch_id") == batch.batch_id)


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


def publish(warehouse: Warehouse, batch: Batch) -> Account:
    """Everything that follows the bronze commit of a batch; gives its account, counted from the committed tables."""
    bronze = bronze_rows(warehouse, batch)
    counts = _counts(bronze)
    if counts.quarantined:
        with warehouse.shared:
            warehouse.merge(QUARANTINE, quarantine_rows(bronze, batch), update=None)
    repeated = _classify(warehouse, batch, bronze)
    _fold(warehouse, batch, bronze, repeated)
    return _account(warehouse, batch, counts)


def rule_counts(warehouse: Warehouse, batch: Batch, rules: Sequence[str]) -> tuple[dict[str, int], int]:
    """(source rows that break each of ``rules``, source rows) of a committed batch."""
    columns = [F.sum(F.when(F.exists("_defects", lambda d, rule=rule: d["rule"] == rule), 1)).alias(rule) for rule in rules]
    row = bronze_rows(warehouse, batch).where("_head").agg(F.count("*").alias("_total"), *columns).first()
    return {rule: int(row[rule] or 0) for rule in rules}, int(row["_total"])


def retract(warehouse: Warehouse, batch: Batch) -> None:
    """Takes a batch that may not be published out of bronze."""
    warehouse.delete(batch.table, where={"_batch_id": [batch.batch_id]})


def _counts(bronze: DataFrame) -> Account:
    """Rows, quarantined rows, bad cells and flagged rows in one pass; the rest is filled in at the end."""
    head = F.col("_head").cast("int")
    kept = ~F.col("_rejected")
    flags = F.exists(F.coalesce("_defects", F.array().cast(bronze.schema["_defects"].dataType)), lambda d: d["severity"] == "flag")
    row = bronze.agg(
        F.sum(head).alias("row_count"),
        F.sum(F.when(F.col("_rejected"), head)).alias("quarantined"),
        F.sum(F.when(kept, F.coalesce(F.size("_bad_cells"), F.lit(0)))).alias("bad_cells"),
        F.sum(F.when(kept & flags, head)).alias("flagged"),
    ).first()
    numbers = {name: int(value or 0) for name, value in (row.asDict() if row else {}).items()}
    return Account(accepted=0, superseded=0, duplicate=0, **numbers)


def _classify(warehouse: Warehouse, batch: Batch, bronze: DataFrame) -> bool:
    """Writes the exceptions among the batch's rows; True where a business key occurs more than once in the batch."""
    new = disposition.slim(bronze, batch.entity)
    repeated = disposition.repeated_keys(new)
    twice = not empty(repeated)
    older = disposition.older_rows(warehouse.read(batch.table), new, batch.entity, batch.batch_id)
    suspects = new.join(older.select("_key").distinct(), on="_key", how="left_semi")
    if twice:
        suspects = suspects.unionByName(new.join(repeated, on="_key", how="left_semi")).distinct()
    elif empty(older.select("_key")):
        return False
    related = older.join(suspects.select("_key").distinct(), on="_key", how="left_semi")
    exceptions = disposition.classify(suspects, related)
    rows = exceptions.select(F.lit(batch.source).alias("_source"), F.lit(batch.batch_id).alias("_batch_id"), "_locator", "disposition")
    with warehouse.shared:
        warehouse.merge(ROW_DISPOSITION, rows)
    return twice


def _fold(warehouse: Warehouse, batch: Batch, bronze: DataFrame, repeated: bool) -> None:
    if batch.entity == "meter_interval":
        fold_batch(warehouse, batch.batch_id, repeated=_repeated_blocks(bronze))
        return
    for table in versioned.TARGETS[batch.entity]:
        rows = versioned.versions(bronze, table, unique=not repeated)
        if warehouse.exists(table) and not empty(warehouse.read(table)):
            warehouse.merge(table, rows, update=versioned.WINNER, prune=_months_of(bronze, table))
        else:
            warehouse.append(table, rows)
    if batch.entity == "supply_point":
        refold_points(warehouse, batch.batch_id)


def _repeated_blocks(bronze: DataFrame) -> DataFrame | None:
    """Block keys with several pieces in the batch, or None; looks at the key columns only."""
    keys = bronze.where(~F.col("_rejected")).groupBy(*blocks.KEY).count().where("count > 1").select(*blocks.KEY)
    return None if empty(keys) else keys


def _months_of(bronze: DataFrame, table: Table) -> dict[str, Sequence[object]] | None:
    """The months that a batch touches, where the table is laid out by month."""
    if "local_month" not in table.partition_by:
        return None
    month = F.trunc("read_date", "MM").cast("date")
    found = bronze.where(~F.col("_rejected")).select(month.alias("month")).distinct().collect()
    return {"local_month": sorted(row["month"] for row in found)}


def _account(warehouse: Warehouse, batch: Batch, counts: Account) -> Account:
    """Counts again what was committed: accepted rows are those of bronze with no exception against them."""
    exceptions = warehouse.read(ROW_DISPOSITION).where(F.col("_batch_id") == batch.batch_id)
    by_kind = {row["disposition"]: int(row["count"]) for row in exceptions.groupBy("disposition").count().collect()}
    kept = bronze_rows(warehouse, batch).where(F.col("_head") & ~F.col("_rejected"))
    accepted = kept.join(exceptions.select("_locator"), on="_locator", how="left_anti") if by_kind else kept
    return Account(
        row_count=counts.row_count,
        accepted=accepted.count(),
        superseded=by_kind.get("superseded", 0),
        duplicate=by_kind.get("duplicate", 0),
        quarantined=counts.quarantined,
        bad_cells=counts.bad_cells,
        flagged=counts.flagged,
    )


def register(warehouse: Warehouse, batch: Batch, account: Account, files: DataFrame) -> None:
    """The last step: the batch's account, then its files. From here on the files are known."""
    row = (
        batch.source,
        batch.batch_id,
        batch.entity,
        files.count(),
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
    frame = warehouse.spark.createDataFrame([row], BATCH_ACCOUNT.schema).coalesce(1)
    with warehouse.shared:
        warehouse.merge(BATCH_ACCOUNT, frame)
        warehouse.merge(INGEST_FILE, files)
