"""Upkeep: many small files become few, files that no table version within the retention uses are removed. SQL only."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from pyspark.sql import Row, SparkSession

from gridlens.contracts import all_tables
from gridlens.errors import SettingsError
from gridlens.lease import writer_lease
from gridlens.pipelines.options import MaintainOptions
from gridlens.runs import Run, logged
from gridlens.settings import Settings
from gridlens.tables import Table
from gridlens.warehouse import Warehouse, escaped

Say = Callable[[str], None]
SMALL_BYTES = 32 * 1024 * 1024
FEW_FILES = 4
"""A partition with up to so many small files is left alone: one load writes as many, and rewriting them gains nothing."""
LEAST_RETAIN_DAYS = 7
"""Delta's own limit: a reader or writer that began before the files were replaced may still need them."""
_FILE_SIZES = {
    "spark.databricks.delta.optimize.minFileSize": str(SMALL_BYTES),
    "spark.databricks.delta.optimize.maxFileSize": str(
        4 * SMALL_BYTES
    ),  # Delta's 1 GB would merge the days that file statistics tell apart
}


@dataclass(frozen=True)
class Upkeep:
    """One table: its files and bytes in use before and after, files merged into larger ones, unused files removed.

    In a dry run ``merged`` and ``removed`` are what would be done, and there is no after.
    """

    table: str
    files: int
    bytes: int
    merged: int
    files_after: int | None
    bytes_after: int | None
    removed: int


@dataclass(frozen=True)
class MaintainResult:
    """What upkeep did, table by table; ``run_id`` is None in a dry run, which changes and records nothing."""

    run_id: str | None
    dry_run: bool
    tables: tuple[Upkeep, ...]
    seconds: float

    @property
    def nothing_new(self) -> bool:
        return not any(table.merged or table.removed for table in self.tables)


@dataclass(frozen=True)
class _Layout:
    """Files and bytes of a table, and the partitions whose small files are worth merging."""

    files: int
    bytes: int
    small: int
    crowded: tuple[tuple[str | None, ...], ...]


def run_maintain(spark: SparkSession, settings: Settings, options: MaintainOptions, *, say: Say = print) -> MaintainResult:
    """Compacts the tables and removes files that are no longer in use.

    Raises:
        SettingsError: ``retain_days`` is shorter than is safe.
        LeaseHeld: another run writes to the same warehouse.
    """
    if options.retain_days < LEAST_RETAIN_DAYS:
        raise SettingsError(
            f"option --retain-days: {options.retain_days} is less than {LEAST_RETAIN_DAYS} days, and files that a running job still "
            f"reads could be removed; choose {LEAST_RETAIN_DAYS} or more"
        )
    warehouse = Warehouse(spark, settings)
    run = Run("maintain", {"retain_days": options.retain_days})
    tables = {name: table for name, table in all_tables().items() if warehouse.exists(table)}
    if options.dry_run:
        return MaintainResult(None, True, _maintained(warehouse, tables, options, run.started_at, say), run.seconds)
    with writer_lease(settings), logged(warehouse, run):
        done = _maintained(warehouse, tables, options, run.started_at, say)
        result = MaintainResult(run.run_id, False, done, run.seconds)
        run.nothing_new = result.nothing_new
    return result


def _maintained(
    warehouse: Warehouse, tables: Mapping[str, Table], options: MaintainOptions, now: dt.datetime, say: Say
) -> tuple[Upkeep, ...]:
    before = _layouts(warehouse, tables)
    crowded = {name: table for name, table in tables.items() if before[name].crowded}
    if options.dry_run:
        merged = {name: before[name].small for name in crowded}
        after = {}
    else:
        merged = {name: _compact(warehouse, table, before[name], say) for name, table in crowded.items()}
        after = before | _layouts(warehouse, crowded)
    removed = {name: _vacuum(warehouse, table, options, now, say) for name, table in tables.items()}
    return tuple(
        Upkeep(
            name,
            before[name].files,
            before[name].bytes,
            merged.get(name, 0),
            after[name].files if after else None,
            after[name].bytes if after else None,
            removed[name],
        )
        for name in tables
    )


