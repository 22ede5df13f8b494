"""Definitions of models: those that come along hold; a mistake names file, line and the nearest name."""

from __future__ import annotations

from pathlib import Path

import pytest
from gridlens.contracts.account_feature import ACCOUNT_FEATURE
from gridlens.errors import DefinitionError, SettingsError
from gridlens.models.labels.arrears import BillUnpaid
from gridlens.models.library import Model, load_models, named
from gridlens.pipelines.declared import model_library
from gridlens.settings import load_settings

COLUMNS = {
    "is_open": "boolean",
    "late_share_365d": "double",
    "late_bills_90d": "int",
    "category": "string",
    "opened_on": "date",
    "party_id": "string",
    "profile_working_kw": "array<double>",
}
GOOD = """\
models:
  - id: late
    name_zh: 拖欠
    name_en: Late
    purpose: Who will pay late
    limits: Nothing else is said
    owner: collection
    version: 1
    population: is_open
    label:
      function: bill_unpaid
      arguments: {days: 15}
      horizon_days: 30
    features:
      - {name: late_share_365d, monotone: increasing, zh: 逾期, en: late}
      - {name: is_open, kind: flag}
      - {name: late_bills_90d, kind: category}
    learner: {algorithms: [{kind: logistic_regression, grid: {ridge: [0.1]}}]}
    groups: [category]
    bands: [{id: low, zh: 低, en: low, score_from: 0}, {id: high, zh: 高, en: high, score_from: 0.1}]
"""


def loaded(folder: Path, text: str = GOOD) -> tuple[Model, ...]:
    file = folder / "x.yml"
    file.write_text(text, encoding="utf-8")
    return load_models([file], COLUMNS)


def test_the_packaged_definitions_hold() -> None:
    models = model_library(load_settings("local"))
    assert {"arrears", "churn_household", "churn_business", "substitution"} <= {model.id for model in models}
    for model in models:
        assert len(model.features) >= 10, model.id
        for feature in model.definition.features:
            assert None not in (feature.zh, feature.en), f"{model.id}: {feature.name} has no wording for reasons"
    with pytest.raises(SettingsError, match="did you mean arrears"):
        named(models, "arears")


def test_models_keep_off_the_curve() -> None:
    """Curves reach back a few months where companies have them at all: what is made of them is null in earlier moments."""
    curve = {"mean_kw", "load_factor", "night_share", "evening_share", "regularity", "export_share", "zero_share", "load_factor_percentile"}
    assert curve <= set(ACCOUNT_FEATURE.columns)
    assert {(m.id, name) for m in model_library(load_settings("local")) for name in m.features if name in curve} == set()


def test_a_definition_comes_with_its_label_and_columns(tmp_path: Path) -> None:
    (model,) = loaded(tmp_path)
    assert model.arguments == BillUnpaid(days=15)
    assert model.features == ("late_share_365d", "is_open", "late_bills_90d")
    assert model.columns == (*model.features, "category")
    assert model.population.columns == {"is_open"}


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("name: late_share_365d", "name: late_shar_365d", 15, "late_shar_365d is no column .* did you mean late_share_365d"),
        ("name: late_share_365d", "name: opened_on", 15, "is date, which is no number; take another column"),
        ("name: late_share_365d", "name: profile_working_kw", 15, "array<double>, which is no number"),
        ("name: late_share_365d", "name: party_id", 15, "party_id says who the customer is"),
        ("name: late_bills_90d, kind: category", "name: late_bills_90d, kind: flag", 17, "is int, which is no flag; write kind: number"),
        ("name: late_bills_90d, kind: category", "name: late_share_365d, kind: category", 14, "late_share_365d is listed twice"),
        ("name: late_bills_90d", "name: age_band", 17, "age_band is there to compare groups .* name it under groups"),
        ("name: is_open, kind: flag", "name: is_open, kind: flag, monotone: increasing", 16, "only a number can be increasing"),
        ("name: is_open, kind: flag", "name: is_open, kind: flag, actionable: true", 16, "say in act"),
        ("name: is_open, kind: flag", "name: is_open, kind: flag, act: call", 16, "not actionable"),
        ("population: is_open", "population: is_opn", 9, "is_opn"),
        ("population: is_open", "population: age_band = '60_and_over'", 9, "age_band"),
        ("population: is_open", "population: late_share_365d", 9, "expected a boolean"),
        ("function: bill_unpaid", "function: bill_unpayed", 11, "did you mean bill_unpaid"),
        ("days: 15", "days: soon", 12, "label bill_unpaid: field days"),
        ("days: 15", "day: 15", 12, "label bill_unpaid: field day: is unknown"),
        ("groups: [category]", "groups: [categorie]", 19, "did you mean category"),
        ("groups: [category]", "groups: [party_id]", 19, "party_id is no column"),
        ("    groups:", "    group:", 19, "unknown"),
        ("score_from: 0.1", "score_from: 0", 20, "rising score_from"),
        ("horizon_days: 30", "horizon_days: 0", 13, "greater than or equal to 1"),
        ("horizon_days: 30", "horizon_days: 187", 13, "only 6 months before the test and would share its outcomes; take more moments"),
        (
            "kind: logistic_regression,",
            "kind: logistic_regression, min_positives: 9,",
            18,
            "every algorithm has min_positives; leave it out of one",
        ),
    ],
)
def test_a_mistake_names_file_and_line(tmp_path: Path, old: str, new: str, line: int, says: str) -> None:
    assert loaded(tmp_path)
    assert GOOD.count(old) == 1
    with pytest.raises(DefinitionError, match=says) as error:
        loaded(tmp_path, GOOD.replace(old, new))
    assert f"x.yml line {line}:" in str(error.value)


def test_an_unknown_category_of_products_is_told(tmp_path: Path) -> None:
    label = "function: product_bought\n      arguments: {categories: [insurence]}"
    with pytest.raises(DefinitionError, match=r"line 12: label product_bought: .*did you mean insurance"):
        loaded(tmp_path, GOOD.replace("function: bill_unpaid\n      arguments: {days: 15}", label))
    with pytest.raises(DefinitionError, match="expected products or categories"):
        loaded(tmp_path, GOOD.replace("function: bill_unpaid\n      arguments: {days: 15}", "function: product_bought"))


def test_a_repeated_id_is_told_with_both_places(tmp_path: Path) -> None:
    (tmp_path / "y.yml").write_text(GOOD, encoding="utf-8")
    (tmp_path / "x.yml").write_text(GOOD, encoding="utf-8")
    with pytest.raises(DefinitionError, match=r"late is already used in .*x\.yml"):
        load_models([tmp_path], COLUMNS)


def test_wording_does_not_change_the_fingerprint(tmp_path: Path) -> None:
    (first,) = loaded(tmp_path)
    worded = GOOD.replace("Who will pay late", "Another purpose").replace("zh: 逾期", "zh: 迟交").replace("zh: 低", "zh: 很低")
    assert loaded(tmp_path, worded)[0].fingerprint == first.fingerprint
    for old, new in (("days: 15", "days: 16"), ("monotone: increasing, ", ""), ("score_from: 0.1", "score_from: 0.2")):
        assert loaded(tmp_path, GOOD.replace(old, new))[0].fingerprint != first.fingerprint
