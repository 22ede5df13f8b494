"""From curves to the weeks' mean days: what each account uses in each part of the day."""

from __future__ import annotations

import datetime as dt

import numpy as np
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from gridlens.anomaly.schema import struct_of
from gridlens.anomaly.weeks import DAYS, MIN_DAYS, PARTS, WEEK, WEEKS
from gridlens.arrow import Arrays, Ragged, map_blocks
from gridlens.features.account_curve import quarter_hour_kw
from gridlens.features.account_energy import held_days
from gridlens.features.clock import QUARTERS, clock_groups
from gridlens.features.packing import IMPORT

COARSEST = 60
"""Minutes of an interval beyond which a curve says nothing of the parts of a day."""
_QUARTER_HOURS = 0.25
_WIDTH = 1 + PARTS


def week_hours(blocks: DataFrame, holdings: DataFrame, as_of: dt.date) -> DataFrame:
    """``account_id`` and ``hours``: kWh in each part of the day, a mean of the week's days with curves. Shape (WEEKS * PARTS,) as a list.

    A week with fewer than MIN_DAYS days is null; accounts without curves have no row.

    Args:
        blocks: interval_day as known.
        holdings: which account a metering point belongs to, see point_holdings.
        as_of: the last day of the last week.
    """
    first = F.lit(as_of - dt.timedelta(days=DAYS - 1))
    fine = (F.col("resolution_minutes") <= COARSEST) & (F.col("channel") == IMPORT)
    wanted = blocks.where(fine & F.col("local_date").between(first, F.lit(as_of)))
    parts = map_blocks(
        wanted,
        _parts_of_days,
        schema=struct_of(metering_point_id="string", local_date="date", parts="array<double>"),
        keep=("metering_point_id", "local_date"),
        inputs=("values", "resolution_minutes", "zone", "local_date"),
    )
    told = held_days(parts.where(F.col("parts")[0].isNotNull()), holdings)
    sums = [F.sum(F.col("parts")[part]) for part in range(PARTS)]
    days = F.count_distinct("local_date")
    week = F.floor(F.datediff("local_date", first) / WEEK).cast("double")
    weeks = told.groupBy("account_id", week.alias("week")).agg(days.alias("days"), F.array(*sums).alias("sums"))
    means = F.transform("sums", lambda kwh: kwh / F.col("days"))
    packed = weeks.where(F.col("days") >= MIN_DAYS).select("account_id", F.concat(F.array("week"), means).alias("numbers"))
    return map_blocks(
        packed.groupBy("account_id").agg(F.flatten(F.collect_list("numbers")).alias("weeks")),
        _placed,
        schema=struct_of(account_id="string", hours="array<double>"),
        keep=("account_id",),
        inputs=("weeks",),
        ragged=("weeks",),
    )


def _parts_of_days(columns: Arrays) -> Arrays:
    values = columns["values"]
    parts = np.full((len(values), PARTS), np.nan)
    for clock, rows in clock_groups(values.shape[1], columns["resolution_minutes"], columns["zone"], columns["local_date"]):
        parts[rows] = day_parts(quarter_hour_kw(values[rows], clock.quarters, clock.resolution))
    return {"parts": parts}


def day_parts(power: np.ndarray) -> np.ndarray:
    """Energy in each part of the day, kWh; NaN on days with an unknown quarter hour. Shape (days, PARTS).

    Args:
        power: kW of each quarter hour. Shape (days, 96).
    """
    parts = _QUARTER_HOURS * power.reshape(len(power), PARTS, QUARTERS // PARTS).sum(axis=2)
    return np.where(np.isfinite(parts).all(axis=1, keepdims=True), parts, np.nan)


def _placed(columns: dict[str, Ragged]) -> Arrays:
    """The packed weeks of each account in their place."""
    lists = columns["weeks"]
    numbers = lists.values.reshape(-1, _WIDTH)
    row = np.repeat(np.arange(len(lists.lengths)), lists.lengths // _WIDTH)
    hours = np.full((len(lists.lengths), WEEKS, PARTS), np.nan)
    hours[row, numbers[:, 0].astype(np.int64)] = numbers[:, 1:]
    return {"hours": hours.reshape(-1, WEEKS * PARTS)}
