"""Writes the figures of data quality that a run measured."""

from __future__ import annotations

import datetime as dt

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from gridlens.contracts.ops import BATCH_ACCOUNT, QUALITY_METRIC
from gridlens.contracts.silver import SILVER
from gridlens.fold.versioned import as_known
from gridlens.quality.metrics import batch_figures, batch_subject, bill_figures, code_figures, interval_figures, register_figures
from gridlens.tables import Table
from gridlens.warehouse import Warehouse

BILL, BILL_ITEM = SILVER["bill"], SILVER["bill_item"]


def write_quality(
    warehouse: Warehouse,
    run_id: str,
    *,
    known_at: dt.datetime,
    blocks: DataFrame,
    points: DataFrame,
    estimates: DataFrame,
    registers: DataFrame | None,
) -> None:
    """Writes the figures of one run to ops.quality_metric, in one commit; once for each run.

    A batch is measured by the first run after it, so that its figures stand once, whatever happens between.

    Args:
        warehouse: the tables; bills and their items are taken from it.
        run_id: the run, new: a run that is started again has another id.
        known_at: UTC moment for which the figures stand.
        blocks: silver.interval_day as known, the days of the run.
        points: silver.metering_point as known, one row per metering_point_id.
        estimates: silver.interval_estimate of the same days.
        registers: silver.register_reading, every version that was known; None where there is none.
    """
    figures = interval_figures(blocks, estimates, points).unionByName(code_figures(blocks, estimates))
    if registers is not None:
        figures = figures.unionByName(register_figures(registers))
    if warehouse.written(BILL):
        figures = figures.unionByName(bill_figures(_known(warehouse, BILL, known_at), _known(warehouse, BILL_ITEM, known_at)))
    figures = figures.unionByName(batch_figures(unmeasured(warehouse)))
    rows = figures.select(F.lit(run_id).alias("run_id"), "subject", "metric", "value")
    warehouse.append(QUALITY_METRIC, rows.coalesce(1))


def _known(warehouse: Warehouse, table: Table, known_at: dt.datetime) -> DataFrame:
    """A table as known, without lineage: choosing among versions costs by column."""
    columns = [c for c in table.columns if c == "_content_hash" or not c.startswith("_")]
    return as_known(warehouse.read(table).select(*columns), table, known_at=known_at)


def unmeasured(warehouse: Warehouse) -> DataFrame:
    """Accounts of batches that have no figures yet."""
    accounts = warehouse.read(BATCH_ACCOUNT)
    if not warehouse.written(QUALITY_METRIC):
        return accounts
    measured = warehouse.read(QUALITY_METRIC).select(F.col("subject").alias("_subject")).distinct()
    return accounts.join(measured, on=batch_subject() == F.col("_subject"), how="left_anti")
