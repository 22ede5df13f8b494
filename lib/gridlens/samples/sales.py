"""Purchases that followed from the hidden leanings, and what inspectors found."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gridlens.samples.catalogue import PRODUCT_INDEX, PRODUCTS
from gridlens.samples.dirt import Delivery, choose
from gridlens.samples.district import District
from gridlens.samples.faults import FINDINGS
from gridlens.samples.identifiers import day_or_none
from gridlens.samples.life import CAUSES, NEVER
from gridlens.samples.lines import codes, fixed, repeat, text
from gridlens.samples.world import World

_SUBSCRIPTION = np.array([p.subscription for p in PRODUCTS])
_PRICE = np.array([p.price for p in PRODUCTS])
PURCHASE_DIRT = {"duplicate_row": 0.004, "unknown_code": 0.002, "missing_key": 0.001, "wrong_date": 0.001}
"""Share of purchases with each kind of dirt."""
PRICE_OF_THEFT = 0.62
"""CNY for a kWh recovered, illustrative."""


def purchase_day(world: World, month: np.ndarray, key: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Day index of a purchase made in ``month``; ``key`` is the account's number in the province and the product's index."""
    return world.month_starts[month] + world.random.integer("purchase/day", 28, *key)


def purchase_rows(world: World, d: District, delivery: Delivery) -> None:
    """Adds ``purchase``: one-off sales and subscriptions, some of which end; a retail plan ends where the customer switches."""
    r, a = world.random, d.accounts
    account, product = np.nonzero(d.life.buys < world.parameters.months)
    month = d.life.buys[account, product]
    key = (a.index[account], product)
    day = purchase_day(world, month, key)
    keep = (day < np.minimum(d.life.closed[account], len(world.days))) & (day >= a.opened[account])
    account, product, day = account[keep], product[keep], day[keep]
    key = (a.index[account], product)
    lasts = np.where(r.uniform("subscription/ends", *key) < 0.22, 60 + r.integer("subscription/days", 500, *key), NEVER)
    ended = np.where(_SUBSCRIPTION[product], day + lasts, NEVER)
    switched = (
        (product == PRODUCT_INDEX["PR15"]) & (d.life.cause[account] == CAUSES.index("retail_switch")) & (d.life.leaves[account] > day)
    )
    ended = np.where(switched, np.minimum(ended, d.life.leaves[account]), ended)
    quantity = np.where(np.isin(product, [PRODUCT_INDEX["PR08"]]), 1 + (a.capacity[account] > 630), 1)
    factor = np.where(day >= len(world.days) // 2, 1.04, 1.0) * (1 - 0.1 * (r.uniform("discount", *key) < 0.2))
    weights = np.stack(
        [
            a.digital[account],
            0.3 * a.digital[account],
            0.4 * a.digital[account],
            0.1 + 0.0 * account,
            0.4 * (1 - a.digital[account]),
            0.3 + 0.6 * ~a.household[account],
        ],
        axis=-1,
    )
    channel = r.choice("purchase/channel", weights, *key)
    columns = {
        "purchase_id": pc.binary_join_element_wise(codes("PU", a.index[account]), text(product), "-"),
        "account_id": codes("99", a.index[account]),
        "product_id": repeat([p.code for p in PRODUCTS], product),
        "purchased_on": text(world.days[0] + day),
        "ended_on": day_or_none(world, ended),
        "quantity": text(quantity),
        "amount": fixed(_PRICE[product] * quantity * factor, 2),
        "currency": pa.repeat("CNY", len(account)),
        "channel": repeat(["app", "web", "wechat", "sms", "call", "visit"], channel),
        "received_at": text(
            (world.days[0] + np.where(ended < len(world.days), ended, day) + 1).astype("datetime64[s]") + np.timedelta64(7200, "s")
        ),
    }
    spoilt = choose(r, "purchase", PURCHASE_DIRT, *key)
    cells = {"unknown_code": ("channel", ["pigeon"]), "wrong_date": ("purchased_on", ["2026-02-30"]), "missing_key": ("purchase_id", [""])}
    delivery.spoil("purchase", columns, spoilt, key="purchase_id", date="purchased_on", received="received_at", cells=cells)
    _first_versions(world, columns, day, ended, delivery)


def _first_versions(world: World, columns: dict[str, pa.Array], day: np.ndarray, ended: np.ndarray, delivery: Delivery) -> None:
    """What was known of a subscription before it ended: the same purchase, still running."""
    rows = np.flatnonzero(ended < len(world.days))
    index = pa.array(rows)
    first = {name: values.take(index) for name, values in columns.items()}
    first["ended_on"] = pa.nulls(len(rows), pa.string())
    first["received_at"] = text((world.days[0] + day[rows] + 1).astype("datetime64[s]") + np.timedelta64(7200, "s"))
    delivery.add("purchase", first)


def inspection_rows(world: World, d: District, delivery: Delivery) -> None:
    """Adds ``inspection``: visits on suspicion and by routine; most find what there is, some don't, some find nobody."""
    r, a, f = world.random, d.accounts, d.faults
    visited = np.where(
        d.contract.misuse & (r.uniform("misuse/visit", a.index) < 0.4),
        60 + r.integer("misuse/day", max(len(world.days) - 60, 1), a.index),
        f.inspected,
    )
    rows = np.flatnonzero(visited < len(world.days))
    seen = f.kind[rows] * ((visited[rows] >= f.start[rows]) & (visited[rows] <= f.end[rows]))
    found = np.array(FINDINGS, dtype=object)[seen]
    found = np.where(d.contract.misuse[rows], "tariff_misuse", found)
    luck = r.uniform("inspection/luck", a.index[rows])
    missed = (f.targeted[rows] & (f.end[rows] == NEVER)) | (luck > 0.97)
    found = np.where(missed, np.where(luck > 0.93, "no_access", "normal"), found)
    day = np.arange(len(world.days))
    period = (day >= f.start[rows][:, None]) & (day < visited[rows][:, None])
    recovered = np.where((found != "normal") & (found != "no_access"), 0.85 * (d.lost_kwh[rows] * period).sum(axis=1), 0.0)
    recovered = np.where(recovered > 1.0, recovered, np.nan)
    reason = np.where(f.targeted[rows], "线损异常", np.where(d.contract.misuse[rows], "用电性质核查", "周期检查"))
    columns = {
        "inspection_id": codes("IN", a.index[rows]),
        "metering_point_id": codes("PT", a.index[rows]),
        "inspected_on": text(world.days[0] + visited[rows]),
        "reason": pa.array(reason.tolist(), pa.string()),
        "finding": pa.array(found.tolist(), pa.string()),
        "recovered_kwh": fixed(recovered, 3),
        "recovered_amount": fixed(recovered * PRICE_OF_THEFT, 2),
        "currency": pa.repeat("CNY", len(rows)),
        "received_at": text((world.days[0] + visited[rows] + 1).astype("datetime64[s]") + np.timedelta64(36_000, "s")),
    }
    delivery.add("inspection", columns)
