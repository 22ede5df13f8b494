"""Hidden causes: money trouble, leaving, buying, generating. Planted with noise; their probabilities go to ``truth/``."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gridlens.samples.accounts import Accounts
from gridlens.samples.archetypes import INDEX
from gridlens.samples.catalogue import PRODUCTS
from gridlens.samples.randomness import Random, sigmoid
from gridlens.samples.world import World

NEVER = 1_000_000
"""Day or month index of what does not happen."""
CAUSES = ("moving", "shutdown", "relocation", "retail_switch", "self_generation")


@dataclass(frozen=True)
class Life:
    """What happens to the accounts of one district.

    Attributes:
        distress: latent money trouble by month, about standard normal; (accounts, months).
        hazard: monthly probability of leaving by cause; (accounts, months, causes).
        cause: index in CAUSES of the cause that came first, -1 for none; (accounts,).
        leaves: day index on which it happens, NEVER for none; (accounts,).
        closed: day index of the account's end, NEVER where it stays a customer of the grid; (accounts,).
        pv_from: first day with own generation; pv_kw: its peak power; (accounts,).
        buys: month index of the first purchase of each product; (accounts, products).
        propensity: highest monthly probability of that purchase; (accounts, products).
    """

    distress: np.ndarray
    hazard: np.ndarray
    cause: np.ndarray
    leaves: np.ndarray
    closed: np.ndarray
    pv_from: np.ndarray
    pv_kw: np.ndarray
    buys: np.ndarray
    propensity: np.ndarray


def _distress(r: Random, a: Accounts, months: int) -> np.ndarray:
    """Autoregressive by month: own shocks plus, for a business, those of its industry."""
    month = np.arange(months)
    own = r.normal("shock", a.index[:, None], month)
    industry = np.where(a.division[:, None] > 0, r.normal("shock/industry", a.division[:, None], month), 0.0)
    level = np.zeros((len(a), months))
    start = 1.2 * r.normal("shock/start", a.index)
    for m in range(months):
        before = level[:, m - 1] if m else start
        level[:, m] = 0.85 * before + 0.45 * own[:, m] + 0.3 * industry[:, m]
    strained = np.where(a.payer == 4, 1.3, 0.0)
    return level + 1.5 * (a.vulnerable[:, None] - 0.35) + strained[:, None] - 0.35 * np.clip(a.growth[:, None] * 3, -1, 1)


def _hazard(a: Accounts, distress: np.ndarray, outages: np.ndarray) -> np.ndarray:
    """Monthly probability of each cause; (accounts, months, causes)."""
    business = ~a.household[:, None]
    rural = float(a.kind == 2)
    big = np.log1p(a.mean_kw)[:, None]
    moving = np.where(a.household[:, None], sigmoid(-6.6 + 2.2 * a.tenant[:, None] + 0.35 * distress), 0.0)
    shutdown = np.where(business, sigmoid(-7.2 + 1.5 * distress - 0.15 * big), 0.0)
    relocation = np.where(business, sigmoid(-7.3 + 1.5 * a.tenant[:, None] + 2.0 * a.growth[:, None] + 0.0 * distress), 0.0)
    switch = np.where(business & (a.mean_kw[:, None] > 3.0), sigmoid(-9.2 + 5.0 * a.thrift[:, None] + 0.9 * outages + 0.3 * big), 0.0)
    generation = sigmoid(-8.4 + 1.6 * rural + 2.2 * a.thrift[:, None] + np.where(business, 0.5, 0.0) + 0.0 * distress)
    generation = np.where(
        (a.archetype == INDEX["pv_household"])[:, None] | (a.archetype == INDEX["street_light"])[:, None], 0.0, generation
    )
    return np.stack([moving, shutdown, relocation, switch, generation], axis=-1)


def _first(r: Random, a: Accounts, world: World, hazard: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cause and day of the first departure after the third month (and half a year after the account opened)."""
    months = hazard.shape[1]
    drawn = r.uniform("leave", a.index[:, None, None], np.arange(months)[:, None], np.arange(len(CAUSES))) < hazard
    settled = world.month_starts[:-1][None, :] > a.opened[:, None] + 180
    drawn &= settled[:, :, None] & (np.arange(months) >= 3)[None, :, None]
    drawn &= ((a.district > 0) | (a.index >= 19))[:, None, None]
    any_month = np.any(drawn, axis=2)
    month = np.where(np.any(any_month, axis=1), any_month.argmax(axis=1), -1)
    cause = np.where(month >= 0, drawn[np.arange(len(a)), month].argmax(axis=1), -1)
    day = world.month_starts[np.maximum(month, 0)] + r.integer("leave/day", 28, a.index)
    return cause, np.where(month >= 0, np.minimum(day, len(world.days) - 1), NEVER)


def _purchases(r: Random, a: Accounts, distress: np.ndarray, months: int) -> tuple[np.ndarray, np.ndarray]:
    """First month of each purchase. Who has adopters next door buys more readily; trouble makes buying less likely."""
    affinity = np.stack([product.affinity(a) for product in PRODUCTS], axis=1)
    draws = r.uniform("buy", a.index[:, None, None], np.arange(months)[:, None], np.arange(len(PRODUCTS)))
    buys = np.full(affinity.shape, NEVER)
    best = np.zeros(affinity.shape)
    for m in range(months):
        neighbours = (buys < m).sum(axis=0, keepdims=True) - (buys < m)
        chance = sigmoid(affinity - 0.6 + 0.5 * np.minimum(neighbours, 2) - 0.3 * np.maximum(distress[:, m : m + 1], 0.0))
        best = np.maximum(best, chance)
        open_now = (buys == NEVER) & np.isfinite(affinity)
        buys = np.where(open_now & (draws[:, m] < chance), m, buys)
    return buys, best


def life_of(world: World, a: Accounts, outages_by_month: np.ndarray) -> Life:
    """Hidden life of a district's accounts; ``outages_by_month`` (months,) counts the district's outages."""
    r, months, days = world.random, world.parameters.months, len(world.days)
    distress = _distress(r, a, months)
    recent = np.convolve(outages_by_month, [1.0, 1.0, 1.0])[:months]
    hazard = _hazard(a, distress, np.minimum(recent, 3.0)[None, :])
    cause, leaves = _first(r, a, world, hazard)
    goes = np.isin(cause, [CAUSES.index(c) for c in ("moving", "shutdown", "relocation")])
    closed = np.where(goes & (leaves + 12 < days), leaves + 12, NEVER)
    panels = a.archetype == INDEX["pv_household"]
    from_start = panels & ((r.uniform("pv/early", a.index) < 0.6) | (a.district == 0))
    pv_from = np.where(from_start, -1, np.where(panels, 60 + r.integer("pv/day", max(days - 120, 1), a.index), NEVER))
    pv_from = np.where(cause == CAUSES.index("self_generation"), leaves, pv_from)
    size = np.where(a.household, 5.0 + 7.0 * r.uniform("pv/size", a.index), a.mean_kw * (0.8 + 1.2 * r.uniform("pv/size", a.index)))
    buys, propensity = _purchases(r, a, distress, months)
    return Life(distress, hazard, cause, leaves, closed, pv_from, size, buys, propensity)
