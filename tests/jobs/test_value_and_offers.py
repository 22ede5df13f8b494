"""Customer value, offers and substitution through the command line, on propensities that were written by hand."""

from __future__ import annotations

import datetime as dt
import json
import math
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from delta_files import rows
from delta_writer import put
from gridlens.cli import main
from gridlens.contracts.gold import ACCOUNT_FEATURE, CREDIT_GRADE, IDENTITY_LINK, SCORE
from gridlens.contracts.ops import RUN_LOG
from gridlens.contracts.silver import SILVER
from gridlens.contracts.value import VALUE_COLUMNS
from gridlens.pipelines import substitution
from gridlens.pipelines.moments import knowledge_of_day, of_moment
from gridlens.pipelines.segments import segment_definitions
from gridlens.pipelines.tag_state import Moment
from gridlens.pipelines.value_reads import with_value
from gridlens.settings import Settings, load_settings
from gridlens.tracking import Version
from gridlens.warehouse import Warehouse
from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark

AS_OF, BEFORE = dt.date(2026, 3, 31), dt.date(2025, 3, 31)
DAY = dt.timedelta(days=1)
LONG_AGO = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
COUNT = 12
FILES = {
    "value/value.yml": """\
population: is_open
energy_margin: {default: 0.1}
recurring: [insurance]
service: [{id: contact, name_zh: 服务, name_en: Contact, quantity: contacts_365d, cost: 10}]
arrears: arrears
loss_given_default: 0.5
churn: [churn_household, churn_business]
substitution: substitution
trend: {change: energy_trend_365d, weight: 1, low: 0.5, high: 2}
least_days: 60
bands: [{id: top, zh: 高, en: top, share: 0.25}, {id: rest, zh: 其余, en: rest, share: 1}]
""",
    "offers/plan.yml": """\
offers: 1
population: is_open and unsubscribes_365d = 0
channels: [sms, app]
products: [{products: [PV2], when: contract_capacity_kva > 20}]
""",
    "substitution/processes.yml": """\
grid_kg_co2_per_kwh: 0.5
default_price: 0.5
candidates: 2
fuel_kg_co2_per_kwh: {coal: 0.3}
processes:
  - {id: boiler, name_zh: 锅炉, name_en: Boiler, population: industry_code = '13', heat_kwh: 1000, fuel: coal, fuel_efficiency: 0.5,
     electric_efficiency: 1}
""",
}


def account(i: int) -> str:
    return f"a{i:02}"


def scores(model: str, values: dict[int, float]) -> list[dict[str, Any]]:
    """A wrong version beside the one that scored."""
    told = {"model": model, "decile": 5, "band": "high"}
    return [
        {"account_id": account(i), "version": version, "score": score / version, **told}
        for i, score in values.items()
        for version in (1, 2)
    ]


