"""Credit grades (综合信用等级): account features of one moment, the champion scorecard, decisions in force → a grade for every account."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from gridlens.contracts.account_feature import ACCOUNT_FEATURE
from gridlens.contracts.credit import CREDIT_GRADE, CREDIT_OVERLAY
from gridlens.errors import RegistryError, SourceError
from gridlens.lease import writer_lease
from gridlens.models.drift import Drift, judged
from gridlens.models.drift_profile import Profile
from gridlens.models.grades import grade
from gridlens.models.overlay import in_force, read_overlays
from gridlens.models.scorecard import Scorecard
from gridlens.models.scorecard_library import ScorecardPlan
from gridlens.models.stability import stability
from gridlens.pipelines.changes import table_digest
from gridlens.pipelines.credit_cards import champion_card, scorecard_plan
from gridlens.pipelines.drift_kept import drift_kept
from gridlens.pipelines.history import last_run
from gridlens.pipelines.model_watch import seen_since, write_drift
from gridlens.pipelines.moments import of_moment
from gridlens.pipelines.options import CreditOptions
from gridlens.pipelines.scores import GRADING
from gridlens.pipelines.tag_state import newest_features, required_features
from gridlens.runs import Run, logged, timed
from gridlens.settings import Settings
from gridlens.tables import literal_in
from gridlens.tracking import Store, Version
from gridlens.warehouse import Warehouse

Say = Callable[[str], None]


@dataclass(frozen=True)
class GradeSize:
    """Accounts of one grade; before: by the points alone; pd: their mean probability of bad."""

    grade: str
    accounts: int
    before: int
    pd: float | None


@dataclass(frozen=True)
class CreditResult:
    """What was graded.

    Attributes:
        version: of the scorecard, the champion.
        moved_up, moved_down: accounts whose grade the decisions in force changed.
        psi: stability of the points against the training rows; None where nothing is kept of it.
        warnings: what has moved since the training rows; retrain: the scorecard is to be fitted again. Where nothing is new, as kept.
    """

    run_id: str
    scorecard: str
    version: int
    as_of: dt.date
    known_at: dt.datetime
    nothing_new: bool
    accounts: int
    moved_up: int
    moved_down: int
    grades: tuple[GradeSize, ...]
    psi: float | None
    warnings: tuple[str, ...]
    retrain: bool
    seconds: float


@dataclass(frozen=True)
class OverlaysResult:
    """Decisions of a file.

    Attributes:
        rows: in it.
        written: versions of decisions that are new, or another than before.
        counts_from: moments known from then on see all of them.
        note: that the newest account features are known earlier, so that grading them sees not all; None where it does.
    """

    run_id: str
    nothing_new: bool
    rows: int
    written: int
    counts_from: dt.datetime
    note: str | None
    seconds: float


def run_credit(spark: SparkSession, settings: Settings, options: CreditOptions, *, say: Say = print) -> CreditResult:
    """Grades the accounts of one moment; grades of other versions and moments stay as they are.

    Raises:
        DefinitionError: the scorecard's definition does not hold.
        SourceError: there are no account features of that day, or no account is in the population.
        RegistryError: the scorecard has no champion, or it lacks a feature; PlatformError: the store does not answer. Nothing was changed.
    """
    plan = scorecard_plan(settings, options.scorecard)
    warehouse, store = Warehouse(spark, settings), Store.open(settings)
    card, version = champion_card(store, plan)
    with writer_lease(settings):
        moment = required_features(warehouse, options.as_of, options.known_at)
        at = (moment.as_of, moment.known_at)
        overlays = warehouse.read(CREDIT_OVERLAY)
        run = Run(GRADING, {"scorecard": card.id}, as_of=moment.as_of, known_at=moment.known_at)
        decided = table_digest(in_force(overlays, as_of=moment.as_of, known_at=moment.known_at))
        run.fingerprints = {
            "version": str(version.version),
            "definition": plan.definition.fingerprint,
            "features": moment.run_id,
            "overlays": decided,
        }
        with logged(warehouse, run):
            of_card = F.get_json_object("parameters", "$.scorecard") == card.id
            last = last_run(warehouse, GRADING, of_card, wrote=(CREDIT_GRADE,), part=card.id)
            run.nothing_new = last == (run.fingerprints, *at)
            if run.nothing_new:
                found = drift_kept(warehouse, version, *at)
            else:
                found = _grade(warehouse, plan, card, version, at, overlays, run, say)
            rows = warehouse.read(CREDIT_GRADE).where(_where(card, version.version, at))
            return _result(run, card, version.version, at, rows, found)


def _where(card: Scorecard, version: int, at: tuple[dt.date, dt.datetime]) -> str:
    values = {"scorecard": card.id, "version": version, "as_of": at[0], "known_at": at[1]}
    return " AND ".join(literal_in(column, [value]) for column, value in values.items())


def _grade(
    warehouse: Warehouse,
    plan: ScorecardPlan,
    card: Scorecard,
    version: Version,
    at: tuple[dt.date, dt.datetime],
    overlays: DataFrame,
    run: Run,
    say: Say,
) -> Drift:
    features = warehouse.read(ACCOUNT_FEATURE).where(of_moment(*at)).where(plan.model.population.column())
    absent = [name for name in card.columns if name not in features.columns]
    if absent:
        raise RegistryError(f"{version} cannot grade without the features {', '.join(absent)}: compute them, or train anew")
    accounts = features.select("account_id", "industry_code", *[name for name in card.columns if name != "industry_code"]).persist()
    try:
        if accounts.isEmpty():
            raise SourceError(f"scorecard {card.id}: no account is in its population ({plan.definition.population}) as of {at[0]}")
        number = version.version
        with timed(say, f"{card.id}: graded by version {number}"):
            rows = grade(accounts, card, overlays, plan.definition.overlay, version=number, as_of=at[0], known_at=at[1])
            warehouse.replace(CREDIT_GRADE, rows, where=_where(card, number, at), note=f"{run.note} {card.id}")
        run.wrote(f"gold.{CREDIT_GRADE.name}", accounts.count())
        with timed(say, f"{card.id}: stability"):
            found = drift_of(warehouse, plan, card, version, accounts, at)
            write_drift(warehouse, found, card.id, number, *at, run)
            return found
    finally:
        accounts.unpersist()


def drift_of(
    warehouse: Warehouse, plan: ScorecardPlan, card: Scorecard, version: Version, accounts: DataFrame, at: tuple[dt.date, dt.datetime]
) -> Drift:
    """How far points and characteristics have moved since the training rows, and what the version's probabilities were worth since."""
    before = Profile("pd", card.rows, version.metrics.get("roc_auc"), ())
    mine = (F.col("scorecard") == card.id) & (F.col("version") == version.version)
    given = warehouse.read(CREDIT_GRADE).where(mine).select("account_id", "as_of", "known_at", F.col("pd").alias("score"))
    as_of, known_at = at
    since = version.facts_to
    seen = seen_since(
        warehouse, warehouse.settings, plan.model, version.version, before, as_of=as_of, known_at=known_at, since=since, scores=given
    )
    moved = sorted(stability(accounts, card).values(), key=lambda one: (one.kind == "feature", -one.psi, one.subject))
    return judged(moved, seen, before=before)


