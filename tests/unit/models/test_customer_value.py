"""Customer value: the formulas by pandas, ranks by sorting, the shipped definition, and mistakes with file and line."""

from __future__ import annotations

import datetime as dt
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from gridlens.conffiles import file_named
from gridlens.contracts.account_feature import ACCOUNT_FEATURE
from gridlens.errors import DefinitionError
from gridlens.models.customer_value import customer_value, product_margins, product_potential, values
from gridlens.models.value_definition import Value, load_value
from gridlens.models.value_figures import against_what_came, value_figures
from gridlens.models.value_ranks import STEPS, limits
from hypothesis import given
from hypothesis import strategies as st
from pyspark.sql import SparkSession

AS_OF, KNOWN_AT = dt.date(2026, 3, 31), dt.datetime(2026, 4, 1, tzinfo=dt.timezone.utc)
MODELS = ["arrears", "churn_a", "churn_b", "substitution"]
HORIZONS = {"arrears": 27, "churn_a": 57, "churn_b": 30, "substitution": 87}
FILE = """\
population: is_open
energy_margin: {default: 0.05, by_category: {residential: 0.02}}
recurring: [insurance]
service:
  - {id: contact, name_zh: 服务, name_en: Contact, quantity: contacts_365d, cost: 9}
  - {id: visit, name_zh: 上门, name_en: Visit, quantity: inspections_730d / 2, cost: 100}
arrears: arrears
loss_given_default: 0.4
churn: [churn_a, churn_b]
substitution: substitution
trend: {change: energy_trend_365d, weight: 0.5, low: 0.8, high: 1.2}
least_days: 100
bands: [{id: top, zh: 高, en: top, share: 0.1}, {id: rest, zh: 其余, en: rest, share: 1}]
"""
FACTS = {
    "account_id": "string",
    "category": "string",
    "is_open": "boolean",
    "bill_amount_365d": "double",
    "bill_amount_mean_365d": "double",
    "arrears_amount": "double",
    "account_age_days": "int",
    "contacts_365d": "int",
    "inspections_730d": "int",
    "energy_trend_365d": "double",
    "earned": "double",
    "running": "double",
    "product_potential": "double",
    "added_revenue": "double",
    **{f"{model}_score": "double" for model in MODELS},
}
PLAIN = dict.fromkeys(FACTS) | {"category": "commercial", "is_open": True, "account_age_days": 2000}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "value.yml"
    path.write_text(FILE, encoding="utf-8")
    return path


@pytest.fixture
def value(file: Path) -> Value:
    return load_value(file, FACTS, MODELS)


def accounts(random: np.random.Generator, count: int) -> list[dict[str, Any]]:
    """Accounts of all kinds: young ones, without bills, without scores, with generation of their own (bills below 0)."""

    def some(low: float, high: float, *, known: float = 0.7) -> float | None:
        return float(random.uniform(low, high)) if random.random() < known else None

    rows: list[dict[str, Any]] = [
        {
            "account_id": f"A{i:03}",
            "category": str(random.choice(["residential", "commercial", "large_industrial"])),
            "bill_amount_365d": some(-500, 90_000, known=0.9),
            "bill_amount_mean_365d": some(0, 7_000),
            "arrears_amount": some(0, 900),
            "account_age_days": int(random.choice([20, 150, 365, 4000])),
            "contacts_365d": int(random.integers(0, 9)),
            "inspections_730d": int(random.integers(0, 3)),
            "energy_trend_365d": some(-0.9, 0.9),
            "earned": some(0, 900),
            "running": some(0, 500),
            "product_potential": some(0, 300),
            "added_revenue": some(0, 9_000),
            "arrears_score": some(0, 1),
            "substitution_score": some(0, 1),
        }
        for i in range(count)
    ]
    for row in rows:
        row[str(random.choice(["churn_a_score", "churn_b_score"]))] = (
            float(random.choice([0.0, 0.02, 0.3, 1.0])) if random.random() < 0.8 else None
        )
    return [PLAIN | row for row in rows]


