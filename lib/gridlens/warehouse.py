"""Reads and writes tables by their declarations: a path under the warehouse locally, a name on a catalogue."""

from __future__ import annotations

import datetime as dt
import re
import threading
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property

from pyspark.errors import AnalysisException, PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from gridlens.errors import ContractError, PlatformError
from gridlens.settings import Settings
from gridlens.tables import Field, Table, empty, literal_in

_ATTEMPTS = 20
"""Of one keyed write: of two writers that collide one gets through, so that to lose twenty times running is one chance in a million."""
_COLLISION = re.compile(r"Concurrent(Append|DeleteRead|DeleteDelete|Transaction)Exception|DELTA_CONCURRENT_")
_NO_RIGHT = "42501"
"""SQLSTATE of a missing privilege, Unity Catalog's INSUFFICIENT_PERMISSIONS among others; without a state the message says it."""
_DENIED = re.compile(r"PERMISSION_DENIED|INSUFFICIENT_PERMISSIONS|INSUFFICIENT_PRIVILEGES|UNAUTHORIZED_ACCESS")


@dataclass
class TablesIn:
    """The tables that were read, without those that had been written before: what a run counts of its own work is no input."""

    names: set[str] = field(default_factory=set)
    written: set[str] = field(default_factory=set)

    def reads(self, table: Table) -> None:
        if table.name not in self.written:
            self.names.add(f"{table.layer}.{table.name}")


