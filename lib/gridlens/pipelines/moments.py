"""The moments that a run is about: when a local day ends, and until when its data counts as known."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from gridlens.contracts.silver import INTERVAL_DAY, REGISTER_READING, SILVER
from gridlens.errors import SettingsError, SourceError
from gridlens.settings import Settings
from gridlens.tables import Table, literal_in
from gridlens.warehouse import Warehouse

_RECENT = dt.timedelta(days=62)
_FEW = 0.01
"""Of the busiest day's rows: a meter with a clock of its own, or a file sent ahead, is not the company's day."""


def end_of_local_day(day: dt.date, zone: str) -> dt.datetime:
    """The moment at which ``day`` ends in ``zone``, UTC."""
    return dt.datetime.combine(day + dt.timedelta(days=1), dt.time(), ZoneInfo(zone)).astimezone(dt.UTC)


def of_moment(as_of: dt.date, known_at: dt.datetime) -> Column:
    """True for the rows of one (``as_of``, ``known_at``)."""
    return (F.col("as_of") == F.lit(as_of)) & (F.col("known_at") == F.lit(known_at))


def moment_where(as_of: dt.date, known_at: dt.datetime) -> str:
    """The rows of one (``as_of``, ``known_at``), as SQL."""
    return f"{literal_in('as_of', [as_of])} AND {literal_in('known_at', [known_at])}"


def newest_moment(rows: DataFrame, as_of: dt.date | None = None, known_at: dt.datetime | None = None) -> tuple[dt.date, dt.datetime] | None:
    """(as_of, known_at) of the newest rows, of one day and moment of knowledge where these are given; None where there is none."""
    for name, value in (("as_of", as_of), ("known_at", known_at)):
        rows = rows if value is None else rows.where(F.col(name) == F.lit(value))
    newest = rows.agg(F.max(F.struct("as_of", F.unix_micros("known_at").alias("micros"))).alias("newest"))
    row = newest.select("newest.*").first()
    return (row["as_of"], of_micros(row["micros"])) if row and row["as_of"] else None


def utc_text(name: str) -> Column:
    """A moment as ISO text in UTC: a Row's own datetime would be in the driver's zone."""
    utc = F.to_utc_timestamp(F.col(name), F.current_timezone())
    return F.date_format(utc, "yyyy-MM-dd'T'HH:mm:ss'Z'").alias(name)


def of_micros(micros: int) -> dt.datetime:
    """A moment from its microseconds since 1970, as ``unix_micros`` gives them: a timestamp the driver would read in a zone of its own."""
    return dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=micros)


def knowledge_of_day(as_of: dt.date, settings: Settings) -> dt.datetime:
    """The default moment of knowledge: the end of ``as_of`` in the company's zone plus the declared lag, UTC."""
    return end_of_local_day(as_of, settings.zone) + dt.timedelta(hours=settings.known_at_lag_hours)


def newest_day(warehouse: Warehouse) -> dt.date:
    """The newest day on which the company's meters were read, by intervals or registers; that of the newest bill where they have not been.

    A few rows are no day: of the last two months at least a hundredth of the busiest day's. Meters of which nothing came for two months
    before the newest bill count as not read: a pilot that ended.

    Raises:
        SourceError: there is neither a reading nor a bill.
    """
    read = [day for day in (_newest(warehouse, INTERVAL_DAY, "local_date"), _newest(warehouse, REGISTER_READING, "read_date")) if day]
    billed = _last(warehouse.read(SILVER["bill"]), "issued_on")
    if billed and (not read or max(read) < billed - _RECENT):
        return billed
    if not read:
        raise SourceError("there are no readings and no bills in the warehouse yet: run `gridlens ingest` first")
    return max(read)


def _newest(warehouse: Warehouse, table: Table, name: str) -> dt.date | None:
    """The newest day of which the table has more than a few rows."""
    rows = warehouse.read(table).select(F.col(name).alias("day"))
    last = _last(rows, "day")
    if last is None:
        return None
    counts = rows.where(F.col("day") > F.lit(last - _RECENT)).groupBy("day").count().collect()  # 62 days at most
    least = _FEW * max(row["count"] for row in counts)
    return max(row["day"] for row in counts if row["count"] >= least)


def _last(rows: DataFrame, name: str) -> dt.date | None:
    row = rows.agg(F.max(name).alias("day")).first()
    return row["day"] if row else None


def not_before(standing: tuple[dt.date, dt.datetime] | None, at: tuple[dt.date, dt.datetime], *, what: str, table: str) -> None:
    """Raises SettingsError where ``what`` stands at a later (as_of, known_at) than ``at``; ``table`` shows earlier moments."""
    if standing and at < standing:
        raise SettingsError(
            f"the {what} stand as of {standing[0]} (known at {standing[1]:%Y-%m-%d %H:%M}Z): an earlier day cannot be put before it; "
            f"give --as-of that day or a later one, or look at the past with `gridlens show {table}`"
        )
