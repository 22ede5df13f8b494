"""Looks at the warehouse without changing it: tables, rows, runs, data quality."""

from __future__ import annotations

import datetime as dt
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from gridlens.contracts import all_tables
from gridlens.contracts.ops import BATCH_ACCOUNT, QUALITY_METRIC, RUN_LOG
from gridlens.contracts.silver import INTERVAL_DAY, INTERVAL_DAY_SUPERSEDED, QUARANTINE
from gridlens.contracts.tag import TAG_CATALOGUE, TAG_VALUE
from gridlens.errors import SettingsError
from gridlens.expressions import Checked, check
from gridlens.fold.blocks import blocks_as_known
from gridlens.fold.versioned import as_known
from gridlens.pipelines.declared import declared_table, tag_library
from gridlens.pipelines.moments import utc_text
from gridlens.pseudonyms import pseudonymise
from gridlens.reports.export import Exported, export
from gridlens.settings import Settings
from gridlens.tables import Sensitivity, Table
from gridlens.warehouse import Warehouse

Rows = list[dict[str, Any]]
_JSON = ("parameters", "tables_in", "tables_out")


@dataclass(frozen=True)
class Selection:
    """Which part of a table is meant.

    Attributes:
        table: ``layer.name``, or a bare name.
        where: checked expression over the table's columns; over the personal ones only with ``personal``.
        columns: names in the order wanted; default all, without the personal ones unless ``personal``.
        limit: rows at most.
        known_at: what was known at that moment (UTC); default what is known now.
        personal: personal columns may be kept and read.
    """

    table: str
    where: str | None = None
    columns: tuple[str, ...] = ()
    limit: int | None = None
    known_at: dt.datetime | None = None
    personal: bool = False
    pseudonyms: bool = False


@dataclass(frozen=True)
class QualityReport:
    """The account of every source, rules broken by quarantined rows, and the figures of the last run that measured any.

    Attributes:
        run_id: that run; None where none measured.
        accounts: source rows by source and how they were classified, all batches together.
        broken_rules: rows in quarantine by rule, with one place to look at.
        metrics: figures about tables: subject, metric, value.
        batches: figures about the batches that were new to that run, one row a batch.
    """

    run_id: str | None
    accounts: Rows
    broken_rules: Rows
    metrics: Rows
    batches: Rows


def list_tables(spark: SparkSession, settings: Settings) -> Rows:
    """Every declared table: table, rows (None where it was never written or may not be read), denied, keys, what."""
    warehouse = Warehouse(spark, settings)
    denied = {full: warehouse.denied(table) for full, table in all_tables().items()}
    # One count for each table: Delta answers it from the log, while a union of all reads the files (5.0 against 9.4 s for 45, 2026-11).
    return [
        {
            "table": full,
            "rows": warehouse.read(table).count() if not denied[full] and warehouse.exists(table) else None,
            "denied": denied[full],
            "keys": ", ".join(table.keys),
            "what": table.doc,
        }
        for full, table in all_tables().items()
    ]


def list_runs(spark: SparkSession, settings: Settings, *, limit: int = 20) -> Rows:
    """The last runs, newest first."""
    rows = Warehouse(spark, settings).read(RUN_LOG).orderBy(F.desc("started_at"), "run_id").limit(limit)
    seconds = (F.col("ended_at").cast("double") - F.col("started_at").cast("double")).alias("seconds")
    columns = (
        "run_id",
        "job",
        utc_text("started_at"),
        seconds,
        "outcome",
        "message",
        "as_of",
        utc_text("known_at"),
        "parameters",
        "tables_in",
        "tables_out",
    )
    return [_parsed(row.asDict()) for row in rows.select(*columns).collect()]


def _parsed(row: dict[str, Any]) -> dict[str, Any]:
    return {name: json.loads(value) if name in _JSON and value else value for name, value in row.items()}


