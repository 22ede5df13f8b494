"""How an account pays: settlement of its bills, arrears, ways of paying and prepaid top-ups."""

from __future__ import annotations

import datetime as dt
from functools import partial, reduce

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from gridlens.contracts import account_money as contract
from gridlens.features.account_windows import local_day

_YEAR = dt.timedelta(days=365)
_QUARTER = dt.timedelta(days=90)
_RECENT = dt.timedelta(days=60)
_BILL, _PAYMENT, _PREPAID, _QUESTION = "bill", "payment", "prepaid", "question"
_UNCLEAR = "bill in question"


def payment_features(ledger: DataFrame, *, as_of: dt.date) -> DataFrame:
    """The payment features of each account that has a bill or a payment in a :func:`payment_ledger` of ``as_of``.

    Returns:
        account_id and PAYMENT_FEATURES, one row an account; null where the contract says so.
    """
    sums = {**_bill_sums(as_of), **_payment_sums(as_of)}
    entries = ledger.where(~F.col("entry").isin(_PREPAID, _QUESTION))
    totals = entries.groupBy("account_id").agg(*[c.alias(name) for name, c in sums.items()])
    formulas = _formulas(as_of)
    return totals.select("account_id", *[formulas.get(f.name, F.col(f.name)).cast(f.type).alias(f.name) for f in contract.PAYMENT_FEATURES])


def bill_settlement(ledger: DataFrame) -> DataFrame:
    """When each bill of a :func:`payment_ledger` was settled.

    Returns:
        account_id, bill_id, amount, issued_on, due_on, ``to_pay`` (somebody has to pay it), ``settled_on`` (null: open on ``as_of``),
        ``in_question`` (nobody can say whether it is settled, ``settled_on`` is of no use) and ``asked_on``, since when that is so.
    """
    columns = ("account_id", "bill_id", "amount", "issued_on", "due_on", "to_pay", "settled_on", "in_question", "asked_on")
    return ledger.where(F.col("entry").isin(_BILL, _UNCLEAR)).select(*columns)


def payment_ledger(
    bills: DataFrame,
    payments: DataFrame,
    *,
    prepaid: DataFrame,
    questioned: DataFrame,
    as_of: dt.date,
    until: dt.datetime,
    zone: str,
) -> DataFrame:
    """Bills issued by ``as_of`` and payments made before ``until`` as entries of one table, each bill with what became of it.

    One shuffle by account serves everything: a payment settles bills of its own account only.

    Args:
        bills: silver.bill as known at one moment: one row per bill_id.
        payments: silver.payment as known at the same moment: one row per payment_id.
        prepaid: account_id of the accounts whose bills are drawn from a prepaid balance, in any number of rows: no payment
            is allocated to such a bill, it is settled on issue.
        questioned: account_id, bill_id and asked_on of the bills of which a payment stands in quarantine, as of
            :func:`~gridlens.features.bills_in_question.bills_in_question`; one that is not covered otherwise is in question.
        as_of: last local day included; bills issued later are not seen.
        until: UTC moment at which ``as_of`` ends; payments and reversals from then on are not seen.
        zone: IANA zone of the company's local days.

    Returns:
        Bills, payments, prepaid accounts and questions (``entry``); columns that an entry lacks are null.
    """
    billed = bills.where(F.col("issued_on") <= F.lit(as_of)).select(
        "account_id",
        F.lit(_BILL).alias("entry"),
        "bill_id",
        "amount",
        (-F.col("amount")).alias("credit"),
        "issued_on",
        "due_on",
        (F.date_diff("period_end", "period_start") + 1).alias("billed_days"),
    )
    paid = payments.where(F.col("paid_at") < F.lit(until)).select(
        "account_id",
        F.lit(_PAYMENT).alias("entry"),
        "bill_id",
        "amount",
        F.col("amount").alias("credit"),
        "payment_id",
        "paid_at",
        local_day("paid_at", zone).alias("paid_on"),
        "channel",
        "reversal_of",
    )
    drawn = prepaid.select("account_id", F.lit(_PREPAID).alias("entry"))
    asked = questioned.select("account_id", "bill_id", "asked_on", F.lit(_QUESTION).alias("entry"))
    entries = reduce(partial(DataFrame.unionByName, allowMissingColumns=True), (billed, paid, drawn, asked))
    return _with_bill_state(_with_balances(entries), as_of)


