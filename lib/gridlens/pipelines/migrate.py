"""Brings tables up to their declarations: columns are added, checks replaced, each change recorded; anything else is refused. SQL only."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from gridlens import __version__
from gridlens.contracts.ops import MIGRATION
from gridlens.errors import ContractError
from gridlens.lease import writer_lease
from gridlens.pipelines.declared import declared_tables
from gridlens.pipelines.options import MigrateOptions
from gridlens.runs import Run, logged
from gridlens.settings import Settings
from gridlens.tables import Field, Table, empty
from gridlens.warehouse import Warehouse, column_ddl, escaped

Say = Callable[[str], None]
_STATISTICS = "delta.dataSkippingStatsColumns"
_CHECK = "delta.constraints.contract"
_TOKEN = re.compile(r"'(?:\\.|[^'\\])*'|\w+|[^\s\w]", re.DOTALL)


@dataclass(frozen=True)
class Change:
    """One change of one table; in a dry run it would be made."""

    table: str
    change: str


@dataclass(frozen=True)
class MigrateResult:
    """What was changed; ``run_id`` is None in a dry run, which changes and records nothing."""

    run_id: str | None
    dry_run: bool
    changes: tuple[Change, ...]
    seconds: float

    @property
    def nothing_new(self) -> bool:
        return not self.changes


@dataclass(frozen=True)
class _Step:
    """A change and the statements that make it; each statement leaves a table that readers and writers can use."""

    table: Table
    change: str
    statements: tuple[str, ...]


def run_migrate(spark: SparkSession, settings: Settings, options: MigrateOptions, *, say: Say = print) -> MigrateResult:
    """Compares every table with its declaration and makes the changes that lose nothing.

    Raises:
        ContractError: a table differs in a way that cannot be mended by adding; nothing was changed.
        LeaseHeld: another run writes to the same warehouse.
    """
    warehouse = Warehouse(spark, settings)
    run = Run("migrate", {})
    if options.dry_run:
        return MigrateResult(None, True, _changes(_plan(warehouse, declared_tables(settings).values())), run.seconds)
    with writer_lease(settings), logged(warehouse, run):
        steps = _plan(warehouse, declared_tables(settings).values())
        run.nothing_new = not steps
        # The table of changes comes first, because the others are recorded in it.
        own = [step for step in steps if step.table.name == MIGRATION.name]
        _apply(warehouse, own, say)
        if steps:
            _record(warehouse, steps, run)
        _apply(warehouse, [step for step in steps if step not in own], say)
    return MigrateResult(run.run_id, False, _changes(steps), run.seconds)


def _changes(steps: Iterable[_Step]) -> tuple[Change, ...]:
    return tuple(Change(_full_name(step.table), step.change) for step in steps)


def _full_name(table: Table) -> str:
    return f"{table.layer}.{table.name}"


def _plan(warehouse: Warehouse, declared: Iterable[Table]) -> list[_Step]:
    """Every change that is due, in order.

    Raises:
        ContractError: a difference that is no addition; names every one.
    """
    tables = warehouse.tables(declared)
    refused = [reason for table in tables for reason in _refusals(warehouse, table)]
    if refused:
        raise ContractError(
            f"the warehouse cannot be migrated, nothing was changed: {'; '.join(refused)}; "
            "go back to the version of gridlens that wrote it, or export these tables and load them anew"
        )
    return [step for table in tables for step in _steps(warehouse, table)]


def _refusals(warehouse: Warehouse, table: Table) -> list[str]:
    """What of the table differs from its declaration and cannot be mended by adding."""
    name = _full_name(table)
    present = {f.name: f for f in warehouse.spark.table(warehouse.location(table)).schema.fields}
    strange = () if table.open else (column for column in present if column not in table.columns)
    reasons = [f"table {name} has a column {column} that is no longer declared" for column in strange]
    for field in table.fields:
        there = present.get(field.name)
        if there is None and not field.nullable:
            reasons.append(f"table {name} lacks the column {field.name}, which may not be null")
        elif there is not None and there.dataType.simpleString() != field.data_type.simpleString():
            reasons.append(f"column {field.name} of table {name} is {there.dataType.simpleString()}, expected {field.type}")
        elif there is not None and there.nullable and not field.nullable:
            reasons.append(f"column {field.name} of table {name} may be null, expected NOT NULL")
    return reasons or _broken_check(warehouse, table)


def _broken_check(warehouse: Warehouse, table: Table) -> list[str]:
    """Rows that the declared check would refuse; looked for only where it is not the table's own already."""
    condition = table.check_condition()
    if condition is None or _same(condition, _properties(warehouse, table).get(_CHECK)):
        return []
    broken = warehouse.read(table).where(~F.coalesce(F.expr(condition), F.lit(False)))
    return [] if empty(broken) else [f"table {_full_name(table)} has rows that break its check {condition}"]


