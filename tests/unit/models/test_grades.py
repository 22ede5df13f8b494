"""Grades of accounts: overlays that count, what they move, reasons; against plain Python."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from gridlens.contracts.credit import CREDIT_GRADE, CREDIT_OVERLAY
from gridlens.errors import SettingsError, SourceError
from gridlens.models.grades import grade, no_overlays
from gridlens.models.overlay import COLUMNS, read_overlays
from gridlens.models.scorecard import Scorecard
from pyspark.sql import SparkSession
from scorecard_support import definition

AS_OF = dt.date(2026, 3, 31)
KNOWN_AT = dt.datetime(2026, 4, 1, 16, tzinfo=dt.UTC)
LATER = KNOWN_AT + dt.timedelta(seconds=1)
BEFORE = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
OVERLAY = definition().overlay
CUTS = [120.0, 100.0, 80.0, 60.0]


def line(name: str, group: str, points: list[float], cuts: list[float]) -> dict[str, Any]:
    """A characteristic with given points of its ranges and, last, of missing values."""
    edges = [None, *cuts, None]
    counts = {"rows": 10, "events": 2, "woe": 0.0, "iv": 0.0}
    bins = [{"kind": "range", "low": edges[i], "high": edges[i + 1], "points": p, **counts} for i, p in enumerate(points[:-1])]
    bins.append({"kind": "missing", "points": points[-1], **counts})
    named = {"id": name, "group": group, "inputs": [name], "zh": name, "en": name}
    return {"characteristic": named, "bins": bins, "coefficient": -1.0, "neutral": 30.0}


CARD = Scorecard.model_validate(
    {
        "id": "small",
        "name_zh": "小",
        "name_en": "Small",
        "version": 1,
        "fingerprint": "f" * 64,
        "rows": 20,
        "events": 4,
        "intercept": -1.0,
        "scaling": {"points": 100, "odds": 10, "double": 20},
        "reasons": {"top": 2},
        "lines": [
            line("late", "history", [50.0, 30.0, 10.0, 25.0], [1.0, 5.0]),
            line("bill", "ability", [45.0, 35.0, 40.0], [100.0]),
            line("slow", "willingness", [40.0, 15.0, 20.0], [0.5]),
        ],
        "grades": [
            {"id": g, "zh": g, "en": g, "points_from": cut, "rows": 4, "events": 1, "pd": 0.1}
            for g, cut in zip("ABCDE", [*CUTS, None], strict=True)
        ],
    }
)
ACCOUNTS = [
    ("a1", "65", 0.0, 50.0, 0.0),  # 50 + 45 + 40 = 135: A
    ("a2", "65", 2.0, 50.0, 0.0),  # 30 + 45 + 40 = 115: B
    ("a3", None, 9.0, 500.0, 0.7),  # 10 + 35 + 15 = 60: D
    ("a4", None, None, None, None),  # 25 + 40 + 20 = 85: C
]


def decision(identity: str, factor: str, account: str | None = None, **other: Any) -> tuple[Any, ...]:
    """A row of credit_overlay_v1."""
    row = {
        "overlay_id": identity,
        "factor": factor,
        "account_id": account,
        "industry_code": None,
        "known_from": BEFORE,
        "reason": f"because {identity}",
        "author": "credit office",
        "withdrawn": False,
        "decided_on": dt.date(2026, 1, 1),
        "expires_on": dt.date(2026, 12, 31),
        **other,
    }
    return tuple(row[name] for name in CREDIT_OVERLAY.columns)


def graded(spark: SparkSession, decisions: list[tuple[Any, ...]]) -> dict[str, dict[str, Any]]:
    accounts = spark.createDataFrame(ACCOUNTS, "account_id string, industry_code string, late double, bill double, slow double")
    overlays = spark.createDataFrame(decisions, CREDIT_OVERLAY.schema) if decisions else no_overlays(accounts)
    rows = CREDIT_GRADE.conform(grade(accounts, CARD, overlays, OVERLAY, version=7, as_of=AS_OF, known_at=KNOWN_AT))
    return {row["account_id"]: row.asDict(recursive=True) for row in rows.collect()}


def test_points_grades_and_reasons_without_any_decision(spark: SparkSession) -> None:
    found = graded(spark, [])
    assert {name: (row["points"], row["grade"]) for name, row in found.items()} == {
        "a1": (135.0, "A"),
        "a2": (115.0, "B"),
        "a3": (60.0, "D"),
        "a4": (85.0, "C"),
    }
    assert all(row["grade"] == row["grade_before_overlay"] and row["moved"] == 0 and row["overlays"] == [] for row in found.values())
    assert (found["a3"]["history"], found["a3"]["ability"], found["a3"]["willingness"]) == (10.0, 35.0, 15.0)
    assert found["a1"]["reasons"] == []
    assert [(r["characteristic"], r["value"], r["lost"]) for r in found["a3"]["reasons"]] == [("late", "9.0", 40.0), ("slow", "0.7", 25.0)]
    assert [(r["characteristic"], r["value"], r["lost"]) for r in found["a4"]["reasons"]] == [("late", None, 25.0), ("slow", None, 20.0)]
    assert found["a1"]["pd"] == pytest.approx(1 / (1 + 10 * 2 ** ((135 - 100) / 20)))
    assert {row["version"] for row in found.values()} == {7}


def test_decisions_move_grades_within_bounds_and_are_told(spark: SparkSession) -> None:
    found = graded(
        spark,
        [
            decision("o1", "guarantee", "a1"),  # A stays A
            decision("o2", "weak_industry", industry_code="65"),  # a1 and a2: one down
            decision("o3", "theft", "a2"),  # at most D
            decision("o4", "guarantee", "a3"),  # D up to C
            decision("o5", "guarantee", "a3", decided_on=dt.date(2026, 2, 1)),  # the same factor counts once, the newer is told
            decision("o6", "dispute", "a4"),
            decision("o7", "no longer defined", "a4"),
        ],
    )
    assert {name: (row["grade_before_overlay"], row["grade"], row["moved"]) for name, row in found.items()} == {
        "a1": ("A", "A", 0),
        "a2": ("B", "D", -2),
        "a3": ("D", "C", 1),
        "a4": ("C", "D", -1),
    }
    assert [one["overlay_id"] for one in found["a3"]["overlays"]] == ["o5"]
    assert [(one["overlay_id"], one["author"], one["reason"]) for one in found["a1"]["overlays"]] == [
        ("o2", "credit office", "because o2"),
        ("o1", "credit office", "because o1"),
    ]
    assert found["a2"]["points"] == 115.0, "the points are the scorecard's"


@pytest.mark.parametrize(
    ("rows", "moved"),
    [
        ([decision("o", "guarantee", "a3", expires_on=dt.date(2026, 3, 31))], 1),
        ([decision("o", "guarantee", "a3", expires_on=dt.date(2026, 3, 30))], 0),
        ([decision("o", "guarantee", "a3", decided_on=dt.date(2026, 3, 31))], 1),
        ([decision("o", "guarantee", "a3", decided_on=dt.date(2026, 4, 1))], 0),
        ([decision("o", "guarantee", "a3", known_from=KNOWN_AT)], 1),
        ([decision("o", "guarantee", "a3", known_from=LATER)], 0),
        ([decision("o", "guarantee", "a3"), decision("o", "guarantee", "a3", known_from=KNOWN_AT, withdrawn=True)], 0),
        (
            [
                decision("o", "guarantee", "a3"),
                decision("o", "guarantee", "a3", known_from=LATER, withdrawn=True),
            ],
            1,
        ),
    ],
    ids=["last day", "expired", "first day", "not yet", "just known", "not known yet", "withdrawn", "withdrawn later"],
)
def test_only_what_is_known_and_in_force_counts(spark: SparkSession, rows: list[tuple[Any, ...]], moved: int) -> None:
    assert graded(spark, rows)["a3"]["moved"] == moved


def test_a_column_that_is_not_there_is_named(spark: SparkSession) -> None:
    accounts = spark.createDataFrame([("a", 1.0)], "account_id string, late double")
    with pytest.raises(SettingsError, match="reads bill, slow, which the accounts have not"):
        grade(accounts, CARD, no_overlays(accounts), OVERLAY, version=1, as_of=AS_OF, known_at=KNOWN_AT)


GOOD = "o1,guarantee,parent company guarantees,credit office,a1,,2026-01-01,2026-12-31,"


def test_decisions_are_read_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "decisions.csv"
    head = ",".join(["overlay_id", "factor", "reason", "author", *COLUMNS[4:]])
    file.write_text(f"{head}\n{GOOD}\no2,weak_industry,coal falls,risk,,06,2026-02-01,2026-03-01,true\n", encoding="utf-8")
    found = [dict(zip(CREDIT_OVERLAY.columns, row, strict=True)) for row in read_overlays(file, OVERLAY, known_from=BEFORE)]
    assert [(row["account_id"], row["industry_code"], row["withdrawn"]) for row in found] == [("a1", None, False), (None, "06", True)]
    assert found[0]["expires_on"] == dt.date(2026, 12, 31)
    assert found[1]["known_from"] == BEFORE


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("credit office", "", "column author is empty"),
        ("guarantee,", "garantee,", "garantee is not defined; did you mean guarantee?"),
        ("2026-12-31", "31.12.2026", "31.12.2026 is no day"),
        ("2026-12-31", "2025-12-31", "is before decided_on"),
        ("a1,,", "a1,06,", "exactly one of account_id and industry_code"),
        ("a1,,", ",,", "exactly one of account_id and industry_code"),
        ("2026-12-31,", "2026-12-31,perhaps", "expected true, false or nothing"),
        (GOOD, f"{GOOD}\n{GOOD}", "stands on line 2 already"),
    ],
)
def test_mistakes_in_the_file_are_named_with_their_line(tmp_path: Path, old: str, new: str, says: str) -> None:
    file = tmp_path / "decisions.csv"
    file.write_text(f"{','.join(COLUMNS)}\n{GOOD.replace(old, new, 1)}\n", encoding="utf-8")
    with pytest.raises(SourceError, match=r"decisions\.csv line [23]: ") as error:
        read_overlays(file, OVERLAY, known_from=BEFORE)
    assert says in str(error.value)


def test_a_file_without_a_column_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "decisions.csv"
    file.write_text("overlay_id,factor\n", encoding="utf-8")
    with pytest.raises(SourceError, match="has no column reason, author"):
        read_overlays(file, OVERLAY, known_from=BEFORE)
