"""Whether a model still meets the world that it was judged in: features, scores and, once labels are there, its AUC.

Later rows are counted in the cells of the profile that was kept with the model, in one pass. A population stability index (PSI) is a
warning above its limit, and only where chance does not explain it: without any drift the index of n rows against m rows in k cells is
distributed about as (1/n + 1/m) times chi-squared with k - 1 degrees of freedom (B. Yurdakul 2018, Statistical Properties of Population
Stability Index).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from pyspark.sql import DataFrame
from scipy.stats import chi2

from gridlens.errors import SourceError
from gridlens.models import metric_kernels as kernels
from gridlens.models.drift_profile import Profile
from gridlens.models.feature_bins import Bins, counted
from gridlens.models.metrics import ALL, score_counts

CHANCE = 0.99
"""Share of undrifted comparisons whose index chance keeps below the bound."""
_SMOOTHING = 0.5
"""Added to every count, so that an empty cell has a finite weight (prior of Jeffreys 1946)."""


@dataclass(frozen=True)
class Limits:
    """From where drift is a warning, and from where the model is to be trained again.

    Attributes:
        psi_warning: of a feature or the score; 0.1 is a small shift, 0.25 a large one (N. Siddiqi 2006, Credit Risk Scorecards).
        psi_retrain: of the score.
        auc_drop: below the AUC of the version's own test.
        min_positives: fewer say nothing about the AUC.
    """

    psi_warning: float = 0.1
    psi_retrain: float = 0.25
    auc_drop: float = 0.05
    min_positives: int = 30


USUAL = Limits()


@dataclass(frozen=True)
class Shift:
    """How far one column has moved.

    Attributes:
        subject: the column.
        kind: ``score`` or ``feature``.
        rows, rows_before: counted now and then.
        psi: population stability index.
        chance: what it stays below without drift, 99 times of 100.
        missing, missing_before: share of rows without a value.
        warning: the index is above its limit and above chance.
    """

    subject: str
    kind: Literal["score", "feature"]
    rows: int
    rows_before: int
    psi: float
    chance: float
    missing: float
    missing_before: float
    warning: bool


@dataclass(frozen=True)
class Moment:
    """The scores of one moment against the labels that have arrived; None where a class is missing."""

    as_of: dt.date
    rows: int
    positives: int
    mean_score: float
    observed_rate: float
    roc_auc: float | None
    roc_auc_low: float | None
    roc_auc_high: float | None
    warning: bool = False


@dataclass(frozen=True)
class Drift:
    """What was found.

    Attributes:
        shifts: the score first, then the features, the farthest moved first.
        moments: oldest first.
        warnings: a sentence for each.
        retrain: the model is to be trained again.
        reasons: why, a sentence each.
    """

    shifts: tuple[Shift, ...]
    moments: tuple[Moment, ...]
    warnings: tuple[str, ...]
    retrain: bool
    reasons: tuple[str, ...]


def shifts(now: DataFrame, before: Profile, *, limits: Limits = USUAL) -> tuple[Shift, ...]:
    """How far the score and every feature have moved since ``before``: one pass over ``now``, a row a case.

    Raises:
        SourceError: a column of the profile is not there, or there is no row.
    """
    missing = [b.name for b in before.bins if b.name not in now.columns]
    if missing:
        raise SourceError(f"drift cannot be measured: the scored rows lack {', '.join(missing)}")
    cells = counted(now, before.bins)
    found = [_shift(b, cells[b.name][:, 0], np.array(before.counts[b.name]), before.score, limits) for b in before.bins]
    return tuple(sorted(found, key=lambda s: (s.kind == "feature", -s.psi, s.subject)))


def _shift(bins: Bins, now: np.ndarray, before: np.ndarray, score: str, limits: Limits) -> Shift:
    if not now.sum():
        raise SourceError("drift cannot be measured: there is no scored row")
    index, chance = psi(now, before), psi_by_chance(now, before)
    shares = [float(counts[-1] / counts.sum()) for counts in (now, before)]
    kind: Literal["score", "feature"] = "score" if bins.name == score else "feature"
    warning = index > limits.psi_warning and index > chance
    return Shift(bins.name, kind, int(now.sum()), int(before.sum()), index, chance, shares[0], shares[1], warning)


def psi(now: np.ndarray, before: np.ndarray) -> float:
    """Population stability index Σ (p - q) ln(p / q) of counts by cell, cells empty on both sides left out. Shapes (cells,)."""
    there = (now + before) > 0
    p, q = ((counts[there] + _SMOOTHING) / (counts[there] + _SMOOTHING).sum() for counts in (now, before))
    return float(((p - q) * np.log(p / q)).sum())


def psi_by_chance(now: np.ndarray, before: np.ndarray, share: float = CHANCE) -> float:
    """The index that two samples of one distribution stay below with probability ``share``."""
    cells = int(((now + before) > 0).sum())
    if cells < 2:
        return 0.0
    return float(chi2.ppf(share, cells - 1) * (1 / now.sum() + 1 / before.sum()))


def rolling_auc(
    labelled: DataFrame, before: Profile, *, label: str = "label", by: str = "as_of", limits: Limits = USUAL
) -> tuple[Moment, ...]:
    """The AUC of the scores of every moment (the 50 with most rows), oldest first; a moment of few positives is no warning.

    Args:
        labelled: scored rows whose labels have arrived, with the moment in ``by`` (date).
        before: the profile, whose score column is judged.
    """
    found = score_counts(labelled, score=before.score, label=label, by=[by])
    moments = []
    for (_, value), counts in sorted((name, c) for name, c in found.items() if name != ALL):
        interval, auc = kernels.roc_auc_interval(counts), kernels.roc_auc(counts)
        moments.append(
            Moment(
                dt.date.fromisoformat(value),
                round(counts.total),
                round(counts.found),
                counts.predicted / counts.total,
                counts.found / counts.total,
                auc,
                interval[0] if interval else None,
                interval[1] if interval else None,
                warning=_fallen(auc, interval, counts.found, before.roc_auc, limits),
            )
        )
    return tuple(moments)


def _fallen(auc: float | None, interval: tuple[float, float] | None, positives: float, before: float | None, limits: Limits) -> bool:
    """Below the AUC of the test by more than the limit, and by more than chance."""
    if auc is None or interval is None or before is None or positives < limits.min_positives:
        return False
    return auc < before - limits.auc_drop and interval[1] < before


def judged(shifts: Iterable[Shift], moments: Iterable[Moment] = (), *, before: Profile, limits: Limits = USUAL) -> Drift:
    """What follows: warnings, and whether to train again, because the score has moved far or the newest AUC has fallen."""
    moved, seen = tuple(shifts), tuple(moments)
    warnings = [_moved(s) for s in moved if s.warning] + [_fell(m, before) for m in seen if m.warning]
    reasons = [_moved(s) for s in moved if s.kind == "score" and s.warning and s.psi > limits.psi_retrain]
    decided = [m for m in seen if m.positives >= limits.min_positives and m.roc_auc is not None]
    if decided and decided[-1].warning:
        reasons.append(_fell(decided[-1], before))
    return Drift(moved, seen, tuple(warnings), bool(reasons), tuple(reasons))


def _moved(shift: Shift) -> str:
    missing = ""
    if abs(shift.missing - shift.missing_before) >= 0.05:
        missing = f"; {shift.missing:.0%} are missing, {shift.missing_before:.0%} were"
    what = "The score" if shift.kind == "score" else f"The feature {shift.subject}"
    return f"{what} has moved: PSI {shift.psi:.3f} over {shift.rows:,} rows (by chance below {shift.chance:.3f}){missing}."


def _fell(moment: Moment, before: Profile) -> str:
    return (
        f"The ROC-AUC of the scores as of {moment.as_of} is {moment.roc_auc:.4f} (95 %: {moment.roc_auc_low:.4f} to "
        f"{moment.roc_auc_high:.4f}) with {moment.positives:,} positives; {before.roc_auc:.4f} in the version's test."
    )
