"""The fold of interval readings: pieces in bronze → versions of day blocks → current and superseded.

For each touched key (metering point, channel, local day) every moment at which something became known
(a piece, or a version of the point's ratio and capacity) gives one version: all pieces known by then,
with the ratio known by then. The last version is current, the others are superseded; a version that says
the same as the one before is dropped. The whole depends on bronze alone, never on the order of loading.
"""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import to_arrow_schema
from pyspark.sql.types import ArrayType, ByteType, DoubleType, IntegerType, StructField, StructType

from gridlens.contracts.silver import INTERVAL_DAY, INTERVAL_KEY
from gridlens.fold.pieces import KINDS, fold_batches

KEY = list(INTERVAL_KEY)
CAPACITY_TOLERANCE = 0.2
"""An interval may exceed the contract capacity by this share before it is marked: transformers bear short overloads."""


def pieces_of(bronze: DataFrame) -> DataFrame:
    """Accepted bronze rows as pieces: key, resolution, zone, known_from, order and one struct ``piece``."""
    kind = F.lit(None).cast("tinyint")
    for name, number in KINDS.items():
        kind = F.when(F.col("value_kind") == name, F.lit(number).cast("tinyint")).otherwise(kind)
    piece = F.struct(
        F.col("first_interval"),
        kind.alias("kind"),
        F.col("multiplied"),
        F.col("values"),
        F.coalesce(F.col("bad_intervals"), F.array().cast("array<int>")).alias("bad_intervals"),
    )
    return bronze.where(~F.col("_rejected") & F.col("values").isNotNull()).select(
        *KEY, "resolution_minutes", "zone", "known_from", F.col("_content_hash").alias("piece_hash"), "multiplied", piece.alias("piece")
    )


def point_versions(points: DataFrame) -> DataFrame:
    """What of a metering point shapes its blocks, one row per version that is known."""
    return points.select(
        "metering_point_id",
        "valid_from",
        F.col("known_from").alias("point_known_from"),
        F.col("_content_hash").alias("point_hash"),
        "multiplier",
        "contract_capacity_kva",
    )


def point_summary(points: DataFrame) -> DataFrame:
    """One row per point; ``constant`` says that ratio and capacity never changed and were known as soon as the point was."""
    same = F.count_distinct(F.struct("multiplier", F.coalesce("contract_capacity_kva", F.lit(-1.0)))) == 1
    first_known = F.min_by("point_known_from", "valid_from") == F.min("point_known_from")
    return (
        point_versions(points)
        .groupBy("metering_point_id")
        .agg(
            (same & first_known).alias("constant"),
            F.min("valid_from").alias("valid_from"),
            F.min("point_known_from").alias("point_known_from"),
            F.first("multiplier").alias("multiplier"),
            F.first("contract_capacity_kva").alias("contract_capacity_kva"),
        )
    )


def route(pieces: DataFrame, points: DataFrame) -> tuple[DataFrame, DataFrame]:
    """Pieces of keys that have one piece each, as (version rows, pieces that need their point's history).

    A version row needs no shuffle. Pieces whose ratio is not known at all are in neither: they wait in bronze.
    """
    joined = pieces.join(point_summary(points), on="metering_point_id", how="left")
    known = F.col("constant").isNotNull()
    covered = F.coalesce(F.col("valid_from") <= F.col("local_date"), F.lit(False))
    late = covered & (F.col("point_known_from") > F.col("known_from"))
    history = known & (~F.col("constant") | (F.col("multiplied") & late))
    direct = ~history & (F.col("multiplied") | covered)
    rows = joined.where(direct).select(
        *KEY,
        "zone",
        "resolution_minutes",
        F.when(late, F.col("point_known_from")).otherwise(F.col("known_from")).alias("known_from"),
        F.array("piece").alias("pieces"),
        F.when(F.col("multiplied"), F.lit(1.0)).otherwise(F.col("multiplier")).alias("multiplier"),
        F.when(covered, F.col("contract_capacity_kva")).alias("contract_capacity_kva"),
    )
    return rows, joined.where(history).select(*pieces.columns)


def history_versions(pieces: DataFrame, points: DataFrame) -> DataFrame:
    """Version rows of keys with several pieces or a point with history: one for each moment of knowledge."""
    keyed = (
        point_versions(points).join(pieces.select(*KEY).distinct(), on="metering_point_id", how="inner").where("valid_from <= local_date")
    )
    moments = pieces.select(*KEY, "known_from").unionByName(keyed.select(*KEY, F.col("point_known_from").alias("known_from"))).distinct()
    return _with_point(_with_pieces(moments, pieces), keyed)


def _with_pieces(moments: DataFrame, pieces: DataFrame) -> DataFrame:
    """Every moment with the pieces known by then, in order; of several resolutions the finest counts."""
    seen = pieces.select(
        *KEY, F.col("known_from").alias("piece_known_from"), "piece_hash", "resolution_minutes", "zone", "multiplied", "piece"
    )
    ordered = F.struct("piece_known_from", "piece_hash", "resolution_minutes", "piece")
    gathered = (
        moments.join(seen, on=KEY, how="inner")
        .where("piece_known_from <= known_from")
        .groupBy(*KEY, "known_from")
        .agg(
            F.array_sort(F.collect_list(ordered)).alias("all_pieces"),
            F.min("resolution_minutes").alias("resolution_minutes"),
            F.max_by("zone", F.struct("piece_known_from", "piece_hash")).alias("zone"),
            F.bool_and("multiplied").alias("multiplied"),
        )
    )
    finest = F.filter("all_pieces", lambda p: p["resolution_minutes"] == F.col("resolution_minutes"))
    return gathered.withColumn("pieces", F.transform(finest, lambda p: p["piece"])).drop("all_pieces")


