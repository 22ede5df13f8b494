"""What the segments of one moment are like: sizes, means, what sets each apart, typical customers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from gridlens.segments.definition import Segmentation
from gridlens.segments.naming import differences


@dataclass(frozen=True)
class Profiles:
    """Facts of each cluster by position.

    Attributes:
        accounts: shape (k,).
        separation: mean confidence, NaN where empty. Shape (k,).
        typical: account nearest to the centre, None where empty.
        means: of each feature, NaN where none is known. Shape (k, features).
        own, others, apart: of each phrase the cluster's mean, that of all others, the standardized difference. Shape (k, phrases).
    """

    accounts: np.ndarray
    separation: np.ndarray
    typical: tuple[str | None, ...]
    means: np.ndarray
    own: np.ndarray
    others: np.ndarray
    apart: np.ndarray

    @property
    def shares(self) -> np.ndarray:
        return np.asarray(self.accounts / max(self.accounts.sum(), 1))


def profiles(members: DataFrame, segmentation: Segmentation, k: int) -> Profiles:
    """The profile of each cluster.

    Args:
        members: account_id, segment (position), distance, confidence, x, phrases; phrases are winsorized like the features are.
        segmentation: the definition.
        k: number of clusters, empty ones included.
    """
    n_features, n_phrases = len(segmentation.definition.components_of_features), len(segmentation.phrases)
    limits = _limits(members, n_phrases, segmentation.definition.outliers)
    measures = [_clipped(F.get("phrases", F.lit(i)), limits[i]) for i in range(n_phrases)]
    rows = members.groupBy("segment").agg(
        F.count("*").alias("accounts"),
        F.avg("confidence").alias("separation"),
        F.min_by("account_id", F.struct("distance", "account_id")).alias("typical"),
        F.array(*[F.avg(F.get("x", F.lit(i))) for i in range(n_features)]).alias("means"),
        F.array(*[F.avg(m) for m in measures]).alias("own"),
        F.array(*[F.avg(m * m) for m in measures]).alias("squares"),
        F.array(*[F.count(m) for m in measures]).alias("known"),
    )
    found = {row["segment"]: row for row in rows.collect()}  # k rows

    def table(name: str, width: int) -> np.ndarray:
        nothing = [None] * width
        return np.array([found[i][name] if i in found else nothing for i in range(k)], dtype=float).reshape(k, width)

    own = table("own", n_phrases)
    others, apart = differences(own, np.nan_to_num(table("known", n_phrases)), table("squares", n_phrases))
    return Profiles(
        np.array([found[i]["accounts"] if i in found else 0 for i in range(k)]),
        np.array([found[i]["separation"] if i in found else np.nan for i in range(k)], dtype=float),
        tuple(found[i]["typical"] if i in found else None for i in range(k)),
        table("means", n_features),
        own,
        others,
        apart,
    )


def _limits(members: DataFrame, count: int, outliers: float) -> list[list[float] | None]:
    at = F.array(F.lit(outliers), F.lit(1 - outliers))
    row = members.agg(*[F.percentile_approx(F.get("phrases", F.lit(i)), at).alias(f"p{i}") for i in range(count)]).first()
    return [row[f"p{i}"] if row else None for i in range(count)]


def _clipped(value: Column, limits: list[float] | None) -> Column:
    return F.when(value.isNotNull(), F.greatest(F.least(value, F.lit(limits[1])), F.lit(limits[0]))) if limits else value
