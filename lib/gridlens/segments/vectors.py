"""Feature vectors of accounts, who is left out and why, and the preparation found on training accounts."""

from __future__ import annotations

import numpy as np
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import ArrayType, DoubleType, IntegerType, StringType, StructField, StructType

from gridlens.arrow import Arrays, map_blocks
from gridlens.segments.definition import HOURS, FeatureDefinition, Segmentation
from gridlens.segments.model import Clusters, Preparation, fitted_preparation

_BUCKETS = 1_000_000
_PRECISE = 10_000
_VECTORS = StructType([StructField("account_id", StringType()), StructField("z", ArrayType(DoubleType()))])
_BELONGING = [
    StructField("segment", IntegerType()),
    StructField("second", IntegerType()),
    StructField("distance", DoubleType()),
    StructField("confidence", DoubleType()),
]


def vectors(features: DataFrame, segmentation: Segmentation) -> DataFrame:
    """account_id, left_out (null where clustered), x (the feature vector, null elements where not known), phrases (what names read)."""
    parts, reasons = [], [F.when(~F.coalesce(segmentation.population.column(), F.lit(False)), F.lit("population"))]
    for feature, expression in zip(segmentation.definition.features, segmentation.features, strict=True):
        value = _hours(feature) if expression is None else F.array(expression.column().cast("double"))
        parts.append(value)
        if feature.missing == "exclude":
            unknown = value.isNull() | F.exists(value, lambda v: v.isNull() | F.isnan(v))
            reasons.append(F.when(unknown, F.lit(f"missing: {feature.id}")))
    measures = F.array(*[phrase.column().cast("double") for phrase in segmentation.phrases])
    return features.select("account_id", F.coalesce(*reasons).alias("left_out"), F.concat(*parts).alias("x"), measures.alias("phrases"))


def _hours(feature: FeatureDefinition) -> Column:
    """The 24 hours of a profile over the mean of the profile it is relative to; null where that is not positive or has another length."""
    profile, base = F.col(str(feature.profile)), F.col(feature.relative_to or str(feature.profile))
    mean = F.aggregate(base, F.lit(0.0), lambda total, hour: total + hour) / HOURS
    usable = (F.size(profile) == HOURS) & (F.size(base) == HOURS) & (mean > 0)
    return F.when(usable, F.transform(profile, lambda hour: hour / F.when(mean > 0, mean)))


def hashed(rows: DataFrame, *, most: int, total: int, seed: int) -> DataFrame:
    """At most about ``most`` of the ``total`` rows, chosen by a hash of the account: the same accounts on any machine."""
    if total <= most:
        return rows
    return rows.where(F.pmod(F.xxhash64("account_id", F.lit(seed)), F.lit(_BUCKETS)) < F.lit(int(_BUCKETS * most / total)))


def preparation(training: DataFrame, segmentation: Segmentation) -> Preparation:
    """The preparation fitted on training accounts, not projected yet: limits and scale from quantiles."""
    definition = segmentation.definition
    named = [(feature, name) for feature in definition.features for name in feature.components]
    # One aggregate gives all quantiles: the sketch's error is 1 / _PRECISE of the rows.
    at = F.array(*[F.lit(q) for q in (definition.outliers, 0.1, 0.5, 0.9, 1 - definition.outliers)])
    found = training.agg(
        *[F.percentile_approx(F.get("x", F.lit(i)), at, _PRECISE).alias(name) for i, (_, name) in enumerate(named)]
    ).first()
    quantiles = np.array([(found[name] if found and found[name] else [np.nan] * 5) for _, name in named], dtype=float)
    return fitted_preparation(
        tuple(feature.transform for feature, _ in named),
        np.array([feature.scale == "robust" for feature, _ in named]),
        np.array([feature.weight for feature, _ in named]),
        np.array([feature.missing if isinstance(feature.missing, float) else np.nan for feature, _ in named]),
        quantiles,
    )


def prepared(rows: DataFrame, preparation: Preparation) -> DataFrame:
    """account_id and z: the feature vectors in the prepared space."""

    def kernel(arrays: Arrays) -> Arrays:
        return {"z": preparation.prepared(arrays["x"])}

    return map_blocks(rows, kernel, schema=_VECTORS, keep=["account_id"], inputs=["x"])


def belonging(rows: DataFrame, clusters: Clusters, *, keep: tuple[str, ...] = ("account_id",)) -> DataFrame:
    """``keep`` and segment, second (positions of clusters), distance and confidence of each prepared row."""

    def kernel(arrays: Arrays) -> Arrays:
        first, second, distance, confidence = clusters.belonging(arrays["z"])
        return {"segment": first, "second": second, "distance": distance, "confidence": confidence}

    schema = StructType([*(rows.schema[name] for name in keep), *_BELONGING])
    return map_blocks(rows, kernel, schema=schema, keep=keep, inputs=["z"])


def both_labels(rows: DataFrame, first: Clusters, second: Clusters) -> DataFrame:
    """The accounts of each pair of clusters of two models: a, b, accounts."""

    def kernel(arrays: Arrays) -> Arrays:
        return {"a": first.belonging(arrays["z"])[0], "b": second.belonging(arrays["z"])[0]}

    schema = StructType([StructField("a", IntegerType()), StructField("b", IntegerType())])
    return map_blocks(rows, kernel, schema=schema, inputs=["z"]).groupBy("a", "b").agg(F.count("*").alias("accounts"))
