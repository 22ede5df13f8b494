"""Groups of peers, usual accounts and the losses of transformers."""

from __future__ import annotations

import numpy as np
import pytest
from gridlens.anomaly.groups import LATE, excess_loss, group_names, usual_account
from gridlens.anomaly.weeks import DAYS
from hypothesis import given
from hypothesis import strategies as st


def test_small_groups_fall_back_on_the_more_general_one() -> None:
    sizes = [
        {"category": "home", "area": "A", "accounts": 50},
        {"category": "home", "area": "B", "accounts": 5},
        {"category": "shop", "area": "A", "accounts": 6},
        {"category": "shop", "area": "B", "accounts": 6},
        {"category": "farm", "area": None, "accounts": 1},
    ]
    found = group_names(sizes, ("category", "area"), 10)
    assert found == {
        ("home", "A"): "home / A",
        ("home", "B"): "home",
        ("shop", "A"): "shop",
        ("shop", "B"): "shop",
        ("farm", "None"): "all",
    }


@given(st.integers(0, 1000))
def test_the_usual_account_is_a_median_that_a_few_do_not_move(seed: int) -> None:
    random = np.random.default_rng(seed)
    shape = 1 + 0.5 * np.cos(np.arange(DAYS) / 50)
    daily = random.gamma(5.0, 2.0, 101)[:, None] * shape * np.exp(random.normal(0, 0.05, (101, DAYS)))
    usual, index = usual_account(daily)
    moved = daily.copy()
    moved[:10] = 0.0
    usual_moved, index_moved = usual_account(moved)
    assert usual_moved == pytest.approx(usual, rel=0.35)
    np.testing.assert_allclose(index_moved, index, rtol=0.12)
    np.testing.assert_allclose(index / index.mean(), shape / shape.mean(), rtol=0.1)


def test_a_transformer_loses_its_technical_part_and_what_is_stolen() -> None:
    random = np.random.default_rng(0)
    true = random.gamma(5.0, 2.0, (20, DAYS))
    supply = true.sum(axis=0) * 1.04
    stolen = np.where(np.arange(DAYS) >= 500, 15.0, 0.0)
    members = true.copy()
    members[0] = np.maximum(members[0] - stolen, 0.0)
    missing = (true - members).sum(axis=0)
    found = excess_loss(supply, members)
    assert np.abs(found[:500]).max() < 1.0
    np.testing.assert_allclose(found[500:], missing[500:], atol=1.0)


def test_a_day_on_which_too_much_is_unknown_is_unknown() -> None:
    members = np.full((20, DAYS), 5.0)
    supply = members.sum(axis=0) * 1.04
    members[:1, 100] = np.nan
    members[:5, 200] = np.nan
    supply[300] = np.nan
    supply[400] = 10.0  # less than was sold: a wrong reading
    found = excess_loss(supply, members)
    assert np.isnan(found[[200, 300, 400]]).all()
    assert found[100] == pytest.approx(0.0, abs=0.5)
    assert np.isfinite(found).sum() == DAYS - 3


def test_a_meter_counts_from_its_first_known_day_to_its_last() -> None:
    members = np.full((3, DAYS), 5.0)
    members[1, :300] = np.nan
    members[2, 500:] = np.nan
    supply = np.nansum(members, axis=0) * 1.04
    found = excess_loss(supply, members)
    far = np.ones(DAYS, dtype=bool)
    far[300 - LATE : 300] = far[500 : 500 + LATE] = False
    np.testing.assert_allclose(found[far], 0.0, atol=1e-9)


def test_export_behind_the_transformer_counts_as_supply() -> None:
    members = np.stack([np.full(DAYS, 10.0), np.full(DAYS, -4.0)])
    found = excess_loss(np.full(DAYS, 6.24), members)
    np.testing.assert_allclose(found, 0.0, atol=1e-9)
