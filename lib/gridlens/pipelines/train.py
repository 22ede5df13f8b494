"""Training: rows of past moments → fitted pipeline → judged out of time → a version in the registry, champion or challenger."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from gridlens.contracts.model import MODEL_FIGURE
from gridlens.lease import writer_lease
from gridlens.models.figure_rows import figure_rows
from gridlens.models.fit import fit
from gridlens.models.library import Model, named
from gridlens.pipelines.account_features import facts_digest
from gridlens.pipelines.declared import model_library
from gridlens.pipelines.history import last_run
from gridlens.pipelines.judging import Judged, has_lost, incumbent, judge, reasons, settle
from gridlens.pipelines.model_log import Made, log_version
from gridlens.pipelines.options import TrainOptions
from gridlens.pipelines.tag_state import Moment, required_features
from gridlens.pipelines.training_set import TrainingSet, training_set
from gridlens.runs import Run, logged, timed
from gridlens.settings import Settings
from gridlens.tables import literal_in
from gridlens.tracking import Store, Version
from gridlens.warehouse import Warehouse

Say = Callable[[str], None]
JOB = "train"
REUSED = "the same rows and the same definition gave this version before"


@dataclass(frozen=True)
class TrainResult:
    """What came of a training.

    Attributes:
        version: in the registry; decision: champion or challenger; reasons: the gate's sentences.
        train_rows, train_positives, test_rows, test_positives: rows of the earlier moments, and of the newest.
        roc_auc, calibration_error: on the test rows; roc_auc_unseen: of the customers among them that no training row is about.
        best_baseline, best_baseline_auc: the best of what is known without a model.
    """

    run_id: str
    model: str
    as_of: dt.date
    known_at: dt.datetime
    nothing_new: bool
    version: int
    decision: str
    reasons: tuple[str, ...]
    train_rows: int | None
    train_positives: int | None
    test_rows: int | None
    test_positives: int | None
    roc_auc: float | None
    roc_auc_unseen: float | None
    calibration_error: float | None
    best_baseline: str | None
    best_baseline_auc: float | None
    seconds: float


def run_train(spark: SparkSession, settings: Settings, options: TrainOptions, *, say: Say = print) -> TrainResult:
    """Trains a model of conf/models on what was known at one moment, default that of the newest account features.

    The same facts and definition give no second version, unless ``options.again`` asks for one or the champion cannot score any more.

    Raises:
        DefinitionError: a definition does not hold.
        SourceError: there are no account features, or the rows cannot teach the model.
        PlatformError: the model store does not answer; nothing was changed.
    """
    model = named(model_library(settings), options.model)
    warehouse, store = Warehouse(spark, settings), Store.open(settings)
    moment = required_features(warehouse, options.as_of, options.known_at)
    run = Run(JOB, {"model": model.id, "again": options.again}, as_of=moment.as_of, known_at=moment.known_at)
    run.fingerprints = {"definition": model.fingerprint, "facts": facts_digest(warehouse)}
    with logged(warehouse, run):
        again = options.again or has_lost(warehouse, store, model.id)
        stands = None if again else _standing(warehouse, store, model, run, moment)
        if stands:
            return _unchanged(run, model, moment, stands)
        data = training_set(spark, settings, warehouse, model, as_of=moment.as_of, known_at=moment.known_at, say=say)
        try:
            same = None if again else version_of_same_rows(store, model, data)
            return _unchanged(run, model, moment, same) if same else _train(warehouse, store, model, data, moment, run, say)
        finally:
            data.release()


def _standing(warehouse: Warehouse, store: Store, model: Model, run: Run, moment: Moment) -> Version | None:
    """The newest version, where the last training was of the same facts and definition."""
    last = last_run(warehouse, JOB, F.get_json_object("parameters", "$.model") == model.id)
    versions = store.versions(model.id) if last == (run.fingerprints, moment.as_of, moment.known_at) else []
    return next((version for version in versions if version.decision), None)


def version_of_same_rows(store: Store, model: Model, data: TrainingSet) -> Version | None:
    """A version that was decided on and came from the very same rows: a run that died before it was recorded."""
    fingerprints = (model.fingerprint, data.facts.data)
    versions = store.versions(model.id)
    return next((v for v in versions if v.decision and (v.definition_fingerprint, v.data_fingerprint) == fingerprints), None)


def _unchanged(run: Run, model: Model, moment: Moment, version: Version) -> TrainResult:
    run.nothing_new = True
    auc, error = version.metrics.get("roc_auc"), version.metrics.get("calibration_error")
    return TrainResult(
        run.run_id,
        model.id,
        moment.as_of,
        moment.known_at,
        True,
        version.version,
        version.decision,
        (REUSED,),
        *(None,) * 4,
        auc,
        version.metrics.get("unseen.roc_auc"),
        error,
        None,
        None,
        run.seconds,
    )


def _train(warehouse: Warehouse, store: Store, model: Model, data: TrainingSet, moment: Moment, run: Run, say: Say) -> TrainResult:
    with timed(say, f"{model.id}: fitted"):
        learner = model.definition.learner
        fitted = fit(data.train, model.definition.features, learner, by="party_id", say=lambda text: say(f"  {text}"))
    scored = fitted.pipeline.transform(data.test).select(*data.frame.columns, "prediction").persist()
    try:
        with timed(say, f"{model.id}: judged"):
            judged = judge(warehouse, model, fitted, data, scored, incumbent(warehouse, store, model.id))
        with timed(say, f"{model.id}: recorded"):
            version = log_version(store, warehouse, Made(model, data, fitted, judged, scored), run)
    finally:
        scored.unpersist()
    with writer_lease(warehouse.settings):
        write_figures(warehouse, model, judged, version, data, run)
    return _result(run, model, moment, settle(store, model.id, version, judged), data, judged)


def write_figures(warehouse: Warehouse, model: Model, judged: Judged, version: Version, data: TrainingSet, run: Run) -> None:
    """The figures of a version, into model_figure_v1."""
    newest = max(found.as_of for found in data.facts.moments)
    of = {"model_id": model.id, "model_version": str(version.version), "as_of": newest, "known_at": data.facts.known_at}
    parts = {"test": judged.test, "train": judged.train, **({"unseen": judged.unseen} if judged.unseen else {})}
    rows = figure_rows(parts, baselines=judged.baselines, against=judged.against, of={**of, "run_id": run.run_id})
    frame = warehouse.spark.createDataFrame(rows, MODEL_FIGURE.schema).coalesce(1)
    where = f"{literal_in('model_id', [model.id])} AND {literal_in('model_version', [str(version.version)])}"
    warehouse.replace(MODEL_FIGURE, frame, where=where)
    run.wrote(f"gold.{MODEL_FIGURE.name}", len(rows))


def _result(run: Run, model: Model, moment: Moment, version: Version, data: TrainingSet, judged: Judged) -> TrainResult:
    known = [one for one in judged.baselines if one.roc_auc is not None]
    best = max(known, key=lambda one: one.roc_auc or 0.0, default=None)
    return TrainResult(
        run_id=run.run_id,
        model=model.id,
        as_of=moment.as_of,
        known_at=moment.known_at,
        nothing_new=False,
        version=version.version,
        decision=version.decision,
        reasons=reasons(judged, version),
        train_rows=data.facts.rows("train"),
        train_positives=data.facts.positives("train"),
        test_rows=judged.test.rows,
        test_positives=judged.test.positives,
        roc_auc=judged.test.roc_auc,
        roc_auc_unseen=judged.unseen.roc_auc if judged.unseen else None,
        calibration_error=judged.test.calibration_error,
        best_baseline=f"{best.name} {best.feature or ''}".strip() if best else None,
        best_baseline_auc=best.roc_auc if best else None,
        seconds=run.seconds,
    )
