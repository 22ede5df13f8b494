"""The graph through the command line: who is who, un-merging, what is asked of it; on a few rows."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest
from delta_files import rows
from delta_writer import put
from gridlens.cli import main
from gridlens.contracts.account_feature import ACCOUNT_FEATURE
from gridlens.contracts.graph import IDENTITY_LINK, PROFILE_EDGE
from gridlens.contracts.silver import SILVER
from gridlens.settings import Settings, load_settings
from gridlens.tables import Table
from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark
AS_OF = dt.date(2026, 3, 31)
KNOWN = dt.datetime(2026, 4, 1, 16, tzinfo=dt.UTC)
BEFORE = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
LATER = dt.datetime(2026, 4, 2, tzinfo=dt.UTC)
DOCUMENT, PHONE = "000000198001010007", "10000000007"
SEPARATE = """decisions:
  - parties: [PY1, PD2]
    verdict: different
    reason: two brothers, the number was copied
    decided_on: 2026-03-30
"""


def fill(settings: Settings, table: Table, *facts: dict[str, Any]) -> None:
    """Appends rows of facts that several tables share."""
    put(settings, table, [{name: value for name, value in fact.items() if name in table.columns} for fact in facts], known_from=BEFORE)


def customers(settings: Settings) -> None:
    """PY1 has two accounts, of which one is registered as PD2 with the same document; PY3 gave the same telephone only later."""
    common = {"valid_from": dt.date(2025, 1, 1), "area_id": "N"}
    held = [{"account_id": account, "party_id": party, **common} for account, party in (("A1", "PY1"), ("A2", "PD2"), ("A3", "PY3"))]
    told = [{"document_number": DOCUMENT, "phone": PHONE}, {"document_number": DOCUMENT}, {}, {"phone": PHONE, "known_from": LATER}]
    place = {**common, "transformer_id": "T1", "feeder_id": "F1", "multiplier": 1.0}
    fill(settings, SILVER["account"], *[{**one, "party_kind": "person", "category": "residential"} for one in held])
    fill(settings, SILVER["customer_identity"], *[{**one, **numbers} for one, numbers in zip([*held, held[2]], told, strict=True)])
    points = [{**place, "metering_point_id": f"P{n}", "account_id": f"A{n}", "meter_id": f"M{n}"} for n in (1, 2, 3)]
    fill(settings, SILVER["metering_point"], *points)


@pytest.fixture(scope="module")
def root(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("graph")
    (folder / "conf" / "identity").mkdir(parents=True)
    settings = load_settings("local", overrides={"root_dir": str(folder / "root")})
    customers(settings)
    consent = {"channel": "sms", "purpose": "marketing", "valid_from": dt.date(2025, 1, 1)}
    fill(settings, SILVER["consent"], {**consent, "party_id": "PY1", "granted": True}, {**consent, "party_id": "PD2", "granted": False})
    bought = {"product_id": "PR1", "quantity": 1}
    fill(
        settings,
        SILVER["purchase"],
        {**bought, "purchase_id": "B1", "account_id": "A1", "purchased_on": dt.date(2026, 2, 1)},
        {**bought, "purchase_id": "B2", "account_id": "A2", "purchased_on": dt.date(2026, 2, 9)},
        {**bought, "purchase_id": "B3", "account_id": "A3", "purchased_on": dt.date(2026, 2, 9), "known_from": LATER},
    )
    feature = {"as_of": AS_OF, "known_at": KNOWN, "category": "residential", "area_id": "N", "is_open": True}
    fill(
        settings,
        ACCOUNT_FEATURE,
        {**feature, "account_id": "A1", "party_id": "PY1", "energy_kwh_365d": 1000.0, "bill_amount_365d": 500.0},
        {**feature, "account_id": "A2", "party_id": "PD2", "energy_kwh_365d": 1001.0, "bill_amount_365d": 501.0},
        {**feature, "account_id": "A3", "party_id": "PY3", "energy_kwh_365d": 9000.0, "bill_amount_365d": 4000.0},
    )
    return folder


def answer(capsys: pytest.CaptureFixture[str], root: Path, *words: str, conf: bool = False) -> dict[str, Any]:
    """What a command says as JSON."""
    where = ["--root-dir", str(root / "root"), "--profile", "local", *(["--conf", str(root / "conf")] if conf else [])]
    assert main(["graph", *words, *where, "--json"]) == 0, capsys.readouterr().err
    out = capsys.readouterr().out
    assert not {DOCUMENT, PHONE} & set(out.replace('"', " ").split())
    return json.loads(out)


def table(root: Path, declared: Table) -> list[dict[str, Any]]:
    found = rows(root / "root" / "warehouse" / "gold" / declared.name)
    return sorted(found, key=lambda row: [str(row[key]) for key in declared.keys])


def links(root: Path) -> dict[str, tuple[str, str, int, int]]:
    return {row["party_id"]: (row["person_id"], row["rule"], row["parties"], row["accounts"]) for row in table(root, IDENTITY_LINK)}


def test_merging_and_unmerging_lose_nothing(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = answer(capsys, root, "run")
    assert first["edges"]["behaves_like"] == 2, "two name one another, the third is like nobody"
    assert (first["as_of"], first["parties"], first["persons"], first["linked"]) == ("2026-03-31", 3, 2, {"document": 2})
    assert links(root) == {"PD2": ("PD2", "document", 2, 2), "PY1": ("PD2", "document", 2, 2), "PY3": ("PY3", "own", 1, 1)}
    merged, events = table(root, PROFILE_EDGE), root / "root" / "warehouse" / "silver"
    before = {name: sorted(map(str, rows(events / name))) for name in ("consent", "purchase", "customer_identity")}
    assert answer(capsys, root, "group", "A1")["consents"] == [{"channel": "sms", "purpose": "marketing", "granted": False, "parties": 2}]
    assert answer(capsys, root, "run")["nothing_new"] is True

    (root / "conf" / "identity" / "decisions.yml").write_text(SEPARATE, encoding="utf-8")
    parted = answer(capsys, root, "run", conf=True)
    assert (parted["persons"], parted["nothing_new"]) == (3, False)
    assert answer(capsys, root, "group", "A1")["consents"] == [{"channel": "sms", "purpose": "marketing", "granted": True, "parties": 1}]
    assert {name: sorted(map(str, rows(events / name))) for name in before} == before, "nothing is rewritten"

    (root / "conf" / "identity" / "decisions.yml").write_text("decisions: []\n", encoding="utf-8")
    assert answer(capsys, root, "run", conf=True)["persons"] == 2
    assert table(root, PROFILE_EDGE) == merged, "taking the decision back gives exactly what was"


def test_questions(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    near = answer(capsys, root, "neighbours", "A1")
    assert (near["count"], [row["account_id"] for row in near["neighbours"]]) == (2, ["A2", "A3"])
    assert near["neighbours"][0]["similarity"] == pytest.approx(1001 / 1002, abs=1e-6)
    group = answer(capsys, root, "group", "A2")
    assert group["person"] == "PD2"
    assert {row["account_id"] for row in group["accounts"]} == {"A1", "A2"}
    assert group["total"] == {"accounts": 2, "energy_kwh_365d": 2001.0, "bill_amount_365d": 1001.0, "arrears_amount": None}
    assert {row["party_id"]: row["rule"] for row in group["parties"]} == {"PD2": "document", "PY1": "document"}
    alike = answer(capsys, root, "alike", "A1", "--limit", "1")
    assert [row["account_id"] for row in alike["nearest"]] == ["A2"]
    influence = answer(capsys, root, "influence", "PR1", "--days", "30", "--rounds", "19")
    assert (influence["takers"], influence["after_another"], influence["within_person"]) == (2, 1, 1)
    assert [(row["account_id"], row["followers"]) for row in influence["most_followed"]] == [("A1", 1)]
    assert (influence["ratio"], influence["chance"]) == (1.0, 1.0), "all live at one transformer: any dealing gives the same"


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["neighbours", "A9"], 2, "account A9 is not in the graph of 2026-03-31"),
        (["influence", "PR9"], 2, "nobody had bought PR9 by 2026-03-31"),
        (["group", "A1", "--as-of", "2020-01-01"], 3, "there is no graph of 2020-01-01: run `gridlens graph run --as-of 2020-01-01` first"),
    ],
    ids=["account", "product", "day"],
)
def test_mistakes_are_one_sentence(root: Path, capsys: pytest.CaptureFixture[str], words: list[str], code: int, sentence: str) -> None:
    assert main(["graph", *words, "--root-dir", str(root / "root"), "--profile", "local"]) == code
    assert sentence in capsys.readouterr().err


@pytest.mark.prove
def test_what_is_known_later_counts_later(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    later = answer(capsys, root, "run", "--as-of", "2026-03-31", "--known-at", "2026-04-03T00:00:00Z")
    assert (later["persons"], later["linked"], later["edges"]["bought"]) == (1, {"document": 2, "phone_and_kind": 1}, 3)
    assert answer(capsys, root, "run")["persons"] == 2, "the other moment stays as it was"
    assert answer(capsys, root, "group", "A3")["person"] == "PD2", "asked is the newest moment"
    assert main(["graph", "alike", "A1", "--root-dir", str(root / "root"), "--profile", "local"]) == 3
    assert "there are no account features of 2026-03-31: run `gridlens features" in capsys.readouterr().err
