"""A scorecard meets other customers than it was fitted on: what moved is kept as of any model, and the chain fits it anew."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from gridlens.contracts.credit import CREDIT_GRADE
from gridlens.contracts.model import MODEL_DRIFT
from gridlens.contracts.silver import SILVER
from gridlens.errors import SettingsError
from gridlens.models.scorecard import Scorecard
from gridlens.models.scorecard_library import ScorecardPlan, load_scorecards
from gridlens.pipelines.credit import drift_of
from gridlens.pipelines.drift_kept import drift_kept
from gridlens.pipelines.learn import _drifted
from gridlens.pipelines.model_reads import list_drift
from gridlens.pipelines.model_watch import write_drift
from gridlens.runs import Run
from gridlens.settings import Settings
from gridlens.tracking import Version
from gridlens.warehouse import Warehouse
from pyspark.sql import SparkSession
from test_model_watch import ACCOUNTS, AS_OF, BADLY, KNOWN_AT, WELL, fill, inspections

DEFINITION = """\
scorecards:
  - id: credit_grade
    name_zh: 小
    name_en: Small
    purpose: Who takes energy past the meter
    limits: Nothing else is said
    owner: tests
    version: 1
    population: is_open
    label: {function: inspection_found, horizon_days: 30}
    characteristics: [{id: late, group: history, inputs: [late_share_365d], zh: 逾期, en: late}]
    grades: {best_first: [{id: A, zh: 好, en: good}, {id: B, zh: 差, en: bad}]}
"""
BINS = [
    {"kind": "range", "low": None, "high": 0.5, "rows": 500, "events": 20, "woe": 1.0, "iv": 0.1, "points": 640},
    {"kind": "range", "low": 0.5, "high": None, "rows": 400, "events": 80, "woe": -1.0, "iv": 0.1, "points": 560},
    {"kind": "missing", "rows": 100, "events": 10, "woe": 0.0, "iv": 0.0, "points": 600},
]
VERSION = Version("credit_grade", "gridlens_credit_grade", 3, "run", dt.datetime(2026, 1, 1, tzinfo=dt.UTC), metrics={"roc_auc": 0.9})


@pytest.fixture
def plan(tmp_path: Path) -> ScorecardPlan:
    file = tmp_path / "small.yml"
    file.write_text(DEFINITION, encoding="utf-8")
    return load_scorecards([file], {"is_open": "boolean", "late_share_365d": "double", "category": "string"})[0]


@pytest.fixture
def card(plan: ScorecardPlan) -> Scorecard:
    """1,000 rows: half of them of few late bills, a tenth without any known."""
    characteristic = plan.definition.characteristics[0].model_dump()
    grades = [{"id": g, "zh": g, "en": g, "points_from": at, "rows": 500, "events": 50, "pd": 0.1} for g, at in (("A", 600), ("B", None))]
    return Scorecard.model_validate(
        {
            "id": "credit_grade",
            "name_zh": "小",
            "name_en": "Small",
            "version": 1,
            "fingerprint": "f" * 64,
            "rows": 1000,
            "events": 110,
            "intercept": -2.0,
            "scaling": plan.definition.scaling.model_dump(),
            "reasons": plan.definition.reasons.model_dump(),
            "lines": [{"characteristic": characteristic, "bins": BINS, "coefficient": -1.0, "neutral": 600.0}],
            "grades": grades,
            "distribution": [
                {"points_from": None, "rows": 400},
                {"points_from": 600, "rows": 100},
                {"points_from": 640, "rows": 500},
            ],
        }
    )


def graded(day: dt.date, *, turned: bool = False) -> list[dict[str, Any]]:
    """The higher the account's number, the more probably it is bad; ``turned`` says the contrary."""
    known = dt.datetime.combine(day, dt.time(16), dt.UTC) + dt.timedelta(days=1)
    common = {"scorecard": "credit_grade", "version": 3, "as_of": day, "known_at": known, "overlays": [], "reasons": []}
    return [{"account_id": f"A{i}", "pd": (ACCOUNTS - i if turned else i) / (ACCOUNTS + 1), **common} for i in range(ACCOUNTS)]


def test_what_moved_is_kept_shown_and_asks_for_a_new_scorecard(
    spark: SparkSession, warehouse: Warehouse, settings: Settings, plan: ScorecardPlan, card: Scorecard
) -> None:
    with pytest.raises(SettingsError, match="credit_grade has not scored yet: run `gridlens credit grade --scorecard credit_grade`"):
        list_drift(spark, settings, "credit_grade")
    points = [{"metering_point_id": f"P{i}", "account_id": f"A{i}", "valid_from": dt.date(2025, 1, 1)} for i in range(ACCOUNTS)]
    fill(warehouse, SILVER["metering_point"], points)
    fill(warehouse, SILVER["inspection"], inspections(dt.date(2026, 1, 15)) + inspections(dt.date(2026, 2, 10)))
    fill(warehouse, CREDIT_GRADE, graded(WELL) + graded(BADLY, turned=True))
    late = spark.createDataFrame([(0.9 if i % 10 else None,) for i in range(300)], "late_share_365d double")

    found = drift_of(warehouse, plan, card, VERSION, late, (AS_OF, KNOWN_AT))
    assert [(one.kind, one.subject, one.rows, one.rows_before, one.warning) for one in found.shifts] == [
        ("score", "points", 300, 1000, True),
        ("feature", "late", 300, 1000, True),
    ]
    assert (found.shifts[1].missing, found.shifts[1].missing_before) == (0.1, 0.1)
    assert found.shifts[0].psi > 0.25
    assert [(one.as_of, one.roc_auc, one.warning) for one in found.moments] == [(WELL, 1.0, False), (BADLY, 0.0, True)]
    assert found.retrain

    assert not _drifted(warehouse, VERSION)
    run = Run("credit", {})
    write_drift(warehouse, found, "credit_grade", 3, AS_OF, KNOWN_AT, run)
    write_drift(warehouse, found, "credit_grade", 3, AS_OF, KNOWN_AT, run)
    assert warehouse.read(MODEL_DRIFT).count() == 4
    assert drift_kept(warehouse, VERSION, AS_OF, KNOWN_AT) == found
    without = drift_kept(warehouse, replace(VERSION, metrics={}), AS_OF, KNOWN_AT)
    assert (without.shifts, without.moments, without.retrain) == (found.shifts, (), True), "nothing to compare a later AUC with"
    nothing = drift_kept(warehouse, replace(VERSION, version=4), AS_OF, KNOWN_AT)
    assert (nothing.shifts, nothing.warnings, nothing.retrain) == ((), (), False)
    assert _drifted(warehouse, VERSION)
    told = list_drift(spark, settings, "credit_grade")
    assert {row["subject"] for row in told} == {"points", "late", str(WELL), str(BADLY)}
    assert all(row["retrain"] for row in told)


def test_the_same_customers_have_not_moved(spark: SparkSession, warehouse: Warehouse, plan: ScorecardPlan, card: Scorecard) -> None:
    shares = [0.2] * 50 + [0.7] * 40 + [None] * 10
    found = drift_of(
        warehouse, plan, card, VERSION, spark.createDataFrame([(s,) for s in shares], "late_share_365d double"), (AS_OF, KNOWN_AT)
    )
    assert (found.retrain, found.warnings, found.moments) == (False, (), ())
