"""Which tag values changed: the rows of tag_value_v1, and the values that rows known at a moment give."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from gridlens.arrow import map_rows
from gridlens.contracts.tag import OLD, TAG_VALUE, ValueType
from gridlens.tags.library import Tag

ROWS_A_BATCH = 20_000
"""Rows after which changes are handed on: at a first run every tag of every account is one."""
_KEY = ("account_id", "tag_id")


@dataclass(frozen=True)
class ChangedTag:
    """What the rows of one tag carry."""

    id: str
    value_type: ValueType
    version: int
    stamp: str


def tag_changes(before_after: DataFrame, tags: Sequence[Tag], *, as_of: dt.date, known_at: dt.datetime) -> DataFrame:
    """A row for each account and tag whose value is another than before; null is a value like any other.

    Before its first row a boolean tag counts as false and a text tag as null: where a tag has no row yet for an account
    (a new account, a new tag) the caller gives false as the old value of a boolean.

    Args:
        before_after: account_id, and of each tag its new value ``<id>`` and its old value ``old_<id>``.
        tags: the tags to compare.
        as_of: last local day included, from which the new values hold.
        known_at: moment of knowledge of the run, UTC.

    Returns:
        Rows of tag_value_v1.
    """
    compared = tuple(ChangedTag(tag.id, tag.value_type, tag.definition.version, tag.stamp) for tag in tags)
    columns = [name for tag in compared for name in (tag.id, OLD + tag.id)]
    rows = before_after.select("account_id", *columns)
    changes = map_rows(rows, partial(changed_rows, tags=compared, as_of=as_of, known_at=known_at), TAG_VALUE.schema)
    return changes.select(*TAG_VALUE.columns)


def changed_rows(
    batch: pa.RecordBatch, *, tags: Sequence[ChangedTag], as_of: dt.date, known_at: dt.datetime, rows_a_batch: int = ROWS_A_BATCH
) -> Iterator[pa.RecordBatch]:
    """The changes of one batch of accounts, tag by tag; see :func:`tag_changes`."""
    parts: list[pa.RecordBatch] = []
    for tag in tags:
        part = _changes_of(batch, tag, as_of, known_at)
        if part.num_rows:
            parts.append(part)
        if sum(p.num_rows for p in parts) >= rows_a_batch:
            yield from _together(parts)
            parts = []
    yield from _together(parts)


def _together(parts: Sequence[pa.RecordBatch]) -> list[pa.RecordBatch]:
    return pa.Table.from_batches(parts).combine_chunks().to_batches() if parts else []


def _changes_of(batch: pa.RecordBatch, tag: ChangedTag, as_of: dt.date, known_at: dt.datetime) -> pa.RecordBatch:
    new, old = batch.column(tag.id), batch.column(OLD + tag.id)
    differs = changed(new, old)
    accounts, values = batch.column("account_id").filter(differs), new.filter(differs)
    rows = len(values)
    boolean = tag.value_type == "boolean"
    return pa.RecordBatch.from_pydict(
        {
            "account_id": accounts,
            "tag_id": pa.repeat(tag.id, rows),
            "valid_from": pa.repeat(pa.scalar(as_of, pa.date32()), rows),
            "known_from": pa.repeat(pa.scalar(known_at, pa.timestamp("us", tz="UTC")), rows),
            "value_boolean": values if boolean else pa.nulls(rows, pa.bool_()),
            "value_text": pa.nulls(rows, pa.string()) if boolean else values,
            "definition_version": pa.repeat(pa.scalar(tag.version, pa.int32()), rows),
            "definition": pa.repeat(tag.stamp, rows),
        }
    )


def changed(new: pa.Array, old: pa.Array) -> pa.Array:
    """True where the values differ, or one of them is null and the other is not; never null."""
    return pc.or_(pc.fill_null(pc.not_equal(new, old), False), pc.xor(pc.is_null(new), pc.is_null(old)))


def values_as_known(tag_value: DataFrame, *, as_of: dt.date, known_at: dt.datetime) -> DataFrame:
    """The row in force of each account and tag: the latest that holds on ``as_of`` and was known at ``known_at``.

    Args:
        tag_value: tag_value_v1.
        as_of: last local day; rows valid from later are not seen.
        known_at: UTC moment; rows known later are not seen.

    Returns:
        Rows of tag_value_v1, one for each account and tag that has any; no row means false, or that a text does not apply.
    """
    seen = tag_value.where((F.col("valid_from") <= F.lit(as_of)) & (F.col("known_from") <= F.lit(known_at)))
    rest = [name for name in TAG_VALUE.columns if name not in _KEY]
    latest = seen.groupBy(*_KEY).agg(F.max_by(F.struct(*rest), F.struct("valid_from", "known_from")).alias("_row"))
    return latest.select(*_KEY, *[F.col("_row")[name].alias(name) for name in rest])
