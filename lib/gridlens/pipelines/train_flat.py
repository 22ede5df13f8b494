"""Training on any flat table: the same learner, judged by parts of the table that it has not seen, registered where a name is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from gridlens.errors import SourceError
from gridlens.models.baselines import baselines
from gridlens.models.default_learner import DEFAULT_LEARNER
from gridlens.models.fit import Fitted, fit
from gridlens.models.flat import AT, ROW, FlatTable, flat_table
from gridlens.models.leakage import refuse_leaks
from gridlens.models.metrics import evaluate
from gridlens.pipelines.flat_log import FlatModel, best_baseline, in_own_names, refuse_taken, register
from gridlens.pipelines.options import FlatOptions
from gridlens.runs import Run, timed
from gridlens.settings import Settings
from gridlens.tracking import Store
from gridlens.tracking.packaging import IDENTIFIERS

Say = Callable[[str], None]
LAST = 0.8
"""Rows up to about this quantile of time are trained on, the later ones judge."""
CAPACITY_PART = 10
"""The team's cases: one row in ten."""
SHOWN = 15
_LEAK = "it seems to know the outcome; leave it out by --without, or name it under --strong where it was known before"


@dataclass(frozen=True)
class FlatResult:
    """What came of it.

    Attributes:
        split: how the rows that judge were kept apart.
        positive: value of the label that counts.
        roc_auc_low, roc_auc_high: 95 % interval.
        best_baseline, best_baseline_auc: the best of what is known without a model.
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
    best_baseline: str | None
    best_baseline_auc: float | None
    version: int | None
    importances: tuple[dict[str, Any], ...]
    left_out: tuple[dict[str, Any], ...]
    seconds: float


def run_train_flat(spark: SparkSession, settings: Settings, options: FlatOptions, *, say: Say = print) -> FlatResult:
    """Trains on a table, judges by cross-validation or by about its last fifth, then fits all rows; registers where a name is given.

    Raises:
        SettingsError: the name is that of a model of the library.
        SourceError: the file cannot be read, a column is missing or tells the label almost alone, or the rows cannot teach a model.
        PlatformError: the model store does not answer.
    """
    if options.name:
        refuse_taken(settings, options.name)
    store = Store.open(settings) if options.name else None
    run = Run("train", {"data": options.data, "label": options.label})
    table = flat_table(
        _read(spark, options),
        label=options.label,
        key=options.key,
        positive=options.positive,
        without=options.without,
        at=options.by,
        strong=options.strong,
        identifiers=IDENTIFIERS,
    )
    rows = table.frame.persist()
    try:
        refuse_leaks(rows, table.features, names=table.names, remedy=_LEAK)
        made = _made(rows, table, options, say)
        version = register(store, made, run) if store else None
    finally:
        rows.unpersist()
    return _result(run, made, version)


def _made(rows: DataFrame, table: FlatTable, options: FlatOptions, say: Say) -> FlatModel:
    capacity = max(1, rows.count() // CAPACITY_PART)
    with timed(say, "judged"):
        parts, split = _parts(rows, options)
        scored = []
        for number, (train, test) in enumerate(parts, 1):
            with timed(say, f"part {number} of {len(parts)}"):
                scored.append(_fit(train, table).pipeline.transform(test).select("label", "prediction"))
        figures = evaluate(reduce(DataFrame.unionByName, scored), capacity=capacity)
        # Of cross-validation the one rule is chosen and judged on all rows: rather a little too good than too bad.
        simple = baselines(*(parts[0] if options.by else (rows, rows)), table.features, capacity=capacity, by=ROW)
        simple = tuple(replace(one, feature=table.names[one.feature]) if one.feature else one for one in simple)
    with timed(say, "fitted to all rows"):
        fitted = _fit(rows, table)
    return FlatModel(options, table, rows, fitted, figures, simple, split, capacity, DEFAULT_LEARNER)


def _result(run: Run, made: FlatModel, version: int | None) -> FlatResult:
    fitted, figures, table = in_own_names(made.fitted, made.table), made.figures, made.table
    best = best_baseline(made.baselines)
    return FlatResult(
        run_id=run.run_id,
        data=made.options.data,
        rows=fitted.rows,
        positives=fitted.positives,
        positive=table.positive,
        features=len(table.features),
        split=made.split,
        roc_auc=figures.roc_auc,
        roc_auc_low=figures.roc_auc_low,
        roc_auc_high=figures.roc_auc_high,
        pr_auc=figures.pr_auc,
        log_loss=figures.log_loss,
        brier=figures.brier,
        calibration_error=figures.calibration_error,
        lift_at_10=figures.top[-1].lift,
        best_baseline=f"{best.name} {best.feature or ''}".strip() if best else None,
        best_baseline_auc=best.roc_auc if best else None,
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


def _parts(rows: DataFrame, options: FlatOptions) -> tuple[list[tuple[DataFrame, DataFrame]], str]:
    """Pairs of rows to fit and rows to judge by, and how they were kept apart."""
    if options.by:
        return _by_time(rows, options.by)
    part = F.pmod(F.xxhash64(F.lit("judged"), ROW), F.lit(options.folds))
    parts = [(rows.where(part != fold), rows.where(part == fold)) for fold in range(options.folds)]
    return parts, f"cross-validation in {options.folds} parts"


def _by_time(rows: DataFrame, by: str) -> tuple[list[tuple[DataFrame, DataFrame]], str]:
    """The later rows judge: about a fifth. The day at the border goes to the side that comes nearer, and leaves rows on both.

    Raises:
        SourceError: the rows cannot be parted by time, or all later ones have the same label.
    """
    limit = rows.agg(F.percentile_approx(AT, LAST, 10_000).alias("at")).collect()[0]["at"]
    if limit is None:
        raise SourceError(f"column {by} has no value: rows cannot be put in the order of time; leave --by out")
    at = F.col(AT)
    cuts = {"after": (at <= limit, at > limit), "from": (at < limit, at >= limit)}
    sums = [F.count_if(late).alias(name) for name, (_, late) in cuts.items()]
    sums += [F.count_if(late & (F.col("label") == 1)).alias(f"{name}_positives") for name, (_, late) in cuts.items()]
    found = rows.where(at.isNotNull()).agg(F.count("*").alias("rows"), *sums).collect()[0]
    apart = [name for name in cuts if 0 < found[name] < found["rows"]]
    if not apart:
        raise SourceError(
            f"column {by} has one value only: rows cannot be put in the order of time; leave --by out, or name a finer column"
        )
    both = [name for name in apart if 0 < found[f"{name}_positives"] < found[name]]
    if not both:
        raise SourceError(f"the rows with the latest {by} all have the same label: nothing can be judged by them; leave --by out")
    chosen = min(both, key=lambda name: abs(found[name] / found["rows"] - (1 - LAST)))
    early, late = cuts[chosen]
    return [(rows.where(early), rows.where(late))], f"the rows with the latest {by}, {found[chosen] / found['rows']:.0%} of them"


def _fit(rows: DataFrame, table: FlatTable) -> Fitted:
    return fit(rows.drop(AT), table.features, DEFAULT_LEARNER, by=ROW)
