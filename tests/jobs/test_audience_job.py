"""Audiences through the command line on a small warehouse: counts, snapshots, suppressions as known then, tags past their time."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
import yaml
from audience_world import ACCOUNTS, AS_OF, EARLIER, KNOWN_AT, KNOWN_EARLIER, account, catalogue_row, feature_rows, fill, write_conf
from delta_files import commits, rows
from delta_writer import put
from gridlens.cli import main
from gridlens.conffiles import packaged
from gridlens.contracts.account_feature import ACCOUNT_FEATURE
from gridlens.contracts.graph import IDENTITY_LINK
from gridlens.contracts.ops import RUN_LOG
from gridlens.contracts.segment import SEGMENT
from gridlens.contracts.tag import TAG_CATALOGUE, TAG_VALUE
from gridlens.pipelines.audience import run_build
from gridlens.pipelines.declared import tag_library
from gridlens.settings import Settings, load_settings
from gridlens.warehouse import Warehouse
from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark


@pytest.fixture(scope="module")
def filled(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A warehouse of forty accounts, see audience_world."""
    conf = tmp_path_factory.mktemp("conf")
    write_conf(conf)
    settings = load_settings("local", conf, {"root_dir": str(tmp_path_factory.mktemp("audience"))})
    fill(settings)
    return settings


