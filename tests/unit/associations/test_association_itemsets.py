"""FPGrowth's itemsets and rules against brute force, and against the published rules of the Groceries baskets."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from association_support import itemsets_by_hand
from gridlens.associations.counting import HALVES, count_itemsets, scopes_of
from gridlens.associations.itemsets import candidate_rules, frequent_itemsets, joined
from gridlens.errors import SettingsError
from pyspark.sql import DataFrame, SparkSession

COLUMNS = {"area": 3, "industry": 4}
SCHEMA = "half int, items array<string>, cents bigint, area string, industry string"


def random_baskets(seed: int, rows: int = 60) -> list[tuple[int, list[str], int | None, str, str | None]]:
    random = np.random.default_rng(seed)
    held = random.random((rows, 6)) < random.uniform(0.1, 0.7, 6)
    return [
        (
            int(random.integers(0, 2)),
            [name for name, has in zip("fedcba", row, strict=True) if has],
            None if random.random() < 0.2 else int(random.integers(-999, 10**12)),
            f"AR{random.integers(1, 4)}",
            None if random.random() < 0.3 else f"{random.integers(51, 54)}",
        )
        for row in held
    ]


def frame(spark: SparkSession, baskets: list) -> DataFrame:
    return spark.createDataFrame(baskets, SCHEMA)


@pytest.mark.parametrize(("seed", "min_support", "max_length"), [(1, 0.05, 3), (2, 0.1, 6), (3, 1 / 60, 4)])
def test_itemsets_and_rules_equal_brute_force(spark: SparkSession, seed: int, min_support: float, max_length: int) -> None:
    rows = random_baskets(seed)
    baskets = [set(items) for _, items, *_ in rows]
    found = frequent_itemsets(frame(spark, rows), min_support=min_support, max_length=max_length, limit=1000)
    expected = itemsets_by_hand(baskets, least=round(min_support * len(rows)), max_length=max_length)
    assert found.counts == expected.counts
    rules = candidate_rules(found, min_confidence=0.4)
    splits = [(s[:i] + s[i + 1 :], s[i]) for s in expected.counts if len(s) > 1 for i in range(len(s))]
    strong = {(left, right) for left, right in splits if expected.counts[joined(left, right)] / expected.counts[left] >= 0.4}
    assert set(zip(rules.antecedents, rules.consequents, strict=True)) == strong
    assert len(rules) == len(strong) > 10


def test_related_items_and_forbidden_consequents_stay_out() -> None:
    baskets = [{"a", "b", "c"}] * 10 + [{"a"}, {"b"}, {"c"}]
    itemsets = itemsets_by_hand(baskets, least=1, max_length=3)
    rules = candidate_rules(itemsets, min_confidence=0.1, allowed=lambda item: item != "c", related=[frozenset("ab")])
    assert list(zip(rules.antecedents, rules.consequents, strict=True)) == [(("c",), "a"), (("c",), "b")]


def test_counts_in_several_batches_add_up(spark: SparkSession) -> None:
    rows = random_baskets(11, rows=300)
    baskets = frame(spark, rows).repartition(5)
    scopes = scopes_of(baskets, ("area", "industry"), least=30)
    sizes = {(dimension, row[column]): Counter() for row in rows for dimension, column in COLUMNS.items() if row[column]}
    for dimension, value in sizes:
        sizes[dimension, value].update(row[0] for row in rows if row[COLUMNS[dimension]] == value)
    assert {(scope.dimension, scope.value) for scope in scopes[1:]} == {key for key, halves in sizes.items() if min(halves.values()) >= 30}
    assert 1 < len(scopes) < 1 + len(sizes), "one is too small"
    assert scopes[0].label == "all"
    itemsets = [(), ("a",), ("b", "e")]
    tally = count_itemsets(baskets, itemsets, scopes)
    for i, itemset in enumerate(itemsets):
        for j, scope in enumerate(scopes):
            for half in range(HALVES):
                inside = [
                    r
                    for r in rows
                    if set(itemset) <= set(r[1]) and r[0] == half and (not scope.dimension or r[COLUMNS[scope.dimension]] == scope.value)
                ]
                cents = [r[2] for r in inside if r[2] is not None]
                assert (tally.n[i, j, half], tally.known[i, j, half], tally.cents[i, j, half]) == (len(inside), len(cents), sum(cents))


def test_too_many_itemsets_are_one_sentence(spark: SparkSession) -> None:
    with pytest.raises(SettingsError, match=r"basket b: more than 5 itemsets have a support of 0\.01; raise min_support"):
        frequent_itemsets(frame(spark, random_baskets(1)), min_support=0.01, max_length=3, limit=5, of="basket b")


def test_no_baskets_have_no_itemsets(spark: SparkSession) -> None:
    assert frequent_itemsets(frame(spark, []), min_support=0.1, max_length=2, limit=10).counts == {(): 0}


def test_groceries_have_the_rules_that_arules_publishes(spark: SparkSession, real_data: Path) -> None:
    """M. Hahsler, B. Grün, K. Hornik 2005, arules, Journal of Statistical Software 14(15); figures as in its documentation."""
    lines = (real_data / "groceries" / "groceries.csv").read_text(encoding="utf-8").splitlines()
    baskets = spark.createDataFrame([(line.split(","),) for line in lines], "items array<string>").repartition(4)
    itemsets = frequent_itemsets(baskets, min_support=0.001, max_length=10, limit=50_000)
    assert itemsets.baskets == 9835
    assert sum(len(itemset) == 1 for itemset in itemsets.counts) == 157
    rules = candidate_rules(itemsets, min_confidence=0.5)
    assert len(rules) == 5668
    sure = rules.measures.confidence >= 0.8
    assert int(sure.sum()) == 410
    top = max(np.flatnonzero(sure), key=lambda i: rules.measures.lift[i])
    assert (rules.antecedents[top], rules.consequents[top]) == (("liquor", "red/blush wine"), "bottled beer")
    measured = rules.measures
    assert round(float(measured.confidence[top]), 3) == 0.905
    assert round(float(measured.lift[top]), 3) == 11.235
    assert round(float(measured.support[top]), 6) == 0.001932
