"""The data of the benchmarks: 90 days of quarter-hour curves, the same on any machine and any number of partitions."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from gridlens.contracts.silver import INTERVAL_DAY, METERING_POINT
from gridlens.samples.lines import block, codes, fixed, text
from gridlens.samples.randomness import Random
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import to_arrow_schema
from pyspark.sql.types import StringType, StructField, StructType

FIRST_DAY = dt.date(2026, 1, 1)
DAYS = 90
INTERVALS = 96
ZONE = "Asia/Shanghai"
TARIFFS = ("residential_tiered_tou", "commercial_tou", "industrial_demand")
GAP_SHARE = 0.02
"""Share of days with missing quarter hours: mostly one hour, for a quarter of them twelve (too few to describe)."""
AT_ONCE = 16
"""Points generated at a time: 23 040 blocks would be 17 MB."""
_RANDOM = Random(20261121)
SUPPLIED_SINCE = dt.date(2020, 1, 1)
_LOCAL_TO_UTC = np.timedelta64(8, "h")


def power(points: np.ndarray) -> np.ndarray:
    """Mean power of each quarter hour, kW, four decimals, NaN where missing. Shape (points, 90, 96)."""
    index, day, hour = points[:, None, None], np.arange(DAYS)[:, None], np.arange(24)
    clock = (np.arange(INTERVALS) + 0.5) / 4
    level = np.exp(_RANDOM.normal("level", points))[:, None, None] * 2.0
    peak = 6.0 + 14.0 * _RANDOM.uniform("peak", points)[:, None, None]
    shape = 0.3 + np.exp(-0.5 * ((clock - peak) / 2.5) ** 2) + 0.5 * np.exp(-0.5 * ((clock - 20.0) / 1.5) ** 2)
    noise = _RANDOM.quarters("noise", index, day, hour).reshape(len(points), DAYS, INTERVALS)
    weekday = 1.0 - 0.3 * (_weekday() >= 5)[:, None] * _RANDOM.uniform("weekend", points)[:, None, None]
    kw = np.round(level * shape * weekday * (0.6 + 0.8 * noise), 4)
    off = (
        _RANDOM.uniform(
            "off",
            points,
        )
        < 0.02
    )
    kw[off] *= clock > 6.0  # machines that stand still at night: exact zeros
    begin, length = _gaps(points)
    slot = np.arange(INTERVALS)
    kw[(slot >= begin[..., None]) & (slot < (begin + length)[..., None])] = np.nan
    return kw


def _weekday() -> np.ndarray:
    return (np.arange(DAYS) + FIRST_DAY.weekday()) % 7


def _gaps(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First missing interval and number of missing ones of each day, (points, 90); 0 missing in most."""
    index, day = points[:, None], np.arange(DAYS)
    drawn = _RANDOM.uniform("gap", index, day)
    length = np.where(drawn < GAP_SHARE / 4, 48, np.where(drawn < GAP_SHARE, 4, 0))
    return _RANDOM.integer("gap/begin", INTERVALS - 48, index, day), length


def tariff_of(points: np.ndarray) -> np.ndarray:
    """Number of each point's tariff."""
    return _RANDOM.integer("tariff", len(TARIFFS), points)


def _generated(spark: SparkSession, points: int, parts: int, schema: StructType, make: Callable[[np.ndarray], pa.RecordBatch]) -> DataFrame:
    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            numbers = batch.column("id").to_numpy(zero_copy_only=False)
            for at in range(0, len(numbers), AT_ONCE):
                yield make(numbers[at : at + AT_ONCE])

    return spark.range(0, points, 1, parts).mapInArrow(run, schema)


def blocks(spark: SparkSession, points: int, parts: int = 4) -> DataFrame:
    """Rows of interval_day, one for each point and day."""
    names = ("metering_point_id", "local_date", "start_utc", "values", "quality", "energy_kwh", "max_kwh", "missing_count")
    schema = StructType([INTERVAL_DAY.schema[name] for name in names])
    target = to_arrow_schema(schema, timezone="UTC")
    made = _generated(spark, points, parts, schema, lambda numbers: _block_batch(numbers, target))
    literal = {
        "channel": F.lit("1.8.0"),
        "local_month": F.trunc("local_date", "MM").cast("date"),
        "zone": F.lit(ZONE),
        "resolution_minutes": F.lit(15),
        "flagged_count": F.lit(0),
        "multiplier": F.lit(1.0),
        "known_from": F.timestamp_seconds(F.unix_seconds("start_utc") + F.lit(30 * 3600)),
        "_content_hash": F.xxhash64("values"),
    }
    return made.withColumns(literal).select(*INTERVAL_DAY.columns)


