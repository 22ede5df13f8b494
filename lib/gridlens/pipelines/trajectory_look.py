"""Looks at trajectories without changing them: an account's events, paths to an outcome, transitions between stages."""

from __future__ import annotations

import datetime as dt
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from gridlens.contracts.silver import ACCOUNT_TABLE
from gridlens.contracts.trajectory import EVENT_TYPES, OUTCOMES, PATH_PATTERN, STAGE_TRANSITION, STAGES, TRAJECTORY
from gridlens.errors import SettingsError, nearest
from gridlens.pipelines.moments import utc_text
from gridlens.settings import Settings
from gridlens.tables import Table
from gridlens.warehouse import Warehouse

Rows = list[dict[str, Any]]
_PATH_COLUMNS = (
    "path",
    "lift",
    "lift_low",
    "support",
    "with_outcome",
    "outcome_accounts",
    "without_outcome",
    "compared_accounts",
    "q_value",
    "median_days",
)


def checked_outcome(outcome: str) -> str:
    """``outcome``; SettingsError where there is none of that name."""
    if outcome not in OUTCOMES:
        hint = nearest(outcome, OUTCOMES, f"expected one of {', '.join(OUTCOMES)}")
        raise SettingsError(f"outcome {outcome} is unknown; {hint}")
    return outcome


def account_trajectory(
    spark: SparkSession, settings: Settings, account: str, *, first: dt.date | None, last: dt.date | None, limit: int
) -> Rows:
    """The last events of an account between two local days, both included, in order of time.

    Raises:
        SettingsError: trajectories were never computed, or there is no such account.
    """
    warehouse = Warehouse(spark, settings)
    events = _written(warehouse, TRAJECTORY).where(F.col("account_id") == F.lit(account))
    if first:
        events = events.where(F.col("local_date") >= F.lit(first))
    if last:
        events = events.where(F.col("local_date") <= F.lit(last))
    columns = ("event_type", "channel", "object", "amount", "currency", "source_table", "source_id")
    newest = events.orderBy(F.desc("occurred_at"), F.desc("event_type"), F.desc("source_id")).limit(limit)
    rows = [row.asDict() for row in newest.select("local_date", utc_text("occurred_at"), *columns).collect()]
    if not rows and not warehouse.read(ACCOUNT_TABLE).where(F.col("account_id") == F.lit(account)).limit(1).count():
        raise SettingsError(f"account {account} is not known: `gridlens show account --columns account_id` lists accounts")
    return [{**row, "name_zh": EVENT_TYPES[row["event_type"]]} for row in reversed(rows)]


def outcome_paths(spark: SparkSession, settings: Settings, outcome: str, *, limit: int) -> Rows:
    """The paths to an outcome as last computed, greatest lift_low first.

    Raises:
        SettingsError: no such outcome, or paths were never computed.
    """
    paths = _newest(Warehouse(spark, settings), PATH_PATTERN).where(F.col("outcome") == F.lit(checked_outcome(outcome)))
    ranked = paths.orderBy(F.desc("lift_low"), F.desc("support"), "path").limit(limit)
    return [row.asDict() for row in ranked.select(*_PATH_COLUMNS).collect()]


def transitions(spark: SparkSession, settings: Settings, *, months: int) -> Rows:
    """Transitions of the last months as last computed, by month, in the order of the stages.

    Raises:
        SettingsError: transitions were never computed.
    """
    newest = _newest(Warehouse(spark, settings), STAGE_TRANSITION)
    chosen = [row["local_month"] for row in newest.select("local_month").distinct().orderBy(F.desc("local_month")).limit(months).collect()]
    rows = newest.where(F.col("local_month").isin(chosen)).select("local_month", "from_stage", "to_stage", "accounts", "share").collect()
    order = {name: place for place, name in enumerate(("none", *STAGES))}
    return sorted((row.asDict() for row in rows), key=lambda row: (row["local_month"], order[row["from_stage"]], order[row["to_stage"]]))


def _written(warehouse: Warehouse, table: Table) -> DataFrame:
    if not warehouse.exists(table):
        raise SettingsError(f"table {table.name} does not exist yet in {warehouse.settings.warehouse}: run `gridlens trajectory run` first")
    return warehouse.read(table)


def _newest(warehouse: Warehouse, table: Table) -> DataFrame:
    """The rows of the newest moment."""
    rows = _written(warehouse, table)
    newest = rows.agg(F.max(F.struct("as_of", "known_at")).alias("newest"))
    return rows.join(F.broadcast(newest), on=F.struct("as_of", "known_at") == F.col("newest"), how="left_semi")