def _steps(warehouse: Warehouse, table: Table) -> list[_Step]:
    present = {f.name: f for f in warehouse.spark.table(warehouse.location(table)).schema.fields}
    properties = _properties(warehouse, table)
    alter = f"ALTER TABLE {warehouse.location(table)}"
    steps = []
    missing = [field for field in table.fields if field.name not in present]
    if missing:
        columns = ", ".join(f"{column_ddl(field)} {_place(table, field)}" for field in missing)
        told = ", ".join(f"{field.name} {field.type}" for field in missing)
        steps.append(_Step(table, f"columns added: {told}", (f"{alter} ADD COLUMNS ({columns})",)))
    for field in table.fields:
        if field.nullable and field.name in present and not present[field.name].nullable:
            steps.append(_Step(table, f"column {field.name} may be null", (f"{alter} ALTER COLUMN `{field.name}` DROP NOT NULL",)))
    condition = table.check_condition()
    if not _same(condition, properties.get(_CHECK)):
        drop, add = f"{alter} DROP CONSTRAINT IF EXISTS contract", f"{alter} ADD CONSTRAINT contract CHECK ({condition})"
        steps.append(_Step(table, f"check set: {condition}", (drop, add)) if condition else _Step(table, "check removed", (drop,)))
    kept = ",".join(table.statistics)
    if kept != properties.get(_STATISTICS):
        # Also where a column has become personal: its values may no longer enter the log.
        steps.append(_Step(table, f"file statistics set: {kept}", (f"{alter} SET TBLPROPERTIES ('{_STATISTICS}' = '{escaped(kept)}')",)))
    return steps


def _properties(warehouse: Warehouse, table: Table) -> dict[str, str]:
    return {row["key"]: row["value"] for row in warehouse.spark.sql(f"SHOW TBLPROPERTIES {warehouse.location(table)}").collect()}


def _place(table: Table, field: Field) -> str:
    number = table.columns.index(field.name)
    return f"AFTER `{table.columns[number - 1]}`" if number else "FIRST"


def _same(declared: str | None, present: str | None) -> bool:
    """Whether two conditions read alike; Delta puts blanks between all words and signs."""
    return _TOKEN.findall(declared or "") == _TOKEN.findall(present or "")


def _record(warehouse: Warehouse, steps: list[_Step], run: Run) -> None:
    """Records the changes before they are made: a run that is killed in between is run again, and finds those left to do."""
    rows = [(_full_name(step.table), step.change, __version__, run.started_at) for step in steps]
    warehouse.merge(MIGRATION, warehouse.spark.createDataFrame(rows, MIGRATION.schema).coalesce(1))
    run.wrote(_full_name(MIGRATION), len(rows))


def _apply(warehouse: Warehouse, steps: list[_Step], say: Say) -> None:
    for step in steps:
        for statement in step.statements:
            warehouse.spark.sql(statement).collect()
        say(f"  {_full_name(step.table)}: {step.change}")