@pytest.fixture(scope="module")
def settings(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Twelve accounts at two moments a year apart; what became known too late is there, too."""
    folder = tmp_path_factory.mktemp("value")
    for name, text in FILES.items():
        (folder / "conf" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "conf" / name).write_text(text, encoding="utf-8")
    settings = load_settings("local", conf_dir=folder / "conf", overrides={"root_dir": str(folder)})
    known_at = knowledge_of_day(AS_OF, settings)
    too_late = {"known_from": known_at + DAY}
    base = {
        "is_open": True,
        "opened_on": dt.date(2020, 1, 1),
        "account_age_days": 2000,
        "bill_amount_mean_365d": 100.0,
        "arrears_amount": 0.0,
    }
    # The year before was looked at again when more was known of it: nobody could have expected that then.
    again = knowledge_of_day(BEFORE, settings) + 30 * DAY
    for day, known, factor in ((BEFORE, knowledge_of_day(BEFORE, settings), 1.0), (BEFORE, again, 9.0), (AS_OF, known_at, 1.1)):
        features = [
            {
                **base,
                "account_id": account(i),
                "party_id": f"p{i}",
                "as_of": day,
                "known_at": known,
                "is_open": i != 11 or day == BEFORE,
                "bill_amount_365d": 1000.0 * (i + 1) * factor,
                "contacts_365d": i % 3,
                "energy_trend_365d": 0.1,
                "unsubscribes_365d": int(i == 4),
                "contract_capacity_kva": 10.0 * i,
                "industry_code": "13" if i >= 8 else None,
                "average_price_365d": 0.8,
            }
            for i in range(COUNT)
        ]
        put(settings, ACCOUNT_FEATURE, features)
    catalogue = [("PV1", "pv", 500), ("PV2", "pv", 900), ("INS", "insurance", 36), ("TOY", "smart_home", 0)]
    products = [{"product_id": p, "name_zh": "产品", "category": c, "margin": Decimal(m)} for p, c, m in catalogue]
    put(settings, SILVER["product"], products, known_from=LONG_AGO, valid_from=dt.date(2020, 1, 1))
    put(settings, SILVER["product"], [products[0] | {"margin": Decimal(1), **too_late}], valid_from=AS_OF)
    bought = [("b1", 1, "PV1", AS_OF - 9 * DAY, {}), ("b2", 2, "INS", AS_OF - 99 * DAY, {}), ("b3", 3, "PV1", AS_OF - 5 * DAY, too_late)]
    purchases = [{"purchase_id": k, "account_id": account(i), "product_id": p, "purchased_on": d, **late} for k, i, p, d, late in bought]
    put(settings, SILVER["purchase"], purchases, known_from=LONG_AGO, quantity=1)
    granted = [{"party_id": f"p{i}", "channel": "sms", "granted": i != 5} for i in range(COUNT)]
    granted += [
        {"party_id": "p6", "channel": "sms", "granted": False, **too_late},
        {"party_id": "p5", "channel": "letter", "granted": True},
    ]
    put(settings, SILVER["consent"], granted, known_from=LONG_AGO, valid_from=dt.date(2020, 1, 1), purpose="marketing")
    at = {"as_of": AS_OF, "known_at": known_at}
    put(settings, IDENTITY_LINK, [{"party_id": f"p{i}", "person_id": "p5", "parties": 2} for i in (5, 7)], **at)
    told = {
        "product_pv": {i: 0.4 for i in range(9) if i != 1},
        "product_insurance": {i: 0.2 for i in range(6) if i != 2},
        "product_smart_home": {0: 0.9},
        "arrears": {3: 0.1, 9: 0.5},
        "churn_household": {0: 0.0, 1: 0.05, 2: 0.05},
        "substitution": {8: 0.02, 9: 0.2, 10: 0.1, 0: 0.9},
    }
    put(settings, SCORE, [row for model, values in told.items() for row in scores(model, values)], **at)
    runs = [{"run_id": m, "job": "score", "parameters": json.dumps({"model": m}), "fingerprints": '{"version": "2"}'} for m in told]
    runs += [{"run_id": "graded", "job": "credit", "parameters": '{"scorecard": "credit_grade"}', "fingerprints": '{"version": "1"}'}]
    put(settings, RUN_LOG, runs, outcome="succeeded", **at)
    grades = [{"account_id": account(9), "grade": g, "version": v, "scorecard": "credit_grade"} for v, g in ((1, "D"), (2, "A"))]
    put(settings, CREDIT_GRADE, grades, **at)
    return settings


def call(settings: Settings, capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    assert main([*arguments, "--root-dir", settings.root_dir, "--conf", str(settings.conf_dir), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def written(settings: Settings, table: str) -> list[dict[str, Any]]:
    return rows(Path(settings.warehouse) / "gold" / table)


def a_year(probability: float, days: int) -> float:
    return 1 - (1 - probability) ** (365 / days)


def test_value_of_what_was_known_judged_by_the_year_that_followed(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    told = call(settings, capsys, "value", "run")
    assert (told["accounts"], told["nothing_new"]) == (11, False)
    assert {"product_storage", "churn_business"} <= set(told["missing"])
    assert not {"product_pv", "churn_household", "arrears"} & set(told["missing"])
    found = {row["account_id"]: row for row in written(settings, "customer_value_v1")}
    assert len(found) == 11, "a closed account has no value"
    first, second, third, late = (found[account(i)] for i in range(4))
    assert (first["energy_margin"], first["product_margin"], first["retention"]) == (pytest.approx(110.0), 0.0, 1.0)
    assert second["product_margin"] == 500.0, "the margin that was known, not the later one"
    assert second["expected_product_margin"] == 0.0
    assert third["product_margin"] == pytest.approx(36 * 100 / 365)
    retention = (1 - 0.025) ** (365 / 57)
    assert third["retention"] == pytest.approx(retention), "of version 2, which scored last"
    assert 36 * retention < third["expected_product_margin"] < 36
    assert late["product_margin"] == 0.0, "a purchase that became known later"
    assert late["credit_loss"] == pytest.approx(0.05 * 100 * 0.5)
    assert late["expected_margin"] == pytest.approx(4400 * 1.1 * 0.1 - 0.05 * 4400 * 1.1 * 0.5)
    # PV1 and PV2 share 0.2; above 20 kVA alone both are possible
    assert first["product_potential"] == pytest.approx(a_year(0.2, 87) * 500 + a_year(0.1, 87) * 36)
    assert late["product_potential"] == pytest.approx(a_year(0.1, 87) * (500 + 900 + 36))
    assert found[account(8)]["substitution_potential"] == pytest.approx(a_year(0.01, 87) * 1000 * 0.8 * 0.1)
    assert found[account(10)]["product_potential"] is None
    assert {row["band"] for row in found.values()} == {"top", "rest"}

    judged = {row["estimate"]: row for row in told["judged"]}
    assert {row["judged_as_of"] for row in judged.values()} == {BEFORE.isoformat()}
    came = [(110.0 * (i + 1) - 10 * (i % 3) + {1: 500, 2: 36 * 100 / 365}.get(i, 0)) for i in range(COUNT)]
    assert judged["last_year"]["mean_margin"] == pytest.approx(sum(came) / COUNT), "what the closed account still brought counts, too"
    expected = [110.0 * (i + 1) - 10 * (i % 3) for i in range(COUNT)]
    errors = [abs(a - b) for a, b in zip(expected, came, strict=True)]
    assert judged["expected"]["mean_absolute_error"] == pytest.approx(sum(errors) / COUNT)
    assert judged["expected"]["mean_absolute_error"] < judged["last_year"]["mean_absolute_error"]
    assert not judged["expected"]["scored"]
    again = call(settings, capsys, "value", "run")
    assert again["nothing_new"]
    assert again["judged"] == told["judged"]

    best = call(settings, capsys, "value", "list", "--limit", "3")
    totals = sorted((row["total"] for row in found.values()), reverse=True)
    assert [row["total"] for row in best] == pytest.approx([round(total, 2) for total in totals[:3]])
    assert call(settings, capsys, "value", "show", account(3))["credit_loss"] == pytest.approx(2.5)


def test_large_customers_are_scored_by_their_value(spark: SparkSession, settings: Settings) -> None:
    """Run after the value: beside the features of its moment, null for who has none, and read by the shipped definition."""
    warehouse, at = Warehouse(spark, settings), Moment(AS_OF, knowledge_of_day(AS_OF, settings), "")
    features = warehouse.read(ACCOUNT_FEATURE).where(of_moment(at.as_of, at.known_at))
    found = {row["account_id"]: row.asDict() for row in with_value(features, warehouse, at).collect()}
    valued = {row["account_id"]: row for row in written(settings, "customer_value_v1")}
    assert len(found) == COUNT
    for name, row in found.items():
        amounts = {column: row[column] for column in VALUE_COLUMNS}
        assert amounts == {column: valued[name][column.removeprefix("value_")] if name in valued else None for column in VALUE_COLUMNS}
    large = segment_definitions(settings).large
    assert set(VALUE_COLUMNS) & {column for part in large.measures.values() for one in part for column in one.columns}


def test_every_propensity_is_offered_or_left_out_for_a_reason(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    told = call(settings, capsys, "offers", "run")
    pv, insurance = [i for i in range(9) if i != 1], [i for i in range(6) if i != 2]
    assert told["propensities"] == 2 * len(pv) + len(insurance) + 1
    assert told["propensities"] == told["offered"] + told["excluded"] + told["beyond_plan"]
    assert told["excluded"] == sum(told["exclusions"].values())
    offers = {row["account_id"]: row for row in written(settings, "next_best_offer_v1")}
    # 4 unsubscribed, 5 refused by SMS, 7 is the same person as 5; the refusal of 6 became known later
    assert {name: row["product_id"] for name, row in offers.items()} == {
        account(0): "PV1",
        account(1): "INS",
        account(2): "PV1",
        account(3): "PV2",
        account(6): "PV2",
        account(8): "PV2",
    }
    assert offers[account(3)]["probability"] == pytest.approx(0.1)
    assert offers[account(3)]["margin"] == 900.0
    retention = (1 - 0.025) ** (365 / 57)
    kept = (retention - 1) / math.log(retention)
    assert offers[account(1)]["kept_share"] == pytest.approx(kept), "an insurance earns while its buyer stays, by the account's value"
    assert offers[account(1)]["expected_margin"] == pytest.approx(0.1 * 36 * kept)
    assert {row["kept_share"] for name, row in offers.items() if name != account(1)} == {1.0}
    left = {(row["product_id"], row["exclusion"]): row["accounts"] for row in written(settings, "offer_exclusion_v1")}
    assert left == {
        ("PV1", "no_consent"): 2,
        ("PV2", "no_consent"): 2,
        ("INS", "no_consent"): 1,
        ("PV1", "not_eligible"): 1,
        ("PV2", "not_eligible"): 3,
        ("INS", "not_eligible"): 1,
        ("TOY", "no_margin"): 1,
        ("PV1", "beyond_plan"): 3,
        ("INS", "beyond_plan"): 2,
    }
    assert "product_storage" in told["missing"]
    assert told["models"] == {"product_insurance": 2, "product_pv": 2, "product_smart_home": 2, "substitution": 2}
    assert call(settings, capsys, "offers", "run")["nothing_new"]
    products = {row["product_id"]: row for row in call(settings, capsys, "offers", "list", "--by-product")}
    assert sum(row["propensities"] for row in products.values()) == told["propensities"]
    assert (products["PV2"]["offered"], products["PV2"]["not_eligible"]) == (3, 3)
    assert [row["product_id"] for row in call(settings, capsys, "offers", "show", account(3))] == ["PV2"]
    assert {row["product_id"] for row in call(settings, capsys, "offers", "list", "--product", "INS")} == {"INS"}


class _Store:
    """A registry whose one version has these figures."""

    def __init__(self, metrics: dict[str, float]) -> None:
        self._metrics = metrics

    def version(self, model: str, which: int) -> Version:
        return Version(model, f"gridlens_{model}", which, "run", LONG_AGO, metrics=self._metrics)


def test_substitution_by_the_label_frequency_of_the_version_that_scored(
    settings: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    metrics = {"positives": 20.0}
    monkeypatch.setattr(substitution.Store, "open", lambda settings: _Store(metrics))
    place = ["--root-dir", settings.root_dir, "--conf", str(settings.conf_dir)]
    assert main(["substitution", "run", *place]) == 8
    assert "run `gridlens train substitution --again`" in capsys.readouterr().err
    metrics["mean_score_of_positives"] = 0.2
    told = call(settings, capsys, "substitution", "run")
    assert (told["version"], told["accounts"], told["candidates"], told["missing"]) == (2, 3, 2, [])
    candidates = {8: 0.05, 9: 0.5, 10: 0.25}
    assert told["expected_candidates"] == pytest.approx(sum(candidates.values()))
    expected = {i: share * 800 * (0.75 if i == 9 else 1) for i, share in candidates.items()}
    assert told["expected_revenue"] == pytest.approx(sum(expected.values()))
    listed = call(settings, capsys, "substitution", "list")
    assert [(row["account_id"], row["grade"], row["risk"]) for row in listed] == [(account(9), "D", 0.25), (account(10), None, None)]
    assert [row["expected_revenue"] for row in listed] == pytest.approx([expected[9], expected[10]])
    by_grade = {row["grade"]: row for row in call(settings, capsys, "substitution", "list", "--by", "grade")}
    assert by_grade["D"]["accounts"] == 1
    assert by_grade["unknown"]["accounts"] == 2, "the whole potential, not the list alone"
    assert call(settings, capsys, "substitution", "run")["nothing_new"]
    assert main(["substitution", "list", "--by", "grad", *place]) == 2
    assert "option --by: grad is unknown; did you mean grade?" in capsys.readouterr().err


def test_what_is_not_there_is_said(settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = ["--root-dir", str(tmp_path / "empty"), "--conf", str(settings.conf_dir)]
    for job in ("value", "offers", "substitution"):
        assert main([job, "run", *place]) == 3
        assert "there are no account features: run `gridlens features` first" in capsys.readouterr().err
        assert main([job, "list", *place]) == 3
        assert f"run `gridlens {job} run` first" in capsys.readouterr().err
    assert main(["offers", "run", "--as-of", BEFORE.isoformat(), "--root-dir", settings.root_dir, "--conf", str(settings.conf_dir)]) == 3
    assert "no model of a product has scored 2025-03-31 (product_" in capsys.readouterr().err