def _with_balances(entries: DataFrame) -> DataFrame:
    """Adds what an entry owes to the others of its account and bill.

    ``is_prepaid`` the account's; ``good`` a positive payment, no reversal and not reversed; of the entry's bill:
    ``outstanding`` (amount less net paid), ``covered_on`` (local day of the last payment that brought the balance from
    below zero to zero or more), ``good_payments`` and ``asked_on``.
    """
    everything = (Window.unboundedPreceding, Window.unboundedFollowing)
    account = Window.partitionBy("account_id").rowsBetween(*everything)
    bill = Window.partitionBy("account_id", "bill_id")
    whole = bill.rowsBetween(*everything)
    # The bill itself is the first entry, having no payment time.
    so_far = bill.orderBy(F.asc_nulls_first("paid_at"), "payment_id").rowsBetween(Window.unboundedPreceding, Window.currentRow)
    was_reversed = F.array_contains(F.collect_set("reversal_of").over(account), F.col("payment_id"))
    good = (F.col("entry") == _PAYMENT) & (F.col("amount") > 0) & F.col("reversal_of").isNull() & ~was_reversed
    covers = (F.col("balance") >= 0) & (F.col("balance") - F.col("credit") < 0)
    return (
        entries.withColumns({"is_prepaid": F.max(F.col("entry") == _PREPAID).over(account), "good": good})
        .withColumn("balance", F.sum("credit").over(so_far))
        .withColumns(
            {
                "outstanding": -F.sum("credit").over(whole),
                "covered_on": F.max(F.when(covers, F.col("paid_on"))).over(whole),
                "good_payments": F.count_if("good").over(whole),
                "asked_on": F.min("asked_on").over(whole),
            }
        )
    )


def _with_bill_state(entries: DataFrame, as_of: dt.date) -> DataFrame:
    """Adds to bills: ``to_pay`` (somebody has to pay it), ``in_question``, ``open``, ``settled_on`` (null: open), ``late``, ``days_late``.

    A bill in question is late for certain where the payment that was rejected is dated after the due date; it counts as settled on
    that day. Any other becomes an entry of another kind, so that nothing counts it.
    """
    to_pay = (F.col("entry") == _BILL) & (F.col("amount") > 0) & ~F.col("is_prepaid")
    uncovered = F.col("to_pay") & (F.col("outstanding") > 0)
    unclear = F.col("in_question") & (F.col("asked_on") <= F.col("due_on"))
    settled_on = F.when(F.col("to_pay"), F.greatest("covered_on", "issued_on")).otherwise(F.col("issued_on"))
    missed = F.col("open") | (F.col("settled_on") > F.col("due_on"))
    return (
        entries.withColumn("to_pay", to_pay)
        .withColumn("in_question", uncovered & F.col("asked_on").isNotNull())
        .withColumn("open", uncovered & ~F.col("in_question"))
        .withColumn("entry", F.when(unclear, _UNCLEAR).otherwise(F.col("entry")))
        .withColumn("settled_on", F.when(F.col("in_question"), F.col("asked_on")).when(~F.col("open"), settled_on))
        .withColumn("late", F.col("to_pay") & (F.col("due_on") <= F.lit(as_of)) & missed)
        .withColumn("days_late", F.date_diff(F.coalesce("settled_on", F.lit(as_of)), "due_on"))
    )


