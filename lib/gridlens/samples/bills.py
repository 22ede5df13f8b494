"""Monthly bills from the registers, computed by the billing engine."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gridlens.billing.engine import BillInputs, bill_items
from gridlens.billing.lines import KINDS, BillItems
from gridlens.samples.dirt import Delivery, choose
from gridlens.samples.district import District, Flow
from gridlens.samples.lines import codes, fixed, repeat, text
from gridlens.samples.tariffs import Schedules
from gridlens.samples.world import World

BILL_DIRT = {
    "duplicate_row": 0.001,
    "second_file": 0.0006,
    "text_required": 0.0004,
    "wrong_columns": 0.0003,
    "wrong_date": 0.0003,
    "missing_key": 0.0002,
}
"""Share of bills with each kind of dirt."""
ITEM_DIRT = {"duplicate_row": 0.0005, "unknown_code": 0.0002, "text_required": 0.0002}
"""Share of bill items with each kind of dirt."""
PAYMENT_DAYS = 20
"""Days from issue to the due date."""


@dataclass(frozen=True)
class Bills:
    """A district's bills in order of account and month; arrays of shape (bills,).

    Attributes:
        account: position in the district; month: 0-based month billed; days: days of supply in it.
        issued, due: day indexes. tariff: number. kwh: energy billed. fen: amount. items: their items.
        usual_fen: median amount of the account's bills.
    """

    account: np.ndarray
    month: np.ndarray
    days: np.ndarray
    issued: np.ndarray
    tariff: np.ndarray
    kwh: np.ndarray
    fen: np.ndarray
    usual_fen: np.ndarray
    items: BillItems

    @property
    def due(self) -> np.ndarray:
        return self.issued + PAYMENT_DAYS

    def codes(self, world: World, d: District) -> pa.Array:
        """Bill ids: BL, the account's number, year and month."""
        month = pc.strftime(pa.array(world.days[world.month_starts[self.month]].astype("datetime64[s]")), format="%Y%m")
        return pc.binary_join_element_wise(codes("BL", d.accounts.index[self.account]), month, "")


def _advance(d: District, flow: Flow, at: np.ndarray) -> np.ndarray:
    """kWh by month and rate of every account, zero where the flow is not measured; (accounts, months, 5)."""
    rates = np.diff(flow.registers.rates[:, at], axis=1) * d.accounts.multiplier[flow.rows][:, None, None] / 1000.0
    result = np.zeros((len(d.accounts), *rates.shape[1:]))
    result[flow.rows] = rates
    return result


def bills_of(world: World, schedules: Schedules, d: District) -> Bills:
    """Bills of all months that were issued by the end date, a few days after the month."""
    r, a = world.random, d.accounts
    starts, months = world.month_starts[:-1], world.parameters.months
    issue = world.month_starts[1:] + 1 + int(r.integer("issue", 4, np.array([a.district]))[0])
    first = np.maximum(a.opened[:, None], starts)
    last = np.minimum(d.life.closed[:, None], world.month_starts[1:] - 1)
    account, month = np.nonzero((last >= first) & (issue < len(world.days)))
    kwh = _advance(d, d.used, world.month_starts)
    before = np.zeros((len(a), months))
    year = world.days[starts].astype("datetime64[Y]").astype(int)
    for m in range(1, months):
        before[:, m] = np.where(year[m] == year[m - 1], before[:, m - 1] + kwh[:, m - 1].sum(axis=1), 0.0)
    reactive = np.full((len(a), months), np.nan)
    reactive[d.reactive.rows] = _advance(d, d.reactive, world.month_starts).sum(axis=2)[d.reactive.rows]
    demand = d.used.registers.demand[:, world.month_starts[1:] - 1] * a.multiplier[:, None]
    opening = (a.opened[:, None] >= 0) & (year[None, :] == year[np.searchsorted(starts, np.clip(a.opened, 0, None), "right") - 1][:, None])
    calendar = world.calendar_month[np.clip(a.opened, 0, None)]
    back = r.uniform("adjustment", a.index[account], month) < 0.003
    inputs = BillInputs.of(
        kwh[account, month],
        days=(last - first + 1)[account, month],
        year_to_date_kwh=before[account, month],
        capacity_kva=a.capacity[account],
        max_demand_kw=demand[account, month],
        reactive_kvarh=reactive[account, month],
        export_kwh=_advance(d, d.fed, world.month_starts).sum(axis=2)[account, month],
        adjustment_fen=np.where(back, np.rint(3000 * r.normal("adjustment/size", a.index[account], month)).astype(np.int64), 0),
        tier_months=np.where(opening, 12 - calendar[:, None], 12)[account, month],
    )
    tariff = d.contract.tariff(starts)[account, month]
    items = _items(schedules, tariff, month, inputs)
    fen = items.totals_fen()
    usual = np.array([np.median(fen[account == i]) if (account == i).any() else 0.0 for i in range(len(a))])
    return Bills(account, month, inputs.days, issue[month], tariff, kwh[account, month].sum(axis=1), fen, usual[account], items)


