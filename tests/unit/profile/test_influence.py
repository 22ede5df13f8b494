"""Takers after takers: counted as by hand; planted contagion is found, chance is told as chance."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from gridlens.profile.influence import Chance, after_another, by_area, dealt_places, followers, within_persons
from hypothesis import given
from hypothesis import strategies as st
from pyspark.sql import DataFrame, SparkSession

ACCOUNTS = st.lists(st.tuples(st.integers(0, 5), st.integers(-1, 40)), max_size=40)
DAY = dt.date(2026, 1, 1)


@given(ACCOUNTS, st.integers(1, 15))
def test_counted_as_by_comparing_every_pair(accounts: list[tuple[int, int]], days: int) -> None:
    place, day = (np.array([one[i] for one in accounts], dtype=np.int64) for i in (0, 1))
    by_pairs = sum(t >= 0 and any(q == p and u >= 0 and 1 <= t - u <= days for q, u in accounts) for p, t in accounts)
    assert after_another(place, day, days) == by_pairs


@given(ACCOUNTS, st.integers(0, 9))
def test_dealing_keeps_what_each_category_has(accounts: list[tuple[int, int]], seed: int) -> None:
    place = np.array([one[0] for one in accounts], dtype=np.int64)
    category = np.array([one[1] % 3 for one in accounts], dtype=np.int64)
    dealt = dealt_places(place, category, np.random.default_rng(seed))
    for one in range(3):
        assert sorted(dealt[category == one]) == sorted(place[category == one])


def town(spark: SparkSession, *, contagious: bool) -> tuple[DataFrame, DataFrame, DataFrame]:
    """Places, accounts and takers of two areas with 40 transformers of 10 accounts; 40 take it up in pairs, two days apart."""
    random = np.random.default_rng(3)
    accounts = [(f"A{i:03d}", f"T{i // 10:02d}", f"N{i // 200}", "residential" if i % 10 else "commercial") for i in range(400)]
    pairs = [(20 * i + 1, 20 * i + 2) for i in range(20)]
    if not contagious:
        pairs = [(int(a), int(b)) for a, b in random.choice(400, (20, 2), replace=False)]
    days = random.integers(0, 300, 20)
    took = [
        (f"A{one:03d}", DAY + dt.timedelta(int(day) + late))
        for pair, day in zip(pairs, days, strict=True)
        for late, one in zip((0, 2), pair, strict=True)
    ]
    return (
        spark.createDataFrame([one[:2] for one in accounts], "account_id string, transformer_id string"),
        spark.createDataFrame([(one[0], one[2], one[3]) for one in accounts], "account_id string, area_id string, category string"),
        spark.createDataFrame(took, "account_id string, day date"),
    )


@pytest.mark.parametrize("contagious", [True, False])
def test_planted_contagion_stands_out(spark: SparkSession, contagious: bool) -> None:
    chance = Chance(days=10, rounds=99, seed=1)
    frames = town(spark, contagious=contagious)
    areas = {row["area_id"]: row for row in by_area(*frames, chance).collect()}
    assert sum(row["takers"] for row in areas.values()) == 40
    found = sum(row["after_another"] for row in areas.values())
    by_chance = [sum(row["by_chance"][i] for row in areas.values()) for i in range(99)]
    if contagious:
        assert found == 20
        assert max(by_chance) < 10
    else:
        assert found <= np.quantile(by_chance, 0.95)
    again = {row["area_id"]: row for row in by_area(*[frame.repartition(3) for frame in frames], chance).collect()}
    assert again == areas, "the same figures however the rows lie"


def test_followers_and_the_same_person(spark: SparkSession) -> None:
    days = {"A": 0, "B": 3, "C": 3, "D": 20, "E": 4}
    took = spark.createDataFrame([(one, DAY + dt.timedelta(day)) for one, day in days.items()], "account_id string, day date")
    places = spark.createDataFrame([(one, "T1" if one != "E" else "T2") for one in days], "account_id string, transformer_id string")
    rows = followers(places, took, days=10).collect()
    assert [(row["account_id"], row["followers"]) for row in rows] == [("A", 2)]
    holds = [("holds", "P1", "A", None), ("holds", "P1", "E", None), ("holds", "P2", "B", None), ("holds", "P2", "C", None)]
    edges = spark.createDataFrame(holds, "edge_type string, from_id string, to_id string, valid_to date")
    assert [row["account_id"] for row in within_persons(edges, took, days=10).collect()] == ["E"]
