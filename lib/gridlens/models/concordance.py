"""How well predicted days order the days that were seen, of which some are censored: Harrell's concordance index.

F. E. Harrell, R. M. Califf, D. B. Pryor, K. L. Lee, R. A. Rosati, "Evaluating the yield of medical tests", JAMA 247 (1982), 2543-2546.
Counted in one aggregation by day, end and place of the prediction; then numpy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

STEPS = 200
"""Places for each unit of the logarithm: predictions within half a percent of each other count as equal."""
SHORTEST, LONGEST = 0.5, 3650.0
"""Days between which predictions are told apart: 1,779 places at most."""


@dataclass(frozen=True)
class DayCounts:
    """Rows by day, end and place of the prediction.

    Attributes:
        days: distinct days seen, rising; shape (d,).
        ended: rows that ended on the day, by place; shape (d, p).
        censored: rows that were seen no longer than to the day; shape (d, p).
    """

    days: np.ndarray
    ended: np.ndarray
    censored: np.ndarray


def day_counts(rows: DataFrame, *, prediction: str, days: str, settled: str) -> DayCounts:
    """Counts of rows whose prediction is known; at most days × 1,779 × 2 rows reach the driver, whatever the number of bills.

    Args:
        rows: one a case.
        prediction: column with the predicted days.
        days: column with the days seen.
        settled: column that is false where the end was not seen.
    """
    known = rows.where(is_predicted(prediction))
    counted = known.groupBy(F.col(days).alias("d"), F.col(settled).alias("s"), place_of(prediction).alias("p")).agg(F.count("*").alias("n"))
    found = [(row["d"], row["s"], row["p"], row["n"]) for row in counted.collect()]
    return counts_of(np.array(found, dtype=np.int64).reshape(-1, 4))


def is_predicted(prediction: str) -> Column:
    """True where the column has a number."""
    return F.col(prediction).isNotNull() & ~F.isnan(F.col(prediction).cast("double"))


def place_of(prediction: str) -> Column:
    """Whole number of the place of predicted days: that of their logarithm, times ``STEPS``."""
    bounded = F.least(F.greatest(F.col(prediction).cast("double"), F.lit(SHORTEST)), F.lit(LONGEST))
    return F.rint(F.log(bounded) * STEPS).cast("int")


def counts_of(found: np.ndarray) -> DayCounts:
    """From rows of day, end seen (0 or 1), place and number; shape (n, 4)."""
    days, row = np.unique(found[:, 0], return_inverse=True)
    places, column = np.unique(found[:, 2], return_inverse=True)
    tables = np.zeros((2, len(days), len(places)))
    np.add.at(tables, (found[:, 1], row, column), found[:, 3])
    return DayCounts(days, tables[1], tables[0])


def concordance(counts: DayCounts) -> float | None:
    """Share of the comparable pairs that are predicted in their order, equal predictions counted half; None where no pair compares.

    Two rows compare where one's end was seen and the other lasted longer, or was seen at least to that day without an end.
    """
    later = np.zeros(counts.ended.shape[1])
    agreeing = comparable = 0.0
    for ended, censored in zip(counts.ended[::-1], counts.censored[::-1], strict=True):
        others = later + censored  # censored on the same day: it lasted longer
        above = others.sum() - np.cumsum(others)
        agreeing += float(ended @ (above + others / 2))
        comparable += float(ended.sum() * others.sum())
        later = others + ended
    return agreeing / comparable if comparable else None
