"""Load shape of accounts as a table: the last months of their metering points packed by account, and the kernel run on them."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import StringType, StructField, StructType

from gridlens.arrow import Arrays, map_blocks
from gridlens.contracts.account_shape import SHAPE_FEATURES, SHAPE_MONTHS
from gridlens.contracts.feature import HOURS
from gridlens.features.account_energy import Rows
from gridlens.features.account_shape_kernel import NUMBERS, shape_features
from gridlens.features.packing import EXPORT, IMPORT


def first_month(as_of: dt.date) -> dt.date:
    """First day of the three calendar months that end with ``as_of``."""
    months = as_of.year * 12 + as_of.month - SHAPE_MONTHS
    return dt.date(months // 12, months % 12 + 1, 1)


def account_shape(months: DataFrame, holdings: DataFrame, *, calendar: Rows, as_of: dt.date) -> DataFrame:
    """``account_id`` and SHAPE_FEATURES of every account with a month shape in the window.

    Args:
        months: rows of load_shape_month_v1, none with days after ``as_of``.
        holdings: which account a metering point belongs to, see account_energy.point_holdings; a month counts for the
            account that holds the point on ``as_of``, and only whole months since it does.
        calendar: rows (local_date, day_type) of one calendar, at least of the window.
        as_of: last local day included.
    """
    first = first_month(as_of)
    inside = F.col("local_month").between(F.lit(first), F.lit(as_of)) & F.col("channel").isin(IMPORT, EXPORT)
    now = holdings.where((F.col("begin") <= F.lit(as_of)) & (F.col("end").isNull() | (F.col("end") > F.lit(as_of))))
    held = months.where(inside).join(now, on="metering_point_id", how="inner").where(F.col("since") <= F.col("local_month"))
    unknown = F.array_repeat(F.lit(None).cast("double"), HOURS)
    numbers = F.concat(
        F.array(F.col("point").cast("double"), (F.col("channel") == EXPORT).cast("double"), *[F.col(c).cast("double") for c in NUMBERS]),
        F.coalesce("profile_working_kw", unknown),
        F.coalesce("profile_nonworking_kw", unknown),
    )
    packed = (
        held.select("account_id", "point", numbers.alias("numbers"))
        .groupBy("account_id")
        # Sorted, so that sums do not depend on the order in which Spark collects.
        .agg(F.flatten(F.sort_array(F.collect_list("numbers"))).alias("months"), (F.max("point") + 1).cast("int").alias("points"))
    )
    working = _working_share(calendar, first, as_of)

    def kernel(columns: dict[str, Any]) -> Arrays:
        return shape_features(columns["months"], int(columns["points"][0]), working)

    fields = [StructField("account_id", StringType(), False), *[StructField(f.name, f.data_type) for f in SHAPE_FEATURES]]
    inputs = ("months", "points")
    return map_blocks(
        packed, kernel, schema=StructType(fields), keep=("account_id",), inputs=inputs, group_by=("points",), ragged=("months",)
    )


def _working_share(calendar: Rows, first: dt.date, last: dt.date) -> float:
    """Part of the days from ``first`` to ``last`` that are working days; five sevenths where the calendar does not cover them."""
    days = [row["day_type"] == "working" for row in calendar if first <= row["local_date"] <= last]
    return float(np.mean(days)) if days else 5 / 7
