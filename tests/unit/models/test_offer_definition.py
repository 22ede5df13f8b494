"""Plans of offers: who may be offered what, whose consent counts, the shipped plan, and mistakes with file and line."""

from __future__ import annotations

from pathlib import Path

import pytest
from gridlens.conffiles import file_named
from gridlens.contracts.account_feature import ACCOUNT_FEATURE
from gridlens.errors import DefinitionError
from gridlens.models.offer_definition import consenting, eligible_pairs, load_offers
from pyspark.sql import SparkSession

COLUMNS = {"account_id": "string", "party_id": "string", "party_kind": "string", "is_open": "boolean", "contract_capacity_kva": "double"}
FILE = """\
offers: 2
population: is_open
channels: [sms, call]
products:
  - products: [P1, P9]
    when: party_kind = 'person'
  - products: [P2]
    when: contract_capacity_kva > 50
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "plan.yml"
    path.write_text(FILE, encoding="utf-8")
    return path


def test_a_product_without_a_rule_is_for_everybody_of_the_population(spark: SparkSession, file: Path) -> None:
    rows = [
        ("A", "a", "person", True, None),
        ("B", "b", "company", True, 80.0),
        ("C", "c", "person", False, 80.0),
        ("D", "d", None, True, 9.0),
    ]
    features = spark.createDataFrame(rows, ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items()))
    offers = load_offers(file, COLUMNS)
    found = {(row["account_id"], row["product_id"]) for row in eligible_pairs(features, offers, ["P1", "P2", "P3"]).collect()}
    assert found == {("A", "P1"), ("A", "P3"), ("B", "P2"), ("B", "P3"), ("D", "P3")}
    assert eligible_pairs(features, offers, []).collect() == []
    flags = spark.createDataFrame([("a", False, True), ("b", None, False), ("c", True, True)], "party_id string, one boolean, two boolean")
    assert {row["account_id"] for row in consenting(features, flags, ["one", "two"]).collect()} == {"A", "C"}
    assert offers.consents == (("sms", "marketing"), ("call", "marketing"))


def test_the_shipped_plan_holds() -> None:
    found = load_offers(file_named(None, "offers/plan.yml"), {field.name: field.type for field in ACCOUNT_FEATURE.fields})
    assert len(found.rules) >= 10


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("is_open", "is_opne"), r"plan.yml line 2.*is_opne"),
        (("call", "cal"), r"plan.yml line 3.*cal is no channel of consents; did you mean call"),
        (("[P2]", "[P1]"), "product P1 has two rules"),
        (("contract_capacity_kva > 50", "contract_capacity_kva"), r"plan.yml line 8.*expected a boolean"),
        (("offers: 2", "offers: 0"), r"plan.yml line 1.*offers"),
        (("channels: [sms, call]", "purpose: marketin"), r"plan.yml line 3.*did you mean marketing"),
    ],
    ids=["column", "channel", "twice", "boolean", "range", "purpose"],
)
def test_mistakes_name_file_and_line(file: Path, change: tuple[str, str], message: str) -> None:
    file.write_text(FILE.replace(*change), encoding="utf-8")
    with pytest.raises(DefinitionError, match=message):
        load_offers(file, COLUMNS)
