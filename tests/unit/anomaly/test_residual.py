"""What is unlike everybody else's: the residual of principal components against numpy's, and whom it finds."""

from __future__ import annotations

import numpy as np
import pytest
from gridlens.anomaly.residual import EXPLAINED, fit_residual
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

NAMES = [f"f{i}" for i in range(6)]


def evidence(seed: int, n: int = 400) -> np.ndarray:
    """Six figures that two causes explain but for little noise, and one that is 0 of everybody."""
    random = np.random.default_rng(seed)
    causes = random.normal(size=(n, 2)) @ np.array([[1.0, 1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 1.0, 1.0]])
    scales = np.array([1.0, 20.0, 0.1, 5.0, 1.0])
    return np.column_stack([(causes + 0.1 * random.normal(size=(n, 5))) * scales + 3.0, np.zeros(n)])


def table(spark: SparkSession, values: np.ndarray) -> DataFrame:
    return spark.createDataFrame([(i, *row) for i, row in enumerate(values.tolist())], ["place", *NAMES])


def by_numpy(known: np.ndarray, values: np.ndarray) -> np.ndarray:
    """log(1 + Q) by an eigendecomposition."""
    spread = known.std(axis=0, ddof=1)
    scaled = [np.arcsinh((rows - known.mean(axis=0)) / np.where(spread > 0, spread, np.inf)) for rows in (known, values)]
    centre = scaled[0].mean(axis=0)
    variances, directions = np.linalg.eigh(np.cov((scaled[0] - centre).T))
    order = np.argsort(-variances)
    kept = int(np.searchsorted(np.cumsum(variances[order]) / variances.sum(), EXPLAINED)) + 1
    apart = scaled[1] - centre
    return np.log1p((apart**2).sum(axis=1) - ((apart @ directions[:, order[:kept]]) ** 2).sum(axis=1))


@pytest.fixture(scope="module")
def scored(spark: SparkSession) -> tuple[np.ndarray, np.ndarray, list, list]:
    """Untouched evidence and stranger evidence, and what is said of either."""
    known, strange = evidence(1), evidence(2, n=3)
    strange[0, 0] += 8.0  # as large a figure as some have, but not beside these others
    strange[1, 5] = 0.4
    usual = fit_residual(table(spark, known), NAMES)
    said = [usual.added(table(spark, values)).orderBy("place").collect() for values in (known, strange)]
    return known, strange, *said


def test_the_residual_is_what_the_components_do_not_explain(scored: tuple) -> None:
    known, strange, of_known, of_strange = scored
    np.testing.assert_allclose([row["residual"] for row in of_known], by_numpy(known, known), atol=1e-9)
    np.testing.assert_allclose([row["residual"] for row in of_strange], by_numpy(known, strange), atol=1e-9)


def test_unusual_is_the_part_of_the_untouched_with_a_smaller_residual(scored: tuple) -> None:
    known, _, of_known, of_strange = scored
    ours = by_numpy(known, known)
    share = [(ours < row["residual"]).mean() for row in of_known]
    np.testing.assert_allclose([row["unusual"] for row in of_known], share, atol=0.03)
    broken, never_seen, like_all = of_strange
    assert broken["unusual"] == pytest.approx(0.998)
    assert never_seen["residual"] == pytest.approx(by_numpy(known, evidence(2, n=3))[1], abs=1e-9), "of what never differs nothing is known"
    assert like_all["unusual"] < 0.99


def test_columns_of_an_earlier_half_are_replaced(spark: SparkSession) -> None:
    known = table(spark, evidence(3))
    usual = fit_residual(known, NAMES)
    once = usual.added(known.withColumns({"residual": F.lit(7.0), "unusual": F.lit(7.0)}))
    assert once.columns == ["place", *NAMES, "residual", "unusual"]
    assert once.agg(F.max("unusual")).first()[0] <= 1.0
