"""What passes between an account and the company, and whom it is connected with: plain values in frozen records."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True)
class Bill:
    """A bill with what became of it.

    Attributes:
        paid: net amount paid by as_of.
        settled_on: local day since which it is covered; None while open.
        state: ``settled`` in time, ``late``, ``open`` and not due, ``overdue``, ``unclear`` where a payment of it stands in quarantine.
        days_late: days from the due date to settlement, or to as_of; 0 where not late.
    """

    bill_id: str
    period_start: dt.date
    period_end: dt.date
    issued_on: dt.date
    due_on: dt.date
    kwh: Decimal
    amount: Decimal
    paid: Decimal
    settled_on: dt.date | None
    state: str
    days_late: int


@dataclass(frozen=True)
class Paid:
    """A payment; reversals are negative. ``top_up`` is without a bill."""

    on: dt.date
    amount: Decimal
    channel: str
    top_up: bool


@dataclass(frozen=True)
class Contact:
    """A service ticket, without what was said."""

    on: dt.date
    kind: str
    channel: str
    closed: bool
    satisfaction: int | None


@dataclass(frozen=True)
class Bought:
    """A purchase with its product's names; ``ended_on`` None while it runs."""

    on: dt.date
    product_id: str
    zh: str | None
    en: str | None
    category: str | None
    ended_on: dt.date | None
    amount: Decimal
    channel: str


@dataclass(frozen=True)
class Event:
    """What happened on a local day; ``times`` like events of the day are one."""

    on: dt.date
    kind: str
    channel: str | None
    object: str | None
    amount: Decimal | None
    times: int


@dataclass(frozen=True)
class Edge:
    """A connection of the account in the behaviour graph."""

    kind: str
    node_type: str
    node_id: str
    since: dt.date
    until: dt.date | None
    weight: float


@dataclass(frozen=True)
class Other:
    """Another account, by its own figures."""

    account_id: str
    category: str
    is_open: bool
    energy_kwh_365d: float | None
    bill_amount_365d: float | None
    arrears_amount: float | None
    has_pv: bool | None


@dataclass(frozen=True)
class Others:
    """Accounts beside this one, those of most energy first; ``count`` is of all of them."""

    count: int
    shown: tuple[Other, ...]
