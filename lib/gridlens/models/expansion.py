"""A pipeline's margin, before calibration by steps, traced back to the classifiers and linear stages that it is a sum of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gridlens.errors import DefinitionError
from gridlens.models.lineage import Given, Lineage, Output, Place


@dataclass
class Expansion:
    """A margin's models, found by going back from the prediction.

    Attributes:
        intercept: constants of the linear stages.
        weights: by classifier's stage, what the sum of its trees is weighed with.
        slopes: by vector column, the coefficient of each of its slots, of linear stages on features.
    """

    lineage: Lineage
    intercept: float = 0.0
    weights: dict[int, float] = field(default_factory=dict)
    slopes: dict[str, np.ndarray] = field(default_factory=dict)

    def add(self, place: Place, weight: float) -> None:
        """Adds ``weight`` times what stands at a place."""
        if isinstance(place, Given):
            raise DefinitionError("the prediction of the pipeline does not come from a model; nothing gives reasons for it")
        stage: Any = self.lineage.stages[place.stage]
        name = type(stage).__name__
        if name == "IsotonicRegressionModel":
            self.add(self.lineage.places(stage.getFeaturesCol())[stage.getFeatureIndex()], weight)
        elif name == "GeneralizedLinearRegressionModel":
            self._linear(stage.getFeaturesCol(), stage.coefficients.toArray(), stage.intercept, weight)
        elif name == "LogisticRegressionModel" and place.kind in ("raw", "prediction"):
            self._linear(stage.getFeaturesCol(), stage.coefficients.toArray(), stage.intercept, weight * _sign(place))
        elif name == "RandomForestClassificationModel":
            share = 1.0 if place.kind == "raw" else 1.0 / stage.getNumTrees
            of_class = -1.0 if place.index == 0 and place.kind != "prediction" else 1.0
            self.intercept += (1.0 if place.kind == "probability" else stage.getNumTrees) * weight * (of_class < 0)
            self._model(place.stage, weight * share * of_class)
        elif name in ("GBTClassificationModel", "SparkXGBClassifierModel") and place.kind in ("raw", "prediction"):
            twice = (
                2.0 if place.kind == "prediction" and name == "GBTClassificationModel" else 1.0
            )  # MLlib's margin is half of the log odds
            self._model(place.stage, weight * _sign(place) * twice)
        else:
            raise DefinitionError(f"reasons cannot be traced through the {place.kind} of {name}; calibrate its raw prediction")

    def _model(self, stage: int, weight: float) -> None:
        self.weights[stage] = self.weights.get(stage, 0.0) + weight

    def _linear(self, column: str, coefficients: np.ndarray, intercept: float, weight: float) -> None:
        self.intercept += weight * float(intercept)
        places = self.lineage.places(column)
        own = np.array([isinstance(place, Given) for place in places])
        if own.any():
            self.slopes[column] = self.slopes.get(column, np.zeros(len(places))) + weight * coefficients * own
        for place, coefficient in zip(places, coefficients, strict=True):
            if isinstance(place, Output):
                self.add(place, weight * float(coefficient))


def _sign(place: Output) -> float:
    return -1.0 if place.kind == "raw" and place.index == 0 else 1.0
