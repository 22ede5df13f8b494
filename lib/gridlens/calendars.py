"""Calendars: what each local day is, with Chinese make-up working days (调休)."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated

import holidays
import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from gridlens.contracts.silver import CALENDAR
from gridlens.definitions import Defined, parse_definitions
from gridlens.errors import DefinitionError

log = logging.getLogger(__name__)
SUBDIVISIONS = {"GB": "GB-ENG"}
"""Calendar ids that stand for a part of the country: "GB" is England (the library's GB holds only what all four nations share)."""
KNOWN_YEARS = (1950, 2100)
"""First and last year of which the library knows the Chinese lunar calendar."""


class YearArrangement(BaseModel):
    """One year's official arrangement: every day off with its holiday's name, and every weekend day worked instead."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    year: int
    source: Annotated[str, Field(min_length=5)]
    holidays: dict[dt.date, str]
    makeup_workdays: tuple[dt.date, ...] = ()

    @field_validator("makeup_workdays")
    @classmethod
    def _on_weekends(cls, value: tuple[dt.date, ...]) -> tuple[dt.date, ...]:
        for day in value:
            if day.weekday() < 5:
                raise ValueError(f"{day} is no Saturday or Sunday, so it cannot be a make-up working day")
        return value

    @model_validator(mode="after")
    def _days_of_the_year(self) -> YearArrangement:
        for day in (*self.holidays, *self.makeup_workdays):
            if day.year != self.year:
                raise ValueError(f"{day} stands under {self.year}; move it to its own year")
        both = set(self.holidays) & set(self.makeup_workdays)
        if both:
            raise ValueError(f"{min(both)} is a holiday and a make-up working day; keep one")
        return self


class CalendarOverride(BaseModel):
    """What replaces the library's years of one calendar (``conf/calendars/<id>.yml``)."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    calendar_id: str
    years: tuple[YearArrangement, ...]

    @field_validator("years")
    @classmethod
    def _each_year_once(cls, value: tuple[YearArrangement, ...]) -> tuple[YearArrangement, ...]:
        years = [arrangement.year for arrangement in value]
        if len(set(years)) != len(years):
            raise ValueError(f"expected each year once but found {years}")
        return value


def load_override(path: str | Path) -> CalendarOverride:
    """The override file; DefinitionError names file and line of a mistake."""
    defined: list[Defined[CalendarOverride]] = parse_definitions(CalendarOverride, path)
    return defined[0].value


@cache
def _library(calendar_id: str) -> holidays.HolidayBase:
    country, _, part = SUBDIVISIONS.get(calendar_id, calendar_id).partition("-")
    try:
        return holidays.country_holidays(country, subdiv=part or None, language="zh_CN" if country == "CN" else None)
    except NotImplementedError:
        raise DefinitionError(
            f"calendar {calendar_id} is unknown; expected none, or a country code with or without a part, such as CN, GB or AU-NSW"
        ) from None


def _library_year(calendar_id: str, year: int) -> tuple[dict[dt.date, str], list[dt.date]]:
    days = _library(calendar_id)
    dt.date(year, 1, 1) in days  # noqa: B015  The library fills a year when it is first asked for.
    return {day: name for day, name in days.items() if day.year == year}, [day for day in days.weekend_workdays if day.year == year]


def unannounced_years(calendar_id: str, start: dt.date, end: dt.date, override: CalendarOverride | None = None) -> list[int]:
    """Years of the range whose Chinese arrangement neither the library nor the override knows: make-up days are missing there."""
    if calendar_id != "CN":
        return []
    announced = {int(year) for year in _library("CN").special_public_holidays} | {
        arrangement.year for arrangement in (override.years if override else ())
    }
    return [year for year in range(start.year, end.year + 1) if year > max(announced) or (year >= min(announced) and year not in announced)]


@cache
def _warn_unannounced(year: int) -> None:
    log.warning(
        "calendar CN: no arrangement for %d is known; holidays follow the general rule, without make-up working days; enter it in CN.yml",
        year,
    )


@cache
def spring_festival(year: int) -> dt.date:
    """The first day of the Chinese year that begins in ``year`` (from 1950)."""
    found = [day for day, name in _library_year("CN", year)[0].items() if "春节" in name.split("; ")]
    return min(found)


def calendar_rows(calendar_id: str, start: dt.date, end: dt.date, override: CalendarOverride | None = None) -> pd.DataFrame:
    """One row of ``contracts.silver.CALENDAR`` for each day from ``start`` to ``end``, both included.

    A weekend day in an unbroken run of days off with a Chinese holiday belongs to that holiday. Calendar ``none``
    knows weekends only. ``attrs["unannounced_years"]`` lists years whose arrangement is not known yet (warned once each).

    Raises:
        DefinitionError: the calendar is unknown, or the override is another calendar's.
    """
    if override is not None and override.calendar_id != calendar_id:
        raise DefinitionError(f"the override is of calendar {override.calendar_id}, expected {calendar_id}; give the file of that calendar")
    if calendar_id == "CN" and not KNOWN_YEARS[0] < start.year <= end.year < KNOWN_YEARS[1]:
        raise DefinitionError(
            f"calendar CN is known between {KNOWN_YEARS[0]} and {KNOWN_YEARS[1]} only, but {start} to {end} was asked; narrow the range"
        )
    wide = pd.date_range(start - dt.timedelta(days=15), end + dt.timedelta(days=15))
    names, makeup = _days(calendar_id, range(wide[0].year, wide[-1].year + 1), override)
    holiday_name = pd.Series(wide.map(names), index=wide, dtype=object)
    is_makeup = wide.isin(makeup)
    weekend = (wide.weekday >= 5) & ~is_makeup
    if calendar_id == "CN":
        holiday_name = _whole_runs(holiday_name, weekend)
    holiday = holiday_name.notna().to_numpy()
    frame = pd.DataFrame(
        {
            "calendar_id": calendar_id,
            "local_date": wide.date,
            "day_type": np.select([holiday, weekend], ["holiday", "weekend"], "working"),
            "holiday_name": holiday_name.where(holiday, None).to_numpy(),
            "is_makeup_workday": is_makeup,
            "days_to_spring_festival": _days_to_spring_festival(wide)
            if calendar_id == "CN"
            else pd.array([None] * len(wide), dtype="Int32"),
        }
    )
    frame = frame.iloc[15 : len(frame) - 15].reset_index(drop=True)[CALENDAR.columns]
    frame.attrs["unannounced_years"] = unannounced_years(calendar_id, start, end, override)
    for year in frame.attrs["unannounced_years"]:
        _warn_unannounced(year)
    return frame


def _days(calendar_id: str, years: range, override: CalendarOverride | None) -> tuple[Mapping[pd.Timestamp, str], list[pd.Timestamp]]:
    """Holidays with their names and make-up working days of ``years``."""
    names: dict[dt.date, str] = {}
    makeup: list[dt.date] = []
    arrangements = {arrangement.year: arrangement for arrangement in (override.years if override else ())}
    for year in years if calendar_id != "none" else ():
        arrangement = arrangements.get(year)
        of_year = (arrangement.holidays, list(arrangement.makeup_workdays)) if arrangement else _library_year(calendar_id, year)
        names.update(of_year[0])
        makeup.extend(of_year[1])
    return {pd.Timestamp(day): name for day, name in names.items() if day not in makeup}, [pd.Timestamp(day) for day in makeup]


def _whole_runs(names: pd.Series, weekend: np.ndarray) -> pd.Series:
    """The names with weekend days of a holiday's run filled from the nearest named day before, else after."""
    off = names.notna().to_numpy() | weekend
    run = np.cumsum(np.r_[True, off[1:] != off[:-1]])
    grouped = names.groupby(run)
    filled = grouped.ffill().fillna(grouped.bfill())
    return filled.where(off, None)


def _days_to_spring_festival(days: pd.DatetimeIndex) -> pd.api.extensions.ExtensionArray:
    """Signed days from the nearest Spring Festival, negative before it; the earlier one where two are equally near."""
    festivals = np.array([spring_festival(year) for year in range(days[0].year - 1, days[-1].year + 2)], dtype="datetime64[D]")
    distance = (days.to_numpy().astype("datetime64[D]")[:, None] - festivals[None, :]).astype(np.int64)
    nearest = np.argmin(np.abs(distance), axis=1)
    return pd.array(distance[np.arange(len(days)), nearest], dtype="Int32")
