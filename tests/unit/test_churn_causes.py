"""The check of churn drivers against planted causes, on a handful of accounts."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pandas as pd
import pytest
from gridlens.pipelines.declared import model_library
from gridlens.samples.life import CAUSES
from gridlens.settings import load_settings

from bench.churn_causes import FADES, GAP, HORIZON, LEAD, MODELS, SHOWN_BY, by_chance, figure, leavers
from bench.churn_causes import SIGNS as PLANTED

AS_OF = dt.date(2025, 12, 31)


def reasons(*features: str) -> list[dict[str, Any]]:
    return [{"feature": name.removeprefix("-"), "value": "1", "contribution": -1.0 if name.startswith("-") else 1.0} for name in features]


SCORES = pd.DataFrame(
    [
        ("found", 1, reasons("-age", "category", "industry_code", "exit_page_views_90d")),
        ("fourth", 1, reasons("category", "industry_code", "has_pv", "quotes_90d")),
        ("too early", 5, reasons("category")),
        ("later", 5, reasons("exit_page_views_90d")),
        ("gone", 5, reasons("exit_page_views_90d")),
        ("silent", 5, reasons("category")),
        ("fades", 5, reasons("energy_ratio_14d")),
        ("stays", 9, reasons("contacts_90d")),
        ("stays too", 9, reasons("category")),
    ],
    columns=["account_id", "decile", "reasons"],
)
TRUTH = pd.DataFrame(
    [
        ("found", "moving", "2026-01-20"),
        ("fourth", "retail_switch", "2026-02-27"),
        ("too early", "moving", "2026-02-10"),  # signs begin in January
        ("later", "moving", "2026-03-02"),  # after the horizon
        ("gone", "moving", "2026-01-03"),  # in the blind gap
        ("silent", "self_generation", "2026-01-20"),
        ("fades", "shutdown", "2026-02-27"),
        ("stays", None, None),
        ("not scored", "shutdown", "2026-01-20"),
    ],
    columns=["account_id", "churn_cause", "churn_day"],
)
SIGNS = pd.DataFrame(
    [
        ("found", "close_account", dt.date(2025, 12, 1)),
        ("fourth", "quote_received", dt.date(2025, 12, 30)),
        ("too early", "enquiry", dt.date(2025, 12, 30)),  # by chance
        ("silent", "enquiry", dt.date(2025, 10, 31)),  # by chance: signs begin in November
        ("silent", "quote_received", dt.date(2025, 12, 30)),  # no sign of this cause
        ("stays", "enquiry", dt.date(2025, 12, 30)),
    ],
    columns=["account_id", "sign", "day"],
)


def test_leavers_of_the_horizon_are_looked_at() -> None:
    rows = leavers(SCORES, TRUTH, SIGNS, AS_OF).set_index("account_id")
    assert rows[["begun", "shows", "found"]].T.to_dict("list") == {
        "found": [True, True, True],
        "fourth": [True, True, False],
        "too early": [False, False, False],
        "silent": [True, False, False],
        "fades": [True, True, True],
    }


def test_the_figure_is_of_causes_that_had_begun_and_beside_it_of_those_that_show() -> None:
    rows = leavers(SCORES, TRUTH, SIGNS, AS_OF)
    told = figure(rows, AS_OF, 0.25, None)
    assert (told.value, told.ok) == (0.5, False)
    assert told.detail["by_cause"] == {"moving": [1, 1], "retail_switch": [0, 1], "self_generation": [0, 1], "shutdown": [1, 1]}
    assert (told.detail["of_all"], told.detail["of_highest_tenth"], told.detail["by_chance"]) == (0.4, 0.5, 0.25)
    assert (told.detail["shown"], told.detail["of_shown"], told.detail["by_chance_shown"]) == (3, 0.6667, None)
    assert told.detail["by_cause_shown"] == {"moving": [1, 1], "retail_switch": [0, 1], "shutdown": [1, 1]}


def test_chance_is_what_those_who_stay_would_give() -> None:
    gone = leavers(SCORES, TRUTH, SIGNS, AS_OF)
    # later, gone, stays and stays too are no leavers: for moving and shutdown three of four count, for the others only the one that calls.
    assert by_chance(SCORES, gone, "begun") == pytest.approx((3 / 4 + 3 / 4 + 1 / 4 + 1 / 4) / 4)
    assert by_chance(SCORES, gone, "shows") == pytest.approx((3 / 4 + 3 / 4 + 1 / 4) / 3)
    assert by_chance(SCORES, gone[:0], "begun") is None


def test_chance_of_what_shows_is_that_of_those_who_stay_with_such_a_sign() -> None:
    gone = leavers(SCORES, TRUTH, SIGNS, AS_OF)
    assert by_chance(SCORES, gone, "shows", SIGNS) == pytest.approx(1.0), "of those who stay only one has a sign, and it counts"
    seen = pd.concat([SIGNS, pd.DataFrame([("stays too", "enquiry", AS_OF)], columns=list(SIGNS))])
    assert by_chance(SCORES, gone, "shows", seen) == pytest.approx(0.5)
    assert by_chance(SCORES, gone, "shows", SIGNS[:0]) is None


def test_every_cause_is_shown_by_features_of_the_models() -> None:
    models = [model for model in model_library(load_settings("local")) if model.id in MODELS]
    assert [model.id for model in models] == sorted(MODELS)
    assert set(SHOWN_BY) == set(LEAD) == set(PLANTED) == set(CAUSES)
    assert set(FADES) < set(CAUSES)
    for model in models:
        assert {(GAP, HORIZON)} == {(model.definition.label.gap_days, model.definition.label.horizon_days)}
        assert set().union(*SHOWN_BY.values()) <= set(model.features)
