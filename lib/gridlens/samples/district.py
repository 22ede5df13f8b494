"""Everything true about one supply district, computed at once: the unit of generation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gridlens.samples.accounts import Accounts, accounts_of
from gridlens.samples.faults import Faults, change_truth, faults_of, measured
from gridlens.samples.life import NEVER, Life, life_of
from gridlens.samples.load import true_load
from gridlens.samples.outages import Outages, outages_of
from gridlens.samples.registers import Registers, period_energy, registers_of
from gridlens.samples.tariffs import Contract, Schedules, contract_of
from gridlens.samples.world import World

_TRANSFORMER_CT = np.array([20, 40, 60, 80, 120, 160, 200, 240, 320, 400, 600.0])


@dataclass(frozen=True)
class Flow:
    """One channel of some metering points.

    Attributes:
        rows: which accounts (positions in the district); empty for the transformer.
        power: recorded average power in kW, (points, days, 96), float32.
        registers: their registers.
    """

    rows: np.ndarray
    power: np.ndarray
    registers: Registers


@dataclass(frozen=True)
class District:
    """One supply district over all days.

    Attributes:
        true_kwh: energy really drawn by day, (accounts, days); lost_kwh: what the meters missed of it.
        used, fed: channels 1.8.0 and 2.8.0; reactive: registers of 3.8.0 where measured.
        transformer: the district's own meter, None where all accounts have dedicated transformers.
        transformer_ct: its current ratio; loss: its technical losses over what it delivers.
    """

    accounts: Accounts
    outages: Outages
    life: Life
    faults: Faults
    theft_chance: np.ndarray
    contract: Contract
    true_kwh: np.ndarray
    lost_kwh: np.ndarray
    used: Flow
    fed: Flow
    reactive: Flow
    transformer: Flow | None
    transformer_ct: float
    loss: float


def _flow(world: World, schedules: Schedules, a: Accounts, contract: Contract, rows: np.ndarray, power: np.ndarray, name: str) -> Flow:
    energy = period_energy(power, schedules.periods, contract.first[rows])
    moved = np.flatnonzero(contract.first[rows] != contract.second[rows])
    if len(moved):
        later = period_energy(power[moved], schedules.periods, contract.second[rows][moved])
        after = np.arange(len(world.days)) >= contract.changed[rows][moved][:, None]
        energy[moved] = np.where(after[..., None], later, energy[moved])
    old = a.opened[rows] < 0
    start = np.where(old, 200.0 + 9000.0 * world.random.uniform("register/" + name, a.index[rows]), 0.0)
    registers = registers_of(power, energy, start=start, multiplier=a.multiplier[rows], month_starts=world.month_starts)
    return Flow(rows, power, registers)


def _transformer(world: World, a: Accounts, load: np.ndarray, export: np.ndarray) -> tuple[Flow | None, float, float]:
    """The district's meter: what its accounts really draw, less what they feed in, plus losses of 2.2 to 4.8 %."""
    public = np.flatnonzero(~a.dedicated)
    if not len(public):
        return None, 1.0, 0.0
    r = world.random
    loss = 0.022 + 0.026 * float(r.uniform("loss", np.array([a.district]))[0])
    net = load[public].sum(axis=0, keepdims=True) - export[public].sum(axis=0, keepdims=True)
    power = np.maximum(net, 0.0) * np.float32(1.0 + loss)
    ratio = float(_TRANSFORMER_CT[min(int(np.searchsorted(_TRANSFORMER_CT, float(power.max()) / 3.0)), len(_TRANSFORMER_CT) - 1)])
    energy = np.zeros((1, power.shape[1], 5))
    energy[0, :, 2] = power[0].sum(axis=1, dtype=np.float64) * 0.25
    start = 500.0 + 5000.0 * r.uniform("register/transformer", np.array([a.district]))
    registers = registers_of(power, energy, start=start, multiplier=np.array([ratio]), month_starts=world.month_starts)
    return Flow(np.zeros(0, dtype=int), power, registers), ratio, loss


def district_of(world: World, schedules: Schedules, number: int) -> District:
    """Supply district ``number`` (0-based)."""
    a = accounts_of(world, number)
    outages = outages_of(world, number)
    life = life_of(world, a, outages.by_month(world))
    faults, chance = faults_of(world, a)
    contract = contract_of(world, schedules, a, life)
    off = outages.mask(world)
    load, export = true_load(world, a, life, off)
    change_truth(a, faults, load)
    load[:, off] = 0.0
    seen = measured(world, a, faults, load)
    everyone = np.arange(len(a))
    panels = np.flatnonzero(life.pv_from < NEVER)
    large = np.flatnonzero(a.dedicated)
    true_kwh = load.sum(axis=2, dtype=np.float64) * 0.25
    used = _flow(world, schedules, a, contract, everyone, seen, "1.8.0")
    lag = 0.15 + 0.55 * world.random.uniform("power factor", a.index[large]) ** 1.5
    reactive = _flow(world, schedules, a, contract, large, seen[large] * lag[:, None, None].astype(np.float32), "3.8.0")
    transformer, ratio, loss = _transformer(world, a, load, export)
    return District(
        accounts=a,
        outages=outages,
        life=life,
        faults=faults,
        theft_chance=chance,
        contract=contract,
        true_kwh=true_kwh,
        lost_kwh=true_kwh - seen.sum(axis=2, dtype=np.float64) * 0.25,
        used=used,
        fed=_flow(world, schedules, a, contract, panels, export[panels], "2.8.0"),
        reactive=reactive,
        transformer=transformer,
        transformer_ct=ratio,
        loss=loss,
    )
