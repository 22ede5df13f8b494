"""Nested expressions against an oracle of three-valued logic; terms joined by AND mean what the whole means."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from audience_support import AS_OF, COLUMNS, accounts
from gridlens.expressions import check, conjuncts
from hypothesis import given, settings
from hypothesis import strategies as st
from pyspark.sql import DataFrame, SparkSession

# Expressions as trees: (text, meaning), the meaning a function of a row in Kleene's three-valued logic, None for unknown.
Node = tuple[str, Callable[[dict[str, Any]], bool | None]]


def kleene_and(a: bool | None, b: bool | None) -> bool | None:
    return False if a is False or b is False else (None if a is None or b is None else True)


def negated(a: bool | None) -> bool | None:
    return None if a is None else not a


def known(test: Callable[..., bool], *values: Any) -> bool | None:
    return None if any(value is None for value in values) else test(*values)


LEAVES: list[Node] = [
    ("late", lambda r: r["late"]),
    ("home", lambda r: r["home"]),
    ("kwh > 2", lambda r: known(lambda v: v > 2, r["kwh"])),
    ("kwh between 1 and 3", lambda r: known(lambda v: 1 <= v <= 3, r["kwh"])),
    ("grade in ('A', 'B')", lambda r: known(lambda v: v in ("A", "B"), r["grade"])),
    ("grade <> 'A'", lambda r: known(lambda v: v != "A", r["grade"])),
    ("grade is null", lambda r: r["grade"] is None),
    ("late is not true", lambda r: r["late"] is not True),
    ("days_since(opened_on) < 30", lambda r: known(lambda v: (AS_OF - v).days < 30, r["opened_on"])),
]
TREES = st.recursive(
    st.sampled_from(LEAVES),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda p: (f"({p[0][0]} and {p[1][0]})", lambda r, p=p: kleene_and(p[0][1](r), p[1][1](r)))),
        st.tuples(inner, inner).map(
            lambda p: (f"({p[0][0]} or {p[1][0]})", lambda r, p=p: negated(kleene_and(negated(p[0][1](r)), negated(p[1][1](r)))))
        ),
        inner.map(lambda n: (f"not ({n[0]})", lambda r, n=n: negated(n[1](r)))),
    ),
    max_leaves=8,
)
GRID = [
    {"late": late, "home": home, "kwh": kwh, "grade": grade, "opened_on": opened}
    for late in (True, False, None)
    for home in (True, None)
    for kwh, grade in ((3.0, "A"), (0.5, "C"), (None, None), (2.5, None))
    for opened in (dt.date(2026, 3, 10), dt.date(2025, 1, 1))
]


@pytest.fixture(scope="module")
def grid(spark: SparkSession) -> DataFrame:
    """Every combination of a few values, in memory."""
    rows = accounts(spark, *GRID).persist()
    rows.count()
    return rows


@settings(max_examples=4, deadline=None)
@given(st.lists(TREES, min_size=25, max_size=25))
def test_nested_expressions_mean_what_three_valued_logic_says(grid: DataFrame, trees: list[Node]) -> None:
    columns = [check(text, COLUMNS, "x").column().alias(f"e{number}") for number, (text, _) in enumerate(trees)]
    rows = grid.select("account_id", *columns).orderBy("account_id").collect()
    for number, (text, meaning) in enumerate(trees):
        assert [row[f"e{number}"] for row in rows] == [meaning(row) for row in GRID], text


@settings(max_examples=4, deadline=None)
@given(st.lists(st.lists(TREES, min_size=2, max_size=4), min_size=12, max_size=12))
def test_terms_together_mean_the_whole(grid: DataFrame, groups: list[list[Node]]) -> None:
    columns = []
    for number, group in enumerate(groups):
        whole = " and ".join(text for text, _ in group)
        parts = [check(text, COLUMNS, "x").column() for text in conjuncts(whole)]
        together = parts[0]
        for part in parts[1:]:
            together = together & part
        columns += [check(whole, COLUMNS, "x").column().alias(f"w{number}"), together.alias(f"t{number}")]
    for row in grid.select(*columns).collect():
        for number, group in enumerate(groups):
            assert row[f"w{number}"] is row[f"t{number}"], group
