"""Account features of earlier moments, for what is learned from the past: those that are not there yet are computed."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from gridlens.calendars import calendar_rows
from gridlens.contracts.account_energy import SERIES_DAYS
from gridlens.contracts.gold import ACCOUNT_FEATURE
from gridlens.contracts.ops import RUN_LOG
from gridlens.contracts.silver import CALENDAR, INTERVAL_DAY, TARIFF
from gridlens.features import load_shape_month
from gridlens.features.account_shape import first_month
from gridlens.lease import writer_lease
from gridlens.pipelines.account_features import Shapes, facts_digest, standing_shapes, write_account_features
from gridlens.pipelines.changes import ACCOUNTS, last_digests
from gridlens.pipelines.history import by_this_version
from gridlens.pipelines.load_shapes import (
    calendar_override,
    context_checks,
    known_facts,
    months_of,
    opinions_of,
    shapes_by_day,
    tariff_prices,
)
from gridlens.pipelines.moments import of_micros
from gridlens.runs import Run, logged, timed
from gridlens.settings import Settings
from gridlens.tables import empty
from gridlens.warehouse import Warehouse

Say = Callable[[str], None]
Moment = tuple[dt.date, dt.datetime]
_BATCHES = "batches"
_MARGIN = dt.timedelta(days=62)
_ONE_AT_A_TIME = threading.Lock()
"""Models that are trained side by side want the same moments."""


def with_features(warehouse: Warehouse, settings: Settings, moments: Sequence[Moment], *, say: Say) -> None:
    """Computes the account features of those moments that have none, or whose were computed before other batches were loaded.

    The load shapes that they need are computed on the way and kept nowhere: the shared tables go on standing for the present.
    Takes the writer's lease for each moment.
    """
    with _ONE_AT_A_TIME:
        _with_features(warehouse, settings, moments, say)


def _with_features(warehouse: Warehouse, settings: Settings, moments: Sequence[Moment], say: Say) -> None:
    digest = facts_digest(warehouse)
    current = _current(warehouse, [day for day, _ in moments], digest)
    for as_of, known_at in moments:
        if (as_of, known_at) in current:
            continue
        run = Run("features", {_BATCHES: digest}, as_of=as_of, known_at=known_at)
        with writer_lease(settings), logged(warehouse, run):
            # The load shapes stand for what they stood for before.
            run.fingerprints = last_digests(warehouse)
            with timed(say, f"account features of {as_of}"):
                calendar = _calendar(warehouse, settings, as_of)
                shapes = _shapes(warehouse, settings, calendar, as_of, known_at)
                write_account_features(warehouse, settings, calendar, shapes, as_of, known_at)
            run.wrote(f"gold.{ACCOUNT_FEATURE.name}", warehouse.read(ACCOUNT_FEATURE).count())


def _current(warehouse: Warehouse, days: Sequence[dt.date], digest: str) -> set[Moment]:
    """The moments of these days whose features the last run that wrote them made from the same batches, by this version."""
    moment = ("as_of", F.unix_micros("known_at").alias("micros"))
    good = (F.col("job") == "features") & (F.col("outcome") == "succeeded") & by_this_version() & F.col("as_of").isin(list(days))
    told = F.struct(
        F.get_json_object("parameters", f"$.{_BATCHES}").alias("own"), F.get_json_object("fingerprints", f"$.{ACCOUNTS}").alias("shared")
    )
    runs = warehouse.read(RUN_LOG).where(good).groupBy(*moment).agg(F.max_by(told, "ended_at").alias("last"))
    there = warehouse.read(ACCOUNT_FEATURE).where(F.col("as_of").isin(list(days))).select(*moment).distinct()
    rows = runs.join(there, on=["as_of", "micros"], how="left_semi").select("as_of", "micros", "last.*").collect()  # one a moment
    same = [row for row in rows if digest in (row["own"], str(row["shared"]).partition(" ")[0])]
    return {(row["as_of"], of_micros(row["micros"])) for row in same}


def _shapes(warehouse: Warehouse, settings: Settings, calendar: DataFrame, as_of: dt.date, known_at: dt.datetime) -> Shapes:
    """The load shapes that features of this moment look at: two years of days, some months.

    Computed where they are read; without an interval block of the time there are none, and little is planned.
    """
    if empty(warehouse.read(INTERVAL_DAY).where(F.col("local_date") <= F.lit(as_of))):
        standing = standing_shapes(warehouse)
        return Shapes(standing.days.limit(0), standing.months.limit(0))
    facts = known_facts(warehouse, as_of, known_at)
    tariff, checks = warehouse.spark.createDataFrame(tariff_prices(settings), TARIFF.schema), context_checks(settings)

    def since(first: dt.date) -> DataFrame:
        months = months_of(first, as_of)
        return shapes_by_day(facts, opinions_of(facts, calendar, months, checks), calendar, tariff, months)

    return Shapes(since(as_of - dt.timedelta(days=SERIES_DAYS)), load_shape_month(since(first_month(as_of))))


def _calendar(warehouse: Warehouse, settings: Settings, as_of: dt.date) -> DataFrame:
    """The days that features of ``as_of`` look at; not written, since the calendar that stands is that of the present."""
    override = calendar_override(settings)
    days = calendar_rows(settings.calendar, as_of - dt.timedelta(days=SERIES_DAYS) - _MARGIN, as_of + _MARGIN, override)
    return warehouse.spark.createDataFrame(days, CALENDAR.schema).coalesce(1)
