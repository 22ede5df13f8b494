"""What bills, payments and purchases tell: issued, overdue, in arrears, cleared; paid, paid late, reversed; bought, ended."""

from __future__ import annotations

import datetime as dt

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from gridlens.contracts.entities import MONEY
from gridlens.contracts.trajectory import ARREARS_DAYS
from gridlens.profile.events import last_second, local_day, occurrences, source_id, told


def bill_events(
    bills: DataFrame, payments: DataFrame, prepaid: DataFrame, questioned: DataFrame, *, as_of: dt.date, zone: str
) -> DataFrame:
    """Events of bills. A bill is unpaid on a day where what was paid on it by the end of the day, reversals included, is less than it.

    Of a bill that is in question nobody knows whether it is unpaid since the day of the payment that stands in quarantine.

    Args:
        bills: silver.bill as known, one row a bill.
        payments: silver.payment as known, one row a payment.
        prepaid: account_id of the accounts whose bills are drawn from a balance: settled on issue. One row an account.
        questioned: account_id, bill_id and asked_on of the bills of which a payment stands in quarantine, one row a bill.
        as_of: last local day included; payments from the next day on are not seen.
        zone: IANA zone of the company.

    Returns:
        Rows of trajectory_v1: bill_issued; bill_overdue on the day after the due date where it is unpaid at the end of that
        date; bill_in_arrears on the ARREARS_DAYS-th day after it where it is unpaid at the end of that day; arrears_cleared
        on the day on which such a bill was covered, where it is covered on ``as_of``.
    """
    rows = _settlement(bills, payments, prepaid, as_of=as_of, zone=zone)
    rows = rows.join(questioned.select("account_id", "bill_id", "asked_on"), on=["account_id", "bill_id"], how="left")
    after_due, limit = F.date_add("due_on", 1), F.date_add("due_on", ARREARS_DAYS)

    def unpaid(paid: str, day: Column) -> Column:
        in_question = (F.col("paid") < F.col("amount")) & F.coalesce(F.col("asked_on") <= day, F.lit(False))
        return (F.col("amount") > 0) & ~F.col("is_prepaid") & (F.col(paid) < F.col("amount")) & ~in_question

    overdue, arrears = unpaid("paid_when_due", F.col("due_on")), unpaid("paid_in_time", limit)
    issued, known = F.col("known_from"), F.greatest("known_from", "paid_known_from")

    def happening(when: Column, day: Column, amount: Column, known: Column) -> dict[str, Column]:
        return {"when": when, "day": day, "money": amount.cast(MONEY), "known": known}

    happened = occurrences(
        rows,
        {
            "bill_issued": happening(F.lit(True), F.col("issued_on"), F.col("amount"), issued),
            "bill_overdue": happening(
                overdue, after_due, F.col("amount") - F.col("paid_when_due"), F.greatest(issued, last_second(F.col("due_on"), zone))
            ),
            "bill_in_arrears": happening(
                arrears, limit, F.col("amount") - F.col("paid_in_time"), F.greatest(issued, last_second(limit, zone))
            ),
            "arrears_cleared": happening(arrears & (F.col("paid") >= F.col("amount")), F.col("covered_on"), F.col("amount"), known),
        },
    )
    return told(
        happened.withColumns({"known_from": F.col("known"), "amount": F.col("money")}),
        "bill",
        event_type=F.col("event_type"),
        key=F.col("bill_id"),
        zone=zone,
        day=F.col("day"),
        about=F.col("bill_id"),
        amount=F.col("amount"),
    )


def _settlement(bills: DataFrame, payments: DataFrame, prepaid: DataFrame, *, as_of: dt.date, zone: str) -> DataFrame:
    """The columns of bill with is_prepaid, paid_when_due, paid_in_time (by the limit of arrears), paid, covered_on, paid_known_from."""
    paid_on = local_day("paid_at", zone)
    seen = payments.where(F.col("bill_id").isNotNull() & (paid_on <= F.lit(as_of)))
    parts = seen.select(
        "bill_id", "payment_id", "paid_at", paid_on.alias("paid_on"), F.col("amount").alias("_part"), F.col("known_from").alias("_known")
    )
    due = bills.select("bill_id", "due_on", F.col("amount").alias("_bill"))
    so_far = Window.partitionBy("bill_id").orderBy("paid_at", "payment_id").rowsBetween(Window.unboundedPreceding, Window.currentRow)
    running = parts.join(due, on="bill_id", how="inner").withColumn("_balance", F.sum("_part").over(so_far))
    covers = (F.col("_balance") >= F.col("_bill")) & (F.col("_balance") - F.col("_part") < F.col("_bill"))
    within = {"paid_when_due": F.col("due_on"), "paid_in_time": F.date_add("due_on", ARREARS_DAYS)}
    sums = {name: F.sum(F.when(F.col("paid_on") <= day, F.col("_part"))) for name, day in within.items()}
    paid = running.groupBy("bill_id").agg(
        *[column.alias(name) for name, column in sums.items()],
        F.sum("_part").alias("paid"),
        F.max(F.when(covers, F.col("paid_on"))).alias("covered_on"),
        F.max("_known").alias("paid_known_from"),
    )
    accounts = prepaid.select("account_id", F.lit(True).alias("_prepaid"))
    joined = bills.join(paid, on="bill_id", how="left").join(accounts, on="account_id", how="left")
    nothing = F.lit(0).cast(MONEY)
    filled = {name: F.coalesce(name, nothing) for name in (*within, "paid")}
    return joined.withColumns({**filled, "is_prepaid": F.col("_prepaid").isNotNull()})


def payment_events(payments: DataFrame, bills: DataFrame, *, zone: str) -> DataFrame:
    """Events of payments: payment, late_payment (after the due date of its bill), payment_reversed.

    Args:
        payments: silver.payment as known, one row a payment.
        bills: silver.bill as known, one row a bill.
        zone: IANA zone of the company.
    """
    rows = payments.join(bills.select("bill_id", "due_on"), on="bill_id", how="left")
    reversed_ = F.col("reversal_of").isNotNull() | (F.col("amount") < 0)
    late = local_day("paid_at", zone) > F.col("due_on")
    return told(
        rows,
        "payment",
        event_type=F.when(reversed_, "payment_reversed").when(late, "late_payment").otherwise("payment"),
        key=F.col("payment_id"),
        zone=zone,
        moment=F.col("paid_at"),
        channel=F.col("channel"),
        about=F.col("bill_id"),
        amount=F.col("amount"),
    )


def purchase_events(purchases: DataFrame, *, zone: str) -> DataFrame:
    """Events of purchases: purchase, and subscription_ended where it has ended.

    Args:
        purchases: silver.purchase as known, one row a purchase.
        zone: IANA zone of the company.
    """
    nothing = F.lit(None).cast(MONEY)
    happened = occurrences(
        purchases,
        {
            "purchase": {"when": F.lit(True), "day": F.col("purchased_on"), "money": F.col("amount")},
            "subscription_ended": {"when": F.col("ended_on").isNotNull(), "day": F.col("ended_on"), "money": nothing},
        },
    )
    return told(
        happened,
        "purchase",
        event_type=F.col("event_type"),
        key=source_id("purchase_id"),
        zone=zone,
        day=F.col("day"),
        channel=F.col("channel"),
        about=F.col("product_id"),
        amount=F.col("money"),
    )
