"""The trajectory job through the command line: months, paths, stages, what a late payment changes, and runs that die."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from delta_files import commits, rows
from delta_writer import put
from gridlens.cli import main
from gridlens.contracts.bronze import BRONZE
from gridlens.contracts.silver import SILVER
from gridlens.contracts.trajectory import PATH_PATTERN, STAGE_TRANSITION, TRAJECTORY
from gridlens.settings import Settings, load_settings
from gridlens.warehouse import Warehouse
from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark
KNOWN = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
LATE = dt.datetime(2026, 4, 20, tzinfo=dt.UTC)
LEAVE = ("A00", "A01", "A02", "A03", "A04", "A05")
ACCOUNTS = [f"A{n:02d}" for n in range(40)]


def moment(day: str, hour: int = 2) -> dt.datetime:
    return dt.datetime.combine(dt.date.fromisoformat(day), dt.time(hour), dt.UTC)


def row(known: dt.datetime = KNOWN, **values: Any) -> dict[str, Any]:
    """A row of a silver table."""
    return {**values, "known_from": known, "_content_hash": hash(repr(sorted(values.items())))}


def fill(settings: Settings, table: str, found: list[dict[str, Any]]) -> None:
    put(settings, SILVER[table], found, currency="CNY")


def account(name: str) -> dict[str, Any]:
    opened = dt.date(2020, 1, 1)
    stated = {"party_kind": "person", "category": "residential", "billing_kind": "postpaid", "area_id": "AR1", "org_unit_id": "OU1"}
    closed = {"closed_on": dt.date(2026, 2, 20)} if name in LEAVE else {}
    return row(account_id=name, party_id=f"P{name}", opened_on=opened, valid_from=opened, **stated, **closed)


def bill(name: str, month: int) -> dict[str, Any]:
    start = dt.date(2025, month, 1)
    days = {"period_start": start, "period_end": start.replace(day=28), "issued_on": start.replace(day=5), "due_on": start.replace(day=20)}
    return row(bill_id=f"{name}/{month}", account_id=name, quantity_kwh=Decimal(1), amount=Decimal(100), **days)


def payment(number: str, name: str, bill_id: str, day: str, known: dt.datetime = KNOWN) -> dict[str, Any]:
    paid = {"paid_at": moment(day), "amount": Decimal(100), "channel": "app"}
    return row(known, payment_id=number, account_id=name, bill_id=bill_id, **paid)


def ticket(name: str, kind: str, day: str) -> dict[str, Any]:
    return row(event_id=f"{name}/{kind}", account_id=name, kind=kind, channel="app", opened_at=moment(day))


def quote(name: str, day: str) -> dict[str, Any]:
    seen = {"occurred_at": moment(day), "channel": "market", "kind": "quote_received"}
    return row(interaction_id=f"{name}/quote", account_id=name, **seen)


@pytest.fixture(scope="module")
def settings(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A warehouse whose leavers had a quote and then a complaint; A10 never paid its bill of October, as far as is known."""
    settings = load_settings("local", overrides={"root_dir": str(tmp_path_factory.mktemp("trajectory"))})
    fill(settings, "account", [account(name) for name in ACCOUNTS])
    fill(settings, "bill", [bill(name, month) for name in ("A10", "A11") for month in (9, 10)])
    paid = [
        payment("p1", "A10", "A10/9", "2025-09-10"),
        payment("p2", "A11", "A11/9", "2025-09-25"),
        payment("p3", "A11", "A11/10", "2025-10-06"),
    ]
    fill(settings, "payment", paid)
    tickets = [ticket(name, "complaint", "2026-02-05") for name in (*LEAVE, "A20")]
    fill(settings, "service_event", [*tickets, ticket("A21", "fault_report", "2026-01-10")])
    fill(settings, "interaction", [quote(name, "2026-01-15") for name in (*LEAVE, "A22")])
    return settings


