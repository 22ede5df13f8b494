"""Drivers in total, counted by hand."""

from __future__ import annotations

import pytest
from gridlens.models.drivers import driver_summary
from pyspark.sql import SparkSession

SCHEMA = "account_id string, reasons array<struct<feature:string,value:string,contribution:double>>"


def test_the_first_three_reasons_that_raise_count(spark: SparkSession) -> None:
    rows = [
        ("A", [("quotes", "2", 1.5), ("views", "1", 0.5), ("age", "9", -0.4), ("late", "1", 0.3)]),
        ("B", [("views", "3", 1.0), ("quotes", "0", -0.2)]),
        ("C", []),
    ]
    found = {row["feature"]: row for row in driver_summary(spark.createDataFrame(rows, SCHEMA)).collect()}
    assert set(found) == {"quotes", "views"}  # late is A's fourth, age lowers
    assert (found["views"]["accounts"], found["views"]["share"]) == (2, pytest.approx(2 / 3))
    assert found["views"]["mean_contribution"] == pytest.approx(0.75)
    assert (found["quotes"]["accounts"], found["quotes"]["mean_contribution"]) == (1, 1.5)
