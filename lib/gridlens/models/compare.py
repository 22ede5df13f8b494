"""Two versions on the same rows: the difference of their AUCs with a confidence interval, exactly and at any size.

E. DeLong et al. 1988, Comparing the Areas under Two or More Correlated Receiver Operating Characteristic Curves. A row's structural
component depends on its own score and on how many rows of the other class lie below it: a function of the score's place, known from the
counts by place. So two counts give two small tables, and one more pass sums the products of what the rows look up in them: no sort, no
pairs of rows, no random draws. Rows count as independent, as at one moment they are: an account has one row.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from statistics import NormalDist

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import DoubleType, StructField, StructType

from gridlens.arrow import map_rows
from gridlens.errors import SourceError
from gridlens.models import metric_kernels as kernels
from gridlens.models.figures import Comparison
from gridlens.models.metric_kernels import Counts
from gridlens.models.metrics import ALL, score_counts, score_place

_SUMS = ("positive", "negative", "common")
_SCHEMA = StructType([StructField(name, DoubleType(), False) for name in _SUMS])


@dataclass(frozen=True, eq=False)
class Lookup:
    """By place, from ``lowest`` up: structural components less their mean, and the share of rows among the team's cases."""

    lowest: int
    positive: np.ndarray
    negative: np.ndarray
    selected: np.ndarray

    @staticmethod
    def of(counts: Counts, cases: float) -> Lookup:
        """From counts by place of both classes."""
        if counts.place is None:
            raise ValueError("a lookup needs counts by place")
        lowest = int(counts.place[0])
        size = int(counts.place[-1]) - lowest + 1
        auc = kernels.roc_auc(counts) or 0.0
        below, above = kernels.shares_beaten(counts)
        tables = []
        for values in (below - auc, above - auc, kernels.taken(counts, cases) / counts.rows):
            table = np.zeros(size)
            table[counts.place - lowest] = values
            tables.append(table)
        return Lookup(lowest, *tables)


def compare(
    scored: DataFrame, *, other: str, score: str = "prediction", label: str = "label", capacity: int, confidence: float = 0.95
) -> Comparison:
    """The new version's scores against another one's.

    Args:
        scored: a row a case, with both scores.
        other: column with the other version's probability.
        score: column with the new version's.
        label: column with 0 or 1.
        capacity: cases that the team can work on.
        confidence: of the interval.

    Raises:
        SourceError: no row, a row without one of the scores or the label, fewer than two rows of a class.
    """
    new, old = (score_counts(scored, score=name, label=label)[ALL] for name in (score, other))
    positives, negatives = new.found, new.total - new.found
    if min(positives, negatives) < 2:
        raise SourceError(
            f"two versions are compared on {positives:.0f} positives and {negatives:.0f} negatives: at least 2 of each are needed"
        )
    cases = min(capacity, new.total)
    lookups = (Lookup.of(new, cases), Lookup.of(old, cases))
    places = [score_place(F.col(name).cast("double")).alias(f"_{i}") for i, name in enumerate((score, other))]
    parts = map_rows(scored.select(*places, F.col(label).cast("int").alias("_y")), partial(_products, lookups=lookups), _SCHEMA)
    sums = parts.agg(*[F.sum(name).alias(name) for name in _SUMS]).toArrow().to_pylist()[0]
    variance = sums["positive"] / (positives * (positives - 1)) + sums["negative"] / (negatives * (negatives - 1))
    first, second = (kernels.roc_auc(counts) or 0.0 for counts in (new, old))
    reach = NormalDist().inv_cdf((1 + confidence) / 2) * float(np.sqrt(variance))
    return Comparison(
        rows=round(new.total),
        positives=round(positives),
        roc_auc=first,
        other_roc_auc=second,
        difference=first - second,
        low=first - second - reach,
        high=first - second + reach,
        confidence=confidence,
        log_loss=new.log_loss / new.total,
        other_log_loss=old.log_loss / old.total,
        common=sums["common"] / cases,
    )


def _products(batch: pa.RecordBatch, *, lookups: tuple[Lookup, Lookup]) -> Iterator[pa.RecordBatch]:
    """Of one batch: the squared differences of the two versions' components, by class, and the cases that both name."""
    positive = batch.column("_y").to_numpy(zero_copy_only=False) == 1
    at = [batch.column(f"_{i}").to_numpy(zero_copy_only=False) - lookup.lowest for i, lookup in enumerate(lookups)]
    first, second = (np.where(positive, lookup.positive[i], lookup.negative[i]) for lookup, i in zip(lookups, at, strict=True))
    squares = (first - second) ** 2
    common = lookups[0].selected[at[0]] * lookups[1].selected[at[1]]
    yield pa.RecordBatch.from_pydict(
        {"positive": [float(squares[positive].sum())], "negative": [float(squares[~positive].sum())], "common": [float(common.sum())]}
    )
