"""Pseudonyms: the same for the same id and key, not to be guessed without the key."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from gridlens.contracts import all_tables
from gridlens.errors import SettingsError
from gridlens.pseudonyms import ID_COLUMNS, pseudonym, pseudonymise
from pydantic import SecretStr
from pyspark.sql import SparkSession

KEY = SecretStr("correct horse battery staple")
GUESSES = 1_000_000


def test_a_million_guesses_without_the_key_hit_nothing() -> None:
    """Meter numbers are enumerable: hashing all of them must not find a pseudonym."""
    seen = {pseudonym(f"{number:012d}", "meter_id", KEY.get_secret_value().encode()) for number in range(0, GUESSES, 1000)}
    assert len(seen) == GUESSES // 1000
    plain = ({hashlib.sha256(f"{number:012d}".encode()).hexdigest()[:32] for number in range(GUESSES)}) & seen
    with_kind = {hashlib.sha256(f"meter_id\x00{number:012d}".encode()).hexdigest()[:32] for number in range(GUESSES)} & seen
    assert not plain | with_kind


def test_it_is_hmac_sha_256_of_kind_and_id() -> None:
    expected = hmac.new(b"0123456789abcdef", b"account_id\x00A1", hashlib.sha256).hexdigest()[:32]
    assert pseudonym("A1", "account_id", b"0123456789abcdef") == expected
    assert pseudonym("A1", "party_id", b"0123456789abcdef") != expected


def test_ids_are_replaced_and_the_rest_stays(spark: SparkSession) -> None:
    rows = spark.createDataFrame([("A1", "M1", 1.5, None), ("A1", "M2", None, None), (None, "M1", 2.0, "x")], _SCHEMA)
    hidden = pseudonymise(rows, KEY)
    found = hidden.collect()
    assert [row["energy_kwh"] for row in found] == [1.5, None, 2.0]
    assert found[0]["account_id"] == found[1]["account_id"] != "A1"
    assert found[2]["account_id"] is None
    assert found[2]["note"] == "x"
    assert (
        found[0]["metering_point_id"]
        == found[2]["metering_point_id"]
        == pseudonym("M1", "metering_point_id", KEY.get_secret_value().encode())
    )


def test_every_id_of_every_table_is_replaced_or_names_nobody() -> None:
    nobody = {"area_id", "org_unit_id", "tariff_id", "transformer_id", "feeder_id", "_batch_id", "_file_id", "product_id", "outage_id"}
    nobody |= {"campaign_id", "calendar_id", "rule_id", "overlay_id", "model_id", "run_id", "segment_id", "tag_id"}
    ids = {name for table in all_tables().values() for name in table.columns if name.endswith("_id")}
    assert ids - set(ID_COLUMNS) == nobody


def test_ends_of_edges_and_reversed_payments_stay_together(spark: SparkSession) -> None:
    rows = [("A1", "B1", "P1", "P2"), ("B1", "A1", "P2", None)]
    table = spark.createDataFrame(rows, "from_id string, to_id string, payment_id string, reversal_of string")
    first, second = pseudonymise(table, KEY).collect()
    assert (first["from_id"], first["to_id"]) == (second["to_id"], second["from_id"])
    assert first["reversal_of"] == second["payment_id"]
    assert not {"A1", "B1", "P1", "P2"} & {*first, *second}


def test_without_a_key_it_says_what_to_do(spark: SparkSession) -> None:
    with pytest.raises(SettingsError, match="GRIDLENS_PSEUDONYM_KEY"):
        pseudonymise(spark.createDataFrame([("A1", "M1", 1.0, "x")], _SCHEMA), None)


_SCHEMA = "account_id string, metering_point_id string, energy_kwh double, note string"
