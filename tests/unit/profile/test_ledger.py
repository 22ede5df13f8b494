"""What became of a bill, against a second telling of the rule."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from gridlens.profile.ledger import bills_with_payments
from hypothesis import given
from hypothesis import strategies as st

DAY = dt.date(2026, 3, 1)


def day(n: int) -> dt.date:
    return DAY + dt.timedelta(days=n)


def bill(amount: int, *, name: str = "b", issued: int = 0, due: int = 10) -> dict[str, Any]:
    return {
        "bill_id": name,
        "period_start": day(-31),
        "period_end": day(-1),
        "issued_on": day(issued),
        "due_on": day(due),
        "quantity_kwh": Decimal(1),
        "amount": Decimal(amount),
    }


def pay(on: int, amount: int, *, name: str = "b", number: int = 0) -> dict[str, Any]:
    return {"bill_id": name, "payment_id": f"{number:03d}", "amount": Decimal(amount), "paid_on": day(on), "paid_at": on}


@pytest.mark.parametrize(
    ("payments", "state", "settled", "late"),
    [
        ([pay(10, 50)], "settled", 10, 0),
        ([pay(11, 50)], "late", 11, 1),
        ([pay(3, 20), pay(15, 30)], "late", 15, 5),
        ([pay(3, 20)], "overdue", None, 20),
        ([pay(3, 50), pay(5, -50)], "overdue", None, 20),
        ([pay(3, 50), pay(5, -50), pay(8, 50)], "settled", 8, 0),
        ([pay(-2, 50)], "settled", 0, 0),
    ],
    ids=["on the due date", "a day late", "in parts", "part only", "reversed", "reversed and paid again", "before it was issued"],
)
def test_states(payments: list[dict[str, Any]], state: str, settled: int | None, late: int) -> None:
    (told,) = bills_with_payments([bill(50)], payments, as_of=day(30), prepaid=False)
    assert (told.state, told.settled_on, told.days_late) == (state, None if settled is None else day(settled), late)


def test_a_bill_of_which_a_payment_stands_in_quarantine_is_not_overdue() -> None:
    asked = {"b": day(8), "c": day(8), "d": day(16)}
    bills = [bill(50, name=name) for name in asked]
    told = bills_with_payments(bills, [pay(15, 50, name="c")], as_of=day(30), prepaid=False, questioned=asked)
    late = [(one.bill_id, one.state, one.days_late) for one in told]
    assert late == [("b", "unclear", 0), ("c", "late", 5), ("d", "unclear", 6)], "d: late by six days at least"


def test_not_due_yet_is_open_and_due_today_is_overdue_by_nothing() -> None:
    (early,) = bills_with_payments([bill(50)], [], as_of=day(9), prepaid=False)
    (due,) = bills_with_payments([bill(50)], [], as_of=day(10), prepaid=False)
    assert (early.state, due.state, due.days_late) == ("open", "overdue", 0)


@pytest.mark.parametrize(("amount", "prepaid"), [(50, True), (0, False), (-8, False)], ids=["prepaid", "nothing to pay", "credit"])
def test_what_nobody_has_to_pay_is_settled_on_issue(amount: int, prepaid: bool) -> None:
    (told,) = bills_with_payments([bill(amount, issued=2)], [], as_of=day(30), prepaid=prepaid)
    assert (told.state, told.settled_on) == ("settled", day(2))


def test_bills_come_by_period_and_payments_find_their_own() -> None:
    bills = [bill(10, name="y"), bill(20, name="x")]
    told = bills_with_payments(bills, [pay(1, 20, name="x"), pay(1, 10, name="z")], as_of=day(30), prepaid=False)
    assert [(b.bill_id, b.paid, b.state) for b in told] == [("x", 20, "settled"), ("y", 0, "overdue")]


@given(st.lists(st.tuples(st.integers(0, 29), st.integers(-30, 60)), max_size=8), st.integers(1, 90))
def test_settled_since_the_last_time_too_little_was_paid(payments: list[tuple[int, int]], amount: int) -> None:
    rows = [pay(on, paid, number=i) for i, (on, paid) in enumerate(payments)]
    (told,) = bills_with_payments([bill(amount)], rows, as_of=day(30), prepaid=False)
    in_order = sorted(range(len(payments)), key=lambda i: (payments[i][0], i))
    sums = [sum(payments[i][1] for i in in_order[: n + 1]) for n in range(len(in_order))]
    short = [-1, *[n for n, total in enumerate(sums) if total < amount]]
    covered = bool(sums) and sums[-1] >= amount
    assert told.settled_on == (day(payments[in_order[short[-1] + 1]][0]) if covered else None)
    assert told.paid == (sums[-1] if sums else 0)
    assert (told.days_late > 0) == (told.settled_on is None or told.settled_on > day(10))
