"""Ledgers of bills and payments for tests, and what the payment features are of them, in plain Python."""

from __future__ import annotations

import datetime as dt
import zoneinfo
from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import numpy as np
from gridlens.contracts.codes import PAYMENT_CHANNELS

AS_OF = dt.date(2026, 3, 31)
DAY = dt.timedelta(days=1)
ZONE = "Asia/Shanghai"


def back(days: int) -> dt.date:
    return AS_OF - days * DAY


def bill(account: str, due: int, amount: float = 100, *, name: str = "", issued: int | None = None) -> tuple:
    """A bill due ``due`` days before AS_OF, issued 20 days earlier for the 30 days before."""
    on = back(due + 20 if issued is None else issued)
    return f"{account}/{name or due}", account, on - 30 * DAY, on - DAY, on, back(due), Decimal(str(amount))


def pay(of: tuple | str, days: int, amount: float = 100, channel: str = "app", *, clock: str = "12:00", name: str = "") -> tuple:
    """A payment at local ``clock`` ``days`` before AS_OF, of a bill or (a name of) an account's own accord."""
    account, number = (of, None) if isinstance(of, str) else (of[1], of[0])
    moment = dt.datetime.combine(back(days), dt.time.fromisoformat(clock), zoneinfo.ZoneInfo(ZONE)).astimezone(dt.UTC)
    return f"{number or account}:{days}{clock}{name}", account, number, moment, Decimal(str(amount)), channel, None


def reverse(payment: tuple, days: int, amount: float | None = None) -> tuple:
    """The reversal of a payment, ``days`` before AS_OF."""
    moment = dt.datetime.combine(back(days), dt.time(12, 30), zoneinfo.ZoneInfo(ZONE)).astimezone(dt.UTC)
    back_again = -payment[4] if amount is None else Decimal(str(-amount))
    return payment[0] + "R", payment[1], payment[2], moment, back_again, payment[5], payment[0]


def random_ledger(rng: np.random.Generator) -> tuple[list[tuple], list[tuple], list[str], dict[str, dt.date]]:
    """Accounts with bills over four years that are paid, overpaid, paid in parts, reversed or not paid; and top-ups.

    Bills, payments, prepaid accounts, and of the bills of which a payment stands in quarantine the day of that payment.
    """
    bills, payments = [], []

    def some(of: tuple | str, earliest: int, amount: float) -> None:
        days, clock = max(0, earliest - int(rng.integers(-3, 45))), f"{rng.integers(0, 24):02}:{rng.integers(0, 60):02}"
        channel = str(rng.choice(PAYMENT_CHANNELS))
        payments.append(pay(of, days, round(amount, 2), channel, clock=clock, name=f" {len(payments):05}"))
        if days > 1 and rng.random() < 0.2:
            part = float(payments[-1][4]) * (0.5 if rng.random() < 0.2 else 1)
            payments.append(reverse(payments[-1], int(rng.integers(0, days)), round(part, 2)))

    for number in range(25):
        account = f"account {number}"
        for k in range(rng.integers(0, 40)):
            due = int(rng.integers(-20, 1100))
            bills.append(bill(account, due, round(float(rng.normal(90, 50)), 2), name=str(k)))
            for share in ((), (1,), (1,), (0.5, 0.5), (1, 1), (0.3,), (0.2, 0.9))[rng.integers(0, 7)]:
                if bills[-1][-1] > 0:
                    some(bills[-1], due + 20, float(bills[-1][-1]) * share)
        for _ in range(rng.integers(0, 6)):
            some(account, int(rng.integers(0, 500)), float(rng.integers(1, 9) * 50))
    asked = {b[0]: min(AS_OF, b[5] + int(rng.integers(-15, 30)) * DAY) for b in bills if rng.random() < 0.3}
    return bills, payments, ["account 3", "account 7"], asked


def settled_on(one: tuple, payments: list[tuple]) -> dt.date | None:
    """The local day of the first payment from which on the bill is covered after every payment; None while it is not."""
    own = sorted((p for p in payments if p[2] == one[0]), key=lambda p: (p[3], p[0]))
    covered = [sum(p[4] for p in own[: n + 1]) >= one[-1] for n in range(len(own))]
    days = [local(own[n]) for n in range(len(own)) if all(covered[n:])]
    return max(days[0], one[4]) if days else None


def local(payment: tuple) -> dt.date:
    return payment[3].astimezone(zoneinfo.ZoneInfo(ZONE)).date()


def mean(values: list[float]) -> float | None:
    return float(np.mean(values)) if values else None


def in_question(one: tuple, payments: list[tuple], prepaid: bool, questioned: Mapping[str, dt.date]) -> bool:
    """Whether nobody knows if somebody still owes the bill."""
    return not prepaid and one[-1] > 0 and one[0] in questioned and sum(p[4] for p in payments if p[2] == one[0]) < one[-1]


