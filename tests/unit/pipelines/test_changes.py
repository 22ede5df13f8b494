"""Which months are computed again, and what a backfill leaves for the next run."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pandas as pd
import pytest
from gridlens.conffiles import packaged
from gridlens.contracts.account_feature import ACCOUNT_FEATURE
from gridlens.contracts.gold import LOAD_SHAPE_DAY
from gridlens.contracts.silver import CALENDAR, INTERVAL_ESTIMATE
from gridlens.pipelines import account_features, changes
from gridlens.pipelines.changes import (
    ACCOUNTS,
    REFERENCE,
    WEATHER,
    WRITTEN_BY,
    changed_months,
    rows_digest,
    standing,
    standing_digests,
    year_moved,
)
from gridlens.settings import load_settings
from gridlens.tables import Table
from gridlens.warehouse import Warehouse

YEAR = "years: [{year: 2031, source: a test, holidays: {2031-01-01: 元旦}, makeup_workdays: []}]"
JAN, FEB, MAR = (dt.date(2026, month, 1) for month in (1, 2, 3))
NOW = {f"month/{JAN}": "a2", f"month/{FEB}": "b", f"month/{MAR}": "c", "as_of": "2026-03-31", ACCOUNTS: "x"}
NOW |= {"points/2020-01-01": "p", f"points/{FEB}": "q", REFERENCE: "r", WEATHER: "w"}


def test_nothing_changed_nothing_computed() -> None:
    assert changed_months(NOW, NOW) == []


def test_batches_that_only_accounts_depend_on_move_no_month() -> None:
    assert changed_months(NOW, {**NOW, ACCOUNTS: "before", WRITTEN_BY: "a run"}) == []


def test_a_shared_input_moves_every_month() -> None:
    assert changed_months(NOW, {**NOW, REFERENCE: "other"}) == [JAN, FEB, MAR]
    assert changed_months({**NOW, "checks": "tuned"}, NOW) == [JAN, FEB, MAR]
    assert changed_months(NOW, {**NOW, "points": "of an older gridlens"}) == [JAN, FEB, MAR]


def test_a_new_version_of_a_point_moves_the_months_from_its_first_day_on() -> None:
    summer = dt.date(2025, 7, 1)
    now = {**NOW, f"month/{summer}": "s"}
    assert changed_months(now, {**now, f"points/{MAR}": "gone"}) == [JAN, FEB, MAR], "those before are near enough to matter"
    assert changed_months(now, {**now, "points/2020-01-01": "other"}) == [summer, JAN, FEB, MAR]
    assert changed_months({**NOW, "points/2026-05-01": "not metered yet"}, NOW) == []


def test_weather_and_points_without_months_move_the_year_alone() -> None:
    for other in ({**NOW, WEATHER: "one more day"}, {**NOW, "as_of": "2026-04-01"}, {**NOW, "points/2026-05-01": "not metered yet"}):
        assert year_moved(other, NOW)
    assert changed_months(NOW, {**NOW, WEATHER: "other"}) == []
    assert not year_moved(NOW, {**NOW, ACCOUNTS: "other", f"month/{MAR}": "other"})


def test_a_backfill_stands_for_its_months_only() -> None:
    before = {**NOW, f"month/{JAN}": "a1", f"month/{MAR}": "c0", ACCOUNTS: "before"}
    after = standing(NOW, before, [JAN])
    assert changed_months(NOW, after) == changed_months({**NOW}, {**NOW, f"month/{MAR}": "c0"}), "March still waits to be computed"
    assert after[ACCOUNTS] == "before"


def test_a_backfill_with_other_points_leaves_the_rest_to_be_computed_with_them() -> None:
    before = {**NOW, "points/2020-01-01": "other"}
    assert changed_months(NOW, standing(NOW, before, [JAN])) == [JAN, FEB, MAR]


def test_a_backfill_before_any_whole_run_leaves_everything_to_it() -> None:
    assert changed_months(NOW, standing(NOW, {}, [FEB])) == [JAN, FEB, MAR]


@pytest.mark.parametrize(
    ("notes", "lost"),
    [
        ([], set()),
        (["whole 2026-01-01 2026-02-01", "died before 2026-03-01"], set()),
        (["died 2026-01-01", "too 2026-01-01 2026-02-01", "whole 2026-03-01"], {f"month/{JAN}", f"month/{FEB}"}),
        (["died 2026-03-01"], {f"month/{MAR}"}),
    ],
)
def test_what_a_run_wrote_that_came_to_no_end_is_computed_again(notes: list[str], lost: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """``whole`` is the last run that succeeded."""
    digests = {**NOW, REFERENCE: "r", WRITTEN_BY: "whole"}
    monkeypatch.setattr(changes, "last_digests", lambda warehouse: digests)
    assert standing_digests(Histories(notes, ["r", "earlier"])) == {name: digest for name, digest in digests.items() if name not in lost}
    assert digests.keys() - standing_digests(Histories(notes, ["of a run that died", "r"])).keys() == {*lost, REFERENCE}


class Histories(Warehouse):
    """A warehouse of which only the notes in its tables' histories matter."""

    def __init__(self, shapes: list[str], calendar: list[str]) -> None:
        self.told = {INTERVAL_ESTIMATE.name: shapes[::2], LOAD_SHAPE_DAY.name: shapes[1::2], CALENDAR.name: calendar}
        self.order = [*shapes, *calendar]

    def notes(self, *tables: Table, since: dt.datetime | None = None) -> list[str]:
        return sorted((note for table in tables for note in self.told[table.name]), key=self.order.index)


def test_one_day_or_price_in_the_middle_makes_another_reference() -> None:
    days = pd.DataFrame({"local_date": pd.date_range("2024-01-01", "2026-12-31").date, "day_type": "working"})
    other = days.copy()
    other.loc[500, "day_type"] = "holiday"
    assert rows_digest(days, days) == rows_digest(days.copy(), days)
    assert len({rows_digest(days, days), rows_digest(days, other), rows_digest(other, days)}) == 3


def test_another_column_or_definition_makes_past_moments_be_computed_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(account_features, "batches_digest", lambda warehouse: "3:77")

    def digest() -> str:
        return account_features.facts_digest(Warehouse(cast(Any, None), load_settings("local", tmp_path)))

    now = digest()
    assert now.startswith("3:77/")
    assert " " not in now, "what follows a space is the moment"
    with monkeypatch.context() as patch:
        older = replace(ACCOUNT_FEATURE, fields=tuple(f for f in ACCOUNT_FEATURE.fields if f.name != "age_band"))
        patch.setattr(account_features, "ACCOUNT_FEATURE", older)
        assert digest() != now
    for name, old, new in (("checks/context.yml", "zero_hours: 48", "zero_hours: 24"), ("calendars/CN.yml", "years: []", YEAR)):
        own = tmp_path / name
        own.parent.mkdir()
        text = (packaged() / name).read_text(encoding="utf-8")
        assert old in text
        own.write_text(text, encoding="utf-8")
        assert digest() == now
        own.write_text(text.replace(old, new), encoding="utf-8")
        assert digest() != now, name
        own.unlink()
