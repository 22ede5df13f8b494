"""Bills that stay unpaid (电费拖欠)."""

from __future__ import annotations

from pydantic import Field as ModelField
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from gridlens.models.labels.label import Arguments, Facts, LabelFunction, Window
from gridlens.tables import Field


class BillUnpaid(Arguments):
    """Days after the due date at whose end a bill that is not settled counts as unpaid."""

    days: int = ModelField(default=30, ge=0, le=365)

    @property
    def later_days(self) -> int:
        return self.days


def bill_unpaid(facts: Facts, window: Window, arguments: BillUnpaid) -> DataFrame:
    """1 where a bill that falls due in the window is not settled at the end of the day ``days`` after its due date.

    Settled is what the payments made by then, less reversals, cover whole; a later reversal does not change the label. Bills without an
    amount to pay and those drawn from a prepaid balance are no bills here. An account without a bill has no row, nor has one with a bill
    that may have been paid by a payment in quarantine, unless another one is unpaid for certain. The bills need not have been issued at
    T: that is early warning.
    """
    bills = facts["settlement"].where(F.col("to_pay") & window.holds("due_on"))
    keys = ["account_id", "bill_id"]
    deadline = F.date_add("due_on", arguments.days)
    payments = facts["payment"].where(F.col("bill_id").isNotNull()).select(*keys, "paid_on", F.col("amount").alias("paid"))
    made = F.when(F.col("paid_on") <= deadline, F.col("paid"))
    rest = ["amount", "issued_on", "due_on", "settled_on", "in_question", "asked_on"]
    covered = bills.join(payments, on=keys, how="left").groupBy(*keys, *rest).agg(F.coalesce(F.sum(made), F.lit(0)).alias("covered"))
    left = covered.withColumn("left", F.greatest(F.col("amount") - F.col("covered"), F.lit(0)))
    unclear = F.col("in_question") & (F.col("asked_on") <= deadline) & (F.col("left") > 0)
    certain = F.when(~F.col("unclear"), F.col("left"))
    known = F.when(~F.col("unclear"), F.struct("due_on", "bill_id"))
    settled = F.when(~F.col("in_question"), F.col("settled_on")).alias("settled_on")
    first = F.min_by(F.struct("issued_on", settled), known).alias("first")
    sums = (
        left.withColumn("unclear", unclear)
        .groupBy("account_id")
        .agg(
            F.max(F.coalesce(certain > 0, F.lit(False)).cast("int")).alias("label"),
            F.sum(F.when(~F.col("unclear"), F.col("amount"))).alias("exposure"),
            F.coalesce(F.sum(certain), F.lit(0)).alias("unpaid"),
            F.max("unclear").alias("unclear"),
            first,
        )
    )
    accounts = sums.where((F.col("label") == 1) | ~F.col("unclear"))
    settled_on = F.col("first.settled_on")
    return accounts.select(
        "account_id",
        "label",
        F.col("exposure").cast("double"),
        F.col("unpaid").cast("double"),
        F.date_diff(F.coalesce(settled_on, F.lit(window.seen_until)), "first.issued_on").alias("days_to_pay"),
        settled_on.isNotNull().alias("settled"),
    )


BILL_UNPAID = LabelFunction(
    "bill_unpaid",
    BillUnpaid,
    ("settlement", "payment"),
    (
        Field("exposure", "double", "Amount of the bills that fell due in the window", unit="CNY"),
        Field("unpaid", "double", "What was not paid of them by the label's day", unit="CNY"),
        Field("days_to_pay", "int", "From issue to settlement of the bill due first, or to the last day seen where it is open", unit="d"),
        Field("settled", "boolean", "That bill was settled; false: days_to_pay is censored"),
    ),
    bill_unpaid,
)
