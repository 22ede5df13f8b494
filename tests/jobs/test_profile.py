"""The profile of one account of a warehouse of a few rows: figures by hand, nothing of the future, nothing personal."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from delta_writer import put
from gridlens.cli import main
from gridlens.contracts.account_feature import ACCOUNT_FEATURE
from gridlens.contracts.bronze import BRONZE
from gridlens.contracts.segment import SEGMENT, SEGMENT_PROFILE
from gridlens.contracts.silver import (
    ACCOUNT_TABLE,
    CALENDAR,
    CUSTOMER_IDENTITY,
    INTERVAL_DAY,
    INTERVAL_DAY_SUPERSEDED,
    METERING_POINT,
    REGISTER_READING,
    SERVICE_EVENT,
    SILVER,
    TARIFF,
)
from gridlens.contracts.tag import TAG_CATALOGUE, tag_current_table
from gridlens.contracts.trajectory import TRAJECTORY
from gridlens.pipelines.declared import tag_library
from gridlens.pipelines.moments import knowledge_of_day
from gridlens.settings import Settings, load_settings
from gridlens.tables import Table
from gridlens.warehouse import Warehouse
from pyspark.sql import SparkSession

AS_OF = dt.date(2026, 3, 31)
SOON, LATER = dt.datetime(2026, 1, 1, tzinfo=dt.UTC), dt.datetime(2026, 5, 1, tzinfo=dt.UTC)
NAME, PHONE, DOCUMENT, ADDRESS = "张三丰", "10012345678", "000000196501011234", "样例市第1区0001路12号"
PERSONAL = (NAME, PHONE, DOCUMENT, ADDRESS, "12号", "1965", "她说了秘密")

pytestmark = pytest.mark.spark


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def moment(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


class Filler:
    """Appends rows of which only what matters is given."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def add(self, table: Table, *rows: dict[str, Any]) -> None:
        put(self.settings, table, rows, known_from=SOON, currency="CNY")


def account(name: str, **changes: Any) -> dict[str, Any]:
    return {
        "account_id": name,
        "party_id": f"PY{name}",
        "party_kind": "person",
        "category": "residential",
        "billing_kind": "postpaid",
        "autopay": False,
        "opened_on": day("2020-01-01"),
        "area_id": "AR01",
        "org_unit_id": "OU001",
        "valid_from": day("2020-01-01"),
        **changes,
    }


def block(on: str, values: list[float], channel: str = "1.8.0", **changes: Any) -> dict[str, Any]:
    return {
        **changes,
        "metering_point_id": "P1",
        "channel": channel,
        "local_date": day(on),
        "local_month": day(on).replace(day=1),
        "zone": "Asia/Shanghai",
        "resolution_minutes": 60,
        "start_utc": moment(f"{on}T00:00:00") - dt.timedelta(hours=8),
        "values": values,
        "quality": [0] * len(values),
        "energy_kwh": sum(values),
        "max_kwh": max(values),
        "multiplier": 1.0,
    }


def reading(on: str, total: str, **changes: Any) -> dict[str, Any]:
    key = {"metering_point_id": "P1", "meter_id": "M1", "channel": "1.8.0", "read_date": day(on), "read_kind": "scheduled"}
    return {**key, "reading_total": Decimal(total), "local_month": day(on).replace(day=1), **changes}


def bill(name: str, month: str, amount: str, due: str) -> dict[str, Any]:
    start = day(f"{month}-01")
    issued = (start + dt.timedelta(days=40)).replace(day=2)
    return {
        "bill_id": name,
        "account_id": "1001",
        "period_start": start,
        "period_end": start + dt.timedelta(days=27),
        "issued_on": issued,
        "due_on": day(due),
        "quantity_kwh": Decimal("100.000"),
        "amount": Decimal(amount),
    }


def paid(name: str, to: str, amount: str, at: str) -> dict[str, Any]:
    return {"payment_id": name, "account_id": "1001", "bill_id": to, "paid_at": moment(at), "amount": Decimal(amount), "channel": "wechat"}


