"""Fits a scorecard: bins, selection, regression with the right signs, points, grades."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from pyspark.ml import PipelineModel
from pyspark.ml.classification import LogisticRegression
from pyspark.ml.feature import VectorAssembler
from pyspark.ml.linalg import Matrices
from pyspark.ml.regression import GeneralizedLinearRegression
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from gridlens.errors import SettingsError, SourceError
from gridlens.models.fit import Fitted
from gridlens.models.scorecard import RESULTS, Scorecard
from gridlens.models.scorecard_definition import ScorecardDefinition
from gridlens.models.scorecard_points import graded, scorecard
from gridlens.models.selection import chosen, correlations
from gridlens.models.woe_bins import Binned
from gridlens.models.woe_estimator import WoeEstimator, woe_model
from gridlens.models.woe_sql import woe_column

ITERATIONS = 50
_ZERO = 1e-6
_KEPT = "kept"


@dataclass(frozen=True)
class Judged:
    """What became of a characteristic.

    Attributes:
        iv: information value of its bins.
        kept: it is on the scorecard.
        why: it is not; or what should be looked at; else ``kept``.
        bins: number of them.
    """

    characteristic: str
    group: str
    iv: float
    kept: bool
    why: str
    bins: int


@dataclass(frozen=True)
class FittedScorecard:
    """A scorecard with the report of its selection.

    Attributes:
        card: the scorecard; its ``pipeline`` are stock stages from raw columns to ``prediction``.
        selection: what became of each characteristic, in the order of the definition.
    """

    card: Scorecard
    selection: tuple[Judged, ...]

    @property
    def pipeline(self) -> PipelineModel:
        return self.card.pipeline

    @property
    def json(self) -> str:
        return self.card.to_json()

    def as_fitted(self) -> Fitted:
        """What a model that was fitted says of itself; a characteristic's importance is its share of the information value."""
        total = sum(line.iv for line in self.card.lines)
        shares = sorted(((line.id, line.iv / total) for line in self.card.lines), key=lambda one: -one[1])
        chosen = {"algorithm": "scorecard", "characteristics": len(shares)}
        gone = tuple(one.characteristic for one in self.selection if not one.kept)
        return Fitted(self.pipeline, (chosen,), (chosen,), tuple(shares), gone, self.card.rows, self.card.events)

    def table(self) -> list[dict[str, object]]:
        """One row a bin: characteristic, group, bin, rows, share, bad_rate, woe, iv, points."""
        return [
            {
                "characteristic": line.id,
                "group": line.characteristic.group,
                "bin": one.text,
                "rows": one.rows,
                "share": one.rows / self.card.rows,
                "bad_rate": one.events / one.rows if one.rows else None,
                "woe": one.woe,
                "iv": one.iv,
                "points": one.points,
            }
            for line in self.card.lines
            for one in line.bins
        ]


def fit_scorecard(
    train: DataFrame, definition: ScorecardDefinition, label: str = "label", *, say: Callable[[str], None] | None = None
) -> FittedScorecard:
    """The scorecard that the definition asks for.

    Args:
        train: one row per account and moment: the definition's columns, and the label: 1 for bad, 0 for good.
        definition: of the scorecard.
        label: name of the label.
        say: told what was done.

    Raises:
        SettingsError: columns are missing.
        SourceError: the rows cannot teach it: the label does not hold, no characteristic says enough, or the grades cannot be told apart.
    """
    _columns_there(train, definition, label)
    say = say or (lambda line: None)
    rows = train.select(label, *definition.columns).persist()
    try:
        found = WoeEstimator(definition.characteristics, binning=definition.binning, label=label).bins(rows)
        say(f"{len(found)} characteristics in bins")
        kept, gone = _selected(rows, found, definition)
        say(f"{len(kept)} of them kept: {', '.join(one.id for one in kept)}")
        kept, coefficients, intercept, wrong = _regression(rows, kept, label)
        for name in wrong:
            say(f"{name} left out: {wrong[name]}")
        total, events = _size(found)
        card = scorecard(definition, kept, coefficients, intercept, rows=total, events=events)
        card = graded(card, definition.grades, *_points_counts(rows, card, label))
    finally:
        rows.unpersist()
    return FittedScorecard(card, _judged(found, {one.id for one in kept}, gone | wrong, definition.selection.suspicious_iv))


def _columns_there(train: DataFrame, definition: ScorecardDefinition, label: str) -> None:
    missing = [name for name in (label, *definition.columns) if name not in train.columns]
    if missing:
        raise SettingsError(f"scorecard {definition.id}: the training table has no column {', '.join(missing)}; add it or correct the file")
    taken = [name for name in definition.columns if name in RESULTS]
    if taken:
        raise SettingsError(f"scorecard {definition.id}: {', '.join(taken)} is a column that scoring adds; rename the one that is read")


