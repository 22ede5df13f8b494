"""Earlier scores against what has become of the accounts since: labels that have arrived judge the version that scored."""

from __future__ import annotations

import datetime as dt
from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from gridlens.contracts.model import MODEL_DRIFT
from gridlens.contracts.score import SCORE
from gridlens.models.drift import USUAL, Drift, Limits, Moment, rolling_auc
from gridlens.models.drift_profile import Profile
from gridlens.models.figure_rows import drift_rows
from gridlens.models.labels import Window
from gridlens.models.library import Model
from gridlens.models.training import certain_until
from gridlens.pipelines.moments import of_micros, of_moment
from gridlens.pipelines.training_set import label_facts, last_known_day
from gridlens.runs import Run
from gridlens.settings import Settings
from gridlens.tables import literal_in
from gridlens.warehouse import Warehouse

MOST = 12
"""Moments looked back at, the newest ones."""


def seen_since(
    warehouse: Warehouse,
    settings: Settings,
    model: Model,
    version: int,
    before: Profile,
    *,
    as_of: dt.date,
    known_at: dt.datetime,
    limits: Limits = USUAL,
    since: dt.date | None = None,
    scores: DataFrame | None = None,
) -> tuple[Moment, ...]:
    """The AUC of a version's scores at each moment whose outcomes have all happened and are known; empty where none has yet.

    Args:
        model: whose label is built, as the definition now stands.
        version: whose scores are judged.
        before: the version's profile.
        as_of, known_at: last day of the facts, and what was known of them.
        since: last day of the facts that the version was made from: days before it, scored afterwards, may be those it learnt from.
        scores: of the version: account_id, as_of, known_at, score; default those of score_v1.
    """
    if scores is None:
        scores = warehouse.read(SCORE).where((F.col("model") == model.id) & (F.col("version") == version))
    if since is not None:
        scores = scores.where(F.col("as_of") >= F.lit(since))
    until = certain_until(model, last_known_day(settings, as_of, known_at))
    moments = _scored(scores.where((F.col("as_of") <= F.lit(until)) & (F.col("known_at") <= F.lit(known_at))))
    if not moments:
        return ()
    facts = label_facts(warehouse, settings, model.label.facts, as_of=as_of, known_at=known_at, label=model.label.name)
    told = model.definition.label
    parts: list[DataFrame] = []
    for day, known in moments:
        labels = model.label.rows(facts, Window(day, told.gap_days, told.horizon_days, as_of), model.arguments)
        of_day = scores.where(of_moment(day, known)).select("account_id", "as_of", F.col("score").alias(before.score))
        parts.append(of_day.join(labels.select("account_id", "label"), on="account_id", how="inner"))
    labelled = reduce(DataFrame.unionByName, parts).persist()
    try:
        return rolling_auc(labelled, before, limits=limits) if labelled.limit(1).count() else ()
    finally:
        labelled.unpersist()


def write_drift(warehouse: Warehouse, found: Drift, model: str, version: int, as_of: dt.date, known_at: dt.datetime, run: Run) -> None:
    """What a run saw of a version, into model_drift_v1, in place of what a run saw of the same moment before."""
    where = {"model_id": model, "model_version": str(version), "as_of": as_of, "known_at": known_at}
    rows = drift_rows(found, of={**where, "run_id": run.run_id})
    condition = " AND ".join(literal_in(column, [value]) for column, value in where.items())
    warehouse.replace(MODEL_DRIFT, warehouse.spark.createDataFrame(rows, MODEL_DRIFT.schema).coalesce(1), where=condition)
    run.wrote(f"gold.{MODEL_DRIFT.name}", len(rows))


def _scored(scores: DataFrame) -> list[tuple[dt.date, dt.datetime]]:
    """The newest MOST days that were scored, each at its newest moment of knowledge, oldest first."""
    newest = scores.groupBy("as_of").agg(F.unix_micros(F.max("known_at")).alias("known"))
    rows = newest.orderBy(F.desc("as_of")).limit(MOST).collect()
    return sorted((row["as_of"], of_micros(row["known"])) for row in rows)
