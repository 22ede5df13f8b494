"""What the province shows of its hidden causes before they take effect: later payments in money trouble, pages looked at before leaving.

Districts without their meters: what is looked at here does not depend on consumption."""

from __future__ import annotations

import datetime as dt
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from gridlens.samples import payments
from gridlens.samples.accounts import PAYERS, Accounts, accounts_of
from gridlens.samples.behaviour import interaction_rows
from gridlens.samples.bills import PAYMENT_DAYS, Bills
from gridlens.samples.dirt import Delivery
from gridlens.samples.life import CAUSES, NEVER, life_of
from gridlens.samples.outages import outages_of
from gridlens.samples.world import Parameters, World

WORLD = World(Parameters(accounts=6000, months=24, curve_days=90, end_date=dt.date(2026, 3, 31), seed=20260331, curves=False))
PAGES = ["transfer_ownership", "close_account", "grid_connection"]


def district(number: int) -> Any:
    a, outages = accounts_of(WORLD, number), outages_of(WORLD, number)
    return SimpleNamespace(accounts=a, outages=outages, life=life_of(WORLD, a, outages.by_month(WORLD)))


def bills_of(a: Accounts) -> Bills:
    """A bill of 100 CNY for each account and month, issued on the third day of the next."""
    account, month = (part.ravel() for part in np.indices((len(a), WORLD.parameters.months - 1)))
    fen, same = np.full(len(account), 10_000), np.ones(len(account))
    nothing: Any = None
    return Bills(account, month, 30 * same, WORLD.month_starts[month + 1] + 2, 0 * same, 200 * same, fen, fen, nothing)


@pytest.fixture(scope="module")
def paid() -> pd.DataFrame:
    """Every postpaid bill with its payer, the trouble of the month to come, days to pay, whether it is late and paid in parts."""
    found = []
    for number in range(80):
        d = district(number)
        bills = bills_of(d.accounts)
        settled, delivery = payments.settle(WORLD, d, bills), Delivery()
        payments.payment_rows(WORLD, d, bills, settled, delivery)
        rows = pd.DataFrame({"days": settled.paid - bills.issued, "late": settled.paid > bills.due, "p_late": settled.p_late})
        rows["payer"] = np.array(PAYERS)[d.accounts.payer[bills.account]]
        rows["ahead"] = d.life.distress[bills.account, np.minimum(bills.month + 2, WORLD.parameters.months - 1)]
        made = pd.Series([line for part in delivery.lines["payment"] for line in part.to_pylist()]).str.split(",")
        second = set(made[made.str[0].str.endswith("-2")].str[2])
        rows["parts"] = [bill in second for bill in bills.codes(WORLD, d).to_pylist()]
        found.append(rows[~d.accounts.prepaid[bills.account]])
    return pd.concat(found)


def test_who_is_in_trouble_pays_later_within_the_term(paid: pd.DataFrame) -> None:
    in_time = paid[~paid["late"] & (paid["payer"] != "autopay")]
    assert in_time["days"].between(1, PAYMENT_DAYS).all()
    for payer, rows in in_time.groupby("payer"):
        inside = rows[rows["ahead"].between(-0.5, 1.0)]  # beyond, the first day or the due date cuts it off
        slope, _ = np.polyfit(inside["ahead"], inside["days"], 1)
        assert slope == pytest.approx(payments._SLOWER, abs=0.35), payer
        assert 0.3 < np.corrcoef(rows["ahead"], rows["days"])[0, 1] < 0.9, f"{payer}: a sign, not the trouble itself"


def test_automatic_debit_keeps_its_day_and_lateness_its_probability(paid: pd.DataFrame) -> None:
    debit = paid[(paid["payer"] == "autopay") & ~paid["late"]]
    assert debit["days"].unique().tolist() == [payments._USUAL_DAY[PAYERS.index("autopay")]]
    assert paid["late"].mean() == pytest.approx(paid["p_late"].mean(), abs=0.005)


def test_who_is_in_trouble_pays_in_parts_more_often(paid: pd.DataFrame) -> None:
    in_time = paid[~paid["late"] & (paid["payer"] != "autopay")]
    calm, strained = in_time[in_time["ahead"] < 0], in_time[in_time["ahead"] > 1.5]
    assert 0.002 < calm["parts"].mean() < 0.02
    assert 0.05 < strained["parts"].mean() < 0.4
    assert not paid.loc[~paid["late"] & (paid["payer"] == "autopay"), "parts"].any(), "a debit is of the whole bill"


@pytest.fixture(scope="module")
def looked() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Accounts with cause and month of leaving (-1: none); and views of PAGES by account and month."""
    accounts, views = [], []
    for number in range(WORLD.districts):
        d, delivery = district(number), Delivery()
        interaction_rows(WORLD, d, bills_of(d.accounts), delivery)
        leaves = np.where(d.life.leaves < NEVER, WORLD.month_index[np.minimum(d.life.leaves, len(WORLD.days) - 1)], -1)
        cause = np.array([*CAUSES, ""])[d.life.cause]
        accounts.append(pd.DataFrame({"account": d.accounts.index, "cause": cause, "leaves": leaves}))
        lines = [line.split(",") for part in delivery.lines["interaction"] for line in part.to_pylist()]
        seen = pd.DataFrame(
            [(int(cells[1][2:]), cells[2], cells[5]) for cells in lines if len(cells) > 5 and cells[5] in PAGES and cells[0]]
        )
        if len(seen):
            views.append(seen.set_axis(["account", "moment", "page"], axis=1))
    rows = pd.concat(views)
    day = pd.to_datetime(rows["moment"], errors="coerce").dt.normalize().to_numpy().astype("datetime64[D]")
    known = ~np.isnat(day)
    position = np.where(known, (day - WORLD.days[0]).astype(int), 0)
    return pd.concat(accounts), rows.assign(month=WORLD.month_index[position])[known]


@pytest.mark.parametrize(
    ("cause", "lead", "pages"),
    [
        ("moving", 2, ["transfer_ownership", "close_account"]),
        ("shutdown", 3, ["close_account"]),
        ("relocation", 3, ["close_account"]),
        ("self_generation", 3, ["grid_connection"]),
    ],
)
def test_most_leavers_look_at_the_page_and_few_of_those_who_stay(
    looked: tuple[pd.DataFrame, pd.DataFrame], cause: str, lead: int, pages: list[str]
) -> None:
    accounts, views = looked
    seen = views[views["page"].isin(pages)]
    leavers = accounts[accounts["cause"] == cause].merge(seen, on="account", how="left")
    ahead = (leavers["leaves"] - leavers["month"]).between(0, lead - 1)
    share = ahead.groupby(leavers["account"]).any()
    assert len(share) >= 20
    assert 0.7 < share.mean() <= 1.0
    staying = accounts.loc[accounts["cause"] == "", "account"]
    last_quarter = seen.loc[seen["month"] >= WORLD.parameters.months - 3, "account"]
    assert 0.005 < staying.isin(last_quarter).mean() < 0.05
    assert staying.isin(last_quarter).sum() > len(share) / 7, "a quarter's leavers are a seventh of all: a view is no give-away"
