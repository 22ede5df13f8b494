"""What load shapes are made from, as known at one moment, and the shapes of some months made from it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from gridlens.billing.book import read_tariffs
from gridlens.billing.tariff_table import tariff_rows
from gridlens.calendars import CalendarOverride, load_override
from gridlens.contracts.silver import INTERVAL_DAY, INTERVAL_DAY_SUPERSEDED, METERING_POINT, REGISTER_READING, SILVER
from gridlens.definitions import fingerprint_of
from gridlens.features import load_shape_day
from gridlens.fold.blocks import blocks_as_known
from gridlens.fold.versioned import as_known, entity_key
from gridlens.pipelines.changes import rows_digest
from gridlens.quality.context_definition import ContextChecks, load_context
from gridlens.quality.estimates import interval_estimates
from gridlens.settings import Settings, conf_file, conf_files
from gridlens.warehouse import Warehouse


@dataclass(frozen=True)
class Facts:
    """Silver as known at ``known_at``: blocks up to ``as_of``, points and weather; of the registers every version that was known.

    ``points`` has one row for each point, the one in force on ``as_of``; ``versions`` one for each point and ``valid_from``.
    """

    known_at: dt.datetime
    days: DataFrame
    points: DataFrame
    versions: DataFrame
    registers: DataFrame | None
    weather: DataFrame


def known_facts(warehouse: Warehouse, as_of: dt.date, known_at: dt.datetime) -> Facts:
    """What was known at ``known_at`` (UTC) of the days up to ``as_of``."""
    known = blocks_as_known(warehouse.read(INTERVAL_DAY), warehouse.read(INTERVAL_DAY_SUPERSEDED), known_at)
    points = warehouse.read(METERING_POINT)
    return Facts(
        known_at,
        known.where(F.col("local_date") <= F.lit(as_of)),
        as_known(points, METERING_POINT, known_at=known_at, as_of=as_of),
        as_known(points, METERING_POINT, known_at=known_at, as_of=as_of, keys=(*entity_key(METERING_POINT), "valid_from")),
        _registers(warehouse, known_at),
        as_known(warehouse.read(SILVER["weather"]), SILVER["weather"], known_at=known_at),
    )


def _registers(warehouse: Warehouse, known_at: dt.datetime) -> DataFrame | None:
    """The versions of register readings that were known; only what is needed, because choosing among versions costs by column."""
    if not warehouse.written(REGISTER_READING):
        return None
    known = warehouse.read(REGISTER_READING).where(F.col("known_from") <= F.lit(known_at))
    return known.select(*entity_key(REGISTER_READING), "reading_total", "known_from", "_content_hash")


def tariff_prices(settings: Settings) -> pd.DataFrame:
    """Rows of the table tariff, from the definitions."""
    return tariff_rows(read_tariffs(conf_files(settings, "tariffs"), conf_files(settings, "tariffs/purchase")))


def context_checks(settings: Settings) -> ContextChecks:
    """The bounds of conf/checks/context.yml, the user's file first; raises DefinitionError at the first mistake."""
    return load_context(conf_file(settings, "checks/context.yml"))


def calendar_override(settings: Settings) -> CalendarOverride | None:
    """What conf/calendars says of the settings' calendar beside the library; None where nothing is said."""
    return load_override(conf_file(settings, "calendars/CN.yml")) if settings.calendar == "CN" else None


def shape_definitions(settings: Settings) -> list[str]:
    """Fingerprints of the definitions that load shapes go by: calendar, tariffs, bounds of the checks."""
    override = calendar_override(settings)
    told = fingerprint_of(override.model_dump(mode="json") if override else None)
    return [settings.calendar, told, rows_digest(tariff_prices(settings)), context_checks(settings).fingerprint]


def opinions_of(facts: Facts, calendar: DataFrame, months: Sequence[dt.date], checks: ContextChecks) -> DataFrame:
    """Rows of interval_estimate of ``months`` (first days)."""
    registers = None if facts.registers is None else as_known(facts.registers, REGISTER_READING, known_at=facts.known_at)
    return interval_estimates(facts.days, registers, facts.versions, calendar, months=months, settings=checks.bounds)


def shapes_by_day(facts: Facts, opinions: DataFrame, calendar: DataFrame, tariff: DataFrame, months: Sequence[dt.date]) -> DataFrame:
    """Rows of load_shape_day_v1 of ``months`` (first days)."""
    return load_shape_day(facts.days.where(F.col("local_month").isin(list(months))), opinions, facts.versions, calendar, tariff)


def months_of(first: dt.date, last: dt.date) -> list[dt.date]:
    """First days of the months from ``first`` to ``last``."""
    count = (last.year - first.year) * 12 + last.month - first.month + 1
    return [dt.date(first.year + (first.month - 1 + n) // 12, (first.month - 1 + n) % 12 + 1, 1) for n in range(count)]
