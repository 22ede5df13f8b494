"""Trees for tests, and their Shapley values by the definition: every order of getting to know the features."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np

Node = dict[str, Any]


def random_tree(rng: np.random.Generator, depth: int, slots: int, cover: float = 100.0, *, coded: int | None = None) -> Node:
    """A tree as nested dictionaries; splits by slot ``coded`` are by category 0..4."""
    if depth == 0 or (depth < 3 and rng.random() < 0.15):
        return {"value": float(rng.normal()), "cover": cover}
    slot, share = int(rng.integers(slots)), float(rng.uniform(0.1, 0.9))
    rule = (
        {"categories": sorted(rng.choice(5, int(rng.integers(1, 5)), replace=False).tolist())}
        if slot == coded
        else {"upto": float(rng.normal())}
    )
    left = random_tree(rng, depth - 1, slots, cover * share, coded=coded)
    right = random_tree(rng, depth - 1, slots, cover * (1 - share), coded=coded)
    return {"slot": slot, "left": left, "right": right, "cover": cover, **rule}


def goes_left(node: Node, x: np.ndarray) -> bool:
    value = x[node["slot"]]
    if "upto" in node:
        return bool(value <= node["upto"])
    if value in range(5):
        return value in node["categories"]
    return len(node["categories"]) > 5 // 2


def given(node: Node, x: np.ndarray, known: set[int], group: np.ndarray) -> float:
    """What the tree gives where only the groups of ``known`` are: else both ways, by cover."""
    if "slot" not in node:
        return float(node["value"])
    left, right = node["left"], node["right"]
    if int(group[node["slot"]]) in known:
        return given(left if goes_left(node, x) else right, x, known, group)
    total = left["cover"] + right["cover"]
    return (left["cover"] * given(left, x, known, group) + right["cover"] * given(right, x, known, group)) / total


def shapley(trees: list[Node], x: np.ndarray, group: np.ndarray) -> tuple[float, np.ndarray]:
    """Base and Shapley value of each group, by all coalitions."""
    players = sorted(set(group.tolist()))
    values = np.zeros(len(players))

    def game(known: set[int]) -> float:
        return sum(given(tree, x, known, group) for tree in trees)

    for player in players:
        others = [p for p in players if p != player]
        for size in range(len(players)):
            weight = math.factorial(size) * math.factorial(len(players) - 1 - size) / math.factorial(len(players))
            for coalition in itertools.combinations(others, size):
                values[player] += weight * (game({*coalition, player}) - game(set(coalition)))
    return game(set()), values


def rows_of(trees: list[Node]) -> list[dict[str, Any]]:
    """The trees as MLlib saves boosted ones: a row for each node, numbered in preorder."""
    rows: list[dict[str, Any]] = []

    def add(tree: int, node: Node, first: int) -> int:
        here = len(rows)
        leaf = "slot" not in node
        rows.append(
            {
                "tree": tree,
                "id": here - first,
                "left": -1,
                "right": -1,
                "prediction": node.get("value", 0.0),
                "stats": [node["cover"], 0, 0],
            }
        )
        rule = [] if leaf else ([node["upto"]] if "upto" in node else [float(c) for c in node["categories"]])
        rows[here] |= {"slot": node.get("slot", -1), "rule": rule, "categories": 5 if "categories" in node else -1}
        if not leaf:
            rows[here]["left"] = add(tree, node["left"], first)
            rows[here]["right"] = add(tree, node["right"], first)
        return here - first

    for number, node in enumerate(trees):
        add(number, node, len(rows))
    return rows