def _result(run: Run, card: Scorecard, version: int, at: tuple[dt.date, dt.datetime], rows: DataFrame, found: Drift) -> CreditResult:
    summed = rows.groupBy("grade_before_overlay", "grade").agg(F.count("*").alias("n"), F.sum("pd").alias("pd"))
    counted = summed.collect()  # at most the square of the number of grades
    ids = [one.id for one in card.grades]
    sizes = []
    for name in ids:
        now = [row for row in counted if row["grade"] == name]
        n = sum(row["n"] for row in now)
        before = sum(row["n"] for row in counted if row["grade_before_overlay"] == name)
        sizes.append(GradeSize(name, n, before, sum(row["pd"] for row in now) / n if n else None))
    steps = [(ids.index(row["grade_before_overlay"]) - ids.index(row["grade"]), row["n"]) for row in counted]
    return CreditResult(
        run_id=run.run_id,
        scorecard=card.id,
        version=version,
        as_of=at[0],
        known_at=at[1],
        nothing_new=run.nothing_new,
        accounts=sum(size.accounts for size in sizes),
        moved_up=sum(n for step, n in steps if step > 0),
        moved_down=sum(n for step, n in steps if step < 0),
        grades=tuple(sizes),
        psi=next((one.psi for one in found.shifts if one.kind == "score"), None),
        warnings=found.warnings,
        retrain=found.retrain,
        seconds=run.seconds,
    )


def run_credit_overlays(
    spark: SparkSession, settings: Settings, file: Path, options: CreditOptions, *, known_from: dt.datetime | None = None
) -> OverlaysResult:
    """Takes the decisions of a CSV file into credit_overlay_v1; what was known by then as it is in the file is not written again.

    A grading sees the decisions that were known at its moment, so that the same moment is graded the same whenever it is.

    Args:
        file: see models/overlay.py.
        options: the scorecard whose factors the decisions name.
        known_from: moment from which the decisions were known; default that of this run.

    Raises:
        SourceError: names the file's line: a decision that does not hold. Nothing was written.
    """
    plan = scorecard_plan(settings, options.scorecard)
    warehouse = Warehouse(spark, settings)
    run = Run("credit_overlays", {"file": file.name})
    counts_from = known_from or run.started_at
    rows = read_overlays(file, plan.definition.overlay, known_from=counts_from)
    with writer_lease(settings), logged(warehouse, run):
        given = spark.createDataFrame(rows, CREDIT_OVERLAY.schema)
        fresh = _unknown(warehouse, given, counts_from).persist()
        written = fresh.count()
        run.nothing_new = not written
        if written:
            warehouse.merge(CREDIT_OVERLAY, fresh)
            run.wrote(f"gold.{CREDIT_OVERLAY.name}", written)
        fresh.unpersist()
        note = _note(warehouse, given, counts_from)
        return OverlaysResult(run.run_id, run.nothing_new, len(rows), written, counts_from, note, run.seconds)


def _unknown(warehouse: Warehouse, given: DataFrame, known_at: dt.datetime) -> DataFrame:
    """Those of the decisions that were not known at a moment as they are given."""
    content = F.struct(*[name for name in CREDIT_OVERLAY.columns if name != "known_from"])
    known = warehouse.read(CREDIT_OVERLAY).where(F.col("known_from") <= F.lit(known_at))
    newest = known.groupBy("overlay_id").agg(F.max_by(content, "known_from").alias("_stands"))
    compared = given.join(newest, on="overlay_id", how="left").where(~content.eqNullSafe(F.col("_stands")))
    return compared.select(*CREDIT_OVERLAY.columns)


def _note(warehouse: Warehouse, given: DataFrame, counts_from: dt.datetime) -> str | None:
    """That the moment which is graded next by default does not see all decisions of a file; None where it does."""
    newest = newest_features(warehouse, None, None)
    late = _unknown(warehouse, given, newest.known_at).count() if newest and newest.known_at < counts_from else 0
    if newest is None or not late:
        return None
    at = newest.known_at.isoformat()
    return (
        f"the newest account features are as known at {at}, before {late:,} of the file's decisions: these count for moments known from "
        f"{counts_from.isoformat()} on; to count what has begun by {newest.as_of} for that moment too, give --known-at {at}"
    )
