"""What became of an account's bills: settled when, late by how much. The rules are those of contracts.account_money."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from gridlens.profile.dealings import Bill

Row = Mapping[str, Any]


def bills_with_payments(
    bills: Sequence[Row], payments: Sequence[Row], *, as_of: dt.date, prepaid: bool, questioned: Mapping[str, dt.date] | None = None
) -> tuple[Bill, ...]:
    """The bills in order of their periods.

    Args:
        bills: rows of silver.bill as known, issued by ``as_of``.
        payments: bill_id, payment_id, amount, paid_on (local day) and paid_at of the payments made by then, reversals included.
        as_of: last local day included.
        prepaid: the bills are drawn from a prepaid balance, so that each is settled on issue.
        questioned: of bills of which a payment stands in quarantine the day since which nobody can say whether they are paid.
    """
    of_bill: dict[str, list[Row]] = {}
    for payment in sorted(payments, key=lambda row: (row["paid_at"], row["payment_id"])):
        if payment["bill_id"] is not None:
            of_bill.setdefault(payment["bill_id"], []).append(payment)
    ordered = sorted(bills, key=lambda row: (row["period_end"], row["issued_on"], row["bill_id"]))
    return tuple(_bill(row, of_bill.get(row["bill_id"], []), as_of, prepaid, (questioned or {}).get(row["bill_id"])) for row in ordered)


def _bill(row: Row, payments: Sequence[Row], as_of: dt.date, prepaid: bool, asked_on: dt.date | None) -> Bill:
    amount = row["amount"]
    paid, covered_on = _covered(amount, payments)
    to_pay = amount > 0 and not prepaid
    is_open = to_pay and paid < amount
    settled_on = None if is_open else max(covered_on or row["issued_on"], row["issued_on"]) if to_pay else row["issued_on"]
    unclear = is_open and asked_on is not None
    since = asked_on if unclear else settled_on
    late = to_pay and row["due_on"] <= as_of and (since is None or since > row["due_on"])
    state = "unclear" if unclear else ("overdue" if late else "open") if is_open else "late" if late else "settled"
    return Bill(
        bill_id=row["bill_id"],
        period_start=row["period_start"],
        period_end=row["period_end"],
        issued_on=row["issued_on"],
        due_on=row["due_on"],
        kwh=row["quantity_kwh"],
        amount=amount,
        paid=paid,
        settled_on=settled_on,
        state=state,
        days_late=((since or as_of) - row["due_on"]).days if late else 0,
    )


def _covered(amount: Decimal, payments: Sequence[Row]) -> tuple[Decimal, dt.date | None]:
    """What was paid net, and the day of the last payment that brought it from below the amount to the amount."""
    paid, covered_on = Decimal(0), None
    for payment in payments:
        before, paid = paid, paid + payment["amount"]
        if before < amount <= paid:
            covered_on = payment["paid_on"]
    return paid, covered_on
