"""When time to pay is fitted, which version serves, and what the sentence says."""

from __future__ import annotations

import datetime as dt
from typing import Any, cast

import pytest
from gridlens.models.collection_definition import TimeToPayDefinition
from gridlens.models.definition import ModelFeature
from gridlens.pipelines.time_to_pay import Judgement, serving, time_to_pay_due
from gridlens.tracking import CHAMPION, Store, Version
from gridlens.tracking.names import DECISION, DEFINITION, REASON

DEFINITION_OF_TODAY = TimeToPayDefinition(baseline="days_to_pay_mean_365d", features=(ModelFeature(name="late_share_365d"),))
AS_OF = dt.date(2026, 3, 31)


def version(number: int, *, decision: str, as_of: str = "2026-03-30", fingerprint: str = DEFINITION_OF_TODAY.fingerprint) -> Version:
    tags = {DEFINITION: fingerprint, DECISION: decision, REASON: f"reason {number}", "gridlens_as_of": as_of}
    aliases = (CHAMPION,) if decision == CHAMPION else ()
    return Version("time_to_pay", "n", number, "r", dt.datetime(2026, 1, 1, tzinfo=dt.UTC), aliases, tags)


class Kept:
    """A store that holds these versions, newest first."""

    def __init__(self, *versions: Version) -> None:
        self.kept = list(versions)

    def versions(self, _: str) -> list[Version]:
        return self.kept


def store(*versions: Version) -> Store:
    return cast(Any, Kept(*versions))


@pytest.mark.parametrize(
    ("versions", "due"),
    [
        ((), True),
        ((version(1, decision=CHAMPION),), False),
        ((version(1, decision="challenger"),), False),
        ((version(1, decision=CHAMPION, as_of="2026-02-28"),), True),
        ((version(1, decision=CHAMPION, as_of="2026-05-31"),), False),
        ((version(1, decision=CHAMPION, fingerprint="of another definition"),), True),
        ((version(2, decision=""), version(1, decision=CHAMPION)), False),  # a run that died before it was decided on
    ],
)
def test_it_is_fitted_once_a_month_and_for_another_definition(versions: tuple[Version, ...], due: bool) -> None:
    assert time_to_pay_due(store(*versions), DEFINITION_OF_TODAY, AS_OF) is due


def test_the_champion_serves_and_a_challenger_says_why_it_does_not() -> None:
    challenger, champion = version(2, decision="challenger"), version(1, decision=CHAMPION)
    assert serving(store(challenger, champion)) == (champion, "reason 1")
    assert serving(store(challenger)) == (None, "version 2 does not serve: reason 2")
    assert serving(store()) == (None, "it has no version yet")


def judged(concordance: float | None, baseline: float | None = 0.61) -> Judgement:
    return Judgement(dt.date(2025, 12, 31), 1234, 1200, concordance, baseline, 20.0, 19.0)


def test_only_what_orders_better_than_the_own_mean_serves() -> None:
    serves, sentence = judged(0.65).sentence(0.0)
    assert serves
    assert sentence == (
        "concordance 0.65000 on 1,234 bills issued after 2025-12-31, over 0.61000 of the account's own mean so far; "
        "20.0 days expected, the settled took 19.0"
    )
    assert judged(0.61).sentence(0.0)[0] is False
    serves, sentence = judged(0.65).sentence(0.05)
    assert not serves
    assert "not over 0.61000 of the account's own mean so far + 0.05;" in sentence
    assert judged(None).sentence(0.0) == (False, "1,234 bills issued after 2025-12-31 have no pair to compare")
