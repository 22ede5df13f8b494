"""Features: interval blocks as known → opinions and estimates → load shapes by day, month and year."""

from __future__ import annotations

import datetime as dt
import hashlib
import logging
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from zoneinfo import ZoneInfo

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from gridlens.billing.book import read_tariffs
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
from gridlens.fold.versioned import as_known, entity_key
from gridlens.lease import writer_lease
from gridlens.pipelines.changes import Digests, changed_months, last_digests, month_digests, months_between, table_digest
from gridlens.pipelines.options import FeatureOptions
from gridlens.pipelines.quality import unmeasured, write_quality
from gridlens.quality.estimates import interval_estimates
from gridlens.runs import Run, logged
from gridlens.settings import Settings, conf_file, conf_files
from gridlens.tables import empty, literal_in
from gridlens.warehouse import Warehouse

log = logging.getLogger(__name__)
Say = Callable[[str], None]
YEAR = dt.timedelta(days=364)
PARALLEL_STEPS = 2


@dataclass(frozen=True)
class FeaturesResult:
    """What was computed: the last day and moment of knowledge it stands for, and rows by table."""

    run_id: str
    as_of: dt.date
    known_at: dt.datetime
    nothing_new: bool
    rows: tuple[TableRows, ...]
    seconds: float


@dataclass(frozen=True)
class TableRows:
    """Rows now in one table."""

    table: str
    rows: int


def run_features(spark: SparkSession, settings: Settings, options: FeatureOptions, *, say: Say = print) -> FeaturesResult:
    """Computes opinions, estimates and load shapes of the days up to ``as_of`` as known at ``known_at``.

    Months whose facts are those of the last run stand, unless ``from_`` or ``to`` ask for them. Figures of data quality
    are taken whenever something was computed, or loaded since the last ones.

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
        facts = _known_facts(warehouse, as_of, known_at)
        reference = write_reference(warehouse, settings, as_of)
        run.fingerprints |= _digests(facts, reference, as_of)
        months = _wanted(run.fingerprints, last_digests(warehouse), options)
        run.nothing_new = not months
        tables = (INTERVAL_ESTIMATE, LOAD_SHAPE_DAY, LOAD_SHAPE_MONTH, CONSUMPTION_YEAR)
        quality = partial(_quality, warehouse, facts, run.run_id)
        if months:
            _compute(warehouse, facts, reference, months, as_of, quality, say)
        elif not empty(unmeasured(warehouse)):
            with _timed(say, "figures of data quality"):
                quality()
        rows = tuple(TableRows(f"{t.layer}.{t.name}", warehouse.read(t).count()) for t in tables)
        for item in rows if months else ():
            run.wrote(item.table, item.rows)
    return FeaturesResult(run.run_id, as_of, known_at, not months, rows, run.seconds)


@dataclass(frozen=True)
class _Facts:
    """Silver as known at ``known_at``: blocks up to ``as_of``, points and weather; of the registers every version that was known."""

    known_at: dt.datetime
    days: DataFrame
    points: DataFrame
    registers: DataFrame | None
    weather: DataFrame


@dataclass(frozen=True)
class Reference:
    """Calendar and tariffs as written, and the fingerprint of their definitions."""

    calendar: DataFrame
    tariff: DataFrame
    fingerprint: str


def _known_facts(warehouse: Warehouse, as_of: dt.date, known_at: dt.datetime) -> _Facts:
    known = blocks_as_known(warehouse.read(INTERVAL_DAY), warehouse.read(INTERVAL_DAY_SUPERSEDED), known_at)
    return _Facts(
        known_at,
        known.where(F.col("local_date") <= F.lit(as_of)),
        as_known(warehouse.read(METERING_POINT), METERING_POINT, known_at=known_at, as_of=as_of),
        _registers(warehouse, known_at),
        as_known(warehouse.read(SILVER["weather"]), SILVER["weather"], known_at=known_at),
    )


def _digests(facts: _Facts, reference: Reference, as_of: dt.date) -> Digests:
    """What the result depends on: facts by month, and what all months share."""
    shared = {"points": table_digest(facts.points), "weather": table_digest(facts.weather), "reference": reference.fingerprint}
    return {**month_digests(facts.days, facts.registers), **shared, "as_of": str(as_of)}


def _wanted(now: Digests, before: Digests, options: FeatureOptions) -> list[dt.date]:
    """The months to compute: those of a backfill, else those that changed. Another as_of moves the year, not the months."""
    if options.from_ or options.to:
        every = changed_months(now, {})
        return months_between(every, options.from_, options.to)
    if now["as_of"] != before.get("as_of"):
        return changed_months(now, {**before, "as_of": now["as_of"]}) or changed_months(now, {})[-1:]
    return changed_months(now, before)


def _compute(
    warehouse: Warehouse,
    facts: _Facts,
    reference: Reference,
    months: list[dt.date],
    as_of: dt.date,
    quality: Callable[[], None],
    say: Say,
) -> None:
    where = literal_in("local_month", months)
    registers = None if facts.registers is None else as_known(facts.registers, REGISTER_READING, known_at=facts.known_at)
    with _timed(say, f"opinions and estimates for {len(months)} month(s)"):
        estimates = interval_estimates(facts.days, registers, facts.points, reference.calendar, months=months)
        warehouse.replace(INTERVAL_ESTIMATE, estimates, where=where)
    with _timed(say, "load shapes by day"):
        chosen = facts.days.where(F.col("local_month").isin(months))
        shapes = load_shape_day(chosen, warehouse.read(INTERVAL_ESTIMATE), facts.points, reference.calendar, reference.tariff)
        warehouse.replace(LOAD_SHAPE_DAY, shapes, where=where)
    written = warehouse.read(LOAD_SHAPE_DAY).where(F.col("local_date") <= F.lit(as_of))

    def by_month() -> None:
        warehouse.replace(LOAD_SHAPE_MONTH, load_shape_month(written.where(F.col("local_month").isin(months))), where=where)

    def by_year() -> None:
        year = consumption_year(written.where(F.col("local_date") >= F.lit(as_of - YEAR)), facts.points, facts.weather, as_of)
        warehouse.replace(CONSUMPTION_YEAR, year, where=literal_in("as_of", [as_of]))

    # Side by side: none needs another's result, and small ones spend their time in planning and commits.
    with _timed(say, "load shapes by month and year, figures of data quality"), ThreadPoolExecutor(PARALLEL_STEPS) as pool:
        for step in [pool.submit(step) for step in (quality, by_month, by_year)]:
            step.result()


def _quality(warehouse: Warehouse, facts: _Facts, run_id: str) -> None:
    write_quality(
        warehouse,
        run_id,
        known_at=facts.known_at,
        blocks=facts.days,
        points=facts.points,
        estimates=warehouse.read(INTERVAL_ESTIMATE),
        registers=facts.registers,
    )


@contextmanager
def _timed(say: Say, what: str) -> Iterator[None]:
    log.info("%s ...", what)
    began = time.monotonic()
    yield
    say(f"  {what} in {time.monotonic() - began:.1f} s")


def end_of_day(as_of: dt.date, settings: Settings) -> dt.datetime:
    """The default moment of knowledge: the end of ``as_of`` in the company's zone plus the declared lag, UTC."""
    midnight = dt.datetime.combine(as_of + dt.timedelta(days=1), dt.time(), ZoneInfo(settings.zone))
    return (midnight + dt.timedelta(hours=settings.known_at_lag_hours)).astimezone(dt.timezone.utc)


