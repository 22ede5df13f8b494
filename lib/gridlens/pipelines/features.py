"""Features: interval blocks as known → opinions and estimates → load shapes by day, month and year."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from gridlens.calendars import calendar_rows
from gridlens.contracts.account_energy import SERIES_DAYS
from gridlens.contracts.gold import ACCOUNT_FEATURE, CONSUMPTION_YEAR, LOAD_SHAPE_DAY, LOAD_SHAPE_MONTH
from gridlens.contracts.silver import (
    ACCOUNT_TABLE,
    CALENDAR,
    INTERVAL_DAY,
    INTERVAL_ESTIMATE,
    TARIFF,
)
from gridlens.features import consumption_year, load_shape_month
from gridlens.lease import writer_lease
from gridlens.pipelines.account_features import facts_digest, standing_shapes, write_account_features
from gridlens.pipelines.changes import (
    ACCOUNTS,
    REFERENCE,
    WEATHER,
    WRITTEN_BY,
    Digests,
    changed_months,
    month_digests,
    months_between,
    note_of,
    point_digests,
    rows_digest,
    standing,
    standing_digests,
    table_digest,
    year_moved,
)
from gridlens.pipelines.load_shapes import Facts, calendar_override, context_checks, known_facts, opinions_of, shapes_by_day, tariff_prices
from gridlens.pipelines.moments import knowledge_of_day, newest_day
from gridlens.pipelines.options import FeatureOptions
from gridlens.pipelines.quality import unmeasured, write_quality
from gridlens.quality.context_definition import ContextChecks
from gridlens.runs import Run, logged, timed
from gridlens.settings import Settings
from gridlens.tables import empty, literal_in
from gridlens.warehouse import Warehouse

Say = Callable[[str], None]
YEAR = dt.timedelta(days=364)
SERIES = dt.timedelta(days=SERIES_DAYS)
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
        DefinitionError: calendar, tariffs or the bounds of the checks do not hold.
        SourceError: ``as_of`` is not given, and neither a reading nor a bill was ever loaded.
    """
    checks = context_checks(settings)  # a mistake is told before anything is written
    warehouse = Warehouse(spark, settings)
    as_of = options.as_of or newest_day(warehouse)
    known_at = options.known_at or knowledge_of_day(as_of, settings)
    run = Run("features", {"from": options.from_, "to": options.to}, as_of=as_of, known_at=known_at)
    with writer_lease(settings), logged(warehouse, run):
        facts = known_facts(warehouse, as_of, known_at)
        before = standing_digests(warehouse)
        reference = write_reference(warehouse, settings, as_of, before)
        moment = f"{as_of} {known_at.isoformat()} {reference.fingerprint}"
        now = _digests(facts, reference, checks, as_of) | {ACCOUNTS: f"{facts_digest(warehouse)} {moment}"}
        months = _wanted(now, before, options)
        run.fingerprints |= standing(now, before, months) if options.backfill else now
        run.fingerprints[WRITTEN_BY] = run.run_id if months else before.get(WRITTEN_BY, "")
        accounts = _accounts_wanted(warehouse, months, now, before, options)
        run.nothing_new = not months and not accounts
        tables = (INTERVAL_ESTIMATE, LOAD_SHAPE_DAY, LOAD_SHAPE_MONTH, CONSUMPTION_YEAR, ACCOUNT_FEATURE)
        quality = partial(_quality, warehouse, facts, run.run_id)
        if months:
            _compute(warehouse, facts, reference, checks, months, as_of, note_of(run.run_id, months), quality, say)
        elif not empty(unmeasured(warehouse)):
            with timed(say, "figures of data quality"):
                quality()
        if accounts:
            with timed(say, "account features"):
                write_account_features(warehouse, settings, reference.calendar, standing_shapes(warehouse), as_of, known_at)
        rows = tuple(TableRows(f"{t.layer}.{t.name}", warehouse.read(t).count()) for t in tables)
        for item in () if run.nothing_new else rows:
            run.wrote(item.table, item.rows)
    return FeaturesResult(run.run_id, as_of, known_at, run.nothing_new, rows, run.seconds)


@dataclass(frozen=True)
class Reference:
    """Calendar and tariffs as written, and the fingerprint of their definitions."""

    calendar: DataFrame
    tariff: DataFrame
    fingerprint: str


