"""Customers who behave alike: near one another in the space of chosen account features.

For one account every other is compared: one scan, exact. For all accounts at once MLlib's random projections (Datar, Immorlica,
Indyk and Mirrokni, "Locality-sensitive hashing scheme based on p-stable distributions", SCG 2004) sort them into buckets, and
only those of one bucket are compared. MLlib's own join asks for one equal hash, which at any useful width is true of a constant
share of all pairs; here a bucket is several equal hashes at once, several times over, and never larger than a limit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from pyspark.ml.feature import BucketedRandomProjectionLSH, VectorAssembler
from pyspark.ml.functions import vector_to_array
from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F
from pyspark.sql.types import DoubleType, StringType, StructField, StructType

from gridlens.arrow import map_rows

LOGARITHMIC = ("energy_kwh_365d", "bill_amount_mean_365d", "contacts_365d", "interactions_90d", "views_90d")
"""Amounts and counts: a ratio tells more than a difference."""
PLAIN = (
    "energy_growth_90d",
    "energy_variation_90d",
    "weekend_ratio_365d",
    "holiday_ratio_365d",
    "summer_ratio_365d",
    "winter_ratio_365d",
    "load_factor",
    "night_share",
    "midday_share",
    "evening_share",
    "nonworking_ratio",
    "regularity",
    "average_price_365d",
    "late_share_365d",
    "digital_payment_share_365d",
)
CHOSEN = (*LOGARITHMIC, *PLAIN)
REACH = 4.0
"""Farther than so many robust standard deviations from the median counts as so many."""
_IQR_OF_NORMAL = 1.349
_PAIR = StructType([StructField("account_id", StringType()), StructField("other_id", StringType()), StructField("distance", DoubleType())])


@dataclass(frozen=True)
class Hashing:
    """How accounts are sorted into buckets.

    Attributes:
        bands: how often; an account is compared with those of any of its buckets.
        hashes: equal hashes that make a bucket.
        width: of one hash, in units of the distance.
        most: accounts of a bucket that are compared; a larger bucket is cut, neighbours in energy staying together.
        seed: of the projections.
    """

    bands: int = 12
    hashes: int = 4
    width: float = 0.75
    most: int = 400
    seed: int = 1


def robust_scales(features: DataFrame) -> dict[str, tuple[float, float]]:
    """Of each chosen feature the median and the robust standard deviation (interquartile range / 1.349; 1 where that is 0)."""
    quartiles = [F.percentile_approx(_raw(name), [0.25, 0.5, 0.75], 10_000).alias(name) for name in CHOSEN]
    row = features.agg(*quartiles).first()
    found: dict[str, tuple[float, float]] = {}
    for name in CHOSEN:
        low, middle, high = (row[name] if row else None) or (0.0, 0.0, 0.0)
        found[name] = (middle, (high - low) / _IQR_OF_NORMAL or 1.0)
    return found


def scaled(features: DataFrame, scales: Mapping[str, tuple[float, float]]) -> DataFrame:
    """account_id, category and the chosen features, so that the Euclidean distance is the root mean square difference in robust
    standard deviations. A missing value counts as the median: it makes an account neither alike nor different."""
    root = len(CHOSEN) ** 0.5

    def one(name: str) -> Column:
        middle, spread = scales[name]
        apart = F.coalesce((_raw(name) - middle) / spread, F.lit(0.0))  # before least and greatest, which would pass over a null
        return (F.least(F.greatest(apart, F.lit(-REACH)), F.lit(REACH)) / root).alias(name)

    return features.select("account_id", "category", *[one(name) for name in CHOSEN])


def _raw(name: str) -> Column:
    value = F.nanvl(F.col(name).cast("double"), F.lit(None).cast("double"))
    return F.signum(value) * F.log1p(F.abs(value)) if name in LOGARITHMIC else value


def nearest_exact(rows: DataFrame, values: Mapping[str, float], account: str) -> DataFrame:
    """Every other account by its distance, nearest first: account_id, category, distance.

    Args:
        rows: of :func:`scaled`.
        values: the scaled features of ``account``.
        account: left out.
    """
    squares: Column = sum((F.pow(F.col(name) - values[name], 2) for name in CHOSEN), F.lit(0.0))
    others = rows.where(F.col("account_id") != account)
    return others.select("account_id", "category", F.sqrt(squares).alias("distance")).orderBy("distance", "account_id")


def nearest_of_all(rows: DataFrame, *, k: int, hashing: Hashing = Hashing()) -> DataFrame:
    """The ``k`` nearest that hashing finds for each account: account_id, other_id, distance.

    Args:
        rows: of :func:`scaled`.
        k: at most so many for each account.
        hashing: how thoroughly it is searched.
    """
    bucketed = _buckets(rows, hashing)
    members = F.sort_array(F.collect_list(F.struct("account_id", "vector"))).alias("members")
    grouped = bucketed.groupBy("band", "bucket", "piece").agg(members).where(F.size("members") > 1)
    listed = grouped.select(F.col("members.account_id").alias("ids"), F.flatten("members.vector").alias("values"))
    found = map_rows(listed, _Nearest(k), _PAIR)
    distinct = found.groupBy("account_id", "other_id").agg(F.min("distance").alias("distance"))
    order = Window.partitionBy("account_id").orderBy("distance", "other_id")
    return distinct.withColumn("_place", F.row_number().over(order)).where(F.col("_place") <= k).drop("_place")


def _buckets(rows: DataFrame, hashing: Hashing) -> DataFrame:
    """band, bucket, piece, account_id and vector: each account once a band."""
    vectors = VectorAssembler(inputCols=list(CHOSEN), outputCol="point").transform(rows)
    lsh = BucketedRandomProjectionLSH(
        inputCol="point",
        outputCol="hashes",
        bucketLength=hashing.width,
        numHashTables=hashing.bands * hashing.hashes,
        seed=hashing.seed,
    )
    hashed = lsh.fit(vectors).transform(vectors)
    numbers = [vector_to_array(F.col("hashes")[i])[0].cast("long") for i in range(hashing.bands * hashing.hashes)]
    bands = [
        F.struct(F.lit(band).alias("band"), F.xxhash64(*numbers[band * hashing.hashes : (band + 1) * hashing.hashes]).alias("bucket"))
        for band in range(hashing.bands)
    ]
    placed = hashed.select("account_id", F.array(*CHOSEN).alias("vector"), F.explode(F.array(*bands)).alias("b"))
    in_bucket = Window.partitionBy("b.band", "b.bucket").orderBy(F.col("vector")[0], "account_id")
    piece = F.floor((F.row_number().over(in_bucket) - 1) / hashing.most)
    return placed.select("b.band", "b.bucket", piece.alias("piece"), "account_id", "vector")


class _Nearest:
    """Of each bucket the ``k`` nearest of every member."""

    def __init__(self, k: int) -> None:
        self._k = k

    def __call__(self, batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        for row in range(batch.num_rows):
            ids = batch.column("ids")[row].values
            points = batch.column("values")[row].values.to_numpy(zero_copy_only=False).reshape(len(ids), -1)
            own, other, distance = nearest_within(points, self._k)
            yield pa.RecordBatch.from_arrays(
                [ids.take(pa.array(own)), ids.take(pa.array(other)), pa.array(distance)], names=["account_id", "other_id", "distance"]
            )


def nearest_within(points: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each point the ``k`` nearest others, ties by position.

    Args:
        points: shape (points, features).
        k: fewer where there are fewer others.

    Returns:
        Positions of the points, of their neighbours, and the Euclidean distances; each of shape (points * min(k, points - 1),).
    """
    count = len(points)
    nearest = min(k, count - 1)
    squares = np.zeros((count, count))
    for feature in points.T:  # added one by one: a matrix product may differ in the last bit from machine to machine
        squares += (feature[:, None] - feature[None, :]) ** 2
    np.fill_diagonal(squares, np.inf)
    chosen = np.argsort(squares, axis=1, kind="stable")[:, :nearest]
    own = np.repeat(np.arange(count), nearest)
    other = chosen.reshape(-1)
    return own, other, np.sqrt(squares[own, other])
