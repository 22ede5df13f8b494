"""Which bills have a payment that no rule let through, since when, and when that is over."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from chispa import assert_df_equality
from gridlens.features.bills_in_question import ANY_DAY, bills_in_question
from pyspark.sql import SparkSession

NOON = dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
UNTIL = dt.datetime(2026, 3, 1, 16, tzinfo=dt.UTC)
"""The end of 1 March in Shanghai."""
DELIVERED = (
    "payment_id string, account_id string, bill_id string, paid_at timestamp, known_from timestamp, _rejected boolean, "
    "amount decimal(18,2), reversal_of string, _batch_id string"
)
ACCEPTED = "payment_id string, known_from timestamp"


def row(payment: str | None, bill: str | None, **other: Any) -> tuple:
    """A rejected payment of A, made on 1 March and known at NOON."""
    usual = {"account": "A", "paid": UNTIL - HOUR, "known": NOON, "rejected": True, "amount": None, "of": None, "batch": "b1"}
    given = {**usual, **other}
    return (payment, given["account"], bill, *(given[name] for name in ("paid", "known", "rejected", "amount", "of", "batch")))


def test_a_rejected_payment_puts_its_bill_in_question_until_it_comes_again_right(spark: SparkSession) -> None:
    delivered = [
        row("p1", "rejected"),
        row("p2", "accepted", rejected=False),
        row("p3", "mended"),
        row("p4", "not known yet", known=NOON + HOUR, batch="b2"),
        row("p5", "not paid yet", paid=UNTIL),
        row("p6", "day unreadable", paid=None),
        row("p17", "day to come", paid=NOON + 48 * HOUR),
        row("p7", "unknown since when", known=None),
        row("p8", "unknown since when, of a later batch", known=None, batch="b2"),
        row("p9", None, account="B"),
        row("p10", "of nobody", account=None),
        row(None, "payment without an id", account="B"),
        row("p11", "twice", paid=UNTIL - 30 * HOUR),
        row("p12", "twice"),
        row("p13", "corrected wrongly"),
        row("p14", "taken back", amount=Decimal(-5)),
        row("p15", "reversed", of="p1"),
        row("p16", "other", known=NOON + HOUR, rejected=False, batch="b2"),
    ]
    accepted = [("p2", NOON), ("p3", NOON), ("p1", NOON + HOUR), ("p13", NOON - HOUR), ("p13", NOON + HOUR)]
    found = bills_in_question(
        spark.createDataFrame(delivered, DELIVERED),
        spark.createDataFrame(accepted, ACCEPTED),
        known_at=NOON,
        until=UNTIL,
        zone="Asia/Shanghai",
    )
    first, before = dt.date(2026, 3, 1), dt.date(2026, 2, 28)
    expected = [
        ("A", "rejected", first),
        ("A", "day unreadable", ANY_DAY),
        ("A", "day to come", ANY_DAY),
        ("A", "unknown since when", first),
        ("A", "corrected wrongly", first),
        ("A", "twice", before),
        ("B", "payment without an id", first),
    ]
    schema = "account_id string, bill_id string, asked_on date"
    assert_df_equality(found, spark.createDataFrame(expected, schema), ignore_row_order=True, ignore_nullable=True)
