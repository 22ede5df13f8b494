"""Bills of which nobody can say whether they are paid: a payment of them was delivered, and no rule let it through."""

from __future__ import annotations

import datetime as dt

from pyspark.sql import DataFrame
from pyspark.sql import functions as F


def bills_in_question(delivered: DataFrame, payments: DataFrame, *, known_at: dt.datetime) -> DataFrame:
    """Bills with a payment in quarantine that was not delivered again since, right.

    Who pays such a bill is no debtor, and must not be dunned for a cell that could not be read. Whether the bill is covered by
    other payments is not looked at here.

    Args:
        delivered: bronze.payment, all rows. One that does not say its account, its bill or since when it is known cannot be followed up.
        payments: silver.payment as known at the same moment.
        known_at: moment of knowledge, UTC.

    Returns:
        account_id and bill_id, one row a bill.
    """
    named = F.col("account_id").isNotNull() & F.col("bill_id").isNotNull() & (F.col("known_from") <= F.lit(known_at))
    rejected = delivered.where(F.col("_rejected") & named).select("payment_id", "account_id", "bill_id")
    mended = payments.select("payment_id")  # a payment without an id is never found among them
    return rejected.join(mended, on="payment_id", how="left_anti").select("account_id", "bill_id").distinct()
