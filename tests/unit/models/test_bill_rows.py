"""Bills meet what was known when they were issued; what happened after the last day seen does not count."""

from __future__ import annotations

import datetime as dt

from gridlens.models.bill_rows import Issued, bill_rows
from pyspark.sql import SparkSession

AS_OF, KNOWN_AT = dt.date(2026, 1, 31), dt.datetime(2026, 1, 31, 22, tzinfo=dt.UTC)


def day(month: int, number: int) -> dt.date:
    return dt.date(2026, month, number)


def test_days_end_on_the_last_day_seen(spark: SparkSession) -> None:
    settlement = spark.createDataFrame(
        [
            ("A", "early", True, day(2, 1), day(2, 3), False),  # before the features were known
            ("A", "paid", True, day(2, 2), day(2, 12), False),
            ("A", "last", True, day(2, 28), day(2, 28), False),
            ("A", "next", True, day(3, 1), day(3, 2), False),  # of the next moment
            ("B", "open", True, day(2, 10), None, False),
            ("B", "later", True, day(2, 10), day(3, 20), False),  # paid after the last day seen
            ("B", "free", False, day(2, 10), day(2, 10), False),
            ("C", "unknown", True, day(2, 10), day(2, 20), False),  # no features
            ("A", "in question", True, day(2, 10), day(2, 20), True),
        ],
        "account_id string, bill_id string, to_pay boolean, issued_on date, settled_on date, in_question boolean",
    )
    features = spark.createDataFrame([("A", 4.0, "x"), ("B", None, "y")], "account_id string, late double, rest string")
    issued = Issued(AS_OF, KNOWN_AT, day(2, 2), day(2, 28))
    rows = bill_rows(settlement, features, issued, names=("late", "late"), seen_until=day(3, 12))
    assert rows.columns == ["account_id", "bill_id", "days_to_pay", "settled", "late"]
    assert {row["bill_id"]: tuple(row)[2:] for row in rows.collect()} == {
        "paid": (10, True, 4.0),
        "last": (0, True, 4.0),
        "open": (30, False, None),
        "later": (30, False, None),
    }
    seen = bill_rows(settlement, features, issued, names=("late",), seen_until=day(2, 10))
    assert {row["bill_id"]: (row["days_to_pay"], row["settled"]) for row in seen.collect()} == {
        "paid": (8, False),
        "open": (0, False),
        "later": (0, False),
    }
