"""What happened in the field at an account's metering points: inspections, and outages of their transformers."""

from __future__ import annotations

import datetime as dt

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from gridlens.contracts.account_contact import INSPECTION_FEATURES, NO_FINDING, OUTAGE_FEATURES
from gridlens.features.account_windows import HOUR_MICROS


def inspection_features(inspections: DataFrame, points: DataFrame, *, as_of: dt.date) -> DataFrame:
    """Inspections and what they found, one row for each account whose points were inspected by ``as_of``.

    Args:
        inspections: rows of silver.inspection as known at one moment, one for each inspection_id.
        points: metering_point_id, account_id; one row for each point.
        as_of: last local day included.

    Returns:
        account_id and INSPECTION_FEATURES.
    """
    recent = F.col("inspected_on") > F.lit(as_of - dt.timedelta(days=730))
    accounts = (
        inspections.where(F.col("inspected_on") <= F.lit(as_of))
        .join(points.select("metering_point_id", "account_id"), on="metering_point_id", how="inner")
        .groupBy("account_id")
        .agg(
            F.count_if(recent).alias("inspections_730d"),
            F.count_if(recent & ~F.col("finding").isin(*NO_FINDING)).alias("findings_730d"),
            F.count_if(recent & (F.col("finding") == "theft")).alias("theft_findings_730d"),
            F.datediff(F.lit(as_of), F.max("inspected_on")).alias("days_since_inspection"),
            F.coalesce(F.sum(F.when(recent, F.col("recovered_kwh"))).cast("double"), F.lit(0.0)).alias("recovered_kwh_730d"),
        )
    )
    return accounts.select("account_id", *[F.col(f.name).cast(f.type) for f in INSPECTION_FEATURES])


def outage_features(outages: DataFrame, points: DataFrame, *, as_of: dt.date, until: dt.datetime) -> DataFrame:
    """Outages that began in the last 365 days, one row for each account that had one.

    An account with several points on a transformer has that transformer's outages once.

    Args:
        outages: rows of silver.outage_event as known at one moment, one for each outage_id.
        points: account_id, transformer_id (null where fed above the district); one row for each point.
        as_of: last local day included; ``until`` says when it ends, and that is all that is needed here.
        until: UTC moment at which ``as_of`` ends.

    Returns:
        account_id and OUTAGE_FEATURES.
    """
    started = F.col("started_at")
    # F.least passes over a null: an outage without an end runs until ``until``, as does one that ends later.
    micros = F.unix_micros(F.least(F.col("ended_at"), F.lit(until))) - F.unix_micros(started)
    by_transformer = (
        outages.where((started >= F.lit(until - dt.timedelta(days=365))) & (started < F.lit(until)))
        .groupBy("transformer_id")
        .agg(
            F.count("*").alias("outages_365d"),
            F.count_if(F.col("kind") == "unplanned").alias("unplanned_outages_365d"),
            F.sum(micros).alias("_micros"),
        )
    )
    accounts = (
        points.select("account_id", "transformer_id")
        .distinct()
        .join(by_transformer, on="transformer_id", how="inner")
        .groupBy("account_id")
        .agg(
            F.sum("outages_365d").alias("outages_365d"),
            F.sum("unplanned_outages_365d").alias("unplanned_outages_365d"),
            (F.sum("_micros") / HOUR_MICROS).alias("outage_hours_365d"),
        )
    )
    return accounts.select("account_id", *[F.col(f.name).cast(f.type) for f in OUTAGE_FEATURES])
