"""Reads segments as they stand: one segmentation's segments, large customers by rank, small customers counted."""

from __future__ import annotations

import datetime as dt
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from gridlens.contracts.segment import LARGE_CUSTOMER, PARTS, SEGMENT_PROFILE, SEGMENTATION, SMALL_CUSTOMER
from gridlens.errors import SettingsError, SourceError, nearest
from gridlens.pipelines.moments import of_moment
from gridlens.pipelines.segment_state import newest_segments
from gridlens.segments.small import DIMENSIONS
from gridlens.settings import Settings
from gridlens.tables import Table
from gridlens.warehouse import Warehouse

Rows = list[dict[str, Any]]
_FACTS = (
    "as_of",
    "name_zh",
    "name_en",
    "algorithm",
    "k",
    "fitted_as_of",
    "why_fitted",
    "silhouette",
    "stability",
    "psi",
    "agreement",
    "accounts",
    "clustered",
    "left_out",
    "candidates",
)
_SHOWN = 3


def show_segmentation(spark: SparkSession, settings: Settings, identity: str) -> tuple[dict[str, Any], Rows]:
    """How the segmentation was made, and its segments, largest first; raises SourceError where it was not computed yet."""
    warehouse = Warehouse(spark, settings)
    moment = _moment(warehouse)
    of_it = F.col("segmentation") == identity
    run = _at(warehouse, SEGMENTATION, moment).where(of_it).select(*_FACTS).first()
    if run is None:
        raise SourceError(f"segmentation {identity} was not computed yet: run `gridlens segments run`")
    top = F.transform(
        F.slice("differences", 1, _SHOWN), lambda d: F.concat(d["feature"], F.lit(" "), F.format_string("%+.1f", d["difference"]))
    )
    columns = ("segment_id", "name_zh", "name_en", "accounts", "share", "separation", "continuity", "since", "typical_account")
    profiles = _at(warehouse, SEGMENT_PROFILE, moment).where(of_it).select(*columns, F.array_join(top, "; ").alias("apart"))
    return run.asDict(), _dicts(profiles.orderBy(F.desc("accounts"), "segment_id"))


def show_large(spark: SparkSession, settings: Settings, *, limit: int, high_quality: bool) -> Rows:
    """The large customers by rank; raises SourceError where there are no segments yet."""
    warehouse = Warehouse(spark, settings)
    rows = _at(warehouse, LARGE_CUSTOMER, _moment(warehouse))
    rows = rows.where("high_quality") if high_quality else rows
    scores = [F.round(name, 1).alias(name) for name in ("score", *(f"{part}_score" for part in PARTS))]
    return _dicts(rows.orderBy("rank").limit(limit).select("rank", "account_id", *scores, "high_quality", "reason_zh", "reason_en"))


def dimensions(text: str) -> list[str]:
    """The dimensions named in ``text``, parted by commas; raises SettingsError for another name."""
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name not in DIMENSIONS:
            hint = nearest(name, DIMENSIONS, f"expected some of {', '.join(DIMENSIONS)}")
            raise SettingsError(f"option --by: {name} is unknown; {hint}")
    return list(dict.fromkeys(names))


def show_small(spark: SparkSession, settings: Settings, by: list[str], *, limit: int) -> Rows:
    """Small customers counted by dimensions, most first; raises SourceError where there are no segments yet."""
    warehouse = Warehouse(spark, settings)
    rows = _at(warehouse, SMALL_CUSTOMER, _moment(warehouse)).groupBy(*by).agg(F.count("*").alias("accounts"))
    return _dicts(rows.orderBy(F.desc("accounts"), *by).limit(limit))


def _moment(warehouse: Warehouse) -> tuple[dt.date, dt.datetime]:
    moment = newest_segments(warehouse)
    if moment is None:
        raise SourceError("there are no segments yet: run `gridlens segments run`")
    return moment


def _at(warehouse: Warehouse, table: Table, moment: tuple[dt.date, dt.datetime]) -> DataFrame:
    return warehouse.read(table).where(of_moment(*moment))


def _dicts(rows: DataFrame) -> Rows:
    return [row.asDict(recursive=True) for row in rows.collect()]
