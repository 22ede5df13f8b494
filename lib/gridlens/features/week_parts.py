"""From curves to the weeks' mean days: what each account uses in each part of the day."""

from __future__ import annotations

import datetime as dt
from functools import partial

import numpy as np
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import ArrayType, DateType, DoubleType, StringType, StructField, StructType

from gridlens.arrow import Arrays, Ragged, map_blocks
from gridlens.features.account_curve import quarter_hour_kw
from gridlens.features.account_energy import held_days
from gridlens.features.clock import QUARTERS, clock_groups
from gridlens.features.packing import IMPORT

COARSEST = 60
"""Minutes of an interval beyond which a curve says nothing of the parts of a day."""
WEEK = 7
_QUARTER_HOURS = 0.25
_LIST = ArrayType(DoubleType())
_DAYS = StructType([StructField("metering_point_id", StringType()), StructField("local_date", DateType()), StructField("energy", _LIST)])
_WEEKS = StructType([StructField("account_id", StringType()), StructField("parts", _LIST)])


def week_parts(blocks: DataFrame, holdings: DataFrame, *, as_of: dt.date, weeks: int, parts: int, least_days: int) -> DataFrame:
    """``account_id`` and ``parts``: kWh in each part of the day, a mean of each week's days with curves; weeks × parts numbers.

    A week with fewer than ``least_days`` days is null; accounts without curves have no row.

    Args:
        blocks: interval_day as known.
        holdings: which account a metering point belongs to, see point_holdings.
        as_of: the last day of the last week.
        weeks: number of weeks.
        parts: equal parts of the local day, a divisor of 96.
        least_days: days with curves that a week must have.
    """
    first = F.lit(as_of - dt.timedelta(days=weeks * WEEK - 1))
    fine = (F.col("resolution_minutes") <= COARSEST) & (F.col("channel") == IMPORT)
    days = map_blocks(
        blocks.where(fine & F.col("local_date").between(first, F.lit(as_of))),
        partial(_energy_of_days, parts=parts),
        schema=_DAYS,
        keep=("metering_point_id", "local_date"),
        inputs=("values", "resolution_minutes", "zone", "local_date"),
    )
    told = held_days(days.where(F.col("energy")[0].isNotNull()), holdings)
    week = F.floor(F.datediff("local_date", first) / WEEK).cast("double")
    sums = F.array(*[F.sum(F.col("energy")[part]) for part in range(parts)])
    summed = told.groupBy("account_id", week.alias("week")).agg(F.count_distinct("local_date").alias("days"), sums.alias("sums"))
    means = F.transform("sums", lambda kwh: kwh / F.col("days"))
    packed = summed.where(F.col("days") >= least_days).select("account_id", F.concat(F.array("week"), means).alias("numbers"))
    return map_blocks(
        packed.groupBy("account_id").agg(F.flatten(F.collect_list("numbers")).alias("weeks")),
        partial(_placed, weeks=weeks, parts=parts),
        schema=_WEEKS,
        keep=("account_id",),
        inputs=("weeks",),
        ragged=("weeks",),
    )


def _energy_of_days(columns: Arrays, parts: int) -> Arrays:
    values = columns["values"]
    energy = np.full((len(values), parts), np.nan)
    for clock, rows in clock_groups(values.shape[1], columns["resolution_minutes"], columns["zone"], columns["local_date"]):
        energy[rows] = day_parts(quarter_hour_kw(values[rows], clock.quarters, clock.resolution), parts)
    return {"energy": energy}


def day_parts(power: np.ndarray, parts: int) -> np.ndarray:
    """Energy in each part of the day, kWh; NaN on days with an unknown quarter hour. Shape (days, parts).

    Args:
        power: kW of each quarter hour. Shape (days, 96).
        parts: a divisor of 96.
    """
    energy = _QUARTER_HOURS * power.reshape(len(power), parts, QUARTERS // parts).sum(axis=2)
    return np.where(np.isfinite(energy).all(axis=1, keepdims=True), energy, np.nan)


def _placed(columns: dict[str, Ragged], weeks: int, parts: int) -> Arrays:
    """The packed weeks of each account in their place."""
    lists = columns["weeks"]
    numbers = lists.values.reshape(-1, 1 + parts)
    row = np.repeat(np.arange(len(lists.lengths)), lists.lengths // (1 + parts))
    placed = np.full((len(lists.lengths), weeks, parts), np.nan)
    placed[row, numbers[:, 0].astype(np.int64)] = numbers[:, 1:]
    return {"parts": placed.reshape(-1, weeks * parts)}
