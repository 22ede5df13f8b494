"""Purchases of an account: what it bought and which kinds of product it has."""

from __future__ import annotations

import datetime as dt
from functools import reduce
from operator import add

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from gridlens.contracts.account_contact import PURCHASE_FEATURES
from gridlens.contracts.codes import PRODUCT_CATEGORIES


def purchase_features(purchases: DataFrame, products: DataFrame, *, as_of: dt.date) -> DataFrame:
    """Purchases and what still runs of them, one row for each account that bought something by ``as_of``.

    A purchase of an unknown product counts in the totals and in no category.

    Args:
        purchases: rows of silver.purchase as known at one moment, one for each purchase_id; amounts in CNY.
        products: rows of silver.product as known and in force on ``as_of``, one for each product_id.
        as_of: last local day included.

    Returns:
        account_id and PURCHASE_FEATURES.
    """
    first = F.lit(as_of - dt.timedelta(days=365))
    recent = F.col("purchased_on") > first
    running = F.col("ended_on").isNull() | (F.col("ended_on") > F.lit(as_of))
    amount = F.col("amount")
    owned = {code: F.count_if(running & (F.col("category") == code)) > 0 for code in PRODUCT_CATEGORIES}
    accounts = (
        purchases.where(F.col("purchased_on") <= F.lit(as_of))
        # A catalogue is small: with it at hand the purchases are shuffled once, by account.
        .join(F.broadcast(products.select("product_id", "category")), on="product_id", how="left")
        .groupBy("account_id")
        .agg(
            F.count_if(recent).alias("purchases_365d"),
            F.count("*").alias("purchases_total"),
            F.coalesce(F.sum(F.when(recent, amount)).cast("double"), F.lit(0.0)).alias("purchase_amount_365d"),
            F.sum(amount).alias("purchase_amount_total"),
            F.count_if(running).alias("running_products"),
            F.count_if(~running & (F.col("ended_on") > first)).alias("ended_products_365d"),
            F.datediff(F.lit(as_of), F.max("purchased_on")).alias("days_since_purchase"),
            *[owns.alias(f"owns_{code}") for code, owns in owned.items()],
            reduce(add, [owns.cast("int") for owns in owned.values()]).alias("product_categories"),
        )
    )
    return accounts.select("account_id", *[F.col(f.name).cast(f.type) for f in PURCHASE_FEATURES])
