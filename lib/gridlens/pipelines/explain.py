"""Why an account has a tag: definition, inputs with their values, and the rows behind them down to the source's locator."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any

from pyspark.sql import Column, DataFrame, Row, SparkSession
from pyspark.sql import functions as F

from gridlens.contracts.account_feature import ACCOUNT_FEATURE
from gridlens.contracts.account_lineage import ACCOUNT_KEY, POINT_KEY, Evidence, days_of, evidence_of
from gridlens.contracts.score import score_field
from gridlens.contracts.silver import METERING_POINT
from gridlens.contracts.tag import TAG_VALUE, tag_current_table
from gridlens.errors import SettingsError
from gridlens.fold.versioned import as_known
from gridlens.pipelines.declared import tag_library
from gridlens.pipelines.moments import end_of_local_day, of_micros, of_moment, utc_text
from gridlens.pipelines.scores import score_behind
from gridlens.pipelines.tag_state import Moment
from gridlens.settings import Settings
from gridlens.tables import Table
from gridlens.tags.changes import values_as_known
from gridlens.tags.explanation import Behind, Explanation, Input
from gridlens.tags.library import Tag, TagLibrary
from gridlens.warehouse import Warehouse

LOCATION = ("_source", "_locator")
SIDE_BY_SIDE = 4


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
    read = _reading(library, tag)
    asked = {name for owner in read for name in owner.features}
    wanted, scores = sorted(asked - library.scores), sorted(asked & library.scores)
    # A question is mostly planning, which leaves a core idle: side by side they took half the time (2026-11).
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        for table in (TAG_VALUE, ACCOUNT_FEATURE, METERING_POINT, *_tables_behind(wanted)):
            pool.submit(warehouse.exists, table)  # opening a table for the first time takes as long as asking it
        current, as_of, known_at = _values(warehouse, library, account, read)
        points = pool.submit(_points, warehouse, account, as_of, known_at)
        since = pool.submit(_since, warehouse, account, tag_id, as_of, known_at)
        features = pool.submit(_features, warehouse, account, wanted, as_of, known_at)
        scored = pool.submit(score_behind, warehouse, account, scores, Moment(as_of, known_at, ""))
        behind = _behind(warehouse, settings, account, wanted, as_of, known_at, limit, points, pool)
        values = {**features.result(), **scored.result().values}
        inputs = [_input(owner, name, library, current, values) for owner in read for name in owner.definition.inputs]
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
            since=since.result(),
            inputs=tuple(inputs),
            behind=(*scored.result().behind, *(one.result() for one in behind)),
        )


def _reading(library: TagLibrary, tag: Tag) -> list[Tag]:
    """The tag and those it is derived from, itself first."""
    found = {tag.id: tag}
    for one in reversed(library.tags):
        if one.id in found:
            found |= {name: library.tag(name) for name in one.tags}
    return [tag, *[one for one in reversed(library.tags) if one.id in found and one.id != tag.id]]


def _values(warehouse: Warehouse, library: TagLibrary, account: str, read: Sequence[Tag]) -> tuple[dict[str, Any], dt.date, dt.datetime]:
    """The account's tags, and the two moments that they stand for."""
    table = tag_current_table(library.columns)
    rows = warehouse.read(table).where(F.col("account_id") == account)
    tags = rows.select("as_of", F.unix_micros("known_at").alias("known_at"), *[tag.id for tag in read]).first()
    if tags is None and not warehouse.written(table):
        raise SettingsError("no tags were computed yet: run `gridlens tags run` first")
    if tags is None:
        raise SettingsError(f"account {account} has no tags: it is unknown, or was opened after the last run of the tags")
    return tags.asDict(), tags["as_of"], of_micros(tags["known_at"])


def _points(warehouse: Warehouse, account: str, as_of: dt.date, known_at: dt.datetime) -> list[Row]:
    """The account's metering points, a few, each with its transformer."""
    own = warehouse.read(METERING_POINT).where(F.col("account_id") == account)
    return as_known(own, METERING_POINT, known_at=known_at, as_of=as_of).select(POINT_KEY, "transformer_id").collect()


def _since(warehouse: Warehouse, account: str, tag: str, as_of: dt.date, known_at: dt.datetime) -> dt.date | None:
    """First day of the value that counts."""
    history = warehouse.read(TAG_VALUE).where((F.col("account_id") == account) & (F.col("tag_id") == tag))
    row = values_as_known(history, as_of=as_of, known_at=known_at).select("valid_from").first()
    return row["valid_from"] if row else None


def _features(warehouse: Warehouse, account: str, names: Sequence[str], as_of: dt.date, known_at: dt.datetime) -> dict[str, Any]:
    """The account's features of these names."""
    at = (F.col("account_id") == account) & of_moment(as_of, known_at)
    row = warehouse.read(ACCOUNT_FEATURE).where(at).select(*names).first() if names else None
    return row.asDict() if row else {}


def _input(owner: Tag, name: str, library: TagLibrary, current: dict[str, Any], features: dict[str, Any]) -> Input:
    if name in owner.tags:
        return Input(owner.id, name, current[name], "", library.tag(name).definition.text)
    field = score_field(name) if name in library.scores else ACCOUNT_FEATURE[name]
    formula = getattr(field, "formula", "")
    return Input(owner.id, name, features.get(name), field.unit or "", f"{field.doc}{f': {formula}' if formula else ''}")


def _tables_behind(features: Sequence[str]) -> list[Table]:
    """The tables of the rows behind the features, each once."""
    return list({evidence.table.name: evidence.table for name in features for evidence in evidence_of(name)}.values())


def _behind(
    warehouse: Warehouse,
    settings: Settings,
    account: str,
    features: Sequence[str],
    as_of: dt.date,
    known_at: dt.datetime,
    limit: int,
    points: Future[list[Row]],
    pool: Executor,
) -> list[Future[Behind]]:
    """The rows behind the features, one table each; ``points`` stands in ``pool`` before them, so that waiting for it ends."""
    by_table: dict[str, tuple[Evidence, list[str]]] = {}
    for name in features:
        for evidence in evidence_of(name):
            by_table.setdefault(evidence.table.name, (evidence, []))[1].append(name)

    def found(evidence: Evidence, names: list[str]) -> Behind:
        keys = [account] if evidence.by == ACCOUNT_KEY else sorted({row[evidence.by] for row in points.result() if row[evidence.by]})
        days = max(days_of(name) for name in names)
        rows = _rows(warehouse, evidence, keys, as_of, known_at, days, settings.zone)
        return Behind(f"{evidence.table.layer}.{evidence.table.name}", tuple(names), *_newest(rows, evidence, limit))

    return [pool.submit(found, *one) for one in by_table.values() if warehouse.exists(one[0].table)]


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
