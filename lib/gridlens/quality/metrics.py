"""Figures of data quality, each a row (subject, metric, value).

Every function passes once over scalar columns; ``code_figures`` alone reads arrays, of the few rows that carry a code.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import LongType, StructField, StructType

from gridlens.arrow import Arrays, map_blocks
from gridlens.contracts.codes import OPINION_CODES, QUALITY_CODES
from gridlens.quality.bill_checks import bill_sum_mismatches, quantity_price_mismatches

INTERVAL_SUBJECT = "silver.interval_day"
OPINION_SUBJECT = "silver.interval_estimate"
REGISTER_SUBJECT = "silver.register_reading"
BILL_SUBJECT = "silver.bill"
BILL_ITEM_SUBJECT = "silver.bill_item"
_SERIES = ("metering_point_id", "channel")
_NO_OBJECTION = ("measured", "missing", "source_estimated")
"""Quality codes that ``flagged_count`` leaves out."""
_DAILY_UP_TO = 7
"""A series read at least once in so many days on average is read daily, a rarer one monthly."""


def interval_figures(blocks: DataFrame, estimates: DataFrame, points: DataFrame) -> DataFrame:
    """Figures of the interval blocks of a run: subject, metric, value.

    ``blocks``, ``points`` (with blocks) and ``intervals`` are counts; ``incomplete_block_share`` is of blocks;
    ``missing_share``, ``flagged_share`` (a row-local check objects), ``suspect_share`` (a contextual check objects)
    and ``estimated_share`` are of intervals, null where there are none; ``points_without_blocks`` counts metering
    points without any block, ``points_unknown`` those with blocks but without master data.

    Args:
        blocks: silver.interval_day, one row per metering point, channel and day.
        estimates: silver.interval_estimate of the same days.
        points: silver.metering_point as known, one row per metering_point_id.
    """
    measured = blocks.groupBy("metering_point_id").agg(
        F.count(F.lit(1)).alias("blocks"),
        F.count_if(F.col("missing_count") > 0).alias("incomplete"),
        F.sum(intervals_of_day()).alias("intervals"),
        F.sum("missing_count").alias("missing"),
        F.sum("flagged_count").alias("flagged"),
    )
    known = points.select("metering_point_id", F.lit(True).alias("known"))
    totals = measured.join(known, on="metering_point_id", how="full").agg(
        *[F.coalesce(F.sum(name), F.lit(0)).alias(name) for name in ("blocks", "incomplete", "intervals", "missing", "flagged")],
        F.count("blocks").alias("points"),
        F.count_if(F.col("blocks").isNull()).alias("points_without_blocks"),
        F.count_if(F.col("known").isNull()).alias("points_unknown"),
    )
    opinions = estimates.agg(
        F.coalesce(F.sum("suspect_count"), F.lit(0)).alias("suspect"), F.coalesce(F.sum("estimated_count"), F.lit(0)).alias("estimated")
    )
    counts = ("blocks", "points", "intervals", "points_without_blocks", "points_unknown")
    shares = {f"{name}_share": _share(name, "intervals") for name in ("missing", "flagged", "suspect", "estimated")}
    metrics = {**{name: F.col(name) for name in counts}, "incomplete_block_share": _share("incomplete", "blocks"), **shares}
    return _long(totals.crossJoin(opinions), F.lit(INTERVAL_SUBJECT), metrics)


def code_figures(blocks: DataFrame, estimates: DataFrame) -> DataFrame:
    """How many intervals carry each code: subject, metric, value.

    Of silver.interval_day ``quality_<name>`` for each of codes.QUALITY_CODES that is an objection or a correction, of
    silver.interval_estimate ``opinion_<name>`` for each of codes.OPINION_CODES but none; all are counts.

    Args:
        blocks: silver.interval_day as known.
        estimates: silver.interval_estimate of the same days.
    """
    quality = {f"quality_{name}": code for code, (name, _) in QUALITY_CODES.items() if name not in _NO_OBJECTION}
    opinions = {f"opinion_{name}": code for code, (name, _) in OPINION_CODES.items() if code}
    of_blocks = _code_counts(blocks.where("flagged_count > 0"), "quality", quality)
    return _long(of_blocks, F.lit(INTERVAL_SUBJECT), {name: F.col(name) for name in quality}).unionByName(
        _long(_code_counts(estimates, "opinion", opinions), F.lit(OPINION_SUBJECT), {name: F.col(name) for name in opinions})
    )


def _code_counts(rows: DataFrame, column: str, codes: Mapping[str, int]) -> DataFrame:
    def count(arrays: Arrays) -> dict[str, np.ndarray]:
        return {name: (arrays[column] == code).sum(axis=1) for name, code in codes.items()}

    counted = map_blocks(rows, count, schema=StructType([StructField(name, LongType()) for name in codes]), inputs=(column,))
    return counted.agg(*[F.coalesce(F.sum(name), F.lit(0)).alias(name) for name in codes])


def intervals_of_day() -> Column:
    """Intervals that a block's local day has, from its length by ``zone``: 96, 92 or 100 at 15 minutes; 1 for a daily total."""
    next_midnight = F.to_utc_timestamp(F.timestamp_seconds((F.unix_date("local_date") + 1) * 86400), F.col("zone"))
    minutes = (F.unix_seconds(next_midnight) - F.unix_seconds("start_utc")) / 60
    return F.when(F.col("resolution_minutes") == 1440, F.lit(1)).otherwise(F.round(minutes / F.col("resolution_minutes"))).cast("bigint")


