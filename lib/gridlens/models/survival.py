"""Time to pay (缴费用时): days from a bill's issue to its settlement, bills that are still open counted for what they say.

Accelerated failure time with a Weibull distribution (MLlib's AFTSurvivalRegression): ``ln T = b x + s W``, W of the smallest-extreme-value
distribution, so that T is Weibull with scale ``exp(b x)`` and shape ``1 / s``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import gamma, log

from pyspark.ml import PipelineModel
from pyspark.ml.feature import SQLTransformer
from pyspark.ml.regression import AFTSurvivalRegression
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from gridlens.errors import SourceError
from gridlens.models.definition import ModelFeature
from gridlens.models.preparation import LINEAR_FEATURES, fit_preparation, profile

MIN_SETTLED = 30
"""Fewer settled bills say nothing of how long payers take."""
SAME_DAY = 0.5
"""Days that a bill paid on the day of its issue took; the logarithm needs more than nothing."""
QUANTILES = (0.5, 0.9)
EXPECTED_DAYS = "expected_days"
_SCALE = "days_scale"


@dataclass(frozen=True)
class TimeToPay:
    """A fitted model of time to pay.

    Attributes:
        pipeline: stock MLlib stages from raw columns to ``days_scale``, ``expected_days``, ``days_p50``, ``days_p90``, and ``prediction``,
            which are the expected days: what a served model answers.
        spread: s of the formula, the inverse of the Weibull's shape.
        rows: bills it was fitted on.
        settled: those of them that were paid.
    """

    pipeline: PipelineModel
    spread: float
    rows: int
    settled: int


def fit_time_to_pay(
    train: DataFrame,
    features: Sequence[ModelFeature],
    *,
    days: str = "days_to_pay",
    settled: str = "settled",
    min_category_share: float = 0.005,
) -> TimeToPay:
    """Fits the days that bills take to be settled.

    Args:
        train: a row a bill: the features, ``days`` (from issue to settlement, or to the last day seen), ``settled`` (false: censored).
        features: the columns to read.
        days, settled: names of those columns.
        min_category_share: rarer categories are one.

    Raises:
        SourceError: too few of the bills are settled.
    """
    rows = train.where(F.col(days).isNotNull() & F.col(settled).isNotNull())
    counts = rows.agg(F.count(F.lit(1)).alias("rows"), F.count_if(settled).alias("settled")).collect()[0]
    if counts["settled"] < MIN_SETTLED:
        raise SourceError(
            f"time to pay: {counts['settled']} settled bills among {counts['rows']}, at least {MIN_SETTLED} are needed; take more months"
        )
    # What is held to a sign has no bins, and without a ridge the many weights of bins would follow single bills.
    plain = [feature.model_copy(update={"monotone": "increasing"}) for feature in features]
    prepared = fit_preparation(rows, profile(rows, plain, min_category_share=min_category_share), trees=False, linear=True)
    ready = rows
    for stage in prepared.stages:
        ready = stage.transform(ready)
    taken = F.greatest(F.col(days).cast("double"), F.lit(SAME_DAY)).alias("taken")
    estimator = AFTSurvivalRegression(featuresCol=LINEAR_FEATURES, labelCol="taken", censorCol="ended", predictionCol=_SCALE, maxIter=200)
    model = estimator.fit(ready.select(LINEAR_FEATURES, taken, F.col(settled).cast("double").alias("ended")))
    spread = float(model.scale)
    shown = [f"{_SCALE} * {gamma(1 + spread)!r}D AS {name}" for name in (EXPECTED_DAYS, "prediction")]
    shown += [f"{_SCALE} * {(-log(1 - q)) ** spread!r}D AS days_p{round(100 * q)}" for q in QUANTILES]
    told = SQLTransformer(statement=f"SELECT *, {', '.join(shown)} FROM __THIS__")
    return TimeToPay(PipelineModel([*prepared.stages, model, told]), spread, counts["rows"], counts["settled"])


def days_left(spread: float, *, open_days: str | Column, quantile: float = 0.5) -> Column:
    """Days until a bill that has been open for ``open_days`` is settled, with probability ``quantile``; reads ``days_scale``.

    The conditional quantile of the Weibull: ``scale ((a / scale)^(1/s) - ln(1 - q))^s - a``.

    Args:
        spread: of the fitted model.
        open_days: age of the bill in days.
        quantile: between 0 and 1.
    """
    scale = F.col(_SCALE)
    age = (F.col(open_days) if isinstance(open_days, str) else open_days).cast("double")
    return scale * F.pow(F.pow(age / scale, F.lit(1 / spread)) - F.lit(log(1 - quantile)), F.lit(spread)) - age


def settled_within(spread: float, *, days: int) -> Column:
    """Probability that a bill is settled so many days after its issue at the latest; reads ``days_scale``.

    The distribution function of the Weibull: ``1 - exp(-(days / scale)^(1/s))``.
    """
    return -F.expm1(-F.pow(F.lit(float(days)) / F.col(_SCALE), F.lit(1 / spread)))
