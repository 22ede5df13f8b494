"""How unlike everybody else's the evidence of an account is, whatever the reason: nothing is learnt from thefts.

Principal components hold what the evidence of untouched accounts has in common; what they leave of an account's is its residual, the
Q statistic of Jackson and Mudholkar, Control Procedures for Residuals Associated with Principal Component Analysis, Technometrics 21(3),
1979.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pyspark.ml import PipelineModel
from pyspark.ml.feature import PCA, StandardScaler, VectorAssembler
from pyspark.ml.functions import array_to_vector, vector_to_array
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

EXPLAINED = 0.95
"""Part of the variance that the components hold. Alone on thefts in London homes 0.7, 0.9, 0.95, 0.98 found MAP@100 0.50, 0.55, 0.62, 0.54
(bench.thefts, 2026-11)."""
ADDED = ("residual", "unusual")
SHARES = (*(float(share) for share in np.linspace(0.0, 0.98, 50)), 0.99, 0.995, 0.998)
"""Of the untouched accounts, at which ``Residual.steps`` stand."""
_EXACT = 1e-3
_SCALED, _DAMPED, _CENTRED, _ALONG = "_scaled", "_damped", "_centred", "_along"


@dataclass(frozen=True)
class Residual:
    """What was fitted on untouched accounts.

    Attributes:
        scale: from the features to standard deviations.
        components: from damped deviations to centred ones, and along the components.
        kept: components that explain EXPLAINED of the variance.
        steps: residuals of the untouched accounts at evenly rising quantiles, the ends finer.
    """

    scale: PipelineModel
    components: PipelineModel
    kept: int
    steps: tuple[float, ...]

    def added(self, rows: DataFrame) -> DataFrame:
        """``rows`` with ``residual``, log(1 + Q), and ``unusual``, the part of the untouched accounts whose residual is smaller."""
        own = [name for name in rows.columns if name not in ADDED]
        along = self.components.transform(_damped(self.scale.transform(rows)))
        left = _squares(vector_to_array(F.col(_CENTRED))) - _squares(F.slice(vector_to_array(F.col(_ALONG)), 1, self.kept))
        rows = along.select(*own, F.log1p(F.greatest(left, F.lit(0.0))).alias("residual"))
        return rows.withColumn("unusual", self._below(F.col("residual")))

    def _below(self, residual: Column) -> Column:
        steps = F.array(*[F.lit(step) for step in self.steps])
        shares = F.array(*[F.lit(share) for share in SHARES])
        passed = F.size(F.filter(steps, lambda step: step < residual))
        return F.when(passed > 0, F.element_at(shares, passed)).otherwise(0.0)


def fit_residual(untouched: DataFrame, features: Sequence[str]) -> Residual:
    """Learns what evidence usually is.

    Deviations are damped (inverse hyperbolic sine) before the components are looked for: shares that are 0 of nearly everybody would
    else give all of them to a few accounts.

    Args:
        untouched: the features, without nulls; persisted by the caller.
        features: those to look at.
    """
    assembler = VectorAssembler(inputCols=list(features), outputCol="_evidence")
    assembled = assembler.transform(untouched).select("_evidence")
    scaler = StandardScaler(inputCol="_evidence", outputCol=_SCALED, withMean=True, withStd=True).fit(assembled)
    scale = PipelineModel([assembler, scaler])
    damped = _damped(scaler.transform(assembled)).select(_DAMPED)
    centre = StandardScaler(inputCol=_DAMPED, outputCol=_CENTRED, withMean=True, withStd=False).fit(damped)
    found = PCA(k=len(features), inputCol=_CENTRED, outputCol=_ALONG).fit(centre.transform(damped))
    explained = np.cumsum(found.explainedVariance.toArray())
    kept = int(np.searchsorted(explained, EXPLAINED)) + 1
    residual = Residual(scale, PipelineModel([centre, found]), kept, (0.0,) * len(SHARES))
    steps = residual.added(untouched).approxQuantile("residual", list(SHARES), _EXACT)
    return Residual(scale, residual.components, kept, tuple(steps))


def _damped(scaled: DataFrame) -> DataFrame:
    return scaled.withColumn(_DAMPED, array_to_vector(F.transform(vector_to_array(F.col(_SCALED)), F.asinh)))


def _squares(values: Column) -> Column:
    return F.aggregate(values, F.lit(0.0), lambda total, value: total + value * value)