def _with_point(versions: DataFrame, keyed_points: DataFrame) -> DataFrame:
    """Every version with the ratio and capacity known by then; without a ratio the version does not exist yet."""
    candidates = versions.select(*KEY, "known_from").join(keyed_points, on=KEY, how="inner").where("point_known_from <= known_from")
    best = F.max_by(F.struct("multiplier", "contract_capacity_kva"), F.struct("valid_from", "point_known_from", "point_hash"))
    chosen = candidates.groupBy(*KEY, "known_from").agg(best.alias("point"))
    joined = versions.join(chosen, on=[*KEY, "known_from"], how="left")
    multiplier = F.when(F.col("multiplied"), F.lit(1.0)).otherwise(F.col("point")["multiplier"])
    return joined.select(
        *KEY,
        "zone",
        "resolution_minutes",
        "known_from",
        "pieces",
        multiplier.alias("multiplier"),
        F.col("point")["contract_capacity_kva"].alias("contract_capacity_kva"),
    ).where("multiplier IS NOT NULL")


def _local_midnight(date: Column, zone: Column) -> Column:
    """Begin of a local day as an instant, whatever the session's time zone."""
    zero = F.lit(0)
    return F.make_timestamp(F.year(date), F.month(date), F.day(date), zero, zero, zero.cast("decimal(8,6)"), zone)


def to_blocks(version_rows: DataFrame) -> DataFrame:
    """Blocks from version rows (key, zone, resolution_minutes, known_from, pieces, multiplier, contract_capacity_kva).

    Gives the columns of ``interval_day``. A day has its own length: 92 or 100 quarter hours on clock-change days.
    """
    start = _local_midnight(F.col("local_date"), F.col("zone"))
    end = _local_midnight(F.date_add("local_date", 1), F.col("zone"))
    minutes = (F.unix_seconds(end) - F.unix_seconds(start)) / 60
    length = F.when(F.col("resolution_minutes") >= 1440, F.lit(1)).otherwise((minutes / F.col("resolution_minutes")).cast("int"))
    prepared = version_rows.withColumns({"start_utc": start, "block_length": length})
    carried = [*KEY, "zone", "resolution_minutes", "start_utc", "multiplier", "known_from"]
    schema = StructType(
        [
            *(prepared.schema[c] for c in carried),
            StructField("values", ArrayType(DoubleType())),
            StructField("quality", ArrayType(ByteType())),
            StructField("energy_kwh", DoubleType()),
            StructField("max_kwh", DoubleType()),
            StructField("missing_count", IntegerType()),
            StructField("flagged_count", IntegerType()),
        ]
    )
    target = to_arrow_schema(schema, timezone="UTC")

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        return fold_batches(batches, schema=target, capacity_tolerance=CAPACITY_TOLERANCE)

    blocks = prepared.select(*carried, "block_length", "pieces", "contract_capacity_kva").mapInArrow(run, schema)
    content = F.xxhash64("values", "quality", "resolution_minutes", "zone", "multiplier")
    return blocks.withColumns({"local_month": F.trunc("local_date", "MM").cast("date"), "_content_hash": content}).select(
        *INTERVAL_DAY.columns
    )


def split_versions(blocks: DataFrame) -> tuple[DataFrame, DataFrame]:
    """All versions of the touched keys as (current, superseded).

    ``superseded`` carries ``_drop``: true for a moment that is no version of its own (it says the same as the
    one before, or it is the current one), so that a row written for it by an earlier load goes away.
    """
    in_order = Window.partitionBy(*KEY).orderBy("known_from")
    before = F.lag("_content_hash").over(in_order)
    marked = blocks.withColumn("_same", F.coalesce(before == F.col("_content_hash"), F.lit(False)))
    real = F.when(~F.col("_same"), F.col("known_from"))
    last = F.max(real).over(Window.partitionBy(*KEY))
    marked = marked.withColumn("_last", last)
    current = marked.where(~F.col("_same") & (F.col("known_from") == F.col("_last"))).select(*INTERVAL_DAY.columns)
    superseded = marked.select(*INTERVAL_DAY.columns, (F.col("_same") | (F.col("known_from") >= F.col("_last"))).alias("_drop"))
    return current, superseded


def blocks_as_known(current: DataFrame, superseded: DataFrame, known_at: object) -> DataFrame:
    """Blocks as they were known at ``known_at`` (UTC): the current ones, or the version that held then."""
    moment = F.lit(known_at)
    newer = current.where(F.col("known_from") > moment).select(*KEY)
    older = superseded.where(F.col("known_from") <= moment).join(newer, on=KEY, how="left_semi")
    rest = [c for c in INTERVAL_DAY.columns if c not in KEY]
    held = older.groupBy(*KEY).agg(F.max_by(F.struct(*rest), "known_from").alias("_row"))
    held = held.select(*KEY, *[F.col("_row")[c].alias(c) for c in rest]).select(*INTERVAL_DAY.columns)
    return current.where(F.col("known_from") <= moment).select(*INTERVAL_DAY.columns).unionByName(held)
