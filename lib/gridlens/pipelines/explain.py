"""Why an account has a tag: definition, inputs with their values, and the rows behind them down to the source's locator."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from gridlens.contracts.account_feature import ACCOUNT_FEATURE
from gridlens.contracts.account_lineage import ACCOUNT_KEY, POINT_KEY, Evidence, days_of, evidence_of
from gridlens.contracts.silver import METERING_POINT
from gridlens.contracts.tag import TAG_VALUE, tag_current_table
from gridlens.errors import SettingsError
from gridlens.fold.versioned import as_known
from gridlens.pipelines.declared import tag_library
from gridlens.pipelines.moments import end_of_local_day, of_moment, utc_text
from gridlens.pipelines.tag_state import current_moment
from gridlens.settings import Settings
from gridlens.tags.changes import values_as_known
from gridlens.tags.explanation import Behind, Explanation, Input
from gridlens.tags.library import Tag, TagLibrary
from gridlens.warehouse import Warehouse

LOCATION = ("_source", "_locator")


def explain_tag(
    spark: SparkSession, settings: Settings, account: str, tag_id: str, *, limit: int = 3, library: TagLibrary | None = None
) -> Explanation:
    """Explains the current value of ``tag_id`` for ``account``; ``limit`` rows of each table are shown.

    ``library`` are the definitions where they have been read already.

    Raises:
        SettingsError: no such tag or account, or the tags were never computed.
    """
    library = library or tag_library(settings)
    tag = library.tag(tag_id)
    warehouse = Warehouse(spark, settings)
    moment = current_moment(warehouse)
    if moment is None:
        raise SettingsError("no tags were computed yet: run `gridlens tags run` first")
    as_of, known_at = moment
    read = _reading(library, tag)
    current, features = _values(warehouse, library, account, read, as_of, known_at)
    inputs = [_input(owner, name, library, current, features) for owner in read for name in owner.definition.inputs]
    history = warehouse.read(TAG_VALUE).where((F.col("account_id") == account) & (F.col("tag_id") == tag_id))
    row = values_as_known(history, as_of=as_of, known_at=known_at).select("valid_from").first()
    wanted = sorted({name for owner in read for name in owner.features})
    return Explanation(
        account=account,
        tag=tag_id,
        names=f"{tag.definition.name_zh} / {tag.definition.name_en}",
        definition=tag.definition.text,
        reason=tag.definition.reason,
        version=tag.definition.version,
        value=current[tag_id],
        as_of=as_of,
        known_at=known_at,
        since=row["valid_from"] if row else None,
        inputs=tuple(inputs),
        behind=_behind(warehouse, settings, account, wanted, as_of, known_at, limit),
    )


def _reading(library: TagLibrary, tag: Tag) -> list[Tag]:
    """The tag and those it is derived from, itself first."""
    found = {tag.id: tag}
    for one in reversed(library.tags):
        if one.id in found:
            found |= {name: library.tag(name) for name in one.tags}
    return [tag, *[one for one in reversed(library.tags) if one.id in found and one.id != tag.id]]


def _values(
    warehouse: Warehouse, library: TagLibrary, account: str, read: Sequence[Tag], as_of: dt.date, known_at: dt.datetime
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The account's tags, and the features that they read."""
    table = tag_current_table(library.columns)
    tags = warehouse.read(table).where(F.col("account_id") == account).select(*[tag.id for tag in read]).first()
    if tags is None:
        raise SettingsError(f"account {account} has no tags: it is unknown, or was opened after {as_of}")
    at = (F.col("account_id") == account) & of_moment(as_of, known_at)
    names = sorted({name for tag in read for name in tag.features})
    row = warehouse.read(ACCOUNT_FEATURE).where(at).select(*names).first() if names else None
    return tags.asDict(), row.asDict() if row else {}


def _input(owner: Tag, name: str, library: TagLibrary, current: dict[str, Any], features: dict[str, Any]) -> Input:
    if name in owner.tags:
        return Input(owner.id, name, current[name], "", library.tag(name).definition.text)
    field = ACCOUNT_FEATURE[name]
    formula = getattr(field, "formula", "")
    return Input(owner.id, name, features.get(name), field.unit or "", f"{field.doc}{f': {formula}' if formula else ''}")


def _behind(
    warehouse: Warehouse, settings: Settings, account: str, features: Sequence[str], as_of: dt.date, known_at: dt.datetime, limit: int
) -> tuple[Behind, ...]:
    by_table: dict[str, tuple[Evidence, list[str]]] = {}
    for name in features:
        for evidence in evidence_of(name):
            by_table.setdefault(evidence.table.name, (evidence, []))[1].append(name)
    points = as_known(warehouse.read(METERING_POINT).where(F.col("account_id") == account), METERING_POINT, known_at=known_at, as_of=as_of)
    keys = points.select(POINT_KEY, "transformer_id").collect()  # an account's points: a few
    found = []
    for evidence, names in by_table.values():
        if not warehouse.exists(evidence.table):
            continue
        values = [account] if evidence.by == ACCOUNT_KEY else sorted({row[evidence.by] for row in keys if row[evidence.by]})
        days = max(days_of(name) for name in names)
        rows = _rows(warehouse, evidence, values, as_of, known_at, days, settings.zone)
        count, newest = _newest(rows, evidence, limit)
        found.append(Behind(f"{evidence.table.layer}.{evidence.table.name}", tuple(names), count, newest))
    return tuple(found)


def _rows(
    warehouse: Warehouse, evidence: Evidence, keys: Sequence[str], as_of: dt.date, known_at: dt.datetime, days: int, zone: str
) -> DataFrame:
    """The rows of the window that were known; of master data all that hold by ``as_of``."""
    table, when = evidence.table, F.col(evidence.when)
    known = warehouse.read(table).where(F.col(evidence.by).isin(list(keys)) & (F.col("known_from") <= F.lit(known_at)))
    if evidence.channel:
        known = known.where(F.col("channel") == evidence.channel)
    if "_rejected" in table.columns:
        known = known.where(~F.col("_rejected"))
    if evidence.when == "valid_from":
        return known.where(when <= F.lit(as_of))
    if table[evidence.when].type == "timestamp":
        end = end_of_local_day(as_of, zone)
        return known.where((when < F.lit(end)) & (when >= F.lit(end - dt.timedelta(days=days))))
    inside = known.where((when <= F.lit(as_of)) & (when > F.lit(as_of - dt.timedelta(days=days))))
    if "local_month" in table.columns:  # so that only the window's folders are read
        return inside.where(F.col("local_month") >= F.lit((as_of - dt.timedelta(days=days)).replace(day=1)))
    return inside


def _newest(rows: DataFrame, evidence: Evidence, limit: int) -> tuple[int, tuple[dict[str, Any], ...]]:
    """How many rows there are, and the newest of them with their locators, in one job."""
    shown = (evidence.when, *evidence.shows, *LOCATION)
    struct = F.struct(*[_plain(name, evidence) for name in shown])
    row = rows.agg(F.count("*").alias("n"), F.slice(F.sort_array(F.collect_list(struct), asc=False), 1, limit).alias("newest")).first()
    assert row is not None
    return row["n"], tuple(one.asDict() for one in row["newest"])


def _plain(name: str, evidence: Evidence) -> Column:
    return utc_text(name) if evidence.table[name].type == "timestamp" else F.col(name)
