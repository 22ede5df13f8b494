"""True load of a district's accounts: average kW of every quarter hour, from archetype, weather, calendar and life."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from gridlens.samples.accounts import Accounts
from gridlens.samples.archetypes import ARCHETYPES, INDEX
from gridlens.samples.catalogue import SAVING, SUBSTITUTION
from gridlens.samples.life import CAUSES, NEVER, Life
from gridlens.samples.randomness import Random
from gridlens.samples.shapes import bump_shape
from gridlens.samples.world import HOLIDAY, WEEKEND, WORKING, World

_F = np.float32
_WORK = np.stack([bump_shape(a.work, a.base) for a in ARCHETYPES])
_REST = np.stack([bump_shape(a.rest if a.rest is not None else a.work, a.base) for a in ARCHETYPES])
_HEAT_SHAPE = bump_shape(((6.8, 1.8, 0.7), (20.5, 3.0, 1.1)), 0.55)
_COOL_SHAPE = bump_shape(((14.0, 3.0, 0.9), (21.5, 2.5, 1.3)), 0.25)
_FACTORIES = [INDEX[c] for c in ("factory_one_shift", "factory_two_shift", "factory_three_shift")]


def _by_archetype(value: Callable[..., float]) -> np.ndarray:
    return np.array([value(a) for a in ARCHETYPES])


_WEEKEND = _by_archetype(lambda a: a.weekend)
_HOLIDAY = _by_archetype(lambda a: a.holiday)
_SPRING = _by_archetype(lambda a: a.spring)
_HEAT = _by_archetype(lambda a: a.heat)
_COOL = _by_archetype(lambda a: a.cool)
_HOURLY = _by_archetype(lambda a: a.hourly_noise)
_DAILY = _by_archetype(lambda a: a.daily_noise)
_SEASON = np.array([a.season for a in ARCHETYPES])


def _spring_weight(r: Random, a: Accounts, distance: np.ndarray) -> np.ndarray:
    """How far the Spring Festival holds an account, 0 to 1; (accounts, days). Factories close for two to three weeks."""
    school = a.archetype == INDEX["school"]
    before = np.where(
        np.isin(a.archetype, _FACTORIES),
        4 + r.integer("spring/before", 6, a.index),
        np.where(school, 20, 2 + r.integer("spring/before", 3, a.index)),
    )
    after = np.where(
        np.isin(a.archetype, _FACTORIES),
        6 + r.integer("spring/after", 9, a.index),
        np.where(school, 13, 5 + r.integer("spring/after", 4, a.index)),
    )
    rise = np.clip((distance[None, :] + before[:, None] + 1) / 2.0, 0.0, 1.0)
    fall = np.clip((after[:, None] + 1 - distance[None, :]) / 3.0, 0.0, 1.0)
    return np.minimum(rise, fall)


def _day_factor(world: World, a: Accounts) -> np.ndarray:
    """Mean power of each day over that of a working day; (accounts, days)."""
    r, kind = world.random, world.day_type
    factor = np.where(kind == HOLIDAY, _HOLIDAY[a.archetype][:, None], np.where(kind == WEEKEND, _WEEKEND[a.archetype][:, None], 1.0))
    spring = _SPRING[a.archetype]
    away = a.household & (r.uniform("spring/away", a.index) < (0.35 if a.kind == 0 else 0.08))
    spring = np.where(away, 0.3, spring) * np.exp(0.2 * r.normal("spring/size", a.index))
    weight = _spring_weight(r, a, world.spring_distance)
    factor = factor * (1 - weight) + np.minimum(spring, 3.0)[:, None] * weight
    season = _SEASON[a.archetype]
    return (
        factor
        * season[:, world.calendar_month]
        * np.exp(_DAILY[a.archetype][:, None] * r.normal("day", a.index[:, None], world.days.astype(int)))
    )


def _life_factor(world: World, a: Accounts, life: Life) -> np.ndarray:
    """Growth, trouble, purchases and departure; (accounts, days)."""
    day = np.arange(len(world.days))
    factor = np.exp(a.growth[:, None] * (day - len(day) / 2) / 365.0)
    trouble = np.where(a.household[:, None], -0.03, -0.14) * np.maximum(life.distress, 0.0)
    factor *= np.exp(trouble)[:, world.month_index]
    for products, change in ((SAVING, 0.93), (SUBSTITUTION, 1.28)):
        bought = life.buys[:, products].min(axis=1)
        factor = np.where(world.month_index > bought[:, None], factor * change, factor)
    leaving = np.isin(life.cause, [CAUSES.index(c) for c in ("moving", "shutdown", "relocation")])
    fade_days = np.where(life.cause == CAUSES.index("shutdown"), 75.0, np.where(life.cause == CAUSES.index("relocation"), 35.0, 10.0))
    remaining = np.clip((life.leaves[:, None] - day) / fade_days[:, None], 0.03, 1.0)
    return np.where(leaving[:, None], factor * (0.25 + 0.75 * remaining) * np.where(remaining <= 0.03, 0.1, 1.0), factor)


def _shapes(world: World, a: Accounts) -> np.ndarray:
    """Each account's own shape by day type, shifted and bent a little; (accounts, 2, 96) for working and free days."""
    r = world.random
    shift = np.rint(1.5 * np.clip(r.normal("shift", a.index), -2.2, 2.2)).astype(int)
    slot = (np.arange(96)[None, :] - shift[:, None]) % 96
    both = np.stack([_WORK[a.archetype], _REST[a.archetype]], axis=1)
    shape = np.take_along_axis(both, slot[:, None, :], axis=2)
    bent = shape ** np.clip(1.0 + 0.15 * r.normal("bend", a.index), 0.6, 1.5)[:, None, None]
    return (bent / bent.mean(axis=2, keepdims=True)).astype(_F)