def features(name: str, **changes: Any) -> dict[str, Any]:
    own = {k: v for k, v in account(name).items() if k != "valid_from"}
    at = {"as_of": AS_OF, "known_at": moment("2026-04-01T16:00:00"), "voltage_level": "0.22kV", "is_open": True, "transformer_id": "T1"}
    return {**own, **at, "peer_group": "residential", **changes}


@pytest.fixture(scope="module")
def filled(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    settings = load_settings("local", overrides={"root_dir": str(tmp_path_factory.mktemp("profile"))})
    assert knowledge_of_day(AS_OF, settings) == moment("2026-04-01T16:00:00")
    fill = Filler(settings)
    fill.add(ACCOUNT_TABLE, account("1001"), account("1002"), account("1003", known_from=LATER))
    who = {"account_id": "1001", "party_id": "PY1001", "phone": PHONE, "document_number": DOCUMENT, "address": ADDRESS, "birth_year": 1965}
    fill.add(
        CUSTOMER_IDENTITY,
        {**who, "name": NAME, "valid_from": day("2020-01-01")},
        {**who, "name": "李四", "valid_from": day("2026-02-01"), "known_from": LATER},
    )
    network = {"transformer_id": "T1", "feeder_id": "F1", "area_id": "AR01", "voltage_level": "0.22kV", "tariff_id": "tou", "has_pv": True}
    ratios = {"ct_ratio": 1.0, "pt_ratio": 1.0, "multiplier": 1.0, "contract_capacity_kva": 8.0, "valid_from": day("2020-01-01")}
    fill.add(METERING_POINT, {"metering_point_id": "P1", "account_id": "1001", "meter_id": "M1", **network, **ratios})
    noon = [0.0] * 24
    noon[12] = 2.0
    fill.add(
        INTERVAL_DAY,
        block("2026-03-29", [0.25] * 24),
        block("2026-03-30", [9.0] * 24, known_from=LATER),
        block("2026-03-31", [3.0] * 24),
        block("2026-03-31", noon, "2.8.0"),
        block("2026-04-01", [50.0] * 24),
    )
    fill.add(INTERVAL_DAY_SUPERSEDED, block("2026-03-30", [1.0] * 24))
    fill.add(
        REGISTER_READING,
        reading("2026-03-26", "100"),
        reading("2026-03-27", "107"),
        reading("2026-03-29", "121"),
        reading("2026-03-30", "500", known_from=LATER),
    )
    kinds = {"2026-03-29": "weekend", "2026-03-30": "working", "2026-03-31": "working"}
    fill.add(CALENDAR, *({"calendar_id": "CN", "local_date": day(on), "day_type": kind} for on, kind in kinds.items()))
    periods = ["valley"] * 32 + ["peak"] * 64
    fill.add(TARIFF, {"tariff_id": "tou", "valid_from": day("2020-01-01"), "month": 3, "periods": periods})
    fill.add(
        SILVER["bill"],
        bill("B1", "2026-01", "60.00", "2026-02-20"),
        bill("B2", "2026-02", "80.00", "2026-03-20"),
        bill("B3", "2026-03", "90.00", "2026-04-20"),
    )
    fill.add(
        SILVER["payment"],
        paid("Y1", "B1", "20.00", "2026-02-10T02:00:00"),
        paid("Y2", "B1", "40.00", "2026-02-24T17:00:00"),
        paid("Y3", "B2", "80.00", "2026-03-31T17:00:00"),
    )
    rejected = {**paid("Y4", "B2", "80.00", "2026-03-15T02:00:00"), "known_from": LATER, "_rejected": True}
    fill.add(BRONZE["payment"], rejected)
    call = {"account_id": "1001", "kind": "complaint", "channel": "app", "transcript": "她说了秘密"}
    fill.add(
        SERVICE_EVENT,
        {
            **call,
            "event_id": "E1",
            "opened_at": moment("2026-03-10T01:00:00"),
            "closed_at": moment("2026-03-11T01:00:00"),
            "satisfaction": 2,
        },
        {**call, "event_id": "E2", "opened_at": moment("2026-03-31T17:00:00")},
    )
    names = {"name_zh": "家用充电桩", "name_en": "Charger", "category": "ev_charging", "valid_from": day("2020-01-01")}
    fill.add(SILVER["product"], {"product_id": "D1", **names})
    bought = {"account_id": "1001", "product_id": "D1", "purchased_on": day("2026-03-01"), "quantity": 1, "channel": "app"}
    fill.add(SILVER["purchase"], {"purchase_id": "U1", "amount": Decimal("2900.00"), "ended_on": day("2026-06-01"), **bought})
    own = {"energy_kwh_365d": 1234.0, "energy_kwh_365d_percentile": 0.75, "arrears_amount": 80.0, "days_outstanding": 11}
    fill.add(ACCOUNT_FEATURE, features("1001", **own), features("1002", party_id="PY1001", energy_kwh_365d=500.0))
    at = {"as_of": AS_OF, "known_at": moment("2026-04-01T16:00:00"), "segmentation": "behaviour", "segment_id": "behaviour-03"}
    fill.add(SEGMENT, {"account_id": "1001", **at, "confidence": 0.6})
    fill.add(SEGMENT_PROFILE, {**at, **segment_rest(), "name_zh": "夜间用电", "name_en": "night-heavy"})
    fill_tags(fill, settings)
    seen = {"account_id": "1001", "event_type": "view", "channel": "app", "object": "bill", "source_table": "interaction"}
    event = {**seen, "local_date": day("2026-03-05"), "local_month": day("2026-03-01"), "occurred_at": moment("2026-03-05T03:00:00")}
    fill.add(TRAJECTORY, *({**event, "source_id": f"I{n}"} for n in range(3)), {**event, "source_id": "I9", "known_from": LATER})
    return settings


def segment_rest() -> dict[str, Any]:
    """The fields of a segment's profile that the page does not show."""
    given: dict[str, Any] = {"since": AS_OF, "continuity": "new"}
    lists = {f.name: [] for f in SEGMENT_PROFILE.fields if f.type.startswith("array") and not f.nullable}
    return {**lists, **given}


def fill_tags(fill: Filler, settings: Settings) -> None:
    """payment_punctuality holds, payment_speed was computed longer ago than it lives."""
    library = tag_library(settings)
    at = {"as_of": AS_OF, "known_at": moment("2026-04-01T16:00:00")}
    values = {"payment_punctuality": "often_late", "payment_speed": "after_it"}
    fill.add(tag_current_table(library.columns), {"account_id": "1001", **at, **values})
    common = {"value_type": "text", "kind": "statistical", "category": "basic", "sensitivity": "internal", "refresh": "daily"}
    days = {"payment_punctuality": AS_OF, "payment_speed": AS_OF - dt.timedelta(days=41)}
    rows = ({**common, **at, "tag_id": tag, "as_of": on, "inputs": [], "drift_warning": False} for tag, on in days.items())
    fill.add(TAG_CATALOGUE, *rows)


def told(settings: Settings, capsys: pytest.CaptureFixture[str], *options: str) -> dict[str, Any]:
    capsys.readouterr()
    assert main(["profile", "1001", "--json", "--root-dir", str(settings.root_dir), *options]) == 0
    return json.loads(capsys.readouterr().out)


def test_the_picture_by_hand(filled: Settings, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    html = tmp_path / "page.html"
    got = told(filled, capsys, "--html", str(html))

    assert (got["as_of"], got["known_at"]) == ("2026-03-31", "2026-04-01T16:00:00+00:00")
    assert got["identity"] == {
        "name": "张*",
        "phone": "100****5678",
        "address": "样例市第1区0001路***",
        "document": "**** 1234",
        "born": "1960s",
    }
    assert [point["metering_point_id"] for point in got["points"]] == ["P1"]

    typical = got["typical_day"]
    assert (typical["working_days"], typical["resting_days"]) == (2, 1)
    assert set(typical["working"]) == {2.0}, "the mean of 1 and 3 kW"
    assert set(typical["resting"]) == {0.25}
    assert typical["export"] == [0.0] * 48 + [2.0] * 4 + [0.0] * 44
    assert typical["periods"][31:33] == ["valley", "peak"]

    year = got["year"]
    assert (year["first"], len(year["kwh"])) == ("2025-04-01", 365)
    assert year["kwh"][-6:] == [None, 7.0, 7.0, 7.0, 24.0, 72.0], "a gap spread, then days that only intervals tell"
    assert [len(row) for row in year["hours"][-4:]] == [0, 24, 24, 24]
    assert year["day_types"][-4:] == [None, "weekend", "working", "working"]

    bills = {row["bill_id"]: (row["state"], row["days_late"], row["settled_on"], row["paid"]) for row in got["bills"]}
    assert bills == {"B1": ("late", 5, "2026-02-25", "60.00"), "B2": ("overdue", 11, None, "0")}
    assert [row["on"] for row in got["payments"]] == ["2026-02-25", "2026-02-10"]
    assert [(row["on"], row["kind"], row["satisfaction"], row["closed"]) for row in got["contacts"]] == [
        ("2026-03-10", "complaint", 2, True)
    ]
    assert [(row["zh"], row["ended_on"], row["amount"]) for row in got["purchases"]] == [("家用充电桩", None, "2900.00")]
    assert [(row["on"], row["kind"], row["times"]) for row in got["events"]] == [("2026-03-05", "view", 3)]

    tags = {tag["id"]: (tag["value"], tag["expired"]) for group in got["tags"]["groups"] for tag in group["tags"]}
    assert tags == {"payment_punctuality": ("often_late", False), "payment_speed": ("after_it", True)}
    assert [(s["zh"], s["confidence"]) for s in got["segments"]] == [("夜间用电", 0.6)]
    assert got["neighbours"]["count"] == got["same_person"]["count"] == 1
    assert got["neighbours"]["shown"][0]["account_id"] == "1002"
    assert got["peers"][0]["percentile"] == 0.75
    assert set(got["missing"]) == {"graph", "person"}

    page = html.read_text("utf-8")
    for value in PERSONAL:
        assert value not in json.dumps(got, ensure_ascii=False)
        assert value not in page
    assert "张*" in page


def test_an_earlier_day_knows_less(filled: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    got = told(filled, capsys, "--as-of", "2026-02-15")
    assert [(row["bill_id"], row["state"], row["paid"]) for row in got["bills"]] == [("B1", "open", "20.00")]
    assert got["contacts"] == got["purchases"] == got["events"] == []
    assert (got["typical_day"], got["year"], got["tags"]) == (None, None, None)
    assert {"figures", "tags"} <= set(got["missing"])


def test_what_became_known_later_is_told_later(
    filled: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    later = ("--as-of", "2026-03-31", "--known-at", "2026-05-02T00:00:00Z")
    got = told(filled, capsys, *later)
    assert got["identity"]["name"] == "李*"
    assert set(got["typical_day"]["working"]) == {6.0}, "the mean of 9, as corrected, and 3 kW"
    assert got["year"]["kwh"][-2:] == [379.0, 72.0]
    assert "figures" in got["missing"]
    assert [(row["bill_id"], row["state"]) for row in got["bills"]] == [("B1", "late"), ("B2", "unclear")], "a payment is in quarantine"
    tags = [tag["id"] for group in got["tags"]["groups"] for tag in group["tags"]]
    assert tags == ["payment_punctuality", "payment_speed"], "the tags of the day still stand"

    monkeypatch.setattr(Warehouse, "denied", lambda self, table: table == BRONZE["payment"])
    page = tmp_path / "page.html"
    less = told(filled, capsys, *later, "--html", str(page))
    assert less["missing"]["quarantine"] in page.read_text("utf-8")
    assert [row["state"] for row in less["bills"]] == ["late", "overdue"]
    assert less["missing"]["quarantine"] == "rejected payments may not be read: a bill shown as overdue may be in question"


def test_an_account_of_which_nothing_is_known(filled: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["profile", "1002", "--root-dir", str(filled.root_dir)]) == 0
    said = capsys.readouterr().out
    assert "no bill yet" in said
    assert "graph run" in said


@pytest.mark.parametrize("unknown", ["4711", "1003"], ids=["never heard of", "known later"])
def test_an_unknown_account_is_one_sentence(filled: Settings, capsys: pytest.CaptureFixture[str], unknown: str) -> None:
    capsys.readouterr()
    assert main(["profile", unknown, "--root-dir", str(filled.root_dir)]) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith(f"gridlens: account {unknown} is unknown on 2026-03-31;")
