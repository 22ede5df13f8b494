"""Audiences: features and tags of one moment → who is in which audience, and how each size comes about."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from gridlens.audiences.library import Audience, AudienceLibrary
from gridlens.audiences.membership import Tally, matched, member_rows, tallies
from gridlens.audiences.sizes import Removed, Size, shown_removals, shown_size
from gridlens.contracts.account_feature import ACCOUNT_FEATURE
from gridlens.contracts.audience import AUDIENCE, AUDIENCE_SNAPSHOT
from gridlens.lease import writer_lease
from gridlens.pipelines.audience_declared import audience_library
from gridlens.pipelines.audience_frame import WideFrame, facts_stamp, wide_frame
from gridlens.pipelines.declared import tag_library
from gridlens.pipelines.moments import of_moment
from gridlens.pipelines.tag_state import Moment, required_features
from gridlens.runs import Run, logged, timed
from gridlens.settings import Settings
from gridlens.tables import empty, literal_in
from gridlens.tags.library import TagLibrary
from gridlens.warehouse import Warehouse

Say = Callable[[str], None]


@dataclass(frozen=True)
class AudienceResult:
    """Sizes at one moment.

    Attributes:
        expired: tags read whose value was past its time to live, and counted as unknown.
        never_computed: tags read that no run had computed; they counted as unknown.
        unchanged: audiences whose snapshot stood already.
        sizes: of the audiences counted or built.
        removals: by audience, in the order applied.
    """

    as_of: dt.date
    known_at: dt.datetime
    accounts: int
    expired: tuple[str, ...]
    never_computed: tuple[str, ...]
    unchanged: tuple[str, ...]
    nothing_new: bool
    sizes: tuple[Size, ...]
    removals: tuple[Removed, ...]
    seconds: float


@dataclass(frozen=True)
class Definitions:
    """What an audience is made of: tags and audiences as declared."""

    tags: TagLibrary
    audiences: AudienceLibrary

    def chosen(self, names: Sequence[str], where: str | None = None) -> list[Audience]:
        """The audiences named, all where none is, or the one of an expression."""
        if where is not None:
            return [self.audiences.ad_hoc(where)]
        return [self.audiences.audience(name) for name in dict.fromkeys(names or self.audiences.ids)]


def read_definitions(settings: Settings, tags: TagLibrary | None = None) -> Definitions:
    """Tags and audiences of the configuration; raises DefinitionError at the first mistake, naming file and line.

    ``tags`` are the tags where they have been read already.
    """
    tags = tags or tag_library(settings)
    return Definitions(tags, audience_library(settings, tags))


def run_count(
    spark: SparkSession,
    settings: Settings,
    chosen: Sequence[Audience],
    definitions: Definitions,
    *,
    as_of: dt.date | None = None,
    known_at: dt.datetime | None = None,
) -> AudienceResult:
    """Counts audiences; writes nothing.

    Args:
        spark: the session.
        settings: where the tables are; how small a group may be that is shown.
        chosen: audiences of ``definitions``, or an ad hoc one.
        definitions: what they read.
        as_of: last local day of the account features; default the newest there are.
        known_at: their moment of knowledge, UTC; default the newest of that day.

    Raises:
        SourceError: there are no account features of that day.
    """
    run = Run("audience", {})  # for its seconds
    warehouse = Warehouse(spark, settings)
    moment = required_features(warehouse, as_of, known_at)
    with ThreadPoolExecutor(1) as beside:
        accounts = beside.submit(_accounts, warehouse, moment)
        frame, matches = _matches(warehouse, definitions, chosen, moment)
        counted = tallies(matches, chosen)
        return _result(settings, moment, accounts.result(), frame, chosen, counted, (), run)


def run_build(
    spark: SparkSession,
    settings: Settings,
    names: Sequence[str] = (),
    *,
    as_of: dt.date | None = None,
    known_at: dt.datetime | None = None,
    definitions: Definitions | None = None,
    say: Say = print,
) -> AudienceResult:
    """Writes snapshots of the audiences named, of all where none is: their members, then how their sizes came about.

    An audience whose definition and whose facts are those of its snapshot at the moment is left as it is.

    Raises:
        DefinitionError: a definition does not hold; names file, line and remedy.
        SettingsError: no such audience.
        SourceError: there are no account features of that day.
    """
    definitions = definitions or read_definitions(settings)
    wanted = definitions.chosen(names)
    warehouse = Warehouse(spark, settings)
    with writer_lease(settings):
        moment = required_features(warehouse, as_of, known_at)
        run = Run("audience", {"audiences": [one.id for one in wanted]}, as_of=moment.as_of, known_at=moment.known_at)
        facts = facts_stamp(warehouse)
        run.fingerprints = {"facts": facts, **{one.id: one.stamp for one in wanted}}
        with logged(warehouse, run):
            stand = _standing(warehouse, moment, facts)
            due = [one for one in wanted if stand.get(one.id) != one.stamp]
            run.nothing_new = not due
            return _build(warehouse, definitions, wanted, due, moment, facts, run, say)


def _matches(warehouse: Warehouse, definitions: Definitions, chosen: Sequence[Audience], moment: Moment) -> tuple[WideFrame, DataFrame]:
    everyone = definitions.audiences.with_inputs(chosen)
    frame = wide_frame(warehouse, definitions.tags, chosen, everyone, moment)
    return frame, matched(frame.rows, chosen, everyone, unserved=frame.unserved)


def _accounts(warehouse: Warehouse, moment: Moment) -> int:
    return warehouse.read(ACCOUNT_FEATURE).where(of_moment(moment.as_of, moment.known_at)).count()


def _standing(warehouse: Warehouse, moment: Moment, facts: str) -> dict[str, str]:
    """Definition by audience of the snapshots that stand at the moment and were made from these facts."""
    at = of_moment(moment.as_of, moment.known_at) & (F.col("facts") == facts)
    return {
        row["audience"]: row["definition"] for row in warehouse.read(AUDIENCE_SNAPSHOT).where(at).select("audience", "definition").collect()
    }


def _build(
    warehouse: Warehouse,
    definitions: Definitions,
    wanted: Sequence[Audience],
    due: Sequence[Audience],
    moment: Moment,
    facts: str,
    run: Run,
    say: Say,
) -> AudienceResult:
    settings, unchanged = warehouse.settings, tuple(one.id for one in wanted if one not in due)
    accounts = _accounts(warehouse, moment)
    if not due:
        return _result(settings, moment, accounts, None, (), (), unchanged, run)
    _forget(warehouse, due, moment)
    frame, matches = _matches(warehouse, definitions, due, moment)
    matches = matches.persist()
    try:
        with timed(say, f"{len(due)} audiences of {accounts:,} accounts"):
            counted = tallies(matches, due)
        with timed(say, "members"):
            rows = member_rows(matches, F.lit(moment.as_of), F.lit(moment.known_at))
            warehouse.replace(AUDIENCE, rows, where=_where([one.id for one in due], moment))
    finally:
        matches.unpersist()
    snapshots = [_snapshot(one, tally, accounts, moment, facts, frame) for one, tally in zip(due, counted, strict=True)]
    written = warehouse.spark.createDataFrame(snapshots, AUDIENCE_SNAPSHOT.schema).coalesce(1)
    warehouse.replace(AUDIENCE_SNAPSHOT, written, where=_where([one.id for one in due], moment))
    run.wrote(f"gold.{AUDIENCE.name}", sum(tally.size for tally in counted))
    run.wrote(f"gold.{AUDIENCE_SNAPSHOT.name}", len(due))
    return _result(settings, moment, accounts, frame, due, counted, unchanged, run)


def _forget(warehouse: Warehouse, due: Sequence[Audience], moment: Moment) -> None:
    """Takes the snapshots of members that are replaced now away first: a run that dies in between leaves none that seem to stand."""
    snapshots = warehouse.read(AUDIENCE_SNAPSHOT)
    where = _where([one.id for one in due], moment)
    if not empty(snapshots.where(where)):
        warehouse.replace(AUDIENCE_SNAPSHOT, snapshots.limit(0), where=where)


def _where(names: Sequence[str], moment: Moment) -> str:
    parts = (("audience", names), ("as_of", [moment.as_of]), ("known_at", [moment.known_at]))
    return " AND ".join(literal_in(column, list(values)) for column, values in parts)


def _snapshot(one: Audience, tally: Tally, accounts: int, moment: Moment, facts: str, frame: WideFrame) -> tuple[object, ...]:
    d = one.definition
    removals = [(r.suppression, r.alone, r.removed) for r in tally.removals]
    made = (d.name_zh, d.name_en, d.owner, d.purpose, d.channel, d.version, one.stamp, d.text, facts)
    sizes = (accounts, tally.matched, removals, tally.size, tally.outside)
    return (one.id, moment.as_of, moment.known_at, *made, *sizes, list(frame.expired), list(frame.never_computed))


def _result(
    settings: Settings,
    moment: Moment,
    accounts: int,
    frame: WideFrame | None,
    audiences: Sequence[Audience],
    counted: Sequence[Tally],
    unchanged: tuple[str, ...],
    run: Run,
) -> AudienceResult:
    pairs = list(zip(audiences, counted, strict=True))
    return AudienceResult(
        moment.as_of,
        moment.known_at,
        accounts,
        frame.expired if frame else (),
        frame.never_computed if frame else (),
        unchanged,
        run.nothing_new,
        tuple(shown_size(one, tally, settings.min_group) for one, tally in pairs),
        tuple(row for _, tally in pairs for row in shown_removals(tally, settings.min_group)),
        run.seconds,
    )