def _digests(facts: Facts, reference: Reference, checks: ContextChecks, as_of: dt.date) -> Digests:
    """What the result depends on: facts by month, and what all months share."""
    definitions = {REFERENCE: reference.fingerprint, "checks": checks.fingerprint}
    shared = {WEATHER: table_digest(facts.weather), **definitions, "as_of": str(as_of)}
    return {**month_digests(facts.days, facts.registers), **point_digests(facts.versions), **shared}


def _wanted(now: Digests, before: Digests, options: FeatureOptions) -> list[dt.date]:
    """The months to compute: those of a backfill, else those that changed; the last one where the year alone moved."""
    if options.backfill:
        every = changed_months(now, {})
        return months_between(every, options.from_, options.to)
    changed = changed_months(now, {**before, "as_of": now["as_of"]})
    return changed or (changed_months(now, {})[-1:] if year_moved(now, before) else [])


def _accounts_wanted(warehouse: Warehouse, months: list[dt.date], now: Digests, before: Digests, options: FeatureOptions) -> bool:
    """Account features follow load shapes that are whole: not those of a backfill, which leaves other months as they were."""
    if options.backfill or not warehouse.written(ACCOUNT_TABLE):
        return False
    return bool(months) or now[ACCOUNTS] != before.get(ACCOUNTS) or not warehouse.written(ACCOUNT_FEATURE)


def _compute(
    warehouse: Warehouse,
    facts: Facts,
    reference: Reference,
    checks: ContextChecks,
    months: list[dt.date],
    as_of: dt.date,
    note: str,
    quality: Callable[[], None],
    say: Say,
) -> None:
    where = literal_in("local_month", months)
    with timed(say, f"opinions and estimates for {len(months)} month(s)"):
        warehouse.replace(INTERVAL_ESTIMATE, opinions_of(facts, reference.calendar, months, checks), where=where, note=note)
    with timed(say, "load shapes by day"):
        shapes = shapes_by_day(facts, warehouse.read(INTERVAL_ESTIMATE), reference.calendar, reference.tariff, months)
        warehouse.replace(LOAD_SHAPE_DAY, shapes, where=where, note=note)
    written = warehouse.read(LOAD_SHAPE_DAY).where(F.col("local_date") <= F.lit(as_of))

    def by_month() -> None:
        warehouse.replace(LOAD_SHAPE_MONTH, load_shape_month(written.where(F.col("local_month").isin(months))), where=where)

    def by_year() -> None:
        year = consumption_year(written.where(F.col("local_date") >= F.lit(as_of - YEAR)), facts.points, facts.weather, as_of)
        warehouse.replace(CONSUMPTION_YEAR, year, where=literal_in("as_of", [as_of]))

    # Side by side: none needs another's result, and small ones spend their time in planning and commits.
    with timed(say, "load shapes by month and year, figures of data quality"), ThreadPoolExecutor(PARALLEL_STEPS) as pool:
        for step in [pool.submit(step) for step in (quality, by_month, by_year)]:
            step.result()


def _quality(warehouse: Warehouse, facts: Facts, run_id: str) -> None:
    write_quality(
        warehouse,
        run_id,
        known_at=facts.known_at,
        blocks=facts.days,
        points=facts.points,
        estimates=warehouse.read(INTERVAL_ESTIMATE),
        registers=facts.registers,
    )


def write_reference(warehouse: Warehouse, settings: Settings, as_of: dt.date, before: Digests) -> Reference:
    """Writes calendar and tariffs from their definitions where these have changed, and gives both."""
    spark = warehouse.spark
    override = calendar_override(settings)
    first = warehouse.read(INTERVAL_DAY).agg(F.min("local_date")).first()
    start = min(first[0] if first and first[0] else as_of, as_of - SERIES) - dt.timedelta(days=62)
    end = as_of + dt.timedelta(days=62)
    # Whole years, so that the same calendar, and with it all months computed, stands from one day's run to the next.
    days = calendar_rows(settings.calendar, start.replace(month=1, day=1), end.replace(month=12, day=31), override)
    prices = tariff_prices(settings)
    fingerprint = rows_digest(days, prices)
    if before.get(REFERENCE) != fingerprint:
        rows = spark.createDataFrame(days, CALENDAR.schema).coalesce(1)
        warehouse.replace(CALENDAR, rows, where=literal_in("calendar_id", [settings.calendar]), note=fingerprint)
        warehouse.replace(TARIFF, spark.createDataFrame(prices, TARIFF.schema).coalesce(1), where="true")
    calendar = warehouse.read(CALENDAR).where(F.col("calendar_id") == settings.calendar)
    return Reference(calendar, warehouse.read(TARIFF), fingerprint)
