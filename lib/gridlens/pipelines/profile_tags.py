"""The tags of one account at one moment: the current values where they stand for it, else those folded from the changes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from pyspark.sql import functions as F

from gridlens.contracts.tag import CATEGORY_NAMES, TAG_CATALOGUE, TAG_VALUE, tag_current_table
from gridlens.pipelines.moments import of_micros
from gridlens.pipelines.profile_reads import AccountReads
from gridlens.profile.picture import TagGroup, Tags, TagShown
from gridlens.tables import Sensitivity
from gridlens.tags.changes import values_as_known
from gridlens.tags.library import Tag, TagLibrary


def tags_of(reads: AccountReads, library: TagLibrary) -> Tags | None:
    """The tags that hold, by category; personal ones are left out. None where none was computed for the account by as_of."""
    computed = _computed(reads)
    found = _current(reads, library) or (_folded(reads, library) if computed else None)
    if found is None:
        return None
    as_of, values = found
    open_tags = [tag for tag in library.tags if tag.definition.sensitivity is not Sensitivity.PERSONAL and tag.id in computed]
    shown = [(tag, _shown(tag, values[tag.id], computed[tag.id], reads.as_of)) for tag in open_tags if values[tag.id] not in (None, False)]
    groups = tuple(
        TagGroup(category, zh, en, tuple(one for tag, one in shown if tag.definition.category == category))
        for category, (zh, en) in CATEGORY_NAMES.items()
    )
    unknown = sum(values[tag.id] is None for tag in open_tags)
    return Tags(as_of, len(open_tags), unknown, tuple(group for group in groups if group.tags))


def _computed(reads: AccountReads) -> dict[str, dt.date]:
    """Of each tag the last as_of for which it was computed."""
    rows = reads.warehouse.read(TAG_CATALOGUE).where((F.col("as_of") <= F.lit(reads.as_of)) & (F.col("known_at") <= F.lit(reads.known_at)))
    return {row["tag_id"]: row["as_of"] for row in rows.groupBy("tag_id").agg(F.max("as_of").alias("as_of")).collect()}


def _current(reads: AccountReads, library: TagLibrary) -> tuple[dt.date, Mapping[str, Any]] | None:
    """The current values, where they are not of a later moment."""
    table = tag_current_table(library.columns)
    row = reads.warehouse.read(table).where(reads.own).select(*library.ids, "as_of", F.unix_micros("known_at").alias("_known")).first()
    if row is None or row["as_of"] > reads.as_of or of_micros(row["_known"]) > reads.known_at:
        return None
    return row["as_of"], row.asDict()


def _folded(reads: AccountReads, library: TagLibrary) -> tuple[dt.date, Mapping[str, Any]]:
    """The values that the changes up to the moment tell."""
    changes = values_as_known(reads.warehouse.read(TAG_VALUE).where(reads.own), as_of=reads.as_of, known_at=reads.known_at)
    values: dict[str, Any] = {tag.id: False if tag.value_type == "boolean" else None for tag in library.tags}
    for row in changes.select("tag_id", "value_boolean", "value_text").collect():
        values[row["tag_id"]] = row["value_text"] if row["value_boolean"] is None else row["value_boolean"]
    return reads.as_of, values


def _shown(tag: Tag, value: Any, computed_on: dt.date, as_of: dt.date) -> TagShown:
    definition = tag.definition
    label = definition.values.get(value) if tag.value_type == "text" else None
    return TagShown(
        id=tag.id,
        zh=definition.name_zh,
        en=definition.name_en,
        value=value if tag.value_type == "text" else None,
        value_zh=label.zh if label else None,
        value_en=label.en if label else None,
        description=definition.description,
        definition=definition.text,
        computed_on=computed_on,
        expired=(as_of - computed_on).days > definition.ttl_days,
    )
