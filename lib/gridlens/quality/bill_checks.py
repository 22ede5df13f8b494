"""Do bills hold together? For the quality report."""

from __future__ import annotations

from decimal import Decimal

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

TOLERANCE = Decimal("0.01")


def bill_sum_mismatches(bills: DataFrame, items: DataFrame) -> DataFrame:
    """Bills whose amount differs from the sum of their items by more than 0.01, or that have no item.

    Args:
        bills: current rows of silver ``bill``, one a bill.
        items: current rows of silver ``bill_item``.

    Returns:
        bill_id, account_id, amount, items_amount (null without items), item_count, difference (null without items).
    """
    sums = items.groupBy("bill_id").agg(F.sum("charge").alias("items_amount"), F.count(F.lit(1)).alias("item_count"))
    joined = bills.select("bill_id", "account_id", "amount").join(sums, on="bill_id", how="left")
    difference = F.col("amount") - F.col("items_amount")
    without_items = F.col("items_amount").isNull()
    return (
        joined.withColumn("difference", difference)
        .where(without_items | (F.abs(difference) > F.lit(TOLERANCE)))
        .select("bill_id", "account_id", "amount", "items_amount", F.coalesce("item_count", F.lit(0)).alias("item_count"), "difference")
    )


def quantity_price_mismatches(items: DataFrame) -> DataFrame:
    """Items whose charge differs from quantity times price (rounded half up to 0.01) by more than 0.01; amounts without a quantity pass.

    Returns:
        bill_id, item_no, account_id, kind, quantity, price, charge, expected, difference.
    """
    expected = F.round(F.col("quantity") * F.col("price"), 2).cast("decimal(18,2)")
    return (
        items.withColumn("expected", expected)
        .withColumn("difference", F.col("charge") - F.col("expected"))
        .where(F.abs("difference") > F.lit(TOLERANCE))
        .select("bill_id", "item_no", "account_id", "kind", "quantity", "price", "charge", "expected", "difference")
    )
