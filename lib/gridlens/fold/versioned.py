"""Versioned silver entities: every version known, keyed by business key and ``known_from``.

The fold is an idempotent keyed write: of two rows with the same key and ``known_from`` the one with the
greater content hash stays (of equal contents the one with the smaller locator), so any order of loading
and any number of replays end in the same table.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from gridlens.contracts.silver import ACCOUNT_TABLE, CUSTOMER_IDENTITY, METERING_POINT, PLAIN, REGISTER_READING, SERVICE_EVENT, SILVER
from gridlens.tables import Table

TARGETS: dict[str, tuple[Table, ...]] = {
    "customer": (ACCOUNT_TABLE, CUSTOMER_IDENTITY),
    "supply_point": (METERING_POINT,),
    "meter_register": (REGISTER_READING,),
    "service_event": (SERVICE_EVENT,),
    **{name: (SILVER[name],) for name in PLAIN},
}
"""Bronze entity to the silver tables folded from it."""


def _derived(table: Table) -> dict[str, Column]:
    """Columns that silver adds to bronze; made on demand because Columns need a session."""
    if table.name == METERING_POINT.name:
        return {"multiplier": F.col("ct_ratio") * F.col("pt_ratio")}
    if table.name == REGISTER_READING.name:
        return {"local_month": F.trunc("read_date", "MM").cast("date")}
    return {}


WINNER = "s._content_hash > t._content_hash OR (s._content_hash = t._content_hash AND s._locator < t._locator)"
"""Under which a row of the same key and known_from replaces the one that is there."""


def versions(bronze: DataFrame, table: Table, *, repeated: DataFrame | None = None, key: Sequence[str] = ()) -> DataFrame:
    """Rows of ``table`` from accepted bronze rows, one for each key and ``known_from``.

    Args:
        bronze: rows of the entity; rejected ones are left out.
        table: the silver table.
        repeated: the business keys that occur more than once, as ``xxhash64(key)`` in a column ``_key``; None where
            there are none. All other rows go through without a shuffle.
        key: the business key's columns.
    """
    rows = bronze.where(~F.col("_rejected")).withColumns(_derived(table))
    if repeated is None:
        return rows.select(*table.columns)
    hashed = rows.select(*table.columns, F.xxhash64(*key).alias("_key"))
    alone = hashed.join(repeated, on="_key", how="left_anti").select(*table.columns)
    return alone.unionByName(_winners(hashed.join(repeated, on="_key", how="left_semi").select(*table.columns), table))


def _winners(rows: DataFrame, table: Table) -> DataFrame:
    """Of the rows of a key and ``known_from`` the one that stays."""
    rest = [c for c in table.columns if c not in table.keys]
    # Greatest hash first, then smallest locator; the decimal keeps the negation from overflowing.
    order = F.struct((-F.col("_content_hash").cast("decimal(20,0)")).alias("hash"), F.col("_locator").alias("locator"))
    picked = rows.groupBy(*table.keys).agg(F.min_by(F.struct(*rest), order).alias("_row"))
    return picked.select(*table.keys, *[F.col("_row")[c].alias(c) for c in rest]).select(*table.columns)


def entity_key(table: Table) -> tuple[str, ...]:
    """The key without the time axes."""
    return tuple(k for k in table.keys if k not in ("known_from", "valid_from"))


def as_known(
    df: DataFrame, table: Table, *, known_at: dt.datetime, as_of: dt.date | None = None, keys: Sequence[str] | None = None
) -> DataFrame:
    """One row per entity: what was known at ``known_at`` to hold on ``as_of``.

    Args:
        df: the versioned table.
        table: its declaration.
        known_at: UTC moment; versions known later are not seen.
        as_of: last local day; a version with a later ``valid_from`` is not seen. Ignored without ``valid_from``.
        keys: the entity's key where it is not the table's own.
    """
    keys = list(keys or entity_key(table))
    seen = df.where(F.col("known_from") <= F.lit(known_at))
    by = ["known_from", "_content_hash"]
    if "valid_from" in table.columns:
        if as_of is not None:
            seen = seen.where(F.col("valid_from") <= F.lit(as_of))
        by = ["valid_from", *by]
    rest = [c for c in df.columns if c not in keys]
    picked = seen.groupBy(*keys).agg(F.max_by(F.struct(*rest), F.struct(*by)).alias("_row"))
    return picked.select(*keys, *[F.col("_row")[c].alias(c) for c in rest]).select(*df.columns)
