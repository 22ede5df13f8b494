"""The band of a holder's age."""

from __future__ import annotations

import datetime as dt

from chispa import assert_df_equality
from gridlens.features.account_age import age_features
from pyspark.sql import SparkSession

ROWS = [
    ("new-born", 2026, "under_30"),
    ("29", 1997, "under_30"),
    ("30 this year", 1996, "30_to_44"),
    ("44", 1982, "30_to_44"),
    ("45", 1981, "45_to_59"),
    ("59", 1967, "45_to_59"),
    ("60", 1966, "60_and_over"),
    ("120", 1906, "60_and_over"),
    ("121", 1905, None),
    ("not born yet", 2027, None),
    ("not recorded", None, None),
]


def test_the_band_is_that_of_the_age_reached_in_the_year(spark: SparkSession) -> None:
    identities = spark.createDataFrame([row[:2] for row in ROWS], "account_id string, birth_year int")
    expected = spark.createDataFrame([(row[0], row[2]) for row in ROWS], "account_id string, age_band string")
    accounts = spark.createDataFrame(
        [(row[0], "person") for row in ROWS] + [("company", "company")], "account_id string, party_kind string"
    )
    founded = spark.createDataFrame([("company", 1995)], identities.schema)
    found = age_features(identities.unionByName(founded), accounts, as_of=dt.date(2026, 1, 31))
    assert_df_equality(found, expected, ignore_nullable=True, ignore_row_order=True)