def _block_batch(numbers: np.ndarray, target: pa.Schema) -> pa.RecordBatch:
    kwh = (power(numbers) / 4).reshape(-1, INTERVALS)
    missing = np.isnan(kwh)
    rows = len(kwh)
    days = np.datetime64(FIRST_DAY) + np.tile(np.arange(DAYS), len(numbers))
    flat = pa.array(kwh.reshape(-1), from_pandas=True)
    offsets = pa.array(np.arange(rows + 1, dtype=np.int32) * INTERVALS)
    columns = [
        codes("PT", np.repeat(numbers, DAYS)),
        pa.array(days),
        pa.array(days.astype("datetime64[us]") - _LOCAL_TO_UTC).cast(target.field("start_utc").type),
        pa.ListArray.from_arrays(offsets, flat),
        pa.ListArray.from_arrays(offsets, pa.array(missing.reshape(-1).astype(np.int8))),
        pa.array(np.nansum(kwh, axis=1)),
        pa.array(np.nanmax(kwh, axis=1)),
        pa.array(missing.sum(axis=1).astype(np.int32)),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=target)


def metering_points(spark: SparkSession, points: int) -> DataFrame:
    """metering_point_id, valid_from, tariff_id, contract_capacity_kva of each point, in the types of the table metering_point."""
    schema = StructType([METERING_POINT.schema[name] for name in ("metering_point_id", "valid_from", "tariff_id", "contract_capacity_kva")])
    target = to_arrow_schema(schema)

    def make(numbers: np.ndarray) -> pa.RecordBatch:
        tariff = pa.array(TARIFFS).take(pa.array(tariff_of(numbers)))
        since, capacity = pa.array([SUPPLIED_SINCE] * len(numbers)), pa.array(np.full(len(numbers), 50.0))
        return pa.RecordBatch.from_arrays([codes("PT", numbers), since, tariff, capacity], schema=target)

    return _generated(spark, points, 1, schema, make)


CURVE_HEADER = ",".join(["metering_point_id", "data_date", "channel", "received_at", *(f"P{i}" for i in range(1, INTERVALS + 1))])


def curve_lines(spark: SparkSession, points: int, parts: int = 4) -> DataFrame:
    """Lines of the wide daily curves, one for each point and day, column ``value``; the header is not among them."""
    schema = StructType([StructField("value", StringType())])

    def make(numbers: np.ndarray) -> pa.RecordBatch:
        kw = power(numbers).reshape(-1, INTERVALS)
        rows = len(kw)
        days = np.datetime64(FIRST_DAY) + np.tile(np.arange(DAYS), len(numbers))
        offsets = pa.array(np.arange(rows + 1, dtype=np.int32) * INTERVALS)
        cells = pc.binary_join(pa.ListArray.from_arrays(offsets, pc.fill_null(fixed(kw, 4), "")), ",")
        received = text((days + 1).astype("datetime64[s]") + np.timedelta64(3600, "s"))
        columns = (codes("PT", np.repeat(numbers, DAYS)), text(days), pa.repeat("1.8.0", rows), received, cells)
        return pa.RecordBatch.from_arrays([pc.binary_join_element_wise(*columns, ",")], names=["value"])

    return _generated(spark, points, parts, schema, make)


SUPPLY_HEADER = (
    "metering_point_id,account_id,meter_id,transformer_id,feeder_id,area_id,voltage_level,contract_capacity_kva,ct_ratio,pt_ratio,"
    "tariff_id,phases,has_pv,valid_from,received_at"
)


def supply_text(points: int) -> str:
    """The metering points' master data as a CSV text, every ratio 1."""
    numbers = np.arange(points)
    tariffs = pa.array(TARIFFS).take(pa.array(tariff_of(numbers)))
    names = [codes(prefix, numbers) for prefix in ("PT", "AC", "MT")]
    lines = pc.binary_join_element_wise(*names, "TR1,FD1,AR1,0.38kV,50,1,1", tariffs, f"3,0,{SUPPLIED_SINCE},2020-01-02 08:00:00", ",")
    return f"{SUPPLY_HEADER}\n{block(lines)}\n"
