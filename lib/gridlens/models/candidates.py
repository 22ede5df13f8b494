"""Trying an algorithm's settings: fitted on all folds but one, judged on that one, for every fold."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial, reduce
from statistics import fmean
from typing import Any

import numpy as np
from pyspark.ml import Model, Transformer
from pyspark.ml.functions import vector_to_array
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from gridlens.models import metric_kernels as kernels
from gridlens.models import xgboost_extra
from gridlens.models.algorithms import BOOSTED, DEFAULTS, estimator, probability_column
from gridlens.models.definition import AlgorithmDefinition, Kind
from gridlens.models.metrics import score_counts
from gridlens.models.preparation import Preparation
from gridlens.threads import side_by_side


@dataclass(frozen=True)
class Candidate:
    """An algorithm with its settings, all of them named."""

    kind: Kind
    settings: Mapping[str, float]


@dataclass(frozen=True)
class Tried:
    """A candidate and what came of it.

    Attributes:
        candidate: with the number of trees that early stopping kept.
        models: fitted without fold 0, 1, …
        roc_auc, log_loss: on the fold that each did not see.
    """

    candidate: Candidate
    models: tuple[Model, ...]
    roc_auc: tuple[float, ...]
    log_loss: tuple[float, ...]

    def as_row(self) -> dict[str, Any]:
        """For logs and model cards."""
        return {
            "algorithm": self.candidate.kind,
            "settings": dict(self.candidate.settings),
            "roc_auc": [round(value, 6) for value in self.roc_auc],
            "log_loss": [round(value, 6) for value in self.log_loss],
            "mean_roc_auc": round(fmean(self.roc_auc), 6),
            "mean_log_loss": round(fmean(self.log_loss), 6),
        }


@dataclass(frozen=True)
class Ready:
    """Prepared training rows and how estimators read them.

    Attributes:
        rows: ``label`` (double), ``fold`` (int), the vectors, and the weight where there is one; see :func:`gridlens.models.fit.fit`.
        prepared: what the vectors hold.
        folds: how many.
        weight: column with the rows' weights.
        signs: by place of ``tree_features``, see :func:`gridlens.models.algorithms.estimator`.
        seed: of every random choice.
    """

    rows: DataFrame
    prepared: Preparation
    folds: int
    weight: str | None
    signs: tuple[int, ...]
    seed: int

    @property
    def spark(self) -> SparkSession:
        return self.rows.sparkSession

    def estimator(self, candidate: Candidate) -> Any:
        return estimator(candidate.kind, candidate.settings, self.prepared, seed=self.seed, weight=self.weight, signs=self.signs)

    def fit(self, candidate: Candidate, without: int | None = None) -> Model:
        """Fitted on all rows, or on those of all folds but one."""
        model: Model = self.estimator(candidate).fit(self.rows if without is None else self.without(without))
        return model

    def without(self, fold: int) -> DataFrame:
        return self.rows.where(F.col("fold") != fold)

    def only(self, fold: int) -> DataFrame:
        return self.rows.where(F.col("fold") == fold)


def candidates(algorithm: AlgorithmDefinition) -> list[Candidate]:
    """Every combination of the grid, in the grid's order."""
    names = list(algorithm.grid)
    return [
        Candidate(algorithm.kind, DEFAULTS[algorithm.kind] | dict(zip(names, values, strict=True)))
        for values in itertools.product(*(algorithm.grid[name] for name in names))
    ]


def tried(ready: Ready, wanted: Sequence[Candidate]) -> list[Tried]:
    """Fits and judges each candidate on every fold.

    The number of trees of a boosting is chosen on fold 0: all of them are fitted, and those up to the least held-out loss stay. MLlib's own
    early stopping ends at the first round that is not better, on noisy data far too soon: at 34 trees with an AUC of 0.670 where 144 had
    0.691 (powerco_churn, a stand-in of MLlib's trees, 2026-11).
    """
    boosted = [i for i, one in enumerate(wanted) if one.kind in BOOSTED]
    plain = [(i, fold) for i, one in enumerate(wanted) if one.kind not in BOOSTED for fold in range(ready.folds)]
    first = [partial(_stopped, ready, wanted[i]) for i in boosted] + [partial(ready.fit, wanted[i], fold) for i, fold in plain]
    done = side_by_side(ready.spark, first)
    kept, models = list(wanted), dict(zip(plain, done[len(boosted) :], strict=True))
    for i, (found, model) in zip(boosted, done, strict=False):
        kept[i] = found
        models |= {(i, 0): model} if model is not None else {}
    waiting = [(i, fold) for i in boosted for fold in range(ready.folds) if (i, fold) not in models]
    models |= zip(waiting, side_by_side(ready.spark, [partial(ready.fit, kept[i], fold) for i, fold in waiting]), strict=True)
    return [_judged(ready, one, [models[i, fold] for fold in range(ready.folds)]) for i, one in enumerate(kept)]


def _stopped(ready: Ready, candidate: Candidate) -> tuple[Candidate, Model | None]:
    """The candidate with the trees to keep, and its model without fold 0 where that has just as many."""
    most = int(candidate.settings["trees"])
    if candidate.kind == "xgboost":
        trees, model = xgboost_extra.best_rounds(ready.estimator(candidate), ready.rows, F.col("fold") == 0), None
    else:
        model = ready.fit(candidate, 0)
        trees = int(np.argmin(model.evaluateEachIteration(ready.only(0)))) + 1  # type: ignore[attr-defined]
    return Candidate(candidate.kind, {**candidate.settings, "trees": trees}), model if trees == most else None


def out_of_fold(ready: Ready, by_fold: Sequence[Sequence[Transformer]]) -> DataFrame:
    """The rows of each fold with what the stages for that fold add to them."""
    parts = [reduce(lambda rows, stage: stage.transform(rows), stages, ready.only(fold)) for fold, stages in enumerate(by_fold)]
    return reduce(DataFrame.unionAll, parts)


def _judged(ready: Ready, candidate: Candidate, models: Sequence[Model]) -> Tried:
    scored = out_of_fold(ready, [[model] for model in models])
    own = scored.select("label", "fold", vector_to_array(F.col(probability_column(candidate.kind)))[1].alias("own"))
    counted = score_counts(own, score="own", by=("fold",))
    by_fold = [counted["fold", str(fold)] for fold in range(ready.folds)]
    areas = [kernels.roc_auc(counts) for counts in by_fold]
    return Tried(
        candidate,
        tuple(models),
        tuple(0.5 if area is None else area for area in areas),
        tuple(counts.log_loss / counts.total for counts in by_fold),
    )