def _noise(world: World, a: Accounts) -> np.ndarray:
    """Hourly lognormal times a quarter-hour factor, mean about 1; (accounts, days, 96)."""
    r, day = world.random, world.days.astype(int)
    key = a.index[:, None, None]
    sigma = _HOURLY[a.archetype][:, None, None].astype(_F)
    hourly = r.quarters("hour", key, day[:, None], np.arange(24)).sum(axis=-1) - _F(2.0)  # sum of four uniforms: variance 1/3
    hourly = np.exp(sigma * _F(np.sqrt(3.0)) * hourly - sigma**2 / 2)
    quarter = r.quarters("quarter", key, day[:, None], np.arange(24))
    width = (0.8 * np.minimum(sigma, 0.4))[..., None]
    noise: np.ndarray = (hourly[..., None] * (1 + width * (quarter - _F(0.5)))).reshape(len(a), len(day), 96)
    return noise


def _street_lights(world: World, load: np.ndarray, rows: np.ndarray, level: np.ndarray) -> None:
    """On from a quarter of an hour after sunset, every second lamp off from midnight to five."""
    hours = (np.arange(96) + 0.5) / 4.0
    half = world.daylight[:, None] / 2.0
    dark = (hours < 12.1 - half - 0.25) | (hours > 12.1 + half + 0.25)
    dimmed = np.where(hours < 5.0, 0.55, 1.0)
    for row in rows:
        load[row] = (level[row][:, None] * 2.1 * dark * dimmed).astype(_F) * (_F(1.0) + _F(0.05) * (load[row] > 0))


def _charging(world: World, a: Accounts, load: np.ndarray, rows: np.ndarray) -> None:
    """Home charging of an electric car: two nights of five, 7 kW or 3.5 kW, mostly begun late in the evening."""
    r, index, day = world.random, a.index[rows][:, None], world.days.astype(int)
    drives = r.uniform("ev", index, day) < 0.42
    late = r.uniform("ev/late", index) < 0.7
    start = np.where(late, 90.0, 74.0) + 4.0 * np.clip(r.normal("ev/start", index, day), -2.5, 2.5)
    length = 6.0 + 14.0 * r.uniform("ev/length", index, day)
    power = np.where(r.uniform("ev/power", index) < 0.75, 7.0, 3.5).astype(_F)
    slot = np.arange(96)
    on = drives[..., None] & (slot >= start[..., None]) & (slot < (start + length)[..., None])
    tail = drives[:, :-1, None] & (slot + 96 >= start[:, :-1, None]) & (slot + 96 < (start + length)[:, :-1, None])
    on[:, 1:] |= tail
    load[rows] += on * power[..., None]