def expected_values(row: dict[str, Any]) -> dict[str, float | None]:
    """The contract's formulas on one account, in plain Python."""
    known = {name: row[name] or 0.0 for name, kind in FACTS.items() if kind in ("double", "int")}
    rate = 0.02 if row["category"] == "residential" else 0.05
    bills, risk, year = known["bill_amount_365d"], known["arrears_score"], 365 / min(max(row["account_age_days"], 100), 365)
    trend = min(max(1 + 0.5 * known["energy_trend_365d"], 0.8), 1.2)
    retention = stay = None
    for model, days in (("churn_a", 57), ("churn_b", 30)):
        if row[f"{model}_score"] is not None:
            retention = (1 - row[f"{model}_score"]) ** (365 / days)
    if retention is None or retention == 1:
        stay = 1.0
    else:
        kept = max(retention, 1e-12)
        stay = (kept - 1) / math.log(kept)
    service = 9 * known["contacts_365d"] + 50 * known["inspections_730d"]
    loss = risk * (known["arrears_amount"] + known["bill_amount_mean_365d"]) * 0.4
    coming = bills * year * trend * stay
    margin = coming * rate + known["running"] * stay - service * year * stay - risk * max(coming, 0) * 0.4
    changes = None
    if row["substitution_score"] is not None and row["added_revenue"] is not None:
        changes = (1 - (1 - row["substitution_score"]) ** (365 / 87)) * row["added_revenue"] * rate
    potential = known["product_potential"] + (changes or 0.0)
    return {
        "margin_365d": bills * rate + known["earned"] - service - loss,
        "trend": trend,
        "retention": retention,
        "expected_margin": margin,
        "substitution_potential": changes,
        "potential": potential,
        "total": margin + potential,
    }