def _layouts(warehouse: Warehouse, tables: Mapping[str, Table]) -> dict[str, _Layout]:
    """The layout of every table by one query that reads no column: files are told by ``_metadata``."""
    if not tables:
        return {}
    files = " UNION ALL ".join(
        f"SELECT '{name}' AS name, {_partition(table)} AS partition, _metadata.file_path AS path, _metadata.file_size AS size "
        f"FROM {warehouse.location(table)} GROUP BY ALL"
        for name, table in tables.items()
    )
    sums = f"count(*) AS files, sum(size) AS bytes, count_if(size < {SMALL_BYTES}) AS small"
    rows = warehouse.spark.sql(f"SELECT name, partition, {sums} FROM ({files}) GROUP BY ALL").collect()
    return {name: _layout([row for row in rows if row["name"] == name]) for name in tables}


def _partition(table: Table) -> str:
    return f"array({', '.join(f'CAST(`{name}` AS STRING)' for name in table.partition_by)})" if table.partition_by else "array('')"


def _layout(rows: list[Row]) -> _Layout:
    crowded = [row for row in rows if row["small"] > FEW_FILES]
    return _Layout(
        sum(row["files"] for row in rows),
        sum(row["bytes"] for row in rows),
        sum(row["small"] for row in crowded),
        tuple(sorted((tuple(row["partition"]) for row in crowded), key=str)),
    )


def _compact(warehouse: Warehouse, table: Table, layout: _Layout, say: Say) -> int:
    """Merges the small files of the crowded partitions; gives how many were merged."""
    with _file_sizes(warehouse.spark):
        rows = warehouse.spark.sql(f"OPTIMIZE {warehouse.location(table)}{_where(table, layout)}").collect()
    merged = sum(int(row["metrics"]["numFilesRemoved"]) for row in rows)
    added = sum(int(row["metrics"]["numFilesAdded"]) for row in rows)
    say(f"  {table.layer}.{table.name}: {merged:,} small files merged into {added:,}")
    return merged


def _where(table: Table, layout: _Layout) -> str:
    if not table.partition_by:
        return ""
    partitions = (
        " AND ".join(f"`{name}` <=> {_literal(table, name, value)}" for name, value in zip(table.partition_by, values, strict=True))
        for values in layout.crowded
    )
    return " WHERE " + " OR ".join(f"({partition})" for partition in partitions)


def _literal(table: Table, name: str, value: str | None) -> str:
    return "NULL" if value is None else f"CAST('{escaped(value)}' AS {table[name].data_type.simpleString()})"


@contextmanager
def _file_sizes(spark: SparkSession) -> Iterator[None]:
    """Sizes of OPTIMIZE for the block only, so that a notebook's own session keeps its settings."""
    before = {key: spark.conf.get(key, None) for key in _FILE_SIZES if spark.conf.isModifiable(key)}
    try:
        for key in before:
            spark.conf.set(key, _FILE_SIZES[key])
        yield
    finally:
        for key, value in before.items():
            if value is None:
                spark.conf.unset(key)
            else:
                spark.conf.set(key, value)


def _vacuum(warehouse: Warehouse, table: Table, options: MaintainOptions, now: dt.datetime, say: Say) -> int:
    """Removes the files that no version within the retention uses; gives how many.

    A table younger than the retention is passed over, because none of its files can be older; and what is to be removed is
    listed first, because a removal commits twice even where there is nothing to remove.
    """
    created = warehouse.spark.sql(f"DESCRIBE DETAIL {warehouse.location(table)}").selectExpr("unix_seconds(createdAt) AS created").first()
    if created is not None and created["created"] > now.timestamp() - options.retain_days * 86400:
        return 0
    command = f"VACUUM {warehouse.location(table)} RETAIN {options.retain_days * 24} HOURS"
    unused = warehouse.spark.sql(f"{command} DRY RUN").count()
    if unused and not options.dry_run:
        warehouse.spark.sql(command).collect()
        say(f"  {table.layer}.{table.name}: {unused:,} unused files removed")
    return unused