def _generation(world: World, a: Accounts, life: Life, rows: np.ndarray) -> np.ndarray:
    """Own generation: a daylight half-sine, dimmed by cloud; (rows, days, 96) kW."""
    hours = (np.arange(96) + 0.5) / 4.0
    length = world.daylight[:, None]
    sun = np.clip(np.sin(np.pi * (hours - 12.1 + length / 2) / length), 0.0, None) * (np.abs(hours - 12.1) < length / 2)
    height = 0.55 + 0.35 * (length - 9.5) / 5.0
    cloud = 1.0 - 0.8 * world.weather["cloud"][a.area][:, None]
    passing = 1.0 - 0.35 * world.random.quarters("cloud/quarter", a.district, world.days.astype(int)[:, None], np.arange(24)).reshape(
        len(world.days), 96
    )
    clear = (sun**1.3 * height * cloud * passing).astype(_F)
    running = np.arange(len(world.days)) >= life.pv_from[rows][:, None]
    result: np.ndarray = life.pv_kw[rows][:, None, None].astype(_F) * clear[None] * running[..., None]
    return result


def true_load(world: World, a: Accounts, life: Life, off: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Average power drawn from and fed into the grid, kW; two arrays (accounts, days, 96), float32.

    Args:
        off: (days, 96), True while the district is without power.
    """
    course = _life_factor(world, a, life)
    level = (a.mean_kw[:, None] * _day_factor(world, a) * course).astype(_F)
    free = (world.day_type != WORKING).astype(int)
    load = _noise(world, a)
    load *= _shapes(world, a)[:, free, :]
    load *= level[..., None]
    mean = world.weather["mean"][a.area]
    own = np.exp(0.25 * world.random.normal("response", a.index))
    for slope, degrees, shape in ((_HEAT, np.clip(16.0 - mean, 0, 18), _HEAT_SHAPE), (_COOL, np.clip(mean - 24.0, 0, 12), _COOL_SHAPE)):
        rows = np.flatnonzero(slope[a.archetype] > 0)
        power = (a.mean_kw * own * slope[a.archetype])[rows][:, None] * degrees * course[rows]
        load[rows] += power[..., None].astype(_F) * shape.astype(_F)
    lights = np.flatnonzero(a.archetype == INDEX["street_light"])
    if len(lights):
        _street_lights(world, load, lights, level)
    cars = np.flatnonzero(a.archetype == INDEX["ev_household"])
    if len(cars):
        _charging(world, a, load, cars)
    load += (0.004 * np.sqrt(a.mean_kw))[:, None, None].astype(_F)
    limit = (0.95 * a.capacity)[:, None, None].astype(_F)
    np.minimum(load, limit, out=load)
    export = np.zeros_like(load)
    panels = np.flatnonzero(life.pv_from < NEVER)
    if len(panels):
        net = load[panels] - _generation(world, a, life, panels)
        load[panels], export[panels] = np.maximum(net, 0), np.minimum(np.maximum(-net, 0), limit[panels])
    _silence(a, life, off, load, export)
    return load, export


def _silence(a: Accounts, life: Life, off: np.ndarray, load: np.ndarray, export: np.ndarray) -> None:
    """No power before the account opens, after it closes, or during an outage."""
    day = np.arange(off.shape[0])
    supplied = (day >= a.opened[:, None]) & (day <= life.closed[:, None])
    for flow in (load, export):
        flow *= supplied[..., None]
        flow[:, off] = 0.0
