"""Thefts, metering faults and misuse: what makes the meter differ from the truth, or the use from the contract."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gridlens.samples.accounts import Accounts
from gridlens.samples.archetypes import INDEX
from gridlens.samples.life import NEVER
from gridlens.samples.randomness import sigmoid
from gridlens.samples.world import World

KINDS = (
    "none",
    "theft_scaled",
    "theft_evening_bypass",
    "theft_cap",
    "theft_some_days",
    "theft_reversed",
    "phase_loss",
    "meter_stop",
    "reselling",
    "vacant_drawing",
)
FINDINGS = ("normal", "theft", "theft", "theft", "theft", "theft", "phase_loss", "meter_fault", "theft", "vacant_drawing")
"""Inspection finding (codes.INSPECTION_FINDINGS) for each of KINDS."""
TRUE_CHANGES = (KINDS.index("reselling"), KINDS.index("vacant_drawing"))


@dataclass(frozen=True)
class Faults:
    """At most one fault for an account; arrays of shape (accounts,).

    Attributes:
        kind: index in KINDS; start, end: first day and the day it is put right (NEVER: still there).
        strength: share of the true load that is still recorded, or the factor of the true load.
        exchanged: day index at whose end the meter was exchanged, NEVER for none.
        inspected: day index of a visit, NEVER for none; targeted: ordered on suspicion.
    """

    kind: np.ndarray
    start: np.ndarray
    end: np.ndarray
    strength: np.ndarray
    exchanged: np.ndarray
    inspected: np.ndarray
    targeted: np.ndarray

    def active(self, days: int) -> np.ndarray:
        """True on the days of the fault; (accounts, days)."""
        day = np.arange(days)
        return (day >= self.start[:, None]) & (day < self.end[:, None])


def _kinds(world: World, a: Accounts) -> tuple[np.ndarray, np.ndarray]:
    """Kind for each account and its probability of stealing; about 1.5 % steal, 0.8 % have faults."""
    r = world.random
    chance = sigmoid(
        -5.2
        + 1.6 * a.thrift
        + 1.1 * a.vulnerable
        - 0.8 * (a.kind == 0)
        + 0.4 * np.isin(a.archetype, [INDEX["restaurant"], INDEX["factory_one_shift"]])
    )
    chance = np.where(np.isin(a.archetype, [INDEX["vacant"], INDEX["street_light"], INDEX["school"]]), 0.0, chance)
    way = r.choice("theft/kind", np.array([0.3, 0.2, 0.17, 0.18, 0.05, 0.10]), a.index)
    theft = np.array([1, 2, 3, 4, 5, KINDS.index("reselling")])[way]
    kind = np.where(r.uniform("theft", a.index) < chance, theft, 0)
    other = r.uniform("fault", a.index)
    kind = np.where((kind == 0) & a.three_phase & (other < 0.012), KINDS.index("phase_loss"), kind)
    kind = np.where((kind == 0) & (other > 0.995), KINDS.index("meter_stop"), kind)
    kind = np.where((a.archetype == INDEX["vacant"]) & (other < 0.08), KINDS.index("vacant_drawing"), kind)
    return np.where((a.district == 0) & (a.index < len(INDEX)), 0, kind), chance


def faults_of(world: World, a: Accounts) -> tuple[Faults, np.ndarray]:
    """Faults of a district, and each account's probability of stealing."""
    r, days = world.random, len(world.days)
    kind, chance = _kinds(world, a)
    has = kind > 0
    start = np.where(has, (0.15 + 0.8 * r.uniform("fault/start", a.index)) * days, NEVER).astype(np.int64)
    found = r.uniform("inspected", a.index)
    delay = 40 + r.integer("inspected/delay", 120, a.index)
    caught = has & (found < 0.45)
    routine = ~caught & (found > 0.97)
    inspected = np.where(caught, start + delay, np.where(routine, r.integer("inspected/day", days, a.index), NEVER))
    inspected = np.where(inspected < days, inspected, NEVER)
    effective = caught & (r.uniform("inspected/effective", a.index) < 0.88)
    stopped = kind == KINDS.index("meter_stop")
    swap = np.where(r.uniform("exchange", a.index) < 0.05, 10 + r.integer("exchange/day", max(days - 20, 1), a.index), NEVER)
    exchanged = np.where(stopped, start + 60, np.where(swap > a.opened + 10, swap, NEVER))
    exchanged = np.where(exchanged < days - 1, exchanged, NEVER)
    end = np.where(stopped, np.where(exchanged < NEVER, exchanged + 1, NEVER), np.where(effective, inspected, NEVER))
    strength = np.where(kind == KINDS.index("phase_loss"), 2.0 / 3.0, 0.2 + 0.4 * r.uniform("fault/strength", a.index))
    return Faults(kind, start, end, strength, exchanged, inspected, caught), chance


def change_truth(a: Accounts, faults: Faults, load: np.ndarray) -> None:
    """Adds, in place, what is really drawn on top: reselling doubles the load, a vacant home is lived in."""
    active = faults.active(load.shape[1])
    for row in np.flatnonzero(np.isin(faults.kind, TRUE_CHANGES)):
        extra = load[row] * 1.1 if faults.kind[row] == KINDS.index("reselling") else np.float32(0.25) * (1 + (np.arange(96) > 70))
        load[row] += np.where(
            active[row][:, None], np.minimum(extra, 0.9 * a.capacity[row] - np.minimum(load[row], 0.9 * a.capacity[row])), 0
        ).astype(np.float32)


def measured(world: World, a: Accounts, faults: Faults, load: np.ndarray) -> np.ndarray:
    """What the meters record of ``load`` (accounts, days, 96), kW."""
    seen = load.copy()
    active = faults.active(load.shape[1])
    evening = np.zeros(96, dtype=bool)
    evening[72:94] = True
    for row in np.flatnonzero((faults.kind > 0) & ~np.isin(faults.kind, TRUE_CHANGES)):
        kind, days, share = KINDS[faults.kind[row]], active[row], np.float32(faults.strength[row])
        mine = load[row, days]
        if kind in ("theft_scaled", "phase_loss"):
            mine = mine * share
        elif kind == "theft_evening_bypass":
            mine = np.where(evening, mine * np.float32(0.12), mine)
        elif kind == "theft_cap":
            mine = np.minimum(mine, np.float32(1.6) * share * np.float32(a.mean_kw[row]))
        elif kind == "theft_some_days":
            chosen = world.random.uniform("theft/days", a.index[row], world.days.astype(int)[days]) < 0.55
            mine = np.where(chosen[:, None], mine * np.float32(0.1), mine)
        elif kind == "theft_reversed":
            mine = mine[:, ::-1]
        else:
            mine = np.zeros_like(mine)
        seen[row, days] = mine
    return seen
