"""Frequent itemsets by MLlib's FPGrowth, and the rules that they can be split into."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from pyspark.ml.fpm import FPGrowth
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from gridlens.associations.statistics import Measures, measures
from gridlens.errors import SettingsError

Itemset = tuple[str, ...]
"""Items in the order of the alphabet."""


@dataclass(frozen=True)
class Itemsets:
    """Frequent itemsets.

    Attributes:
        counts: baskets that hold each itemset; of the empty one all baskets.
    """

    counts: Mapping[Itemset, int]

    @property
    def baskets(self) -> int:
        return self.counts[()]


@dataclass(frozen=True)
class Rules:
    """Rules with one item on the right, and their counts where they were mined.

    Attributes:
        antecedents: items on the left of each rule.
        consequents: item on the right.
        measures: of each rule, shape (rules,).
    """

    antecedents: tuple[Itemset, ...]
    consequents: tuple[str, ...]
    measures: Measures

    def __len__(self) -> int:
        return len(self.consequents)


def frequent_itemsets(baskets: DataFrame, *, min_support: float, max_length: int, limit: int, of: str = "the baskets") -> Itemsets:
    """The itemsets that at least ``min_support`` of the baskets hold.

    H. Li, Y. Wang, D. Zhang, M. Zhang, E. Chang 2008, PFP: Parallel FP-Growth for query recommendation (MLlib).

    Args:
        baskets: rows with ``items``, an array of different texts; empty ones count as baskets.
        min_support: least share of the baskets, above 0 up to 1.
        max_length: most items of an itemset. MLlib finds longer ones too, so that it is no help where baskets are dense.
        limit: most itemsets that may be found.
        of: whose baskets these are, named in the error.

    Raises:
        SettingsError: there are more than ``limit``.
    """
    total = baskets.count()
    if not total:
        return Itemsets({(): 0})
    model = FPGrowth(itemsCol="items", minSupport=min_support).fit(baskets.select("items"))
    short = model.freqItemsets.where(F.size("items") <= max_length)
    rows = short.limit(limit + 1).collect()  # bounded by the limit, not by the baskets
    if len(rows) > limit:
        raise SettingsError(
            f"{of}: more than {limit:,} itemsets have a support of {min_support:g}; raise min_support, lower max_length or name fewer items"
        )
    return Itemsets({(): total, **{tuple(sorted(row["items"])): row["freq"] for row in rows}})


def candidate_rules(
    itemsets: Itemsets,
    *,
    min_confidence: float,
    min_lift: float = 0.0,
    allowed: Callable[[str], bool] = lambda _: True,
    related: Iterable[frozenset[str]] = (),
) -> Rules:
    """The rules that the itemsets can be split into, ordered by antecedent and consequent.

    Args:
        itemsets: all frequent ones, so that every part of one is there too.
        min_confidence: least confidence.
        min_lift: least lift.
        allowed: True for items that may stand on the right.
        related: pairs of items that say the same by construction; no rule has both.
    """
    pairs = set(related)
    splits = sorted(
        (tuple(item for item in itemset if item != consequent), consequent)
        for itemset in itemsets.counts
        if len(itemset) > 1 and not _has_pair(itemset, pairs)
        for consequent in itemset
        if allowed(consequent)
    )
    counts = itemsets.counts
    antecedent = np.array([counts[left] for left, _ in splits], dtype=np.int64)
    consequent = np.array([counts[(right,)] for _, right in splits], dtype=np.int64)
    both = np.array([counts[joined(left, right)] for left, right in splits], dtype=np.int64)
    found = measures(max(itemsets.baskets, 1), antecedent, consequent, both)
    good = np.flatnonzero((found.confidence >= min_confidence) & (found.lift >= min_lift))
    kept = [splits[i] for i in good]
    return Rules(tuple(left for left, _ in kept), tuple(right for _, right in kept), Measures(*(m[good] for m in found)))


def joined(left: Sequence[str], right: str) -> Itemset:
    """The itemset of a rule."""
    return tuple(sorted((*left, right)))


def _has_pair(itemset: Itemset, pairs: set[frozenset[str]]) -> bool:
    return bool(pairs) and any(
        frozenset((first, second)) in pairs for position, first in enumerate(itemset) for second in itemset[position + 1 :]
    )
