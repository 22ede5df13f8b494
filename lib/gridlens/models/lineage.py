"""Where the columns of a fitted pipeline come from: each place of its vectors back to features, its prediction back to its models.

Read off the stages themselves, without data, so that it also holds for a pipeline that was loaded from a registry.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import sqlglot
from pyspark.ml import PipelineModel, Transformer
from sqlglot import exp

from gridlens.errors import DefinitionError


@dataclass(frozen=True)
class Given:
    """A place that depends on features only."""

    features: frozenset[str]


@dataclass(frozen=True)
class Output:
    """A place that a model gives.

    Attributes:
        stage: number of the model's stage.
        kind: ``raw`` (margin or votes), ``probability``, ``link`` (before the link function) or ``prediction``.
        index: of the class, where the column is a vector.
    """

    stage: int
    kind: str
    index: int = 0


Place = Given | Output
_SAME_PLACES = ("StandardScalerModel", "MinMaxScalerModel", "MaxAbsScalerModel", "RobustScalerModel")
_ONE_TO_ONE = ("ImputerModel", "StringIndexerModel", "Bucketizer", "Binarizer", "QuantileDiscretizer")
_CLASSES = 2


class Lineage:
    """The columns of a pipeline, each as its places (a scalar has one); raw columns are features by their own name.

    Attributes:
        prepares: by stage, true where it only prepares features.

    Raises:
        DefinitionError: a stage of another kind than is understood.
    """

    def __init__(self, pipeline: PipelineModel) -> None:
        self.stages: Sequence[Transformer] = pipeline.stages
        self._columns: dict[str, tuple[Place, ...]] = {}
        self.prepares = [self._add(number, stage) for number, stage in enumerate(self.stages)]

    def places(self, column: str) -> tuple[Place, ...]:
        """The places of a column; one that no stage made is a feature."""
        return self._columns.get(column, (Given(frozenset((column,))),))

    def _add(self, number: int, stage: Any) -> bool:
        name = type(stage).__name__
        if name == "SQLTransformer":
            return self._add_sql(stage.getStatement())
        if hasattr(stage, "getPredictionCol"):
            self._add_model(number, stage)
            return False
        pairs = list(zip(*_inputs_and_outputs(stage), strict=False))
        if name in _ONE_TO_ONE:
            made = [self.places(given) for given, _ in pairs]
        elif name in _SAME_PLACES:
            made = [self.places(stage.getInputCol())]
            pairs = [(stage.getInputCol(), stage.getOutputCol())]
        elif name == "OneHotEncoderModel":
            more = (stage.getHandleInvalid() == "keep") - stage.getDropLast()
            made = [self.places(given) * (size + more) for (given, _), size in zip(pairs, stage.categorySizes, strict=True)]
        elif name == "VectorAssembler":
            made = [tuple(place for given in stage.getInputCols() for place in self.places(given))]
            pairs = [("", stage.getOutputCol())]
        elif name == "VectorSlicer":
            made = [tuple(self.places(stage.getInputCol())[i] for i in stage.getIndices())]
            pairs = [(stage.getInputCol(), stage.getOutputCol())]
        else:
            raise DefinitionError(f"reasons cannot be traced through the stage {name} of the pipeline; use the stages that gridlens trains")
        for (_, column), places in zip(pairs, made, strict=True):
            self._columns[column] = places
        return all(isinstance(place, Given) for places in made for place in places)

    def _add_model(self, number: int, stage: Any) -> None:
        for kind, getter in (("raw", "getRawPredictionCol"), ("probability", "getProbabilityCol")):
            if hasattr(stage, getter) and getattr(stage, getter)():
                self._columns[getattr(stage, getter)()] = tuple(Output(number, kind, i) for i in range(_CLASSES))
        if stage.hasParam("linkPredictionCol") and stage.isDefined("linkPredictionCol"):
            self._columns[stage.getLinkPredictionCol()] = (Output(number, "link"),)
        self._columns[stage.getPredictionCol()] = (Output(number, "prediction"),)

    def _add_sql(self, statement: str) -> bool:
        tree = cast(exp.Query, sqlglot.parse_one(statement.replace("__THIS__", "this_table"), dialect="spark"))
        made: dict[str, tuple[Place, ...]] = {}
        for projection in tree.selects:
            if isinstance(projection.unalias(), exp.Column) and not projection.is_star:
                made[projection.alias_or_name] = self.places(projection.unalias().name)
            elif not projection.is_star:
                read = [place for column in projection.find_all(exp.Column) for place in self.places(column.name)]
                made[projection.alias_or_name] = (self._joined(projection.alias_or_name, read),)
        self._columns |= made
        return all(isinstance(place, Given) for places in made.values() for place in places)

    def _joined(self, column: str, read: Sequence[Place]) -> Place:
        outputs = {place for place in read if isinstance(place, Output)}
        if not outputs:
            return Given(frozenset[str]().union(*(place.features for place in read if isinstance(place, Given))))
        if len(outputs) == 1 and len(outputs) == len(set(read)):
            return outputs.pop()
        raise DefinitionError(
            f"reasons cannot be traced through {column}, which a SQL stage computes of several models; use a linear stage"
        )


def _inputs_and_outputs(stage: Any) -> tuple[list[str], list[str]]:
    def columns(many: str, one: str) -> list[str]:
        if stage.hasParam(many) and stage.isDefined(many):
            return list(stage.getOrDefault(many))
        return [stage.getOrDefault(one)] if stage.hasParam(one) and stage.isDefined(one) else []

    return columns("inputCols", "inputCol"), columns("outputCols", "outputCol")
