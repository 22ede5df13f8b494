"""What was seen and what happened in the field: inspections of metering points, surveys of premises, outages of transformers."""

from __future__ import annotations

import datetime as dt

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from gridlens.contracts.account_contact import (
    BURNT_FUELS,
    INSPECTION_FEATURES,
    MIN_SURVEYED_NEARBY,
    NO_FINDING,
    OUTAGE_FEATURES,
    SURVEY_FEATURES,
)
from gridlens.features.account_energy import held_days
from gridlens.features.account_windows import HOUR_MICROS, local_day


def inspection_features(inspections: DataFrame, holdings: DataFrame, *, as_of: dt.date) -> DataFrame:
    """Inspections and what they found, one row for each account that held a point when it was inspected, by ``as_of``.

    Args:
        inspections: rows of silver.inspection as known at one moment, one for each inspection_id.
        holdings: which account a metering point belongs to, see account_energy.point_holdings.
        as_of: last local day included.

    Returns:
        account_id and INSPECTION_FEATURES.
    """
    recent = F.col("inspected_on") > F.lit(as_of - dt.timedelta(days=730))
    done = inspections.where(F.col("inspected_on") <= F.lit(as_of)).withColumn("local_date", F.col("inspected_on"))
    accounts = (
        held_days(done, holdings)
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


def survey_features(surveys: DataFrame, places: DataFrame, *, as_of: dt.date) -> DataFrame:
    """What the newest survey up to ``as_of`` saw of each account and of its neighbours, one row for each account of ``places``.

    Args:
        surveys: rows of silver.energy_survey as known at one moment, one for each survey_id.
        places: account_id and the transformer_id of its main point, one row for each account.
        as_of: last local day included.

    Returns:
        account_id and SURVEY_FEATURES.
    """
    newest = F.max_by(F.struct("equipment", "fuel", "surveyed_on"), F.struct("surveyed_on", "known_from", "survey_id"))
    seen = surveys.where(F.col("surveyed_on") <= F.lit(as_of)).groupBy("account_id").agg(newest.alias("seen"))
    accounts = places.select("account_id", "transformer_id").join(seen, on="account_id", how="left")
    # Accounts without a transformer are alone: as one group they would be a task of their own.
    nearby = Window.partitionBy("transformer_id", F.when(F.col("transformer_id").isNull(), F.col("account_id")))
    surveyed, burns = (
        F.coalesce(is_so.cast("int"), F.lit(0)) for is_so in (F.col("seen").isNotNull(), F.col("seen.fuel").isin(*BURNT_FUELS))
    )
    others = F.sum(surveyed).over(nearby) - surveyed
    found = {
        "surveyed_equipment": F.col("seen.equipment"),
        "surveyed_fuel": F.col("seen.fuel"),
        "days_since_survey": F.datediff(F.lit(as_of), F.col("seen.surveyed_on")),
        "fuel_share_nearby": F.when(others >= MIN_SURVEYED_NEARBY, (F.sum(burns).over(nearby) - burns) / others),
    }
    return accounts.select("account_id", *[found[f.name].cast(f.type).alias(f.name) for f in SURVEY_FEATURES])


def outage_features(outages: DataFrame, points: DataFrame, *, until: dt.datetime, zone: str) -> DataFrame:
    """Outages that began in the last 365 days, one row for each account that had one.

    An account with several points on a transformer has that transformer's outages once.

    Args:
        outages: rows of silver.outage_event as known at one moment, one for each outage_id.
        points: metering_point as known: one row for each metering_point_id and valid_from.
        until: UTC moment at which the last local day included ends.
        zone: IANA zone of the company.

    Returns:
        account_id and OUTAGE_FEATURES.
    """
    started = F.col("started_at")
    # F.least passes over a null: an outage without an end runs until ``until``, as does one that ends later.
    micros = F.unix_micros(F.least(F.col("ended_at"), F.lit(until))) - F.unix_micros(started)
    in_order = Window.partitionBy("metering_point_id").orderBy("valid_from")
    fed = points.select("account_id", "transformer_id", "valid_from", F.lead("valid_from").over(in_order).alias("_end"))
    day = local_day(started, zone)
    then = (day >= F.col("valid_from")) & (F.col("_end").isNull() | (day < F.col("_end")))
    recent = outages.where((started >= F.lit(until - dt.timedelta(days=365))) & (started < F.lit(until)))
    accounts = (
        recent.join(fed, on="transformer_id", how="inner")
        .where(then)
        .select("account_id", "outage_id", "kind", micros.alias("_micros"))
        .distinct()
        .groupBy("account_id")
        .agg(
            F.count("*").alias("outages_365d"),
            F.count_if(F.col("kind") == "unplanned").alias("unplanned_outages_365d"),
            (F.sum("_micros") / HOUR_MICROS).alias("outage_hours_365d"),
        )
    )
    return accounts.select("account_id", *[F.col(f.name).cast(f.type) for f in OUTAGE_FEATURES])
