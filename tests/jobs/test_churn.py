"""Hazard of leaving and drivers of scores through the command line, against counts by hand."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from delta_files import rows
from delta_writer import put
from gridlens import __version__
from gridlens.cli import main
from gridlens.contracts.gold import SCORE
from gridlens.contracts.ops import BATCH_ACCOUNT, RUN_LOG
from gridlens.contracts.silver import ACCOUNT_TABLE, METERING_POINT, SILVER
from gridlens.pipelines.moments import knowledge_of_day
from gridlens.settings import Settings, load_settings
from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark

AS_OF = dt.date(2026, 3, 31)
JANUARY, FEBRUARY = dt.date(2026, 1, 1), dt.date(2026, 2, 1)
"""The months counted: March is not over for four weeks."""
OPENED = dt.date(2020, 1, 1)


def noon(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(4), dt.UTC)


def version(account: str, since: dt.date = OPENED, **of: Any) -> dict[str, Any]:
    kind = "company" if account.startswith("C") else "person"
    usual = {"party_id": f"p{account}", "party_kind": kind, "opened_on": OPENED, "valid_from": since, "known_from": noon(since)}
    return {"account_id": account, **usual, **of}


ACCOUNTS = [
    *[version(f"P{i}") for i in range(10)],
    version("P1", dt.date(2026, 1, 10), closed_on=dt.date(2026, 1, 10)),
    version("P2", dt.date(2026, 2, 5), party_id="other"),
    version("P3", dt.date(2026, 2, 6), closed_on=dt.date(2026, 2, 6)),
    version("P4", dt.date(2026, 3, 5), closed_on=dt.date(2026, 3, 5)),  # after the months counted
    version("PNEW", dt.date(2026, 1, 20), opened_on=dt.date(2026, 1, 20)),  # at risk from February on
    *[version(f"C{i}") for i in range(4)],
    version("C1", dt.date(2026, 2, 9), closed_on=dt.date(2026, 2, 9)),
]
PANELS = ("P5", dt.date(2026, 2, 14))


@pytest.fixture(scope="module")
def settings(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    settings = load_settings("local", overrides={"root_dir": str(tmp_path_factory.mktemp("churn"))})
    put(settings, ACCOUNT_TABLE, ACCOUNTS, billing_kind="postpaid", category="residential")
    point = {"metering_point_id": "m5", "account_id": PANELS[0], "valid_from": OPENED, "known_from": noon(OPENED), "has_pv": False}
    later = {**point, "valid_from": PANELS[1], "known_from": noon(PANELS[1]), "has_pv": True}
    put(settings, METERING_POINT, [point, later], multiplier=1.0, ct_ratio=1.0, pt_ratio=1.0)
    product = {"product_id": "R1", "category": "retail_plan", "known_from": noon(OPENED)}
    put(settings, SILVER["product"], [product])
    bought = {"purchase_id": "u1", "account_id": "C2", "product_id": "R1", "purchased_on": OPENED, "known_from": noon(OPENED)}
    put(settings, SILVER["purchase"], [{**bought, "ended_on": dt.date(2026, 1, 15)}])
    bill = {"bill_id": "b", "account_id": "P6", "period_start": JANUARY, "period_end": dt.date(2026, 1, 31), "known_from": noon(FEBRUARY)}
    put(settings, SILVER["bill"], [{**bill, "issued_on": FEBRUARY, "due_on": FEBRUARY}], quantity_kwh=Decimal(9), amount=Decimal(5))
    put(settings, BATCH_ACCOUNT, [{"_batch_id": "first"}])
    return settings


def call(settings: Settings, capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    assert main([*arguments, "--root-dir", settings.root_dir, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_hazard_by_month_and_cause(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ("churn", "hazard", "--months", "2", "--as-of", str(AS_OF))
    result = call(settings, capsys, *asked)
    assert (result["first"], result["last"], result["nothing_new"]) == ("2026-01-01", "2026-02-01", False)
    table = rows(Path(settings.warehouse) / "gold" / "churn_hazard_v1")
    found = {(row["party_kind"], row["cause"], row["month"]): (row["at_risk"], row["events"]) for row in table}
    # Of ten persons one leaves in January; the new one comes, and three of ten are lost in February.
    assert found["person", "any", JANUARY] == (10, 1) == found["person", "closed", JANUARY]
    assert found["person", "any", FEBRUARY] == (10, 3)
    assert [found["person", cause, FEBRUARY][1] for cause in ("closed", "holder_changed", "own_generation", "plan_ended", "faded")] == [
        1,
        1,
        1,
        0,
        0,
    ]
    assert [found["company", cause, JANUARY] for cause in ("any", "plan_ended")] == [(4, 1), (4, 1)]
    assert [found["company", cause, FEBRUARY] for cause in ("any", "closed")] == [(4, 1), (4, 1)]
    assert len(found) == len(table) == 2 * 6 * 2
    lost = {(one["party_kind"], one["cause"]): one for one in result["lost"]}
    assert lost["person", "any"]["survival"] == pytest.approx(0.9 * 0.7)
    assert lost["person", "own_generation"]["incidence"] == pytest.approx(0.9 * 0.1)
    assert lost["company", "any"]["mean_hazard"] == pytest.approx(2 / 8)
    assert call(settings, capsys, *asked)["nothing_new"]


def test_drivers_of_the_newest_scores(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["drivers", "churn_household", "--root-dir", settings.root_dir]) == 3
    assert "there are no scores of churn_household: run `gridlens score churn_household` first" in capsys.readouterr().err
    at = {"as_of": AS_OF, "known_at": knowledge_of_day(AS_OF, settings), "model": "churn_household", "band": "high"}

    def scored(account: str, decile: int, version: int, *features: str) -> dict[str, Any]:
        told = [{"feature": name, "value": "1", "contribution": 1.0 / (place + 1)} for place, name in enumerate(features)]
        return {"account_id": account, "score": 0.5, "decile": decile, "version": version, "reasons": told, **at}

    put(
        settings,
        SCORE,
        [
            scored("P1", 1, 1, "exit_page_views_90d", "contacts_90d"),
            scored("P2", 1, 1, "exit_page_views_90d"),
            scored("P3", 7, 1, "contacts_90d"),
            scored("P1", 1, 2, "quotes_90d"),  # of a version that was rolled back
        ],
    )
    ran = {"job": "score", "outcome": "succeeded", "version": __version__, "run_id": "s1", "as_of": AS_OF, "known_at": at["known_at"]}
    put(settings, RUN_LOG, [{**ran, "parameters": '{"model": "churn_household"}', "fingerprints": '{"version": "1"}'}])
    told = call(settings, capsys, "drivers", "churn_household")
    assert (told["version"], told["accounts"]) == (1, 2)
    first, second = told["drivers"]
    assert (first["feature"], first["accounts"], first["share"], first["actionable"]) == ("exit_page_views_90d", 2, 1.0, True)
    assert "offer supply at the new address" in first["act"]
    assert (second["feature"], second["mean_contribution"], second["actionable"], second["act"]) == ("contacts_90d", 0.5, False, None)
    assert call(settings, capsys, "drivers", "churn_household", "--deciles", "10")["accounts"] == 3
