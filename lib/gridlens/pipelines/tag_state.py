"""What is known of earlier tag runs: which tags were computed when and from which definition, and how they were distributed."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from pyspark.sql import Column, Window
from pyspark.sql import functions as F

from gridlens.contracts.account_feature import ACCOUNT_FEATURE
from gridlens.contracts.ops import RUN_LOG
from gridlens.contracts.tag import TAG_CATALOGUE, TAG_CURRENT
from gridlens.errors import SourceError
from gridlens.pipelines.moments import knowledge_of_day, of_micros
from gridlens.settings import Settings
from gridlens.tags.library import Tag, TagLibrary
from gridlens.tags.measures import Distribution, measured_before
from gridlens.warehouse import Warehouse


@dataclass(frozen=True)
class Moment:
    """One set of account features: its two moments, and the run that wrote it last."""

    as_of: dt.date
    known_at: dt.datetime
    run_id: str


@dataclass(frozen=True)
class TagState:
    """How the tags stand.

    Attributes:
        moment: (as_of, known_at) of the current values; None before the first run.
        rows: of each tag the catalogue's last two rows, newest first, none later than the current values.
        definitions: of each tag the fingerprint of the definition that its current values were computed from.
        inputs: fingerprints of the features and scores that the current values were computed from; empty where that is not known.
    """

    moment: tuple[dt.date, dt.datetime] | None
    rows: tuple[Mapping[str, Any], ...]
    definitions: Mapping[str, str] = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)

    @property
    def computed(self) -> frozenset[str]:
        """Tags that were computed for the current values or an earlier moment; what only a run that died computed is none of them."""
        if self.moment is None:
            return frozenset()
        return frozenset(self.definitions) | {row["tag_id"] for row in self.rows if (row["as_of"], row["known_at"]) < self.moment}

    def stands(self, moment: Moment, inputs: Mapping[str, str]) -> bool:
        """True where the current values are of this moment, and of the same features and scores."""
        return self.moment == (moment.as_of, moment.known_at) and self.inputs == inputs

    def last(self, tag: str) -> Mapping[str, Any] | None:
        """The tag's newest row of the catalogue."""
        return next((row for row in self.rows if row["tag_id"] == tag), None)

    def due(self, library: TagLibrary, moment: Moment, inputs: Mapping[str, str], *, changed_only: bool) -> tuple[str, ...]:
        """The tags to compute. A changed definition changes the fingerprints of all tags that depend on it."""
        fresh = changed_only or self.stands(moment, inputs)
        return tuple(tag.id for tag in library.tags if self._stale(tag) or (not fresh and self._refreshed(tag, moment)))

    def _stale(self, tag: Tag) -> bool:
        return self.moment is None or self.definitions.get(tag.id) != tag.stamp

    def _refreshed(self, tag: Tag, moment: Moment) -> bool:
        """True for a daily tag, and for a monthly one in a new month, or where what it read at this very moment is another now."""
        row = self.last(tag.id)
        if tag.definition.refresh == "daily" or row is None:
            return True
        if (row["as_of"], row["known_at"]) == (moment.as_of, moment.known_at):
            return True  # `due` asks only where the current values do not stand
        return bool((row["as_of"].year, row["as_of"].month) < (moment.as_of.year, moment.as_of.month))

    def distributions(self, moment: Moment) -> dict[str, Distribution]:
        """Of each tag the distribution of the last run before ``moment``; a run of the same moment does not compare with itself."""
        earlier = [row for row in self.rows if (row["as_of"], row["known_at"]) < (moment.as_of, moment.known_at)]
        return measured_before(reversed(earlier))


def newest_features(warehouse: Warehouse, as_of: dt.date | None, known_at: dt.datetime | None) -> Moment | None:
    """The newest account features, of one day and moment of knowledge where these are given; None where there are none."""
    rows = warehouse.read(ACCOUNT_FEATURE).select("as_of", "known_at")
    for name, value in (("as_of", as_of), ("known_at", known_at)):
        if value is not None:
            rows = rows.where(F.col(name) == F.lit(value))
    newest = rows.agg(F.max(F.struct("as_of", "known_at")).alias("newest")).select("newest.as_of", _micros("newest.known_at"))
    with ThreadPoolExecutor(1) as beside:
        writers = beside.submit(_writers, warehouse, as_of)
        row = newest.first()
        if row is None or row["as_of"] is None:
            return None
        known = of_micros(row["known_at"])
        return Moment(row["as_of"], known, writers.result().get((row["as_of"], row["known_at"]), ""))


def required_features(warehouse: Warehouse, as_of: dt.date | None, known_at: dt.datetime | None) -> Moment:
    """As :func:`newest_features`; raises SourceError where there are none."""
    moment = newest_features(warehouse, as_of, known_at)
    if moment is None:
        day = f" of {as_of}" if as_of else ""
        raise SourceError(f"there are no account features{day}: run `gridlens features` first (it needs a source with customers)")
    return moment


