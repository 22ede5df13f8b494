"""Energy of accounts as a table: registers and days of their metering points packed by account, and the kernel run on them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

import numpy as np
from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F
from pyspark.sql.types import StringType, StructField, StructType

from gridlens.arrow import Arrays, map_blocks
from gridlens.contracts.account_energy import ENERGY_FEATURES, SERIES_DAYS
from gridlens.contracts.consumption_year import YEAR_DAYS
from gridlens.contracts.feature import MIN_COVERAGE
from gridlens.contracts.gold import DAY_TYPES
from gridlens.features.account_energy_kernel import Days, energy_features
from gridlens.features.account_series import READ_KINDS, account_series, in_chunks
from gridlens.features.packing import IMPORT, with_climate

Rows = Iterable[Mapping[str, Any]]


def account_energy(
    accounts: DataFrame,
    readings: DataFrame | None,
    days: DataFrame,
    holdings: DataFrame,
    *,
    calendar: Rows,
    weather: DataFrame,
    as_of: dt.date,
) -> DataFrame:
    """``account_id`` and ENERGY_FEATURES of every account that has a metering point.

    Args:
        accounts: account_id, area_id: one row an account.
        readings: rows of register_reading that were known, every version; None where there are none.
        days: rows of load_shape_day_v1.
        holdings: which account a metering point belongs to, see :func:`point_holdings`.
        calendar: rows (local_date, day_type, days_to_spring_festival) of one calendar, at least the last two years.
        weather: rows of weather as known, one version for each (area_id, local_date).
        as_of: last local day included.
    """
    by_day = packed_days(days, holdings, as_of)
    points = holdings.groupBy("account_id").agg((F.max("point") + 1).cast("int").alias("points"))
    rows = accounts.select("account_id", "area_id").join(points, on="account_id", how="inner").join(by_day, on="account_id", how="left")
    nothing = F.array().cast("array<double>")
    if readings is None:
        rows = rows.withColumn("readings", nothing)
    else:
        rows = rows.join(packed_registers(readings, holdings, as_of), on="account_id", how="left")
    filled = rows.withColumns({name: F.coalesce(name, nothing) for name in ("days", "readings")})
    fields = [StructField("account_id", StringType(), False), *[StructField(f.name, f.data_type) for f in ENERGY_FEATURES]]
    return map_blocks(
        with_climate(filled, weather, as_of),
        partial(_kernel, calendar=_days(calendar, as_of)),
        schema=StructType(fields),
        keep=("account_id",),
        inputs=("readings", "days", "temperature", "area_id", "points"),
        group_by=("points",),
        ragged=("readings", "days"),
    )


def point_holdings(versions: DataFrame) -> DataFrame:
    """To which account a metering point belongs from ``begin`` until before ``end``, and its number there, from 0.

    Args:
        versions: metering_point as known: one row for each metering_point_id and valid_from.

    Returns:
        metering_point_id, account_id, point, since (begin of the account's unbroken holding), begin, end (null: still), multiplier.
    """
    in_order = Window.partitionBy("metering_point_id").orderBy("valid_from")
    changed = ~F.lag("account_id").over(in_order).eqNullSafe(F.col("account_id"))
    spans = versions.select(
        "metering_point_id",
        "account_id",
        F.col("valid_from").alias("begin"),
        F.lead("valid_from").over(in_order).alias("end"),
        "multiplier",
        F.when(changed, F.col("valid_from")).alias("_taken_over"),
    )
    so_far = Window.partitionBy("metering_point_id").orderBy("begin").rowsBetween(Window.unboundedPreceding, Window.currentRow)
    number = F.dense_rank().over(Window.partitionBy("account_id").orderBy("metering_point_id")) - 1
    since = F.max("_taken_over").over(so_far)
    numbered = spans.withColumns({"since": since, "point": number})
    return numbered.select("metering_point_id", "account_id", "point", "since", "begin", "end", "multiplier")


def held_days(rows: DataFrame, holdings: DataFrame) -> DataFrame:
    """Rows (metering_point_id, local_date) with the account that held the point on that day."""
    owner = holdings.withColumnRenamed("metering_point_id", "_point_id")
    in_force = (F.col("local_date") >= F.col("begin")) & (F.col("end").isNull() | (F.col("local_date") < F.col("end")))
    return rows.join(owner, on=[F.col("metering_point_id") == F.col("_point_id"), in_force], how="inner")


def _packed(rows: DataFrame, numbers: Column, name: str) -> DataFrame:
    """The numbers of each account's rows, one row after another."""
    packed = F.flatten(F.collect_list("numbers")).alias(name)
    return rows.select("account_id", numbers.alias("numbers")).groupBy("account_id").agg(packed)


def packed_days(days: DataFrame, holdings: DataFrame, as_of: dt.date, channel: str = IMPORT) -> DataFrame:
    """``account_id`` and ``days``: DAY_WIDTH numbers each, see account_series. Args: as for :func:`account_energy`."""
    first = as_of - dt.timedelta(days=SERIES_DAYS)
    slot = F.datediff("local_date", F.lit(first)).cast("double")
    inside = F.col("local_date").between(F.lit(first), F.lit(as_of))
    measured = days.where(inside & (F.col("channel") == channel) & (F.col("coverage") >= MIN_COVERAGE) & F.col("energy_kwh").isNotNull())
    return _packed(held_days(measured, holdings), F.array(F.col("point").cast("double"), slot, F.col("energy_kwh")), "days")


def packed_registers(readings: DataFrame, holdings: DataFrame, as_of: dt.date, channel: str = IMPORT) -> DataFrame:
    """``account_id`` and ``readings``: READING_WIDTH numbers each, see account_series. Args: as for :func:`account_energy`."""
    first = as_of - dt.timedelta(days=SERIES_DAYS)
    inside = F.col("read_date").between(F.lit(first), F.lit(as_of))
    kind = F.coalesce(*[F.when(F.col("read_kind") == name, F.lit(float(i))) for i, name in enumerate(READ_KINDS)])
    wanted = (F.col("channel") == channel) & inside & kind.isNotNull() & F.col("reading_total").isNotNull()
    read = readings.where(wanted).withColumnRenamed("read_date", "local_date")
    numbers = F.array(
        F.col("point").cast("double"),
        F.datediff("local_date", F.lit(first)).cast("double"),
        kind,
        F.xxhash64("meter_id").cast("double"),  # to tell meters apart, no more
        F.col("reading_total").cast("double"),
        F.col("multiplier"),
        F.unix_micros("known_from").cast("double"),
        F.col("_content_hash").cast("double"),
    )
    return _packed(held_days(read, holdings), numbers, "readings")


def _kernel(columns: dict[str, Any], calendar: Days) -> Arrays:
    parts = []
    for rows, readings, days in in_chunks(columns["readings"], columns["days"]):
        series = account_series(readings, days, int(columns["points"][0]))
        parts.append(energy_features(series, calendar, columns["temperature"][rows], columns["area_id"][rows]))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _days(calendar: Rows, as_of: dt.date) -> Days:
    """What the days of the series are; those that the calendar lacks have kind -1."""
    first = as_of - dt.timedelta(days=SERIES_DAYS - 1)
    kind, festival = np.full(SERIES_DAYS, -1), None
    for row in calendar:
        slot = (row["local_date"] - first).days
        if 0 <= slot < SERIES_DAYS:
            kind[slot] = DAY_TYPES.index(row["day_type"])
            if row["days_to_spring_festival"] == 0 and slot >= SERIES_DAYS - YEAR_DAYS:
                festival = slot
    return Days(np.datetime64(as_of), kind, festival)
