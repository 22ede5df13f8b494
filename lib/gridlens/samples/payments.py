"""How bills are paid: by the payer's habit, money trouble and the size of the bill, with chance on top.

Trouble shows before a bill is late: who sees it coming pays later within the term, and in parts. How much is a synthetic choice.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gridlens.contracts.codes import PAYMENT_CHANNELS
from gridlens.samples.accounts import PAYERS
from gridlens.samples.bills import Bills
from gridlens.samples.dirt import Delivery, choose
from gridlens.samples.district import District
from gridlens.samples.life import NEVER
from gridlens.samples.lines import codes, fixed, repeat, text
from gridlens.samples.randomness import sigmoid
from gridlens.samples.world import World

_LATE = np.array([-4.4, -4.9, -2.2, 0.1, -1.6])
"""Logit of paying late in ordinary times, by payer."""
_USUAL_DAY = np.array([5, 17, 10, 10, 10])
"""Day after issue on which a bill is paid in time in ordinary times, by payer; of automatic debit always."""
_SLOWER, _DAY_NOISE = 4.0, 2.0
"""Days later for a unit of money trouble in the month to come, and the deviation that chance adds. Illustrative."""
_IN_PARTS = -5.0
"""Logit of paying a bill in parts, in time or late, where no trouble is ahead. Illustrative."""
PAYMENT_DIRT = {
    "duplicate_row": 0.0015,
    "second_file": 0.001,
    "text_required": 0.0004,
    "unknown_code": 0.0003,
    "wrong_date": 0.0003,
    "missing_key": 0.0002,
}
"""Share of payments with each kind of dirt."""
WRITTEN_OFF = 150
"""A bill that would be paid later than this many days after it is due never is."""


@dataclass(frozen=True)
class Settlement:
    """What becomes of each bill; arrays of shape (bills,).

    Attributes:
        p_late: hidden probability that it is paid after the due date (or never).
        paid: day index of the (last) payment, NEVER where it is not paid.
    """

    p_late: np.ndarray
    paid: np.ndarray


def _trouble(world: World, d: District, bills: Bills, *, ahead: int = 0) -> np.ndarray:
    """Money trouble in the month in which each bill is issued and falls due, or ``ahead`` months later (at most in the last month)."""
    return d.life.distress[bills.account, np.minimum(bills.month + 1 + ahead, world.parameters.months - 1)]


def settle(world: World, d: District, bills: Bills) -> Settlement:
    """When each postpaid bill is paid. Prepaid accounts and bills without an amount are settled on issue."""
    r, a = world.random, d.accounts
    who, key = bills.account, (a.index[bills.account], bills.month)
    payer = a.payer[who]
    trouble = _trouble(world, d, bills)
    surprise = np.log(np.maximum(bills.fen, 100) / np.maximum(bills.usual_fen, 100))
    leaving = (d.life.leaves[who] < bills.due) & (d.life.leaves[who] < NEVER) & (d.life.closed[who] < NEVER)
    logit = _LATE[payer] + 1.1 * trouble + 0.9 * np.clip(surprise, -1.5, 1.5) + 1.6 * leaving
    p_late = sigmoid(logit)
    late = r.uniform("late", *key) < p_late
    patience = -np.log1p(-r.uniform("late/days", *key)) * (5.0 + 9.0 * np.maximum(trouble, 0.0) + 14.0 * (payer == 4) + 25.0 * leaving)
    slower = _SLOWER * _trouble(world, d, bills, ahead=1)
    days = np.rint(_USUAL_DAY[payer] + slower + _DAY_NOISE * r.normal("early", *key)).astype(np.int64)
    in_time = np.where(payer == PAYERS.index("autopay"), _USUAL_DAY[payer], np.clip(days, 1, bills.due - bills.issued))
    delay = np.where(late, np.ceil(patience).astype(np.int64), 0)
    day = np.where(late, bills.due + np.maximum(delay, 1), bills.issued + in_time)
    settled = a.prepaid[who] | (bills.fen <= 0)
    paid = np.where(late & (delay > WRITTEN_OFF), NEVER, day)
    return Settlement(np.where(settled, 0.0, p_late), np.where(settled, bills.issued, paid))


def _channels(world: World, d: District, who: np.ndarray, *key: np.ndarray) -> np.ndarray:
    """Index in PAYMENT_CHANNELS: automatic debit by agreement, else by age of mind and kind of customer."""
    a = d.accounts
    digital, company = a.digital[who], ~a.household[who]
    base = np.stack(
        [
            1.2 * digital,
            1.0 * digital,
            0.9 * digital,
            0.1 + 1.5 * company,
            0.0 * digital,
            0.5 * (1 - digital),
            0.25 * (1 - digital),
            np.full(len(who), 0.03),
        ],
        axis=-1,
    )
    return np.where(
        a.payer[who] == PAYERS.index("autopay"), PAYMENT_CHANNELS.index("direct_debit"), world.random.choice("channel", base, *key)
    )


def payment_rows(world: World, d: District, bills: Bills, settlement: Settlement, delivery: Delivery) -> None:
    """Adds ``payment``: one for a bill, two where it is paid in parts, three where the first was reversed; top-ups of prepaid accounts."""
    r, a = world.random, d.accounts
    due = (bills.fen > 0) & ~a.prepaid[bills.account] & (settlement.paid < len(world.days))
    key = (a.index[bills.account], bills.month)
    late = settlement.paid > bills.due
    payer = a.payer[bills.account]
    in_parts = sigmoid(_IN_PARTS + 1.5 * _trouble(world, d, bills, ahead=1) + 1.5 * (payer == PAYERS.index("strained")))
    debited = (payer == PAYERS.index("autopay")) & ~late
    parts = due & ~debited & (r.uniform("part", *key) < in_parts)
    reversed_ = due & ~parts & (r.uniform("reversal", *key) < 0.004)
    begun = np.where(late, np.maximum(bills.due - 2, settlement.paid - 12), np.maximum(bills.issued + 1, settlement.paid - 6))
    first = np.where(parts, np.floor(bills.fen * 0.5), bills.fen).astype(np.int64)
    number = bills.codes(world, d)
    for suffix, chosen, fen, day in (
        ("1", due, first, np.where(parts, begun, settlement.paid)),
        ("2", parts, bills.fen - first, settlement.paid),
        ("R", reversed_, -bills.fen, settlement.paid + 2),
        ("3", reversed_, bills.fen, settlement.paid + 3),
    ):
        rows = np.flatnonzero(chosen & (day < len(world.days)))
        if len(rows):
            _payments(world, d, bills.account[rows], bills.month[rows], number.take(pa.array(rows)), suffix, fen[rows], day[rows], delivery)
    _top_ups(world, d, bills, delivery)


def _top_ups(world: World, d: District, bills: Bills, delivery: Delivery) -> None:
    """Prepaid accounts load multiples of 50 CNY whenever the balance would not cover the coming bill, less eagerly in trouble."""
    a, months = d.accounts, world.parameters.months
    need = np.zeros((len(a), months), dtype=np.int64)
    need[bills.account, bills.month] = np.maximum(bills.fen, 0)
    balance = np.full(len(a), 10_000, dtype=np.int64)
    loads = np.zeros_like(need)
    for m in range(months):
        cushion = np.where(d.life.distress[:, m] > 1.0, 0, 5_000)
        missing = need[:, m] + cushion - balance
        loads[:, m] = np.where(a.prepaid & (missing > 0), -(-missing // 5_000) * 5_000, 0)
        balance = np.maximum(balance + loads[:, m] - need[:, m], 0)
    who, month = np.nonzero(loads)
    day = world.month_starts[month] + world.random.integer("top-up", 27, a.index[who], month)
    keep = day < len(world.days)
    who, month = who[keep], month[keep]
    _payments(world, d, who, month, pa.nulls(len(who), pa.string()), "T", loads[who, month], day[keep], delivery)


def _payments(
    world: World,
    d: District,
    who: np.ndarray,
    month: np.ndarray,
    bill: pa.Array,
    suffix: str,
    fen: np.ndarray,
    day: np.ndarray,
    delivery: Delivery,
) -> None:
    if not len(who):
        return
    r, index = world.random, d.accounts.index[who]
    second = 7 * 3600 + r.integer("paid/second/" + suffix, 15 * 3600, index, month)
    paid_at = (world.days[0] + day).astype("datetime64[s]") + second.astype("timedelta64[s]")
    stem = pc.binary_join_element_wise(codes("PM", index), text(month), "-")
    columns = {
        "payment_id": pc.binary_join_element_wise(stem, suffix, "-"),
        "account_id": codes("99", index),
        "bill_id": bill,
        "paid_at": text(paid_at),
        "amount": fixed(fen, 2, scaled=True),
        "currency": pa.repeat("CNY", len(who)),
        "channel": repeat(list(PAYMENT_CHANNELS), _channels(world, d, who, index, month)),
        "reversal_of": pc.binary_join_element_wise(stem, "1", "-") if suffix == "R" else pa.nulls(len(who), pa.string()),
        "received_at": text((world.days[0] + day + 1).astype("datetime64[s]") + np.timedelta64(2 * 3600, "s")),
    }
    spoilt = choose(r, "payment/" + suffix, PAYMENT_DIRT, index, month)
    cells = {
        "text_required": ("amount", ["--"]),
        "unknown_code": ("channel", ["cheque"]),
        "wrong_date": ("paid_at", ["2026-13-01"]),
        "missing_key": ("payment_id", [""]),
    }
    delivery.spoil("payment", columns, spoilt, key="payment_id", date="paid_at", received="received_at", cells=cells)


def settlement_truth(world: World, d: District, bills: Bills, settlement: Settlement, delivery: Delivery) -> None:
    """Adds ``truth/bill``: hidden probability of late payment, and what happened."""
    delivery.add(
        "truth/bill",
        {
            "bill_id": bills.codes(world, d),
            "p_late": fixed(settlement.p_late, 6),
            "late_days": text(np.where(settlement.paid < NEVER, settlement.paid - bills.due, 9999)),
        },
    )
