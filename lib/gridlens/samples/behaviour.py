"""What customers do on the web, in the app and on the market: visits, views before buying or leaving, competitors' quotes, messages."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gridlens.samples.bills import Bills
from gridlens.samples.catalogue import PRODUCTS
from gridlens.samples.contacts import months_before, surprise_by_month
from gridlens.samples.dirt import Delivery, choose
from gridlens.samples.district import District
from gridlens.samples.lines import codes, repeat, text
from gridlens.samples.world import World

COMPETITORS = ("虚拟售电甲", "虚拟售电乙", "虚拟售电丙")
INTERACTION_DIRT = {
    "duplicate_row": 0.001,
    "second_file": 0.0006,
    "text_cell": 0.0006,
    "unknown_code": 0.0003,
    "wrong_date": 0.0003,
    "missing_key": 0.0002,
}
"""Share of interactions with each kind of dirt."""


@dataclass(frozen=True)
class Family:
    """Interactions of one sort: how many to expect by account and month (drawn up to ``most`` times), and what they look like."""

    kind: str
    channel: str
    object: str | None
    expected: np.ndarray
    most: int
    seconds: int


def _families(world: World, d: District, bills: Bills) -> list[Family]:
    a, months = d.accounts, world.parameters.months
    digital = a.digital[:, None]
    high = np.maximum(surprise_by_month(d, bills, months), 0.0)
    business = ~a.household[:, None]
    flat = np.zeros((len(a), months))
    moving = months_before(d, "moving", months, world, 2)
    closing = months_before(d, "shutdown", months, world, 3) | months_before(d, "relocation", months, world, 3)
    switching = months_before(d, "retail_switch", months, world, 3)
    large = np.clip(np.log1p(a.mean_kw)[:, None] / 4.0, 0.0, 1.2)
    fading = np.where(moving | closing, 0.4, 1.0)
    panels = np.zeros((len(a), months), dtype=bool)
    families = [
        Family("login", "app", None, 1.1 * digital * fading, 3, 0),
        Family("view", "app", "bill", (0.5 + 0.8 * high) * digital, 2, 60),
        Family("view", "wechat", "daily_usage", 0.3 * digital + 0.3 * a.thrift[:, None] + flat, 2, 45),
        Family("search", "web", "tariff", 0.05 * a.thrift[:, None] + 0.3 * switching, 2, 90),
        Family("view", "web", "transfer_ownership", np.where(moving, 0.9, 0.006), 2, 120),
        Family("view", "web", "close_account", np.where(closing, 0.8, np.where(moving, 0.5, 0.005)), 2, 120),
        Family("quote_received", "market", COMPETITORS[d.accounts.district % 3], np.where(switching, 0.8, 0.03 * business * large), 2, 0),
        Family("message_sent", "sms", "bill_reminder", 0.25 + 0.5 * (a.payer[:, None] >= 2) + flat, 1, 0),
        Family("feedback", "app", None, 0.01 * digital + flat, 1, 0),
        Family("unsubscribe", "sms", None, 0.002 + flat, 1, 0),
    ]
    for number, product in enumerate(PRODUCTS):
        lead = d.life.buys[:, number][:, None] - np.arange(months)
        near = (lead >= 0) & (lead <= 2)
        interest = np.minimum(4.0 * d.life.propensity[:, number][:, None], 0.25) * digital
        families.append(Family("view", "app", product.code, np.where(near, 0.55, interest), 2, 100))
        families.append(Family("click", "app", product.code, np.where(near, 0.3, 0.15 * interest), 1, 0))
        if product.category == "pv":
            panels |= near
    # Who is going to generate must apply for the connection to the grid (并网申请); who is curious or has panels offered looks as well.
    # It stays the last family: a family's number is a key of its draws.
    applying = months_before(d, "self_generation", months, world, 3)
    looking = np.where(applying, 0.9, np.where(panels, 0.3, 0.002 + 0.008 * a.thrift[:, None]))
    families.append(Family("view", "web", "grid_connection", looking, 2, 180))
    return families


def interaction_rows(world: World, d: District, bills: Bills, delivery: Delivery) -> None:
    """Adds ``interaction``."""
    r, a, starts = world.random, d.accounts, world.month_starts
    families = _families(world, d, bills)
    most = np.array([family.most for family in families])
    expected = np.stack([family.expected for family in families], axis=-1)
    turns = np.arange(most.max())
    draws = r.uniform(
        "act", a.index[:, None, None, None], np.arange(expected.shape[1])[:, None, None], np.arange(len(families))[:, None], turns
    )
    account, month, family, turn = np.nonzero((draws < (expected / most)[..., None]) & (turns < most[:, None]))
    key = (a.index[account], month, family, turn)
    day = starts[month] + r.integer("act/day", starts[month + 1] - starts[month], *key)
    keep = (day >= a.opened[account]) & (day <= d.life.closed[account])
    _write(world, families, day[keep], tuple(k[keep] for k in key), delivery)


def _write(world: World, families: list[Family], day: np.ndarray, key: tuple[np.ndarray, ...], delivery: Delivery) -> None:
    r, (index, month, family, turn) = world.random, key
    clock = np.clip(54_000 + 16_000 * r.normal("act/second", *key), 0, 86_399).astype(np.int64)
    moment = (world.days[0] + day).astype("datetime64[s]") + clock.astype("timedelta64[s]")
    seconds = np.array([f.seconds for f in families])[family]
    duration = np.maximum(1, seconds * np.exp(0.6 * r.normal("act/duration", *key))).astype(int)
    columns = {
        "interaction_id": pc.binary_join_element_wise(codes("IA", index), text(family), text(month), text(turn), "-"),
        "account_id": codes("99", index),
        "occurred_at": text(moment),
        "channel": repeat([f.channel for f in families], family),
        "kind": repeat([f.kind for f in families], family),
        "object": repeat([f.object for f in families], family),
        "duration_seconds": pc.if_else(pa.array(seconds > 0), text(duration), pa.scalar(None, pa.string())),
        "received_at": text((world.days[0] + day + 1).astype("datetime64[s]") + np.timedelta64(5400, "s")),
    }
    spoilt = choose(r, "interaction", INTERACTION_DIRT, *key)
    cells = {
        "text_cell": ("duration_seconds", ["abc"]),
        "unknown_code": ("kind", ["teleport"]),
        "wrong_date": ("occurred_at", ["2026-02-30 08:00:00"]),
        "missing_key": ("interaction_id", [""]),
    }
    delivery.spoil("interaction", columns, spoilt, key="interaction_id", date="occurred_at", received="received_at", cells=cells)