def _bill_sums(as_of: dt.date) -> dict[str, Column]:
    """Aggregates over the bills of an account."""
    due = (F.col("entry") == _BILL) & (F.col("due_on") <= F.lit(as_of))
    in_year = due & (F.col("due_on") > F.lit(as_of - _YEAR))
    in_prior = due & (F.col("due_on") <= F.lit(as_of - _YEAR)) & (F.col("due_on") > F.lit(as_of - 2 * _YEAR))
    in_quarter = due & (F.col("due_on") > F.lit(as_of - _QUARTER))
    recent = due & (F.col("due_on") > F.lit(as_of - _RECENT))
    late, overdue = F.col("late"), due & F.col("open")
    in_part = (F.col("outstanding") > 0) & (F.col("outstanding") < F.col("amount"))
    part_paid = F.col("to_pay") & ((F.col("good_payments") > 1) | in_part)
    paid = in_year & F.col("to_pay") & ~F.col("open")
    taken = F.date_diff(F.coalesce("settled_on", F.lit(as_of)), "issued_on")  # of an open bill so far: it will be more
    newest = F.when(in_year & F.col("to_pay"), F.struct("due_on", "issued_on", "bill_id"))
    return {
        "bills_due_365d": F.count_if(in_year),
        "late_bills_365d": F.count_if(in_year & late),
        "bills_due_60d": F.count_if(recent),
        "late_bills_60d": F.count_if(recent & late),
        "late_bills_90d": F.count_if(in_quarter & late),
        "bills_due_prior": F.count_if(in_prior),
        "late_bills_prior": F.count_if(in_prior & late),
        "days_to_pay_mean_365d": F.avg(F.when(paid, F.date_diff("settled_on", "issued_on"))),
        "days_to_pay_last": F.max_by(taken, newest),
        "days_to_pay_in_time_90d": F.avg(F.when(in_quarter & F.col("to_pay") & ~late, taken)),
        "days_late_mean_365d": F.avg(F.when(in_year & late, F.col("days_late"))),
        "days_late_max_365d": F.coalesce(F.max(F.when(in_year & late, F.col("days_late"))), F.lit(0)),
        "part_paid_bills_365d": F.count_if(in_year & part_paid),
        "open_bills": F.count_if("open"),
        "bills_in_question": F.count_if("in_question"),
        "arrears_amount": F.coalesce(F.sum(F.when(overdue, F.col("outstanding"))).cast("double"), F.lit(0.0)),
        "oldest_due_on": F.min(F.when(overdue, F.col("due_on"))),
        "amount_due": F.sum(F.when(in_year, F.col("amount"))).cast("double"),
        "days_due": F.sum(F.when(in_year, F.col("billed_days"))),
    }


def _payment_sums(as_of: dt.date) -> dict[str, Column]:
    """Aggregates over the payments of an account; none of them is later than ``as_of``."""
    in_year = F.col("paid_on") > F.lit(as_of - _YEAR)
    good = F.col("good") & in_year
    channel = F.when(good, F.col("channel"))
    top_up = F.col("good") & F.col("bill_id").isNull()
    in_quarter = F.col("paid_on") > F.lit(as_of - _QUARTER)
    return {
        "reversals_365d": F.count_if(F.col("reversal_of").isNotNull() & in_year),
        "payments_365d": F.count_if(good),
        "last_paid_on": F.max(F.when(F.col("good"), F.col("paid_on"))),
        "payment_channel": F.mode(channel, deterministic=True),
        "payment_channels_365d": F.size(F.collect_set(channel)),
        "digital": F.count_if(channel.isin(*contract.DIGITAL_CHANNELS)),
        "direct_debit": F.count_if(channel == "direct_debit"),
        "counter": F.count_if(channel.isin(*contract.COUNTER_CHANNELS)),
        "top_ups_90d": F.count_if(top_up & in_quarter),
        "top_ups": F.count_if(top_up & in_year),
        "top_up_amount": F.sum(F.when(top_up & in_year, F.col("amount"))).cast("double"),
        "first_top_up_on": F.min(F.when(top_up & in_year, F.col("paid_on"))),
        "last_top_up_on": F.max(F.when(top_up & in_year, F.col("paid_on"))),
    }


def _formulas(as_of: dt.date) -> dict[str, Column]:
    """The features that are no plain aggregate."""
    monthly = F.when(F.col("amount_due") > 0, F.try_divide(F.col("amount_due") * F.lit(_YEAR.days / 12), "days_due"))
    return {
        "late_share_365d": F.try_divide("late_bills_365d", "bills_due_365d"),
        "late_share_prior_365d": F.try_divide("late_bills_prior", "bills_due_prior"),
        "days_outstanding": F.coalesce(F.date_diff(F.lit(as_of), "oldest_due_on"), F.lit(0)),
        "arrears_months": F.try_divide("arrears_amount", monthly),
        "days_since_payment": F.date_diff(F.lit(as_of), "last_paid_on"),
        "digital_payment_share_365d": F.try_divide("digital", "payments_365d"),
        "direct_debit_share_365d": F.try_divide("direct_debit", "payments_365d"),
        "counter_payment_share_365d": F.try_divide("counter", "payments_365d"),
        "top_up_mean_365d": F.try_divide("top_up_amount", "top_ups"),
        "top_up_interval_days_365d": F.try_divide(F.date_diff("last_top_up_on", "first_top_up_on"), F.col("top_ups") - 1),
    }