def resolve(settings: Settings, selection: Selection) -> tuple[Table, list[str], Checked | None]:
    """Table, columns and condition of ``selection``, checked without Spark.

    Raises:
        SettingsError: no such table or column, or a personal column that was not asked for.
        DefinitionError: the expression is not allowed.
    """
    table = declared_table(settings, selection.table)
    columns, condition = _columns(table, selection), _condition(table, selection)
    hidden = personal_tags(settings) if condition and table.name == TAG_VALUE.name and not selection.personal else ()
    asked = [tag for tag in hidden if re.search(rf"""(['"]){tag}\1""", selection.where or "")]
    if asked:
        raise SettingsError(f"option --where: the tag {asked[0]} is personal; ask for personal fields by --personal if you may see them")
    return table, columns, condition


def select(spark: SparkSession, settings: Settings, selection: Selection) -> tuple[Table, DataFrame]:
    """The table and the rows that ``selection`` describes.

    Raises:
        SettingsError: no such table or column, a personal column that was not asked for, the table was never written, or it
            has no knowledge time.
        DefinitionError: the expression is not allowed.
    """
    table, names, condition = resolve(settings, selection)
    warehouse = Warehouse(spark, settings)
    if not warehouse.exists(table):
        raise SettingsError(f"table {table.layer}.{table.name} does not exist yet in {settings.warehouse}: run `gridlens run` first")
    rows = _as_known(warehouse, table, selection.known_at) if selection.known_at else warehouse.read(table)
    if condition:
        rows = rows.where(condition.column())
    if table.name == TAG_VALUE.name and not selection.personal:
        rows = rows.where(~F.col("tag_id").isin(_ever_personal(warehouse)))  # here a tag is a row, where elsewhere it is a column
    rows = rows.select(*names)
    return table, rows.limit(selection.limit) if selection.limit is not None else rows


def personal_tags(settings: Settings) -> tuple[str, ...]:
    """The tags that say something personal, as they are defined."""
    return tuple(tag.id for tag in tag_library(settings).tags if tag.definition.sensitivity == Sensitivity.PERSONAL)


def _ever_personal(warehouse: Warehouse) -> list[str]:
    """Those, and the ones that were personal in an earlier run: their values are still there."""
    told = warehouse.read(TAG_CATALOGUE).where(F.col("sensitivity") == Sensitivity.PERSONAL.value).select("tag_id").distinct()
    return sorted({*personal_tags(warehouse.settings), *(row["tag_id"] for row in told.collect())})


def _condition(table: Table, selection: Selection) -> Checked | None:
    """The condition; one that reads a personal column tells it of every row found, as if the column were shown."""
    if not selection.where:
        return None
    condition = check(selection.where, table.schema, "option --where", family="boolean")
    read = [name for name in table.personal if name in condition.columns]
    if read and not selection.personal:
        raise SettingsError(f"option --where: {read[0]} is personal; ask for personal fields by --personal if you may see them")
    return condition


def _columns(table: Table, selection: Selection) -> list[str]:
    unknown = [name for name in selection.columns if name not in table.columns]
    if unknown:
        raise SettingsError(f"option --columns: table {table.name} has no column {unknown[0]}; there are {', '.join(table.columns)}")
    hidden = [name for name in selection.columns if name in table.personal and not selection.personal]
    if hidden:
        raise SettingsError(f"option --columns: {hidden[0]} is personal; add --personal if you may see it")
    return list(selection.columns) or [name for name in table.columns if selection.personal or name not in table.personal]


def _as_known(warehouse: Warehouse, table: Table, known_at: dt.datetime) -> DataFrame:
    """The table as it was known: of interval blocks and versioned entities the version that held then."""
    current = warehouse.read(table)
    if table.name == INTERVAL_DAY.name:
        return blocks_as_known(current, warehouse.read(INTERVAL_DAY_SUPERSEDED), known_at)
    if "known_from" not in table.columns:
        raise SettingsError(f"option --known-at: table {table.name} has no knowledge time (known_from)")
    if table.layer != "bronze" and "known_from" not in table.keys:
        raise SettingsError(
            f"option --known-at: table {table.name} holds what is known now, and not what was known of it before; "
            "ask the readings it is made from (interval_day), or compute it for a past moment in a warehouse of its own"
        )
    if table.layer == "silver" and table.keys[-1] == "known_from":
        return as_known(current, table, known_at=known_at, keys=table.keys[:-1])
    return current.where(F.col("known_from") <= F.lit(known_at))


