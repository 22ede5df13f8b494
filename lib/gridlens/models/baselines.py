"""What is known without a model: the prior, the best single feature, the last value; judged on the same rows as the model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pyspark.sql import DataFrame

from gridlens.errors import SourceError
from gridlens.models import metric_kernels as kernels
from gridlens.models.definition import ModelFeature
from gridlens.models.feature_bins import Bins, bins_of, counted
from gridlens.models.figures import Baseline
from gridlens.models.metric_kernels import Counts

PSEUDO_ROWS = 10.0
"""Rows with the prior's rate that are added to every cell, so that a small one promises little."""
_FINE = 200
"""Cells of a last value: a count has one for each number, anything else is told apart by 0.5 % of the rows."""
_LEAST = 1e-15


def baselines(
    train: DataFrame,
    test: DataFrame,
    features: Sequence[ModelFeature],
    *,
    capacity: int,
    last_value: str | None = None,
    label: str = "label",
    by: str = "account_id",
) -> tuple[Baseline, ...]:
    """The baselines, in the order prior, one rule, last value.

    The one rule is the feature whose rates by cell order the training rows best (R. Holte 1993, Very Simple Classification Rules); its
    rates come from the training rows and are judged on the test rows.

    Args:
        train, test: labelled rows with the features.
        features: those to choose the one rule from.
        capacity: cases that the team can work on.
        last_value: a column of numbers whose higher values stand for a higher risk, missing ones for the least; ``None`` leaves it out.
        label: column with 0 or 1.
        by: column by whose hash the rows are chosen that cells are taken from.

    Raises:
        SourceError: a column is not there, or there is no row.
    """
    bins = bins_of(train, features, by=by)
    known = counted(train, bins, label=label)
    rates = {b.name: _rates(known[b.name]) for b in bins}
    best = max(bins, key=lambda b: kernels.roc_auc(by_score(rates[b.name], known[b.name])) or 0.5, default=None)
    if best is None:
        raise SourceError("there is no feature to choose a baseline from")
    last = bins_of(train, [ModelFeature(name=last_value)], by=by, cells=_FINE) if last_value else ()
    chosen = (best, *(Bins("_last", "number", b.cuts) for b in last))
    judged = counted(test.withColumns({"_last": last[0].column}) if last else test, chosen, label=label)
    prior = known[best.name].sum(axis=0)
    constant = np.array([prior[1] / prior[0]])
    found = [
        baseline_of("prior", None, by_score(constant, judged[best.name].sum(axis=0, keepdims=True)), capacity),
        baseline_of("one_rule", best.name, by_score(rates[best.name], judged[best.name]), capacity),
    ]
    if last:
        cells = judged["_last"]
        order = np.concatenate([np.arange(1, len(cells)), [0]]).astype(float)  # the cell of what is missing is the last one: lowest
        found.append(baseline_of("last_value", last_value, by_score(order, cells), capacity, probability=False))
    return tuple(found)


def _rates(cells: np.ndarray) -> np.ndarray:
    """The smoothed rate of positives of every cell. Shape (cells,)."""
    rows, positives = cells.sum(axis=0)
    return (cells[:, 1] + PSEUDO_ROWS * positives / rows) / (cells[:, 0] + PSEUDO_ROWS)


def by_score(scores: np.ndarray, cells: np.ndarray) -> Counts:
    """Counts by score of cells that have one score each; cells with the same score are one place. Shapes (cells,), (cells, 2)."""
    distinct, at = np.unique(scores, return_inverse=True)
    rows, positives = (np.bincount(at, weights=cells[:, i], minlength=len(distinct)) for i in (0, 1))
    there = rows > 0
    p, n, y = distinct[there], rows[there], positives[there]
    inside = np.clip(p, _LEAST, 1 - _LEAST)
    loss = -(y * np.log(inside) + (n - y) * np.log(1 - inside)).sum()
    return Counts(p, n, y, float(loss), float((y * (1 - p) ** 2 + (n - y) * p**2).sum()))


def baseline_of(name: str, feature: str | None, counts: Counts, capacity: int, *, probability: bool = True) -> Baseline:
    """The figures of a baseline from its counts by score.

    Args:
        name, feature: see Baseline.
        counts: on the rows that the model is judged on.
        capacity: cases that the team can work on.
        probability: the scores are probabilities; otherwise they give an order only.

    Raises:
        SourceError: there is no row.
    """
    if not counts.total:
        raise SourceError("there is no row to judge the baselines by")
    top = kernels.top_shares(counts)[-1]
    return Baseline(
        name=name,
        feature=feature,
        roc_auc=kernels.roc_auc(counts),
        pr_auc=kernels.average_precision(counts) if counts.both_classes else None,
        log_loss=counts.log_loss / counts.total if probability else None,
        brier=counts.brier / counts.total if probability else None,
        capture_at_10=top.capture,
        precision_at_capacity=kernels.at_capacity(counts, capacity).precision,
    )
