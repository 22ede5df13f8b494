"""What field surveys found customers burning: one wave, mostly before the province begins, late ones, and visits after a change."""

from __future__ import annotations

import numpy as np

from gridlens.contracts.codes import SURVEY_EQUIPMENT, SURVEY_FUELS, SURVEY_SOURCES
from gridlens.samples.accounts import FUELS, Accounts
from gridlens.samples.archetypes import INDEX
from gridlens.samples.catalogue import SUBSTITUTION
from gridlens.samples.dirt import Delivery, choose
from gridlens.samples.district import District
from gridlens.samples.life import NEVER, Life
from gridlens.samples.lines import codes, repeat, text
from gridlens.samples.sales import purchase_day
from gridlens.samples.world import World

SURVEY_DIRT = {"duplicate_row": 0.004, "unknown_code": 0.002, "missing_key": 0.001, "wrong_date": 0.001}
"""Share of surveys with each kind of dirt."""
COVERED, ELSEWHERE, WRONG, CHECKED = 0.92, 0.03, 0.02, 0.5
"""Share surveyed of accounts that could burn fuel, and of others; noted wrongly; seen again after a change. Illustrative."""
WAVES = (0.7, 0.2, 0.1)
"""Share of the surveys before the first day, within the first four months, and at any later time. Illustrative."""
ELECTRIC = SURVEY_FUELS.index("electricity")
_TRADES = {
    "restaurant": ("kitchen",),
    "school": ("boiler", "boiler", "kitchen"),
    "agro_processing": ("furnace", "boiler"),
    "factory_one_shift": ("boiler", "boiler", "furnace"),
    "factory_two_shift": ("boiler", "boiler", "furnace"),
    "factory_three_shift": ("boiler", "boiler", "furnace"),
}


def could_burn(a: Accounts) -> np.ndarray:
    """Where field staff go: trades with process heat or a kitchen, and rural homes."""
    return np.isin(a.archetype, [INDEX[code] for code in _TRADES]) | (a.household & (a.kind == 2))


def _equipment(world: World, a: Accounts, rows: np.ndarray, fuel: np.ndarray) -> np.ndarray:
    """Index in SURVEY_EQUIPMENT of what burns ``fuel`` (index in SURVEY_FUELS): mostly that of the trade, vehicles where it is oil."""
    r, index = world.random, a.index[rows]
    which = r.uniform("survey/equipment", index)
    options = {INDEX[code]: names for code, names in _TRADES.items()}
    found = [options.get(int(kind), ("stove",)) for kind in a.archetype[rows]]
    own = np.array([SURVEY_EQUIPMENT.index(names[int(u * len(names))]) for names, u in zip(found, which, strict=True)], dtype=np.int64)
    oil = (fuel == SURVEY_FUELS.index("oil")) & ~a.household[rows] & (r.uniform("survey/fleet", index) < 0.6)
    found_nothing = fuel == SURVEY_FUELS.index("none")
    return np.where(found_nothing, SURVEY_EQUIPMENT.index("none"), np.where(oil, SURVEY_EQUIPMENT.index("fleet"), own))


def first_surveys(world: World, a: Accounts) -> np.ndarray:
    """Day index of each account's first survey, negative before the province begins; NEVER for none."""
    r, days = world.random, len(world.days)
    wave = r.choice("survey/wave", np.array(WAVES), a.index)
    before = -30 - r.integer("survey/before", 500, a.index)
    soon, late = r.integer("survey/soon", min(120, days), a.index), r.integer("survey/late", days, a.index)
    day = np.choose(wave, [before, soon, late])
    connected = a.opened + 10 + r.integer("survey/connection", 60, a.index)  # a newer connection is seen soon after it
    covered = r.uniform("survey", a.index) < np.where(could_burn(a), COVERED, ELSEWHERE)
    return np.where(covered, np.where(day < a.opened, connected, day), NEVER)


def noted_fuel(world: World, a: Accounts) -> np.ndarray:
    """Index in SURVEY_FUELS of what a first survey notes where nothing has changed: mostly what is burnt."""
    r = world.random
    wrong = r.uniform("survey/wrong", a.index) < WRONG
    seen = np.where(wrong, (a.fuel + 1 + r.integer("survey/other", len(FUELS) - 1, a.index)) % len(FUELS), a.fuel)
    return np.array([SURVEY_FUELS.index(name) for name in FUELS])[seen]


def changed_on(world: World, a: Accounts, life: Life) -> np.ndarray:
    """Day index from which an account has changed to electricity: its first substitution product; NEVER for none."""
    account, product = np.meshgrid(np.arange(len(a)), np.array(SUBSTITUTION), indexing="ij")
    month = life.buys[account, product]
    bought = month < world.parameters.months
    day = purchase_day(world, np.where(bought, month, 0), (a.index[account], product))
    return np.where(bought, day, NEVER).min(axis=1)


def survey_rows(world: World, d: District, delivery: Delivery) -> None:
    """Adds ``energy_survey``: the first survey of an account, and a visit after it changed to electricity."""
    r, a = world.random, d.accounts
    first, changed = first_surveys(world, a), changed_on(world, a, d.life)
    again = changed + 20 + r.integer("survey/again", 100, a.index)
    again = np.where((changed < NEVER) & (r.uniform("survey/checked", a.index) < CHECKED), again, NEVER)
    rows, visit = np.tile(np.arange(len(a)), 2), np.repeat([0, 1], len(a))
    day = np.concatenate([first, again])
    keep = day < np.minimum(d.life.closed[rows], len(world.days))
    rows, visit, day = rows[keep], visit[keep], day[keep]
    fuel = np.where(day > changed[rows], ELECTRIC, noted_fuel(world, a)[rows])
    equipment = _equipment(world, a, rows, fuel)
    boiler = (equipment == SURVEY_EQUIPMENT.index("boiler")) & (fuel != ELECTRIC) & (r.uniform("survey/register", a.index[rows]) < 0.7)
    source = np.where(visit == 1, SURVEY_SOURCES.index("inspection"), np.where(boiler, SURVEY_SOURCES.index("register"), 0))
    entered = (world.days[0] + day + 1 + r.integer("survey/entered", 5, a.index[rows], visit)).astype("datetime64[s]")
    columns = {
        "survey_id": codes("SV", a.index[rows] * 2 + visit, 9),
        "account_id": codes("99", a.index[rows]),
        "surveyed_on": text(world.days[0] + day),
        "equipment": repeat(list(SURVEY_EQUIPMENT), equipment),
        "fuel": repeat(list(SURVEY_FUELS), fuel),
        "source": repeat(list(SURVEY_SOURCES), source),
        "received_at": text(entered + np.timedelta64(34_200, "s")),
    }
    spoilt = choose(r, "energy_survey", SURVEY_DIRT, a.index[rows], visit)
    cells = {"unknown_code": ("fuel", ["wood"]), "wrong_date": ("surveyed_on", ["2026-02-30"]), "missing_key": ("survey_id", [""])}
    delivery.spoil("energy_survey", columns, spoilt, key="survey_id", date="surveyed_on", received="received_at", cells=cells)
