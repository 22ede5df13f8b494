"""Tariff periods and day types: versions, months, unknowns, and intervals that straddle a change of period."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from gridlens.errors import DefinitionError
from gridlens.features.clock import day_clock
from gridlens.features.periods import CalendarLookup, TariffLookup


def row(tariff: str, start: dt.date, month: int, periods: list[str]) -> dict[str, object]:
    return {"tariff_id": tariff, "valid_from": start, "month": month, "periods": periods}


FLAT, VALLEY, MIXED = ["flat"] * 96, ["valley"] * 96, ["peak"] * 30 + ["valley"] * 66
LOOKUP = TariffLookup.of(
    [
        row("B", dt.date(2025, 1, 1), 1, FLAT),
        row("A", dt.date(2025, 6, 1), 7, VALLEY),
        row("A", dt.date(2024, 1, 1), 1, FLAT),
        row("A", dt.date(2024, 1, 1), 7, MIXED),
        row("A", dt.date(2024, 1, 1), 6, MIXED),
    ]
)


@pytest.mark.parametrize(
    ("tariff", "day", "expected"),
    [
        ("A", "2024-07-31", MIXED),
        ("A", "2024-01-01", FLAT),
        ("A", "2025-05-31", None),
        ("A", "2025-06-30", MIXED),  # the newest row, of July, says nothing of June
        ("A", "2026-01-10", FLAT),
        ("A", "2025-07-01", VALLEY),
        ("A", "2023-12-31", None),
        ("B", "2024-12-31", None),
        ("B", "2026-01-15", FLAT),
        ("B", "2026-02-01", None),
        (None, "2026-01-15", None),
    ],
)
def test_the_version_in_force_and_its_month_decide(tariff: str | None, day: str, expected: list[str] | None) -> None:
    code = LOOKUP.ids[tariff] if tariff else -1
    pattern = int(LOOKUP.patterns(np.array([code]), np.array([day], dtype="datetime64[D]"))[0])
    if expected is None:
        assert pattern == -1
    else:
        assert pattern >= 0
        weights = LOOKUP.weights(pattern, day_clock(96, 15))
        names = np.array(["sharp", "peak", "flat", "valley", "deep_valley"])
        assert names[weights.argmax(axis=1)].tolist() == expected
        assert weights.max() == 1.0


def test_an_interval_over_two_periods_is_divided_by_time() -> None:
    pattern = int(LOOKUP.patterns(np.array([LOOKUP.ids["A"]]), np.array(["2024-07-01"], dtype="datetime64[D]"))[0])
    seven = LOOKUP.weights(pattern, day_clock(24, 60))[7]  # peak until 07:30
    np.testing.assert_allclose(seven, [0, 0.5, 0, 0.5, 0])


def test_an_empty_tariff_table_means_no_pattern() -> None:
    assert TariffLookup.of([]).patterns(np.array([-1, 0]), np.array(["2024-07-01"] * 2, dtype="datetime64[D]")).tolist() == [-1, -1]


@pytest.mark.parametrize(
    ("periods", "message"), [(["flat"] * 95, "found 95"), (["flat"] * 95 + ["off_peak"], "unknown period off_peak"), (None, "found 0")]
)
def test_a_wrong_pattern_is_named(periods: list[str], message: str) -> None:
    with pytest.raises(DefinitionError, match=f"tariff A from 2024-01-01, month 7: .*{message}"):
        TariffLookup.of([row("A", dt.date(2024, 1, 1), 7, periods)])


def test_calendar_gives_types_inside_and_none_outside() -> None:
    rows = [{"local_date": dt.date(2026, 2, d), "day_type": k} for d, k in ((16, "holiday"), (14, "working"), (21, "weekend"))]
    days = np.arange("2026-02-13", "2026-02-23", dtype="datetime64[D]")
    names = dict(zip(days.astype(str).tolist(), CalendarLookup.of(rows).names(days), strict=True))
    expected = {"2026-02-14": "working", "2026-02-16": "holiday", "2026-02-21": "weekend"}
    assert {day: name for day, name in names.items() if name} == expected
    with pytest.raises(DefinitionError, match="2026-02-14 comes twice"):
        CalendarLookup.of([*rows, rows[1]])


def test_no_calendar_at_all_gives_no_types() -> None:
    assert CalendarLookup.of([]).names(np.array(["2026-02-14"], dtype="datetime64[D]")).tolist() == [None]
