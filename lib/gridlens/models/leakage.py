"""Refuses rows that know the future: a column dated after the row's moment, or a feature that tells the label almost alone."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from scipy.stats import rankdata

from gridlens.errors import SourceError
from gridlens.models.definition import ModelFeature

AUC_LIMIT = 0.98
ROWS = 20_000
"""Most rows of either label that are looked at; an AUC does not depend on how many of each there are."""
CHANCE = 1e-6
MIN_CODE_ROWS = 20
"""Rarer codes of a category count as one: the rate of a code with few rows is that of chance."""


@dataclass(frozen=True)
class FeatureFact:
    """How well a feature tells the label alone.

    Attributes:
        name: the feature.
        auc: of the feature itself, or of whether it is known, whichever tells more; 0.5 to 1.
        giveaway: it is known (or unknown) for positives alone, and not by chance.
    """

    name: str
    auc: float
    giveaway: bool = False


def refuse_future(rows: DataFrame, *, moment: str = "as_of", known: Mapping[dt.date, dt.datetime] | None = None) -> None:
    """Raises SourceError where a column of days or moments lies after its row's own.

    Args:
        rows: with ``moment``; every column of type date is compared with it.
        moment: the column with the last day that a row may know.
        known: of each moment the time of knowledge; then every column of type timestamp is compared with it.
    """
    kinds = dict(rows.dtypes)
    late = {name: F.col(name) > F.col(moment) for name, kind in kinds.items() if kind == "date" and name != moment}
    for name in [name for name, kind in kinds.items() if known and kind == "timestamp"]:
        after = [F.when((F.col(moment) == F.lit(day)) & (F.col(name) > F.lit(at)), F.lit(True)) for day, at in (known or {}).items()]
        late[name] = F.coalesce(*after)
    if not late:
        return
    found = rows.agg(*[F.count_if(condition).alias(name) for name, condition in late.items()]).first()
    wrong = [f"{name} ({found[name]:,} rows)" for name in late if found and found[name]]
    if wrong:
        raise SourceError(f"columns know the future: {', '.join(wrong)} lie after {moment}; the rows must hold what was known then")


def refuse_leaks(
    rows: DataFrame,
    features: Sequence[ModelFeature],
    *,
    label: str = "label",
    seed: int = 0,
    names: Mapping[str, str] | None = None,
    remedy: str = "it seems to know what happened after as_of; remove it, or say in strong_because why it may",
) -> tuple[FeatureFact, ...]:
    """What each feature tells alone, the strongest first.

    Args:
        rows: labelled rows with the features.
        features: as in the definition; one that has ``strong_because`` may be as strong as it is.
        label: column with 0 or 1.
        seed: of the choice of rows where there are more than enough.
        names: what a feature is called by who reads the sentence, where that is not its column.
        remedy: what follows, and what can be done; the end of the sentence.

    Raises:
        SourceError: a feature leaks; named with its figure.
    """
    sample = _sample(rows.select(label, *[f.name for f in features]), label, seed)
    y = np.array(sample[label], dtype=float) > 0
    facts = [feature_fact(f.name, _values(sample[f.name], f.kind), y, codes=f.kind == "category") for f in features]
    facts.sort(key=lambda fact: (-fact.auc, fact.name))
    excused = {f.name for f in features if f.strong_because}
    for fact in facts:
        if fact.name in excused:
            continue
        if fact.auc > AUC_LIMIT:
            reason = f"tells the label almost alone (AUC {fact.auc:.3f}, more than {AUC_LIMIT})"
        elif fact.giveaway:
            reason = "is known, or unknown, for positives alone"
        else:
            continue
        raise SourceError(f"feature {(names or {}).get(fact.name, fact.name)} {reason}: {remedy}")
    return tuple(facts)


def _sample(rows: DataFrame, label: str, seed: int) -> dict[str, list]:
    """At most about ROWS rows of either label, as columns; chosen by a hash of the row, so always the same."""
    counts = {row[label]: row["count"] for row in rows.groupBy(label).count().collect()}  # two labels
    place = F.pmod(F.xxhash64(F.lit(seed), *rows.columns), F.lit(1_000_000))
    parts = [(F.col(label) == value) & (place < int(min(1.0, ROWS / max(count, 1)) * 1_000_000)) for value, count in counts.items()]
    chosen = rows.where(parts[0] if len(parts) == 1 else parts[0] | parts[1]) if parts else rows
    return dict(chosen.limit(2 * ROWS).toArrow().to_pydict())


def _values(column: Sequence, kind: str) -> np.ndarray:
    """Numbers with NaN for null; of a category an object array with None."""
    if kind == "category":
        return np.array(column, dtype=object)
    return np.array([np.nan if value is None else float(value) for value in column])


def feature_fact(name: str, values: np.ndarray, positive: np.ndarray, *, codes: bool = False) -> FeatureFact:
    """How well one feature tells ``positive`` alone.

    Args:
        name: of the feature.
        values: shape (rows,): numbers with NaN where not known, or codes with None.
        positive: booleans, shape (rows,).
        codes: take each code's rate of positives as its value.
    """
    known = np.array([v is not None for v in values]) if codes else ~np.isnan(values.astype(float))
    numbers = _rates(values, positive) if codes else values.astype(float)
    # Where it is not known says something of its own: the better of the two ends.
    low, high = (np.where(known, numbers, end) for end in (-np.inf, np.inf))
    aucs = [area_under_roc(x, positive) for x in (low, high, known.astype(float))]
    return FeatureFact(name, max(max(a, 1 - a) for a in aucs), _giveaway(known, positive))


def _giveaway(known: np.ndarray, positive: np.ndarray) -> bool:
    rate = positive.mean() if len(positive) else 0.0
    groups = [positive[known], positive[~known]]
    return bool(0 < rate < 1) and any(len(g) and g.all() and rate ** len(g) < CHANCE for g in groups)


def _rates(codes: np.ndarray, positive: np.ndarray) -> np.ndarray:
    """Of each row the rate of positives among the rows of its code; rare codes are one."""
    names, inverse, sizes = np.unique(codes.astype(str), return_inverse=True, return_counts=True)
    merged = np.where(sizes[inverse] < MIN_CODE_ROWS, len(names), inverse)
    hits = np.bincount(merged, weights=positive, minlength=len(names) + 1)[merged]
    rows = np.bincount(merged, minlength=len(names) + 1)[merged]
    return np.asarray(hits / rows)


def area_under_roc(values: np.ndarray, positive: np.ndarray) -> float:
    """ROC-AUC of numbers (infinite allowed) for booleans, ties half (Mann-Whitney U); 0.5 where one label is missing."""
    n, m = int(positive.sum()), int((~positive).sum())
    if not n or not m:
        return 0.5
    ranks = rankdata(values)
    return float((ranks[positive].sum() - n * (n + 1) / 2) / (n * m))
