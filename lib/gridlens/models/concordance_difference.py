"""Two predictions of days on the same rows: the difference of their concordance indices, with a confidence interval.

The index compares pairs of rows, and rows of one account are alike, so that rows are no sample of their own. Accounts are: they are put
into groups by a hash of their name, and the difference is computed again without each group in turn (the jackknife, which holds for such
averages over pairs: J. N. Arvesen, "Jackknifing U-statistics", Annals of Mathematical Statistics 40 (1969), 2076-2100).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from scipy.stats import t as student_t

from gridlens.models.concordance import DayCounts, concordance, is_predicted, place_of

GROUPS = 20
LEAST_GROUPS = 10
"""From fewer groups no spread is told."""


@dataclass(frozen=True)
class Difference:
    """A prediction against another one, on the same rows.

    Attributes:
        rows: that both predict.
        groups: of accounts, from which the interval comes.
        concordance, other_concordance: theirs on these rows.
        difference, low, high: of the two (this less the other), with its interval.
        confidence: of that interval.
    """

    rows: int
    groups: int
    concordance: float
    other_concordance: float
    difference: float
    low: float
    high: float
    confidence: float


def compare_days(
    rows: DataFrame, *, prediction: str, other: str, days: str, settled: str, by: str, confidence: float = 0.95
) -> Difference | None:
    """Both predictions on the rows that have both; None where they cannot be told apart, as ``difference`` says.

    One aggregation; at most 2 × 20 groups × days × 1,779 places × 2 counts reach the driver, as Arrow, whatever the number of rows.

    Args:
        rows: one a case.
        prediction, other: columns with the predicted days.
        days: column with the days seen.
        settled: column that is false where the end was not seen.
        by: column whose values are independent of each other: the account.
        confidence: of the interval.
    """
    both = rows.where(is_predicted(prediction) & is_predicted(other))
    places = F.posexplode(F.array(place_of(prediction), place_of(other))).alias("which", "place")
    group = F.pmod(F.xxhash64(by), F.lit(GROUPS)).cast("int").alias("group")
    each = both.select(group, F.col(days).cast("int").alias("day"), F.col(settled).cast("int").alias("end"), places)
    keys = ("which", "group", "day", "end", "place")
    counted = each.groupBy(*keys).agg(F.count("*").alias("n")).toArrow()
    found = np.column_stack([counted.column(name).to_numpy() for name in (*keys, "n")]).astype(np.int64)
    return difference(found[found[:, 0] == 0, 1:], found[found[:, 0] == 1, 1:], confidence)


def difference(first: np.ndarray, second: np.ndarray, confidence: float = 0.95) -> Difference | None:
    """Difference of two concordance indices with the interval of the jackknife over groups.

    With d of all rows, d_g of all but those of group g, m the mean of the d_g and k groups, the squared standard error is
    (k - 1) / k Σ (d_g - m)²; the interval is d ± that error times the quantile of Student's t with k - 1 degrees of freedom. It assumes
    that groups are independent, as accounts put together by a hash are where no common shock moves them, and that d is near to normal.

    Args:
        first, second: counts as rows of group, day, end seen (0 or 1), place and number; shape (n, 5).
        confidence: of the interval.

    Returns:
        None where there are fewer than ``LEAST_GROUPS`` groups, or no pair compares in all of the rows or without one of the groups.
    """
    groups = np.unique(first[:, 0]) if len(first) else np.empty(0)
    if len(groups) < LEAST_GROUPS:
        return None
    of_first, of_second = _indices(first, groups), _indices(second, groups)
    if np.isnan(of_first).any() or np.isnan(of_second).any():
        return None
    whole, *without = of_first - of_second
    k = len(groups)
    error = float(np.sqrt((k - 1) * np.var(without)))
    reach = float(student_t.ppf((1 + confidence) / 2, k - 1)) * error
    return Difference(
        rows=int(first[:, 4].sum()),
        groups=k,
        concordance=float(of_first[0]),
        other_concordance=float(of_second[0]),
        difference=float(whole),
        low=float(whole) - reach,
        high=float(whole) + reach,
        confidence=confidence,
    )


def _indices(found: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """The index of all rows, then that without each group; NaN where no pair compares. Shape (groups + 1,)."""
    days, row = np.unique(found[:, 1], return_inverse=True)
    places, column = np.unique(found[:, 3], return_inverse=True)

    def table(chosen: np.ndarray) -> np.ndarray:
        counts = np.zeros((2, len(days), len(places)))
        np.add.at(counts, (found[chosen, 2], row[chosen], column[chosen]), found[chosen, 4])
        return counts

    whole = table(np.full(len(found), True))
    indices = [concordance(DayCounts(days, whole[1], whole[0]))]
    for group in groups:
        rest = whole - table(found[:, 0] == group)
        indices.append(concordance(DayCounts(days, rest[1], rest[0])))
    return np.array([np.nan if index is None else index for index in indices])
