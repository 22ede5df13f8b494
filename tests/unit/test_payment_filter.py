"""The filter over payments: its constants are the generator's, and it is right where the generator draws."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from gridlens.samples import accounts as generator
from gridlens.samples import payments
from gridlens.samples.bills import PAYMENT_DAYS
from sklearn.metrics import roc_auc_score

from bench.payment_filter import AUTOPAY, DAY_NOISE, HABITS, LATE, SHARES, SLOWER, USUAL_DAY, told_by_payments

AS_OF = dt.date(2025, 10, 31)
MONTHS = 13


def drawn(number: int, seed: int) -> tuple[pd.DataFrame, pd.DataFrame, pd.Series]:
    """Households' accounts and bills as life.py and payments.py draw them, and the true probability of the last bill."""
    r = np.random.default_rng(seed)
    habit = r.choice(5, number, p=SHARES[True])
    level = 1.2 * r.normal(size=number)
    vulnerable = np.clip(0.35 + 0.22 * r.normal(size=number), 0, 1)
    rows, ids = [], np.array([f"a{n:05}" for n in range(number)])
    at_rest = 1.5 * (vulnerable - 0.35) + 1.3 * (habit == 4)
    coming = 0.85 * level + 0.45 * r.normal(size=number)
    for month in range(MONTHS):
        level, coming = coming, 0.85 * coming + 0.45 * r.normal(size=number)
        trouble = level + at_rest
        late = 1 / (1 + np.exp(-(LATE[habit] + 1.1 * trouble)))
        scale = 5 + 9 * np.maximum(trouble, 0) + 14 * (habit == 4)
        after = np.maximum(np.ceil(r.exponential(scale)), 1)
        day = np.clip(np.rint(USUAL_DAY[habit] + SLOWER * (coming + at_rest) + DAY_NOISE * r.normal(size=number)), 1, 20)
        early = np.where(habit == AUTOPAY, 17, day) - 20
        due = pd.Timestamp(2024, 11, 23) + pd.DateOffset(months=month)
        rows.append(
            pd.DataFrame({"account_id": ids, "due_on": due, "amount": 80.0, "late_days": np.where(r.random(number) < late, after, early)})
        )
    accounts = pd.DataFrame({"account_id": ids, "household": True, "growth": 0.0})
    return accounts, pd.concat(rows, ignore_index=True), pd.Series(late * np.exp(-30 / scale), index=ids)


def test_the_constants_are_the_generators() -> None:
    assert generator.PAYERS == HABITS
    assert payments._LATE.tolist() == LATE.tolist()
    assert payments._USUAL_DAY.tolist() == USUAL_DAY.tolist()
    assert (payments._SLOWER, payments._DAY_NOISE) == (SLOWER, DAY_NOISE)
    assert generator._PAYER_HOUSEHOLD.tolist() == SHARES[True].tolist()
    assert generator._PAYER_BUSINESS.tolist() == SHARES[False].tolist()


def test_it_is_calibrated_and_better_than_the_share_of_late_bills() -> None:
    accounts, bills, true = drawn(3000, 7)
    told = told_by_payments(accounts, bills, as_of=AS_OF, days=30).reindex(true.index)
    assert told.mean() == pytest.approx(true.mean(), rel=0.12)
    last = bills["due_on"] > pd.Timestamp(AS_OF)
    unpaid = bills[last].set_index("account_id")["late_days"].reindex(true.index) > 30
    share = (bills[~last].assign(late=bills["late_days"] > 0).groupby("account_id")["late"].mean()).reindex(true.index)
    assert roc_auc_score(unpaid, share) + 0.01 < roc_auc_score(unpaid, told) < roc_auc_score(unpaid, true) + 0.01
    same_day = bills.assign(late_days=bills["late_days"].where(bills["late_days"] > 0, 17 - PAYMENT_DAYS))
    by_lateness = told_by_payments(accounts, same_day, as_of=AS_OF, days=30).reindex(true.index)
    assert roc_auc_score(unpaid, by_lateness) + 0.02 < roc_auc_score(unpaid, told), "the day of payment tells of trouble ahead"


def test_without_a_bill_to_come_nothing_can_be_unpaid() -> None:
    accounts, bills, _ = drawn(3, 1)
    assert told_by_payments(accounts, bills[bills["due_on"] < pd.Timestamp(AS_OF)], as_of=AS_OF, days=30).tolist() == [0.0] * 3