class Warehouse:
    """The Delta tables of one warehouse.

    ``shared`` is held while a table is written that several sources write side by side. ``note`` stands with every append and
    replacement in the table's history, where the caller gives no other: which run wrote, also where it did not live to say so.
    """

    def __init__(self, spark: SparkSession, settings: Settings) -> None:
        self.spark = spark
        self.settings = settings
        self._known: set[str] = set()
        self._written: set[str] = set()
        self._noted = [TablesIn()]
        self.note = ""
        self.shared = threading.RLock()

    @cached_property
    def root(self) -> str:
        return str(self.settings.warehouse).rstrip("/")

    def location(self, table: Table) -> str:
        """The table as SQL names it: ``catalog.schema.layer_name`` or ``delta.`path` ``."""
        if self.settings.catalog:
            return f"{self.settings.catalog}.{table.layer}_{table.name}"
        return f"delta.`{self.path(table)}`"

    def path(self, table: Table) -> str:
        """Folder of the table where tables are paths."""
        return f"{self.root}/{table.layer}/{table.name}"

    def exists(self, table: Table) -> bool:
        """True where the table can be read.

        Raises:
            PlatformError: it may not be read; taken for a missing table it would be computed anew, or as nothing known.
        """
        if self.path(table) in self._known:
            return True
        try:
            self._open(table).schema  # noqa: B018  (analysis is what asks the catalogue or the folder)
        except PySparkException as error:
            if error.getSqlState() == _NO_RIGHT or _DENIED.search(str(error)):
                raise PlatformError(
                    f"{self.location(table)} may not be read by this user: ask its owner for USE CATALOG, USE SCHEMA and SELECT"
                ) from error
            if not isinstance(error, AnalysisException):
                raise
            return False
        self._known.add(self.path(table))
        return True

    def denied(self, table: Table) -> bool:
        """True where the table may not be read by this user."""
        try:
            self.exists(table)
        except PlatformError:
            return True
        return False

    def written(self, table: Table) -> bool:
        """True where the table holds a row."""
        if self.path(table) not in self._written and self.exists(table) and not empty(self._open(table)):
            self._written.add(self.path(table))
        return self.path(table) in self._written

    def _open(self, table: Table) -> DataFrame:
        if self.settings.catalog:
            return self.spark.table(self.location(table))
        return self.spark.read.format("delta").load(self.path(table))

    def read(self, table: Table) -> DataFrame:
        """The whole table; an empty DataFrame of its schema where it was never written."""
        if not self.exists(table):
            return self.spark.createDataFrame([], table.schema)
        for noted in self._noted:
            noted.reads(table)
        df = self._open(table)
        present = set(df.columns)
        missing = [F.lit(None).cast(f.data_type).alias(f.name) for f in table.fields if f.name not in present]
        return df.select("*", *missing) if missing else df

    @contextmanager
    def noting(self) -> Iterator[TablesIn]:
        """Notes which tables are read while the block runs; those of an outermost block also what was read on the way to it."""
        around = self._noted
        before = set(around[0].names) if len(around) == 1 else set()
        self._noted = [*around, TablesIn(set(before))]
        try:
            yield self._noted[-1]
        finally:
            self._noted = around
            if len(around) == 1:
                around[0].names = before  # what one run read, the next one on the same warehouse did not

    def as_it_stands(self, table: Table) -> Table:
        """The declaration, without the columns that a table of an earlier version lacks until it is migrated."""
        if not self.exists(table):
            return table
        present = set(self._open(table).columns)
        return replace(table, fields=tuple(f for f in table.fields if f.name in present))

    def create(self, table: Table) -> None:
        """Creates the table with NOT NULL, CHECK constraints and file statistics on its non-personal columns."""
        self._noted[-1].written.add(table.name)
        if self.exists(table):
            return
        columns = ",\n".join(column_ddl(f) for f in table.fields)
        partition = f"PARTITIONED BY ({', '.join(table.partition_by)})" if table.partition_by else ""
        told = ", ".join(f"'{key}' = '{escaped(value)}'" for key, value in table_properties(table).items())
        self.spark.sql(f"CREATE TABLE IF NOT EXISTS {self.location(table)} (\n{columns}\n) USING DELTA {partition} TBLPROPERTIES ({told})")
        self._known.add(self.path(table))

    def widen(self, table: Table) -> None:
        """Adds the declared columns that the table lacks; what is not declared stays.

        Raises:
            ContractError: a column is there with another type.
        """
        present = {f.name: f.dataType.simpleString() for f in self._open(table).schema.fields}
        other = [f"{f.name} is {present[f.name]}" for f in table.fields if present.get(f.name, f.type) != f.data_type.simpleString()]
        if other:
            raise ContractError(f"table {table.name}: {', '.join(other)} already; what is of another type needs another name")
        missing = ", ".join(column_ddl(f) for f in table.fields if f.name not in present)
        if missing:
            self.spark.sql(f"ALTER TABLE {self.location(table)} ADD COLUMNS ({missing})")

    def append(self, table: Table, df: DataFrame, *, note: str = "") -> None:
        """Adds rows. The caller makes sure that they are not there yet (keyed writes use :meth:`merge`); ``note`` as of :meth:`replace`."""
        self.create(table)
        self._write(table, table.conform(df), mode="append", note=note)

    def replace(self, table: Table, df: DataFrame, *, where: str, note: str = "") -> None:
        """Replaces the rows for which ``where`` holds, in one commit; a ``note`` stands with it in the table's history."""
        self.create(table)
        self._write(table, table.conform(df), mode="overwrite", note=note, options={"replaceWhere": where})

    def notes(self, *tables: Table, since: dt.datetime | None = None) -> list[str]:
        """The notes in the histories of these tables, newest first. A write that changed nothing stands in no history.

        Args:
            since: notes of writes at this moment or later.
        """
        rows = []
        later = F.lit(True) if since is None else F.col("timestamp") >= F.lit(since)
        for table in filter(self.exists, tables):
            noted = self.spark.sql(f"DESCRIBE HISTORY {self.location(table)}").where(F.col("userMetadata").isNotNull() & later)
            rows += noted.select("timestamp", "userMetadata").collect()
        return [row["userMetadata"] for row in sorted(rows, key=lambda row: row["timestamp"], reverse=True)]

    def _write(self, table: Table, df: DataFrame, *, mode: str, note: str, options: dict[str, str] | None = None) -> None:
        if table.sort_by:
            df = df.sortWithinPartitions(*dict.fromkeys([*table.partition_by, *table.sort_by]))
        told = {"userMetadata": note or self.note} if note or self.note else {}
        writer = df.write.format("delta").mode(mode).options(**told, **(options or {}))
        if self.settings.catalog:
            writer.saveAsTable(self.location(table))
        else:
            writer.save(self.path(table))

    def merge(
        self,
        table: Table,
        df: DataFrame,
        *,
        update: str | None = "true",
        prune: dict[str, Sequence[object]] | None = None,
        drop: str | None = None,
    ) -> None:
        """Writes rows by key (SQL MERGE, so that Spark Connect runs it too).

        Args:
            table: the target; its keys are never null in ``df`` and unique there.
            df: the rows.
            update: SQL condition over ``t`` (target) and ``s`` (source) under which a matched row is replaced;
                None keeps matched rows.
            prune: literal values of target columns, so that the merge reads and locks only those files.
            drop: a boolean column of ``df`` beside the table's own; where true the matched row is deleted and
                no row is inserted.
        """
        self.create(table)
        table.conform(df)
        source = df.select(*table.columns, *([drop] if drop else []))
        view = f"gridlens_{uuid.uuid4().hex}"
        source.createOrReplaceTempView(view)
        on = " AND ".join(f"t.{key} = s.{key}" for key in table.keys)
        for column, values in (prune or {}).items():
            on += " AND " + literal_in(f"t.{column}", list(values))
        clauses = [f"WHEN MATCHED AND s.{drop} THEN DELETE"] if drop else []
        if update is not None:
            clauses.append(f"WHEN MATCHED AND ({update}) THEN UPDATE SET *")
        clauses.append("WHEN NOT MATCHED" + (f" AND NOT s.{drop}" if drop else "") + " THEN INSERT *")
        try:
            self._commit(f"MERGE INTO {self.location(table)} AS t USING {view} AS s ON {on} {' '.join(clauses)}")
        finally:
            self.spark.catalog.dropTempView(view)

    def delete(self, table: Table, *, where: dict[str, Sequence[object]]) -> None:
        """Deletes the rows whose columns have the given values."""
        if self.exists(table):
            condition = " AND ".join(literal_in(column, values) for column, values in where.items())
            self._commit(f"DELETE FROM {self.location(table)} WHERE {condition}")

    def _commit(self, statement: str) -> None:
        """Runs a keyed write, and runs it again where another writer's commit came between its read and its own."""
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                self.spark.sql(statement).collect()
            except Exception as error:
                if attempt == _ATTEMPTS or not _COLLISION.search(f"{type(error).__name__}: {error}"):
                    raise
            else:
                return

    def tables(self, declared: Iterable[Table]) -> list[Table]:
        """Those of ``declared`` that exist."""
        return [table for table in declared if self.exists(table)]


def table_properties(table: Table) -> dict[str, str]:
    """What Delta is told of a table beside its columns: which columns have statistics, and the constraint."""
    properties = {"delta.dataSkippingStatsColumns": ",".join(table.statistics)}
    condition = table.check_condition()
    if condition:  # as a property, because ADD CONSTRAINT is a commit and a scan of its own (2 s for each table, 2026-11)
        properties["delta.constraints.contract"] = condition
    return properties


def escaped(text: str) -> str:
    """``text`` inside a SQL string literal."""
    return text.replace("\\", "\\\\").replace("'", "\\'")


def column_ddl(field: Field) -> str:
    """One column of CREATE TABLE: struct members spelt with a colon, NOT NULL, and the meaning as comment."""
    unit = f" [{field.unit}]" if field.unit else ""
    comment = escaped(field.doc + unit)
    return f"`{field.name}` {field.data_type.simpleString()}{'' if field.nullable else ' NOT NULL'} COMMENT '{comment}'"