def command(settings: Settings, capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> Any:
    """What a command gives as JSON, or, where it fails, what it says."""
    given = ["--root-dir", str(settings.root_dir), "--conf", str(settings.conf_dir)]
    capsys.readouterr()
    assert main(["audience", *arguments, *given, *([] if code else ["--json"])]) == code
    told = capsys.readouterr()
    return told.err if code else json.loads(told.out)


def shown_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRIDLENS_MIN_GROUP", "0")


def members(settings: Settings, name: str, as_of: dt.date = AS_OF) -> list[int]:
    found = rows(Path(settings.warehouse) / "gold" / "audience_v1")
    return sorted(int(row["account_id"][1:]) for row in found if (row["audience"], row["as_of"]) == (name, as_of))


def test_counts_say_what_each_suppression_removed(
    filled: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    hidden = command(filled, capsys, "count", "debtors")
    assert [hidden["sizes"][0][name] for name in ("matched", "removed", "members")] == ["hidden", "hidden", 25]
    assert {row["removed"] for row in hidden["removals"]} == {"<15"}
    shown_everything(monkeypatch)
    found = command(filled, capsys, "count", "debtors", "big_debtors")
    assert (found["as_of"], found["accounts"], found["expired"]) == ("2026-03-31", ACCOUNTS, [])
    sizes = {row["audience"]: (row["matched"], row["removed"], row["members"], row["outside"]) for row in found["sizes"]}
    # 10 to 39 owe; P014 refused, P016 never answered, P018 withdrew, 12 complains, 22 had a message the day before.
    assert sizes == {"debtors": (30, 5, 25, 15), "big_debtors": (20, 0, 20, None)}
    assert [(row["suppression"], row["alone"], row["removed"]) for row in found["removals"]] == [
        ("no_consent", 3, 3),
        ("open_complaint", 1, 1),
        ("recently_contacted", 1, 1),
    ]
    assert command(filled, capsys, "count", "--where", "debtors and not big_debtors")["sizes"][0]["members"] == 10


def test_a_snapshot_is_kept_and_built_once(
    spark: SparkSession, filled: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown_everything(monkeypatch)
    built = command(filled, capsys, "build")
    assert (built["nothing_new"], len(built["sizes"])) == (False, 3)
    expected = sorted(set(range(10, 40)) - {12, 14, 16, 18, 22})
    assert members(filled, "debtors") == expected
    assert members(filled, "big_debtors") == list(range(20, 40))
    snapshot = {row["audience"]: row for row in rows(Path(filled.warehouse) / "gold" / "audience_snapshot_v1")}["debtors"]
    assert (snapshot["accounts"], snapshot["matched"], snapshot["size"], snapshot["outside"]) == (ACCOUNTS, 30, 25, 15)
    assert snapshot["matched"] == sum(one["removed"] for one in snapshot["removals"]) + snapshot["size"]

    before = len(commits(Path(filled.warehouse) / "gold" / "audience_v1"))
    again = command(filled, capsys, "build")
    assert (again["nothing_new"], sorted(again["unchanged"])) == (True, ["big_debtors", "debtors", "large_homes"])
    assert len(commits(Path(filled.warehouse) / "gold" / "audience_v1")) == before

    # Parties found to be one person: P026's consent does not outweigh P014's refusal. The run that found it out is in the run log.
    links = [{"party_id": party, "as_of": AS_OF, "known_at": KNOWN_AT, "person_id": "P014", "parties": 2} for party in ("P014", "P026")]
    put(filled, IDENTITY_LINK, links)
    ran = {"run_id": "r1", "job": "graph", "outcome": "succeeded", "started_at": KNOWN_AT, "ended_at": KNOWN_AT}
    put(filled, RUN_LOG, [ran])
    third = command(filled, capsys, "build", "debtors")
    assert not third["nothing_new"]
    assert members(filled, "debtors") == [n for n in expected if n != 26]
    assert members(filled, "big_debtors") == list(range(20, 40)), "what was not asked for stays"

    # A run of another definition dies after its members, before their snapshot; then the definition is put back.
    own = Path(filled.conf_dir) / "audiences" / "own.yml"
    as_it_was = own.read_text(encoding="utf-8")
    own.write_text(as_it_was.replace("energy_kwh_90d >= 10", "energy_kwh_90d >= 30"), encoding="utf-8")
    with monkeypatch.context() as patch:
        patch.setattr("gridlens.pipelines.audience._snapshot", Mock(side_effect=KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            run_build(spark, filled, ["debtors"], say=lambda text: None)
    own.write_text(as_it_was, encoding="utf-8")
    assert min(members(filled, "debtors")) == 30
    assert command(filled, capsys, "build", "debtors")["unchanged"] == []
    assert members(filled, "debtors") == [n for n in expected if n != 26]


def test_explained_term_by_term_and_for_one_account(
    filled: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    hidden = command(filled, capsys, "explain", "debtors")
    assert [(row["holds"], row["unknown"], row["remaining"]) for row in hidden["terms"]] == [("hidden", 0, "hidden")] * 2
    shown_everything(monkeypatch)
    found = command(filled, capsys, "explain", "big_debtors")
    assert [(row["term"], row["holds"], row["remaining"]) for row in found["terms"]] == [
        ("debtors", 30, 30),
        ("energy_kwh_90d >= 20", 20, 20),
    ]
    one = command(filled, capsys, "explain", "debtors", "--account", account(14))
    assert (one["member"], one["matches"], one["suppressions"]) == (False, True, ["no_consent"])
    assert [(term["holds"], term["values"]) for term in one["terms"]] == [
        (True, {"in_arrears": True}),
        (True, {"energy_kwh_90d": 14.0}),
    ]
    other = command(filled, capsys, "explain", "debtors", "--account", account(3))
    assert (other["member"], [term["holds"] for term in other["terms"]]) == (False, [False, False])
    assert "account A999 is not known as of 2026-03-31" in command(filled, capsys, "explain", "debtors", "--account", "A999", code=2)


def test_overlap_and_territory(filled: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    shown_everything(monkeypatch)
    command(filled, capsys, "build")
    found = command(filled, capsys, "overlap", "debtors", "big_debtors")
    common = set(members(filled, "debtors")) & set(members(filled, "big_debtors"))
    by_unit = {row["org_unit_id"]: row["accounts"] for row in found["shared"]}
    assert by_unit == {"all": len(common), "U1": len([n for n in common if n % 2 == 0]), "U2": len([n for n in common if n % 2])}
    assert {row["teams"] for row in found["shared"]} == {"key_accounts, collection"}
    assert [tuple(row.values()) for row in found["outside"]] == [("debtors", "all", 15), ("debtors", "U2/N1", 15)]
    monkeypatch.setenv("GRIDLENS_MIN_GROUP", "12")
    hidden = {row["org_unit_id"]: row["accounts"] for row in command(filled, capsys, "overlap", "debtors", "big_debtors")["shared"]}
    assert hidden == {"all": len(common), "others": len(common)}
    assert "no snapshots of these audiences of 2025-01-01" in command(filled, capsys, "overlap", "--as-of", "2025-01-01", code=2)


def test_expired_tags_are_not_served(
    spark: SparkSession, filled: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown_everything(monkeypatch)
    later, known = dt.date(2026, 4, 1), KNOWN_AT + dt.timedelta(days=1)  # four days after the tags, which live for three
    warehouse = Warehouse(spark, filled)
    put(filled, ACCOUNT_FEATURE, feature_rows(later, known))
    try:
        found = command(filled, capsys, "count")
        sizes = {row["audience"]: row["members"] for row in found["sizes"]}
        assert found["expired"] == ["in_arrears", "open_complaint"]
        assert sizes == {"debtors": 0, "big_debtors": 0, "large_homes": 35}
        unknown = command(filled, capsys, "count", "--where", "in_arrears is null and in_arrears is not true")
        assert unknown["sizes"][0]["members"] == ACCOUNTS
        never = command(filled, capsys, "count", "--where", "not open_account or energy_kwh_90d >= 30")
        assert (never["never_computed"], never["sizes"][0]["members"]) == (["open_account"], 10)
        assert command(filled, capsys, "count", "debtors", "--as-of", "2026-03-31")["expired"] == []
    finally:
        warehouse.delete(ACCOUNT_FEATURE, where={"as_of": [later]})


def test_segments_of_the_moment_are_read(
    spark: SparkSession, filled: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown_everything(monkeypatch)
    where = "segment_load_shape = 'load_shape-01' and energy_kwh_90d >= 3"
    assert command(filled, capsys, "count", "--where", where)["never_computed"] == ["segment_load_shape"]
    now, then = {"as_of": AS_OF, "known_at": KNOWN_AT}, {"as_of": EARLIER, "known_at": KNOWN_EARLIER}
    found = [("load_shape", "load_shape-01", n, now) for n in range(5)] + [("load_shape", "load_shape-02", 5, now)]
    found += [("service_behaviour", "load_shape-01", 6, now), ("load_shape", "load_shape-01", 7, then)]
    put(
        filled,
        SEGMENT,
        [{"segmentation": name, "segment_id": segment, "account_id": account(n), **at} for name, segment, n, at in found],
    )
    counted = command(filled, capsys, "count", "--where", where)
    assert (counted["never_computed"], counted["sizes"][0]["members"]) == ([], 2)


def test_the_past_is_told_by_the_changes_of_tags(
    spark: SparkSession, filled: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tags stand as of EARLIER; the day before it only what the changes said then counts."""
    shown_everything(monkeypatch)
    before, known = dt.date(2026, 3, 27), dt.datetime(2026, 3, 28, 16, tzinfo=dt.UTC)
    library = tag_library(filled)
    put(filled, ACCOUNT_FEATURE, feature_rows(before, known))
    put(filled, TAG_CATALOGUE, [catalogue_row(library.tag("in_arrears"), before, known)])
    changes = [(20, before, known, True), (21, before, known, True), (21, EARLIER, KNOWN_EARLIER, False), (22, before, known, None)]
    put(
        filled,
        TAG_VALUE,
        [
            {"account_id": account(n), "tag_id": "in_arrears", "valid_from": day, "known_from": moment, "value_boolean": value}
            for n, day, moment, value in changes
        ],
    )
    day = str(before)
    assert command(filled, capsys, "count", "--where", "in_arrears", "--as-of", day)["sizes"][0]["members"] == 2
    assert command(filled, capsys, "count", "--where", "not in_arrears", "--as-of", day)["sizes"][0]["members"] == ACCOUNTS - 3
    assert command(filled, capsys, "count", "--where", "in_arrears is null", "--as-of", day)["sizes"][0]["members"] == 1


def test_what_cannot_be_answered_says_why(filled: Settings, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert "audience debtor is not defined; did you mean debtors?" in command(filled, capsys, "count", "debtor", code=2)
    assert "not both" in command(filled, capsys, "count", "debtors", "--where", "in_arrears", code=2)
    assert "there are no account features of 2020-01-01" in command(filled, capsys, "build", "--as-of", "2020-01-01", code=3)
    assert "option --where: the expression" in command(filled, capsys, "explain", "--where", "in_arrear", code=2)
    listed = command(filled, capsys, "list")
    assert [row["audience"] for row in listed] == ["big_debtors", "debtors", "large_homes"]
    assert command(filled, capsys, "check") == {"audiences": 3, "suppressions": 3}


def test_the_packaged_audiences_hold_together() -> None:
    files = (packaged() / "audiences").glob("*.yml")
    defined = [one for file in files for one in yaml.safe_load(file.read_text("utf-8"))["audiences"]]
    assert len(defined) >= 12
    for one in defined:
        marketing = one.get("purpose") == "marketing"
        assert not marketing or {"no_consent", "open_complaint"} <= set(one["suppressions"]), one["id"]
