"""The moments that a run is about: when a local day ends, and until when its data counts as known."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

from gridlens.settings import Settings


def end_of_local_day(day: dt.date, zone: str) -> dt.datetime:
    """The moment at which ``day`` ends in ``zone``, UTC."""
    return dt.datetime.combine(day + dt.timedelta(days=1), dt.time(), ZoneInfo(zone)).astimezone(dt.UTC)


def knowledge_of_day(as_of: dt.date, settings: Settings) -> dt.datetime:
    """The default moment of knowledge: the end of ``as_of`` in the company's zone plus the declared lag, UTC."""
    return end_of_local_day(as_of, settings.zone) + dt.timedelta(hours=settings.known_at_lag_hours)
