"""Surveys of the synthetic province: who is seen, when, and how often what is noted is what is burnt."""

from __future__ import annotations

import datetime as dt
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from gridlens.contracts.codes import SURVEY_EQUIPMENT, SURVEY_FUELS, SURVEY_SOURCES
from gridlens.samples.accounts import FUELS, accounts_of
from gridlens.samples.archetypes import CODES
from gridlens.samples.dirt import Delivery
from gridlens.samples.life import NEVER, life_of
from gridlens.samples.outages import outages_of
from gridlens.samples.surveys import changed_on, could_burn, survey_rows
from gridlens.samples.world import Parameters, World

WORLD = World(Parameters(20_000, 24, 90, dt.date(2026, 3, 31), 7, True))
FIRST, LAST = "2024-04-01", "2026-03-31"


@pytest.fixture(scope="module")
def made() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Accounts with what is hidden of them, and the rows of their surveys without dirt."""
    told, hidden = Delivery(), []
    for number in range(200):
        accounts = accounts_of(WORLD, number)
        life = life_of(WORLD, accounts, outages_of(WORLD, number).by_month(WORLD))
        district: Any = SimpleNamespace(accounts=accounts, life=life)
        survey_rows(WORLD, district, told)
        columns = {
            "account_id": [f"99{i:08d}" for i in accounts.index],
            "could": could_burn(accounts),
            "archetype": np.array(CODES)[accounts.archetype],
            "household": accounts.household,
            "burns": np.array(FUELS)[accounts.fuel],
            "changed": changed_on(WORLD, accounts, life),
            "open": life.closed == NEVER,
        }
        hidden.append(pd.DataFrame(columns))
    header = told.headers["energy_survey"].split(",")
    lines = pd.concat([pd.Series(part.to_pylist()) for part in told.lines["energy_survey"]]).str.split(",", expand=True)
    lines.columns = pd.Index(header)
    clean = lines[(lines["survey_id"] != "") & lines["fuel"].isin(SURVEY_FUELS) & (lines["surveyed_on"] != "2026-02-30")]
    return pd.concat(hidden), clean.drop_duplicates()


def test_most_who_could_burn_fuel_are_surveyed_and_few_others(made: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    accounts, surveys = made
    there = accounts[accounts["open"]]
    share = there["account_id"].isin(surveys["account_id"]).groupby(there["could"]).mean()
    assert 0.86 < share[True] < 0.95
    assert 0.01 < share[False] < 0.06
    assert surveys["survey_id"].is_unique


def test_most_are_seen_before_the_province_begins_and_known_soon_after(made: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    _, surveys = made
    assert 0.55 < (surveys["surveyed_on"] < FIRST).mean() < 0.8
    assert surveys["surveyed_on"].max() <= LAST
    lag = pd.to_datetime(surveys["received_at"]) - pd.to_datetime(surveys["surveyed_on"])
    assert lag.min() > pd.Timedelta(days=1)
    assert lag.max() < pd.Timedelta(days=6)


def test_what_is_noted_is_mostly_what_is_burnt_and_electricity_only_after_a_change(made: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    accounts, surveys = made
    both = surveys.merge(accounts, on="account_id")
    day = (both["surveyed_on"].to_numpy().astype("datetime64[D]") - WORLD.days[0]).astype(int)
    after = day > both["changed"].to_numpy()
    assert after.sum() > 10
    assert (both["fuel"] == "electricity").eq(after).all()
    before = both[~after]
    wrong = (before["fuel"] != before["burns"]).mean()
    assert 0.01 < wrong < 0.035
    again = both[both["survey_id"].str[-1].isin(list("13579"))]
    assert len(again)
    assert set(again["source"]) == {"inspection"}
    assert set(again["fuel"]) == {"electricity"}


def test_equipment_fits_trade_and_fuel(made: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    accounts, surveys = made
    both = surveys.merge(accounts, on="account_id")
    assert set(both["equipment"]) == set(SURVEY_EQUIPMENT)
    assert set(both["source"]) == set(SURVEY_SOURCES)
    assert (both["equipment"] == "none").eq(both["fuel"] == "none").all()
    assert set(both.loc[both["equipment"] == "fleet", "fuel"]) == {"oil"}
    assert not both.loc[both["equipment"] == "fleet", "household"].any()
    assert set(both.loc[both["household"], "equipment"]) == {"stove", "none"}
    assert set(both.loc[both["archetype"] == "restaurant", "equipment"]) == {"kitchen", "fleet", "none"}
    assert set(both.loc[both["source"] == "register", "equipment"]) == {"boiler"}
