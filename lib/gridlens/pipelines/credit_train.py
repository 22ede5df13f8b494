"""Credit scorecards: rows of past moments → fitted scorecard → judged out of time → a version in the registry, also without Spark."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, replace

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from gridlens.models.characteristic import GROUPS
from gridlens.models.grade_order import GradeFacts, grade_check
from gridlens.models.metric_kernels import roc_auc
from gridlens.models.metrics import ALL, score_counts
from gridlens.models.scorecard_fit import FittedScorecard, fit_scorecard
from gridlens.models.scorecard_library import ScorecardPlan
from gridlens.pipelines.account_features import facts_digest
from gridlens.pipelines.credit_cards import align_likeness, scorecard_plan
from gridlens.pipelines.credit_log import MadeScorecard, OutOfTime, log_scorecard
from gridlens.pipelines.history import last_run
from gridlens.pipelines.judging import has_lost, incumbent, judge, reasons
from gridlens.pipelines.options import CreditOptions
from gridlens.pipelines.tag_state import required_features
from gridlens.pipelines.train import version_of_same_rows
from gridlens.pipelines.training_set import TrainingSet, training_set
from gridlens.runs import Run, logged, timed
from gridlens.settings import Settings
from gridlens.tracking import Store, Version
from gridlens.warehouse import Warehouse

Say = Callable[[str], None]
JOB = "credit_train"


@dataclass(frozen=True)
class CreditTrainResult:
    """What came of a fit.

    Attributes:
        version: in the registry; decision: champion or challenger; reasons: the gate's sentences.
        characteristics: on the scorecard.
        roc_auc, calibration_error: out of time; roc_auc_of: of each sub-score alone.
        grades: out of time, best first.
        left_out: why the other characteristics are not on it.
    """

    run_id: str
    scorecard: str
    as_of: dt.date
    known_at: dt.datetime
    nothing_new: bool
    version: int
    decision: str
    reasons: tuple[str, ...]
    characteristics: int
    roc_auc: float | None
    calibration_error: float | None
    roc_auc_of: dict[str, float | None]
    grades: tuple[GradeFacts, ...]
    left_out: dict[str, str]
    seconds: float


def run_credit_train(spark: SparkSession, settings: Settings, options: CreditOptions, *, say: Say = print) -> CreditTrainResult:
    """Fits a scorecard on what was known at one moment, default that of the newest account features.

    The same facts and definition give no second version, unless ``options.again`` asks for one or the champion cannot grade any more.

    Raises:
        DefinitionError: a definition does not hold.
        SourceError: there are no account features, or the rows cannot teach the scorecard.
        PlatformError: the model store does not answer; nothing was changed.
    """
    plan = scorecard_plan(settings, options.scorecard)
    warehouse, store = Warehouse(spark, settings), Store.open(settings)
    moment = required_features(warehouse, options.as_of, options.known_at)
    run = Run(JOB, {"scorecard": plan.definition.id, "again": options.again}, as_of=moment.as_of, known_at=moment.known_at)
    run.fingerprints = {"definition": plan.definition.fingerprint, "facts": facts_digest(warehouse)}
    with logged(warehouse, run):
        again = options.again or has_lost(warehouse, store, plan.definition.id)
        stands = None if again else _standing(warehouse, store, plan, run)
        if stands:
            return _unchanged(store, plan, stands, run)
        data = training_set(spark, settings, warehouse, plan.model, as_of=moment.as_of, known_at=moment.known_at, say=say)
        try:
            same = None if again else version_of_same_rows(store, plan.model, data)
            return _unchanged(store, plan, same, run) if same else _train(warehouse, store, plan, data, run, say)
        finally:
            data.release()


def _standing(warehouse: Warehouse, store: Store, plan: ScorecardPlan, run: Run) -> Version | None:
    """The newest version, where the last fit was of the same facts and definition."""
    last = last_run(warehouse, JOB, F.get_json_object("parameters", "$.scorecard") == plan.definition.id)
    same = last == (run.fingerprints, run.as_of, run.known_at)
    return next((version for version in store.versions(plan.definition.id) if version.decision), None) if same else None


def _unchanged(store: Store, plan: ScorecardPlan, version: Version, run: Run) -> CreditTrainResult:
    """Nothing is fitted; only the likeness without Spark gets its alias, where a run died after it had decided on the version."""
    align_likeness(store, version, version.reason)
    run.nothing_new = True
    return _result(run, plan, version)


def _train(warehouse: Warehouse, store: Store, plan: ScorecardPlan, data: TrainingSet, run: Run, say: Say) -> CreditTrainResult:
    with timed(say, f"{plan.definition.id}: fitted"):
        fitted = fit_scorecard(data.train, plan.definition, say=lambda text: say(f"  {text}"))
    scored = fitted.pipeline.transform(data.test).select(*data.frame.columns, *GROUPS, "grade", "prediction").persist()
    try:
        with timed(say, f"{plan.definition.id}: judged"):
            judged = judge(warehouse, plan.model, fitted.as_fitted(), data, scored, incumbent(warehouse, store, plan.definition.id))
            grades = grade_facts(scored, plan)
            judged = replace(judged, decision=judged.decision.also(grade_check(grades)))
            later = OutOfTime(judged, grades, {group: _auc_of(scored, group) for group in GROUPS})
        with timed(say, f"{plan.definition.id}: recorded"):
            version = log_scorecard(warehouse, store, MadeScorecard(plan, data, fitted, later, scored), run)
    finally:
        scored.unpersist()
    return _result(run, plan, version, fitted, later)


def grade_facts(scored: DataFrame, plan: ScorecardPlan) -> tuple[GradeFacts, ...]:
    """Of labelled rows with ``grade`` and ``prediction``, best grade first; a grade without rows is left out."""
    means = (F.count("*").alias("rows"), F.avg("label").alias("bad_rate"), F.avg("prediction").alias("pd"))
    found = {row["grade"]: row for row in scored.groupBy("grade").agg(*means).collect()}  # a row a grade
    return tuple(GradeFacts(**found[grade].asDict()) for grade in plan.definition.grades.ids if grade in found)


def _auc_of(scored: DataFrame, group: str) -> float | None:
    """AUC of a sub-score alone: fewer points rank as worse."""
    ranked = scored.where(F.col(group).isNotNull()).withColumn("rank", 1 / (1 + F.exp(F.col(group) / 100)))
    return None if ranked.isEmpty() else roc_auc(score_counts(ranked, score="rank")[ALL])


def _result(
    run: Run, plan: ScorecardPlan, version: Version, fitted: FittedScorecard | None = None, later: OutOfTime | None = None
) -> CreditTrainResult:
    assert run.as_of is not None
    assert run.known_at is not None
    return CreditTrainResult(
        run_id=run.run_id,
        scorecard=plan.definition.id,
        as_of=run.as_of,
        known_at=run.known_at,
        nothing_new=run.nothing_new,
        version=version.version,
        decision=version.decision,
        reasons=reasons(later.judged, version) if later else ("the same facts and definition gave this version before",),
        characteristics=len(fitted.card.lines) if fitted else 0,
        roc_auc=version.metrics.get("roc_auc"),
        calibration_error=version.metrics.get("calibration_error"),
        roc_auc_of=later.groups if later else {},
        grades=later.grades if later else (),
        left_out={one.characteristic: one.why for one in fitted.selection if not one.kept} if fitted else {},
        seconds=run.seconds,
    )
