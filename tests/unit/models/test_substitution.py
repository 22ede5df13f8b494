"""Electric substitution: sums by hand, the shipped definition, and what few positives say."""

from __future__ import annotations

import datetime as dt
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gridlens.conffiles import file_named
from gridlens.contracts.account_feature import ACCOUNT_FEATURE
from gridlens.contracts.codes import SURVEY_EQUIPMENT, SURVEY_FUELS
from gridlens.contracts.substitution import FUELS
from gridlens.errors import DefinitionError, SourceError
from gridlens.models.metrics import evaluate
from gridlens.models.substitution import candidates, label_frequency, potential, summary, valued
from gridlens.models.substitution_definition import load_substitution
from pyspark.sql import DataFrame, SparkSession

AS_OF, KNOWN_AT = dt.date(2026, 3, 31), dt.datetime(2026, 4, 1, tzinfo=dt.timezone.utc)
COLUMNS = {
    "account_id": "string",
    "industry_code": "string",
    "party_kind": "string",
    "energy_kwh_365d": "double",
    "heating_share_365d": "double",
}
PRICE = {"average_price_365d": "double"}
FILE = """
grid_kg_co2_per_kwh: 0.5
default_price: 0.8
fuel_kg_co2_per_kwh: {coal: 0.34, gas: 0.2}
processes:
  - {id: boiler, name_zh: 锅炉, name_en: Boiler, population: industry_code = '13', heat_kwh: 0.5 * energy_kwh_365d, fuel: coal,
     fuel_efficiency: 0.8, electric_efficiency: 1}
  - {id: rest, name_zh: 其他, name_en: Rest, population: industry_code is not null, heat_kwh: 1000, fuel: gas,
     fuel_efficiency: 0.5, electric_efficiency: 2.5}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "processes.yml"
    path.write_text(FILE, encoding="utf-8")
    return path


def features(spark: SparkSession) -> DataFrame:
    rows = [
        ("A", "13", "company", 8000.0, None, 0.6),
        ("B", "62", "company", 500.0, None, None),
        ("C", None, "person", 900.0, 0.1, 0.5),
        ("D", "13", "company", None, None, 0.6),
        ("E", "13", "company", 0.0, None, 0.6),
    ]
    return spark.createDataFrame(rows, ", ".join(f"{name} {kind}" for name, kind in (COLUMNS | PRICE).items()))


def test_energy_money_and_co2_of_the_first_process_that_fits(spark: SparkSession, file: Path) -> None:
    rows = {row["account_id"]: row for row in potential(features(spark), load_substitution(file, COLUMNS)).collect()}
    assert set(rows) == {"A", "B"}, "a household has no process here; heat not known, or none, is no potential"
    a, b = rows["A"], rows["B"]
    assert (a["process"], a["fuel"], a["added_kwh"], a["fuel_kwh"]) == ("boiler", "coal", 4000.0, 5000.0)
    assert a["added_revenue"] == pytest.approx(2400.0)
    assert a["co2_saved_kg"] == pytest.approx(5000 * 0.34 - 4000 * 0.5), "a boiler on this grid emits more"
    assert (b["process"], b["fuel"], b["added_kwh"], b["fuel_kwh"]) == ("rest", "gas", 400.0, 2000.0)
    assert b["added_revenue"] == pytest.approx(320.0), "at the default price"
    assert b["co2_saved_kg"] == pytest.approx(200.0)


def test_what_a_survey_found_counts_before_the_assumption(spark: SparkSession, tmp_path: Path) -> None:
    path = tmp_path / "processes.yml"
    common = "population: coalesce(surveyed_fuel, 'unknown') not in ('none', 'electricity')\nknown_fuel: surveyed_fuel\n"
    path.write_text(common + FILE.lstrip(), encoding="utf-8")
    fuels = {"nothing": "none", "changed": "electricity", "gas": "gas", "nobody looked": None, "wood": "wood"}
    rows = [(account, "13", "company", 1000.0, None, 0.6, fuel) for account, fuel in fuels.items()]
    names = COLUMNS | PRICE | {"surveyed_fuel": "string"}
    found = spark.createDataFrame(rows, ", ".join(f"{name} {kind}" for name, kind in names.items()))
    told = {row["account_id"]: row for row in potential(found, load_substitution(path, names)).collect()}
    assert {account: row["fuel"] for account, row in told.items()} == {"gas": "gas", "nobody looked": "coal", "wood": "coal"}
    assert told["gas"]["fuel_kwh"] == told["nobody looked"]["fuel_kwh"], "efficiencies are those of the process"
    assert told["gas"]["co2_saved_kg"] == pytest.approx(625 * 0.2 - 500 * 0.5)


def test_candidates_by_expected_revenue(spark: SparkSession, file: Path) -> None:
    could = potential(features(spark), load_substitution(file, COLUMNS))
    scores = spark.createDataFrame(
        [("A", 0.02, "substitution", 4), ("B", 0.3, "substitution", 4), ("C", 0.9, "substitution", 4)],
        "account_id string, score double, model string, version int",
    )
    risks = spark.createDataFrame([("B", 0.5, "high")], "account_id string, score double, band string")
    grades = spark.createDataFrame([("A", "C"), ("C", "A")], "account_id string, grade string")
    found = valued(scores, could, 0.2, risks=risks, grades=grades)
    rows = candidates(found, as_of=AS_OF, known_at=KNOWN_AT, limit=10).orderBy("rank").collect()
    told = [(row["account_id"], row["candidate"], row["risk"], row["risk_band"], row["grade"]) for row in rows]
    assert told == [("A", pytest.approx(0.1), None, None, "C"), ("B", 1.0, 0.5, "high", None)]
    expected = {"A": 0.1 * 2400.0, "B": 320.0 * 0.5}
    assert {row["account_id"]: row["expected_revenue"] for row in rows} == pytest.approx(expected)
    assert candidates(found, as_of=AS_OF, known_at=KNOWN_AT, limit=1).count() == 1
    sums = {(row["dimension"], row["value"]): row for row in summary(found, as_of=AS_OF, known_at=KNOWN_AT).collect()}
    by_hand = {
        ("process", "boiler"): ("A",),
        ("process", "rest"): ("B",),
        ("industry", "13"): ("A",),
        ("industry", "62"): ("B",),
        ("risk_band", "high"): ("B",),
        ("risk_band", "unknown"): ("A",),
        ("grade", "C"): ("A",),
        ("grade", "unknown"): ("B",),
    }
    assert sums.keys() == by_hand.keys()
    for key, accounts in by_hand.items():
        assert sums[key]["accounts"] == len(accounts)
        assert sums[key]["expected_revenue"] == pytest.approx(sum(expected[name] for name in accounts))
    alone = candidates(valued(scores, could, 0.2), as_of=AS_OF, known_at=KNOWN_AT, limit=10).collect()
    assert {(row["risk"], row["grade"]) for row in alone} == {(None, None)}


def test_label_frequency_finds_the_share_of_buyers_that_is_labelled(spark: SparkSession) -> None:
    """Of those who would buy, separable from the rest, three of ten are labelled: a model of labels says 0.3 of each of them."""
    rng = np.random.default_rng(8)
    would = rng.random(3000) < 0.2
    labelled = would & (rng.random(3000) < 0.3)
    score = np.where(would, labelled[would].mean(), 0.001)
    rows = [(float(s), int(y)) for s, y in zip(score, labelled, strict=True)]
    figures = evaluate(spark.createDataFrame(rows, "prediction double, label int"), capacity=10)
    metrics = figures.as_metrics()
    assert metrics["mean_score_of_positives"] == pytest.approx(score[labelled].mean(), rel=1e-9)
    assert label_frequency(metrics["mean_score_of_positives"], metrics["positives"]) == pytest.approx(0.3, abs=0.04)
    with pytest.raises(SourceError, match=r"2 held-out rows with label 1 .* at least 10 rows"):
        label_frequency(0.3, 2)
    with pytest.raises(SourceError, match="with scores above 0"):
        label_frequency(0.0, 20)


ACCOUNT_TYPES = {f.name: f.type for f in ACCOUNT_FEATURE.fields}
SHIPPED = load_substitution(file_named(None, "substitution/processes.yml"), ACCOUNT_TYPES)
MACHINES, FOOD, TRANSPORT = "34", "14", "54"
BUSINESS = {"party_kind": "company", "category": "commercial", "energy_kwh_365d": 50_000.0}
HOME = {"party_kind": "person", "category": "residential", "industry_code": None, "energy_kwh_365d": 2_500.0}
HEATS_BY_METER = {"heating_share_365d": 0.5}


def shipped(spark: SparkSession, accounts: dict[str, dict[str, Any]]) -> dict[str, tuple[str, str]]:
    """Process and fuel of the shipped definition for each account that has one; what is not given is null."""
    names = ["account_id", *sorted(SHIPPED.columns | {"industry_code", "average_price_365d"})]
    rows = [tuple({**told, "account_id": account}.get(name) for name in names) for account, told in accounts.items()]
    known = spark.createDataFrame(rows, ", ".join(f"{name} {ACCOUNT_TYPES[name]}" for name in names))
    return {row["account_id"]: (row["process"], row["fuel"]) for row in potential(known, SHIPPED).collect()}


def surveyed(equipment: str | None, fuel: str | None, *kinds: dict[str, Any], industry: str | None = None) -> dict[str, Any]:
    told: dict[str, Any] = {"surveyed_equipment": equipment, "surveyed_fuel": fuel, "industry_code": industry}
    for kind in kinds:
        told |= kind
    return told


def test_the_shipped_definition_holds() -> None:
    assert len(SHIPPED.processes) >= 5
    assert {"surveyed_fuel", "surveyed_equipment"} <= SHIPPED.columns
    assert 0.4 < SHIPPED.definition.grid_kg_co2_per_kwh < 0.7


def test_whom_a_survey_found_burning_fuel_has_a_process(spark: SparkSession) -> None:
    """Whatever the equipment, who holds the account, by what tariff, in what trade and however much it heats with electricity."""
    trades = (None, MACHINES, FOOD, TRANSPORT, "62", "83")
    holders = product(("person", "company"), ("residential", "commercial"))
    kinds = [{"party_kind": kind, "category": category, "energy_kwh_365d": 9_000.0} for kind, category in holders]
    cases = product((*SURVEY_EQUIPMENT, None), SURVEY_FUELS, kinds, trades, (None, 0.0, 0.2, 0.9))
    accounts = {
        str(n): surveyed(equipment, fuel, kind, {"heating_share_365d": share}, industry=trade)
        for n, (equipment, fuel, kind, trade, share) in enumerate(cases)
    }
    found = shipped(spark, accounts)
    burning = {account: told["surveyed_fuel"] for account, told in accounts.items() if told["surveyed_fuel"] in FUELS}
    assert {account: fuel for account, (_, fuel) in found.items()} == burning, "nobody without fuel, and everybody with the fuel seen"
    fleets = {account for account in burning if accounts[account]["surveyed_equipment"] == "fleet"}
    unseen = {account for account in burning if accounts[account]["surveyed_equipment"] is None}
    called_fleets = {account for account, (process, _) in found.items() if process == "fleet"}
    assert fleets <= called_fleets <= fleets | {account for account in unseen if accounts[account]["industry_code"] == TRANSPORT}


def test_vehicles_that_were_seen_are_a_fleet_in_any_trade(spark: SparkSession) -> None:
    found = shipped(
        spark,
        {
            "vans of a food maker": surveyed("fleet", "oil", BUSINESS, industry=FOOD),
            "vans of a machine maker": surveyed("fleet", "oil", BUSINESS, industry=MACHINES),
            "boiler of a food maker": surveyed("boiler", "oil", BUSINESS, industry=FOOD),
            "haulier with a boiler": surveyed("boiler", "coal", BUSINESS, industry=TRANSPORT),
            "haulier with electric vans": surveyed("fleet", "electricity", BUSINESS, industry=TRANSPORT),
            "haulier that nobody surveyed": surveyed(None, None, BUSINESS, industry=TRANSPORT),
        },
    )
    assert found == {
        "vans of a food maker": ("fleet", "oil"),
        "vans of a machine maker": ("fleet", "oil"),
        "boiler of a food maker": ("process_steam", "oil"),
        "haulier with a boiler": ("surveyed_boiler", "coal"),
        "haulier that nobody surveyed": ("fleet", "oil"),
    }


def test_a_kitchen_that_was_seen_is_no_heating(spark: SparkSession) -> None:
    trades = {"school": "83", "hotel": "61", "restaurant": "62", "food maker": FOOD}
    found = shipped(spark, {name: surveyed("kitchen", "gas", BUSINESS, industry=trade) for name, trade in trades.items()})
    assert found == {name: ("kitchen" if name == "restaurant" else "surveyed_kitchen", "gas") for name in trades}


def test_what_was_seen_is_the_process_where_the_trade_has_none(spark: SparkSession) -> None:
    of_trade = {
        equipment: surveyed(equipment, "gas", BUSINESS, industry=MACHINES) for equipment in ("boiler", "furnace", "stove", "kitchen")
    }
    found = shipped(spark, {**of_trade, "nobody looked": surveyed(None, None, BUSINESS, industry=MACHINES)})
    assert found == {equipment: (f"surveyed_{equipment}", "gas") for equipment in of_trade}


def test_a_home_that_was_seen_heating_with_fuel_is_not_taken_for_an_electric_one(spark: SparkSession) -> None:
    found = shipped(
        spark,
        {
            "stove seen": surveyed("stove", "coal", HOME, HEATS_BY_METER),
            "boiler seen": surveyed("boiler", "gas", HOME, HEATS_BY_METER),
            "cooker seen": surveyed("kitchen", "gas", HOME, HEATS_BY_METER),
            "nothing burnt": surveyed("none", "none", HOME),
            "nobody looked": surveyed(None, None, HOME),
            "nobody looked, heats by meter": surveyed(None, None, HOME, HEATS_BY_METER),
        },
    )
    assert found == {
        "stove seen": ("home_heating", "coal"),
        "boiler seen": ("home_heating", "gas"),
        "cooker seen": ("surveyed_kitchen", "gas"),
        "nobody looked": ("home_heating", "coal"),
    }


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("fuel: gas", "fuel: oil"), "fuel_kg_co2_per_kwh lacks oil"),
        (("id: rest", "id: boiler"), "process boiler stands twice"),
        (("heat_kwh: 1000", "heat_kwh: energy_kwh_356d"), r"processes.yml line 8.*energy_kwh_356d"),
        (("population: industry_code is not null", "population: industry_code"), r"processes.yml line 8.*expected a boolean"),
        (("electric_efficiency: 1}", "electric_efficiency: 9}"), r"processes.yml line 7.*electric_efficiency"),
        (("default_price: 0.8", "default_price: 0.8\npopulation: industry_code"), r"processes.yml line 4.*expected a boolean"),
        (("default_price: 0.8", "default_price: 0.8\nknown_fuel: fuel"), r"processes.yml line 4.*unknown column fuel"),
    ],
    ids=["factor", "twice", "column", "boolean", "range", "whom", "fuel known"],
)
def test_mistakes_name_file_and_line(file: Path, change: tuple[str, str], message: str) -> None:
    file.write_text(FILE.replace(*change), encoding="utf-8")
    with pytest.raises(DefinitionError, match=message):
        load_substitution(file, COLUMNS)
