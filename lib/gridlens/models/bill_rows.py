"""Bills with what was known of their accounts when they were issued: rows that teach and judge time to pay."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

DAYS, SETTLED = "days_to_pay", "settled"


@dataclass(frozen=True)
class Issued:
    """Bills that have the features of one moment.

    Attributes:
        as_of, known_at: the moment.
        first, last: days of issue; on the first, what the features know was known.
    """

    as_of: dt.date
    known_at: dt.datetime
    first: dt.date
    last: dt.date


def bill_rows(settlement: DataFrame, features: DataFrame, issued: Issued, *, names: Sequence[str], seen_until: dt.date) -> DataFrame:
    """A row a bill that somebody has to pay.

    Args:
        settlement: bills with to_pay, issued_on, settled_on and in_question; of the last nobody knows how long they took.
        features: account features of the moment of ``issued``.
        issued: which bills.
        names: columns of the features.
        seen_until: last day that is looked at; what is paid later counts as open then.

    Returns:
        account_id, bill_id, ``days_to_pay`` (int, from issue to settlement, or to the last day where it is open), ``settled`` (false: it is
        censored), and the columns of ``names``.
    """
    last = min(issued.last, seen_until)
    bills = settlement.where(F.col("to_pay") & ~F.col("in_question") & F.col("issued_on").between(F.lit(issued.first), F.lit(last)))
    settled = F.col("settled_on").isNotNull() & (F.col("settled_on") <= F.lit(seen_until))
    days = F.date_diff(F.when(settled, F.col("settled_on")).otherwise(F.lit(seen_until)), "issued_on")
    rows = bills.select("account_id", "bill_id", days.alias(DAYS), settled.alias(SETTLED))
    return rows.join(features.select("account_id", *dict.fromkeys(names)), on="account_id", how="inner")
