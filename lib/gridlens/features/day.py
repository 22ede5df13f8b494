"""``load_shape_day``: interval blocks and estimates in, one row of shape features a day out; each block is read once for all of them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from gridlens.arrow import Arrays, map_blocks
from gridlens.contracts.codes import QUALITY_CODES, TARIFF_PERIODS
from gridlens.contracts.feature import MIN_COVERAGE
from gridlens.contracts.gold import LOAD_SHAPE_DAY
from gridlens.contracts.load_shape_day import DAY_FEATURES
from gridlens.features.clock import clock_groups
from gridlens.features.day_kernel import interval_features
from gridlens.features.periods import CalendarLookup, TariffLookup
from gridlens.features.sums import weighted_sums
from gridlens.validity import in_force, with_ends

_KEEP = ("metering_point_id", "channel", "local_date", "local_month", "resolution_minutes", "known_from")
_INPUTS = ("local_date", "zone", "resolution_minutes", "values", "estimates", "estimated_by_source", "tariff_code", "contract_capacity_kva")
_SOURCE_ESTIMATED = next(code for code, (name, _) in QUALITY_CODES.items() if name == "source_estimated")


def load_shape_day(blocks: DataFrame, estimates: DataFrame | None, points: DataFrame, calendar: DataFrame, tariff: DataFrame) -> DataFrame:
    """The shape of every day in ``blocks``, as table load_shape_day_v1.

    A missing interval takes its estimate where there is one; an estimate of another version of the block
    (``block_hash``) is not used. Features that need intervals are null for daily totals and for days known
    to less than 75 %. The small tables ``calendar`` and ``tariff`` are collected when the function is called.

    Args:
        blocks: rows of interval_day.
        estimates: rows of interval_estimate, or None.
        points: metering_point_id, valid_from, tariff_id, contract_capacity_kva: one row for each point and valid_from. A day takes the
            row in force on it; a day before a point's first row has neither tariff nor capacity.
        calendar: rows of calendar of one calendar_id (local_date, day_type).
        tariff: rows of tariff (tariff_id, valid_from, month, periods).
    """
    tariffs = TariffLookup.of(row.asDict() for row in tariff.select("tariff_id", "valid_from", "month", "periods").collect())
    days = CalendarLookup.of(row.asDict() for row in calendar.select("local_date", "day_type").collect())
    rows, contracts = _with_estimates(blocks, estimates), _contracts(points, tariffs)
    dated = rows.join(contracts, on=[rows["metering_point_id"] == contracts["point"], in_force("local_date")], how="left")
    shaped = map_blocks(
        dated.withColumn("tariff_code", F.coalesce("tariff_code", F.lit(-1))),
        lambda batch: day_features(batch, tariffs, days),
        schema=LOAD_SHAPE_DAY.schema,
        keep=_KEEP,
        inputs=_INPUTS,
    )
    return LOAD_SHAPE_DAY.conform(shaped)


def day_features(batch: Arrays, tariffs: TariffLookup, calendar: CalendarLookup) -> Mapping[str, np.ndarray]:
    """Every feature of a batch of blocks of one length, NaN for null.

    Args:
        batch: local_date, zone, resolution_minutes, estimated_by_source, tariff_code, contract_capacity_kva: shape (rows,);
            values, and estimates of the same width or of width 0: shape (rows, n), kWh.
        tariffs: periods by tariff code and date.
        calendar: day types by date.
    """
    kwh, filled_in = _overlaid(batch["values"], batch["estimates"])
    rows, intervals = kwh.shape
    known, energy = _known(kwh)
    out: dict[str, np.ndarray] = {f.name: np.full((rows, 24) if f.type.startswith("array") else rows, np.nan) for f in DAY_FEATURES}
    out["coverage"] = known / intervals if intervals else np.zeros(rows)
    some = np.maximum(known, 1)
    out["energy_kwh"] = energy
    out["estimated_share"] = np.where(known > 0, np.minimum(filled_in + batch["estimated_by_source"], some) / some, np.nan)
    pattern = tariffs.patterns(batch["tariff_code"], batch["local_date"])
    for clock, at in clock_groups(intervals, batch["resolution_minutes"], batch["zone"], batch["local_date"]):
        for name, values in interval_features(kwh[at], clock).items():
            out[name][at] = values
        for code in np.unique(pattern[at]):
            if code >= 0:
                same = np.flatnonzero(pattern == code) if isinstance(at, slice) else at[pattern[at] == code]
                _add_periods(out, same, kwh[same], tariffs.weights(code, clock))
    out["capacity_utilisation"] = _ratio(out["peak_kw"], batch["contract_capacity_kva"])
    return out | {"day_type": calendar.names(batch["local_date"])}


def _overlaid(values: np.ndarray, estimates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Values with gaps filled by estimates, and how many were filled in each row; estimates of another length say nothing."""
    if estimates.shape != values.shape or not values.size:
        return values, np.zeros(len(values), dtype=np.int64)
    fill = np.isnan(values) & ~np.isnan(estimates)
    return np.where(fill, estimates, values), fill.sum(axis=1)


