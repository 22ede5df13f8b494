"""Why an account has a tag: definition, inputs with their values, and the rows behind them down to the source's locator."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, NamedTuple

from pyspark.sql import Row, SparkSession
from pyspark.sql import functions as F

from gridlens.contracts.account_feature import ACCOUNT_FEATURE
from gridlens.contracts.score import score_field
from gridlens.contracts.silver import METERING_POINT
from gridlens.contracts.tag import TAG_CATALOGUE, TAG_VALUE, tag_current_table
from gridlens.errors import SettingsError
from gridlens.pipelines.declared import tag_library
from gridlens.pipelines.evidence import points_held, rows_behind, tables_behind
from gridlens.pipelines.moments import of_micros
from gridlens.pipelines.scores import ScoreBehind, score_behind
from gridlens.pipelines.tag_state import Moment
from gridlens.settings import Settings
from gridlens.tags.explanation import Explanation, Input
from gridlens.tags.library import Tag, TagLibrary
from gridlens.warehouse import Warehouse

SIDE_BY_SIDE = 4


class _Computed(NamedTuple):
    """A run that computed a tag, and the fingerprint of the definition it was computed from."""

    moment: Moment
    definition: str


@dataclass(frozen=True)
class _Changes:
    """The rows of tag_value_v1 of one account and some tags, oldest first: (tag, (valid_from, known_from), value)."""

    rows: tuple[tuple[str, tuple[dt.date, dt.datetime], Any], ...]

    def of(self, tag: Tag, moment: Moment) -> tuple[Any, dt.date | None]:
        """The value that counted at the moment, and the day since when; before any row false, or no text, since always."""
        by_then = [row for row in self.rows if row[0] == tag.id and row[1] <= (moment.as_of, moment.known_at)]
        return (by_then[-1][2], by_then[-1][1][0]) if by_then else (False if tag.value_type == "boolean" else None, None)


def explain_tag(
    spark: SparkSession, settings: Settings, account: str, tag_id: str, *, limit: int = 3, library: TagLibrary | None = None
) -> Explanation:
    """Explains the current value of ``tag_id`` for ``account``; ``limit`` rows of each table are shown.

    A tag that is refreshed monthly is explained by what was read when it was computed, not by what stands there today.

    Args:
        spark: session.
        settings: where the tables are.
        account: account id.
        tag_id: id of the tag.
        limit: rows shown of each table.
        library: the definitions where they have been read already.

    Raises:
        SettingsError: no such tag or account, or the tag was never computed.
    """
    library = library or tag_library(settings)
    tag = library.tag(tag_id)
    warehouse = Warehouse(spark, settings)
    read = _reading(library, tag)
    asked = {name for owner in read for name in owner.features}
    wanted = sorted(asked - library.scores)
    # A question is mostly planning, which leaves a core idle: side by side they took half the time (2026-11).
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        for table in (TAG_CATALOGUE, TAG_VALUE, ACCOUNT_FEATURE, METERING_POINT, *tables_behind(wanted)):
            pool.submit(warehouse.exists, table)  # opening a table for the first time takes as long as asking it
        runs = pool.submit(_runs, warehouse, [one.id for one in read])
        current, now = _values(warehouse, library, account, tag)
        points = pool.submit(points_held, warehouse, account, now)
        history = pool.submit(_changes, warehouse, account, [one.id for one in read])
        computed = {one.id: _last(runs.result().get(one.id, ()), now) for one in read}
        by = computed[tag.id]
        if by is None:
            raise SettingsError(f"tag {tag.id} was never computed: run `gridlens tags run --changed` first")
        last = {name: run.moment if run else now for name, run in computed.items()}
        features = pool.submit(_features, warehouse, account, wanted, min(last.values(), key=_order), now)
        of_scores = [(last[one.id], [name for name in one.features if name in library.scores]) for one in read]
        scored = {moment: pool.submit(score_behind, warehouse, account, names, moment) for moment, names in _together(of_scores).items()}
        moments = {name: last[one.id] for one in reversed(read) for name in one.features if name in wanted}
        behind = rows_behind(warehouse, account, moments, points, pool, limit=limit)
        said = {moment: one.result() for moment, one in scored.items()}
        changes, rows = history.result(), features.result()
        inputs = [
            _input(one, name, library, last[one.id], changes, _at(rows, last[one.id]) | _said(said, last[one.id]))
            for one in read
            for name in one.definition.inputs
        ]
        return Explanation(
            account=account,
            tag=tag_id,
            names=f"{tag.definition.name_zh} / {tag.definition.name_en}",
            definition=tag.definition.text,
            reason=tag.definition.reason,
            version=tag.definition.version,
            value=current,
            as_of=now.as_of,
            known_at=now.known_at,
            since=changes.of(tag, now)[1],
            computed=last[tag.id].as_of,
            outdated=by.definition != tag.stamp,
            expired=(now.as_of - last[tag.id].as_of).days > tag.definition.ttl_days,
            inputs=tuple(inputs),
            behind=(*(one for told in said.values() for one in told.behind), *(one.result() for one in behind)),
        )


def _reading(library: TagLibrary, tag: Tag) -> list[Tag]:
    """The tag and those it is derived from, itself first."""
    found = {tag.id: tag}
    for one in reversed(library.tags):
        if one.id in found:
            found |= {name: library.tag(name) for name in one.tags}
    return [tag, *[one for one in reversed(library.tags) if one.id in found and one.id != tag.id]]


def _values(warehouse: Warehouse, library: TagLibrary, account: str, tag: Tag) -> tuple[Any, Moment]:
    """The account's value of the tag, and the moment of the newest run."""
    table = tag_current_table(library.columns)
    rows = warehouse.read(table).where(F.col("account_id") == account)
    found = rows.select("as_of", F.unix_micros("known_at").alias("known_at"), tag.id).first()
    if found is None and not warehouse.written(table):
        raise SettingsError("no tags were computed yet: run `gridlens tags run` first")
    if found is None:
        raise SettingsError(f"account {account} has no tags: it is unknown, or was opened after the last run of the tags")
    return found[tag.id], Moment(found["as_of"], of_micros(found["known_at"]), "")


