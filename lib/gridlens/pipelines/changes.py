"""What changed since features were last computed: digests of the facts by month, kept in the run log.

A digest is the count and the XOR of a hash over the rows as known, so it depends on neither order nor layout.
A run that died leaves the digests of the last one that did not, and its writes in the tables: these say of
themselves who wrote them, so that what came to no end is computed again.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import itertools
from collections.abc import Mapping, Sequence

import pandas as pd
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from gridlens.contracts.gold import LOAD_SHAPE_DAY
from gridlens.contracts.silver import CALENDAR, INTERVAL_ESTIMATE
from gridlens.pipelines.history import by_this_version, last_run
from gridlens.quality.estimates import affected_months
from gridlens.warehouse import Warehouse

Digests = dict[str, str]
ACCOUNTS = "accounts"
"""What account features depend on beside load shapes; no month is computed again because of it."""
REFERENCE = "reference"
"""Calendar and tariffs."""
WRITTEN_BY = "written_by"
"""The run that last wrote load shapes before it succeeded; no month is computed again because of it."""
WEATHER = "weather"
"""What the year alone depends on; no month is computed again because of it."""
_MONTH = "month/"
_POINTS = "points/"


def month_digests(blocks: DataFrame, registers: DataFrame | None) -> Digests:
    """``month/2026-03-01`` → digest, for every month that has blocks; of the registers only what lies in such months.

    Args:
        blocks: silver.interval_day as known.
        registers: silver.register_reading, every version that was known; None where there are none.
    """
    digests = _by_month(blocks, F.col("local_month"), "metering_point_id", "channel", "local_date")
    if registers is not None and digests:
        between = F.col("read_date").between(F.lit(min(digests)), F.lit(_last_day(max(digests))))
        read = _by_month(registers.where(between), F.trunc("read_date", "MM").cast("date"), "metering_point_id", "read_date")
        digests = {month: f"{digest}+{read.get(month, '')}" for month, digest in digests.items()}
    return {f"{_MONTH}{month}": digest for month, digest in digests.items()}


def point_digests(versions: DataFrame) -> Digests:
    """``points/2026-03-01`` → digest of the versions of metering points that hold from a day of that month on.

    Args:
        versions: silver.metering_point as known: one row for each metering_point_id and valid_from.
    """
    hashed = versions.select(F.trunc("valid_from", "MM").cast("date").alias("month"), F.xxhash64(*versions.columns).alias("hash"))
    rows = hashed.groupBy("month").agg(_digest(F.col("hash")).alias("digest")).collect()  # a row a month
    return {f"{_POINTS}{row['month']}": row["digest"] for row in rows}


def table_digest(rows: DataFrame) -> str:
    """Digest of a small table, all columns that can be hashed."""
    row = rows.agg(_digest(F.xxhash64(*rows.columns)).alias("digest")).first()
    return str(row["digest"]) if row else ""


def rows_digest(*tables: pd.DataFrame) -> str:
    """Digest of every row of small tables (their ``repr`` would leave out the middle)."""
    return hashlib.sha256(repr([table.to_dict("records") for table in tables]).encode()).hexdigest()[:16]


def _by_month(rows: DataFrame, month: Column, *key: str) -> dict[dt.date, str]:
    hashed = rows.select(month.alias("month"), F.xxhash64(*key, "known_from", "_content_hash").alias("hash"))
    return {row["month"]: row["digest"] for row in hashed.groupBy("month").agg(_digest(F.col("hash")).alias("digest")).collect()}


def _digest(value: Column) -> Column:
    return F.concat_ws(":", F.count("*").cast("string"), F.bit_xor(value).cast("string"))


def last_digests(warehouse: Warehouse) -> Digests:
    """The digests of the last features run that succeeded with this version; empty where there is none."""
    last = last_run(warehouse, "features", by_this_version())
    return last.fingerprints if last else {}


def note_of(run_id: str, months: Sequence[dt.date]) -> str:
    """What a write of load shapes by day, or of the opinions that come before them, says of itself in its table's history."""
    return " ".join([run_id, *map(str, months)])


def standing_digests(warehouse: Warehouse) -> Digests:
    """What the tables stand for: the last digests, without the months and the reference that runs wrote which came to no end."""
    digests = last_digests(warehouse)
    # Of both: a run may die between the two, and one that has no opinion on any day changes the second only.
    notes = warehouse.notes(INTERVAL_ESTIMATE, LOAD_SHAPE_DAY)
    unfinished = itertools.takewhile(lambda note: note.split()[0] != digests.get(WRITTEN_BY), notes)
    lost = {f"{_MONTH}{month}" for note in unfinished for month in note.split()[1:]}
    if warehouse.notes(CALENDAR)[:1] not in ([], [digests.get(REFERENCE)]):
        lost.add(REFERENCE)
    return {name: digest for name, digest in digests.items() if name not in lost}


def changed_months(now: Mapping[str, str], before: Mapping[str, str]) -> list[dt.date]:
    """Months to compute again: those whose facts changed, those near enough to matter, and all where a shared input changed.

    A version of a metering point matters from its first day on, until the next one: of the months before it nothing changes.
    """
    months = {dt.date.fromisoformat(name.removeprefix(_MONTH)): digest for name, digest in now.items() if name.startswith(_MONTH)}
    own = (ACCOUNTS, WRITTEN_BY, WEATHER)
    shared = {name for name in {*now, *before} if name not in own and not name.startswith((_MONTH, _POINTS))}
    if any(now.get(name) != before.get(name) for name in shared):
        return sorted(months)
    gone = [dt.date.fromisoformat(name.removeprefix(_MONTH)) for name in before if name.startswith(_MONTH) and name not in now]
    touched = [month for month, digest in months.items() if before.get(f"{_MONTH}{month}") != digest] + gone
    versions = [name for name in {*now, *before} if name.startswith(_POINTS) and now.get(name) != before.get(name)]
    since = min((dt.date.fromisoformat(name.removeprefix(_POINTS)) for name in versions), default=dt.date.max)
    touched += [month for month in months if month >= since]
    near = affected_months([day for month in touched for day in (month, _last_day(month))])
    return sorted(set(near) & set(months))


def year_moved(now: Mapping[str, str], before: Mapping[str, str]) -> bool:
    """True where the consumption of the year is another, whatever the months: another last day, weather, or metering points."""
    names = {name for name in {*now, *before} if name in ("as_of", WEATHER) or name.startswith(_POINTS)}
    return any(now.get(name) != before.get(name) for name in names)


def months_between(months: Sequence[dt.date], first: dt.date | None, last: dt.date | None) -> list[dt.date]:
    """The months that a backfill from ``first`` to ``last`` touches."""
    low = first.replace(day=1) if first else dt.date.min
    return [month for month in months if low <= month <= (last or dt.date.max)]


def standing(now: Mapping[str, str], before: Mapping[str, str], months: Sequence[dt.date]) -> Digests:
    """What the tables stand for after a backfill of ``months``: these as known now, all else as before."""
    return {**before, **{name: now[name] for name in (f"{_MONTH}{month}" for month in months) if name in now}}


def _last_day(month: dt.date) -> dt.date:
    return (month + dt.timedelta(days=31)).replace(day=1) - dt.timedelta(days=1)
