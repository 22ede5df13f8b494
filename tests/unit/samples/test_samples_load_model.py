"""The load model: what each archetype is known by can be seen in its load."""

import datetime as dt
from pathlib import Path

import gridlens.conf
import numpy as np
import pytest
from gridlens.billing.book import load_tariffs
from gridlens.samples.archetypes import CODES, INDEX
from gridlens.samples.district import District, district_of
from gridlens.samples.faults import KINDS
from gridlens.samples.tariffs import Schedules, schedules_of
from gridlens.samples.world import HOLIDAY, WEEKEND, WORKING, Parameters, World


@pytest.fixture(scope="module")
def world() -> World:
    return World(Parameters(accounts=2500, months=24, curve_days=90, end_date=dt.date(2026, 3, 31), seed=20260331, curves=True))


@pytest.fixture(scope="module")
def schedules(world: World) -> Schedules:
    return schedules_of(world, load_tariffs(Path(gridlens.conf.__file__).parent / "tariffs"))


@pytest.fixture(scope="module")
def street(world: World, schedules: Schedules) -> District:
    """The first district, which has every archetype."""
    return district_of(world, schedules, 0)


def daily(street: District, code: str) -> np.ndarray:
    return street.true_kwh[INDEX[code]]


def test_the_first_district_has_every_archetype(street: District) -> None:
    assert street.accounts.archetype[: len(CODES)].tolist() == list(range(len(CODES)))


@pytest.mark.parametrize("code", ["factory_one_shift", "factory_two_shift", "factory_three_shift"])
def test_spring_festival_empties_factories(world: World, street: District, code: str) -> None:
    festival = (world.days >= np.datetime64("2026-02-16")) & (world.days <= np.datetime64("2026-02-21"))
    ordinary = (world.day_type == WORKING) & (np.abs(world.spring_distance) > 25)
    assert daily(street, code)[festival].mean() < 0.45 * daily(street, code)[ordinary].mean()


def test_cold_storage_runs_through_the_festival(world: World, street: District) -> None:
    festival = (world.spring_distance >= -1) & (world.spring_distance <= 4)
    assert daily(street, "cold_storage")[festival].mean() > 0.6 * daily(street, "cold_storage").mean()


def test_calendar_of_the_festival(world: World) -> None:
    kind = dict(zip(world.days.astype(str), world.day_type, strict=True))
    assert (kind["2026-02-17"], kind["2026-02-14"], kind["2026-03-07"], kind["2026-03-04"]) == (HOLIDAY, WORKING, WEEKEND, WORKING)


@pytest.mark.parametrize(
    ("code", "month", "least"), [("electric_heating", 0, 1.5), ("air_conditioning", 6, 1.4), ("agro_processing", 9, 4.0)]
)
def test_season_shows(world: World, street: District, code: str, month: int, least: float) -> None:
    kwh = daily(street, code)
    quiet = np.isin(world.calendar_month, [3, 4])
    assert kwh[world.calendar_month == month].mean() > least * kwh[quiet].mean()


def test_the_hours_tell_archetypes_apart(street: District) -> None:
    shape = street.used.power[: len(CODES)].mean(axis=1)
    share = shape / shape.sum(axis=1, keepdims=True)

    def between(code: str, first: int, last: int) -> float:
        return float(share[INDEX[code], first * 4 : last * 4].sum())

    assert between("early_riser", 4, 7) > 2 * between("night_owl", 4, 7)
    assert between("night_owl", 22, 24) > 2 * between("elderly", 22, 24)
    assert between("street_light", 10, 15) == pytest.approx(0.0, abs=0.01)
    assert between("office", 9, 18) > 0.5
    assert between("cold_storage", 0, 6) > between("office", 0, 6)
    assert between("ev_household", 0, 3) + between("ev_household", 22, 24) > 0.25


def test_rooftop_generation_feeds_in_by_day_only(street: District) -> None:
    row = street.fed.rows.tolist().index(INDEX["pv_household"])
    by_slot = street.fed.power[row].mean(axis=0)
    assert by_slot[40:56].mean() > 0.5
    assert by_slot[:16].max() == 0.0
    assert by_slot[84:].max() == 0.0


def test_the_transformer_measures_its_accounts_and_two_to_five_percent(world: World, schedules: Schedules) -> None:
    for number in range(12):
        d = district_of(world, schedules, number)
        if d.transformer is None:
            continue
        public = ~d.accounts.dedicated
        recorded = d.transformer.power.sum(dtype=np.float64) * 0.25
        fed = sum(d.fed.power[i].sum(dtype=np.float64) * 0.25 for i, row in enumerate(d.fed.rows) if public[row])
        delivered = d.true_kwh[public].sum() - fed
        assert 0.02 <= recorded / delivered - 1 <= 0.055, number


def test_faults_lower_what_is_recorded_from_their_start_only(world: World, schedules: Schedules) -> None:
    seen = set()
    for number in range(100):
        d = district_of(world, schedules, number) if _has_fault(world, number) else None
        if d is None:
            continue
        for row in np.flatnonzero(np.isin(d.faults.kind, [1, 2, 3, 4, 6, 7])):
            start, end = int(d.faults.start[row]), int(min(d.faults.end[row], len(world.days)))
            if start >= len(world.days) or d.life.leaves[row] < end:
                continue
            lost = d.lost_kwh[row]
            assert np.abs(np.delete(lost, np.arange(start, end))).max() < 0.01 + 1e-4 * d.true_kwh[row].max()
            assert lost[start:end].sum() > 0.02 * d.true_kwh[row, start:end].sum()
            seen.add(KINDS[d.faults.kind[row]])
        if len(seen) >= 3:
            return
    pytest.fail(f"too few kinds of fault found: {seen}")


def _has_fault(world: World, number: int) -> bool:
    from gridlens.samples.accounts import accounts_of
    from gridlens.samples.faults import faults_of

    return bool(np.isin(faults_of(world, accounts_of(world, number))[0].kind, [1, 2, 3, 4, 6, 7]).any())


def test_a_district_is_the_same_alone_and_in_any_order(world: World, schedules: Schedules) -> None:
    again = World(world.parameters)
    later, first = district_of(again, schedules, 5), district_of(world, schedules, 5)
    assert np.array_equal(first.used.registers.rates, later.used.registers.rates)
    assert np.array_equal(first.life.buys, later.life.buys)