def call(settings: Settings, capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    """A command's JSON."""
    capsys.readouterr()
    assert main(["trajectory", *arguments, "--json", "--root-dir", settings.root_dir]) == 0
    return json.loads(capsys.readouterr().out)


def run(settings: Settings, capsys: pytest.CaptureFixture[str], *more: str) -> dict[str, Any]:
    return call(settings, capsys, "run", "--as-of", "2026-03-31", *more)


def gold(settings: Settings, name: str) -> list[dict]:
    return rows(Path(settings.warehouse) / "gold" / name)


def events(settings: Settings) -> list[tuple]:
    return sorted((r["account_id"], str(r["local_date"]), r["event_type"], r["source_id"]) for r in gold(settings, TRAJECTORY.name))


def test_the_first_run(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    result = run(settings, capsys)
    counted = Counter(kind for _, _, kind, _ in events(settings))
    assert counted == {
        "account_opened": 40,
        "account_closed": 6,
        "bill_issued": 4,
        "payment": 2,
        "late_payment": 1,
        "bill_overdue": 2,
        "bill_in_arrears": 1,
        "complaint": 7,
        "fault_report": 1,
        "quote_received": 7,
    }
    assert {item["event_type"]: item["events"] for item in result["types"]} == counted
    assert result["events"] == counted.total()
    assert result["months"] == len({r["local_month"] for r in gold(settings, TRAJECTORY.name)})
    assert not result["nothing_new"]


def test_paths_to_leaving(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    (best,) = call(settings, capsys, "paths", "leaving")
    assert best["path"] == "quote_received > complaint"
    assert (best["with_outcome"], best["outcome_accounts"], best["without_outcome"], best["compared_accounts"]) == (6, 6, 0, 34)
    assert (best["support"], best["lift"], best["median_days"]) == (1.0, None, 36.0)
    assert call(settings, capsys, "paths", "arrears") == []


def test_stages(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    found = {(r["from_stage"], r["to_stage"]): r["accounts"] for r in call(settings, capsys, "stages")}
    assert found == {("closed", "closed"): 6, ("in_arrears", "in_arrears"): 1, ("at_risk", "at_risk"): 2, ("active", "active"): 31}
    months = {str(r["local_month"]) for r in call(settings, capsys, "stages", "--months", "3")}
    assert months == {"2026-01-01", "2026-02-01", "2026-03-01"}
    shares = Counter()
    for r in gold(settings, STAGE_TRANSITION.name):
        shares[r["local_month"], r["from_stage"]] += r["share"]
    assert all(share == pytest.approx(1.0) for share in shares.values())


def test_an_account_is_shown(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    shown = call(settings, capsys, "show", "A10")
    kinds = [r["event_type"] for r in shown]
    assert kinds == ["account_opened", "bill_issued", "payment", "bill_issued", "bill_overdue", "bill_in_arrears"]
    assert shown[-1]["name_zh"] == "欠费"
    assert shown[-1]["occurred_at"] == "2025-11-19T15:59:59Z"
    assert shown[-1]["amount"] == "100.00"
    part = call(settings, capsys, "show", "A10", "--from", "2025-10-01", "--to", "2025-10-21", "--limit", "1")
    assert [r["event_type"] for r in part] == ["bill_overdue"]


def test_a_second_run_has_nothing_to_do(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    before = {name: len(commits(Path(settings.warehouse) / "gold" / name)) for name in (TRAJECTORY.name, PATH_PATTERN.name)}
    result = run(settings, capsys)
    assert result["nothing_new"]
    assert result["months"] == 0
    assert result["events"] == len(events(settings))
    assert {name: len(commits(Path(settings.warehouse) / "gold" / name)) for name in before} == before


class Crash(Exception):
    """What stands for a dying driver inside this process."""


@pytest.mark.prove
def test_a_payment_known_late_and_a_run_that_dies(spark: SparkSession, settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    """A run for a later moment writes the months that the payment concerns and dies: the run for the moment before puts them right."""
    run(settings, capsys)
    before = events(settings)
    whole = {name: gold(settings, name) for name in (TRAJECTORY.name, PATH_PATTERN.name, STAGE_TRANSITION.name)}
    fill(settings, "payment", [payment("p9", "A10", "A10/10", "2025-10-19", known=LATE)])
    assert run(settings, capsys)["nothing_new"], "what becomes known later is not seen"

    replace = Warehouse.replace

    def dying(self: Warehouse, table: Any, *arguments: Any, **options: Any) -> None:
        if table == PATH_PATTERN:
            raise Crash
        replace(self, table, *arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Warehouse, "replace", dying)
        patch.setattr("gridlens.runs._record", lambda *_, **__: None)  # nor does it get to record its failure
        later = ("--as-of", "2026-03-31", "--known-at", "2026-04-30T00:00:00Z")
        assert main(["trajectory", "run", *later, "--root-dir", settings.root_dir]) != 0
    after = events(settings)
    assert set(before) - set(after) == {
        ("A10", "2025-10-21", "bill_overdue", "A10/10"),
        ("A10", "2025-11-19", "bill_in_arrears", "A10/10"),
    }
    assert set(after) - set(before) == {("A10", "2025-10-19", "payment", "p9")}
    last = commits(Path(settings.warehouse) / "gold" / TRAJECTORY.name)[-1]
    written = {action["path"].split("/")[0] for action in (*last.adds, *last.removes)}
    assert written == {"local_month=2025-10-01", "local_month=2025-11-01"}, "no other month is written"

    assert not run(settings, capsys)["nothing_new"], "the run log alone would say that everything stands"
    for name, expected in whole.items():
        assert sorted(map(repr, gold(settings, name))) == sorted(map(repr, expected)), name


@pytest.mark.prove
def test_a_rejected_payment_takes_back_that_its_bill_is_overdue(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    before = events(settings)
    put(settings, BRONZE["payment"], [payment("p8", "A10", "A10/10", "2025-10-19")], _rejected=True)
    assert not run(settings, capsys)["nothing_new"]
    assert set(before) - set(events(settings)) == {
        ("A10", "2025-10-21", "bill_overdue", "A10/10"),
        ("A10", "2025-11-19", "bill_in_arrears", "A10/10"),
    }


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["paths", "complaints"], "outcome complaints is unknown; did you mean complaint?"),
        (["show", "A99"], "account A99 is not known"),
        (["run"], "nothing says which day is meant: give --as-of, or run `gridlens features` first"),
    ],
)
def test_mistakes_are_told(settings: Settings, capsys: pytest.CaptureFixture[str], arguments: list[str], sentence: str) -> None:
    assert main(["trajectory", *arguments, "--root-dir", settings.root_dir]) != 0
    assert sentence in capsys.readouterr().err


def test_before_anything_was_computed(spark: SparkSession, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, sentence in (
        (["stages"], "run `gridlens trajectory run` first"),
        (["run"], "there are no accounts in the warehouse yet"),
    ):
        assert main(["trajectory", *arguments, "--root-dir", str(tmp_path)]) != 0
        assert sentence in capsys.readouterr().err
