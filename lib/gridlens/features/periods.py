"""Tariff periods and day types as compact lookups: small dimensions that travel inside a kernel."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from gridlens.contracts.codes import TARIFF_PERIODS
from gridlens.contracts.gold import DAY_TYPES
from gridlens.errors import DefinitionError
from gridlens.features.clock import QUARTERS, Clock

_SPAN = 1 << 24  # more than any day number, so that (tariff, month, day) sorts as one integer
_MONTHS = 12
_EPOCH = dt.date(1970, 1, 1)


@dataclass(frozen=True, eq=False)
class TariffLookup:
    """Time-of-use periods by tariff, month and version.

    Of a day the row with its month and the greatest ``valid_from`` not after it holds: a series of prices that ends in March says
    nothing of April's periods, and those of the April before go on.

    Attributes:
        ids: tariff to its code, the number that the blocks carry.
        versions: sorted ``(code * 12 + month) << 24 | day`` of every row's first day, months from 0. Shape (versions,).
        pattern: row of ``codes`` for each of ``versions``. Shape (versions,).
        codes: distinct day patterns: index into TARIFF_PERIODS of each quarter hour. Shape (patterns, 96), int8.
    """

    ids: Mapping[str, int]
    versions: np.ndarray
    pattern: np.ndarray
    codes: np.ndarray

    @staticmethod
    def of(rows: Iterable[Mapping[str, Any]]) -> TariffLookup:
        """From rows of the table tariff; DefinitionError where ``periods`` is not 96 known periods."""
        rows = list(rows)
        ids = {name: code for code, name in enumerate(sorted({row["tariff_id"] for row in rows}))}
        distinct: dict[tuple[int, ...], int] = {}
        pattern: dict[int, int] = {}
        for row in rows:
            key = (ids[row["tariff_id"]] * _MONTHS + row["month"] - 1) * _SPAN + (row["valid_from"] - _EPOCH).days
            pattern[key] = distinct.setdefault(_codes(row), len(distinct))
        versions = np.array(sorted(pattern), dtype=np.int64)
        chosen = np.array([pattern[key] for key in versions.tolist()], dtype=np.int64)
        return TariffLookup(ids, versions, chosen, np.array(list(distinct), dtype=np.int8).reshape(-1, QUARTERS))

    def patterns(self, tariff: np.ndarray, day: np.ndarray) -> np.ndarray:
        """Pattern in force, -1 where there is none. Args: tariff codes (-1 unknown) and local dates, shape (rows,)."""
        if not len(self.versions):
            return np.full(len(tariff), -1)
        own = tariff.astype(np.int64) * _MONTHS + day.astype("datetime64[M]").astype(np.int64) % _MONTHS
        at = np.searchsorted(self.versions, own * _SPAN + day.astype("datetime64[D]").astype(np.int64), side="right") - 1
        known = (tariff >= 0) & (at >= 0) & (self.versions[at] // _SPAN == own)
        return np.where(known, self.pattern[at], -1)

    def weights(self, pattern: int, clock: Clock) -> np.ndarray:
        """Part of each interval in each tariff period. Shape (n, 5); an interval that spans two periods is divided by time."""
        return clock.quarters @ (self.codes[pattern][:, None] == np.arange(len(TARIFF_PERIODS))).astype(float)


def _codes(row: Mapping[str, Any]) -> tuple[int, ...]:
    where = f"tariff {row['tariff_id']} from {row['valid_from']}, month {row['month']}"
    periods = row["periods"] or []
    if len(periods) != QUARTERS:
        raise DefinitionError(f"{where}: expected {QUARTERS} periods, one for each quarter hour, found {len(periods)}")
    unknown = sorted({str(p) for p in periods} - set(TARIFF_PERIODS))
    if unknown:
        raise DefinitionError(f"{where}: unknown period {', '.join(unknown)}; use {', '.join(TARIFF_PERIODS)}")
    return tuple(TARIFF_PERIODS.index(p) for p in periods)


@dataclass(frozen=True, eq=False)
class CalendarLookup:
    """Day types by date.

    Attributes:
        first: day number (since 1970) of the first entry.
        codes: index into DAY_TYPES for each day from ``first``, -1 where unknown. Shape (days,), int8.
    """

    first: int
    codes: np.ndarray

    @staticmethod
    def of(rows: Iterable[Mapping[str, Any]]) -> CalendarLookup:
        """From rows of the table calendar of one calendar (local_date, day_type); DefinitionError where a date comes twice."""
        days = {}
        for row in rows:
            number = (row["local_date"] - _EPOCH).days
            if number in days:
                raise DefinitionError(f"calendar: {row['local_date']} comes twice; give the rows of one calendar_id only")
            days[number] = DAY_TYPES.index(row["day_type"])
        first = min(days, default=0)
        codes = np.full(max(days, default=-1) - first + 1, -1, dtype=np.int8)
        for number, code in days.items():
            codes[number - first] = code
        return CalendarLookup(first, codes)

    def names(self, day: np.ndarray) -> np.ndarray:
        """Day type of each date, None where the calendar does not cover it. Shape (rows,), objects."""
        at = day.astype("datetime64[D]").astype(np.int64) - self.first
        inside = (at >= 0) & (at < len(self.codes))
        codes = np.full(len(day), -1)
        codes[inside] = self.codes[at[inside]]
        return np.array([*DAY_TYPES, None], dtype=object)[codes]