def register_figures(registers: DataFrame) -> DataFrame:
    """Figures of the scheduled register readings: subject, metric, value.

    ``readings`` (metering point, channel and day) and ``series`` (metering point and channel) are counts; ``gap_share`` is
    the share of readings missing between the first and the last of a series, where a series read at least weekly on
    average is expected every day and a rarer one every month; ``empty_share`` is the share of readings whose latest version
    has no total. Shares of nothing are null.

    Args:
        registers: silver.register_reading; several versions of a reading, and several meters read on a day, count once.
    """
    scheduled = registers.where(F.col("read_kind") == "scheduled")
    # Brought together by series first, so that versions, readings and series are grouped without another shuffle.
    together = scheduled.select(*_SERIES, "read_date", "meter_id", "reading_total", "known_from").repartition(*_SERIES)
    latest = together.groupBy(*_SERIES, "read_date", "meter_id").agg(F.max_by("reading_total", "known_from").alias("total"))
    readings = latest.groupBy(*_SERIES, "read_date").agg((F.count("total") == 0).alias("is_empty"))
    series = readings.groupBy(*_SERIES).agg(
        F.count(F.lit(1)).alias("readings"),
        F.count_if("is_empty").alias("empty"),
        F.datediff(F.max("read_date"), F.min("read_date")).alias("days"),
        F.round(F.months_between(F.max("read_date"), F.min("read_date"))).alias("months"),
    )
    daily = F.col("days") <= _DAILY_UP_TO * (F.col("readings") - 1)
    expected = F.greatest(F.when(daily, F.col("days")).otherwise(F.col("months")) + 1, F.col("readings"))
    totals = series.select("*", expected.alias("expected"), (expected - F.col("readings")).alias("gaps")).agg(
        F.count(F.lit(1)).alias("series"),
        *[F.coalesce(F.sum(name), F.lit(0)).alias(name) for name in ("readings", "empty", "expected", "gaps")],
    )
    metrics = {
        "readings": F.col("readings"),
        "series": F.col("series"),
        "gap_share": _share("gaps", "expected"),
        "empty_share": _share("empty", "readings"),
    }
    return _long(totals, F.lit(REGISTER_SUBJECT), metrics)


def bill_figures(bills: DataFrame, items: DataFrame) -> DataFrame:
    """Figures of bills and their items: subject, metric, value.

    ``bills`` and ``items`` are counts; ``without_items_share`` is of bills, ``sum_mismatch_share`` the share of bills whose
    items do not add up to the amount, ``price_mismatch_share`` the share of items whose charge is not quantity times price
    (both by more than 0.01). Shares of nothing are null. :mod:`gridlens.quality.bill_checks` gives the rows.

    Args:
        bills: silver.bill as known, one row a bill.
        items: silver.bill_item as known, one row an item.
    """
    wrong = bill_sum_mismatches(bills, items).agg(
        F.count_if(F.col("item_count") == 0).alias("without_items"), F.count_if(F.col("item_count") > 0).alias("mismatches")
    )
    sums = bills.agg(F.count(F.lit(1)).alias("bills")).crossJoin(wrong)
    priced = items.agg(F.count(F.lit(1)).alias("items")).crossJoin(
        quantity_price_mismatches(items).agg(F.count(F.lit(1)).alias("mismatches"))
    )
    of_bills = {
        "bills": F.col("bills"),
        "without_items_share": _share("without_items", "bills"),
        "sum_mismatch_share": _share("mismatches", "bills"),
    }
    of_items = {"items": F.col("items"), "price_mismatch_share": _share("mismatches", "items")}
    return _long(sums, F.lit(BILL_SUBJECT), of_bills).unionByName(_long(priced, F.lit(BILL_ITEM_SUBJECT), of_items))


def batch_figures(accounts: DataFrame) -> DataFrame:
    """Figures of every batch: subject (``source/batch``), metric, value.

    ``rows`` is a count; ``quarantined_share``, ``duplicate_share``, ``superseded_share`` and ``flagged_share`` are of source
    rows, null where the batch has none; ``bad_cells_per_row`` counts unreadable optional cells (a row may have several).

    Args:
        accounts: ops.batch_account, one row per batch.
    """
    metrics = {
        "rows": F.col("row_count"),
        **{f"{name}_share": _share(name, "row_count") for name in ("quarantined", "duplicate", "superseded", "flagged")},
        "bad_cells_per_row": _share("bad_cells", "row_count"),
    }
    return _long(accounts, batch_subject(), metrics)


def batch_subject() -> Column:
    """How a batch is called in the figures."""
    return F.concat_ws("/", "_source", "_batch_id")


def _share(part: str, whole: str) -> Column:
    return F.when(F.col(whole) > 0, F.col(part) / F.col(whole))


def _long(wide: DataFrame, subject: Column, metrics: Mapping[str, Column]) -> DataFrame:
    columns = [column.cast("double").alias(name) for name, column in metrics.items()]
    rows = wide.select(subject.alias("subject"), *columns)
    return rows.unpivot(["subject"], list(metrics), "metric", "value").select("subject", "metric", "value")
