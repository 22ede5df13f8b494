"""The accounts of one supply district: archetype, size, connection, party and hidden character."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gridlens.samples.archetypes import ARCHETYPES, DISTRICT_SHARE, HOUSEHOLDS, INDEX, MIX
from gridlens.samples.randomness import Random
from gridlens.samples.world import DISTRICT_SIZE, World

CAPACITIES = np.array(
    [
        4,
        8,
        12,
        16,
        20,
        30,
        50,
        80,
        100,
        125,
        160,
        200,
        250,
        315,
        400,
        500,
        630,
        800,
        1000,
        1250,
        1600,
        2000,
        2500,
        3150,
        4000,
        5000,
        8000,
        12500.0,
    ]
)
"""Contract capacities in kVA: service sizes, then standard transformer ratings."""
CT_RATIOS = np.array([1, 2, 3, 4, 6, 8, 10, 15, 20, 30, 40, 60, 80, 100, 120, 160, 200, 300.0])
DEDICATED_KVA = 100.0
"""From here on a customer has a transformer of its own and is metered at 10 kV."""
PAYERS = ("prompt", "autopay", "forgetful", "habitual_late", "strained")
_PAYER_HOUSEHOLD = np.array([0.40, 0.28, 0.16, 0.08, 0.08])
_PAYER_BUSINESS = np.array([0.42, 0.22, 0.10, 0.15, 0.11])
FUELS = ("none", "gas", "coal", "oil")

_MEAN = np.array([a.mean_kw for a in ARCHETYPES])
_SPREAD = np.array([a.spread for a in ARCHETYPES])
_LARGE = np.array([a.category in ("large_industrial", "ev_station") for a in ARCHETYPES])
_DIVISIONS = [np.array([int(d) for d in a.divisions] or [0]) for a in ARCHETYPES]
_FUEL = {
    "restaurant": (0.35, 0.60, 0.0, 0.05),
    "agro_processing": (0.45, 0.10, 0.40, 0.05),
    "school": (0.60, 0.25, 0.15, 0.0),
    "factory_one_shift": (0.65, 0.20, 0.10, 0.05),
    "factory_two_shift": (0.60, 0.25, 0.10, 0.05),
    "factory_three_shift": (0.55, 0.25, 0.15, 0.05),
}
_RURAL_FUEL = (0.6, 0.1, 0.3, 0.0)
_NO_FUEL = (1.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Accounts:
    """One district's accounts; every array has shape (accounts,).

    Attributes:
        index: number of the account in the province.
        district, area, kind: of the district (kind indexes DISTRICT_KINDS).
        archetype: index in ARCHETYPES.
        division: GB/T 4754 division, 0 for households.
        mean_kw: yearly mean power intended. capacity: kVA. ct, pt: ratios. dedicated: has its own transformer.
        opened: index in ``world.days`` of the first day of supply, negative where before.
        party: number of the party that holds the account.
        payer, prepaid, fuel: hidden kinds (PAYERS, FUELS); digital, thrift, vulnerable, tenant: 0 to 1.
        growth: yearly growth of consumption, as a logarithm.
    """

    index: np.ndarray
    district: int
    area: int
    kind: int
    archetype: np.ndarray
    household: np.ndarray
    division: np.ndarray
    mean_kw: np.ndarray
    capacity: np.ndarray
    ct: np.ndarray
    pt: np.ndarray
    dedicated: np.ndarray
    three_phase: np.ndarray
    opened: np.ndarray
    party: np.ndarray
    payer: np.ndarray
    prepaid: np.ndarray
    fuel: np.ndarray
    digital: np.ndarray
    thrift: np.ndarray
    vulnerable: np.ndarray
    tenant: np.ndarray
    growth: np.ndarray

    @property
    def multiplier(self) -> np.ndarray:
        return self.ct * self.pt

    def __len__(self) -> int:
        return len(self.index)


def _archetypes(r: Random, index: np.ndarray, district: int, kind: int) -> np.ndarray:
    """Drawn by the district's mix; the first district is a model street with one account of every archetype."""
    drawn = r.choice("archetype", MIX[kind], index)
    return np.where((district == 0) & (index < len(ARCHETYPES)), np.minimum(index, len(ARCHETYPES) - 1), drawn)


def _ratio(current: np.ndarray) -> np.ndarray:
    """The smallest CT ratio (to 5 A secondary) that carries ``current`` amperes."""
    return CT_RATIOS[np.minimum(np.searchsorted(CT_RATIOS, current / 5.0), len(CT_RATIOS) - 1)]


