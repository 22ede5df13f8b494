"""A fitted scorecard: its points are those of its table, its figures hold, and the Spark-free model says the same."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from gridlens.errors import SettingsError, SourceError
from gridlens.models import scorecard_fit
from gridlens.models.scorecard import Scorecard, pyfunc_code
from gridlens.models.scorecard_fit import FittedScorecard, fit_scorecard
from gridlens.models.stability import stability
from pyspark.ml import PipelineModel
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from scipy.optimize import minimize
from scorecard_support import definition, table

SCORES = ["points", "willingness", "ability", "history", "prediction"]


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return table()


@pytest.fixture(scope="module")
def rows(spark: SparkSession, frame: pd.DataFrame) -> DataFrame:
    return spark.createDataFrame(frame).coalesce(2).persist()


@pytest.fixture(scope="module")
def fitted(rows: DataFrame) -> FittedScorecard:
    return fit_scorecard(rows, definition())


@pytest.fixture(scope="module")
def scored(fitted: FittedScorecard, rows: DataFrame) -> pd.DataFrame:
    return fitted.pipeline.transform(rows).orderBy("row").toPandas()


def woe_matrix(fitted: FittedScorecard, scored: pd.DataFrame) -> np.ndarray:
    """Weights of evidence by the table of bins, in plain Python."""

    def one(bins: tuple, value: object) -> float:
        for b in bins:
            if b.kind == "missing" and (value is None or value != value):
                return b.woe
            if b.kind in ("special", "values") and value in b.values:
                return b.woe
        for b in bins:
            if b.kind == "other" and isinstance(value, str):
                return b.woe
            if b.kind == "range" and (b.low is None or value >= b.low) and (b.high is None or value < b.high):
                return b.woe
        raise AssertionError(value)

    return np.array([[one(line.bins, value) for value in scored[f"{line.id}__value"]] for line in fitted.card.lines]).T


def test_points_are_the_scaled_regression_that_scipy_finds(fitted: FittedScorecard, scored: pd.DataFrame) -> None:
    """An independent logistic regression on the bins' weights; then points by double odds, each bin rounded."""
    card = fitted.card
    weights, label = woe_matrix(fitted, scored), scored["label"].to_numpy(dtype=float)

    def loss(x: np.ndarray) -> tuple[float, np.ndarray]:
        z = x[0] + weights @ x[1:]
        residual = 1 / (1 + np.exp(-z)) - label
        return float(np.logaddexp(0, z).sum() - label @ z), np.concatenate([[residual.sum()], weights.T @ residual])

    found = minimize(loss, np.zeros(weights.shape[1] + 1), jac=True, method="BFGS", options={"gtol": 1e-6}).x
    assert [card.intercept, *[line.coefficient for line in card.lines]] == pytest.approx(found.tolist(), abs=1e-5)
    assert all(line.coefficient < 0 for line in card.lines)
    factor, shares = 40 / np.log(2), len(card.lines)
    offset = 600 - factor * np.log(20)
    for line in card.lines:
        exact = [(offset - factor * card.intercept) / shares - factor * line.coefficient * b.woe for b in line.bins]
        assert [b.points for b in line.bins] == np.round(exact).tolist()
    total = (np.round((offset - factor * card.intercept) / shares - factor * found[1:] * weights)).sum(axis=1)
    assert np.abs(scored["points"] - total).max() <= 1  # a point lies between two whole numbers
    assert (scored["points"] == scored[["willingness", "ability", "history"]].sum(axis=1)).all()
    assert scored["prediction"].tolist() == pytest.approx((1 / (1 + np.exp((scored["points"] - offset) / factor))).tolist(), abs=1e-12)


def test_forty_points_double_the_odds(fitted: FittedScorecard) -> None:
    pd_at = fitted.card.probability(np.array([560.0, 600.0, 640.0]))
    assert ((1 - pd_at) / pd_at).tolist() == pytest.approx([10, 20, 40])


