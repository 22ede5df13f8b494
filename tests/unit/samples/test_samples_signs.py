"""What the province shows of its hidden causes before they take effect: pages looked at before leaving.

Districts without their meters: what is looked at here does not depend on consumption."""

from __future__ import annotations

import datetime as dt
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from gridlens.samples.accounts import Accounts, accounts_of
from gridlens.samples.behaviour import interaction_rows
from gridlens.samples.bills import Bills
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
