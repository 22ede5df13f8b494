"""Connected components against union-find in plain Python."""

from __future__ import annotations

import random
from itertools import pairwise

import numpy as np
import pytest
from gridlens.errors import ContractError
from gridlens.profile import components as module
from gridlens.profile.components import components, smallest_connected
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from identity_support import Edges, union_find
from pyspark.sql import SparkSession

SMALL = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), max_size=14)


def found(spark: SparkSession, edges: Edges) -> dict[str, str]:
    rows = components(spark.createDataFrame(edges, "a string, b string")).collect()
    assert len({row["node"] for row in rows}) == len(rows), "a node has one component"
    return {row["node"]: row["component"] for row in rows}


@given(SMALL)
def test_the_kernel(graph: list[tuple[int, int]]) -> None:
    a, b = (np.array([edge[i] for edge in graph], dtype=np.int64) for i in (0, 1))
    low = smallest_connected(a, b, 13)
    expected = union_find([(f"{a:02d}", f"{b:02d}") for a, b in graph])
    assert [f"{low[i]:02d}" for i in range(13)] == [expected.get(f"{i:02d}", f"{i:02d}") for i in range(13)]


def test_the_kernel_on_a_long_path_with_shuffled_names() -> None:
    path = np.random.default_rng(1).permutation(100_000)
    assert not smallest_connected(path[:-1], path[1:], len(path)).any()


@pytest.mark.parametrize("one_task", [0, 10_000], ids=["in rounds", "in one task"])
@settings(max_examples=2, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(graphs=st.lists(SMALL, min_size=40, max_size=60))
def test_any_graph(spark: SparkSession, one_task: int, graphs: list[list[tuple[int, int]]]) -> None:
    """Many small graphs side by side in one DataFrame: each is a graph of its own by its prefix."""
    edges = [(f"{g:02d}-{a:02d}", f"{g:02d}-{b:02d}") for g, graph in enumerate(graphs) for a, b in graph] + [("y", "x")]
    connected = {node for a, b in edges if a != b for node in (a, b)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "ONE_TASK", one_task)
        assert found(spark, edges) == {node: low for node, low in union_find(edges).items() if node in connected}


def test_a_long_path_with_shuffled_names_settles_in_few_rounds(spark: SparkSession, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"{i:03d}" for i in range(64)]
    random.Random(7).shuffle(names)
    path = list(pairwise(names))
    monkeypatch.setattr(module, "ONE_TASK", 0)
    monkeypatch.setattr(module, "ROUNDS", 7)
    assert set(found(spark, path).values()) == {"000"}


def test_too_few_rounds_are_told(spark: SparkSession, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ONE_TASK", 0)
    monkeypatch.setattr(module, "ROUNDS", 1)
    with pytest.raises(ContractError, match="did not settle in 1 rounds"):
        found(spark, [("b", "a"), ("c", "b"), ("d", "c"), ("e", "d")])
