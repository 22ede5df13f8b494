"""What an account's own payments tell of arrears in the synthetic province: a hidden Markov filter with the generator's own constants.

A bill is paid late by habit, money trouble and surprise, and in time on a day that moves with the trouble of the month to come
(lib/gridlens/samples/payments.py); trouble is autoregressive by month (life.py). Neither habit nor trouble is in any source. For each
account the filter weighs every combination of habit (5 payers), vulnerability (5 values) and trouble (39 values) by all bills it has seen
settled, and when, or not up to T, and gives the probability that the bills due in the month after are unpaid. It knows more than a model
can: the constants, the growth of consumption and the amount of the bill to come. It does not know the shocks that an industry has in
common, which others' payments show, who is leaving, who pays in parts, nor who asks for instalments.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import numpy as np
import pandas as pd
from gridlens.samples.bills import PAYMENT_DAYS
from scipy.special import ndtr

HABITS = ("prompt", "autopay", "forgetful", "habitual_late", "strained")
LATE = np.array([-4.4, -4.9, -2.2, 0.1, -1.6])
STRAINED = np.array([float(habit == "strained") for habit in HABITS])
SHARES = {True: np.array([0.40, 0.28, 0.16, 0.08, 0.08]), False: np.array([0.42, 0.22, 0.10, 0.15, 0.11])}
"""Habits of households and of businesses (samples/accounts.py)."""
SHOCK = {True: 0.45, False: float(np.hypot(0.45, 0.3))}
TROUBLE = np.arange(-3.8, 3.81, 0.2)
VULNERABLE = 1.5 * 0.22 * np.array([-1.4, -0.53, 0.0, 0.53, 1.4])
"""Means of fifths of the normal distribution, in units of trouble."""
USUAL_DAY = np.array([5, 17, 10, 10, 10])
SLOWER, DAY_NOISE = 4.0, 2.0
"""Days after issue on which a bill is paid in time: of automatic debit always that one, of others later by the trouble to come."""
AUTOPAY = HABITS.index("autopay")
NEVER_SO = 1e-4
"""Least probability of a day: dirt moves days."""
AT_ONCE = 2000


def told_by_payments(accounts: pd.DataFrame, bills: pd.DataFrame, *, as_of: dt.date, days: int) -> pd.Series:
    """Probability that the bills due in the month after ``as_of`` are unpaid ``days`` after, by account_id.

    Args:
        accounts: account_id, household, growth.
        bills: account_id, due_on, amount (positive), late_days (settled so many days after it was due; negative before), all bills up to
            the month after ``as_of``.
        as_of: the last day of a month.
        days: as in the label.
    """
    now = np.datetime64(as_of)
    month = bills["due_on"].to_numpy().astype("datetime64[M]").astype(int)
    begin = month.min() - 1  # trouble begins in the month of the first reading, the first bill is due in the one after
    step, last = month - begin, int(now.astype("datetime64[M]").astype(int) - begin)
    usual = bills.groupby("account_id")["amount"].transform("median")
    surprise = np.log(np.maximum(bills["amount"], 1) / np.maximum(usual, 1)).clip(-1.5, 1.5)
    age = (now - bills["due_on"].to_numpy().astype("datetime64[D]")).astype(int)
    cells = bills.assign(step=step, surprise=surprise, age=age)
    told = [_of(part, cells, household, last, days) for household in (True, False) for part in _parts(accounts, household)]
    return pd.concat(told)


def _parts(accounts: pd.DataFrame, household: bool) -> Iterator[pd.DataFrame]:
    rows = accounts[accounts["household"] == household]
    for begin in range(0, len(rows), AT_ONCE):
        yield rows.iloc[begin : begin + AT_ONCE]


def _of(accounts: pd.DataFrame, cells: pd.DataFrame, household: bool, last: int, days: int) -> pd.Series:
    """The filter over accounts of one kind; weights have shape (accounts, habits, vulnerability, trouble)."""
    own = cells[cells["account_id"].isin(accounts["account_id"])]
    by_step = {step: rows.drop_duplicates("account_id").set_index("account_id") for step, rows in own.groupby("step")}
    growth = -0.35 * np.clip(3 * accounts["growth"].to_numpy(), -1, 1)
    level = TROUBLE + VULNERABLE[:, None] + 1.3 * STRAINED[:, None, None] + growth[:, None, None, None]
    moves = _normal(TROUBLE[None, :] - 0.85 * TROUBLE[:, None], SHOCK[household])
    start = _normal(TROUBLE[None, :], float(np.hypot(0.85 * 1.2, SHOCK[household])))[0]
    weight = SHARES[household][:, None, None] * np.ones((len(VULNERABLE), 1)) * start * np.ones((len(accounts), 1, 1, 1))
    weight = weight @ moves
    for step in range(1, last + 1):
        if step not in by_step:
            weight = weight @ moves
            continue
        rows = by_step[step].reindex(accounts["account_id"])
        billed, in_time = _shaped(rows["amount"].notna()), _shaped(rows["late_days"] <= 0)
        weight = (weight * np.where(billed, _lateness(rows, level), 1.0)) @ moves
        weight = weight * np.where(billed & in_time, _day(rows, level), 1.0)
        weight /= weight.sum(axis=(1, 2, 3), keepdims=True)
    if last + 1 not in by_step:
        return pd.Series(0.0, index=accounts["account_id"].to_numpy())
    coming = by_step[last + 1].reindex(accounts["account_id"])
    unpaid = _late(coming, level) * np.exp(-days / _delay(level))
    chance = np.where(coming["amount"].notna(), (weight * unpaid).sum(axis=(1, 2, 3)), 0.0)
    return pd.Series(chance, index=accounts["account_id"].to_numpy())


def _lateness(bills: pd.DataFrame, level: np.ndarray) -> np.ndarray:
    """Probability of what was seen of one month's bills by ``as_of``: in time, the day of a late payment, or that there was none yet."""
    late, delay = _late(bills, level), _delay(level)
    after, age = _shaped(bills["late_days"].fillna(0)), _shaped(bills["age"].fillna(0))
    paid_late = late * (np.exp(-(np.maximum(after, 1) - 1) / delay) - np.exp(-np.maximum(after, 1) / delay))
    still_open = late * np.exp(-np.maximum(age, 0) / delay)
    return np.where(after <= 0, 1 - late, np.where(after <= age, paid_late, still_open))


