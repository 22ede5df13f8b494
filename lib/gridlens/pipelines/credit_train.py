"""Credit scorecards: rows of past moments → fitted scorecard → judged out of time → a version in the registry, also without Spark."""

from __future__ import annotations

import datetime as dt
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from gridlens.models.characteristic import GROUPS
from gridlens.models.metric_kernels import roc_auc
from gridlens.models.metrics import ALL, score_counts
from gridlens.models.scorecard import pyfunc_code
from gridlens.models.scorecard_fit import FittedScorecard, fit_scorecard
from gridlens.models.scorecard_library import ScorecardPlan
from gridlens.pipelines.account_features import batches_digest
from gridlens.pipelines.credit_cards import CARD, OF_SCORECARD, SPARK_FREE, scorecard_plan
from gridlens.pipelines.history import last_run
from gridlens.pipelines.judging import Judged, incumbent, judge, reasons, settle
from gridlens.pipelines.options import CreditOptions
from gridlens.pipelines.tag_state import required_features
from gridlens.pipelines.training_set import TrainingSet, training_set
from gridlens.reports.scorecard_page import scorecard_markdown
from gridlens.runs import Run, logged, timed
from gridlens.settings import Settings
from gridlens.tracking import CHAMPION, Store, TrackedRun, Version, made_from
from gridlens.warehouse import Warehouse

Say = Callable[[str], None]
JOB = "credit_train"


@dataclass(frozen=True)
class GradeFacts:
    """Rows of one grade out of time: the part of bad ones, and the mean probability that the scorecard gave them."""

    grade: str
    rows: int
    bad_rate: float
    pd: float


@dataclass(frozen=True)
class OutOfTime:
    """A scorecard on the rows of the newest moment. Attributes: groups: AUC of each sub-score alone."""

    judged: Judged
    grades: tuple[GradeFacts, ...]
    groups: dict[str, float | None]


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

    The same facts and definition give no second version, unless ``options.again`` asks for one.

    Raises:
        DefinitionError: a definition does not hold.
        SourceError: there are no account features, or the rows cannot teach the scorecard.
        PlatformError: the model store does not answer; nothing was changed.
    """
    plan = scorecard_plan(settings, options.scorecard)
    warehouse, store = Warehouse(spark, settings), Store.open(settings)
    moment = required_features(warehouse, options.as_of, options.known_at)
    run = Run(JOB, {"scorecard": plan.definition.id, "again": options.again}, as_of=moment.as_of, known_at=moment.known_at)
    run.fingerprints = {"definition": plan.definition.fingerprint, "batches": batches_digest(warehouse)}
    with logged(warehouse, run):
        stands = None if options.again else _standing(warehouse, store, plan, run)
        if stands:
            run.nothing_new = True
            return _result(run, plan, stands)
        data = training_set(spark, settings, warehouse, plan.model, as_of=moment.as_of, known_at=moment.known_at, say=say)
        try:
            return _train(warehouse, store, plan, data, run, say)
        finally:
            data.release()


def _standing(warehouse: Warehouse, store: Store, plan: ScorecardPlan, run: Run) -> Version | None:
    """The newest version, where the last fit was of the same facts and definition."""
    last = last_run(warehouse, JOB, F.get_json_object("parameters", "$.scorecard") == plan.definition.id)
    same = last == (run.fingerprints, run.as_of, run.known_at)
    return next((version for version in store.versions(plan.definition.id) if version.decision), None) if same else None


def _train(warehouse: Warehouse, store: Store, plan: ScorecardPlan, data: TrainingSet, run: Run, say: Say) -> CreditTrainResult:
    with timed(say, f"{plan.definition.id}: fitted"):
        fitted = fit_scorecard(data.train, plan.definition, say=lambda text: say(f"  {text}"))
    scored = fitted.pipeline.transform(data.test).select(*data.frame.columns, *GROUPS, "grade", "prediction").persist()
    try:
        with timed(say, f"{plan.definition.id}: judged"):
            judged = judge(warehouse, plan.model, fitted.as_fitted(), data, scored, incumbent(warehouse, store, plan.definition.id))
            later = OutOfTime(judged, grade_facts(scored, plan), {group: _auc_of(scored, group) for group in GROUPS})
        with timed(say, f"{plan.definition.id}: recorded"):
            version = _log(store, plan, fitted, data, later, run)
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


def _log(store: Store, plan: ScorecardPlan, fitted: FittedScorecard, data: TrainingSet, later: OutOfTime, run: Run) -> Version:
    """Logs and registers the scorecard twice: as a pipeline for Spark, and as a model that needs none; both get the same alias."""
    definition, facts = plan.definition, data.facts
    metrics: dict[str, float | None] = {**later.judged.test.as_metrics()}
    metrics |= {f"{group}.roc_auc": value for group, value in later.groups.items()}
    metrics |= {f"grade.{one.grade}.{what}": getattr(one, what) for one in later.grades for what in ("bad_rate", "pd", "rows")}
    tags = made_from(facts.as_of, facts.known_at, run.run_id)
    schema = data.train.select(*fitted.card.columns).schema

    def common(tracked: TrackedRun) -> None:
        tracked.log_fingerprints(definition=definition.fingerprint, data=facts.data)
        tracked.log_metrics(metrics)
        tracked.log_served(fitted.json, CARD)
        tracked.log_text(scorecard_markdown(fitted.card, [one.__dict__ for one in fitted.selection]), "scorecard.md")

    with store.run(definition.id, params=_params(plan, fitted, data), tags=tags) as tracked:
        common(tracked)
        tracked.log_json(definition.model_dump(mode="json"), "definition.json")
        tracked.log_json(facts.record(), "training.json")
        tracked.log_pipeline(fitted.pipeline, schema)
        version = tracked.register()
    with store.run(definition.id + SPARK_FREE, tags=tags) as tracked, tempfile.TemporaryDirectory() as folder:
        common(tracked)
        code, card = Path(folder) / "scorecard_pyfunc.py", Path(folder) / CARD
        code.write_text(pyfunc_code(), encoding="utf-8")
        card.write_text(fitted.json, encoding="utf-8")
        tracked.log_code_model(code, {"scorecard": card}, schema)
        light = tracked.register(tags={OF_SCORECARD: version.version})
    version = settle(store, definition.id, version, later.judged)
    decide_on = store.promote if version.decision == CHAMPION else store.challenge
    decide_on(definition.id + SPARK_FREE, light.version, reason=version.reason)
    return version


def _params(plan: ScorecardPlan, fitted: FittedScorecard, data: TrainingSet) -> dict[str, Any]:
    definition = plan.definition
    return {
        "definition_version": definition.version,
        "label": definition.label.model_dump(mode="json"),
        "population": definition.population,
        "characteristics": [line.id for line in fitted.card.lines],
        "scaling": definition.scaling.model_dump(mode="json"),
        "moments": [str(moment.as_of) for moment in data.facts.moments],
        "moments_left_out": [str(day) for day in data.facts.overlapping],
        "train_rows": fitted.card.rows,
        "train_bad": fitted.card.events,
    }


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
