"""The page of tables: complete, readable, never stale; and what every contract must say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from gridlens.contracts import LAYERS, all_tables, find_table
from gridlens.errors import SettingsError
from gridlens.reports.tables_doc import main, render
from gridlens.tables import Field, Sensitivity, Table

PAGE = Path(__file__).resolve().parents[2] / "docs" / "tables.md"
TABLES = all_tables()


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == render(TABLES), "docs/tables.md is stale: run `make docs`"


def test_the_command_writes_it(tmp_path: Path) -> None:
    assert main([str(tmp_path / "new" / "tables.md")]) == 0
    assert (tmp_path / "new" / "tables.md").read_text(encoding="utf-8") == render(TABLES)


@pytest.mark.parametrize("full", TABLES)
def test_every_contract_says_what_a_reader_needs(full: str) -> None:
    table = TABLES[full]
    assert table.layer in LAYERS
    assert table.doc.endswith("."), "the business sentence"
    assert table.keys
    for field in table.fields:
        assert isinstance(field.sensitivity, Sensitivity), field.name
        assert len(field.doc) > 2, field.name
        assert field.null is None or field.null.strip(), field.name
        if re.search(r"_(kwh|kw|kva|c|pct|mm|seconds|minutes)$", field.name):
            assert field.unit, f"{field.name} lacks its unit"
    nullable_keys = [key for key in table.keys if table[key].nullable]
    assert table.layer == "bronze" or not nullable_keys


PERSONAL_NAMES = re.compile(r"^(name|phone|mobile|address|document_number|birth_\w+|email|transcript|source_text|_raw)$")


@pytest.mark.parametrize("full", TABLES)
def test_fields_that_identify_a_person_are_personal(full: str) -> None:
    wrong = [f.name for f in TABLES[full].fields if PERSONAL_NAMES.match(f.name) and f.sensitivity is not Sensitivity.PERSONAL]
    assert not wrong


def test_identity_stands_apart() -> None:
    holders = {full for full, table in TABLES.items() if table.layer in ("silver", "gold", "ops") and table.personal}
    assert holders == {"silver.customer_identity", "silver.service_event", "silver.quarantine", "gold.account_feature_v1"}
    assert TABLES["gold.account_feature_v1"].personal == ["age_band"]


def test_a_row_shows_everything_and_escapes_the_bar() -> None:
    field = Field("x", "double", "A|B", unit="kWh", allowed=("1", "2"), null="none", sensitivity=Sensitivity.PERSONAL)
    page = render({"silver.t": Table("t", "silver", "Doc.", (field,), ("x",), checks={"positive": "x > 0"})})
    assert r"| `x` | `double` | kWh | A\|B | `1`, `2` | none | **personal** |" in page
    assert "- Check `positive`: `x > 0`" in page


def test_links_of_the_contents_lead_somewhere() -> None:
    page = render(TABLES)
    anchors = {re.sub(r"[^\w]", "", heading.lower()) for heading in re.findall(r"^### (.+)$", page, re.M)}
    links = re.findall(r"\]\(#([\w]+)\)", page)
    assert set(links) == anchors
    assert len(links) == len(TABLES)


def test_tables_are_found_by_full_and_bare_name() -> None:
    assert find_table("bronze.weather").layer == "bronze"
    assert find_table("weather").layer == "silver"
    assert find_table("run_log").layer == "ops"
    with pytest.raises(SettingsError, match="table interval_dya is not declared; did you mean interval_day"):
        find_table("interval_dya")