def _items(schedules: Schedules, tariff: np.ndarray, month: np.ndarray, inputs: BillInputs) -> BillItems:
    groups, inverse = np.unique(np.stack([tariff, month]), axis=1, return_inverse=True)
    parts = []
    for group, (number, m) in enumerate(groups.T):
        rows = np.flatnonzero(inverse.reshape(-1) == group)
        parts.append(bill_items(schedules.rates[number][m], inputs.take(rows)).of_bills(rows, len(tariff)))
    return BillItems.join(parts, len(tariff))


def bill_rows(world: World, schedules: Schedules, d: District, bills: Bills, delivery: Delivery) -> None:
    """Adds ``bill`` and ``bill_item``."""
    number = bills.codes(world, d)
    account = codes("99", d.accounts.index[bills.account])
    starts = world.month_starts
    received = text((world.days[0] + bills.issued).astype("datetime64[s]") + np.timedelta64(22 * 3600, "s"))
    columns = {
        "bill_id": number,
        "account_id": account,
        "period_start": text(world.days[np.maximum(starts[bills.month], d.accounts.opened[bills.account])]),
        "period_end": text(world.days[np.minimum(starts[bills.month + 1] - 1, d.life.closed[bills.account])]),
        "issued_on": text(world.days[0] + bills.issued),
        "due_on": text(world.days[0] + bills.due),
        "tariff_id": repeat(list(schedules.names), bills.tariff),
        "quantity_kwh": fixed(bills.kwh, 3),
        "amount": fixed(bills.fen, 2, scaled=True),
        "currency": pa.repeat("CNY", len(number)),
        "received_at": received,
    }
    spoilt = choose(world.random, "bill", BILL_DIRT, d.accounts.index[bills.account], bills.month)
    cells = {"text_required": ("amount", ["--"]), "wrong_date": ("issued_on", ["2026-02-30"]), "missing_key": ("bill_id", [""])}
    delivery.spoil("bill", columns, spoilt, key="bill_id", date="issued_on", received="received_at", cells=cells)
    items = bills.items
    of = pa.array(items.bill_index)
    priced = pa.array(items.priced)
    nothing = pa.scalar(None, pa.string())
    lines = {
        "bill_id": number.take(of),
        "item_no": text(items.item_no),
        "account_id": account.take(of),
        "kind": repeat(list(KINDS), items.kind),
        "quantity": pc.if_else(priced, fixed(items.quantity_milli, 3, scaled=True), nothing),
        "price": pc.if_else(priced, fixed(items.price_e8, 8, scaled=True), nothing),
        "charge": fixed(items.charge_fen, 2, scaled=True),
        "currency": pa.repeat("CNY", len(items.kind)),
        "received_at": received.take(of),
    }
    keys = (d.accounts.index[bills.account[items.bill_index]], bills.month[items.bill_index], items.item_no)
    spoilt = choose(world.random, "bill_item", ITEM_DIRT, *keys)
    cells = {"unknown_code": ("kind", ["energy_night"]), "text_required": ("charge", ["abc"])}
    delivery.spoil("bill_item", lines, spoilt, key="bill_id", date="received_at", received="received_at", cells=cells)
