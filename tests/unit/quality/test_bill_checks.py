"""Bills that do not hold together are found, and only they."""

from decimal import Decimal

import pytest
from gridlens.quality.bill_checks import bill_sum_mismatches, quantity_price_mismatches
from pyspark.sql import DataFrame, SparkSession

BILLS = "bill_id string, account_id string, amount decimal(18,2)"
ITEMS = "bill_id string, item_no int, account_id string, kind string, quantity decimal(18,3), price decimal(18,8), charge decimal(18,2)"


def item(bill: str, number: int, quantity: str | None, price: str | None, charge: str) -> tuple:
    return bill, number, "A", "energy_flat", quantity and Decimal(quantity), price and Decimal(price), Decimal(charge)


@pytest.fixture(scope="module")
def items(spark: SparkSession) -> DataFrame:
    rows = [
        item("exact", 1, "100.000", "0.5", "50.00"),
        item("exact", 2, None, None, "-5.00"),
        item("cent", 1, "100.000", "0.5", "50.01"),
        item("wrong", 1, "33.335", "0.3", "10.02"),
        item("wrong", 2, "1.000", "-0.4", "-0.40"),
        item("half", 1, "1.000", "0.025", "0.03"),
    ]
    return spark.createDataFrame(rows, ITEMS)


def test_a_bill_that_differs_from_its_items_or_has_none(spark: SparkSession, items: DataFrame) -> None:
    amounts = {"exact": "45.00", "cent": "50.00", "wrong": "9.64", "half": "0.03", "empty": "0.00"}
    bills = spark.createDataFrame([(bill, "A", Decimal(amount)) for bill, amount in amounts.items()], BILLS)
    found = {row.bill_id: (row.items_amount, row.item_count, row.difference) for row in bill_sum_mismatches(bills, items).collect()}
    assert found == {"wrong": (Decimal("9.62"), 2, Decimal("0.02")), "empty": (None, 0, None)}


def test_a_charge_that_differs_from_quantity_times_price(items: DataFrame) -> None:
    """33.335 × 0.3 = 10.0005: 10.02 is two cents too many; one cent is within the tolerance."""
    found = [(row.bill_id, row.item_no, row.expected, row.difference) for row in quantity_price_mismatches(items).collect()]
    assert found == [("wrong", 1, Decimal("10.00"), Decimal("0.02"))]
