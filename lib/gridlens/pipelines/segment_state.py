"""What is known of earlier segments: the last model of each segmentation, its segments, and the last run's definitions."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from gridlens.contracts.segment import SEGMENT, SEGMENT_PROFILE, SEGMENTATION
from gridlens.pipelines.moments import of_micros, of_moment
from gridlens.segments.definition import Segmentation
from gridlens.segments.model import Clusters, Preparation
from gridlens.warehouse import Warehouse


@dataclass(frozen=True)
class Earlier:
    """A segmentation at the last moment before this one.

    Attributes:
        run: its row of segmentation_v1.
        profiles: its rows of segment_profile_v1 by segment_id, the order of the model's clusters.
        members: account_id and segment_id at that moment.
    """

    run: Mapping[str, Any]
    profiles: tuple[Mapping[str, Any], ...]
    members: DataFrame

    @property
    def ids(self) -> list[str]:
        return [row["segment_id"] for row in self.profiles]

    @property
    def clusters(self) -> Clusters:
        centres = np.array([row["centre"] for row in self.profiles])
        if self.run["algorithm"] != "gaussian_mixture":
            return Clusters(self.run["algorithm"], centres)
        size = centres.shape[1]
        covariances = np.array([row["covariance"] for row in self.profiles]).reshape(-1, size, size)
        return Clusters(self.run["algorithm"], centres, covariances, np.array([row["weight"] for row in self.profiles]))

    def preparation(self, segmentation: Segmentation) -> Preparation:
        """As it was fitted; the definition must be the one that it was fitted by."""
        definition, run = segmentation.definition, self.run
        transforms = tuple(f.transform for f in definition.features for _ in f.components)
        fill, low, high, middle, factor = (np.array(run[name], dtype=float) for name in ("fill", "low", "high", "middle", "factor"))
        projection = np.array(run["projection"]).reshape(len(transforms), -1)
        return Preparation(transforms, fill, low, high, middle, factor, projection)


def earlier(warehouse: Warehouse, identity: str, as_of: dt.date, known_at: dt.datetime) -> Earlier | None:
    """How the segmentation stood at the last moment before this one; None before the first."""
    rows = warehouse.read(SEGMENTATION).where(F.col("segmentation") == identity)
    rows = rows.where(F.struct("as_of", "known_at") < F.struct(F.lit(as_of), F.lit(known_at)))
    last = _newest(rows)
    if last is None:
        return None
    moment = (F.col("segmentation") == identity) & of_moment(last["as_of"], last["known_at"])
    profiles = warehouse.read(SEGMENT_PROFILE).where(moment).drop("known_at").orderBy("segment_id").collect()  # k rows
    members = warehouse.read(SEGMENT).where(moment & F.col("segment_id").isNotNull()).select("account_id", "segment_id")
    return Earlier(last, tuple(row.asDict(recursive=True) for row in profiles), members)


def highest_number(warehouse: Warehouse, identity: str, as_of: dt.date, known_at: dt.datetime) -> int:
    """The highest number that a segment of the segmentation had before this moment; 0 where there was none."""
    before = F.struct("as_of", "known_at") < F.struct(F.lit(as_of), F.lit(known_at))
    number = F.substring_index("segment_id", "-", -1).cast("int")
    row = warehouse.read(SEGMENT_PROFILE).where((F.col("segmentation") == identity) & before).agg(F.max(number).alias("n")).first()
    return int(row["n"] or 0) if row else 0


def newest_segments(warehouse: Warehouse) -> tuple[dt.date, dt.datetime] | None:
    """The newest moment that has segments; None where there is none."""
    last = _newest(warehouse.read(SEGMENTATION))
    return (last["as_of"], last["known_at"]) if last else None


def _newest(rows: DataFrame) -> dict[str, Any] | None:
    columns = [c for c in rows.columns if c != "known_at"]
    picked = rows.select(*columns, F.unix_micros("known_at").alias("micros")).orderBy(F.desc("as_of"), F.desc("micros")).limit(1).first()
    if picked is None:
        return None
    return {**{c: picked[c] for c in columns}, "known_at": of_micros(picked["micros"])}
