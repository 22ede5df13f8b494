"""Exact Shapley values of trees as tables: what each pattern of answers at a tree's splits gives to each feature.

The game is the path-dependent one of TreeSHAP (Lundberg et al. 2020, Nature Machine Intelligence 2, algorithm 1): a feature that
is not known lets a row go both ways, in the shares of the training rows. A leaf of value v asks d features on its path; feature j
is answered with o = 1 (every split by it leads towards the leaf) or 0, and unknown with z, the product of the shares. The leaf's
game v(S) = v * prod(o of S) * prod(z of the rest) has closed Shapley values, which depend on the d answers only: 2**d rows.
Leaves that stand together are one table over the answers at all splits on their paths, so that a row costs one look-up for each
feature of each table instead of a walk for each leaf.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import factorial

import numpy as np

from gridlens.models.tree_paths import Trees

MAX_ANSWERS = 9
"""Answers of one table: 2**9 rows stay in the processor's first cache (7 to 10 measured, 2026-11: 9 is fastest at depth 5)."""


@dataclass(frozen=True, eq=False)
class Table:
    """The leaves below one node.

    Attributes:
        splits: nodes whose answers make the row of the table, the first one the highest bit (1 = goes left). At most MAX_ANSWERS.
        features: features of these splits.
        values: contribution by feature and pattern of answers. Shape (features, 2**splits).
    """

    splits: tuple[int, ...]
    features: tuple[int, ...]
    values: np.ndarray


def table_bytes(trees: Trees, feature_of_slot: np.ndarray) -> int:
    """What the tables of all trees would hold; see :func:`tables`."""
    features = np.where(trees.slot >= 0, feature_of_slot[trees.slot], -1)
    total = 0
    for root in trees.roots:
        for path, node in _groups(trees, int(root), ()):
            splits = [*(n for n, _ in path), *_splits(trees, node)]
            total += 8 * len(set(features[splits].tolist())) * 2 ** len(splits)
    return total


Path = tuple[tuple[int, bool], ...]
"""Splits from the root down, each with true where the path goes left."""


@dataclass(frozen=True, eq=False)
class _Leaf:
    """A leaf: the path to it, the features on the path, and their contributions by pattern of answers, shape (d, 2**d)."""

    path: Path
    features: tuple[int, ...]
    given: np.ndarray


def tables(trees: Trees, feature_of_slot: np.ndarray) -> list[Table]:
    """The tables of all trees; their values summed over tables are the contributions to what the trees give.

    Args:
        trees: at most MAX_ANSWERS deep.
        feature_of_slot: which feature a slot belongs to; slots of one feature are known or unknown together.
    """
    features = np.where(trees.slot >= 0, feature_of_slot[trees.slot], -1)
    found = []
    for root in trees.roots:
        leaves = _worked_out(trees, features, int(root))
        for path, node in _groups(trees, int(root), ()):
            splits = (*(n for n, _ in path), *_splits(trees, node))
            found.append(_table(features, splits, [leaves[leaf] for leaf, _ in _leaves(trees, node, ())]))
    return found


def _groups(trees: Trees, node: int, path: Path) -> Iterator[tuple[Path, int]]:
    """The highest nodes whose leaves fit one table, each with the path to it."""
    if trees.left[node] < 0 and not path:
        return  # the tree gives one value
    if len(path) + sum(1 for _ in _splits(trees, node)) <= MAX_ANSWERS:
        yield path, node
        return
    yield from _groups(trees, int(trees.left[node]), (*path, (node, True)))
    yield from _groups(trees, int(trees.right[node]), (*path, (node, False)))


def _splits(trees: Trees, node: int) -> Iterator[int]:
    if trees.left[node] >= 0:
        yield node
        yield from _splits(trees, int(trees.left[node]))
        yield from _splits(trees, int(trees.right[node]))


def _leaves(trees: Trees, node: int, path: Path) -> Iterator[tuple[int, Path]]:
    if trees.left[node] < 0:
        yield node, path
        return
    yield from _leaves(trees, int(trees.left[node]), (*path, (node, True)))
    yield from _leaves(trees, int(trees.right[node]), (*path, (node, False)))


def _worked_out(trees: Trees, features: np.ndarray, root: int) -> dict[int, _Leaf]:
    """Every leaf of a tree; those with as many features are worked out together."""
    same: dict[int, list[tuple[int, Path, tuple[int, ...], list[float]]]] = {}
    for leaf, path in _leaves(trees, root, ()):
        share: dict[int, float] = {}
        below = [*(node for node, _ in path[1:]), leaf]
        for (node, _), child in zip(path, below, strict=False):
            share[int(features[node])] = share.get(int(features[node]), 1.0) * trees.share[child]
        same.setdefault(len(share), []).append((leaf, path, tuple(share), list(share.values())))
    return {
        leaf: _Leaf(path, own, values * trees.value[leaf])
        for found in same.values()
        for (leaf, path, own, _), values in zip(found, shapley_of_leaves(np.array([share for *_, share in found])), strict=True)
    }


def _table(features: np.ndarray, splits: tuple[int, ...], leaves: list[_Leaf]) -> Table:
    asked = tuple(sorted({int(features[n]) for n in splits}))
    patterns = np.arange(2 ** len(splits))
    goes_left = {n: (patterns >> (len(splits) - 1 - bit)) & 1 == 1 for bit, n in enumerate(splits)}
    values = np.zeros((len(asked), len(patterns)))
    for leaf in leaves:
        answers = np.ones((len(leaf.features), len(patterns)), dtype=bool)
        for node, left in leaf.path:
            answers[leaf.features.index(int(features[node]))] &= goes_left[node] == left
        row = (1 << np.arange(len(leaf.features))) @ answers
        values[[asked.index(feature) for feature in leaf.features]] += leaf.given[:, row]
    return Table(splits, asked, values)


def shapley_of_leaves(share: np.ndarray) -> np.ndarray:
    """Shapley values of the games prod(o of S) * prod(z of the rest), for every pattern of answers.

    Args:
        share: z of the features of each leaf. Shape (leaves, d).

    Returns:
        By leaf, feature and pattern, whose bit j is the answer o of feature j. Shape (leaves, d, 2**d).
    """
    leaves, d = share.shape
    answers = ((np.arange(2**d)[None, :] >> np.arange(d)[:, None]) & 1).astype(float)
    known = share[:, :, None]
    given = np.empty((leaves, d, 2**d))
    for i in range(d):
        sums = [np.ones((leaves, 2**d))]  # by size of the coalition, its products summed
        for j in (j for j in range(d) if j != i):
            longer = [total * known[:, j] for total in sums] + [np.zeros((leaves, 2**d))]
            for size, total in enumerate(sums):
                longer[size + 1] += total * answers[j]
            sums = longer
        weighted = sum(total * (factorial(k) * factorial(d - 1 - k) / factorial(d)) for k, total in enumerate(sums))
        given[:, i] = (answers[i] - known[:, i]) * weighted
    return given