def _day(bills: pd.DataFrame, coming: np.ndarray) -> np.ndarray:
    """Probability of the day on which bills are paid in time, by the level of the month to come: normal, its tails on the two last days."""
    day = _shaped(bills["late_days"].fillna(0)) + PAYMENT_DAYS
    usual = USUAL_DAY[:, None, None]
    expected = usual + SLOWER * coming
    up_to = np.where(day >= PAYMENT_DAYS, 1.0, ndtr((day + 0.5 - expected) / DAY_NOISE))
    chance = up_to - np.where(day <= 1, 0.0, ndtr((day - 0.5 - expected) / DAY_NOISE))
    debit = np.arange(len(HABITS))[:, None, None] == AUTOPAY
    return np.maximum(np.where(debit, day == usual, chance), NEVER_SO)


def _late(bills: pd.DataFrame, level: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-(LATE[:, None, None] + 1.1 * level + 0.9 * _shaped(bills["surprise"].fillna(0)))))


def _delay(level: np.ndarray) -> np.ndarray:
    """Mean days from the due date to a late payment."""
    return 5 + 9 * np.maximum(level, 0) + 14 * STRAINED[:, None, None]


def _normal(distance: np.ndarray, deviation: float) -> np.ndarray:
    """Rows of normal weights that add up to 1."""
    weights = np.exp(-0.5 * (distance / deviation) ** 2)
    return weights / weights.sum(axis=1, keepdims=True)


def _shaped(values: pd.Series) -> np.ndarray:
    return values.to_numpy()[:, None, None, None]
