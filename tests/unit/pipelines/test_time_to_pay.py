"""When time to pay is fitted, which version serves, and what it is judged by."""

from __future__ import annotations

import datetime as dt
from math import gamma
from typing import Any, cast
from unittest.mock import Mock

import numpy as np
import pytest
from gridlens.errors import RegistryError
from gridlens.models.collection_definition import TimeToPayDefinition
from gridlens.models.definition import ModelFeature
from gridlens.models.survival import TimeToPay
from gridlens.models.time_to_pay_judgement import Fifth, Judgement
from gridlens.pipelines.collection import _loaded
from gridlens.pipelines.judging import Incumbent
from gridlens.pipelines.time_to_pay import champion_lost, serving, time_to_pay_due
from gridlens.pipelines.time_to_pay_judging import _shown, judge_days
from gridlens.tracking import CHAMPION, Loaded, Store, Version
from gridlens.tracking.names import DECISION, DEFINITION, REASON
from pyspark.ml import PipelineModel
from pyspark.ml.feature import SQLTransformer
from pyspark.sql import DataFrame, SparkSession

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

    def load(self, *_: Any) -> Loaded:
        raise RegistryError("its files are gone")


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
        ((version(1, decision=CHAMPION, as_of="2026-05-31", fingerprint="of another definition"),), False),
        ((version(2, decision=""), version(1, decision=CHAMPION)), False),  # a run that died before it was decided on
    ],
)
def test_it_is_fitted_once_a_month_and_for_another_definition(versions: tuple[Version, ...], due: bool) -> None:
    assert time_to_pay_due(store(*versions), DEFINITION_OF_TODAY, AS_OF) is due


def test_one_that_cannot_score_is_made_up_for_once() -> None:
    """Where a newer version did not take its place, it is not fitted again with every run."""
    challenger, champion = version(2, decision="challenger"), version(1, decision=CHAMPION)
    assert champion_lost(cast(Any, None), store(champion))
    assert not champion_lost(cast(Any, None), store(challenger, champion))
    assert not champion_lost(cast(Any, None), store())


def test_without_a_version_that_can_score_the_days_are_unknown() -> None:
    """The newest version was refused, and the champion's files are altered: no new one is fitted this month, and collection goes on."""
    broken, nothing = Mock(load=Mock(side_effect=RegistryError("a file of version 1 was altered"))), cast(Any, None)
    assert _loaded(broken, "", nothing) == (None, "")
    loaded, why = _loaded(broken, "1", nothing)
    assert loaded is None
    assert why == "champion 1 cannot score any more, and none has taken its place: a file of version 1 was altered"


def test_one_hidden_fifth_takes_another_with_it() -> None:
    """Its means would follow from those of all bills and of the other four."""
    fifths = tuple(Fifth(n + 1, accounts, 100, 90, 10.0, 9.0, 0.9, 0.9) for n, accounts in enumerate((40, 14, 30, 16, 50)))
    assert [one.number for one in _shown(fifths, 15)] == [1, 3, 5]
    assert [one.number for one in _shown(fifths, 20)] == [1, 3, 5]
    assert _shown(fifths, 0) == fifths
    assert _shown(fifths[:1], 100) == ()


def test_the_champion_serves_and_a_challenger_says_why_it_does_not() -> None:
    challenger, champion = version(2, decision="challenger"), version(1, decision=CHAMPION)
    assert serving(store(challenger, champion)) == (champion, "reason 1")
    assert serving(store(challenger)) == (None, "version 2 does not serve: reason 2")
    assert serving(store()) == (None, "it has no version yet")


SPREAD = 0.5
FOLLOWED = 30


def pipeline(days: str) -> PipelineModel:
    """A fitted one that expects so many days, by an expression over the bills' columns."""
    scale = f"({days}) / {gamma(1 + SPREAD)!r}D"
    return PipelineModel([SQLTransformer(statement=f"SELECT *, {scale} AS days_scale, {days} AS expected_days FROM __THIS__")])


@pytest.fixture(scope="module")
def bills(spark: SparkSession) -> DataFrame:
    """200 bills seen for 40 days, ``wait`` near to what they took and ``own`` farther; those that wait least are of five accounts."""
    random = np.random.default_rng(7)
    wait = np.repeat([4.0, 8.0, 16.0, 32.0], [45, 35, 60, 60])
    taken = np.rint(wait / gamma(1 + SPREAD) * random.weibull(1 / SPREAD, 200)).astype(int)
    own = np.rint(wait + random.normal(0, 12, 200)).clip(1)
    account = [f"few{i // 9}" if i < 45 else f"a{i}" for i in range(200)]
    known = [float(own[i]) if i % 9 else None for i in range(200)]
    rows = [(account[i], int(min(taken[i], 40)), bool(taken[i] <= 40), float(wait[i]), known[i]) for i in range(200)]
    return spark.createDataFrame(rows, "account_id string, days_to_pay int, settled boolean, wait double, own double").coalesce(1).persist()


def judge(bills: DataFrame, new: str, champion: str | None = None) -> Judgement:
    definition = TimeToPayDefinition(baseline="own", features=(ModelFeature(name="wait"),), follow_days=FOLLOWED)
    served = version(3, decision=CHAMPION)
    holds = Incumbent(3, Loaded(served, "spark", pipeline(champion), {})) if champion else None
    return judge_days(TimeToPay(pipeline(new), SPREAD, 200, 180), bills, bills, definition, AS_OF, holds, min_group=15)


def test_the_champion_is_compared_on_the_same_bills(bills: DataFrame) -> None:
    found = judge(bills, "own * 0 + 20D + wait * 0", champion="wait")
    assert found.against
    assert (found.champion, found.against.rows, found.against.concordance) == (3, 177, pytest.approx(0.5))  # 23 have no own mean
    assert found.against.low < found.against.difference < found.against.high < 0
    assert not found.decision(min_gain=0, tolerance=0.01).champion
    better = judge(bills, "wait", champion="wait + own * 0 + rand(3) * 90")
    assert better.against
    assert better.against.low > 0
    assert better.decision(min_gain=0, tolerance=0.01).champion


def test_fifths_compare_what_is_expected_with_what_came(bills: DataFrame) -> None:
    found = judge(bills, "wait")
    assert (found.against, found.champion) == (None, None)
    seen = bills.toPandas()
    assert ([fifth.number for fifth in found.fifths], found.hidden_bills) == ([3, 4], 80), "a small one, and one beside it"
    for fifth, wait in zip(found.fifths, (16.0, 32.0), strict=True):
        part = seen[seen["wait"] == wait]
        assert (fifth.bills, fifth.accounts, fifth.settled) == (len(part), len(part), part["settled"].sum())
        assert (fifth.expected_days, fifth.days_settled) == pytest.approx(
            (part["wait"].mean(), part.loc[part["settled"], "days_to_pay"].mean())
        )
        expected = 1 - np.exp(-((FOLLOWED * gamma(1 + SPREAD) / wait) ** (1 / SPREAD)))
        observed = (part["settled"] & (part["days_to_pay"] <= FOLLOWED)).mean()
        assert (fifth.expected_share, fifth.settled_share) == pytest.approx((expected, observed))
        assert fifth.expected_share == pytest.approx(fifth.settled_share, abs=0.12)
