"""Hazards against counts and formulas written out step by step."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any, get_args

import numpy as np
import pytest
from gridlens.contracts.churn import ANY_CAUSE, CAUSE_NAMES, CHURN_HAZARD
from gridlens.models.hazard import MonthCount, curve, hazard_rows, incidence, month_counts, month_windows
from gridlens.models.labels.departure import Cause
from hypothesis import given
from hypothesis import strategies as st
from pyspark.sql import SparkSession

JANUARY, FEBRUARY = dt.date(2026, 1, 1), dt.date(2026, 2, 1)


def test_every_cause_of_the_label_has_a_name() -> None:
    assert tuple(CAUSE_NAMES) == (ANY_CAUSE, *get_args(Cause))


def test_windows_are_the_last_whole_months() -> None:
    windows = month_windows(dt.date(2026, 3, 30), 3)
    assert [(w.begin, w.end, w.horizon_days) for w in windows] == [
        (dt.date(2025, 11, 30), dt.date(2025, 12, 31), 31),
        (dt.date(2025, 12, 31), dt.date(2026, 1, 31), 31),
        (dt.date(2026, 1, 31), dt.date(2026, 2, 28), 28),
    ]
    assert month_windows(dt.date(2026, 3, 31), 1)[0].end == dt.date(2026, 3, 31)


@given(st.lists(st.tuples(st.integers(1, 500), st.integers(0, 500), st.integers(0, 500)), min_size=1, max_size=15))
def test_the_curve_is_that_of_the_formulas(months: list[tuple[int, int, int]]) -> None:
    months = [(n, min(first, n), min(other, n - min(first, n))) for n, first, other in months]
    at_risk, events, others = (np.array(column, dtype=float) for column in zip(*months, strict=True))
    found, lost, of_others = (
        curve(at_risk, events),
        incidence(at_risk, events, events + others),
        incidence(at_risk, others, events + others),
    )
    stay, spread, left, gone = 1.0, 0.0, 1.0, 0.0
    for i, (n, first, other) in enumerate(months):
        stay *= 1 - first / n
        spread += first / (n * (n - first)) if first < n else math.inf
        gone += left * first / n
        left *= 1 - (first + other) / n
        assert found.survival[i] == pytest.approx(stay, abs=1e-12)
        assert lost[i] == pytest.approx(gone, abs=1e-12)
        assert lost[i] + of_others[i] == pytest.approx(1 - left, abs=1e-9)
        if stay <= 0:
            assert (found.error[i], math.isnan(found.low[i])) == (0.0, True)
            continue
        assert found.error[i] == pytest.approx(stay * math.sqrt(spread), rel=1e-9)
        if stay == 1:
            assert math.isnan(found.low[i])
            assert math.isnan(found.high[i])
            continue
        # The interval of log(-log S) has the half-width 1.96 sqrt(sum) / |log S| (Kalbfleisch and Prentice 1980).
        half = 1.959963984540054 * math.sqrt(spread) / abs(math.log(stay))
        middle = math.log(-math.log(stay))
        bounds = [math.exp(-math.exp(middle + half)), math.exp(-math.exp(middle - half))]
        assert [found.low[i], found.high[i]] == pytest.approx(bounds, rel=1e-6, abs=1e-12)


def test_rows_are_by_party_cause_and_month() -> None:
    counts = [
        MonthCount("person", FEBRUARY, 96, {"closed": 2}),
        MonthCount("person", JANUARY, 100, {"closed": 3, "faded": 1}),
        MonthCount("company", JANUARY, 10, {}),
    ]
    rows = {(row["party_kind"], row["cause"], row["month"]): row for row in hazard_rows(counts, ("closed", "faded"))}
    assert len(rows) == 2 * 3 + 3
    last: dict[str, Any] = rows["person", ANY_CAUSE, FEBRUARY]
    assert (last["at_risk"], last["events"], last["hazard"]) == (96, 2, pytest.approx(2 / 96))
    assert last["survival"] == pytest.approx(0.96 * 94 / 96)
    assert last["incidence"] == pytest.approx(1 - 0.96 * 94 / 96)
    assert last["survival_low"] < last["survival"] < last["survival_high"]
    closed = rows["person", "closed", FEBRUARY]
    assert closed["incidence"] == pytest.approx(0.03 + 0.96 * 2 / 96)
    assert rows["company", ANY_CAUSE, JANUARY]["survival_low"] is None
    assert {*last, "as_of", "known_at"} == set(CHURN_HAZARD.columns)


def test_accounts_count_by_what_they_were_when_the_month_began(spark: SparkSession) -> None:
    day = dt.date(2020, 1, 1)
    accounts = spark.createDataFrame(
        [
            ("A", "person", day, day),
            ("A", "company", dt.date(2026, 1, 5), day),
            ("B", "person", day, day),
            ("C", "company", day, day),
            ("D", "person", day, day),
        ],
        "account_id string, party_kind string, valid_from date, known_from date",
    )
    labelled = spark.createDataFrame(
        [("A", 1, "closed"), ("B", 0, None), ("C", 1, "faded")], "account_id string, label int, cause string"
    )  # D was not open
    (window,) = month_windows(dt.date(2026, 1, 31), 1)
    assert month_counts(labelled, accounts, window) == [
        MonthCount("company", JANUARY, 1, {"faded": 1}),
        MonthCount("person", JANUARY, 2, {"closed": 1}),
    ]
