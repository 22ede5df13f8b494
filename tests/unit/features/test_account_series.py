"""Daily energy of accounts from register readings and days with intervals, against a plain day-by-day oracle."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import pytest
from gridlens.arrow import Ragged
from gridlens.contracts.account_energy import SERIES_DAYS
from gridlens.features.account_series import DAY_WIDTH, READ_KINDS, READING_WIDTH, SLOTS, Series, account_series, in_chunks
from hypothesis import given, settings
from hypothesis import strategies as st

SCHEDULED, OUT, IN = range(len(READ_KINDS))


@dataclass(frozen=True)
class Reading:
    point: int
    slot: int
    kind: int
    meter: int
    register: float
    factor: float = 1.0
    known: float = 1.0
    hash: float = 1.0

    def numbers(self) -> list[float]:
        return [self.point, self.slot, self.kind, self.meter, self.register, self.factor, self.known, self.hash]


def ragged(lists: list[list[float]]) -> Ragged:
    return Ragged(np.array(list(itertools.chain(*lists)), dtype=float), np.array([len(one) for one in lists], dtype=np.int64))


def packed(readings: list[Reading]) -> list[float]:
    return [number for reading in readings for number in reading.numbers()]


def series(readings: list[Reading], days: list[tuple[int, int, float]] | None = None, points: int = 1) -> Series:
    return account_series(ragged([packed(readings)]), ragged([[float(n) for day in days or [] for n in day]]), points)


def daily(result: Series, *slots: int) -> list[float]:
    """The days whose reading stands in ``slots`` (slot 1 is the first day of the series)."""
    return [None if np.isnan(result.daily[0, slot - 1]) else result.daily[0, slot - 1] for slot in slots]


def test_a_day_is_the_difference_of_two_readings_times_the_multiplier() -> None:
    result = series([Reading(0, 5, SCHEDULED, 1, 100, 20), Reading(0, 6, SCHEDULED, 1, 101.5, 20)])
    assert daily(result, 5, 6, 7) == [None, 30, None]


def test_an_advance_over_days_without_a_reading_is_spread_and_no_day_of_it_is_known() -> None:
    result = series([Reading(0, 5, SCHEDULED, 1, 100), Reading(0, 8, SCHEDULED, 1, 106)])
    assert daily(result, 6, 7, 8) == [None, None, None]
    assert result.spread[0, 5:8].tolist() == [2, 2, 2]


def test_on_the_day_of_an_exchange_both_meters_count_each_with_its_multiplier() -> None:
    readings = [
        Reading(0, 5, SCHEDULED, 1, 100, 10),
        Reading(0, 6, OUT, 1, 102, 20),
        Reading(0, 6, IN, 2, 0, 20),
        Reading(0, 6, SCHEDULED, 2, 3, 20),
        Reading(0, 7, SCHEDULED, 2, 4, 20),
    ]
    assert daily(series(readings), 6, 7) == [2 * 10 + 3 * 20, 20]


@pytest.mark.parametrize(
    "readings",
    [
        [Reading(0, 5, SCHEDULED, 1, 100), Reading(0, 6, SCHEDULED, 2, 101)],
        [Reading(0, 5, SCHEDULED, 1, 100), Reading(0, 6, SCHEDULED, 1, 99)],
        [Reading(0, 5, SCHEDULED, 1, 100), Reading(0, 6, OUT, 1, 102), Reading(0, 6, SCHEDULED, 2, 3)],
        [Reading(0, 5, SCHEDULED, 1, 100), Reading(0, 6, SCHEDULED, 1, 101), Reading(0, 6, SCHEDULED, 3, 7)],
    ],
    ids=["another meter", "a register that ran backwards", "half an exchange", "two meters on one day"],
)
def test_what_cannot_be_told_is_unknown(readings: list[Reading]) -> None:
    result = series(readings)
    assert np.isnan([result.daily, result.spread]).all()


def test_the_version_known_last_counts_whatever_the_order() -> None:
    readings = [
        Reading(0, 5, SCHEDULED, 1, 100),
        Reading(0, 6, SCHEDULED, 1, 150, known=1, hash=9),
        Reading(0, 6, SCHEDULED, 1, 103, known=2, hash=1),
        Reading(0, 6, SCHEDULED, 1, 104, known=2, hash=2),
    ]
    for order in itertools.permutations(readings):
        assert daily(series(list(order)), 6) == [4]


def test_intervals_tell_the_days_that_registers_do_not() -> None:
    result = series([Reading(0, 5, SCHEDULED, 1, 100), Reading(0, 6, SCHEDULED, 1, 103)], [(0, 6, 99.0), (0, 7, 4.5)])
    assert daily(result, 6, 7) == [3, 4.5]


def test_of_several_points_a_day_is_known_where_all_in_service_are() -> None:
    first = [(0, slot, 1.0) for slot in range(1, 11)]
    second = [(1, slot, 10.0) for slot in (4, 5, 7, 8)]
    result = series([], first + second, points=2)
    assert daily(result, *range(1, 11)) == [1, 1, 1, 11, 11, None, 11, 11, 1, 1]


def test_an_account_without_anything_has_no_energy() -> None:
    result = account_series(ragged([[], packed([Reading(0, 1, SCHEDULED, 1, 5)])]), ragged([[], []]), 1)
    assert result.daily.shape == (2, SERIES_DAYS)
    assert np.isnan(result.daily).all()


def oracle(readings: list[Reading]) -> tuple[dict[int, float], dict[int, float]]:
    """Daily and spread energy by slot of one point, day by day in plain Python."""
    newest: dict[tuple[int, int, int], Reading] = {}
    for r in sorted(readings, key=lambda r: (r.known, r.hash, r.register)):
        newest[(r.slot, r.kind, r.meter)] = r
    by_kind: dict[int, dict[int, list[Reading]]] = {kind: {} for kind in (SCHEDULED, OUT, IN)}
    for r in newest.values():
        by_kind[r.kind].setdefault(r.slot, []).append(r)
    only = {kind: {slot: rs[0] for slot, rs in slots.items() if len(rs) == 1} for kind, slots in by_kind.items()}
    end, exchanged = only[SCHEDULED], {*only[OUT], *only[IN]}
    single: dict[int, float] = {}
    spread: dict[int, float] = {}
    for a, b in itertools.pairwise(sorted(end)):
        old, new = end[a], end[b]
        between = exchanged & set(range(a + 1, b + 1))
        if old.meter == new.meter and not between and new.register >= old.register and (b - a == 1 or old.factor == new.factor):
            each = (new.register - old.register) * new.factor / (b - a)
            spread |= dict.fromkeys(range(a + 1, b + 1), each)
            if b - a == 1:
                single[b] = each
        out, begin = only[OUT].get(b), only[IN].get(b)
        if b - a == 1 and out and begin and out.meter == old.meter and begin.meter == new.meter:
            before, after = out.register - old.register, new.register - begin.register
            if before >= 0 and after >= 0:
                single[b] = spread[b] = before * old.factor + after * new.factor
    return single, spread


READINGS = st.lists(
    st.builds(
        Reading,
        point=st.just(0),
        slot=st.integers(0, 7),
        kind=st.sampled_from([SCHEDULED, SCHEDULED, SCHEDULED, OUT, IN]),
        meter=st.integers(1, 2),
        register=st.integers(0, 6).map(float),
        factor=st.just(20.0),
        known=st.integers(1, 2).map(float),
        hash=st.integers(1, 3).map(float),
    ),
    max_size=14,
)


@settings(max_examples=300, deadline=None)
@given(READINGS)
def test_any_readings_give_what_plain_python_gives(readings: list[Reading]) -> None:
    result = series(readings)
    for got, expected in zip((result.daily, result.spread), oracle(readings), strict=True):
        wanted = np.full(SERIES_DAYS, np.nan)
        for slot, kwh in expected.items():
            wanted[slot - 1] = kwh
        np.testing.assert_allclose(got[0], wanted, rtol=1e-12)


@settings(max_examples=30, deadline=None)
@given(st.lists(READINGS, min_size=1, max_size=4))
def test_accounts_do_not_touch_one_another(accounts: list[list[Reading]]) -> None:
    together = account_series(ragged([packed(readings) for readings in accounts]), ragged([[]] * len(accounts)), 1)
    for row, readings in enumerate(accounts):
        np.testing.assert_array_equal(together.daily[row], series(readings).daily[0])


def test_chunks_hand_every_account_its_own_lists() -> None:
    rows = 600
    readings = ragged([[float(row)] * (READING_WIDTH * (row % 3)) for row in range(rows)])
    days = ragged([[float(row)] * (DAY_WIDTH * (row % 2)) for row in range(rows)])
    seen = 0
    for at, some, other in in_chunks(readings, days):
        owners = np.repeat(np.arange(rows)[at], some.lengths)
        np.testing.assert_array_equal(some.values, owners)
        np.testing.assert_array_equal(other.values, np.repeat(np.arange(rows)[at], other.lengths))
        seen += len(some.lengths)
    assert seen == rows
    assert SLOTS == SERIES_DAYS + 1
