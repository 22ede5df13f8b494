"""What people ask the graph: who is on the same transformer, and what belongs to one person or company."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

STANDING = "valid_to IS NULL"
"""Of an edge: it holds on the graph's day."""
OTHER_CATEGORY = 1.0
"""Distance of another category; as far as 2.7 times the energy."""
SIMILARITY_DECIMALS = 6


def places(edges: DataFrame) -> DataFrame:
    """account_id and transformer_id of every account that a transformer feeds now, by way of its metering points."""
    supplied = edges.where(f"edge_type = 'supplied_at' AND {STANDING}").select(
        F.col("from_id").alias("account_id"), F.col("to_id").alias("point")
    )
    fed = edges.where(f"edge_type = 'fed_by' AND to_type = 'transformer' AND {STANDING}")
    of_point = fed.select(F.col("from_id").alias("point"), F.col("to_id").alias("transformer_id"))
    return supplied.join(of_point, on="point", how="inner").select("account_id", "transformer_id").distinct()


def neighbours(edges: DataFrame, features: DataFrame, account: str) -> DataFrame:
    """The accounts on the transformers of ``account``, those most like it first.

    Args:
        edges: profile_edge_v1 of one moment.
        features: account_feature_v1 of the same moment; may be empty.
        account: the account asked about.

    Returns:
        account_id, transformer_id, category, energy_kwh_365d, and ``similarity``: exp(-d), d being the absolute logarithm of the
        ratio of their yearly energy plus OTHER_CATEGORY where the category differs; null where one of the energies is unknown.
    """
    all_places = places(edges)
    own = all_places.where(F.col("account_id") == account).select("transformer_id")
    near = all_places.join(own, on="transformer_id", how="left_semi").where(F.col("account_id") != account)
    about = features.select("account_id", "category", "energy_kwh_365d")
    asked = about.where(F.col("account_id") == account).select(
        F.col("category").alias("own_category"), F.col("energy_kwh_365d").alias("own_kwh")
    )
    known = near.join(about, on="account_id", how="left").join(asked, on=F.lit(True), how="left")
    rows = known.select("account_id", "transformer_id", "category", "energy_kwh_365d", _similarity().alias("similarity"))
    return rows.orderBy(F.desc_nulls_last("similarity"), "account_id")


def _similarity() -> Column:
    ratio = (F.greatest("energy_kwh_365d", F.lit(0.0)) + 1) / (F.greatest("own_kwh", F.lit(0.0)) + 1)
    both = F.col("energy_kwh_365d").isNotNull() & F.col("own_kwh").isNotNull()
    apart = F.abs(F.log(ratio)) + F.when(F.col("category") == F.col("own_category"), 0.0).otherwise(OTHER_CATEGORY)
    return F.when(both, F.round(F.exp(-apart), SIMILARITY_DECIMALS))


def group(edges: DataFrame, features: DataFrame, account: str) -> DataFrame:
    """The accounts that the holder of ``account`` holds now, by whatever party id; those with the greatest bills first.

    Returns:
        person_id, account_id, party_id, area_id, category, is_open, energy_kwh_365d (kWh), bill_amount_365d and
        arrears_amount; what the features say is null where there are none.
    """
    holds = edges.where(f"edge_type = 'holds' AND {STANDING}").select(
        F.col("from_id").alias("person_id"), F.col("to_id").alias("account_id")
    )
    whose = holds.where(F.col("account_id") == account).select("person_id")
    about = features.select(
        "account_id", "party_id", "area_id", "category", "is_open", "energy_kwh_365d", "bill_amount_365d", "arrears_amount"
    )
    rows = holds.join(whose, on="person_id", how="left_semi").join(about, on="account_id", how="left")
    ordered = ["person_id", "account_id", *[name for name in about.columns if name != "account_id"]]
    return rows.select(*ordered).orderBy(F.desc_nulls_last("bill_amount_365d"), "account_id")


def totals(accounts: DataFrame, *keys: str) -> DataFrame:
    """Accounts, kWh and money of :func:`group`'s rows, together or by ``keys``."""
    sums = [F.round(F.sum(name), 2).alias(name) for name in ("energy_kwh_365d", "bill_amount_365d", "arrears_amount")]
    found = accounts.groupBy(*keys).agg(F.count("*").alias("accounts"), *sums)
    return found.orderBy(*keys) if keys else found
