"""Looking at alerts: the list of a moment, and one account's evidence."""

from __future__ import annotations

import datetime as dt
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from gridlens.contracts.anomaly import KIND_NAMES, USAGE_ALERT
from gridlens.errors import SettingsError, SourceError, nearest
from gridlens.pipelines.moments import newest_moment, of_micros, of_moment
from gridlens.settings import Settings
from gridlens.warehouse import Warehouse

_LISTED = (
    "rank",
    "account_id",
    "kind",
    "probability",
    "changed_on",
    "ratio",
    "lost_kwh",
    "loss_match",
    "expected_recovery",
    "last_finding",
)
_DIGITS = {"probability": 3, "ratio": 2, "lost_kwh": 0, "loss_match": 2}


def list_alerts(
    spark: SparkSession, settings: Settings, *, as_of: dt.date | None, limit: int, kind: str | None = None, visits: bool = False
) -> list[dict[str, Any]]:
    """The alerts of the newest moment, or of a day, by rank.

    Args:
        as_of: the day; default the newest.
        limit: rows at most.
        kind: of this kind only.
        visits: only those within the week's capacity.

    Raises:
        SettingsError: there is no such kind.
        SourceError: there are no alerts of that day.
    """
    if kind is not None and kind not in KIND_NAMES:
        raise SettingsError(f"option --kind: {kind} is unknown; {nearest(kind, KIND_NAMES, 'expected one of ' + ', '.join(KIND_NAMES))}")
    rows = _newest(Warehouse(spark, settings), as_of)
    if kind is not None:
        rows = rows.where(F.col("kind") == kind)
    if visits:
        rows = rows.where("visit")
    columns = [F.round(name, _DIGITS[name]).alias(name) if name in _DIGITS else F.col(name) for name in _LISTED]
    return [row.asDict() for row in rows.orderBy("rank").limit(limit).select(*columns).collect()]


def show_alert(spark: SparkSession, settings: Settings, account: str, *, as_of: dt.date | None) -> dict[str, Any]:
    """Everything the account's alert says.

    Raises:
        SourceError: there are no alerts of that day, or none of the account.
    """
    rows = _newest(Warehouse(spark, settings), as_of)
    moment = F.unix_micros("known_at").alias("known_at")
    row = rows.where(F.col("account_id") == account).select(*[moment if c == "known_at" else F.col(c) for c in rows.columns]).first()
    if row is None:
        raise SourceError(f"there is no alert of account {account} at that moment; `gridlens anomalies list` shows those there are")
    chinese, english = KIND_NAMES[row["kind"]]
    return {**row.asDict(), "known_at": of_micros(row["known_at"]), "kind_name": f"{chinese} {english}"}


def _newest(warehouse: Warehouse, as_of: dt.date | None) -> DataFrame:
    rows = warehouse.read(USAGE_ALERT)
    at = newest_moment(rows, as_of)
    if at is None:
        day = f" of {as_of}" if as_of else ""
        raise SourceError(f"there are no alerts{day}: run `gridlens anomalies run` first")
    return rows.where(of_moment(*at))
