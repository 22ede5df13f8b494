"""Scores against labels that have arrived since: only moments whose outcomes are over, only what was known, only the version asked for."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from gridlens.contracts.score import SCORE
from gridlens.contracts.silver import SILVER
from gridlens.models.drift import Moment, judged
from gridlens.models.drift_profile import Profile
from gridlens.models.library import Model, load_models
from gridlens.pipelines.model_watch import seen_since
from gridlens.settings import Settings
from gridlens.tables import Field, Table
from gridlens.warehouse import Warehouse

ACCOUNTS = 120
AS_OF = dt.date(2026, 3, 20)
KNOWN_AT = dt.datetime(2026, 3, 21, 16, tzinfo=dt.UTC)
WELL, BADLY, NOT_YET = dt.date(2025, 12, 31), dt.date(2026, 1, 31), dt.date(2026, 2, 28)
PROFILE = Profile("prediction", 1000, 0.9, ())
DEFINITION = """\
models:
  - id: theft
    name_zh: 窃电
    name_en: Theft
    purpose: Who takes energy past the meter
    limits: Nothing else is said
    owner: inspection
    version: 1
    population: is_open
    label: {function: inspection_found, horizon_days: 30}
    features: [{name: late_share_365d}]
    learner: {algorithms: [{kind: logistic_regression}]}
    bands: [{id: low, zh: 低, en: low, score_from: 0}, {id: high, zh: 高, en: high, score_from: 0.5}]
"""
_VALUES = {
    "string": "x",
    "boolean": False,
    "date": dt.date(2025, 1, 1),
    "timestamp": dt.datetime(2025, 1, 2, tzinfo=dt.UTC),
    "double": 1.0,
}


def value(field: Field) -> Any:
    """Something that the contract allows."""
    if field.nullable:
        return None
    if field.allowed:
        return field.allowed[0]
    return Decimal(1) if field.type.startswith("decimal") else _VALUES.get(field.type, 1)


def fill(warehouse: Warehouse, table: Table, rows: Iterable[dict[str, Any]]) -> None:
    given = [tuple({**{f.name: value(f) for f in table.fields}, **row}[name] for name in table.columns) for row in rows]
    warehouse.append(table, warehouse.spark.createDataFrame(given, table.schema))


def scores(day: dt.date, *, version: int = 3, bad: bool = False) -> list[dict[str, Any]]:
    """The higher the account's number, the higher its score; ``bad`` turns them round."""
    known = dt.datetime.combine(day, dt.time(16), dt.UTC) + dt.timedelta(days=1)
    return [
        {
            "account_id": f"A{i}",
            "model": "theft",
            "version": version,
            "as_of": day,
            "known_at": known,
            "score": (ACCOUNTS - i if bad else i) / (ACCOUNTS + 1),
            "reasons": [],
        }
        for i in range(ACCOUNTS)
    ]


def inspections(day: dt.date, *, known_from: dt.datetime | None = None) -> list[dict[str, Any]]:
    """Every account is visited; thefts are among those with high numbers."""
    known = known_from or dt.datetime.combine(day, dt.time(12), dt.UTC)
    return [
        {
            "inspection_id": f"{day}-{i}",
            "metering_point_id": f"P{i}",
            "inspected_on": day,
            "finding": "theft" if i >= 80 else "normal",
            "known_from": known,
        }
        for i in range(ACCOUNTS)
    ]


@pytest.fixture
def model(tmp_path: Path) -> Model:
    file = tmp_path / "theft.yml"
    file.write_text(DEFINITION, encoding="utf-8")
    return load_models([file], {"is_open": "boolean", "late_share_365d": "double", "category": "string"})[0]


@pytest.fixture
def filled(warehouse: Warehouse) -> Warehouse:
    points = [{"metering_point_id": f"P{i}", "account_id": f"A{i}", "valid_from": dt.date(2025, 1, 1)} for i in range(ACCOUNTS)]
    fill(warehouse, SILVER["metering_point"], points)
    looked = inspections(dt.date(2026, 1, 15)) + inspections(dt.date(2026, 2, 10)) + inspections(dt.date(2026, 3, 10))
    fill(warehouse, SILVER["inspection"], looked)
    return warehouse


def watched(warehouse: Warehouse, settings: Settings, model: Model, known_at: dt.datetime = KNOWN_AT) -> tuple[Moment, ...]:
    return seen_since(warehouse, settings, model, 3, PROFILE, as_of=AS_OF, known_at=known_at)


def test_scores_are_judged_once_their_outcomes_are_over(filled: Warehouse, settings: Settings, model: Model) -> None:
    fill(filled, SCORE, scores(WELL) + scores(BADLY, bad=True) + scores(NOT_YET) + scores(WELL, version=2, bad=True))
    found = watched(filled, settings, model)
    assert [(m.as_of, m.rows, m.positives) for m in found] == [(WELL, ACCOUNTS, 40), (BADLY, ACCOUNTS, 40)]
    assert [m.roc_auc for m in found] == [1.0, 0.0]
    assert [m.warning for m in found] == [False, True]
    drift = judged((), found, before=PROFILE)
    assert drift.retrain
    assert "as of 2026-01-31" in drift.reasons[0]


def test_days_that_a_version_may_have_learnt_from_do_not_judge_it(filled: Warehouse, settings: Settings, model: Model) -> None:
    fill(filled, SCORE, scores(WELL) + scores(BADLY, bad=True))  # scored afterwards, for the days before the version was made
    found = seen_since(filled, settings, model, 3, PROFILE, as_of=AS_OF, known_at=KNOWN_AT, since=BADLY)
    assert [m.as_of for m in found] == [BADLY]


def test_what_was_not_known_yet_judges_nothing(filled: Warehouse, settings: Settings, model: Model) -> None:
    fill(filled, SCORE, scores(WELL) + scores(BADLY, bad=True))
    early = dt.datetime(2026, 2, 3, 16, tzinfo=dt.UTC)
    assert [m.as_of for m in watched(filled, settings, model, known_at=early)] == [WELL]
    assert watched(filled, settings, model, known_at=dt.datetime(2026, 1, 20, tzinfo=dt.UTC)) == ()


def test_without_scores_of_anybody_labelled_there_is_nothing_to_judge(filled: Warehouse, settings: Settings, model: Model) -> None:
    assert watched(filled, settings, model) == ()
    fill(filled, SCORE, [{**row, "account_id": f"other {row['account_id']}"} for row in scores(WELL)])
    assert watched(filled, settings, model) == ()
