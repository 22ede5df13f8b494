"""Daily energy of accounts as lists of equal length: the series that searches for change read."""

from __future__ import annotations

import datetime as dt
from functools import partial
from typing import Any

import numpy as np
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import ArrayType, DoubleType, StringType, StructField, StructType

from gridlens.arrow import Arrays, map_blocks
from gridlens.contracts.account_energy import SERIES_DAYS
from gridlens.features.account_energy import packed_days, packed_registers
from gridlens.features.account_series import account_series, in_chunks
from gridlens.features.packing import IMPORT

_SCHEMA = StructType([StructField("account_id", StringType()), StructField("daily", ArrayType(DoubleType()))])


def daily_series(
    readings: DataFrame | None, days: DataFrame, holdings: DataFrame, *, as_of: dt.date, length: int, channel: str = IMPORT
) -> DataFrame:
    """``account_id`` and ``daily``: kWh of each of the ``length`` local days that end with ``as_of``, null where not measured.

    Accounts without a reading or a day have no row.

    Args:
        readings: rows of register_reading that were known, every version; None where there are none.
        days: rows of load_shape_day_v1.
        holdings: which account a metering point belongs to, see point_holdings.
        as_of: last local day.
        length: days, at most SERIES_DAYS.
        channel: OBIS code of the energy.
    """
    nothing = F.array().cast("array<double>")
    points = holdings.groupBy("account_id").agg((F.max("point") + 1).cast("int").alias("points"))
    rows = packed_days(days, holdings, as_of, channel)
    if readings is None:
        rows = rows.withColumn("readings", nothing)
    else:
        rows = rows.join(packed_registers(readings, holdings, as_of, channel), on="account_id", how="full")
    filled = rows.withColumns({name: F.coalesce(name, nothing) for name in ("days", "readings")})
    return map_blocks(
        filled.join(points, on="account_id", how="inner"),
        partial(_series, length=length),
        schema=_SCHEMA,
        keep=("account_id",),
        inputs=("readings", "days", "points"),
        group_by=("points",),
        ragged=("readings", "days"),
    )


def _series(columns: dict[str, Any], length: int) -> Arrays:
    points = int(columns["points"][0])
    parts = [account_series(readings, days, points).daily for _, readings, days in in_chunks(columns["readings"], columns["days"])]
    return {"daily": np.concatenate(parts)[:, SERIES_DAYS - length :]}
