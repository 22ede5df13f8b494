"""What the judge of abnormal usage is worth: figures on examples that it did not learn from, beside the residual alone and the prior."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from gridlens.anomaly.definition import UsageDefinition, UsageGate
from gridlens.anomaly.learner import FOLDS, Learnt
from gridlens.errors import SourceError
from gridlens.models import metric_kernels as kernels
from gridlens.models.baselines import baseline_of, by_score
from gridlens.models.definition import Gate
from gridlens.models.figures import Baseline, Figures
from gridlens.models.gate import Decision, decide
from gridlens.models.metric_kernels import Counts
from gridlens.models.metrics import ALL, figures_of, score_counts

DETECTED = 0.8
"""Share of the changed examples at which alarms on the others are counted."""


@dataclass(frozen=True)
class JudgedUsage:
    """A judge on the examples of the half that it did not learn from, weighed by the other fold's examples.

    Attributes:
        figures: at the share of changed ones among the examples.
        baselines: the residual alone, and the prior.
        at_prior: figures that depend on that share, where it is the definition's prior.
        false_alarms: share of the other examples above the limit that detects DETECTED of the changed ones.
        decision: of the gate.
    """

    figures: Figures
    baselines: tuple[Baseline, ...]
    at_prior: dict[str, float]
    false_alarms: float | None
    decision: Decision

    def metrics(self) -> dict[str, float | None]:
        """Every figure under a flat name."""
        found: dict[str, float | None] = {**self.figures.as_metrics(), "false_alarms_at_80": self.false_alarms}
        found |= {f"at_prior.{name}": value for name, value in self.at_prior.items()}
        for one in self.baselines:
            found |= {f"baseline.{one.name}.{name}": getattr(one, name) for name in ("roc_auc", "pr_auc", "log_loss", "brier")}
        return found


def fold_of() -> Column:
    """The fold of an example, 0 or 1: that of its account."""
    return F.pmod(F.xxhash64(F.lit("fold"), F.col("account_id")), F.lit(FOLDS))


def judge_usage(learnt: Learnt, definition: UsageDefinition) -> JudgedUsage:
    """The figures and the gate's decision; raises SourceError where a fold of the accounts has no examples of either label."""
    told = learnt.unseen.groupBy(fold_of().alias("fold"), "label").count().count()
    if told < 2 * FOLDS:
        raise SourceError("too few accounts have examples to judge by what was learnt from others; load more meter data")
    # Q / (1 + Q) orders as the residual, log(1 + Q), does, and lies between 0 and 1.
    crossed = learnt.crossed(fold_of()).select("label", "prediction", (1 - F.exp(-F.col("residual"))).alias("strange")).persist()
    try:
        counts, strange = _counts(crossed, "prediction"), _counts(crossed, "strange")
    finally:
        crossed.unpersist()
    capacity = definition.visits.per_week
    figures = figures_of({ALL: counts}, capacity=capacity)
    constant = by_score(np.array([figures.rate]), np.array([[figures.rows, figures.positives]], dtype=float))
    baselines = (
        baseline_of("residual", None, strange, capacity, probability=False),
        baseline_of("prior", None, constant, capacity),
    )
    decision = decided(definition.gate, figures, baselines)
    return JudgedUsage(figures, baselines, _at(definition.prior, counts), kernels.false_alarms(counts, DETECTED), decision)


def decided(gate: UsageGate, figures: Figures, baselines: Sequence[Baseline]) -> Decision:
    """Whether the judge may serve: by the gate of all models, with the limits of the definition."""
    limits = Gate(min_gain=gate.min_gain, max_calibration_error=gate.max_calibration_error)
    return decide(limits, figures, baselines=baselines)


def misuse_figures(shares: DataFrame | None) -> dict[str, float | None]:
    """Accounts, and the ROC-AUC, of the forest that tells households from businesses, each judged by the other half's; none where None."""
    if shares is None:
        return {}
    counts = _counts(shares, "share")
    return {"households": counts.total - counts.found, "businesses": counts.found, "roc_auc": kernels.roc_auc(counts)}


def _counts(rows: DataFrame, score: str) -> Counts:
    return score_counts(rows, score=score)[ALL]


def _at(prior: float, counts: Counts) -> dict[str, float]:
    rare = kernels.at_rate(counts, prior)
    found = {"pr_auc": kernels.average_precision(rare) or 0.0}
    for top in kernels.top_shares(rare):
        known = {"precision": top.precision, "lift": top.lift or 0.0, "capture": top.capture or 0.0}
        found |= {f"{name}_at_{100 * top.share:g}": value for name, value in known.items()}
    return found
