"""Features: interval blocks as known → opinions and estimates → load shapes by day, month and year."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from gridlens.billing.book import load_tariffs
from gridlens.billing.tariff_table import tariff_rows
from gridlens.calendars import calendar_rows, load_override
from gridlens.contracts.gold import CONSUMPTION_YEAR, LOAD_SHAPE_DAY, LOAD_SHAPE_MONTH
from gridlens.contracts.silver import (
    CALENDAR,
    INTERVAL_DAY,
    INTERVAL_DAY_SUPERSEDED,
    INTERVAL_ESTIMATE,
    METERING_POINT,
    REGISTER_READING,
    SILVER,
    TARIFF,
)
from gridlens.errors import SourceError
from gridlens.features import consumption_year, load_shape_day, load_shape_month
from gridlens.fold.blocks import blocks_as_known
from gridlens.fold.versioned import as_known
from gridlens.lease import writer_lease
from gridlens.pipelines.options import FeatureOptions
from gridlens.quality.estimates import interval_estimates
from gridlens.runs import Run, logged
from gridlens.settings import Settings, conf_file, conf_files
from gridlens.tables import literal_in
from gridlens.warehouse import Warehouse

Say = Callable[[str], None]
YEAR = dt.timedelta(days=364)


@dataclass(frozen=True)
class FeaturesResult:
    """What was computed: the last day and moment of knowledge it stands for, and rows by table."""

    run_id: str
    as_of: dt.date
    known_at: dt.datetime
    rows: tuple[TableRows, ...]
    seconds: float


@dataclass(frozen=True)
class TableRows:
    """Rows now in one table."""

    table: str
    rows: int


def run_features(spark: SparkSession, settings: Settings, options: FeatureOptions, *, say: Say = print) -> FeaturesResult:
    """Computes opinions, estimates and load shapes of the days up to ``as_of`` as known at ``known_at``.

    Raises:
        SourceError: no interval reading was ever loaded.
    """
    warehouse = Warehouse(spark, settings)
    if not warehouse.written(INTERVAL_DAY):
        raise SourceError("there are no interval readings in the warehouse yet: run `gridlens ingest` first")
    as_of = options.as_of or _last_day(warehouse)
    known_at = options.known_at or end_of_day(as_of, settings)
    run = Run("features", {"from": options.from_, "to": options.to}, as_of=as_of, known_at=known_at)
    with writer_lease(settings), logged(warehouse, run):
        known = blocks_as_known(warehouse.read(INTERVAL_DAY), warehouse.read(INTERVAL_DAY_SUPERSEDED), known_at)
        days = known.where(F.col("local_date") <= F.lit(min(as_of, options.to or as_of)))
        months = sorted(row[0] for row in days.select("local_month").distinct().collect())
        if options.from_ is not None:
            months = [month for month in months if month >= options.from_.replace(day=1)]
        points = as_known(warehouse.read(METERING_POINT), METERING_POINT, known_at=known_at, as_of=as_of)
        calendar, tariff = write_reference(warehouse, settings, months, as_of)
        where = literal_in("local_month", months)
        say(f"  opinions and estimates for {len(months)} month(s)")
        estimates = interval_estimates(days, _registers(warehouse, known_at), points, calendar, months=months)
        warehouse.replace(INTERVAL_ESTIMATE, estimates, where=where)
        say("  load shapes by day")
        chosen = days.where(F.col("local_month").isin(months))
        shapes = load_shape_day(chosen, warehouse.read(INTERVAL_ESTIMATE), points, calendar, tariff)
        warehouse.replace(LOAD_SHAPE_DAY, shapes, where=where)
        say("  load shapes by month and year")
        written = warehouse.read(LOAD_SHAPE_DAY).where(F.col("local_date") <= F.lit(as_of))
        warehouse.replace(LOAD_SHAPE_MONTH, load_shape_month(written.where(F.col("local_month").isin(months))), where=where)
        weather = as_known(warehouse.read(SILVER["weather"]), SILVER["weather"], known_at=known_at)
        year = consumption_year(written.where(F.col("local_date") >= F.lit(as_of - YEAR)), points, weather, as_of)
        warehouse.replace(CONSUMPTION_YEAR, year, where=literal_in("as_of", [as_of]))
        tables = (INTERVAL_ESTIMATE, LOAD_SHAPE_DAY, LOAD_SHAPE_MONTH, CONSUMPTION_YEAR)
        rows = tuple(TableRows(f"{t.layer}.{t.name}", warehouse.read(t).count()) for t in tables)
        for item in rows:
            run.wrote(item.table, item.rows)
    return FeaturesResult(run.run_id, as_of, known_at, rows, run.seconds)


def end_of_day(as_of: dt.date, settings: Settings) -> dt.datetime:
    """The default moment of knowledge: the end of ``as_of`` in the company's zone plus the declared lag, UTC."""
    midnight = dt.datetime.combine(as_of + dt.timedelta(days=1), dt.time(), ZoneInfo(settings.zone))
    return (midnight + dt.timedelta(hours=settings.known_at_lag_hours)).astimezone(dt.timezone.utc)


def write_reference(warehouse: Warehouse, settings: Settings, months: list[dt.date], as_of: dt.date) -> tuple[DataFrame, DataFrame]:
    """Writes calendar and tariffs from their definitions, and gives both."""
    spark = warehouse.spark
    override = load_override(conf_file(settings, "calendars/CN.yml")) if settings.calendar == "CN" else None
    start = months[0] - dt.timedelta(days=62)
    rows = calendar_rows(settings.calendar, start, as_of + dt.timedelta(days=62), override)
    warehouse.replace(
        CALENDAR, spark.createDataFrame(rows, CALENDAR.schema).coalesce(1), where=literal_in("calendar_id", [settings.calendar])
    )
    folder = conf_files(settings, "tariffs")[0].parent
    tariffs = spark.createDataFrame(tariff_rows(load_tariffs(folder)), TARIFF.schema).coalesce(1)
    warehouse.replace(TARIFF, tariffs, where="true")
    return warehouse.read(CALENDAR).where(F.col("calendar_id") == settings.calendar), warehouse.read(TARIFF)


def _last_day(warehouse: Warehouse) -> dt.date:
    row = warehouse.read(INTERVAL_DAY).agg(F.max("local_date").alias("last")).first()
    assert row is not None
    return row["last"]


def _registers(warehouse: Warehouse, known_at: dt.datetime) -> DataFrame | None:
    if not warehouse.written(REGISTER_READING):
        return None
    return as_known(warehouse.read(REGISTER_READING), REGISTER_READING, known_at=known_at)
