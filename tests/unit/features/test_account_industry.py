"""How the industry of an account pays, on a few rows."""

from __future__ import annotations

import pytest
from chispa import assert_approx_df_equality
from gridlens.contracts.account_money import INDUSTRY_FEATURES, USUAL_BILLS
from gridlens.features.account_industry import with_industry
from pyspark.sql import SparkSession

ACCOUNTS = "account_id string, category string, industry_code string, billing_kind string"
PAYMENTS = "account_id string, bills_due_365d int, late_bills_365d int, bills_due_60d int, late_bills_60d int"


def test_an_industry_is_told_by_the_bills_of_all_its_postpaid_accounts(spark: SparkSession) -> None:
    trades = [("a", "13", "postpaid"), ("b", "13", "postpaid"), ("prepaid", "13", "prepaid"), ("new", "13", "postpaid")]
    trades += [("school", "83", "postpaid"), ("card", "52", "prepaid")]
    accounts = [(account, "commercial", *rest) for account, *rest in trades]
    accounts += [
        ("home", "residential", None, "postpaid"),
        ("next door", "residential", "13", "postpaid"),
        ("13", "commercial", None, "postpaid"),
    ]
    payments = [("a", 12, 6, 2, 2), ("b", 12, 0, 2, 0), ("prepaid", 12, 0, 2, 0), ("home", 12, 12, 2, 2), ("next door", 12, 0, 2, 0)]
    payments += [("school", 12, 0, 2, 0), ("card", 12, 0, 2, 0)]
    got = with_industry(spark.createDataFrame(payments, PAYMENTS), spark.createDataFrame(accounts, ACCOUNTS))
    usual = 6 / 24
    recent = (2 + USUAL_BILLS * usual) / (4 + USUAL_BILLS)
    expected = [
        *[(account, recent, recent / usual) for account in ("a", "b", "prepaid", "new")],
        *[("home", None, None), ("next door", None, None), ("13", None, None), ("school", 0.0, None), ("card", None, None)],
    ]
    schema = "account_id string, industry_late_share_60d double, industry_late_change_60d double"
    chosen = got.select("account_id", *[f.name for f in INDUSTRY_FEATURES])
    wanted = spark.createDataFrame(expected, schema)
    assert_approx_df_equality(chosen, wanted, 1e-12, ignore_row_order=True, ignore_nullable=True)
    assert got.columns == [*PAYMENTS.replace(" string", "").replace(" int", "").split(", "), *[f.name for f in INDUSTRY_FEATURES]]


@pytest.mark.parametrize(("accounts", "late", "least", "most"), [(100, 0, 0.0, 0.3), (100, 80, 1.9, 2.4), (1, 0, 0.9, 1.0)])
def test_a_shock_shows_against_the_usual_and_few_bills_say_little(
    spark: SparkSession, accounts: int, late: int, least: float, most: float
) -> None:
    rows = [(str(n), 12, 2, 2, int(n < late)) for n in range(accounts)]
    own = spark.createDataFrame([(row[0], "commercial", "13", "postpaid") for row in rows], ACCOUNTS)
    [change] = {row["industry_late_change_60d"] for row in with_industry(spark.createDataFrame(rows, PAYMENTS), own).collect()}
    assert least < change < most
