"""Fitting a model: preparation, candidates by folds of customers, calibration on what they did not see, and the final pipeline."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import fmean
from typing import Any

from pyspark.ml import Model, PipelineModel
from pyspark.ml.feature import StandardScaler
from pyspark.ml.functions import vector_to_array
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from gridlens.errors import SourceError, nearest
from gridlens.models.algorithms import importances, margin_column, margin_stage, needs_trees
from gridlens.models.calibration import fit_calibration
from gridlens.models.candidates import Ready, Tried, candidates, out_of_fold, tried
from gridlens.models.columns import check_columns
from gridlens.models.definition import Kind, LearnerDefinition, ModelFeature
from gridlens.models.preparation import LINEAR_FEATURES, TREE_FEATURES, Profile, fit_preparation, profile
from gridlens.threads import side_by_side

MIN_POSITIVES = 20
"""Fewer rows of either label cannot be told from chance in a fold."""
ROWS_PER_PARTITION = 50_000
"""Fewer and larger partitions: a boosting starts a job for each level of each tree, and on few rows the tasks cost more than the work."""
LABEL, WEIGHT = "label", "weight"


@dataclass(frozen=True)
class Fitted:
    """A fitted model.

    Attributes:
        pipeline: stock MLlib stages from the raw feature columns to ``prediction``, the calibrated probability.
        candidates: a row each: algorithm, settings, roc_auc and log_loss by fold and their means.
        chosen: those of the candidates that the pipeline holds, with their ``weight`` in the log odds.
        importances: feature and its share in what was learned, largest first.
        left_out: features without any value in the training rows.
        rows, positives: trained on.
    """

    pipeline: PipelineModel
    candidates: tuple[dict[str, Any], ...]
    chosen: tuple[dict[str, Any], ...]
    importances: tuple[tuple[str, float], ...]
    left_out: tuple[str, ...]
    rows: int
    positives: int


def fit(
    train: DataFrame,
    features: Sequence[ModelFeature],
    learner: LearnerDefinition,
    *,
    label: str = "label",
    by: str = "account_id",
    say: Callable[[str], None] = lambda _: None,
) -> Fitted:
    """Fits, chooses, blends and calibrates.

    The rows of one ``by`` are in one fold. Rows are laid out by hashes of their content, so that neither their order nor their partitions
    decide what is sampled; MLlib adds up partial sums in the order in which they come, which can change last digits.

    Args:
        train: the training rows: features, label, ``by``, and ``weight`` where rows count differently.
        features: the columns to read.
        learner: candidates, folds, calibration, seed.
        label: column with 0 or 1.
        by: column whose values stay together.
        say: told what is going on.

    Raises:
        SourceError: a column is missing or of another type; the label is not 0 or 1, has one class, or too few rows of one.
        DefinitionError: an algorithm that is not installed, or settings that exclude each other.
    """
    _require_columns(train, features, label, by)
    rows, positives = _counted(train, label)
    given, learner = learner.algorithms, learner.with_positives(positives)
    for algorithm in given:
        if algorithm not in learner.algorithms:
            say(f"{algorithm.kind} is not tried: {positives:,} positives, it asks for {algorithm.min_positives:,}")
    weight = WEIGHT if WEIGHT in train.columns else None
    laid_out = _laid_out(train, features, learner, label, by, weight, rows).persist()
    found = profile(laid_out, features, min_category_share=learner.min_category_share)
    if not found.numbers and not found.categories:
        raise SourceError("the training rows: no feature has a value in any row; check how the rows were made")
    _require_folds(laid_out, by)
    ready = _ready(laid_out, found, learner, weight)
    say(f"{rows:,} rows, {positives:,} positives, {len(found.numbers) + len(found.categories)} features")
    every, best = _chosen(ready, learner, say)
    margins = _margins(ready, best).localCheckpoint()
    calibration = fit_calibration(margins, [one.candidate.kind for one in best], learner.calibration, weight=weight)
    say("fitting " + ", ".join(_told(one) for one in best) + " on all rows")
    models = side_by_side(ready.spark, [partial(ready.fit, one.candidate) for one in best])
    shares = _importances(ready, best, models, margins, calibration.weights)
    laid_out.unpersist()
    return Fitted(
        pipeline=PipelineModel(stages=[*ready.prepared.stages, *models, *calibration.stages]),
        candidates=tuple(one.as_row() for one in every),
        chosen=tuple(one.as_row() | {"weight": calibration.weights[one.candidate.kind]} for one in best),
        importances=shares,
        left_out=found.left_out,
        rows=rows,
        positives=positives,
    )


def _require_columns(train: DataFrame, features: Sequence[ModelFeature], label: str, by: str) -> None:
    for needed in (label, by):
        if needed not in train.columns:
            hint = nearest(needed, train.columns, "name the label, and the column whose rows stay together")
            raise SourceError(f"the training rows: there is no column {needed}; {hint}")
    check_columns(dict(train.dtypes), features, "the training rows")


def _counted(train: DataFrame, label: str) -> tuple[int, int]:
    """Rows and positives of labels that can be learned; raises SourceError where they cannot."""
    kind = dict(train.dtypes)[label]
    if kind.partition("(")[0] not in ("boolean", "tinyint", "smallint", "int", "bigint", "float", "double", "decimal"):
        raise SourceError(f"the training rows: the label {label} is {kind}, expected 0 or 1; make it a number where the rows are made")
    value = F.col(_quoted(label)).cast("double")
    right = value.isin(0.0, 1.0)
    found = train.agg(
        F.count(F.lit(1)).alias("rows"),
        F.count_if(value == 1).alias("positives"),
        F.count_if(~F.coalesce(right, F.lit(False))).alias("wrong"),
    ).collect()[0]
    rows, positives = found["rows"], found["positives"]
    if found["wrong"]:
        raise SourceError(f"the training rows: {found['wrong']:,} of {rows:,} have a {label} that is neither 0 nor 1; leave them out")
    if positives in (0, rows):
        what = f"all {rows:,} have the {label} {int(positives > 0)}" if rows else "there is none"
        raise SourceError(f"the training rows: {what}; rows of both labels are needed")
    if min(positives, rows - positives) < MIN_POSITIVES:
        few, fewest = int(positives < rows - positives), min(positives, rows - positives)
        raise SourceError(
            f"the training rows: {fewest} of {rows:,} have the {label} {few}, at least {MIN_POSITIVES} are needed; "
            "take a longer time or more customers"
        )
    return rows, positives


def _laid_out(
    train: DataFrame, features: Sequence[ModelFeature], learner: LearnerDefinition, label: str, by: str, weight: str | None, rows: int
) -> DataFrame:
    """The columns that are read, with ``fold``, in an order and in partitions that their content decides."""
    names = [_quoted(feature.name) for feature in features]
    place = F.xxhash64(F.lit(learner.seed), _quoted(by))
    chosen = train.select(
        F.col(_quoted(label)).cast("double").alias(LABEL),
        *([F.col(weight).cast("double").alias(WEIGHT)] if weight else []),
        place.alias("_place"),
        F.xxhash64(*names, _quoted(label)).alias("_content"),
        *names,
    )
    parts = math.ceil(rows / ROWS_PER_PARTITION)
    folded = chosen.withColumn("fold", F.pmod("_place", F.lit(learner.folds)).cast("int"))
    return folded.repartition(parts, "_place").sortWithinPartitions("_place", "_content")


def _require_folds(laid_out: DataFrame, by: str) -> None:
    counts = laid_out.groupBy("fold").agg(F.sum(LABEL).alias("positives"), F.count(F.lit(1)).alias("rows")).collect()
    positives, rows = sum(row["positives"] for row in counts), sum(row["rows"] for row in counts)
    for row in counts:
        if positives == row["positives"] or rows - positives == row["rows"] - row["positives"]:
            raise SourceError(
                f"the training rows: too few {by} have rows of either label to learn from some and judge by others; take more"
            )


def _ready(laid_out: DataFrame, found: Profile, learner: LearnerDefinition, weight: str | None) -> Ready:
    """The prepared rows, cut off from what made them: every task of a fit would carry the plan, and took twice the time by it (2026-11)."""
    kinds = [algorithm.kind for algorithm in learner.algorithms]
    trees, linear = any(map(needs_trees, kinds)), not all(map(needs_trees, kinds))
    prepared = fit_preparation(laid_out, found, trees=trees, linear=linear)
    vectors = [name for name, wanted in ((TREE_FEATURES, trees), (LINEAR_FEATURES, linear)) if wanted]
    rows = PipelineModel(stages=list(prepared.stages)).transform(laid_out).select(LABEL, "fold", *([WEIGHT] if weight else []), *vectors)
    signs = {feature.name: {"increasing": 1, "decreasing": -1}.get(feature.monotone or "", 0) for feature in found.numbers}
    measured = len(found.numbers)  # the places of trees begin with them; flags of gaps and codes have no direction
    of_trees = tuple(signs[name] if place < measured else 0 for place, name in enumerate(prepared.tree))
    return Ready(rows.localCheckpoint(), prepared, learner.folds, weight, of_trees, learner.seed)


def _chosen(ready: Ready, learner: LearnerDefinition, say: Callable[[str], None]) -> tuple[list[Tried], list[Tried]]:
    """All candidates, and the best one, or for a blend the best one of every algorithm, by the mean AUC of the folds."""
    wanted = [candidate for algorithm in learner.algorithms for candidate in candidates(algorithm)]
    say(f"trying {len(wanted)} candidates on {learner.folds} folds")
    every = tried(ready, wanted)
    for one in every:
        say(_told(one))
    ranked = sorted(every, key=lambda one: -fmean(one.roc_auc))
    if learner.combine == "best":
        return every, ranked[:1]
    kinds = dict.fromkeys(candidate.kind for candidate in wanted)
    return every, [next(one for one in ranked if one.candidate.kind == kind) for kind in kinds]


def _told(one: Tried) -> str:
    settings = ", ".join(f"{name} {value:g}" for name, value in one.candidate.settings.items())
    return f"{one.candidate.kind} ({settings}): AUC {fmean(one.roc_auc):.4f}"


def _margins(ready: Ready, best: Sequence[Tried]) -> DataFrame:
    """Label, weight and margins of all rows, by the models that did not see them."""
    by_fold = [[stage for one in best for stage in (one.models[fold], margin_stage(one.candidate.kind))] for fold in range(ready.folds)]
    columns = [LABEL, *([WEIGHT] if ready.weight else []), *(margin_column(one.candidate.kind) for one in best)]
    return out_of_fold(ready, by_fold).select(*columns)


def _importances(
    ready: Ready, best: Sequence[Tried], models: Sequence[Model], margins: DataFrame, weights: Mapping[Kind, float]
) -> tuple[tuple[str, float], ...]:
    """Each algorithm's shares, weighed by how much its margin moves the log odds."""
    linear = any(not needs_trees(one.candidate.kind) for one in best)
    spread = StandardScaler(inputCol=LINEAR_FEATURES, outputCol="_scaled").fit(ready.rows).std.toArray() if linear else None
    moved = [F.stddev(vector_to_array(F.col(margin_column(one.candidate.kind)))[0]) for one in best]
    deviations = margins.agg(*moved).collect()[0]
    totals: dict[str, float] = {}
    for one, model, deviation in zip(best, models, deviations, strict=True):
        share = abs(weights[one.candidate.kind]) * (deviation or 0.0)
        for name, value in importances(one.candidate.kind, model, ready.prepared, spread).items():
            totals[name] = totals.get(name, 0.0) + share * value
    whole = sum(totals.values()) or 1.0
    return tuple(sorted(((name, value / whole) for name, value in totals.items()), key=lambda pair: (-pair[1], pair[0])))


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"
