"""What trajectories lead to: trajectory_v1 → path_pattern_v1 and stage_transition_v1 of one moment."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import asdict

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from gridlens.contracts.silver import SILVER
from gridlens.contracts.trajectory import OUTCOMES, PATH_PATTERN, STAGE_TRANSITION, TRAJECTORY
from gridlens.fold.versioned import as_known
from gridlens.pipelines.moments import moment_where
from gridlens.pipelines.options import TrajectoryOptions
from gridlens.pipelines.questioned import questioned_bills
from gridlens.profile.path_measures import Measured, measured, telling
from gridlens.profile.path_mining import frequent_paths, path_counts
from gridlens.profile.paths import PathSettings, first_outcomes, sequences, windows, with_steps
from gridlens.profile.stages import stage_transitions
from gridlens.runs import timed
from gridlens.warehouse import Warehouse

Say = Callable[[str], None]


def write_paths(warehouse: Warehouse, options: TrajectoryOptions, as_of: dt.date, known_at: dt.datetime, say: Say) -> None:
    chosen = PathSettings(
        window_days=options.window_days,
        period_days=options.period_days,
        min_support=options.min_support,
        max_steps=options.max_steps,
        limit=options.limit,
    )
    events = warehouse.read(TRAJECTORY)
    products = as_known(warehouse.read(SILVER["product"]), SILVER["product"], known_at=known_at, as_of=as_of).select("product_id")
    longest = chosen.period_days + chosen.window_days + max(lead for _, _, lead in OUTCOMES.values())
    recent = events.where(F.col("local_date") > F.lit(as_of - dt.timedelta(days=longest)))
    steps = with_steps(recent, products, chosen).persist()
    questioned = questioned_bills(warehouse, as_of=as_of, known_at=known_at)
    accounts = first_outcomes(events, questioned, as_of=as_of, settings=chosen).persist()
    rows = []
    try:
        happened = accounts.agg(*[F.count(outcome).alias(outcome) for outcome in OUTCOMES]).collect()[0]
        for outcome in [outcome for outcome in OUTCOMES if happened[outcome] >= chosen.min_accounts]:
            with timed(say, f"paths to {outcome}"):
                found = _paths(accounts, steps, outcome, chosen)
            rows += [_path_row(outcome, path, as_of, known_at, *totals) for path, *totals in found]
    finally:
        steps.unpersist()
        accounts.unpersist()
    frame = warehouse.spark.createDataFrame(rows, PATH_PATTERN.schema).coalesce(1)
    warehouse.replace(PATH_PATTERN, frame, where=moment_where(as_of, known_at))


def _paths(accounts: DataFrame, steps: DataFrame, outcome: str, chosen: PathSettings) -> list[tuple[Measured, int, int]]:
    """The telling paths to an outcome, each with the number of accounts with and without it."""
    walked = sequences(steps, windows(accounts, outcome, chosen), chosen).persist()
    try:
        sizes = {row["with_outcome"]: row["count"] for row in walked.groupBy("with_outcome").count().collect()}
        cases, others = sizes.get(True, 0), sizes.get(False, 0)
        if cases < chosen.min_accounts:
            return []
        patterns = [path for path, _ in frequent_paths(walked.where("with_outcome"), chosen)]
        counts = [row.asDict() for row in path_counts(walked, patterns).collect()]
        paths = measured(patterns, counts, outcome_accounts=cases, compared=others)
        return [(path, cases, others) for path in telling(paths, chosen)]
    finally:
        walked.unpersist()


def _path_row(outcome: str, path: Measured, as_of: dt.date, known_at: dt.datetime, cases: int, others: int) -> tuple[object, ...]:
    values = {
        **asdict(path),
        "outcome": outcome,
        "path": " > ".join(path.path),
        "as_of": as_of,
        "known_at": known_at,
        "steps": len(path.path),
        "outcome_accounts": cases,
        "compared_accounts": others,
    }
    return tuple(values[name] for name in PATH_PATTERN.columns)


def write_transitions(warehouse: Warehouse, options: TrajectoryOptions, as_of: dt.date, known_at: dt.datetime, say: Say) -> None:
    with timed(say, "transitions between stages"):
        counted = stage_transitions(warehouse.read(TRAJECTORY), as_of=as_of, months=options.stage_months)
        rows = counted.withColumns({"as_of": F.lit(as_of), "known_at": F.lit(known_at)}).coalesce(1)
        warehouse.replace(STAGE_TRANSITION, rows, where=moment_where(as_of, known_at))
