"""Measures of association rules and their significance, on arrays of counts."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.stats import hypergeom


class Measures(NamedTuple):
    """Measures of rules, one value a rule; see :func:`measures`."""

    support: np.ndarray
    confidence: np.ndarray
    lift: np.ndarray
    leverage: np.ndarray
    conviction: np.ndarray


def measures(baskets: np.ndarray | int, antecedent: np.ndarray, consequent: np.ndarray, both: np.ndarray) -> Measures:
    """The measures of rules from their four counts.

    Support and confidence: R. Agrawal, T. Imielinski, A. Swami 1993, Mining association rules between sets of items in large
    databases. Leverage: G. Piatetsky-Shapiro 1991, Discovery, analysis, and presentation of strong rules. Lift (called interest)
    and conviction: S. Brin, R. Motwani, J. Ullman, S. Tsur 1997, Dynamic itemset counting and implication rules for market basket
    data.

    Args:
        baskets: number of baskets, above 0.
        antecedent: baskets with the antecedent, above 0.
        consequent: baskets with the consequent, above 0.
        both: baskets with both.

    Returns:
        Arrays of the shape that the arguments have together. Conviction is NaN where confidence is 1, for it is infinite there.
    """
    n, a, c, b = (np.asarray(count, dtype=np.float64) for count in (baskets, antecedent, consequent, both))
    with np.errstate(divide="ignore", invalid="ignore"):
        conviction = np.where(b == a, np.nan, a * (n - c) / (n * (a - b)))
    return Measures(b / n, b / a, b * n / (a * c), b / n - (a / n) * (c / n), conviction)


def fisher_greater(baskets: np.ndarray, antecedent: np.ndarray, consequent: np.ndarray, both: np.ndarray) -> np.ndarray:
    """One-sided p-values of Fisher's exact test: the chance of ``both`` or more where antecedent and consequent are independent.

    The margins are held fixed, so ``both`` is hypergeometric: R. A. Fisher 1935, The logic of inductive inference. 1 where a margin
    is 0.
    """
    b, n, c, a = np.broadcast_arrays(both, baskets, consequent, antecedent)
    return np.where(b <= 0, 1.0, np.clip(hypergeom.sf(b - 1, n, c, a), 0.0, 1.0))


def benjamini_hochberg(p_values: np.ndarray) -> np.ndarray:
    """The least false discovery rate at which each test would be called significant (q-value), of one family of tests.

    Step-up procedure of Y. Benjamini, Y. Hochberg 1995, Controlling the false discovery rate. It holds for independent tests and
    under positive dependence (Y. Benjamini, D. Yekutieli 2001), which is how rules with common items depend.

    Args:
        p_values: of all tests of the family; shape (tests,).

    Returns:
        In the order given; shape (tests,).
    """
    tests = len(p_values)
    order = np.argsort(p_values, kind="stable")
    adjusted = np.minimum.accumulate((p_values[order] * tests / np.arange(1, tests + 1))[::-1])[::-1]
    result = np.empty(tests)
    result[order] = np.minimum(adjusted, 1.0)
    return result