def test_probabilities_are_calibrated_and_rank_nearly_as_the_truth(spark: SparkSession, fitted: FittedScorecard) -> None:
    fresh = table(rows=6000, seed=99)
    found = fitted.pipeline.transform(spark.createDataFrame(fresh)).select("label", "prediction", "grade").toPandas()
    tenth = pd.qcut(found["prediction"], 10, duplicates="drop")
    by = found.groupby(tenth, observed=True).agg(p=("prediction", "mean"), y=("label", "mean"), n=("label", "size"))
    assert ((by["p"] - by["y"]).abs() * by["n"]).sum() / len(found) < 0.02
    ranks = found["prediction"].rank()
    bad = found["label"] == 1
    auc = (ranks[bad].sum() - bad.sum() * (bad.sum() + 1) / 2) / (bad.sum() * (~bad).sum())
    assert auc > 0.75  # the odds that made the rows reach 0.80, before values were made missing
    rates = found.groupby("grade")["label"].mean()
    assert list(rates.index) == list("ABCDE")
    assert rates.is_monotonic_increasing


def test_grades_fall_with_the_points_and_hold_what_was_asked(fitted: FittedScorecard, scored: pd.DataFrame) -> None:
    grades = fitted.card.grades
    assert [g.rows for g in grades] == scored["grade"].value_counts().reindex(list("ABCDE")).tolist()
    assert [g.events for g in grades] == scored.groupby("grade")["label"].sum().tolist()
    rates = [g.bad_rate for g in grades]
    assert rates == sorted(rates)
    assert all(g.rows >= 150 and g.events >= 3 for g in grades)
    edges = scored.groupby("grade")["points"].agg(["min", "max"])
    assert (edges["min"].to_numpy()[:-1] > edges["max"].to_numpy()[1:]).all()
    assert [g.pd for g in grades] == pytest.approx(scored.groupby("grade")["prediction"].mean().tolist())


def test_the_report_says_why_characteristics_went(fitted: FittedScorecard) -> None:
    why = {one.characteristic: one.why for one in fitted.selection}
    assert re.match(r"says too little: IV 0\.0\d+|too few", why["noise"])
    dropped = [name for name in ("late", "late_again") if why[name].startswith("correlates")]
    assert len(dropped) == 1
    assert {one.characteristic for one in fitted.selection if one.kept} == {line.id for line in fitted.card.lines}
    shares: dict[str, float] = {}
    for row in fitted.table():
        shares[str(row["characteristic"])] = shares.get(str(row["characteristic"]), 0) + float(str(row["share"]))
    assert list(shares.values()) == pytest.approx([1.0] * len(shares))


def test_the_text_is_the_scorecard(fitted: FittedScorecard) -> None:
    again = Scorecard.from_json(fitted.json)
    assert again == fitted.card
    assert again.to_json() == fitted.json
    with pytest.raises(SettingsError, match="no scorecard of format 1"):
        Scorecard.from_json('{"format": 1}')
    with pytest.raises(SettingsError, match="no scorecard"):
        Scorecard.from_json("[")


def test_a_grade_is_a_name_and_no_code(fitted: FittedScorecard) -> None:
    call = "A' || reflect('java.lang.System', 'getProperty', 'user.name') || '"
    with pytest.raises(SettingsError, match=r"no scorecard of format 1 \(grades\.0\.id: String should match pattern"):
        Scorecard.from_json(fitted.json.replace('"id": "A"', json.dumps({"id": call})[1:-1], 1))
    grades = tuple(grade.model_copy(update={"id": call}) for grade in fitted.card.grades)
    statement = fitted.card.model_copy(update={"grades": grades}).pipeline.stages[-1].getStatement()
    assert f"'{call}'" not in statement
    assert statement.count("\\u0027java.lang.System\\u0027") == 5


