"""How good scores are: the figures of one version on one set of rows, as plain numbers without Spark."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter

_NO_METRIC_NAME = re.compile(r"[^\w.\-]+")
MORE = 10.0
"""Positives by which a ratio is drawn towards what is usual: without them 14 predicted and none seen gave a ratio of 29."""


@dataclass(frozen=True)
class CalibrationBin:
    """One of ten bins with equally many rows, lowest scores first: mean score against the observed rate."""

    rows: float
    mean_score: float
    observed_rate: float


@dataclass(frozen=True)
class TopShare:
    """The rows with the highest scores.

    Attributes:
        share: of all rows, such as 0.05.
        rows: that share of the rows, rounded up.
        precision: share of positives among them.
        lift: precision over the rate of all rows; None without positives.
        capture: share of all positives that is among them (recall); None without positives.
    """

    share: float
    rows: int
    precision: float
    lift: float | None
    capture: float | None


@dataclass(frozen=True)
class AtCapacity:
    """What the team meets that works on the highest scores.

    Attributes:
        cases: it can work on, or all rows where there are fewer.
        hits: positives among them; their expected number where equal scores lie across the limit.
        precision, recall: hits over cases, and over all positives.
    """

    cases: int
    hits: float
    precision: float
    recall: float | None


@dataclass(frozen=True)
class Cost:
    """What decisions by score cost, per row, in the settings' currency.

    Attributes:
        per_row: acting from the cheapest threshold up, which was found on these very rows.
        threshold: that threshold; None where acting on nobody is cheapest.
        acted: rows acted on.
        at_expected: cost from the score up at which acting pays by expectation, in_vain / (in_vain + missed): C. Elkan 2001, The
            Foundations of Cost-Sensitive Learning. Nothing is fitted to these rows, so that it is the honest one.
        expected_threshold: that score.
        of_none, of_all: cost of acting on nobody, and on everybody.
    """

    per_row: float
    threshold: float | None
    acted: int
    at_expected: float
    expected_threshold: float
    of_none: float
    of_all: float


@dataclass(frozen=True)
class GroupFigures:
    """The figures of one group.

    Attributes:
        column, value: such as category, residential.
        rows, positives: counts.
        mean_score, observed_rate: predicted and observed rate.
        ratio: predicted over observed positives, drawn towards that of all rows as by ten positives more: few cases say little.
        roc_auc: None where the group has one class only.
        selected: share of the group's rows among the cases of the team's capacity.
        recall: share of the group's positives among them; None without positives.
        judged: the ratio counts in the disparity: there are enough predicted or observed positives, and it is not the rest without an age
            (companies, most of them), who are told from persons by category.
    """

    column: str
    value: str
    rows: int
    positives: int
    mean_score: float
    observed_rate: float
    ratio: float
    roc_auc: float | None
    selected: float
    recall: float | None
    judged: bool


def farthest_apart(groups: Sequence[GroupFigures]) -> tuple[GroupFigures, GroupFigures] | None:
    """The judged groups of one column between whose ratios the factor is greatest, the lower first; None where no column has two."""
    by_column: dict[str, list[GroupFigures]] = {}
    for group in groups:
        if group.judged:
            by_column.setdefault(group.column, []).append(group)
    pairs = [(min(own, key=attrgetter("ratio")), max(own, key=attrgetter("ratio"))) for own in by_column.values() if len(own) > 1]
    return max(pairs, key=lambda pair: pair[1].ratio / pair[0].ratio, default=None)


@dataclass(frozen=True)
class Figures:
    """All figures of scores on labelled rows; None where a figure needs both classes.

    Attributes:
        rows, positives, rate: counts, and the share of positives.
        mean_score: the predicted rate.
        roc_auc, roc_auc_low, roc_auc_high: with its 95 % interval (DeLong's variance, on the logit scale).
        pr_auc: average precision.
        log_loss, brier: means over the rows, of the scores as they are.
        calibration_error: expected calibration error over ``calibration``: mean absolute difference of predicted and observed rate.
        calibration_slope, calibration_intercept: of the logistic regression of the label on the score's log odds (D. R. Cox 1958); 1 and 0
            where calibrated, a slope below 1 means overconfident.
        ks: Kolmogorov–Smirnov: greatest difference of the classes' distributions.
        calibration: ten bins of equal size.
        top: the best 1, 5 and 10 % by score.
        capacity: the team's cases.
        gains: (share of rows, share of positives), 101 points from the highest score down.
        cost: None where the model states no costs.
        groups: those with enough rows.
        disparity: greatest over least ratio of predicted to observed positives among the groups of one column; None where no column has
            two judged groups.
        hidden_rows: by column, rows of groups too small to be shown.
        mean_score_of_positives: None without positives.
    """

    rows: int
    positives: int
    rate: float
    mean_score: float
    roc_auc: float | None
    roc_auc_low: float | None
    roc_auc_high: float | None
    pr_auc: float | None
    log_loss: float
    brier: float
    calibration_error: float
    calibration_slope: float | None
    calibration_intercept: float | None
    ks: float | None
    calibration: tuple[CalibrationBin, ...]
    top: tuple[TopShare, ...]
    capacity: AtCapacity
    gains: tuple[tuple[float, float], ...]
    cost: Cost | None = None
    groups: tuple[GroupFigures, ...] = ()
    disparity: float | None = None
    hidden_rows: tuple[tuple[str, int], ...] = ()
    mean_score_of_positives: float | None = None

    @property
    def ratio(self) -> float:
        """Predicted over observed positives of all rows, drawn towards 1 as by ten positives more: few cases say little."""
        return (self.mean_score * self.rows + MORE) / (self.positives + MORE)

    def as_metrics(self) -> dict[str, float]:
        """Every known figure under a flat name such as ``roc_auc``, ``lift_at_5``, ``group.category.residential.roc_auc``."""
        return {name: float(value) for name, value in self._all() if value is not None}

    def _all(self) -> Iterator[tuple[str, float | None]]:
        for name in _PLAIN:
            yield name, getattr(self, name)
        for top in self.top:
            percent = f"{100 * top.share:g}"
            yield f"precision_at_{percent}", top.precision
            yield f"lift_at_{percent}", top.lift
            yield f"capture_at_{percent}", top.capture
        yield "precision_at_capacity", self.capacity.precision
        yield "recall_at_capacity", self.capacity.recall
        if self.cost is not None:
            for name in ("per_row", "threshold", "at_expected", "of_none", "of_all"):
                yield f"cost.{name}", getattr(self.cost, name)
        yield "disparity", self.disparity
        for group in self.groups:
            for name in _OF_A_GROUP:
                yield f"group.{metric_name(group.column)}.{metric_name(group.value)}.{name}", getattr(group, name)


@dataclass(frozen=True)
class Baseline:
    """What is reached without a model, on the rows that the model is judged on.

    Attributes:
        name: ``prior`` (the training rows' rate for all), ``one_rule`` (the best single feature's rates), ``last_value`` or ``residual``
            (of principal components, which learn from no label).
        feature: that it reads; None of the prior.
        roc_auc, pr_auc: None where a class is missing.
        log_loss, brier: None where it gives an order and no probability.
        capture_at_10: share of the positives among the best tenth; None without positives.
        precision_at_capacity: share of positives among the team's cases.
    """

    name: str
    feature: str | None
    roc_auc: float | None
    pr_auc: float | None
    log_loss: float | None
    brier: float | None
    capture_at_10: float | None
    precision_at_capacity: float


@dataclass(frozen=True)
class Comparison:
    """A new version against another one, on the same rows.

    Attributes:
        rows, positives: that both scored.
        roc_auc, other_roc_auc: theirs on these rows.
        difference, low, high: of the AUCs (new less other), with its interval.
        confidence: of that interval.
        log_loss, other_log_loss: means over the rows.
        common: share of the team's cases that both versions name.
    """

    rows: int
    positives: int
    roc_auc: float
    other_roc_auc: float
    difference: float
    low: float
    high: float
    confidence: float
    log_loss: float
    other_log_loss: float
    common: float


_PLAIN = (
    "rows",
    "positives",
    "rate",
    "mean_score",
    "mean_score_of_positives",
    "ratio",
    "roc_auc",
    "roc_auc_low",
    "roc_auc_high",
    "pr_auc",
    "log_loss",
    "brier",
    "calibration_error",
    "calibration_slope",
    "calibration_intercept",
    "ks",
)
_OF_A_GROUP = ("rows", "observed_rate", "mean_score", "ratio", "roc_auc", "selected", "recall")


def metric_name(text: str) -> str:
    """``text`` with everything that a metric's name may not hold as one underscore."""
    return _NO_METRIC_NAME.sub("_", text)
