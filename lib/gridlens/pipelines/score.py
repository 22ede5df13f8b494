"""Scoring: account features of one moment, the champion of a model → score, decile, band and reasons of every account of its population."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from dataclasses import dataclass

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from gridlens.contracts.account_feature import ACCOUNT_FEATURE
from gridlens.contracts.score import SCORE
from gridlens.errors import SourceError
from gridlens.lease import writer_lease
from gridlens.models.definition import ModelDefinition
from gridlens.models.drift import Drift, judged, shifts
from gridlens.models.drift_profile import Profile
from gridlens.models.library import Model, named
from gridlens.models.reasons import explainer
from gridlens.models.scoring import decile_limits, with_band, with_decile
from gridlens.pipelines.declared import model_library
from gridlens.pipelines.drift_kept import drift_kept
from gridlens.pipelines.history import last_run
from gridlens.pipelines.model_log import DEFINITION, MEANS, PROFILE, scratch
from gridlens.pipelines.model_watch import seen_since, write_drift
from gridlens.pipelines.moments import of_moment
from gridlens.pipelines.options import ScoreOptions
from gridlens.pipelines.scores import JOB
from gridlens.pipelines.tag_state import Moment, required_features
from gridlens.runs import Run, logged, timed
from gridlens.settings import Settings
from gridlens.tables import literal_in
from gridlens.tracking import Loaded, Store, Version
from gridlens.warehouse import Warehouse

Say = Callable[[str], None]
REASONS = 5


@dataclass(frozen=True)
class BandSize:
    """Accounts in one band, and the mean of their scores."""

    band: str
    accounts: int
    mean_score: float | None


@dataclass(frozen=True)
class ScoreResult:
    """What was scored.

    Attributes:
        version: the champion. bands: of the definition, the lowest scores first.
        warnings: what has drifted since the version's test; retrain: the model is to be trained again. Where nothing is new, as kept.
    """

    run_id: str
    model: str
    version: int
    as_of: dt.date
    known_at: dt.datetime
    nothing_new: bool
    accounts: int
    bands: tuple[BandSize, ...]
    warnings: tuple[str, ...]
    retrain: bool
    seconds: float


def run_score(spark: SparkSession, settings: Settings, options: ScoreOptions, *, say: Say = print) -> ScoreResult:
    """Scores one moment, default that of the newest account features; scores of other versions and moments stay as they are.

    Raises:
        DefinitionError: a definition does not hold.
        SourceError: there are no account features of that day, or no account is in the population.
        RegistryError: the model has no champion, or it lacks a feature; PlatformError: the store does not answer. Nothing was changed.
    """
    model = named(model_library(settings), options.model)
    warehouse, store = Warehouse(spark, settings), Store.open(settings)
    version = store.version(model.id)
    with writer_lease(settings):
        moment = required_features(warehouse, options.as_of, options.known_at)
        run = Run(JOB, {"model": model.id}, as_of=moment.as_of, known_at=moment.known_at)
        run.fingerprints = {"version": str(version.version), "definition": model.fingerprint, "features": moment.run_id}
        with logged(warehouse, run):
            of_model = F.get_json_object("parameters", "$.model") == model.id
            last = last_run(warehouse, JOB, of_model, wrote=(SCORE,), part=model.id)
            run.nothing_new = last == (run.fingerprints, moment.as_of, moment.known_at)
            if run.nothing_new:
                drift = drift_kept(warehouse, version, moment.as_of, moment.known_at)
            else:
                drift = _score(warehouse, store, model, version, moment, run, say)
            where = of_version(model.id, version.version, moment)
            bands = _bands(warehouse.read(SCORE).where(where), model)
    accounts = sum(band.accounts for band in bands)
    at = (moment.as_of, moment.known_at)
    told = (drift.warnings, drift.retrain)
    return ScoreResult(run.run_id, model.id, version.version, *at, run.nothing_new, accounts, bands, *told, run.seconds)


def of_version(model: str, version: int, moment: Moment) -> str:
    """SQL condition on score_v1: the scores of one version at one moment."""
    values = {"model": model, "version": version, "as_of": moment.as_of, "known_at": moment.known_at}
    return " AND ".join(literal_in(column, [value]) for column, value in values.items())


def _score(warehouse: Warehouse, store: Store, model: Model, version: Version, moment: Moment, run: Run, say: Say) -> Drift:
    champion = store.load(model.id, version.version)
    features = warehouse.read(ACCOUNT_FEATURE).where(of_moment(moment.as_of, moment.known_at)).where(model.population.column())
    champion.check(features.select(*[name for name in champion.features if name in features.columns]).schema)
    scored = champion.model.transform(features.select("account_id", *champion.features)).persist()
    trained_by = ModelDefinition.model_validate(json.loads(store.served_text(version, DEFINITION)))
    try:
        with timed(say, f"{model.id}: version {version.version} scored"):
            limits = decile_limits(scored)
            if not limits:
                raise SourceError(f"model {model.id}: no account is in its population ({model.definition.population}) as of {moment.as_of}")
        with timed(say, f"{model.id}: reasons and writing"), scratch(warehouse.settings) as folder:
            means = json.loads(store.served_text(version, MEANS))
            told = explainer(warehouse.spark, champion.model, trained_by.features, folder=folder, background=means)
            reasons = told.explain(scored, top=REASONS, keep=["account_id", "prediction"])
            rows = with_band(with_decile(reasons, limits), model.definition.bands)
            where = of_version(model.id, version.version, moment)
            warehouse.replace(SCORE, _rows(rows, model, champion, moment), where=where, note=f"{run.note} {model.id}")
        run.wrote(f"gold.{SCORE.name}", scored.count())
        with timed(say, f"{model.id}: drift"):
            return _drift(warehouse, scored, model, Profile.from_json(store.served_text(version, PROFILE)), champion, moment, run)
    finally:
        scored.unpersist()


def _rows(rows: DataFrame, model: Model, champion: Loaded, moment: Moment) -> DataFrame:
    version = champion.version
    stamp = version.definition_fingerprint[: len(model.stamp)]
    given = {
        "model": model.id,
        "version": version.version,
        "as_of": moment.as_of,
        "known_at": moment.known_at,
        "definition": stamp,
        "run_id": version.run_id,
    }
    columns = {name: F.lit(value) for name, value in given.items()}
    return rows.withColumnRenamed("prediction", "score").withColumns(columns)


def _drift(warehouse: Warehouse, scored: DataFrame, model: Model, before: Profile, champion: Loaded, moment: Moment, run: Run) -> Drift:
    number = champion.version.version
    as_of, known_at, since = moment.as_of, moment.known_at, champion.version.facts_to
    seen = seen_since(warehouse, warehouse.settings, model, number, before, as_of=as_of, known_at=known_at, since=since)
    found = judged(shifts(scored, before), seen, before=before)
    write_drift(warehouse, found, model.id, number, moment.as_of, moment.known_at, run)
    return found


def _bands(scores: DataFrame, model: Model) -> tuple[BandSize, ...]:
    counted = scores.groupBy("band").agg(F.count("*").alias("n"), F.avg("score").alias("mean")).collect()
    found = {row["band"]: (row["n"], row["mean"]) for row in counted}
    return tuple(BandSize(band.id, *found.get(band.id, (0, None))) for band in model.definition.bands)
