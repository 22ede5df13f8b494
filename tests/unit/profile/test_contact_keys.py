"""Numbers of one document or telephone in any writing give one key; what stands where there is none gives none."""

from __future__ import annotations

import pytest
from gridlens.profile.contact_keys import document_key, phone_key
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

OLD, NEW = "110105491231002", "11010519491231002X"
"""The example of GB 11643-1999 in both forms."""
DOCUMENTS = {
    "110105 19491231 002x": NEW,
    "１１０１０５１９４９１２３１００２Ｘ": NEW,
    OLD: NEW,
    NEW: NEW,
    "91110000-MA00-1234-5X": "91110000MA0012345X",
    "000000000000000000": None,
    "********": None,
    "1234567": None,
    "": None,
    None: None,
}
PHONES = {
    "+86 100-1234-5678": "10012345678",
    "008610012345678": "10012345678",
    "１００１２３４５６７８": "10012345678",
    "10012345678": "10012345678",
    "(0571) 8765 4321": "057187654321",
    "8765432": "8765432",
    "86123456": "86123456",
    "00000000000": None,
    "13800138000": None,
    "110": None,
    "none": None,
    None: None,
}


@pytest.mark.parametrize(("key", "cases"), [(document_key, DOCUMENTS), (phone_key, PHONES)], ids=["documents", "phones"])
def test_keys(spark: SparkSession, key, cases: dict[str | None, str | None]) -> None:  # type: ignore[no-untyped-def]
    rows = spark.createDataFrame([(text,) for text in cases], "given string").select("given", key(F.col("given")).alias("key")).collect()
    assert {row["given"]: row["key"] for row in rows} == cases