def of_account(bills: list[tuple], payments: list[tuple], prepaid: bool, questioned: Mapping[str, dt.date]) -> dict[str, Any]:
    """The features of one account, bill by bill and payment by payment."""
    asked = {b[0]: questioned[b[0]] for b in bills if in_question(b, payments, prepaid, questioned)}
    bills = [b for b in bills if b[0] not in asked or asked[b[0]] > b[5]]
    undone = {p[6] for p in payments}
    good = [p for p in payments if p[4] > 0 and p[6] is None and p[0] not in undone]
    in_year = [p for p in good if local(p) > back(365)]
    top_ups = [p for p in in_year if p[2] is None]
    age = {b[0]: (AS_OF - b[5]).days for b in bills}
    settled = {b[0]: b[4] if prepaid or b[-1] <= 0 else asked.get(b[0]) or settled_on(b, payments) for b in bills}
    delay = {b[0]: ((settled[b[0]] or AS_OF) - b[5]).days for b in bills}
    late = {b[0] for b in bills if age[b[0]] >= 0 and (settled[b[0]] is None or delay[b[0]] > 0)}
    due = [b for b in bills if 0 <= age[b[0]] < 365]
    prior = [b for b in bills if 365 <= age[b[0]] < 730]
    net = {b[0]: sum((p[4] for p in payments if p[2] == b[0]), Decimal(0)) for b in bills}
    unpaid = [b for b in bills if age[b[0]] >= 0 and settled[b[0]] is None]
    arrears = float(sum(b[-1] - net[b[0]] for b in unpaid))
    billed_days = sum((b[3] - b[2]).days + 1 for b in due)
    monthly = float(sum(b[-1] for b in due)) / billed_days * 365 / 12 if due else 0.0
    pieces = [b for b in due if not prepaid and b[-1] > 0]
    taken = {b[0]: ((settled[b[0]] or AS_OF) - b[4]).days for b in pieces}
    channels = Counter(p[5] for p in in_year)

    def share(*wanted: str) -> float | None:
        return mean([float(p[5] in wanted) for p in in_year])

    top_days = sorted(map(local, top_ups))
    return {
        "bills_due_365d": len(due),
        "late_bills_365d": sum(b[0] in late for b in due),
        "bills_due_60d": sum(0 <= age[b[0]] < 60 for b in bills),
        "late_bills_60d": sum(b[0] in late and age[b[0]] < 60 for b in bills),
        "late_bills_90d": sum(b[0] in late and age[b[0]] < 90 for b in due),
        "days_late_max_365d": max([delay[b[0]] for b in due if b[0] in late], default=0),
        "part_paid_bills_365d": sum(sum(p[2] == b[0] for p in good) > 1 or 0 < net[b[0]] < b[-1] for b in pieces),
        "bills_in_question": len(asked),
        "open_bills": sum(day is None for day in settled.values()),
        "arrears_amount": arrears,
        "days_outstanding": max([age[b[0]] for b in unpaid], default=0),
        "reversals_365d": sum(p[6] is not None and local(p) > back(365) for p in payments),
        "payments_365d": len(in_year),
        "payment_channels_365d": len(channels),
        "top_ups_90d": sum(local(p) > back(90) for p in top_ups),
        "late_share_365d": mean([float(b[0] in late) for b in due]),
        "late_share_prior_365d": mean([float(b[0] in late) for b in prior]),
        "days_to_pay_mean_365d": mean([taken[b[0]] for b in pieces if settled[b[0]]]),
        "days_to_pay_last": taken[max(pieces, key=lambda b: (b[5], b[4], b[0]))[0]] if pieces else None,
        "days_to_pay_in_time_90d": mean([taken[b[0]] for b in pieces if b[0] not in late and age[b[0]] < 90]),
        "days_late_mean_365d": mean([delay[b[0]] for b in due if b[0] in late]),
        "arrears_months": arrears / monthly if monthly > 0 else None,
        "days_since_payment": min([(AS_OF - local(p)).days for p in good], default=None),
        "payment_channel": min(channels, key=lambda c: (-channels[c], c), default=None),
        "digital_payment_share_365d": share("app", "wechat", "alipay"),
        "direct_debit_share_365d": share("direct_debit"),
        "counter_payment_share_365d": share("counter", "self_service"),
        "top_up_mean_365d": mean([float(p[4]) for p in top_ups]),
        "top_up_interval_days_365d": (top_days[-1] - top_days[0]).days / (len(top_days) - 1) if len(top_days) > 1 else None,
    }


def oracle(bills: list[tuple], payments: list[tuple], prepaid: list[str], questioned: Mapping[str, dt.date]) -> dict[str, dict[str, Any]]:
    def own(rows: list[tuple], account: str) -> list[tuple]:
        return [row for row in rows if row[1] == account]

    return {
        account: of_account(own(bills, account), own(payments, account), account in prepaid, questioned)
        for account in sorted({row[1] for row in (*bills, *payments)})
    }
