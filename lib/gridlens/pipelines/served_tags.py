"""Tags as they may be used at a moment: a value past its time to live counts as unknown, and is told of."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from gridlens.contracts.tag import TAG_CATALOGUE, TAG_CURRENT, TAG_VALUE
from gridlens.pipelines.tag_state import current_moment
from gridlens.tags.changes import values_as_known
from gridlens.tags.library import Tag, TagLibrary
from gridlens.warehouse import Warehouse


@dataclass(frozen=True)
class ServedTags:
    """Accounts with their tags.

    Attributes:
        rows: the accounts given, with a column a tag.
        expired: tags that were computed longer ago than their time to live, by id; their values are null.
        never_computed: tags that no run had computed by the moment, by id; their values are null.
    """

    rows: DataFrame
    expired: tuple[str, ...]
    never_computed: tuple[str, ...]


def serve_tags(
    accounts: DataFrame, warehouse: Warehouse, library: TagLibrary, names: Sequence[str], *, as_of: dt.date, known_at: dt.datetime
) -> ServedTags:
    """The tags of accounts as they counted at one moment.

    Where the current values are of an earlier day or of that moment, they are read; else the changes tell what counted then.

    Args:
        accounts: one row per account_id; further columns come along.
        warehouse: where the tags are.
        library: the definitions.
        names: ids of the tags wanted.
        as_of: last local day; a tag counts as old as the run that last computed it up to this day.
        known_at: UTC moment of knowledge.
    """
    tags = [library.tag(name) for name in names]
    if not tags:
        return ServedTags(accounts, (), ())
    with ThreadPoolExecutor(1) as beside:
        current = beside.submit(current_moment, warehouse)
        computed = _last_computed(warehouse, as_of, known_at, names)
    never = tuple(name for name in names if name not in computed)
    expired = tuple(name for name in names if name in computed and _past(computed[name], as_of))
    served = [tag for tag in tags if tag.id not in {*never, *expired}]
    rows = _joined(accounts, warehouse, served, current.result(), as_of, known_at) if served else accounts
    unknown = {tag.id: F.lit(None).cast("boolean" if tag.value_type == "boolean" else "string") for tag in tags if tag not in served}
    return ServedTags(rows.withColumns(unknown) if unknown else rows, expired, never)


def expired_tags(warehouse: Warehouse, *, as_of: dt.date, known_at: dt.datetime) -> tuple[str, ...]:
    """Ids of the tags that were last computed longer ago than their time to live, as seen at one moment."""
    computed = _last_computed(warehouse, as_of, known_at)
    return tuple(sorted(name for name, last in computed.items() if _past(last, as_of)))


def _past(computed: tuple[dt.date, int], as_of: dt.date) -> bool:
    day, ttl_days = computed
    return (as_of - day).days > ttl_days


def _last_computed(
    warehouse: Warehouse, as_of: dt.date, known_at: dt.datetime, names: Sequence[str] | None = None
) -> dict[str, tuple[dt.date, int]]:
    """Of each tag the as_of of the run that last computed it by the moment, and its time to live in days."""
    seen = (F.col("as_of") <= F.lit(as_of)) & (F.col("known_at") <= F.lit(known_at))
    seen = seen if names is None else seen & F.col("tag_id").isin(*names)
    newest = F.max_by(F.struct("as_of", "ttl_days"), F.struct("as_of", "known_at")).alias("last")
    rows = warehouse.read(TAG_CATALOGUE).where(seen).groupBy("tag_id").agg(newest)
    return {row["tag_id"]: (row["last"]["as_of"], row["last"]["ttl_days"]) for row in rows.collect()}


def _joined(
    accounts: DataFrame,
    warehouse: Warehouse,
    tags: Sequence[Tag],
    current: tuple[dt.date, dt.datetime] | None,
    as_of: dt.date,
    known_at: dt.datetime,
) -> DataFrame:
    names = [tag.id for tag in tags]
    if current is not None and current[0] <= as_of and current[1] <= known_at:
        return accounts.join(warehouse.read(TAG_CURRENT).select("account_id", *names), on="account_id", how="left")
    history = warehouse.read(TAG_VALUE).where(F.col("tag_id").isin(*names))
    then = values_as_known(history, as_of=as_of, known_at=known_at)
    rows = then.groupBy("account_id").agg(*[_row_of(tag).alias(tag.id) for tag in tags])
    return accounts.join(rows, on="account_id", how="left").withColumns({tag.id: _told(tag) for tag in tags})


def _row_of(tag: Tag) -> Column:
    """The tag's row of the changes as a struct: not null where there is one, whatever its value."""
    value = F.col("value_boolean" if tag.value_type == "boolean" else "value_text")
    return F.max(F.when(F.col("tag_id") == tag.id, F.struct(value.alias("value"))))


def _told(tag: Tag) -> Column:
    """The value that the changes tell: without a row a boolean counts as false, and a text does not apply."""
    value = F.col(tag.id)["value"]
    return F.when(F.col(tag.id).isNotNull(), value).otherwise(F.lit(False)) if tag.value_type == "boolean" else value
