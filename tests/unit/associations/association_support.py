"""Baskets for the tests, and a plain-Python oracle of itemsets, rules and counts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations

import numpy as np
import pyarrow as pa
from gridlens.associations.counting import HALVES, ItemsetCounter, Scope, Tally
from gridlens.associations.itemsets import Itemset, Itemsets

ALL = Scope("", "")


def itemsets_by_hand(baskets: Sequence[Iterable[str]], *, least: int, max_length: int) -> Itemsets:
    """Every itemset of at most ``max_length`` that at least ``least`` baskets hold, counted one by one."""
    counts: dict[Itemset, int] = {}
    for basket in baskets:
        for length in range(1, max_length + 1):
            for itemset in combinations(sorted(basket), length):
                counts[itemset] = counts.get(itemset, 0) + 1
    return Itemsets({(): len(baskets), **{itemset: n for itemset, n in counts.items() if n >= least}})


def batch_of(
    baskets: Sequence[Iterable[str]], halves: Sequence[int], cents: Sequence[int | None] | None = None, **dimensions: Sequence[str | None]
) -> pa.RecordBatch:
    """Baskets as a kernel gets them."""
    columns = {
        "half": pa.array(halves, pa.int32()),
        "items": pa.array([sorted(b) for b in baskets], pa.list_(pa.string())),
        "cents": pa.array(cents if cents is not None else [None] * len(baskets), pa.int64()),
        **{name: pa.array(values, pa.string()) for name, values in dimensions.items()},
    }
    return pa.RecordBatch.from_pydict(columns)


def tally_of(batch: pa.RecordBatch, itemsets: Sequence[Itemset], scopes: Sequence[Scope]) -> Tally:
    """The kernel's counts of one batch, spread out; no Spark."""
    found = ItemsetCounter(itemsets, scopes).count(batch)
    counted = {}
    for name in ("n", "known", "cents"):
        flat = np.zeros(len(itemsets) * len(scopes) * HALVES, dtype=np.int64)
        flat[found["itemset"].to_numpy() * len(scopes) * HALVES + found["cell"].to_numpy()] = found[name].to_numpy()
        counted[name] = flat.reshape(len(itemsets), len(scopes), HALVES)
    return Tally(**counted)