def _connection(archetype: np.ndarray, mean_kw: np.ndarray, slack: np.ndarray) -> dict[str, np.ndarray]:
    """Capacity and metering from the size; ``slack`` is capacity over the mean power."""
    need = np.maximum(mean_kw * slack, np.where(_LARGE[archetype], DEDICATED_KVA, 4.0))
    need = np.where(archetype == INDEX["ev_household"], np.maximum(need, 12.0), need)
    need = np.where(archetype == INDEX["pv_household"], np.maximum(need, 8.0), need)
    capacity = CAPACITIES[np.minimum(np.searchsorted(CAPACITIES, need), len(CAPACITIES) - 1)]
    dedicated = capacity >= DEDICATED_KVA
    high = capacity / (np.sqrt(3.0) * 10.0)
    low = capacity / (np.sqrt(3.0) * 0.38)
    ct = np.where(dedicated, np.maximum(_ratio(high), 2.0), np.where(capacity > 30.0, _ratio(low), 1.0))
    return {"capacity": capacity, "ct": ct, "pt": np.where(dedicated, 100.0, 1.0), "dedicated": dedicated, "three_phase": capacity >= 16.0}


def _party(r: Random, index: np.ndarray, household: np.ndarray, accounts: int) -> np.ndarray:
    """Party numbers: most accounts have their own; 12 % of businesses belong to chains, 4 % of homes to a neighbour's owner."""
    chains = max(2, accounts // 150)
    chained = ~household & (r.uniform("chain", index) < 0.12)
    own = np.where(chained, accounts + r.integer("chain/which", chains, index), index)
    same_as_previous = household & np.append(False, household[:-1]) & (r.uniform("second home", index) < 0.04)
    previous = np.append(own[:1], own[:-1])
    return np.where(same_as_previous, previous, own)


def _character(r: Random, index: np.ndarray, archetype: np.ndarray, household: np.ndarray, kind: int) -> dict[str, np.ndarray]:
    """Hidden traits that later events follow from."""
    weights = np.where(household[:, None], _PAYER_HOUSEHOLD, _PAYER_BUSINESS)
    fuels = {INDEX[code]: np.array(shares) for code, shares in _FUEL.items()}
    rural = np.array(_RURAL_FUEL if kind == 2 else _NO_FUEL)
    fuel_weights = np.stack([fuels.get(int(a), rural if HOUSEHOLDS[a] else np.array(_NO_FUEL)) for a in archetype])
    young = np.isin(archetype, [INDEX["night_owl"], INDEX["ev_household"]])
    old = archetype == INDEX["elderly"]
    return {
        "payer": r.choice("payer", weights, index),
        "prepaid": r.uniform("prepaid", index) < np.where(household, 0.15, 0.06),
        "fuel": r.choice("fuel", fuel_weights, index),
        "digital": np.clip(0.55 + 0.25 * young - 0.35 * old + 0.2 * r.normal("digital", index), 0.02, 1.0),
        "thrift": np.clip(0.5 + 0.22 * r.normal("thrift", index), 0.0, 1.0),
        "vulnerable": np.clip(0.35 + 0.22 * r.normal("vulnerable", index), 0.0, 1.0),
        "tenant": r.uniform("tenant", index) < np.where(household, np.where(young, 0.45, 0.12), 0.5),
    }


def accounts_of(world: World, district: int) -> Accounts:
    """The accounts of supply district ``district`` (0-based); fewer than DISTRICT_SIZE in the last one."""
    r, total = world.random, world.parameters.accounts
    index = np.arange(district * DISTRICT_SIZE, min((district + 1) * DISTRICT_SIZE, total))
    kind = int(r.choice("district", DISTRICT_SHARE, np.array([district]))[0])
    archetype = _archetypes(r, index, district, kind)
    household = HOUSEHOLDS[archetype]
    size = np.clip(r.normal("size", index), -2.5, 2.5)
    mean_kw = _MEAN[archetype] * np.exp(_SPREAD[archetype] * size)
    which = r.uniform("division", index)
    division = np.array([options[int(u * len(options))] for options, u in zip((_DIVISIONS[a] for a in archetype), which, strict=True)])
    late = r.uniform("opened", index) < 0.06
    spread_days = len(world.days) - 120
    opened = np.where(
        late & (spread_days > 0), 30 + r.integer("opened/day", max(spread_days, 1), index), -30 - r.integer("opened/before", 5000, index)
    )
    growing = r.uniform("growing", index)
    growth = np.where(household, 0.015, 0.02) + 0.05 * r.normal("growth", index) + np.where(~household & (growing < 0.05), 0.45, 0.0)
    growth = growth + np.where(archetype == INDEX["ev_station"], 0.35, 0.0) + np.where(~household & (growing > 0.95), -0.35, 0.0)
    slack = np.where(household, 14.0, np.where(archetype == INDEX["factory_three_shift"], 1.9, 3.6)) * np.exp(
        0.12 * np.abs(r.normal("slack", index))
    )
    return Accounts(
        index=index,
        district=district,
        area=int(world.area_of(district)),
        kind=kind,
        archetype=archetype,
        household=household,
        division=division,
        mean_kw=mean_kw,
        opened=np.where(district == 0, np.minimum(opened, -30), opened),
        party=_party(r, index, household, total),
        growth=growth,
        **_connection(archetype, mean_kw, slack),
        **_character(r, index, archetype, household, kind),
    )