def _runs(warehouse: Warehouse, tags: Sequence[str]) -> dict[str, list[_Computed]]:
    """Of each tag the runs that computed it, newest first: some may have died before they wrote the current values."""
    run = F.struct("as_of", F.unix_micros("known_at").alias("known_at"), "definition")
    runs = F.sort_array(F.collect_list(run), asc=False).alias("runs")
    rows = warehouse.read(TAG_CATALOGUE).where(F.col("tag_id").isin(*tags)).groupBy("tag_id").agg(runs).collect()  # a row a tag
    return {row["tag_id"]: [_computed(one) for one in row["runs"]] for row in rows}


def _computed(run: Row) -> _Computed:
    return _Computed(Moment(run["as_of"], of_micros(run["known_at"]), ""), run["definition"])


def _order(moment: Moment) -> tuple[dt.date, dt.datetime]:
    return moment.as_of, moment.known_at


def _last(runs: Iterable[_Computed], now: Moment) -> _Computed | None:
    """The newest of ``runs`` that is not later than the current values; None where the tag was never computed for them."""
    return next((run for run in runs if _order(run.moment) <= _order(now)), None)


def _together(asked: Iterable[tuple[Moment, list[str]]]) -> dict[Moment, list[str]]:
    """The columns of models by the moment they are asked for."""
    found: dict[Moment, list[str]] = {}
    for moment, names in asked:
        if names:
            found[moment] = sorted({*found.get(moment, ()), *names})
    return found


def _changes(warehouse: Warehouse, account: str, tags: Sequence[str]) -> _Changes:
    """What changed of these tags of the account: a few rows a tag."""
    mine = warehouse.read(TAG_VALUE).where((F.col("account_id") == account) & F.col("tag_id").isin(*tags))
    known = F.unix_micros("known_from").alias("known_from")
    rows = mine.select("tag_id", "valid_from", known, "value_boolean", "value_text").collect()
    values = [row["value_text"] if row["value_boolean"] is None else row["value_boolean"] for row in rows]
    told = [(row["tag_id"], (row["valid_from"], of_micros(row["known_from"])), value) for row, value in zip(rows, values, strict=True)]
    return _Changes(tuple(sorted(told, key=lambda row: row[1])))


def _features(
    warehouse: Warehouse, account: str, names: Sequence[str], first: Moment, now: Moment
) -> list[tuple[tuple[dt.date, dt.datetime], dict[str, Any]]]:
    """The account's features of these names at every moment from ``first`` to ``now``, oldest first: a row a day of the month."""
    if not names:
        return []
    of_days = (F.col("account_id") == account) & F.col("as_of").between(F.lit(first.as_of), F.lit(now.as_of))
    shown = [name for name in names if name not in ("account_id", "as_of", "known_at")]
    known = F.unix_micros("known_at").alias("known_at")
    rows = warehouse.read(ACCOUNT_FEATURE).where(of_days).select("account_id", "as_of", known, *shown).collect()
    told = [((row["as_of"], of_micros(row["known_at"])), row.asDict()) for row in rows]
    return sorted(told, key=lambda row: row[0])


def _at(rows: Sequence[tuple[tuple[dt.date, dt.datetime], dict[str, Any]]], moment: Moment) -> dict[str, Any]:
    """The features of the moment; of an account that was not there yet those of its first."""
    return next((row for at, row in rows if at >= _order(moment)), {})


def _said(scores: Mapping[Moment, ScoreBehind], moment: Moment) -> dict[str, Any]:
    """What models said at the moment."""
    return scores[moment].values if moment in scores else {}


def _input(owner: Tag, name: str, library: TagLibrary, moment: Moment, changes: _Changes, features: dict[str, Any]) -> Input:
    if name in owner.tags:
        read = library.tag(name)
        return Input(owner.id, name, moment.as_of, changes.of(read, moment)[0], "", read.definition.text)
    field = score_field(name) if name in library.scores else ACCOUNT_FEATURE[name]
    formula = getattr(field, "formula", "")
    return Input(owner.id, name, moment.as_of, features.get(name), field.unit or "", f"{field.doc}{f': {formula}' if formula else ''}")