def test_the_pipeline_is_stock_and_survives_saving(fitted: FittedScorecard, rows: DataFrame, scored: pd.DataFrame, tmp_path: Path) -> None:
    assert {type(stage).__name__ for stage in fitted.pipeline.stages} == {"SQLTransformer"}
    fitted.pipeline.write().save(str(tmp_path / "pipeline"))
    loaded = PipelineModel.load(str(tmp_path / "pipeline"))
    again = loaded.transform(rows).orderBy("row").select(*SCORES, "grade").toPandas()
    pd.testing.assert_frame_equal(again, scored[[*SCORES, "grade"]])


SERVED = """
import sys, json
import pandas as pd
sys.modules["pyspark"] = None
sys.modules["gridlens"] = None
import mlflow.pyfunc
model = mlflow.pyfunc.load_model(sys.argv[1])
model.predict(pd.read_pickle(sys.argv[2])).to_json(sys.argv[3], orient="records", double_precision=15)
"""


def test_the_spark_free_model_says_the_same(fitted: FittedScorecard, frame: pd.DataFrame, scored: pd.DataFrame, tmp_path: Path) -> None:
    """In a process where Spark and gridlens cannot be imported."""
    import mlflow.pyfunc

    code, artifact = tmp_path / "scorecard.py", tmp_path / "scorecard.json"
    code.write_text(pyfunc_code(), encoding="utf-8")
    artifact.write_text(fitted.json, encoding="utf-8")
    mlflow.pyfunc.save_model(str(tmp_path / "model"), python_model=str(code), artifacts={"scorecard": str(artifact)}, pip_requirements=[])
    assert not list((tmp_path / "model").rglob("*.pkl"))
    unseen = frame.head(2).assign(channel=["never seen", None], label=0)
    frame.drop(columns=["label"]).to_pickle(tmp_path / "rows.pkl")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SERVED, str(tmp_path / "model"), str(tmp_path / "rows.pkl"), str(tmp_path / "out.json")],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "", "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false"},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    served = pd.DataFrame(json.loads((tmp_path / "out.json").read_text("utf-8")))
    for name in SCORES:
        assert np.abs(served[name] - scored[name]).max() < 1e-9, name
    assert served["grade"].tolist() == scored["grade"].tolist()
    lost = {line.id: line.best - scored[f"{line.id}__points"] for line in fitted.card.lines}
    for i in (0, 7, 100):
        expected = sorted((name for name in lost if lost[name][i] > 0), key=lambda name: (-lost[name][i], name))[:3]
        assert served["reasons"][i] == expected
    assert len(unseen) == 2


def test_stability_is_nothing_on_the_same_rows_and_large_on_others(fitted: FittedScorecard, rows: DataFrame) -> None:
    same = stability(rows, fitted.card)
    assert same["points"].psi == pytest.approx(0, abs=1e-9)
    assert same["late"].psi == pytest.approx(0, abs=1e-9) if "late" in same else "late_again" in same
    worse = rows.withColumn("delay_1", F.lit(5.0)).withColumn("delay_2", F.lit(5.0))
    moved = stability(worse, fitted.card)
    assert moved["worst"].psi > 0.25
    assert moved["points"].psi > 0.1
    assert moved["channel"].psi == pytest.approx(0, abs=1e-9)


def test_what_cannot_be_fitted_is_refused(rows: DataFrame) -> None:
    with pytest.raises(SettingsError, match="has no column income"):
        fit_scorecard(rows.drop("income"), definition())
    noise = definition(characteristics=[definition().characteristics[-1].model_dump()])
    with pytest.raises(SourceError, match="no characteristic has an information value"):
        fit_scorecard(rows, noise)
    many = definition(grades={"best_first": [{"id": g, "zh": g, "en": g} for g in "ABCDE"], "min_share": 0.3})
    with pytest.raises(SourceError, match="grades of falling bad rate, not 5"):
        fit_scorecard(rows, many)
    with pytest.raises(SettingsError, match="grade is a column that scoring adds"):
        scorecard_fit.fit_scorecard(
            rows.withColumn("grade", F.lit(1.0)),
            definition(characteristics=[{"id": "x", "group": "ability", "inputs": ["grade"]}]),
        )