def asked_moment(
    warehouse: Warehouse, settings: Settings, as_of: dt.date | None, known_at: dt.datetime | None
) -> tuple[dt.date, dt.datetime]:
    """The moment asked for; where no day is, that of the newest account features.

    Raises:
        SourceError: no day is asked for, and there are no account features.
    """
    if as_of is not None:
        return as_of, known_at or knowledge_of_day(as_of, settings)
    newest = newest_features(warehouse, None, known_at)
    if newest is None:
        raise SourceError("nothing says which day is meant: give --as-of, or run `gridlens features` first")
    return newest.as_of, newest.known_at


def _writers(warehouse: Warehouse, as_of: dt.date | None) -> dict[tuple[dt.date, int], str]:
    """The run that last wrote the features of a moment, by as_of and microseconds of known_at: a row for each moment ever computed."""
    good = (F.col("job") == "features") & (F.col("outcome") == "succeeded")
    runs = warehouse.read(RUN_LOG).where(good if as_of is None else good & (F.col("as_of") == F.lit(as_of)))
    found = runs.groupBy("as_of", _micros("known_at")).agg(F.max_by("run_id", "ended_at").alias("run")).collect()
    return {(row["as_of"], row["known_at"]): str(row["run"]) for row in found}


def _micros(name: str) -> Column:
    """A moment as a number: as a timestamp the driver would read it in a zone of its own."""
    return F.unix_micros(name).alias(name.split(".")[-1])


def current_moment(warehouse: Warehouse) -> tuple[dt.date, dt.datetime] | None:
    """(as_of, known_at) of the current values; None before the first run."""
    row = warehouse.read(TAG_CURRENT).select("as_of", _micros("known_at")).limit(1).first()
    return (row["as_of"], of_micros(row["known_at"])) if row else None


def tag_state(warehouse: Warehouse) -> TagState:
    """How the tags stand: what the current values were made from, and the catalogue's last two rows of each tag until their moment.

    The current values are written last, so that the note of their commit alone tells what is complete: rows of the catalogue may be
    of a run that died before it. A table without such a note (an earlier version wrote it) is taken to be as the catalogue says.
    """
    with ThreadPoolExecutor(1) as beside:
        notes = beside.submit(warehouse.notes, TAG_CURRENT)
        moment = current_moment(warehouse)
        if moment is None:
            return TagState(None, ())
        rows = _catalogue_until(warehouse, moment)
        noted = _noted(notes.result(), moment)
    by_catalogue = {row["tag_id"]: row["definition"] for row in reversed(rows)}
    return TagState(moment, rows, noted.get("definitions", by_catalogue), noted.get("inputs", {}))


def note_of_values(moment: Moment, *, definitions: Mapping[str, str], inputs: Mapping[str, str]) -> str:
    """What stands with the commit of the current values; :class:`TagState` says what its parts are."""
    told = {"moment": _told(moment.as_of, moment.known_at), "inputs": dict(inputs), "definitions": dict(definitions)}
    return json.dumps(told, sort_keys=True)


def _noted(notes: Sequence[str], moment: tuple[dt.date, dt.datetime]) -> dict[str, Any]:
    """The newest note, where it is of this moment: else the table was written, or restored to an older version, without one."""
    try:
        told = json.loads(notes[0]) if notes else {}
    except ValueError:  # somebody else's
        return {}
    return told if isinstance(told, dict) and told.get("moment") == _told(*moment) else {}


def _told(as_of: dt.date, known_at: dt.datetime) -> list[str]:
    return [as_of.isoformat(), known_at.astimezone(dt.UTC).isoformat()]


def _catalogue_until(warehouse: Warehouse, moment: tuple[dt.date, dt.datetime]) -> tuple[Mapping[str, Any], ...]:
    """Of each tag the catalogue's last two rows that are not later than ``moment``, newest first."""
    as_of, known_at = moment
    newest = Window.partitionBy("tag_id").orderBy(F.desc("as_of"), F.desc("known_at"))
    catalogue = warehouse.read(TAG_CATALOGUE).where(F.struct("as_of", "known_at") <= F.struct(F.lit(as_of), F.lit(known_at)))
    last_two = catalogue.withColumn("_age", F.row_number().over(newest)).where(F.col("_age") <= 2)
    columns = [c for c in TAG_CATALOGUE.columns if c != "known_at"]
    rows = [row.asDict() for row in last_two.select(*columns, _micros("known_at")).collect()]
    known = [{**row, "known_at": of_micros(row["known_at"])} for row in rows]
    return tuple(sorted(known, key=lambda row: (row["as_of"], row["known_at"]), reverse=True))
