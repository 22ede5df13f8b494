"""How the industry of an account pays at present: a shock to a trade shows in its neighbours' bills before it does in one's own."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from gridlens.contracts.account_money import USUAL_BILLS


def with_industry(payments: DataFrame, accounts: DataFrame) -> DataFrame:
    """``payments`` of every account with INDUSTRY_FEATURES; an account without bills of its own has them too.

    Args:
        payments: account_id and PAYMENT_FEATURES, one row an account.
        accounts: account_id, category, industry_code, billing_kind, one row an account.
    """
    trade = F.when(F.col("category") != "residential", F.col("industry_code"))
    own = accounts.select("account_id", "billing_kind", trade.alias("_trade")).join(payments, on="account_id", how="left")
    # A household is alone in its group: nobody asks for its industry, and all of them in one group would be one task's work.
    group = Window.partitionBy("_trade", F.when(F.col("_trade").isNull(), F.col("account_id")))

    def total(name: str) -> Column:
        return F.sum(F.when(F.col("billing_kind") == "postpaid", F.col(name))).over(group)

    usual = F.try_divide(total("late_bills_365d"), total("bills_due_365d"))
    smoothed = (total("late_bills_60d") + USUAL_BILLS * F.col("_usual")) / (total("bills_due_60d") + USUAL_BILLS)
    share = F.when(F.col("_trade").isNotNull(), smoothed)
    return (
        own.withColumn("_usual", usual)
        .withColumn("industry_late_share_60d", share)
        .withColumn("industry_late_change_60d", F.try_divide("industry_late_share_60d", "_usual"))
        .select(*payments.columns, "industry_late_share_60d", "industry_late_change_60d")
    )