def _known(kwh: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How many intervals of each row are known, and their sum (NaN where none is)."""
    total = kwh.sum(axis=1)
    count = np.full(len(kwh), kwh.shape[1])
    holed = np.flatnonzero(np.isnan(total))
    if len(holed):
        part = kwh[holed]
        count[holed] -= np.isnan(part).sum(axis=1)
        total[holed] = np.nansum(part, axis=1)
    total[count == 0] = np.nan
    return count, total


def _add_periods(out: dict[str, np.ndarray], rows: np.ndarray, kwh: np.ndarray, weights: np.ndarray) -> None:
    enough = out["coverage"][rows] >= MIN_COVERAGE
    energy = np.where(enough[:, None], weighted_sums(np.where(np.isnan(kwh), 0.0, kwh), weights), np.nan)
    for i, period in enumerate(TARIFF_PERIODS):
        out[f"energy_{period}_kwh"][rows] = energy[:, i]
        out[f"share_{period}"][rows] = _ratio(energy[:, i], out["energy_kwh"][rows])


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """``part / whole``, NaN where the whole is not positive."""
    return np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0)


def _with_estimates(blocks: DataFrame, estimates: DataFrame | None) -> DataFrame:
    """Blocks with ``estimates`` (empty where none) and ``estimated_by_source``.

    Only blocks with a gap meet the estimates, so that the many without one are neither shuffled nor sorted.
    """
    nothing = F.array().cast("array<double>")
    code = F.lit(_SOURCE_ESTIMATED).cast("tinyint")
    # Not F.filter: a lambda takes the whole projection out of generated code.
    marked = F.size("quality") - F.size(F.array_remove("quality", code))
    by_source = F.when(F.array_contains("quality", code), marked).otherwise(0)
    rows = blocks.select(*_KEEP, "zone", "values", "missing_count", "_content_hash", by_source.alias("estimated_by_source"))
    if estimates is None:
        return rows.withColumn("estimates", nothing)
    has_gap = F.col("missing_count") > 0
    opinions = estimates.select(
        "metering_point_id",
        "channel",
        "local_date",
        "estimates",
        F.col("block_hash").alias("_content_hash"),
        F.col("known_from").alias("_opinion_from"),
    )
    filled = (
        rows.where(has_gap)
        .join(opinions, on=["metering_point_id", "channel", "local_date", "_content_hash"], how="left")
        .withColumn("estimates", F.coalesce("estimates", nothing))
        .withColumn("known_from", F.greatest("known_from", "_opinion_from"))
    )
    return rows.where(~has_gap).withColumn("estimates", nothing).unionByName(filled.select(*rows.columns, "estimates"))


def _contracts(points: DataFrame, tariffs: TariffLookup) -> DataFrame:
    """The tariff's code and the capacity of each point, with the days on which they hold."""
    codes = points.sparkSession.createDataFrame(list(tariffs.ids.items()), "tariff_id string, tariff_code int")
    versions = with_ends(points.select("metering_point_id", "valid_from", "tariff_id", "contract_capacity_kva"), "metering_point_id")
    return versions.withColumnRenamed("metering_point_id", "point").join(F.broadcast(codes), on="tariff_id", how="left")
