"""Axes, scales and paths of the page's charts."""

from __future__ import annotations

import re

import numpy as np
import pytest
from gridlens.reports.profile_charts import _path, bills_chart, nice_top, period_runs, typical_day_chart
from gridlens.reports.profile_heat import LEVELS, _runs, hours_chart, levels_of
from gridlens.reports.profile_view import energy, money, percent
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from profile_support import bill, much_known


@given(st.floats(1e-6, 1e9), st.integers(2, 6))
def test_an_axis_ends_just_above_on_a_round_number(highest: float, ticks: int) -> None:
    top, step = nice_top(highest, ticks)
    assert highest <= top * (1 + 1e-6)
    assert top - step < highest * (1 + 1e-6), "no empty step on top"
    assert round(top / step) == pytest.approx(top / step)
    assert 1 <= round(top / step) <= ticks + 1
    assert f"{step:.3e}"[:5].rstrip("0").rstrip(".") in {"1", "2", "2.5", "5"}


def test_an_axis_of_nothing() -> None:
    assert nice_top(0.0) == (1.0, 1.0)


@given(arrays.arrays(bool, st.tuples(st.integers(1, 6), st.integers(1, 20))))
def test_runs_cover_the_cells_and_no_other(mask: np.ndarray) -> None:
    again = np.zeros_like(mask)
    for begin, row, length in re.findall(r"M(\d+) (\d+)h(\d+)v1h-\d+z", _runs(mask)):
        cells = again[int(row), int(begin) : int(begin) + int(length)]
        assert not cells.any()
        cells[:] = True
    assert (again == mask).all()


def test_levels_rise_with_the_value_and_leave_out_the_unknown() -> None:
    levels = levels_of(np.array([0.0, 1.0, 50.0, 100.0, np.nan]))
    assert levels[4] == -1
    assert levels[0] == 0
    assert levels[3] == LEVELS - 1
    assert (np.diff(levels[:4]) >= 0).all()
    assert levels_of(np.zeros(3)).tolist() == [0, 0, 0]
    assert levels_of(np.full(2, np.nan)).tolist() == [-1, -1]


def test_a_line_breaks_where_nothing_is_known() -> None:
    assert _path([1.0, None, 2.0, 1.0], 2.0) == "M0.5 50M2.5 0L3.5 50"


def test_periods_become_runs_of_the_day() -> None:
    assert period_runs(("valley",) * 24 + ("peak",) * 72) == [("valley", 0.0, 25.0), ("peak", 25.0, 100.0)]


def test_the_typical_day_tells_its_hours_and_periods() -> None:
    day = much_known().typical_day
    assert day is not None
    chart = typical_day_chart(day)
    assert "08:00–09:00 工作日 1.00 kW · 周末与节假日 0.50 kW · 上网 0.10 kW" in chart.svg
    assert chart.svg.count('class="period ') == 2
    assert [name for name, _, _ in chart.legend] == ["working", "resting", "export"]
    assert chart.y[-1].text == "1.00"


def test_bars_tell_what_became_of_the_bills() -> None:
    chart = bills_chart([bill(1), bill(2, state="overdue", late=3), bill(3, amount="-5.00")], "CNY")
    assert re.findall(r'class="bar (\w+)" x="[\d.]+" y="([\d.]+)"', chart.svg) == [("settled", "0"), ("overdue", "0"), ("settled", "100")]
    assert "欠费，逾期 3 天" in chart.svg


def test_hours_begin_with_the_first_curve() -> None:
    year = much_known().year
    assert year is not None
    chart = hours_chart(year)
    assert chart is not None
    assert 'viewBox="0 0 2 24"' in chart.svg


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (energy(None), "—"),
        (energy(12.34), "12.3 kWh"),
        (energy(99_999), "99,999 kWh"),
        (energy(3_181_900), "3,182 MWh"),
        (money("-20.5", "CNY"), "−¥20.50"),
        (money(19605.36, "CNY"), "¥19,605"),
        (money(0, "SEK"), "SEK 0"),
        (percent(-0.034, signed=True), "−3 %"),
        (percent(None), "—"),
    ],
)
def test_figures_in_words(told: str, expected: str) -> None:
    assert told == expected
