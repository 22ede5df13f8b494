"""The load of an account from what was read of it: only days on which it held the point, and no more points than can be shown."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pyarrow as pa
from gridlens.pipelines.profile_load import POINTS, chosen, load_of

AS_OF = dt.date(2026, 3, 31)
LONG_AGO = dt.date(2020, 1, 1)


def ago(days: int) -> dt.date:
    return AS_OF - dt.timedelta(days=days)


def blocks(*rows: tuple[str, int, float]) -> pa.Table:
    """Rows (point, days ago, kW all day)."""
    return pa.table(
        {
            "metering_point_id": [point for point, _, _ in rows],
            "channel": ["1.8.0"] * len(rows),
            "local_date": pa.array([ago(days) for _, days, _ in rows], pa.date32()),
            "resolution_minutes": pa.array([60] * len(rows), pa.int32()),
            "zone": ["Asia/Shanghai"] * len(rows),
            "values": pa.array([[kw] * 24 for _, _, kw in rows], pa.list_(pa.float64())),
            "energy_kwh": pa.array([24 * kw for _, _, kw in rows], pa.float64()),
            "missing_count": pa.array([0] * len(rows), pa.int32()),
        }
    )


def reading(days: int, total: float) -> dict[str, Any]:
    key = {"metering_point_id": "p", "local_date": ago(days), "read_kind": "scheduled", "meter": 1.0}
    return {**key, "reading_total": total, "known": 0.0, "digest": 0.0}


WORKING = {ago(n): "working" for n in range(10)}


def test_days_of_another_holder_are_not_the_accounts() -> None:
    spans = {"p": [(LONG_AGO, ago(2), 2.0)]}
    load = load_of(
        AS_OF, spans, blocks(("p", 4, 1.0), ("p", 1, 50.0)), [reading(6, 10), reading(5, 13), reading(2, 90), reading(1, 99)], WORKING, ()
    )
    assert load.year is not None
    assert load.year.kwh[-7:] == (None, 6.0, 24.0, None, None, None, None)
    assert load.typical_day is not None
    assert (load.typical_day.working_days, set(load.typical_day.working)) == (1, {1.0})


def test_registers_alone_give_a_year_without_a_typical_day() -> None:
    load = load_of(AS_OF, {"p": [(LONG_AGO, None, 1.0)]}, blocks(), [reading(1, 10), reading(0, 12)], WORKING, ())
    assert load.typical_day is None
    assert load.year is not None
    assert load.year.kwh[-1] == 2.0
    assert not any(load.year.hours)


def test_a_day_that_the_calendar_does_not_know_is_neither_working_nor_resting() -> None:
    load = load_of(AS_OF, {"p": [(LONG_AGO, None, 1.0)]}, blocks(("p", 20, 1.0)), [], WORKING, ())
    assert load.typical_day is None
    assert load.year is not None


def test_nothing_read_is_nothing_told() -> None:
    for spans in ({}, {"p": [(LONG_AGO, None, 1.0)]}):
        assert load_of(AS_OF, spans, blocks(), [], WORKING, ()) == load_of(AS_OF, {}, blocks(), [], {}, ())
    assert load_of(AS_OF, {}, blocks(), [], {}, ()).year is None


def test_a_tariff_of_one_period_is_no_time_of_use() -> None:
    spans = {"p": [(LONG_AGO, None, 1.0)]}
    for periods, shown in ((("flat",) * 96, ()), (("flat",) * 48 + ("peak",) * 48, ("flat",) * 48 + ("peak",) * 48)):
        day = load_of(AS_OF, spans, blocks(("p", 1, 1.0)), [], WORKING, periods).typical_day
        assert day is not None
        assert day.periods == shown


def test_an_account_of_many_points_says_how_many_are_left_out() -> None:
    spans = {f"p{n:03d}": [(LONG_AGO, None, 1.0)] for n in range(POINTS + 5)}
    assert chosen(spans) == list(spans)[:POINTS]
    year = load_of(AS_OF, spans, blocks(("p000", 1, 1.0)), [], WORKING, ()).year
    assert year is not None
    assert year.points_left_out == 5
