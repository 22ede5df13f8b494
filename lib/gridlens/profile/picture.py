"""The whole picture of one account: plain values in frozen records, personal ones masked already."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gridlens.profile.dealings import Bill, Bought, Contact, Edge, Event, Others, Paid


@dataclass(frozen=True)
class Identity:
    """Who holds the account, masked; None where not recorded. ``born`` is a decade."""

    name: str | None
    phone: str | None
    address: str | None
    document: str | None
    born: str | None


@dataclass(frozen=True)
class Point:
    """A metering point of the account (计量点)."""

    metering_point_id: str
    meter_id: str
    transformer_id: str | None
    feeder_id: str
    voltage_level: str
    contract_capacity_kva: float | None
    tariff_id: str | None
    has_pv: bool | None


@dataclass(frozen=True)
class TagShown:
    """A tag that holds.

    Attributes:
        value: of a text tag, with its names where they are listed; None of a boolean one, which holds.
        computed_on: last as_of for which it was computed; None where the catalogue does not say.
        expired: computed longer ago than its time to live: not to be relied upon any more.
    """

    id: str
    zh: str
    en: str
    value: str | None
    value_zh: str | None
    value_en: str | None
    description: str
    definition: str
    computed_on: dt.date | None
    expired: bool


@dataclass(frozen=True)
class TagGroup:
    """The tags of one category that hold."""

    category: str
    zh: str
    en: str
    tags: tuple[TagShown, ...]


@dataclass(frozen=True)
class Tags:
    """All tags at a moment.

    Attributes:
        as_of: last local day of the values.
        defined: tags defined that may be shown.
        unknown: of these, not known for the account.
    """

    as_of: dt.date
    defined: int
    unknown: int
    groups: tuple[TagGroup, ...]


@dataclass(frozen=True)
class TypicalDay:
    """Mean power of the account in each of 96 quarter hours, kW; None where no day knows it.

    Attributes:
        working: import on working days.
        resting: import on weekends and holidays.
        export: feed-in on all days; empty where there is none.
        working_days: days with curves of the sort; ``resting_days`` likewise.
        first: the window's first local day; it ends with as_of.
        periods: tariff period of each quarter hour in the month of as_of; empty without a time-of-use tariff.
    """

    working: tuple[float | None, ...]
    resting: tuple[float | None, ...]
    export: tuple[float | None, ...]
    working_days: int
    resting_days: int
    first: dt.date
    periods: tuple[str, ...]


@dataclass(frozen=True)
class Year:
    """A year of load up to as_of.

    Attributes:
        first: local day of the first row.
        kwh: import of each day; a gap in the readings is spread evenly; None where unknown.
        hours: mean import power of each clock hour of each day, kW; an empty row where the day has no curve.
        day_types: working, weekend or holiday; None where the calendar does not say.
        points_left_out: metering points beyond the limit, which are not in any of the figures.
    """

    first: dt.date
    kwh: tuple[float | None, ...]
    hours: tuple[tuple[float | None, ...], ...]
    day_types: tuple[str | None, ...]
    points_left_out: int


@dataclass(frozen=True)
class Segment:
    """A segment of the account; ``confidence`` is how clearly it belongs, 0 to 1."""

    segmentation: str
    segment_id: str
    zh: str
    en: str
    confidence: float


@dataclass(frozen=True)
class Peer:
    """Where the account stands among its peers: ``percentile`` is the part of them whose value is lower."""

    feature: str
    value: float | None
    unit: str
    percentile: float | None


@dataclass(frozen=True)
class Profile:
    """The whole picture of an account.

    Attributes:
        as_of: last local day included; ``known_at`` what was known then, UTC.
        base: the account's base data as known: category, industry, days, area.
        figures: chosen account features of the moment; empty where they were not computed.
        peers: percentiles; ``peer_group`` and ``peer_count`` stand in figures.
        events: newest first.
        neighbours: accounts on the same transformer (台区); None where none is known to feed the account.
        same_person: other accounts of the person or company that identity resolution found, else of the party.
        names: product to its Chinese name, of those that events and edges speak of.
        missing: section to what is missing and what to do about it.
    """

    account: str
    as_of: dt.date
    known_at: dt.datetime
    currency: str
    base: Mapping[str, Any]
    identity: Identity | None
    points: tuple[Point, ...]
    figures: Mapping[str, Any]
    tags: Tags | None
    segments: tuple[Segment, ...]
    typical_day: TypicalDay | None
    year: Year | None
    bills: tuple[Bill, ...]
    payments: tuple[Paid, ...]
    contacts: tuple[Contact, ...]
    purchases: tuple[Bought, ...]
    events: tuple[Event, ...]
    edges: tuple[Edge, ...]
    neighbours: Others | None
    same_person: Others
    peers: tuple[Peer, ...]
    names: Mapping[str, str]
    missing: Mapping[str, str]
