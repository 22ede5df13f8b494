"""Training on any flat table: the same learner, judged by parts of the table that it has not seen, registered where a name is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from typing import Any

from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from gridlens.definitions import fingerprint_of
from gridlens.errors import SourceError
from gridlens.models.default_learner import DEFAULT_LEARNER
from gridlens.models.figures import Figures
from gridlens.models.fit import Fitted, fit
from gridlens.models.flat import AT, ROW, FlatTable, flat_table
from gridlens.models.metrics import evaluate
from gridlens.pipelines.changes import table_digest
from gridlens.pipelines.model_log import categories
from gridlens.pipelines.options import FlatOptions
from gridlens.runs import Run, timed
from gridlens.settings import Settings
from gridlens.tracking import CHAMPION, Store

Say = Callable[[str], None]
LAST = 0.8
"""Rows up to this quantile of time are trained on, the later ones judge."""
CAPACITY_PART = 10
"""The team's cases: one row in ten."""
SHOWN = 15


@dataclass(frozen=True)
class FlatResult:
    """What came of it.

    Attributes:
        split: how the rows that judge were kept apart.
        positive: value of the label that counts.
        roc_auc_low, roc_auc_high: 95 % interval.
        version: in the registry; None where no name was given.
        importances: share of each feature in what was learned, the largest first. left_out: columns not learned from, with the reason.
    """

    run_id: str
    data: str
    rows: int
    positives: int
    positive: str
    features: int
    split: str
    roc_auc: float | None
    roc_auc_low: float | None
    roc_auc_high: float | None
    pr_auc: float | None
    log_loss: float
    brier: float
    calibration_error: float
    lift_at_10: float | None
    version: int | None
    importances: tuple[dict[str, Any], ...]
    left_out: tuple[dict[str, Any], ...]
    seconds: float


def run_train_flat(spark: SparkSession, settings: Settings, options: FlatOptions, *, say: Say = print) -> FlatResult:
    """Trains on a table, judges by cross-validation or by its last fifth, then fits all rows; registers where a name is given.

    Raises:
        SourceError: the file cannot be read, a column is missing, or the rows cannot teach a model.
        PlatformError: the model store does not answer.
    """
    store = Store.open(settings) if options.name else None
    run = Run("train", {"data": options.data, "label": options.label})
    table = flat_table(
        _read(spark, options), label=options.label, key=options.key, positive=options.positive, without=options.without, at=options.by
    )
    rows = table.frame.persist()
    try:
        with timed(say, "judged"):
            scored, split = _unseen(rows, table, options, say)
            figures = evaluate(scored, capacity=max(1, rows.count() // CAPACITY_PART))
        with timed(say, "fitted to all rows"):
            fitted = _fit(rows, table)
        version = _register(store, options, table, fitted, figures, rows) if store else None
    finally:
        rows.unpersist()
    return FlatResult(
        run_id=run.run_id,
        data=options.data,
        rows=fitted.rows,
        positives=fitted.positives,
        positive=table.positive,
        features=len(table.features),
        split=split,
        roc_auc=figures.roc_auc,
        roc_auc_low=figures.roc_auc_low,
        roc_auc_high=figures.roc_auc_high,
        pr_auc=figures.pr_auc,
        log_loss=figures.log_loss,
        brier=figures.brier,
        calibration_error=figures.calibration_error,
        lift_at_10=figures.top[-1].lift,
        version=version,
        importances=tuple({"feature": name, "share": round(share, 4)} for name, share in fitted.importances[:SHOWN]),
        left_out=tuple({"column": name, "why": why} for name, why in table.left_out),
        seconds=run.seconds,
    )


def _read(spark: SparkSession, options: FlatOptions) -> DataFrame:
    path = options.data
    try:
        if path.casefold().removesuffix(".gz").endswith(".csv"):
            return spark.read.csv(path, header=True, inferSchema=True, sep=options.separator, quote='"', escape='"', enforceSchema=False)
        return spark.read.parquet(path)
    except AnalysisException as error:
        raise SourceError(
            f"{path}: cannot be read as a table; expected a CSV file with a header line (*.csv, *.csv.gz) or Parquet"
        ) from error


def _unseen(rows: DataFrame, table: FlatTable, options: FlatOptions, say: Say) -> tuple[DataFrame, str]:
    """Rows with the ``prediction`` of a model that was fitted without them, and how they were kept apart."""
    if options.by:
        limit = rows.agg(F.percentile_approx(AT, LAST, 10_000).alias("at")).collect()[0]["at"]
        if limit is None:
            raise SourceError(f"column {options.by} has no value: rows cannot be put in the order of time")
        fitted = _fit(rows.where(F.col(AT) <= limit), table)
        return _scored(fitted, rows.where(F.col(AT) > limit)), f"the rows with the latest {options.by}, about a fifth"
    part = F.pmod(F.xxhash64(F.lit("judged"), ROW), F.lit(options.folds))
    parts = []
    for fold in range(options.folds):
        with timed(say, f"part {fold + 1} of {options.folds}"):
            parts.append(_scored(_fit(rows.where(part != fold), table), rows.where(part == fold)))
    return reduce(DataFrame.unionByName, parts), f"cross-validation in {options.folds} parts"


def _fit(rows: DataFrame, table: FlatTable) -> Fitted:
    return fit(rows.drop(AT), table.features, DEFAULT_LEARNER, by=ROW)


def _scored(fitted: Fitted, rows: DataFrame) -> DataFrame:
    return fitted.pipeline.transform(rows).select("label", "prediction")


def _register(store: Store, options: FlatOptions, table: FlatTable, fitted: Fitted, figures: Figures, rows: DataFrame) -> int:
    """Logs and registers; champion where there is none yet, since a table says nothing of the accounts that a champion serves."""
    name = str(options.name)
    params = {"label": options.label, "positive": table.positive, "rows": fitted.rows, "learner": DEFAULT_LEARNER.model_dump(mode="json")}
    with store.run(name, params=params) as tracked:
        definition = fingerprint_of({"features": [f.model_dump() for f in table.features], **params})
        tracked.log_fingerprints(definition=definition, data=table_digest(rows))
        tracked.log_metrics(figures.as_metrics())
        tracked.log_json([dict(row) for row in fitted.candidates], "candidates.json")
        schema = rows.select(*[f"`{f.name}`" for f in table.features]).schema
        tracked.log_pipeline(fitted.pipeline, schema, categories=categories(table.features))
        version = tracked.register()
    if any(CHAMPION in other.aliases for other in store.versions(name)):
        return store.challenge(name, version.version, reason="trained on another table; promote it by hand where it is better").version
    return store.promote(name, version.version, reason="the first version").version
