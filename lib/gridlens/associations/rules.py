"""Candidate rules → tested rules: measures on all baskets, significance on the half that did not choose them, redundancy, money."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pyarrow as pa

from gridlens.associations.counting import MINED, TESTED, Scope, Tally
from gridlens.associations.itemsets import Itemset, Rules, joined
from gridlens.associations.statistics import benjamini_hochberg, fisher_greater, measures
from gridlens.contracts.association import JOINT, MIN_GROUP


@dataclass(frozen=True)
class Thresholds:
    """What a rule must reach; see definition.BasketDefinition."""

    min_confidence: float
    min_lift: float
    min_count: int
    min_improvement: float
    level: float


@dataclass(frozen=True, eq=False)
class Plan:
    """Which itemsets must be counted for a set of rules, and where each rule's counts stand among them.

    Attributes:
        rules: the rules.
        itemsets: all antecedents, consequents and unions, those of more general rules included; the empty one first.
        left: of each rule the position of its antecedent; ``right`` of its consequent, ``both`` of their union; shape (rules,).
        of: of each more general rule (fewer items on the left, none included) the rule it belongs to; shape (generals,).
        general_left: position of its antecedent, ``general_both`` of the union with the consequent; shape (generals,).
        near: True where just one item is left out; shape (generals,).
    """

    rules: Rules
    itemsets: tuple[Itemset, ...]
    left: np.ndarray
    right: np.ndarray
    both: np.ndarray
    of: np.ndarray
    general_left: np.ndarray
    general_both: np.ndarray
    near: np.ndarray


@dataclass(frozen=True, eq=False)
class Findings:
    """Rules that were tested.

    Attributes:
        rows: one row per rule and scope, redundant ones included, with the columns of association_rule_v1 that are found here and
            ``redundant``.
        candidates: rules that were mined.
        baskets: of both halves together.
    """

    rows: pa.Table
    candidates: int
    baskets: int

    @property
    def written(self) -> pa.Table:
        """The rows without the redundant ones."""
        return self.rows.filter(pa.array(~self._flag("redundant")))

    @property
    def significant(self) -> int:
        return int(self._flag("significant").sum())

    @property
    def redundant(self) -> int:
        return int(self._flag("redundant").sum())

    def _flag(self, name: str) -> np.ndarray:
        return self.rows[name].to_numpy().astype(bool)


def plan_of(rules: Rules) -> Plan:
    """The itemsets that tests, measures and redundancy of the rules need."""
    positions: dict[Itemset, int] = {(): 0}

    def place(itemset: Itemset) -> int:
        return positions.setdefault(itemset, len(positions))

    own = [
        (place(left), place((right,)), place(joined(left, right))) for left, right in zip(rules.antecedents, rules.consequents, strict=True)
    ]
    generals = [
        (number, place(part), place(joined(part, right)), size == len(left) - 1)
        for number, (left, right) in enumerate(zip(rules.antecedents, rules.consequents, strict=True))
        for size in range(len(left))
        for part in combinations(left, size)
    ]
    left, right, both = np.array(own, dtype=np.int64).reshape(-1, 3).T
    of, general_left, general_both, near = np.array(generals, dtype=np.int64).reshape(-1, 4).T
    return Plan(rules, tuple(positions), left, right, both, of, general_left, general_both, near.astype(bool))


def findings(plan: Plan, tally: Tally, scopes: Sequence[Scope], thresholds: Thresholds) -> Findings:
    """The rules that hold on the half where they were mined, tested on the other.

    A rule is tested in a scope where, on the mining half of that scope, it reaches ``min_confidence``, ``min_lift`` and
    ``min_count`` baskets with both sides. Its p-value is the greatest of those of Fisher's exact test on the test half: antecedent
    against consequent, and each item of the antecedent against the consequent among the baskets with the other items (productive
    rules and hold-out evaluation: G. I. Webb 2007, Discovering significant patterns, Machine Learning 68). What was chosen by one
    half is independent of the other, so the family to control the false discoveries of is what was tested, and not all that could
    have been mined. Redundant rules are part of it: redundancy is judged by all baskets, so to leave them out first would choose
    by the test half. A rule is redundant where a more general one is as good: ``improvement`` is at most ``min_improvement``
    (R. J. Bayardo, R. Agrawal, D. Gunopulos 2000, Constraint-based rule mining; at 0 as ``is.redundant`` of the R package arules).
    """
    parts = [_in_scope(plan, tally, position, thresholds) for position in range(len(scopes))]
    number = np.concatenate([part["rule"] for part in parts])
    found = {name: np.concatenate([part[name] for part in parts]) for name in parts[0] if name != "rule"}
    found["q_value"] = benjamini_hochberg(found["p_value"])
    found["significant"] = found["q_value"] <= thresholds.level
    labels = np.repeat([scope.label for scope in scopes], [len(part["rule"]) for part in parts])
    left = [plan.rules.antecedents[i] for i in number]
    texts = {
        "scope": pa.array(labels.tolist(), pa.string()),
        "antecedent": pa.array([JOINT.join(items) for items in left], pa.string()),
        "consequent": pa.array([plan.rules.consequents[i] for i in number], pa.string()),
        "antecedent_items": pa.array([list(items) for items in left], pa.list_(pa.string())),
        "items": pa.array([len(items) + 1 for items in left], pa.int32()),
    }
    rows = pa.table({**texts, **{name: pa.array(values, from_pandas=True) for name, values in found.items()}})
    return Findings(rows, len(plan.rules), int(tally.n[0, 0].sum()))


def _in_scope(plan: Plan, tally: Tally, scope: int, thresholds: Thresholds) -> dict[str, np.ndarray]:
    """The rules tested in one scope: ``rule`` (position in the plan) and the measures of each."""
    rule = np.flatnonzero(_eligible(plan, tally.n[:, scope, MINED], thresholds))
    n = tally.n[:, scope, :].sum(axis=1)
    all_baskets, a, c, b = n[0], n[plan.left[rule]], n[plan.right[rule]], n[plan.both[rule]]
    found = measures(max(all_baskets, 1), a, c, b)
    improvement = (b / a) - _best_general(plan, n)[rule]
    return {
        "rule": rule,
        "baskets": np.full(len(rule), all_baskets),
        "antecedent_count": a,
        "consequent_count": c,
        "both_count": b,
        **found._asdict(),
        "improvement": improvement,
        "redundant": improvement <= thresholds.min_improvement,
        "tested_baskets": np.full(len(rule), tally.n[0, scope, TESTED]),
        "tested_both_count": tally.n[plan.both[rule], scope, TESTED],
        "p_value": _p_values(plan, tally.n[:, scope, TESTED])[rule],
        "effect_amount": _effect(plan, tally, scope)[rule],
    }


def _eligible(plan: Plan, n: np.ndarray, thresholds: Thresholds) -> np.ndarray:
    """True for rules that reach the thresholds; ``n`` are the counts of the mining half, shape (itemsets,)."""
    a, c, b = n[plan.left], n[plan.right], n[plan.both]
    with np.errstate(divide="ignore", invalid="ignore"):
        good = (b / a >= thresholds.min_confidence) & (b * n[0] / (a * c) >= thresholds.min_lift)
    return (b >= thresholds.min_count) & good


def _best_general(plan: Plan, n: np.ndarray) -> np.ndarray:
    """The highest confidence of each rule's more general ones; shape (rules,)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        confidence = np.nan_to_num(n[plan.general_both] / n[plan.general_left])
    best = np.zeros(len(plan.rules))
    np.maximum.at(best, plan.of, confidence)
    return best


def _p_values(plan: Plan, n: np.ndarray) -> np.ndarray:
    """The greatest p-value of each rule's tests on the counts ``n``; shape (rules,)."""
    p_values = fisher_greater(n[0], n[plan.left], n[plan.right], n[plan.both])
    near = plan.near
    of = plan.of[near]
    against = fisher_greater(n[plan.general_left[near]], n[plan.left[of]], n[plan.general_both[near]], n[plan.both[of]])
    np.maximum.at(p_values, of, against)
    return p_values


def _effect(plan: Plan, tally: Tally, scope: int) -> np.ndarray:
    """Mean amount with antecedent and consequent less that with the antecedent alone; NaN where a group is too small."""
    known, cents = (counts[:, scope, :].sum(axis=1) for counts in (tally.known, tally.cents))
    with_it, sum_with = known[plan.both], cents[plan.both]
    without, sum_without = known[plan.left] - with_it, cents[plan.left] - sum_with
    large = (with_it >= MIN_GROUP) & (without >= MIN_GROUP)
    difference = sum_with / np.maximum(with_it, 1) - sum_without / np.maximum(without, 1)
    return np.where(large, difference / 100, np.nan)