def show(spark: SparkSession, settings: Settings, selection: Selection) -> Rows:
    """The selected rows; moments as ISO text in UTC."""
    _, rows = select(spark, settings, selection)
    moments = {f.name for f in rows.schema.fields if f.dataType.typeName() == "timestamp"}
    return [row.asDict(recursive=True) for row in rows.select(*(utc_text(n) if n in moments else F.col(n) for n in rows.columns)).collect()]


def export_table(spark: SparkSession, settings: Settings, selection: Selection, path: Path) -> Exported:
    """Writes the selected rows to a file; see :func:`gridlens.reports.export.export`."""
    table, rows = select(spark, settings, selection)
    if selection.pseudonyms:
        rows = pseudonymise(rows, settings.pseudonym_key)
    written = export(rows, table, path, personal=selection.personal)
    left_out = () if selection.personal or selection.columns else tuple(table.personal)
    if table.name == TAG_VALUE.name and not selection.personal:
        left_out = (*left_out, *(f"rows of {tag}" for tag in _ever_personal(Warehouse(spark, settings))))
    return Exported(written.path, written.rows, written.columns, left_out)


def quality_report(spark: SparkSession, settings: Settings) -> QualityReport:
    """The data-quality report: accounts of all batches by source, broken rules, figures of the last run that measured any."""
    warehouse = Warehouse(spark, settings)
    run_id, figures = _last_figures(warehouse)
    metrics = [row for row in figures if "/" not in row["subject"]]
    batches: dict[str, dict[str, Any]] = {}
    for row in figures:
        if "/" in row["subject"]:
            source, batch = row["subject"].split("/", 1)
            batches.setdefault(row["subject"], {"source": source, "batch": batch})[row["metric"]] = row["value"]
    return QualityReport(run_id, _accounts(warehouse), _broken_rules(warehouse), metrics, list(batches.values()))


def _accounts(warehouse: Warehouse) -> Rows:
    counts = ("row_count", "accepted", "superseded", "duplicate", "quarantined", "bad_cells", "flagged")
    sums = [F.sum(name).alias(name) for name in counts]
    accounts = warehouse.read(BATCH_ACCOUNT).groupBy("_source", "entity").agg(F.count("*").alias("batches"), *sums)
    return _dicts(accounts.orderBy("_source", "entity"))


def _broken_rules(warehouse: Warehouse) -> Rows:
    defect = F.explode("defects")  # of quarantined rows only, which are few
    broken = warehouse.read(QUARANTINE).select("_source", "entity", "_locator", defect.alias("d"))
    by_rule = broken.groupBy("_source", "entity", F.col("d.rule").alias("rule"), F.col("d.severity").alias("severity"))
    counted = by_rule.agg(F.count("*").alias("rows"), F.min("_locator").alias("for_example"))
    return _dicts(counted.orderBy(F.desc("rows"), "_source", "rule"))


def _last_figures(warehouse: Warehouse) -> tuple[str | None, Rows]:
    figures = warehouse.read(QUALITY_METRIC)
    measured = warehouse.read(RUN_LOG).join(figures.select("run_id").distinct(), on="run_id", how="left_semi")
    last = measured.orderBy(F.desc("started_at")).select("run_id").head(1)
    if not last:
        return None, []
    run_id = last[0]["run_id"]
    return run_id, _dicts(figures.where(F.col("run_id") == run_id).select("subject", "metric", "value").orderBy("subject", "metric"))


def _dicts(rows: DataFrame) -> Rows:
    return [row.asDict(recursive=True) for row in rows.collect()]