def test_every_amount_is_that_of_plain_python(spark: SparkSession, value: Value) -> None:
    rows = accounts(np.random.default_rng(4), 120)
    frame = spark.createDataFrame([tuple(row[name] for name in FACTS) for row in rows], ", ".join(f"{n} {t}" for n, t in FACTS.items()))
    found = customer_value(values(frame, value, HORIZONS), value, as_of=AS_OF, known_at=KNOWN_AT).toPandas().set_index("account_id")
    for row in rows:
        for name, expected in expected_values(row).items():
            got = found.loc[row["account_id"], name]
            if expected is None:
                assert pd.isna(got), (row, name)
            else:
                assert got == pytest.approx(expected, rel=1e-9, abs=1e-9), (row, name)
    told = found["energy_margin"] + found["product_margin"] - found["service_cost"] - found["credit_loss"]
    assert np.allclose(found["margin_365d"], told)
    coming = found["expected_energy_margin"] + found["expected_product_margin"] - found["expected_service_cost"]
    assert np.allclose(found["expected_margin"], coming - found["expected_credit_loss"])

    for part, column in [(found, "decile"), *[(group, "category_decile") for _, group in found.groupby("category")]]:
        places = np.sign(part["total"]) * np.rint(np.log1p(part["total"].abs()) * STEPS)
        ranked = sorted(places, reverse=True)
        bounds = [ranked[-(-len(ranked) * tenth // 10) - 1] for tenth in range(1, 10)]
        assert (part[column] == 1 + sum((places < bound).astype(int) for bound in bounds)).all()
    assert (found["band"] == np.where(found["decile"] == 1, "top", "rest")).all()


@given(
    st.dictionaries(st.integers(-900, 900), st.integers(1, 50), min_size=1),
    st.lists(st.integers(1, 99), min_size=1, max_size=9, unique=True),
)
def test_limits_are_the_places_of_ranks(counts: dict[int, int], percents: list[int]) -> None:
    shares = [percent / 100 for percent in sorted(percents)]
    ranked = sorted((at for at, n in counts.items() for _ in range(n)), reverse=True)
    wanted = tuple(ranked[-(-len(ranked) * percent // 100) - 1] for percent in sorted(percents))
    assert limits(counts.items(), shares) == wanted


def test_products_earn_once_or_by_the_days_they_run(spark: SparkSession) -> None:
    day = dt.timedelta(days=1)
    purchases = [
        ("A", "INS", AS_OF - 400 * day, None, 2),  # ran all year
        ("B", "INS", AS_OF - 99 * day, None, 1),  # 100 days
        ("C", "INS", AS_OF - 500 * day, AS_OF - 264 * day, 1),  # its last day but one was day 100 of the year
        ("D", "INS", AS_OF - 500 * day, AS_OF, 1),  # ended on the last day: does not run
        ("E", "PV", AS_OF - 364 * day, None, 1),  # first day of the year
        ("F", "PV", AS_OF - 365 * day, None, 1),
        ("G", "PV", AS_OF + day, None, 1),
        ("H", "FREE", AS_OF, None, 1),
        ("I", "GONE", AS_OF, None, 1),
    ]
    schema = "account_id string, product_id string, purchased_on date, ended_on date, quantity int"
    catalogue = [("INS", "insurance", 36.5), ("PV", "pv", 5000.0), ("FREE", "insurance", None)]
    products = spark.createDataFrame(catalogue, "product_id string, category string, margin double")
    rows = product_margins(spark.createDataFrame(purchases, schema), products, ["insurance"], as_of=AS_OF).collect()
    found = {row["account_id"]: (pytest.approx(row["earned"]), row["running"]) for row in rows}
    assert found == {
        "A": (73.0, 73.0),
        "B": (10.0, 36.5),
        "C": (10.0, 0.0),
        "D": (36.4, 0.0),
        "E": (5000.0, 0.0),
        "F": (0.0, 0.0),
        "H": (0.0, 0.0),
    }


def test_potential_is_of_products_that_are_not_owned(spark: SparkSession) -> None:
    pairs = spark.createDataFrame(
        [("A", "P1", 0.1, 73), ("A", "P2", 0.5, 365), ("A", "P3", 0.9, 30), ("A", "P4", 0.9, 30), ("B", "P2", 0.0, 30)],
        "account_id string, product_id string, probability double, days int",
    )
    products = spark.createDataFrame([("P1", 100.0), ("P2", 10.0), ("P3", 999.0), ("P4", None)], "product_id string, margin double")
    owned = spark.createDataFrame([("A", "P3"), ("B", "P1")], "account_id string, product_id string")
    found = {row["account_id"]: row["product_potential"] for row in product_potential(pairs, products, owned).collect()}
    assert found == {"A": pytest.approx((1 - 0.9**5) * 100 + 5), "B": 0.0}


def test_figures_are_those_of_pandas(spark: SparkSession) -> None:
    random = np.random.default_rng(9)
    came = random.lognormal(4, 1.5, 300) - 20
    frame = pd.DataFrame({"account_id": [f"A{i}" for i in range(300)], "came": came, "expected": came * random.lognormal(0, 0.3, 300)})
    frame["last_year"] = random.permutation(came)
    figures = value_figures(spark.createDataFrame(frame), judged_as_of=AS_OF, scored=False)
    assert [figure.estimate for figure in figures] == ["expected", "last_year"]
    for figure in figures:
        error = frame[figure.estimate] - frame["came"]
        assert (figure.accounts, figure.mean_error) == (300, pytest.approx(error.mean()))
        assert figure.mean_absolute_error == pytest.approx(error.abs().mean())
        assert figure.mean_margin == pytest.approx(frame["came"].mean())
        assert figure.rank_correlation == pytest.approx(frame[figure.estimate].corr(frame["came"], method="spearman"), abs=0.002)
        best = frame.nlargest(30, figure.estimate)["came"].sum() / frame["came"].sum()
        assert figure.top_tenth_share == pytest.approx(best, abs=0.02)
    assert value_figures(spark.createDataFrame(frame).limit(0), judged_as_of=AS_OF, scored=False) == ()


def test_who_is_gone_brought_nothing(spark: SparkSession) -> None:
    amounts = ("energy_margin", "product_margin", "service_cost", "expected_margin", "expected_credit_loss")
    schema = ", ".join(["account_id string", *[f"{name} double" for name in amounts]])
    before = spark.createDataFrame([("A", 10.0, 2.0, 3.0, 8.0, 1.0), ("B", 5.0, 0.0, 1.0, 4.0, 0.0)], schema)
    after = spark.createDataFrame([("A", 12.0, 0.0, 2.0, 0.0, 0.0), ("C", 9.0, 0.0, 0.0, 0.0, 0.0)], schema)
    rows = {row["account_id"]: (row["expected"], row["last_year"], row["came"]) for row in against_what_came(before, after).collect()}
    assert rows == {"A": (9.0, 9.0, 10.0), "B": (4.0, 4.0, 0.0)}


def test_the_shipped_definition_holds() -> None:
    columns = {field.name: field.type for field in ACCOUNT_FEATURE.fields}
    found = load_value(file_named(None, "value/value.yml"), columns, ["arrears", "churn_household", "churn_business", "substitution"])
    assert found.definition.bands[-1].share == 1
    assert found.definition.trend.low <= 1 <= found.definition.trend.high


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("is_open", "is_opne"), r"value.yml line 1.*is_opne"),
        (("residential: 0.02", "residental: 0.02"), r"value.yml line 2.*did you mean residential"),
        (("residential: 0.02", "residential: 2"), r"value.yml line 2.*the rate of residential is 2"),
        (("[insurance]", "[insurence]"), r"value.yml line 3.*did you mean insurance"),
        (("quantity: contacts_365d", "quantity: contacts_356d"), r"value.yml line 5.*contacts_356d"),
        (("id: visit", "id: contact"), r"value.yml line 6.*contact stands twice"),
        (("loss_given_default: 0.4", "loss_given_default: 4"), r"value.yml line 8.*loss_given_default"),
        (("churn_b]", "churn_c]"), r"value.yml line 9.*model churn_c is not defined; did you mean churn_"),
        (("share: 0.1", "share: 1"), r"shares of bands must rise"),
    ],
    ids=["column", "category", "rate", "product", "quantity", "twice", "range", "model", "bands"],
)
def test_mistakes_name_file_and_line(file: Path, change: tuple[str, str], message: str) -> None:
    file.write_text(FILE.replace(*change), encoding="utf-8")
    with pytest.raises(DefinitionError, match=message):
        load_value(file, FACTS, MODELS)
