"""Bills of which nobody can say whether they are paid: a payment of them was delivered, and no rule let it through."""

from __future__ import annotations

import datetime as dt

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from gridlens.features.account_windows import local_day

ANY_DAY = dt.date(1900, 1, 1)
"""Day of a payment whose own day cannot be read: it may be before any due date."""


def bills_in_question(delivered: DataFrame, payments: DataFrame, *, known_at: dt.datetime, until: dt.datetime, zone: str) -> DataFrame:
    """Bills with a payment in quarantine that was not delivered again since, right.

    Who pays such a bill is no debtor, and must not be dunned for a cell that could not be read. Whether the bill is covered by
    other payments is not looked at here.

    Args:
        delivered: bronze.payment. Rows that take money back ask nothing; one that does not say its account and its bill cannot be
            followed up. Where a row does not say since when it is known, the newest accepted row of its batch does.
        payments: silver.payment, every version.
        known_at: moment of knowledge, UTC.
        until: UTC moment; what was paid from then on is not seen.
        zone: IANA zone of the company's local days.

    Returns:
        account_id, bill_id and ``asked_on``, one row a bill: the local day of the first such payment, ANY_DAY where one cannot be read.
    """
    pays = F.col("reversal_of").isNull() & F.coalesce(F.col("amount") > 0, F.lit(True))
    named = F.col("account_id").isNotNull() & F.col("bill_id").isNotNull()
    columns = ("_batch_id", "payment_id", "account_id", "bill_id", "paid_at", "known_from")
    rejected = delivered.where(F.col("_rejected") & named & pays).select(*columns)
    accepted = F.max(F.when(~F.col("_rejected"), F.col("known_from")))
    batches = delivered.groupBy("_batch_id").agg(F.coalesce(accepted, F.max("known_from")).alias("_newest"))
    known = F.coalesce("known_from", "_newest")
    # A payment that was known before it was made may be what was rejected: its day says nothing.
    paid_at = F.when(F.col("paid_at") <= known + F.lit(dt.timedelta(days=1)), F.col("paid_at"))
    seen = F.coalesce(F.col("paid_at") < F.lit(until), F.lit(True))
    dated = rejected.join(batches, on="_batch_id", how="inner").where(known <= F.lit(known_at)).withColumn("paid_at", paid_at)
    asked = dated.where(seen)
    right = payments.where(F.col("known_from") <= F.lit(known_at)).select(
        F.col("payment_id").alias("_id"), F.col("known_from").alias("_again")
    )
    # A payment without an id is never found among the accepted ones.
    mended = (F.col("payment_id") == F.col("_id")) & (F.col("known_from").isNull() | (F.col("_again") >= F.col("known_from")))
    day = F.coalesce(local_day("paid_at", zone), F.lit(ANY_DAY))
    return asked.join(right, on=mended, how="left_anti").groupBy("account_id", "bill_id").agg(F.min(day).alias("asked_on"))
