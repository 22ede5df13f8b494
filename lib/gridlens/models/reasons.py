"""Why a score is what it is: what each feature of each row contributes to the log odds, for any number of rows.

The fitted pipeline is taken apart into the models that its prediction is a linear sum of. Trees up to six levels deep give exact
Shapley values, deeper ones path attribution, linear stages coefficient times distance from the mean; what was made of a feature
(filled gaps, flags, bins, categories) counts as the feature. Calibration by steps comes after the sum and is not part of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from pyspark.ml import PipelineModel
from pyspark.ml.functions import vector_to_array
from pyspark.ml.linalg import VectorUDT
from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F
from pyspark.sql.types import StructField, StructType

from gridlens.arrow import list_to_matrix, map_rows
from gridlens.errors import DefinitionError, nearest
from gridlens.models.definition import ModelFeature
from gridlens.models.expansion import Expansion
from gridlens.models.lineage import Given, Lineage
from gridlens.models.margin_terms import LinearTerm, Term, booster_term, tree_term
from gridlens.models.reason_rows import REASONS, SLOT_SUMS, SUMS, reason_lists, slot_sums, sums_by_group
from gridlens.models.tree_paths import read_trees
from gridlens.models.woe_sql import quoted

Means = Mapping[str, Sequence[float]]

_VECTOR = "_vector_"
"""Before the number of a vector on its way to the kernels."""
_PLAIN = 0.3
"""Correlation from which a value has one direction."""


@dataclass(frozen=True, eq=False)
class Margin:
    """What travels to the workers.

    Attributes:
        terms: of the log odds.
        groups: by vector, the group of features that each slot belongs to. Shape of each: (slots,).
        fold: what share of a group's contribution goes to a feature. Shape (features, groups).
        base: log odds before any feature is known.
    """

    terms: tuple[Term, ...]
    groups: Mapping[str, np.ndarray]
    fold: np.ndarray
    base: float

    def contributions(self, batch: pa.RecordBatch) -> np.ndarray:
        """Contributions to the log odds of rows with the vectors. Shape (features, rows)."""
        given = np.zeros((self.fold.shape[1], batch.num_rows))
        for number, column in enumerate(self.groups):
            vectors = list_to_matrix(batch.column(f"{_VECTOR}{number}"))
            for term in self.terms:
                if term.column == column:
                    given += term.contributions(vectors, self.groups[column], len(given))
        return self.fold @ given


@dataclass(frozen=True, eq=False)
class Explainer:
    """A pipeline taken apart.

    Attributes:
        features: whose contributions are told, in the order that decides between equal ones.
        preparation: stages from raw columns to the vectors.
        margin: the sum that features contribute to.
        means: of the slots of the vectors that linear stages read; with them :func:`explainer` needs no background.
    """

    features: tuple[ModelFeature, ...]
    preparation: PipelineModel
    margin: Margin
    means: Means

    @property
    def base(self) -> float:
        """Log odds before any feature is known; with the contributions of a row it sums to the row's."""
        return self.margin.base

    @property
    def names(self) -> list[str]:
        """Columns of the features."""
        return [feature.name for feature in self.features]

    def explain(self, df: DataFrame, *, top: int = 5, keep: Sequence[str] | None = None) -> DataFrame:
        """``df`` with ``reasons``: array<struct<feature, value, contribution>>, the largest absolute contribution first.

        Args:
            df: raw columns, or what the pipeline made of them: then nothing is prepared again.
            top: most reasons of a row; features that contribute nothing are none.
            keep: columns carried over; default all of ``df`` but vectors.

        Raises:
            DefinitionError: ``df`` lacks a feature.
        """
        vectors = {field.name for field in df.schema.fields if isinstance(field.dataType, VectorUDT)}
        kept = [name for name in (keep or df.columns) if name != "reasons" and (keep or name not in vectors)]
        schema = StructType([*(df.schema[name] for name in kept), StructField("reasons", REASONS, False)])
        names, margin = self.names, self.margin

        def reasons(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
            lists = reason_lists(margin.contributions(batch), names, [batch.column(name) for name in names], top)
            yield pa.RecordBatch.from_arrays([*(batch.column(name) for name in kept), lists], names=[*kept, "reasons"])

        return map_rows(self._ready(df, kept), reasons, schema)

    def drivers(self, df: DataFrame, *, by: Sequence[str] = ()) -> DataFrame:
        """What drives the scores in total, or in each group of ``by``: a row by feature.

        Returns:
            ``by``; ``feature``; ``rows``; ``contribution`` (mean absolute); ``share`` of it in all features' (together 1 in a group);
            ``mean_contribution`` (signed: above 0 the group stands out by it upwards); ``direction`` (``raises``: higher values raise the
            score; ``lowers``; ``mixed``; null for what is no number).
        """
        names, margin, columns = self.names, self.margin, list(by)
        schema = StructType([*(df.schema[name] for name in columns), *SUMS])

        def sums(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
            yield sums_by_group(margin.contributions(batch), names, [batch.column(name) for name in names], batch.select(columns))

        totals = [F.sum(field.name).alias(field.name) for field in SUMS[1:]]
        summed = map_rows(self._ready(df, columns), sums, schema).groupBy(*columns, "feature").agg(*totals)
        all_features = F.sum("absolute").over(Window.partitionBy(*(F.col(name) for name in columns)))
        return summed.select(
            *columns,
            "feature",
            "rows",
            (F.col("absolute") / F.col("rows")).alias("contribution"),
            F.when(all_features > 0, F.col("absolute") / all_features).otherwise(0.0).alias("share"),
            (F.col("signed") / F.col("rows")).alias("mean_contribution"),
            _direction().alias("direction"),
        )

    def _ready(self, df: DataFrame, kept: Sequence[str]) -> DataFrame:
        for name in self.names:
            if name not in df.columns:
                hint = nearest(name, df.columns, "give the columns that the model was trained on")
                raise DefinitionError(f"the data lacks the feature {name}, which the model reads; {hint}")
        ready = df if set(self.margin.groups) <= set(df.columns) else self.preparation.transform(df)
        vectors = [vector_to_array(F.col(column)).alias(f"{_VECTOR}{number}") for number, column in enumerate(self.margin.groups)]
        return ready.select(*(F.col(quoted(name)) for name in dict.fromkeys([*kept, *self.names])), *vectors)


def _direction() -> Column:
    """Sign of the correlation of value and contribution."""
    n, v, c = F.col("known"), F.col("v"), F.col("c")
    spread = (n * F.col("vv") - v * v) * (n * F.col("cc") - c * c)
    correlation = F.when(spread > 0, (n * F.col("vc") - v * c) / F.sqrt(spread))
    known = F.when(correlation >= _PLAIN, "raises").when(correlation <= -_PLAIN, "lowers")
    return F.when(n > 0, F.coalesce(known, F.lit("mixed")))


def explainer(
    spark: SparkSession,
    pipeline: PipelineModel,
    features: Sequence[ModelFeature],
    *,
    folder: str,
    background: DataFrame | Means | None = None,
    score: str = "prediction",
) -> Explainer:
    """Takes a fitted pipeline apart.

    Args:
        spark: session.
        pipeline: of stock MLlib stages, from raw columns to ``score``.
        features: the raw columns that it reads.
        folder: where its trees may be saved, to be read again: what a node covers is told nowhere else. The caller removes it.
        background: rows whose mean is what linear stages compare with (raw columns), or an earlier explainer's ``means``;
            not needed where there are only trees.
        score: column with the prediction.

    Raises:
        DefinitionError: a stage that cannot be traced, a feature that is not listed, or no background where it is needed.
    """
    lineage = Lineage(pipeline)
    found = Expansion(lineage)
    found.add(lineage.places(score)[0], 1.0)
    reads = {stage: lineage.stages[stage].getFeaturesCol() for stage in found.weights}  # type: ignore[attr-defined]
    sources: dict[frozenset[str], int] = {}
    groups = {column: _groups(lineage, column, sources) for column in sorted({*reads.values(), *found.slopes})}
    preparation = PipelineModel([stage for stage, prepares in zip(lineage.stages, lineage.prepares, strict=True) if prepares])
    means = _means(preparation, list(found.slopes), background)
    terms: list[Term] = [LinearTerm(column, slopes, np.asarray(means[column])) for column, slopes in found.slopes.items()]
    for stage, weight in found.weights.items():
        terms.append(_model_term(spark, lineage.stages[stage], f"{folder}/{stage}", reads[stage], weight, groups[reads[stage]]))
    base = found.intercept + sum(term.base for term in terms)
    margin = Margin(tuple(terms), groups, _fold(features, list(sources)), base)
    return Explainer(tuple(features), preparation, margin, means)


def _model_term(spark: SparkSession, model: Any, folder: str, column: str, weight: float, groups: np.ndarray) -> Term:
    name = type(model).__name__
    if name == "SparkXGBClassifierModel":
        return booster_term(column, weight, model.get_booster(), len(groups))
    model.write().overwrite().save(folder)
    trees = read_trees(spark, folder, classification=name == "RandomForestClassificationModel")
    return tree_term(column, weight, trees, groups)


def _groups(lineage: Lineage, column: str, sources: dict[frozenset[str], int]) -> np.ndarray:
    """The group of each slot; slots of the same features are one group, new ones are added to ``sources``."""
    found = [place.features if isinstance(place, Given) else frozenset[str]() for place in lineage.places(column)]
    return np.array([sources.setdefault(of, len(sources)) for of in found])


def _fold(features: Sequence[ModelFeature], sources: Sequence[frozenset[str]]) -> np.ndarray:
    """Shape (features, groups): what depends on several features is theirs in equal parts."""
    names = [feature.name for feature in features]
    fold = np.zeros((len(names), len(sources)))
    for group, of in enumerate(sources):
        for name in of:
            if name not in names:
                hint = nearest(name, names, "list it, with how reasons name it")
                raise DefinitionError(f"the model reads the column {name}, which is not among its features; {hint}")
            fold[names.index(name), group] = 1.0 / len(of)
    return fold


def _means(preparation: PipelineModel, columns: Sequence[str], background: DataFrame | Means | None) -> Means:
    if not columns:
        return {}
    if background is None:
        raise DefinitionError(
            "the model has a linear part, whose reasons compare with an average; give the rows it was trained on as background"
        )
    if isinstance(background, Mapping):
        return background
    ready = preparation.transform(background).select(*(vector_to_array(F.col(column)).alias(column) for column in columns))
    slots = map_rows(ready, slot_sums, StructType(list(SLOT_SUMS))).groupBy("vector", "slot")
    found = slots.agg((F.sum("total") / F.sum("rows")).alias("mean")).collect()  # by slot: bounded
    by_slot = sorted((row["vector"], row["slot"], row["mean"]) for row in found)
    return {column: [mean for vector, _, mean in by_slot if vector == column] for column in columns}
