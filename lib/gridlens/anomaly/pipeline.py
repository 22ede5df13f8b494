"""A judge as one pipeline of MLlib's own stages, from ``half`` and the evidence to a probability, which needs no gridlens to be served.

SQL has no function that takes a vector apart, so the residual is written out in arrays, and a linear regression takes the trees' margins.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from pyspark.ml import PipelineModel, Transformer
from pyspark.ml.feature import SQLTransformer, VectorAssembler, VectorSizeHint
from pyspark.ml.linalg import Vectors
from pyspark.ml.regression import LinearRegression, LinearRegressionModel
from pyspark.sql import SparkSession

from gridlens.anomaly.learner import Half, Judge
from gridlens.anomaly.residual import SHARES, Residual

HALF = "half"
"""Column that says which half an account is in, 0 or 1: it is judged by what was learnt from the other."""
_CENTRED, _LEFT, _RESIDUAL, _UNUSUAL, _WEIGHED, _ODDS = "_centred", "_left", "_residual", "_unusual", "_weighed", "_odds"


def judge_pipeline(spark: SparkSession, judge: Judge) -> PipelineModel:
    """Stages that add ``log_odds``, ``unusual`` and ``prediction``, the probability at the judge's prior.

    All are null where evidence is missing; the first two are those of ``Judge.judged`` but for rounding. It reads ``half`` and the
    features that the judge learnt from, numbers of any type.
    """
    names = features_of(judge)
    margins = [f"_margin_{number}" for number in range(_models(judge))]
    stages = [stage for half in judge.halves for stage in _boosted(half)]
    made = [name for half in judge.halves for name in _made(half)]
    own = {margin: _of_half([_raw(half)[number] for half in judge.halves]) for number, margin in enumerate(margins)}
    return PipelineModel(
        [
            *stages,
            SQLTransformer(statement=_select(made, own, _residuals([half.usual for half in judge.halves], names))),
            *[VectorSizeHint(inputCol=margin, size=2, handleInvalid="optimistic") for margin in margins],  # CASE forgets the size
            VectorAssembler(inputCols=[*margins, _RESIDUAL], outputCol=_WEIGHED, handleInvalid="keep"),
            _weighing(spark, judge),
            SQLTransformer(statement=_told([*margins, _RESIDUAL, _UNUSUAL, _WEIGHED, _ODDS], judge.shift)),
        ]
    )


def features_of(judge: Judge) -> tuple[str, ...]:
    """The features that the judge reads."""
    stages: list[Any] = judge.halves[0].trees.stages
    return tuple(stages[0].getInputCols())


def importances(judge: Judge) -> tuple[tuple[str, float], ...]:
    """Share of each feature in what the trees learnt (MLlib's gain), means over models and halves, largest first; together 1."""
    boosted: list[Any] = [model for half in judge.halves for model in half.trees.stages[1:]]
    mean = np.mean([model.featureImportances.toArray() for model in boosted], axis=0)
    total = float(mean.sum()) or 1.0
    shares = [(name, float(share) / total) for name, share in zip(features_of(judge), mean, strict=True)]
    return tuple(sorted(shares, key=lambda pair: (-pair[1], pair[0])))


def _models(judge: Judge) -> int:
    return len(judge.halves[0].trees.stages) - 1


def _boosted(half: Half) -> list[Transformer]:
    """The boosted models of a half. Theirs is another assembler: what is missing goes on as such."""
    stages: list[Any] = half.trees.stages
    assembler, *boosted = stages
    return [VectorAssembler(inputCols=assembler.getInputCols(), outputCol=assembler.getOutputCol(), handleInvalid="keep"), *boosted]


def _raw(half: Half) -> list[str]:
    """Columns of the models' raw predictions, vectors of two places: less the margin, and the margin."""
    stages: list[Any] = half.trees.stages
    return [one.getRawPredictionCol() for one in stages[1:]]


def _made(half: Half) -> list[str]:
    stages: list[Any] = half.trees.stages
    assembler, *boosted = stages
    return [assembler.getOutputCol(), *_raw(half), *[name for one in boosted for name in (one.getProbabilityCol(), one.getPredictionCol())]]


def _weighing(spark: SparkSession, judge: Judge) -> LinearRegressionModel:
    """The judge's slopes as a stock stage: a regression through unit vectors has just these weights."""
    models, (margin, residual) = _models(judge), judge.slopes
    weights = [*[0.0, margin / models] * models, residual]
    rows = [(Vectors.dense(unit.tolist()), weight) for unit, weight in zip(np.eye(len(weights)), weights, strict=True)]
    regression = LinearRegression(
        featuresCol=_WEIGHED, labelCol="weight", predictionCol=_ODDS, fitIntercept=False, standardization=False, solver="normal"
    )
    return regression.fit(spark.createDataFrame(rows, [_WEIGHED, "weight"]).coalesce(1))


def _residuals(usual: Sequence[Residual], names: Sequence[str]) -> str:
    """SQL that adds each account's residual by its own half, and the part of the untouched with a smaller one."""
    told = _select([], {_CENTRED: _of_half([f"array({', '.join(_centred(one, names))})" for one in usual])})
    along = _of_half([_along(one) for one in usual])
    told = _select([_CENTRED], {_LEFT: f"{_squares(_CENTRED)} - {_squares(along)}"}, told)
    told = _select([_LEFT], {_RESIDUAL: f"log1p(CASE WHEN {_LEFT} <= 0 THEN 0.0D ELSE {_LEFT} END)"}, told)
    passed = f"size(filter({_of_half([_array(one.steps) for one in usual])}, step -> step < {_RESIDUAL}))"
    share = f"CASE WHEN {passed} > 0 THEN element_at({_array(SHARES)}, {passed}) ELSE 0.0D END"
    return _select([], {_UNUSUAL: f"CASE WHEN {_RESIDUAL} IS NOT NULL THEN {share} END"}, told)


def _centred(usual: Residual, names: Sequence[str]) -> list[str]:
    """SQL of each feature's damped deviation, less its mean."""
    fitted: list[Any] = [*usual.scale.stages, *usual.components.stages]
    _, scaler, centre, _ = fitted
    spread = scaler.std.toArray()
    inverse = np.divide(1.0, spread, out=np.zeros_like(spread), where=spread > 0)
    places = zip(names, scaler.mean.toArray(), inverse, centre.mean.toArray(), strict=True)
    return [f"asinh((CAST(`{name}` AS DOUBLE) - {_sql(mean)}) * {_sql(scale)}) - {_sql(middle)}" for name, mean, scale, middle in places]


def _along(usual: Residual) -> str:
    """SQL of the lengths along the components that are kept."""
    stages: list[Any] = usual.components.stages
    kept = stages[1].pc.toArray()[:, : usual.kept].T
    matrix = f"array({', '.join(_array(component) for component in kept)})"
    return f"transform({matrix}, c -> aggregate(zip_with(c, {_CENTRED}, (a, b) -> a * b), 0.0D, (s, v) -> s + v))"


def _told(made: Sequence[str], shift: float) -> str:
    """SQL of what is told of each row, without what was ``made`` on the way."""
    told = {"log_odds": f"nanvl({_ODDS}, NULL) + {_sql(shift)}", "unusual": _UNUSUAL}
    return _select([], {"prediction": "1.0D / (1.0D + exp(-log_odds))"}, _select(made, told))


def _of_half(values: Sequence[str]) -> str:
    """SQL of the value for a row's own half. Args: values: SQL by half."""
    return f"CASE {' '.join(f'WHEN {HALF} = {half} THEN {value}' for half, value in enumerate(values))} END"


def _select(without: Sequence[str], added: Mapping[str, str], of: str = "") -> str:
    """SQL of all columns but some, with others added. Args: of: the SELECT that gives the rows; nothing: those that a stage is given."""
    kept = f"* EXCEPT ({', '.join(without)})" if without else "*"
    listed = ", ".join(f"{sql} AS {name}" for name, sql in added.items())
    return f"SELECT {kept}, {listed} FROM {f'({of})' if of else '__THIS__'}"


def _squares(values: str) -> str:
    return f"aggregate({values}, 0.0D, (s, v) -> s + v * v)"


def _array(values: Iterable[float]) -> str:
    return f"array({', '.join(map(_sql, values))})"


def _sql(value: float) -> str:
    """A double in SQL, to the last bit."""
    return f"({float(value)!r}D)"
