"""The one form of an event: whatever the source, a row of trajectory_v1. Days are counted from the epoch, in no session's zone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from gridlens.contracts.trajectory import TRAJECTORY

_DAY_SECONDS = 86_400


def local_day(moment: Column | str, zone: str) -> Column:
    """The local day of a moment."""
    wall = F.unix_seconds(F.from_utc_timestamp(moment, zone))
    return F.date_from_unix_date(F.floor(wall / _DAY_SECONDS).cast("int"))


def last_second(day: Column, zone: str) -> Column:
    """The last second of a local day, UTC."""
    wall = F.timestamp_seconds(F.unix_date(day).cast("bigint") * _DAY_SECONDS + (_DAY_SECONDS - 1))
    return F.to_utc_timestamp(wall, zone)


def source_id(*parts: str) -> Column:
    """Key of a row: its parts joined."""
    return F.concat_ws("|", *[F.col(part).cast("string") for part in parts])


def told(
    rows: DataFrame,
    source_table: str,
    *,
    event_type: Column,
    key: Column,
    zone: str,
    day: Column | None = None,
    moment: Column | None = None,
    channel: Column | None = None,
    about: Column | None = None,
    amount: Column | None = None,
) -> DataFrame:
    """Rows of trajectory_v1, one for each of ``rows``.

    Args:
        rows: with account_id, known_from and, where there is an amount, currency.
        source_table: name of the silver table that they are of.
        event_type: what happened.
        key: of the source row.
        zone: IANA zone of the company's local days.
        day, moment: when it happened; one of the two.
        channel, about, amount: null where not given. An amount brings its currency.
    """
    on = local_day(moment, zone) if moment is not None else day
    assert on is not None, "an event has a day or a moment"
    columns: dict[str, Column | None] = {
        "account_id": F.col("account_id"),
        "occurred_at": moment if moment is not None else last_second(on, zone),
        "local_date": on,
        "local_month": F.trunc(on, "MM").cast("date"),
        "event_type": event_type,
        "channel": channel,
        "object": about,
        "amount": amount,
        "currency": F.when(amount.isNotNull(), F.col("currency")) if amount is not None else None,
        "source_table": F.lit(source_table),
        "source_id": key,
        "known_from": F.col("known_from"),
    }
    nothing = F.lit(None)
    given = {name: nothing if column is None else column for name, column in columns.items()}
    return rows.select(*[given[f.name].cast(f.data_type).alias(f.name) for f in TRAJECTORY.fields])


def occurrences(rows: DataFrame, happenings: Mapping[str, Mapping[str, Column]]) -> DataFrame:
    """One row for each thing that a source row tells of: its columns beside those of the happening.

    Args:
        rows: the source rows.
        happenings: event type to ``when`` (a condition) and the columns that it brings, the same names for every type.
    """
    entries = [
        F.when(
            columns["when"],
            F.struct(F.lit(name).alias("event_type"), *[c.alias(n) for n, c in columns.items() if n != "when"]),
        )
        for name, columns in happenings.items()
    ]
    one = F.explode(F.array_compact(F.array(*entries))).alias("_happening")
    return rows.select("*", one).select(*rows.columns, "_happening.*")


def differs(names: Sequence[str], *, key: str) -> Column:
    """True where one of ``names`` is another than in the version before; null-safe, true for a first version too."""
    order = Window.partitionBy(key).orderBy("valid_from")
    now = F.struct(*names)
    return ~now.eqNullSafe(F.lag(now).over(order))


def held_until(key: str) -> Column:
    """First day on which a version holds no more; null for the last one."""
    return F.lead("valid_from").over(Window.partitionBy(key).orderBy("valid_from"))


def is_first(key: str) -> Column:
    """True for the first version."""
    return F.row_number().over(Window.partitionBy(key).orderBy("valid_from")) == 1
