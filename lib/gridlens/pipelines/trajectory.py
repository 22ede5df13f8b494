"""Trajectories: silver as known → trajectory_v1 by month, then paths to outcomes and transitions between stages from it.

Facts are digested first (one pass over keys and content hashes). Where they, the moment and the options are those of the last run, and
trajectory_v1 is as that run left it, nothing is computed. Else every event is computed once and kept, months are compared with the table
by count and hash, and only months that differ are written: a payment that becomes known late changes the month of its bill too, and
a run that died half-way leaves months that differ.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import reduce

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from gridlens.contracts.bronze import BRONZE
from gridlens.contracts.silver import ACCOUNT_TABLE, METERING_POINT, SILVER
from gridlens.contracts.trajectory import PATH_PATTERN, STAGE_TRANSITION, TRAJECTORY
from gridlens.definitions import STAMP_LENGTH, fingerprint_of
from gridlens.errors import SourceError
from gridlens.fold.versioned import as_known
from gridlens.lease import writer_lease
from gridlens.pipelines.changes import Digests
from gridlens.pipelines.history import by_this_version, last_run
from gridlens.pipelines.moments import moment_where
from gridlens.pipelines.options import TrajectoryOptions
from gridlens.pipelines.questioned import questioned_bills
from gridlens.pipelines.tag_state import asked_moment
from gridlens.pipelines.trajectory_paths import write_paths, write_transitions
from gridlens.profile.trajectory import TrajectoryFacts, trajectory
from gridlens.runs import Run, logged, timed
from gridlens.settings import Settings
from gridlens.tables import literal_in
from gridlens.warehouse import Warehouse

Say = Callable[[str], None]
_ENTITIES = {
    "bills": "bill",
    "payments": "payment",
    "purchases": "purchase",
    "services": "service_event",
    "interactions": "interaction",
    "receipts": "campaign_receipt",
    "inspections": "inspection",
    "outages": "outage_event",
}
_READ = ("account", "metering_point", "consent", "product", *_ENTITIES.values())


@dataclass(frozen=True)
class TypeCount:
    """Events of one type in trajectory_v1, and the accounts that have one."""

    event_type: str
    events: int
    accounts: int


@dataclass(frozen=True)
class TrajectoryResult:
    """What was computed.

    Attributes:
        months: months of trajectory_v1 that were written.
        events: rows of trajectory_v1; of it the account's share by type.
        paths: rows of path_pattern_v1 of this moment.
        transitions: rows of stage_transition_v1 of this moment.
    """

    run_id: str
    as_of: dt.date
    known_at: dt.datetime
    nothing_new: bool
    months: int
    events: int
    paths: int
    transitions: int
    types: tuple[TypeCount, ...]
    seconds: float


def run_trajectory(spark: SparkSession, settings: Settings, options: TrajectoryOptions, *, say: Say = print) -> TrajectoryResult:
    """Computes trajectories, paths and stage transitions as known at one moment.

    Raises:
        SourceError: there are no accounts, or no account features to take the day from.
    """
    warehouse = Warehouse(spark, settings)
    if not warehouse.written(ACCOUNT_TABLE):
        raise SourceError("there are no accounts in the warehouse yet: run `gridlens ingest` with a source of customers first")
    as_of, known_at = asked_moment(warehouse, settings, options.as_of, options.known_at)
    run = Run("trajectory", asdict(options), as_of=as_of, known_at=known_at)
    with writer_lease(settings), logged(warehouse, run):
        asked = json.dumps({**asdict(options), "as_of": as_of, "known_at": known_at}, default=str, sort_keys=True)
        facts = {**_facts_digest(warehouse, known_at), "asked": asked}
        written = _month_digests(warehouse.read(TRAJECTORY))
        run.fingerprints |= {**facts, "months": _whole(written)}
        last = last_run(warehouse, "trajectory", by_this_version(), wrote=(TRAJECTORY, PATH_PATTERN, STAGE_TRANSITION))
        run.nothing_new = bool(written) and last is not None and run.fingerprints == last.fingerprints
        months = 0
        if not run.nothing_new:
            months, now = _write_events(warehouse, settings, written, as_of, known_at, say)
            run.fingerprints["months"] = _whole(now)
            write_paths(warehouse, options, as_of, known_at, say)
            write_transitions(warehouse, options, as_of, known_at, say)
        return _result(warehouse, run, as_of, known_at, months)


def _facts_digest(warehouse: Warehouse, known_at: dt.datetime) -> Digests:
    """``facts/bill`` → count and hash of the versions known, for every table that is read; one pass."""
    rejected = warehouse.read(BRONZE["payment"]).where("_rejected")
    parts = [rejected.select(F.lit("rejected payments").alias("name"), F.xxhash64("_batch_id", "_locator").alias("hash"))]
    for name in _READ:
        rows = warehouse.read(SILVER[name]).where(F.col("known_from") <= F.lit(known_at))
        parts.append(rows.select(F.lit(name).alias("name"), F.xxhash64(*SILVER[name].keys, "_content_hash").alias("hash")))
    grouped = reduce(DataFrame.unionByName, parts).groupBy("name")
    digest = F.concat_ws(":", F.count("*").cast("string"), F.bit_xor("hash").cast("string")).alias("digest")
    return {f"facts/{row['name']}": row["digest"] for row in grouped.agg(digest).collect()}


def _month_digests(events: DataFrame) -> Digests:
    """``month/2026-03-01`` → count and hash of the rows of trajectory_v1."""
    hashed = events.select("local_month", F.xxhash64(*TRAJECTORY.columns).alias("hash"))
    digest = F.concat_ws(":", F.count("*").cast("string"), F.bit_xor("hash").cast("string")).alias("digest")
    return {f"month/{row['local_month']}": row["digest"] for row in hashed.groupBy("local_month").agg(digest).collect()}


def _whole(months: Digests) -> str:
    """The digests of all months as one."""
    return fingerprint_of(months)[:STAMP_LENGTH]


def _facts(warehouse: Warehouse, as_of: dt.date, known_at: dt.datetime) -> TrajectoryFacts:
    def read(name: str) -> DataFrame:
        """Without what no event needs: choosing among versions carries every column, transcripts too."""
        table = SILVER[name]
        return warehouse.read(table).select(*[c for c in table.columns if c not in (*table.personal, "_source", "_locator")])

    def versions(name: str, *keys: str) -> DataFrame:
        return as_known(read(name), SILVER[name], known_at=known_at, as_of=as_of, keys=(*keys, "valid_from"))

    return TrajectoryFacts(
        accounts=versions(ACCOUNT_TABLE.name, "account_id"),
        points=versions(METERING_POINT.name, "metering_point_id"),
        consents=versions("consent", "party_id", "channel", "purpose"),
        questioned=questioned_bills(warehouse, as_of=as_of, known_at=known_at),
        **{field: as_known(read(name), SILVER[name], known_at=known_at) for field, name in _ENTITIES.items()},
    )


def _write_events(
    warehouse: Warehouse, settings: Settings, written: Digests, as_of: dt.date, known_at: dt.datetime, say: Say
) -> tuple[int, Digests]:
    """Writes the months that differ from the table's; gives their number and the digests of all."""
    events = trajectory(_facts(warehouse, as_of, known_at), as_of=as_of, known_at=known_at, zone=settings.zone).persist()
    try:
        with timed(say, "events of all accounts"):
            now = _month_digests(events)
        changed = sorted(name.removeprefix("month/") for name in {*now, *written} if now.get(name) != written.get(name))
        months = [dt.date.fromisoformat(month) for month in changed]
        with timed(say, f"{len(months)} month(s) of trajectories"):
            if months:
                # One file a month where it is small; without it every task would write a file for every month it has a row of.
                rows = events.where(F.col("local_month").isin(months)).hint("rebalance", F.col("local_month"))
                warehouse.replace(TRAJECTORY, rows, where=literal_in("local_month", months))
    finally:
        events.unpersist()
    return len(months), now


def _result(warehouse: Warehouse, run: Run, as_of: dt.date, known_at: dt.datetime, months: int) -> TrajectoryResult:
    grouped = warehouse.read(TRAJECTORY).groupBy("event_type")
    counted = grouped.agg(F.count("*").alias("events"), F.count_distinct("account_id").alias("accounts")).collect()
    types = tuple(TypeCount(*row) for row in sorted(counted, key=lambda row: (-row["events"], row["event_type"])))
    paths, transitions = (warehouse.read(table).where(moment_where(as_of, known_at)).count() for table in (PATH_PATTERN, STAGE_TRANSITION))
    events = sum(item.events for item in types)
    rows = {TRAJECTORY.name: events, PATH_PATTERN.name: paths, STAGE_TRANSITION.name: transitions}
    for name, number in rows.items() if not run.nothing_new else ():
        run.wrote(f"gold.{name}", number)
    return TrajectoryResult(run.run_id, as_of, known_at, run.nothing_new, months, events, paths, transitions, types, run.seconds)
