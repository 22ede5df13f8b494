"""The load of one account: a typical day of the last 90 and a year of days, from interval blocks and registers as known."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gridlens.features.account_curve import curve_days, daily_energy, hour_means, mean_day
from gridlens.pipelines.profile_reads import EXPORT, IMPORT, YEAR
from gridlens.profile.assemble import Spans
from gridlens.profile.picture import TypicalDay, Year

POINTS = 60
"""Metering points that the pictures add up; an account of a chain or of the company itself may have thousands."""
TYPICAL_DAYS = 90
_DIGITS = 4


@dataclass(frozen=True)
class Load:
    """What could be told; None where there is nothing."""

    typical_day: TypicalDay | None
    year: Year | None


def chosen(spans: Spans) -> list[str]:
    """The metering points whose load is added up."""
    return list(spans)[:POINTS]


def load_of(
    as_of: dt.date,
    spans: Spans,
    blocks: pa.Table,
    readings: Sequence[Mapping[str, Any]],
    day_types: Mapping[dt.date, str],
    periods: Sequence[str],
) -> Load:
    """Typical day and year of the chosen points.

    Args:
        as_of: last local day.
        spans: when the account held which metering point, the most important first, see assemble.holdings.
        blocks: interval blocks of the year; those of days on which the account did not hold the point are left out.
        readings: register readings, likewise.
        day_types: what each day is.
        periods: tariff period of each quarter hour; empty where there is none.
    """
    if not spans:
        return Load(None, None)
    held = _held(blocks, spans)
    first = as_of - dt.timedelta(days=YEAR - 1)
    kinds = tuple(day_types.get(first + dt.timedelta(days=i)) for i in range(YEAR))
    imported, exported = (held.filter(pc.equal(held.column("channel"), channel)) for channel in (IMPORT, EXPORT))
    power, export = (curve_days(part, first=first, days=YEAR) for part in (imported, exported))
    typical = _typical(power, export, kinds, as_of, periods)
    kwh = daily_energy(_with_multiplier(readings, spans), _measured(imported), chosen(spans), as_of=as_of)[-YEAR:]
    if typical is None and np.isnan(kwh).all():
        return Load(None, None)
    hours = tuple(() if np.isnan(row).all() else _floats(row) for row in hour_means(power))
    return Load(typical, Year(first, _floats(kwh), hours, kinds, len(spans) - len(chosen(spans))))


def _typical(
    power: np.ndarray, export: np.ndarray, kinds: Sequence[str | None], as_of: dt.date, periods: Sequence[str]
) -> TypicalDay | None:
    last = np.arange(YEAR) >= YEAR - TYPICAL_DAYS
    known = ~np.isnan(power).all(axis=1) & last
    kind = np.array(kinds, dtype=str)
    working, resting = known & (kind == "working"), known & np.isin(kind, ("weekend", "holiday"))
    if not (working.any() or resting.any()):
        return None
    given = ~np.isnan(export).all(axis=1) & last
    return TypicalDay(
        working=_floats(mean_day(power, working)),
        resting=_floats(mean_day(power, resting)),
        export=_floats(mean_day(export, given)) if given.any() else (),
        working_days=int(working.sum()),
        resting_days=int(resting.sum()),
        first=as_of - dt.timedelta(days=TYPICAL_DAYS - 1),
        periods=tuple(periods) if len(set(periods)) > 1 else (),
    )


def _held(blocks: pa.Table, spans: Spans) -> pa.Table:
    """The blocks of days on which the account held the point."""
    pairs = zip(blocks.column("metering_point_id").to_pylist(), blocks.column("local_date").to_pylist(), strict=True)
    return blocks.filter(pa.array([_span(spans, point, day) is not None for point, day in pairs], type=pa.bool_()))


def _span(spans: Spans, point: str, day: dt.date) -> tuple[dt.date, dt.date | None, float] | None:
    return next((span for span in spans[point] if span[0] <= day and (span[1] is None or day < span[1])), None)


def _with_multiplier(readings: Sequence[Mapping[str, Any]], spans: Spans) -> list[dict[str, Any]]:
    """The readings of days on which the account held the point, with the multiplier that held then."""
    held = [(row, _span(spans, row["metering_point_id"], row["local_date"])) for row in readings]
    return [{**row, "multiplier": span[2]} for row, span in held if span]


def _measured(blocks: pa.Table) -> list[dict[str, Any]]:
    rows = blocks.select(["metering_point_id", "local_date", "energy_kwh", "missing_count"]).to_pylist()
    lengths = pc.list_value_length(blocks.column("values")).to_pylist()
    return [{**row, "coverage": 1 - row["missing_count"] / max(n, 1)} for row, n in zip(rows, lengths, strict=True)]


def _floats(values: np.ndarray) -> tuple[float | None, ...]:
    return tuple(None if np.isnan(value) else round(float(value), _DIGITS) for value in values)
