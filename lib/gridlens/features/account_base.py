"""Base data of accounts: who holds them, since when, and the metering points behind them."""

from __future__ import annotations

import datetime as dt

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from gridlens.contracts.account_feature import BASE_FEATURES, BASE_FIELDS
from gridlens.contracts.gold import ACCOUNT_FEATURE

HOLDER_DAYS = 730
YEAR_DAYS = 365
_LATER = ("age_band", "full_load_hours_365d")


def account_base(accounts: DataFrame, points: DataFrame, points_before: DataFrame) -> DataFrame:
    """The base columns of account_feature_v1 that need nothing but accounts and metering points, one row an account.

    Args:
        accounts: of :func:`accounts_as_of`.
        points: metering_point as known, to hold on the same day: one row a point.
        points_before: the same, to hold 365 days earlier.
    """
    before = points_before.groupBy("account_id").agg(F.sum("contract_capacity_kva").alias("capacity_before"))
    joined = accounts.join(_points(points), on="account_id", how="left").join(before, on="account_id", how="left")
    columns = {
        "party_accounts": F.count_if("is_open").over(Window.partitionBy("party_id")),
        "point_count": F.coalesce("point_count", F.lit(0)),
        "capacity_change_365d": F.col("contract_capacity_kva") - F.col("capacity_before"),
    }
    wanted = [f.name for f in (*BASE_FIELDS, *BASE_FEATURES) if f.name not in _LATER]
    return joined.withColumns(columns).select("account_id", *[F.col(c).cast(ACCOUNT_FEATURE[c].data_type) for c in wanted])


def accounts_as_of(versions: DataFrame, *, as_of: dt.date) -> DataFrame:
    """Every account opened by ``as_of`` as it holds that day; what ends later has not ended yet.

    Args:
        versions: account as known: one row for each account_id and valid_from.
        as_of: last local day included.

    Returns:
        The columns of account, with ``is_open``, ``account_age_days`` and ``holder_changes_730d``.
    """
    day = F.lit(as_of)
    seen = versions.where((F.col("valid_from") <= day) & (F.col("opened_on") <= day))
    newest = F.struct("valid_from", "known_from", "_content_hash")
    rest = [c for c in versions.columns if c != "account_id"]
    # Holders of the window, the one that held when it began among them.
    begin = F.date_sub(day, HOLDER_DAYS)
    latest = seen.groupBy("account_id").agg(
        F.max_by(F.struct(*rest), newest).alias("row"),
        F.max(F.when(F.col("valid_from") <= begin, F.struct("valid_from", "party_id"))).alias("first"),
        F.collect_set(F.when(F.col("valid_from") > begin, F.col("party_id"))).alias("holders"),
    )
    holders = F.array_union("holders", F.array_compact(F.array(F.col("first.party_id"))))
    flat = latest.select("account_id", *[F.col("row")[c].alias(c) for c in rest], holders.alias("holders"))
    closed = F.when(F.col("closed_on") <= day, F.col("closed_on"))
    return flat.withColumns(
        {
            "closed_on": closed,
            "is_open": closed.isNull(),
            "account_age_days": F.datediff(day, "opened_on"),
            "holder_changes_730d": F.size("holders") - 1,
        }
    )


def _points(points: DataFrame) -> DataFrame:
    """The points of each account: its main one (greatest capacity, then smallest id) and their sums."""
    largest_first = F.struct((-F.coalesce("contract_capacity_kva", F.lit(0.0))).alias("capacity"), F.col("metering_point_id"))
    main = F.min_by(F.struct("voltage_level", "tariff_id", "transformer_id", "feeder_id", "phases"), largest_first)
    grouped = points.groupBy("account_id").agg(
        main.alias("main"),
        F.max("has_pv").alias("has_pv"),
        F.sum("contract_capacity_kva").alias("contract_capacity_kva"),
        F.count("*").cast("int").alias("point_count"),
    )
    return grouped.select("account_id", "main.*", "has_pv", "contract_capacity_kva", "point_count")
