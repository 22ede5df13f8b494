"""Whether a version of time to pay serves, and the sentences that say why."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest
from gridlens.models.concordance_difference import Difference
from gridlens.models.time_to_pay_judgement import Judgement

JUDGED = Judgement(dt.date(2025, 12, 31), 1234, 1200, 0.65, 0.61, 20.0, 19.0)
AGAINST = Difference(1234, 20, 0.65, 0.66, -0.01, -0.03, 0.01, 0.95)


def decided(*, min_gain: float = 0.0, tolerance: float = 0.01, **changed: Any) -> tuple[bool, str]:
    decision = replace(JUDGED, **changed).decision(min_gain=min_gain, tolerance=tolerance)
    return decision.champion, " ".join(decision.reasons)


def test_only_what_orders_better_than_the_own_mean_serves() -> None:
    assert decided() == (
        True,
        "Concordance 0.65000 on 1,234 bills issued after 2025-12-31, over 0.61000 of the account's own mean so far; "
        "20.0 days expected, the settled took 19.0.",
    )
    assert decided(concordance=0.61)[0] is False
    serves, sentence = decided(min_gain=0.05)
    assert not serves
    assert "not over 0.61000 of the account's own mean so far + 0.05;" in sentence
    assert decided(concordance=None) == (False, "1,234 bills issued after 2025-12-31 have no pair to compare.")


def test_a_better_champion_stays() -> None:
    assert decided(champion=3, against=AGAINST) == (
        False,
        "Against champion 3 on the same 1,234 bills the concordance changes by -0.0100 (95%: -0.0300 to +0.0100, "
        "by 20 groups of accounts), at worst beyond the tolerance of 0.0100.",
    )


def test_what_is_at_worst_within_the_tolerance_takes_the_place() -> None:
    for against in (replace(AGAINST, low=-0.01), replace(AGAINST, difference=0.02, low=0.01, high=0.03)):
        serves, sentence = decided(champion=3, against=against)
        assert serves
        assert sentence.startswith("Concordance 0.65000 on 1,234 bills")
        assert sentence.endswith("at worst within the tolerance of 0.0100.")
    assert decided(champion=3, against=AGAINST, tolerance=0.03)[0]


@pytest.mark.parametrize(
    ("champion", "serves", "sentence"),
    [
        ({"lost": "its files are gone"}, True, "Champion 3 cannot score any more and does not keep the place: its files are gone."),
        ({}, False, "It cannot be told apart from champion 3, which is not replaced: fewer than 10 groups of accounts"),
    ],
)
def test_a_champion_that_was_not_compared(champion: dict[str, Any], serves: bool, sentence: str) -> None:
    found = decided(champion=3, **champion)
    assert found[0] is serves
    assert sentence in found[1]


def test_a_lost_champion_does_not_let_pass_what_is_no_better_than_the_own_mean() -> None:
    assert decided(champion=3, lost="gone", concordance=0.6)[0] is False
