"""Measures of a run: counts by value, population stability against figures worked out by hand, and rows of the catalogue."""

from __future__ import annotations

import datetime as dt
import json
import math

import pytest
from gridlens.contracts.tag import TAG_CATALOGUE
from gridlens.tags.measures import Distribution, catalogue_rows, distributions, drift, measured_before, psi
from tag_support import INDUSTRY, LATE, LEVEL, library

AS_OF = dt.date(2026, 1, 31)
KNOWN_AT = dt.datetime(2026, 2, 1, 16, tzinfo=dt.UTC)


@pytest.fixture
def tags(tmp_path):
    return library(tmp_path, [LATE, LEVEL, INDUSTRY]).tags


def test_values_are_counted_tag_by_tag_and_rare_texts_together(spark, tags):
    """Trade n of 60 has n accounts: the ten rarest (1 + … + 10 accounts) are counted together."""
    trades = [f"trade {n:02}" for n in range(1, 61) for _ in range(n)]
    rows = [
        (f"a{i}", i % 3 == 0, i % 3 == 0 or i == 1, [None, "low", "high"][i % 3], "low", trade, trade) for i, trade in enumerate(trades)
    ]
    rows.append(("unknown", None, None, None, None, None, "trade 01"))
    wide = spark.createDataFrame(
        rows, "account_id string, late boolean, old_late boolean, level string, old_level string, trade string, old_trade string"
    ).repartition(3)
    found = distributions(wide, tags, compared=True)
    assert list(found) == ["late", "level", "trade"]
    assert found["late"] == Distribution(tags[0].stamp, 1831, {"false": 1220, "true": 610}, 0, 1)
    assert found["level"] == Distribution(tags[1].stamp, 1831, {"high": 610, "low": 610}, 0, 1220)
    trade = found["trade"]
    assert list(trade.counts.items()) == [(f"trade {n:02}", n) for n in range(60, 10, -1)]
    assert (trade.accounts, trade.covered, trade.others, trade.changed) == (1831, 1830, 55, 1)
    assert distributions(wide.limit(0), tags) == {tag.id: Distribution(tag.stamp, 0, {}) for tag in tags}


def test_psi_of_shares_worked_out_by_hand():
    """Half a count is added to each: 99.5 + 0.5 and 0.5 - 0.5 make round shares."""
    assert psi({"a": 50, "b": 50}, {"a": 500, "b": 500}) == 0
    p, q = (79.5 + 0.5) / 100, (49.5 + 0.5) / 100
    by_hand = (q - p) * math.log(q / p) + (p - q) * math.log((1 - q) / (1 - p))
    assert psi({"a": 79.5, "b": 19.5}, {"a": 49.5, "b": 49.5}) == pytest.approx(by_hand)
    assert by_hand == pytest.approx(0.415888, abs=1e-6)  # 0.3 ln 1.6 + 0.3 ln 2.5
    assert psi({"a": 49.5, "b": 49.5}, {"a": 79.5, "b": 19.5}) == pytest.approx(by_hand)


def test_an_emptied_value_has_a_finite_weight_and_one_that_never_occurs_has_none():
    emptied = psi({"a": 90, "b": 9}, {"a": 99, "b": 0})
    assert emptied == pytest.approx((99.5 - 90.5) / 100 * math.log(99.5 / 90.5) + (0.5 - 9.5) / 100 * math.log(0.5 / 9.5))
    assert psi({"a": 90, "b": 10}, {"a": 900, "b": 100, "c": 0}) == psi({"a": 90, "b": 10}, {"a": 900, "b": 100})
    assert psi({"a": 5}, {"a": 7}) == 0


BEFORE = Distribution("d", 100, {"true": 60, "false": 40})
DRIFTS = {
    "no run before": (None, BEFORE, None),
    "another definition": (Distribution("e", 100, {"true": 1}), BEFORE, None),
    "no accounts then": (Distribution("d", 0, {}), BEFORE, None),
    "no accounts now": (BEFORE, Distribution("d", 0, {}), None),
    "the same shares": (BEFORE, BEFORE, 0.0),
    "a value became unknown": (BEFORE, Distribution("d", 100, {"true": 60}), psi({1: 60, 2: 40, 3: 0}, {1: 60, 2: 0, 3: 40})),
    "a value that is new": (BEFORE, Distribution("d", 100, {"true": 60, "x": 40}), psi({1: 60, 2: 40, 3: 0}, {1: 60, 2: 0, 3: 40})),
    "named in one of two lists that are cut": (
        Distribution("d", 100, {"a": 50, "b": 30}, others=20),
        Distribution("d", 100, {"a": 50, "c": 30}, others=20),
        0.0,
    ),
}


@pytest.mark.parametrize(("before", "now", "expected"), DRIFTS.values(), ids=DRIFTS.keys())
def test_drift_compares_only_what_can_be_compared(before, now, expected):
    assert drift(before, now) == (None if expected is None else pytest.approx(expected))


def test_the_catalogue_of_a_first_and_of_a_second_run(spark, tags):
    late, level, trade = tags
    then = {
        "late": Distribution(late.stamp, 1000, {"false": 900, "true": 100}, changed=100),
        "level": Distribution(level.stamp, 1000, {"低": 600, "high": 400}, changed=0),
        "trade": Distribution(trade.stamp, 0, {}, changed=0),
    }
    first = catalogue_rows(tags, then, as_of=AS_OF, known_at=KNOWN_AT)
    assert [(row["changed"], row["psi"], row["drift_warning"]) for row in first] == [(None, None, False)] * 3
    assert [(row["covered"], row["coverage"], row["holds"]) for row in first] == [(1000, 1.0, 100), (1000, 1.0, 1000), (0, None, 0)]
    assert first[1]["distribution"] == '{"低": 600, "high": 400}'
    assert (first[1]["expression"], first[1]["inputs"]) == ("annual_kwh: below 100 low; else high", ["annual_kwh"])
    stored = TAG_CATALOGUE.conform(spark.createDataFrame(first, TAG_CATALOGUE.schema)).collect()
    before = measured_before(stored)
    assert {key: (d.accounts, d.counts, d.others) for key, d in before.items()} == {
        key: (d.accounts, d.counts, d.others) for key, d in then.items()
    }
    now = {
        "late": Distribution(late.stamp, 1000, {"true": 600, "false": 400}, changed=500),
        "level": Distribution(level.stamp, 1000, {"低": 590, "high": 400}, changed=10),
        "trade": Distribution(trade.stamp, 9, {"C26": 4}, others=2, changed=9),
    }
    del before["trade"]
    second = catalogue_rows(tags, now, as_of=AS_OF, known_at=KNOWN_AT, before=before)
    assert [(row["changed"], row["drift_warning"]) for row in second] == [(500, True), (10, False), (None, False)]
    assert second[0]["psi"] > 1 > 0.25 > second[1]["psi"] > 0
    assert (second[2]["psi"], second[2]["covered"], second[2]["coverage"]) == (None, 6, pytest.approx(2 / 3))
    strict = catalogue_rows(tags, now, as_of=AS_OF, known_at=KNOWN_AT, before=before, psi_limit=0.001)
    assert [row["drift_warning"] for row in strict] == [True, True, False]
    assert json.loads(second[2]["distribution"]) == {"C26": 4}