def _size(found: Sequence[Binned]) -> tuple[int, int]:
    some = next(one for one in found if one.bins)
    return sum(b.rows for b in some.bins), sum(b.events for b in some.bins)


def _selected(rows: DataFrame, found: Sequence[Binned], definition: ScorecardDefinition) -> tuple[list[Binned], dict[str, str]]:
    rule = definition.selection
    gone = {one.id: "too few rows for any bin" for one in found if not one.bins}
    gone |= {one.id: f"says too little: IV {one.iv:.3f}" for one in found if one.bins and one.iv < rule.min_iv}
    left = [one for one in found if one.id not in gone]
    if not left:
        raise SourceError(
            f"scorecard {definition.id}: no characteristic has an information value of {rule.min_iv} or more; "
            "look at the label and the columns, or lower selection.min_iv"
        )
    matrix = correlations(woe_model(left).transform(rows), [woe_column(one.id) for one in left])
    names, more = chosen({one.id: one.iv for one in left}, matrix, max_correlation=rule.max_correlation, max_vif=rule.max_vif)
    return [one for name in names for one in left if one.id == name], gone | more


def _regression(rows: DataFrame, kept: list[Binned], label: str) -> tuple[list[Binned], dict[str, float], float, dict[str, str]]:
    """Log odds of bad on weights of evidence, by those characteristics alone whose coefficients have the right sign.

    More evidence of good must make bad less likely: a positive coefficient only corrects other characteristics, and its points would
    contradict the bad rates that anybody can see in its bins. Those whose best coefficient under that condition is 0 leave.
    """
    weighed = woe_model(kept).transform(rows).select(F.col(label).cast("double").alias(label), *[woe_column(one.id) for one in kept])
    weighed = weighed.persist()
    try:
        bound = _coefficients(weighed, kept, label, bounded=True)[0]
        gone = [one.id for one, coefficient in zip(kept, bound, strict=True) if coefficient > -_ZERO and (bound < -_ZERO).any()]
        kept = [one for one in kept if one.id not in gone]
        while True:
            coefficients, intercept = _coefficients(weighed, kept, label, bounded=False)
            worst = int(coefficients.argmax())
            if coefficients[worst] < 0:
                named = dict(zip([one.id for one in kept], coefficients.tolist(), strict=True))
                return kept, named, intercept, dict.fromkeys(gone, "its coefficient would have the wrong sign beside the others")
            if len(kept) == 1:
                raise SourceError(f"characteristic {kept[0].id} alone has the wrong sign; look at the label")
            gone.append(kept.pop(worst).id)
    finally:
        weighed.unpersist()


def _coefficients(weighed: DataFrame, kept: Sequence[Binned], label: str, *, bounded: bool) -> tuple[np.ndarray, float]:
    """Of the greatest likelihood, where ``bounded`` with no coefficient above 0; shape (kept,), and the intercept."""
    vectors = VectorAssembler(inputCols=[woe_column(one.id) for one in kept], outputCol="features").transform(weighed)
    if not bounded:
        exact = GeneralizedLinearRegression(family="binomial", link="logit", labelCol=label, maxIter=ITERATIONS, tol=1e-9).fit(vectors)
        return np.asarray(exact.coefficients.toArray()), float(exact.intercept)
    upper = Matrices.dense(1, len(kept), [0.0] * len(kept))
    found = LogisticRegression(labelCol=label, maxIter=2 * ITERATIONS, tol=1e-8, upperBoundsOnCoefficients=upper).fit(vectors)
    return np.asarray(found.coefficients.toArray()), float(found.intercept)


def _points_counts(rows: DataFrame, card: Scorecard, label: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Whole points in rising order with rows and bad rows; as many as the scorecard spans."""
    points = F.floor(F.col("points")).cast("double").alias("points")
    scored = card.pipeline.transform(rows).select(points, F.col(label).cast("bigint").alias("label"))
    table = scored.groupBy("points").agg(F.count("*").alias("rows"), F.sum("label").alias("events")).toArrow()
    found = np.column_stack([table.column(name).to_numpy().astype(float) for name in ("points", "rows", "events")])
    found = found[np.argsort(found[:, 0])]
    return found[:, 0], found[:, 1], found[:, 2]


def _judged(found: Sequence[Binned], kept: set[str], gone: dict[str, str], suspicious: float) -> tuple[Judged, ...]:
    hint = f"suspicious: IV over {suspicious:g}, look whether it knows the outcome"
    return tuple(
        Judged(
            one.id,
            one.characteristic.group,
            one.iv,
            one.id in kept,
            gone.get(one.id, hint if one.iv > suspicious else _KEPT),
            len(one.bins),
        )
        for one in found
    )
