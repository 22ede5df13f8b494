"""Stages at month ends: named cases, plain Python on random lives, and the counts by Spark."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from gridlens.contracts.trajectory import NO_STAGE, STAGES
from gridlens.profile.stages import Happenings, month_ends, stage_transitions, stages
from hypothesis import given
from hypothesis import strategies as st
from pyspark.sql import SparkSession

NAMES = (NO_STAGE, *STAGES)
KINDS = (
    "account_opened",
    "account_closed",
    "bill_in_arrears",
    "arrears_cleared",
    "disconnected",
    "reconnected",
    "closing_requested",
    "signal",
    "act",
)
DAY = 20_000
Life = list[tuple[int, str]]


def happenings(lives: list[Life]) -> Happenings:
    flat = [(row, day, KINDS.index(kind)) for row, life in enumerate(lives) for day, kind in life]
    row, day, kind = (np.array([entry[i] for entry in flat], dtype=np.int64) for i in range(3))
    return Happenings(row, day, kind, len(lives))


def expected(life: Life, day: int) -> str:
    """The definition, read aloud."""
    past = [(when, kind) for when, kind in life if when <= day]
    happened = [kind for _, kind in past]
    quarter = [kind for when, kind in past if when > day - 90]
    quarter_before = [kind for when, kind in past if day - 180 < when <= day - 90]
    switched = [kind for kind in happened if kind in ("disconnected", "reconnected")]
    if "account_opened" not in happened:
        return "none"
    if "account_closed" in happened:
        return "closed"
    owes = happened.count("bill_in_arrears") > happened.count("arrears_cleared")
    if "closing_requested" in quarter or (switched[-1:] == ["disconnected"] and not owes):
        return "leaving"
    if owes:
        return "in_arrears"
    fallen = quarter_before.count("act") >= 8 and quarter.count("act") <= quarter_before.count("act") / 4
    if "signal" in quarter or fallen:
        return "at_risk"
    return "new" if day - next(when for when, kind in past if kind == "account_opened") <= 90 else "active"


CASES = {
    "opened tomorrow": ([(DAY + 1, "account_opened")], "none"),
    "opened 90 days ago": ([(DAY - 90, "account_opened")], "new"),
    "opened 91 days ago": ([(DAY - 91, "account_opened")], "active"),
    "closed today": ([(0, "account_opened"), (DAY, "account_closed")], "closed"),
    "closes tomorrow": ([(0, "account_opened"), (DAY + 1, "account_closed")], "active"),
    "owes": ([(0, "account_opened"), (DAY - 9, "bill_in_arrears")], "in_arrears"),
    "owes and is cut off": ([(0, "account_opened"), (DAY - 9, "bill_in_arrears"), (DAY - 9, "disconnected")], "in_arrears"),
    "owes one of two": (
        [(0, "account_opened"), (DAY - 40, "bill_in_arrears"), (DAY - 9, "bill_in_arrears"), (DAY - 2, "arrears_cleared")],
        "in_arrears",
    ),
    "has paid": ([(0, "account_opened"), (DAY - 9, "bill_in_arrears"), (DAY - 2, "arrears_cleared")], "active"),
    "cut off without a debt": ([(0, "account_opened"), (DAY - 9, "disconnected")], "leaving"),
    "supplied again": ([(0, "account_opened"), (DAY - 9, "disconnected"), (DAY - 9, "reconnected")], "active"),
    "asked to be cut off": ([(0, "account_opened"), (DAY - 89, "closing_requested")], "leaving"),
    "asked a quarter ago": ([(0, "account_opened"), (DAY - 90, "closing_requested")], "active"),
    "a signal in the first quarter": ([(DAY - 50, "account_opened"), (DAY - 3, "signal")], "at_risk"),
    "activity fell": ([(0, "account_opened"), *[(DAY - 100, "act")] * 8, *[(DAY - 9, "act")] * 2], "at_risk"),
    "activity fell by less": ([(0, "account_opened"), *[(DAY - 100, "act")] * 8, *[(DAY - 9, "act")] * 3], "active"),
    "too little to have fallen": ([(0, "account_opened"), *[(DAY - 100, "act")] * 7], "active"),
}


@pytest.mark.parametrize(("life", "stage"), CASES.values(), ids=CASES)
def test_named_cases(life: Life, stage: str) -> None:
    assert NAMES[stages(happenings([life]), DAY)[0]] == stage
    assert expected(life, DAY) == stage


LIVES = st.lists(
    st.lists(st.tuples(st.integers(DAY - 220, DAY + 20), st.sampled_from((*KINDS, "act", "act"))), max_size=25).map(
        lambda life: sorted([*life, (DAY - 210, "account_opened")], key=lambda entry: entry[0])
    ),
    min_size=1,
    max_size=8,
)


@given(LIVES, st.integers(DAY - 220, DAY + 20))
def test_stages_are_those_of_plain_python(lives: list[Life], day: int) -> None:
    assert [NAMES[code] for code in stages(happenings(lives), day)] == [expected(life, day) for life in lives]


@pytest.mark.parametrize(
    ("as_of", "ends"),
    [
        (dt.date(2026, 3, 31), ["2026-01-31", "2026-02-28", "2026-03-31"]),
        (dt.date(2026, 3, 30), ["2025-12-31", "2026-01-31", "2026-02-28"]),
    ],
)
def test_only_whole_months(as_of: dt.date, ends: list[str]) -> None:
    assert [str(end) for end in month_ends(as_of, 3)] == ends


def test_transitions_are_counted(spark: SparkSession) -> None:
    lives = {
        "stays": [("2024-05-01", "account_opened", None)],
        "comes": [("2026-02-10", "account_opened", None)],
        "owes": [("2024-05-01", "account_opened", None), ("2026-02-20", "bill_in_arrears", None), ("2026-03-05", "arrears_cleared", None)],
        "goes": [("2024-05-01", "account_opened", None), ("2026-02-20", "view", "close_account"), ("2026-03-15", "account_closed", None)],
        "after": [("2026-04-02", "account_opened", None)],
    }
    rows = [
        (account, dt.datetime.fromisoformat(f"{day}T04:00:00+00:00"), dt.date.fromisoformat(day), kind, page, f"{account}/{number}")
        for account, life in lives.items()
        for number, (day, kind, page) in enumerate(life)
    ]
    events = spark.createDataFrame(
        rows, "account_id string, occurred_at timestamp, local_date date, event_type string, object string, source_id string"
    )
    found = stage_transitions(events, as_of=dt.date(2026, 3, 31), months=2).collect()
    assert {(str(r["local_month"]), r["from_stage"], r["to_stage"]): (r["accounts"], r["share"]) for r in found} == {
        ("2026-02-01", "active", "active"): (1, pytest.approx(1 / 3)),
        ("2026-02-01", "none", "new"): (1, 1.0),
        ("2026-02-01", "active", "in_arrears"): (1, pytest.approx(1 / 3)),
        ("2026-02-01", "active", "leaving"): (1, pytest.approx(1 / 3)),
        ("2026-03-01", "active", "active"): (1, 1.0),
        ("2026-03-01", "new", "new"): (1, 1.0),
        ("2026-03-01", "in_arrears", "active"): (1, 1.0),
        ("2026-03-01", "leaving", "closed"): (1, 1.0),
    }
