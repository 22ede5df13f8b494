"""One account's curves on the wall clock, and its days from registers, against plain Python."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pyarrow as pa
import pytest
from gridlens.features.account_curve import curve_days, daily_energy, hour_means, mean_day, quarter_hour_kw
from gridlens.features.clock import day_clock
from hypothesis import given
from hypothesis import strategies as st

FIRST = dt.date(2026, 3, 1)
ZONE = "Asia/Shanghai"


def blocks(*rows: tuple[str, int, int, list[float | None]], zone: str = ZONE, first: dt.date = FIRST) -> pa.Table:
    """Rows (point, day, resolution, values)."""
    return pa.table(
        {
            "metering_point_id": [row[0] for row in rows],
            "local_date": pa.array([first + dt.timedelta(days=row[1]) for row in rows], pa.date32()),
            "resolution_minutes": pa.array([row[2] for row in rows], pa.int32()),
            "zone": [zone for _ in rows],
            "values": pa.array([row[3] for row in rows], pa.list_(pa.float64())),
        }
    )


@given(st.sampled_from([15, 30, 60]), st.data())
def test_quarter_hours_of_any_resolution(resolution: int, data: st.DataObject) -> None:
    count = 1440 // resolution
    values = data.draw(st.lists(st.one_of(st.none(), st.floats(0, 50)), min_size=count, max_size=count))
    power = quarter_hour_kw(np.array([[np.nan if v is None else v for v in values]]), day_clock(count, resolution).quarters, resolution)[0]
    for quarter in range(96):
        value = values[quarter * 15 // resolution]
        assert np.isnan(power[quarter]) if value is None else power[quarter] == pytest.approx(value * 60 / resolution)


def test_resolutions_may_change_from_day_to_day_and_daily_totals_have_no_curve() -> None:
    power = curve_days(blocks(("p", 0, 60, [1.0] * 24), ("p", 1, 15, [0.5] * 96), ("p", 2, 1440, [30.0])), first=FIRST, days=3)
    assert power[0] == pytest.approx(np.full(96, 1.0))
    assert power[1] == pytest.approx(np.full(96, 2.0))
    assert np.isnan(power[2]).all()


def test_the_hour_that_a_clock_change_skips_has_no_power() -> None:
    power = curve_days(
        blocks(("p", 0, 15, [0.25] * 92), zone="Europe/Berlin", first=dt.date(2026, 3, 29)), first=dt.date(2026, 3, 29), days=1
    )
    assert np.flatnonzero(np.isnan(power[0])).tolist() == [8, 9, 10, 11]
    assert power[0][12:] == pytest.approx(np.full(84, 1.0))


def test_points_add_up_while_they_are_in_service() -> None:
    hole: list[float | None] = [1.0] * 24
    hole[5] = None
    table = blocks(("a", 0, 60, [1.0] * 24), ("a", 1, 60, hole), ("a", 3, 60, [1.0] * 24), ("b", 1, 60, [2.0] * 24))
    hours = hour_means(curve_days(table, first=FIRST, days=4))
    assert hours[0].tolist() == [1.0] * 24, "b is not there yet"
    assert hours[1][4] == 3.0
    assert np.isnan(hours[1][5]), "a part of the sum is unknown"
    assert np.isnan(hours[2]).all(), "a is in service and unknown"
    assert hours[3].tolist() == [1.0] * 24, "b has gone"


def test_means_leave_the_unknown_out() -> None:
    power = np.array([[1.0, np.nan], [3.0, np.nan], [9.0, 4.0]])
    assert mean_day(power, np.array([True, True, False]))[0] == 2.0
    assert np.isnan(mean_day(power, np.array([True, True, False]))[1])
    assert np.isnan(mean_day(power, np.zeros(3, dtype=bool))).all()


def reading(day: int, total: float, *, known: float = 0, meter: float = 1, factor: float = 2.0) -> dict[str, object]:
    return {
        "metering_point_id": "p",
        "local_date": FIRST + dt.timedelta(days=day),
        "read_kind": "scheduled",
        "meter": meter,
        "reading_total": total,
        "multiplier": factor,
        "known": known,
        "digest": 0.0,
    }


def test_registers_say_the_day_and_intervals_what_they_do_not_say() -> None:
    last = FIRST + dt.timedelta(days=5)
    readings = [reading(0, 10), reading(1, 14), reading(1, 13, known=1), reading(3, 19)]
    measured = [
        {"metering_point_id": "p", "local_date": FIRST + dt.timedelta(days=n), "energy_kwh": kwh, "coverage": coverage}
        for n, kwh, coverage in ((1, 99.0, 1.0), (4, 7.0, 1.0), (5, 7.0, 0.5))
    ]
    energy = daily_energy(readings, measured, ["p"], as_of=last)[-5:]
    assert energy[:4].tolist() == [6.0, 6.0, 6.0, 7.0], "the correction counts, the gap is spread, the multiplier applies"
    assert np.isnan(energy[4]), "half a day is no day"


def test_no_reading_at_all_is_no_energy() -> None:
    assert np.isnan(daily_energy([], [], ["p"], as_of=FIRST)).all()
