"""Which bills have a payment that no rule let through, and when that is over."""

from __future__ import annotations

import datetime as dt

from chispa import assert_df_equality
from gridlens.features.bills_in_question import bills_in_question
from pyspark.sql import SparkSession

NOON = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
DELIVERED = "payment_id string, account_id string, bill_id string, known_from timestamp, _rejected boolean"


def test_a_rejected_payment_puts_its_bill_in_question_until_it_comes_again_right(spark: SparkSession) -> None:
    later, never = NOON + dt.timedelta(seconds=1), None
    delivered = [
        ("p1", "A", "rejected", NOON, True),
        ("p2", "A", "accepted", NOON, False),
        ("p3", "A", "mended", NOON, True),
        ("p3", "A", "mended", NOON, False),
        ("p4", "A", "not known yet", later, True),
        ("p5", "A", "unknown since when", never, True),
        ("p6", "A", None, NOON, True),
        ("p7", None, "of nobody", NOON, True),
        (None, "B", "payment without an id", NOON, True),
        ("p8", "B", "twice", NOON, True),
        ("p9", "B", "twice", NOON, True),
    ]
    payments = spark.createDataFrame([("p2",), ("p3",)], "payment_id string")
    found = bills_in_question(spark.createDataFrame(delivered, DELIVERED), payments, known_at=NOON)
    expected = [("A", "rejected"), ("B", "payment without an id"), ("B", "twice")]
    assert_df_equality(
        found, spark.createDataFrame(expected, "account_id string, bill_id string"), ignore_row_order=True, ignore_nullable=True
    )
