"""Where on the local wall clock the intervals of a day stand, clock-change days included."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np

from gridlens.contracts.feature import HOURS

DAY_MINUTES = 1440
QUARTERS = 96


@dataclass(frozen=True, eq=False)
class Clock:
    """The wall clock of a day of ``n`` intervals.

    Attributes:
        resolution: minutes of an interval.
        begins: local clock minute (0 to 1439) at which each interval begins. Shape (n,).
        hours: part of each interval that lies in each local clock hour. Shape (n, 24), rows sum to 1.
        quarters: part of each interval that lies in each local quarter hour. Shape (n, 96), rows sum to 1.
    """

    resolution: int
    begins: np.ndarray
    hours: np.ndarray
    quarters: np.ndarray


@lru_cache(maxsize=4096)
def day_clock(intervals: int, resolution: int, zone: str | None = None, day: dt.date | None = None) -> Clock:
    """The clock of a day of ``intervals`` × ``resolution`` minutes that begins at local midnight.

    A day of 24 hours needs no zone. One of another length is a clock-change day: its intervals are
    counted in UTC from local midnight of ``day`` and read off the wall clock of ``zone``, so that the
    hour that does not exist gets none and the one that comes twice gets both.
    """
    if zone is None or day is None:
        begins = np.arange(intervals) * resolution % DAY_MINUTES
    else:
        local = ZoneInfo(zone)
        first = dt.datetime.combine(day, dt.time(), local).astimezone(dt.UTC)
        walls = [(first + dt.timedelta(minutes=i * resolution)).astimezone(local) for i in range(intervals)]
        begins = np.array([wall.hour * 60 + wall.minute for wall in walls])
    minutes = (begins[:, None] + np.arange(resolution)) % DAY_MINUTES
    return Clock(resolution, begins, _parts(minutes // 60, HOURS), _parts(minutes // 15, QUARTERS))


def _parts(slots: np.ndarray, count: int) -> np.ndarray:
    parts = np.zeros((slots.shape[0], count))
    np.add.at(parts, (np.arange(slots.shape[0])[:, None], slots), 1.0)  # minutes first: a whole interval is exactly 1
    return parts / slots.shape[1]


def clock_groups(intervals: int, resolution: np.ndarray, zone: np.ndarray, day: np.ndarray) -> Iterator[tuple[Clock, np.ndarray | slice]]:
    """The rows of a batch by their clock; daily totals (1440 minutes) have no clock and are left out.

    Args:
        intervals: intervals of every block of the batch.
        resolution: minutes of an interval. Shape (rows,).
        zone: IANA zone. Shape (rows,), objects.
        day: local date. Shape (rows,), datetime64[D].
    """
    for minutes in np.unique(resolution):
        if minutes >= DAY_MINUTES or not intervals:
            continue
        rows = np.flatnonzero(resolution == minutes)
        if intervals * minutes == DAY_MINUTES:
            yield day_clock(intervals, int(minutes)), slice(None) if len(rows) == len(resolution) else rows
            continue
        keys = list(zip(zone[rows].tolist(), day[rows].tolist(), strict=True))
        for key in sorted(set(keys)):
            same = np.array([k == key for k in keys])
            yield day_clock(intervals, int(minutes), *key), rows[same]
