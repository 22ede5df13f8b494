"""Time to pay against the planted distribution and against scipy's own maximum of the censored likelihood."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from gridlens.errors import SourceError
from gridlens.models.definition import ModelFeature
from gridlens.models.survival import days_left, fit_time_to_pay
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from scipy.optimize import minimize

FEATURES = (ModelFeature(name="late_bills"), ModelFeature(name="autopay", kind="flag"))
SPREAD = 0.6
SCHEMA = "late_bills double, autopay boolean, days_to_pay int, settled boolean"


def bills(count: int = 1500) -> pd.DataFrame:
    """Days by the formula, seen for 40 days; late_bills and autopay shift them."""
    rng = np.random.default_rng(3)
    late, autopay = rng.integers(0, 6, count), rng.random(count) < 0.4
    scale = np.exp(2.2 + 0.5 * np.log1p(late) - 0.7 * autopay)
    taken = np.ceil(scale * (-np.log(rng.random(count))) ** SPREAD)
    return pd.DataFrame(
        {"late_bills": late.astype(float), "autopay": autopay, "days_to_pay": np.minimum(taken, 40), "settled": taken <= 40}
    )


def frame(spark: SparkSession, rows: pd.DataFrame) -> DataFrame:
    records = [(float(r.late_bills), bool(r.autopay), int(r.days_to_pay), bool(r.settled)) for r in rows.itertuples()]
    return spark.createDataFrame(records, SCHEMA).coalesce(1)


def likeliest(rows: pd.DataFrame) -> np.ndarray:
    """Intercept, weights of log(1 + late) and autopay, and log of the spread, by scipy."""
    x = np.column_stack([np.ones(len(rows)), np.log1p(rows["late_bills"]), rows["autopay"]])
    t, ended = np.log(np.maximum(rows["days_to_pay"], 0.5)), rows["settled"].to_numpy()

    def loss(parameters: np.ndarray) -> float:
        z = (t - x @ parameters[:3]) / np.exp(parameters[3])
        return float(-(ended * (z - parameters[3]) - np.exp(z)).sum())

    return minimize(loss, np.array([2.0, 0.0, 0.0, 0.0]), method="BFGS").x


def test_days_are_those_of_the_likeliest_distribution(spark: SparkSession) -> None:
    rows = bills()
    fitted = fit_time_to_pay(frame(spark, rows), FEATURES)
    best = likeliest(rows)
    assert (fitted.rows, fitted.settled) == (len(rows), int(rows["settled"].sum()))
    assert 0 < fitted.settled < fitted.rows
    assert fitted.spread == pytest.approx(math.exp(best[3]), rel=0.005)
    assert fitted.spread == pytest.approx(SPREAD, abs=0.05)
    told = fitted.pipeline.transform(frame(spark, rows.head(40))).toPandas()
    scale = np.exp(best[0] + best[1] * np.log1p(rows["late_bills"].head(40)) + best[2] * rows["autopay"].head(40))
    np.testing.assert_allclose(told["days_scale"], scale, rtol=0.01)
    np.testing.assert_allclose(told["expected_days"], told["days_scale"] * math.gamma(1 + fitted.spread))
    for column, share in (("days_p50", 0.5), ("days_p90", 0.9)):
        np.testing.assert_allclose(1 - np.exp(-((told[column] / told["days_scale"]) ** (1 / fitted.spread))), share, rtol=1e-9)


def test_open_bills_wait_by_the_conditional_distribution(spark: SparkSession) -> None:
    df = spark.createDataFrame([(10.0, 0.0), (10.0, 25.0)], "days_scale double, age double")
    fresh, old = (row[0] for row in df.select(days_left(0.5, open_days="age", quantile=0.5)).collect())
    assert fresh == pytest.approx(10 * math.log(2) ** 0.5)

    def alive(t: float) -> float:
        return math.exp(-((t / 10.0) ** 2))

    assert alive(25.0 + old) / alive(25.0) == pytest.approx(0.5)
    left = df.select(days_left(0.5, open_days=F.col("age"), quantile=0.9)).collect()
    assert alive(25.0 + left[1][0]) / alive(25.0) == pytest.approx(0.1)


def test_too_few_settled_bills_are_refused(spark: SparkSession) -> None:
    rows = bills(60).assign(settled=False)
    with pytest.raises(SourceError, match="0 settled bills among 60, at least 30 are needed"):
        fit_time_to_pay(frame(spark, rows), FEATURES)
