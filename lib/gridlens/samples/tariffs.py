"""Which tariff each account has, and that tariff's periods and rates month by month (from ``conf/tariffs``)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np

from gridlens.billing.book import MonthRates, TariffBook
from gridlens.contracts.codes import CUSTOMER_CATEGORIES
from gridlens.errors import DefinitionError
from gridlens.samples.accounts import Accounts
from gridlens.samples.archetypes import ARCHETYPES, INDEX
from gridlens.samples.catalogue import PRODUCT_INDEX
from gridlens.samples.life import Life
from gridlens.samples.randomness import Random
from gridlens.samples.world import World

CATEGORIES = tuple(CUSTOMER_CATEGORIES)
_CATEGORY = np.array([CATEGORIES.index(a.category) for a in ARCHETYPES])
VOLTAGES = ("0.22kV", "0.38kV", "10kV")


@dataclass(frozen=True)
class Schedules:
    """The tariffs of the province by number.

    Attributes:
        names: tariff ids.
        by_use: numbers of the tariffs for each (category, voltage), flat prices before time-of-use.
        time_of_use: (tariffs,).
        rates: for each tariff and month of the province what it charges.
        periods: period of each quarter hour, int8 (tariffs, days, 96).
    """

    names: tuple[str, ...]
    by_use: dict[tuple[str, str], tuple[int, ...]]
    time_of_use: np.ndarray
    rates: tuple[tuple[MonthRates, ...], ...]
    periods: np.ndarray


def schedules_of(world: World, book: TariffBook) -> Schedules:
    """The book's tariffs over the province's months; DefinitionError where one has no price for a month."""
    months = [day.astype("datetime64[D]").item() for day in world.days[world.month_starts[:-1]].astype("datetime64[M]")]
    names = tuple(sorted(book.tariffs))
    rates = tuple(tuple(book.rates(name, dt.date(m.year, m.month, 1)) for m in months) for name in names)
    time_of_use = np.array([row[0].time_of_use for row in rates])
    by_use: dict[tuple[str, str], tuple[int, ...]] = {}
    for category in CATEGORIES:
        for voltage in VOLTAGES:
            fitting = [i for i, n in enumerate(names) if book.tariff(n).category == category and voltage in book.tariff(n).voltage]
            by_use[category, voltage] = tuple(sorted(fitting, key=lambda i: (bool(time_of_use[i]), names[i])))
    periods = np.stack([np.stack([month.periods for month in row])[world.month_index] for row in rates])
    return Schedules(names, by_use, time_of_use, rates, periods)


@dataclass(frozen=True)
class Contract:
    """How the accounts of a district are billed; arrays of shape (accounts,).

    Attributes:
        category: index in CATEGORIES (of the contract: misuse means it isn't the archetype's).
        voltage: index in VOLTAGES.
        first, second: tariff number before and from day index ``changed``.
        misuse: True where a business pays a household tariff.
    """

    category: np.ndarray
    voltage: np.ndarray
    first: np.ndarray
    second: np.ndarray
    changed: np.ndarray
    misuse: np.ndarray

    def tariff(self, day: np.ndarray) -> np.ndarray:
        """Tariff number by day index; (accounts, days)."""
        return np.where(day[None, :] >= self.changed[:, None], self.second[:, None], self.first[:, None])


def _pick(r: Random, schedules: Schedules, category: int, voltage: int, index: int) -> int:
    name = CATEGORIES[category]
    numbers = schedules.by_use[name, VOLTAGES[voltage]] or tuple(n for v in VOLTAGES for n in schedules.by_use[name, v])
    if not numbers:
        raise DefinitionError(f"no tariff for category {name} is defined; add one to conf/tariffs")
    return numbers[int(r.integer("tariff", len(numbers), np.array([index]))[0])]


def contract_of(world: World, schedules: Schedules, a: Accounts, life: Life) -> Contract:
    """Contracts of a district: households at flat tiered prices until they buy the time-of-use plan; the rest by category."""
    r = world.random
    misuse = np.isin(a.archetype, [INDEX["shop"], INDEX["restaurant"]]) & (r.uniform("misuse", a.index) < 0.03) & (a.district > 0)
    category = np.where(misuse, 0, _CATEGORY[a.archetype])
    voltage = np.where(a.dedicated, 2, np.where(a.three_phase, 1, 0))
    home = schedules.by_use["residential", "0.22kV"]
    first = np.array([_pick(r, schedules, int(c), int(v), int(i)) for c, v, i in zip(category, voltage, a.index, strict=True)])
    first = np.where(category == 0, home[0], first)
    planned = life.buys[:, PRODUCT_INDEX["PR16"]] + 1
    switches = a.household & (planned < world.parameters.months) & (len(home) > 1)
    changed = np.where(switches, world.month_starts[np.minimum(planned, world.parameters.months)], len(world.days))
    return Contract(category, voltage, first, np.where(switches, home[-1], first), changed, misuse)