def write_reference(warehouse: Warehouse, settings: Settings, as_of: dt.date) -> Reference:
    """Writes calendar and tariffs from their definitions where these have changed, and gives both."""
    spark = warehouse.spark
    override = load_override(conf_file(settings, "calendars/CN.yml")) if settings.calendar == "CN" else None
    first = warehouse.read(INTERVAL_DAY).agg(F.min("local_date")).first()
    start = (first[0] if first and first[0] else as_of) - dt.timedelta(days=62)
    days = calendar_rows(settings.calendar, start, as_of + dt.timedelta(days=62), override)
    prices = tariff_rows(read_tariffs(conf_files(settings, "tariffs"), conf_files(settings, "tariffs/purchase")))
    fingerprint = hashlib.sha256(repr((days, prices)).encode()).hexdigest()[:16]
    if last_digests(warehouse).get("reference") != fingerprint:
        rows = spark.createDataFrame(days, CALENDAR.schema).coalesce(1)
        warehouse.replace(CALENDAR, rows, where=literal_in("calendar_id", [settings.calendar]))
        warehouse.replace(TARIFF, spark.createDataFrame(prices, TARIFF.schema).coalesce(1), where="true")
    calendar = warehouse.read(CALENDAR).where(F.col("calendar_id") == settings.calendar)
    return Reference(calendar, warehouse.read(TARIFF), fingerprint)


def _last_day(warehouse: Warehouse) -> dt.date:
    row = warehouse.read(INTERVAL_DAY).agg(F.max("local_date").alias("last")).first()
    assert row is not None
    return row["last"]


def _registers(warehouse: Warehouse, known_at: dt.datetime) -> DataFrame | None:
    """The versions of register readings that were known; only what is needed, because choosing among versions costs by column."""
    if not warehouse.written(REGISTER_READING):
        return None
    known = warehouse.read(REGISTER_READING).where(F.col("known_from") <= F.lit(known_at))
    return known.select(*entity_key(REGISTER_READING), "reading_total", "known_from", "_content_hash")
