"""Figures of scores from counts by score: numpy, no Spark; equal scores count as equal.

Every function takes the counts of distinct scores in rising order: ``rows`` and ``positives`` of shape (scores,).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from gridlens.models.figures import AtCapacity, CalibrationBin, Cost, TopShare

BINS = 10
SHARES = (0.01, 0.05, 0.10)
_STEPS = 50
_CLOSE = 1e-9
_CLIP = 1e-12


@dataclass(frozen=True, eq=False)
class Counts:
    """Labelled rows by score.

    Attributes:
        score: of each place, rising; the mean where near scores share a place. Shape (places,).
        rows, positives: counts. Shape (places,), float.
        log_loss, brier: sums over the rows, each by its own score.
        place: whole number of each place, where scores were counted by place. Shape (places,).
    """

    score: np.ndarray
    rows: np.ndarray
    positives: np.ndarray
    log_loss: float = float("nan")
    brier: float = float("nan")
    place: np.ndarray | None = None

    @property
    def total(self) -> float:
        return float(self.rows.sum())

    @property
    def found(self) -> float:
        return float(self.positives.sum())

    @property
    def predicted(self) -> float:
        """Positives to expect by the scores."""
        return float((self.score * self.rows).sum())

    @property
    def both_classes(self) -> bool:
        return 0 < self.found < self.total


def shares_beaten(counts: Counts) -> tuple[np.ndarray, np.ndarray]:
    """DeLong's structural components by score, shape (scores,) each.

    The first is the share of negatives with a lower score (equal ones half): the component of a positive with that score. The second is
    the share of positives with a higher score (equal ones half): that of a negative.
    """
    negatives = counts.rows - counts.positives
    below = (np.cumsum(negatives) - negatives / 2) / negatives.sum()
    above = 1 - (np.cumsum(counts.positives) - counts.positives / 2) / counts.positives.sum()
    return below, above


def roc_auc(counts: Counts) -> float | None:
    """Probability that a positive has a higher score than a negative, equal ones half; None where a class is missing."""
    if not counts.both_classes:
        return None
    return float((counts.positives * shares_beaten(counts)[0]).sum() / counts.found)


def roc_auc_interval(counts: Counts, confidence: float = 0.95) -> tuple[float, float] | None:
    """Confidence interval of the AUC by the variance of E. DeLong et al. 1988, taken on the logit scale (M. Pepe 2003).

    None where a class has fewer than two rows.
    """
    auc, negatives = roc_auc(counts), counts.rows - counts.positives
    if auc is None or min(counts.found, negatives.sum()) < 2:
        return None
    of_positives, of_negatives = shares_beaten(counts)
    error = np.sqrt(_variance(of_positives, counts.positives) / counts.found + _variance(of_negatives, negatives) / negatives.sum())
    if not 0 < auc < 1:
        return auc, auc
    middle, z = np.log(auc / (1 - auc)), NormalDist().inv_cdf((1 + confidence) / 2)
    ends = middle + np.array([-z, z]) * error / (auc * (1 - auc))
    return float(1 / (1 + np.exp(-ends[0]))), float(1 / (1 + np.exp(-ends[1])))


def _variance(values: np.ndarray, weights: np.ndarray) -> float:
    mean = (values * weights).sum() / weights.sum()
    return float((weights * (values - mean) ** 2).sum() / (weights.sum() - 1))


def average_precision(counts: Counts) -> float | None:
    """Area under the precision-recall curve as a sum over distinct scores, without interpolation; None without positives."""
    if not counts.found:
        return None
    positives = counts.positives[::-1]
    precision = np.cumsum(positives) / np.maximum(np.cumsum(counts.rows[::-1]), 1)
    return float((precision * positives).sum() / counts.found)


def kolmogorov_smirnov(counts: Counts) -> float | None:
    """Greatest difference of the two classes' cumulative shares; None where a class is missing."""
    if not counts.both_classes:
        return None
    negatives = counts.rows - counts.positives
    return float(np.abs(np.cumsum(counts.positives) / counts.found - np.cumsum(negatives) / negatives.sum()).max())


def among_the_highest(counts: Counts, rows: np.ndarray | float) -> np.ndarray:
    """Positives among so many rows with the highest scores; of equal scores the expected number."""
    upto = np.concatenate([[0.0], np.cumsum(counts.rows[::-1])])
    return np.interp(rows, upto, np.concatenate([[0.0], np.cumsum(counts.positives[::-1])]))


def at_rate(counts: Counts, rate: float) -> Counts:
    """The same positives among so many negatives that ``rate`` of the rows are positives; either class has the scores that it had.

    Args:
        counts: of both classes.
        rate: between 0 and 1.
    """
    negatives = counts.rows - counts.positives
    negatives = negatives * ((1 - rate) / rate * counts.found / negatives.sum())
    return Counts(counts.score, negatives + counts.positives, counts.positives, place=counts.place)


def false_alarms(counts: Counts, capture: float) -> float | None:
    """Share of the negatives among the highest scores that hold ``capture`` of the positives; None where a class is missing.

    Of equal scores so many of either class as are needed in proportion.
    """
    if not counts.both_classes:
        return None
    there = counts.positives > 0
    hits, alarms = (np.cumsum(values[::-1])[there[::-1]] for values in (counts.positives, counts.rows - counts.positives))
    own_hits, own_alarms = (values[there][::-1] for values in (counts.positives, counts.rows - counts.positives))
    wanted = capture * counts.found
    last = min(int(np.searchsorted(hits, wanted)), len(hits) - 1)
    part = 1 - (hits[last] - wanted) / own_hits[last]
    return float((alarms[last] - (1 - part) * own_alarms[last]) / (counts.total - counts.found))


def top_shares(counts: Counts) -> tuple[TopShare, ...]:
    """Precision, lift and capture of SHARES of the rows."""
    found = []
    for share in SHARES:
        rows = int(np.ceil(round(share * counts.total, 6)))
        hits = float(among_the_highest(counts, rows))
        capture = hits / counts.found if counts.found else None
        found.append(TopShare(share, rows, hits / rows, None if capture is None else hits / rows / (counts.found / counts.total), capture))
    return tuple(found)


def at_capacity(counts: Counts, capacity: int) -> AtCapacity:
    """What a team meets that works on ``capacity`` cases."""
    cases = int(min(capacity, counts.total))
    hits = float(among_the_highest(counts, cases))
    return AtCapacity(cases, hits, hits / cases, hits / counts.found if counts.found else None)


def taken(counts: Counts, cases: float) -> np.ndarray:
    """Rows of each score that are among so many rows with the highest scores. Shape (scores,)."""
    higher = np.cumsum(counts.rows[::-1])[::-1] - counts.rows
    return np.clip(cases - higher, 0, counts.rows)


def gains(counts: Counts, points: int = 101) -> tuple[tuple[float, float], ...]:
    """The gains curve: (share of rows from the highest score down, share of positives among them)."""
    shares = np.linspace(0, 1, points)
    hits = among_the_highest(counts, shares * counts.total) / max(counts.found, 1)
    return tuple((round(float(x), 6), float(y)) for x, y in zip(shares, hits, strict=True))


def calibration_bins(counts: Counts) -> tuple[CalibrationBin, ...]:
    """BINS bins with exactly equally many rows; equal scores that lie across a border are divided in proportion."""
    edges = np.linspace(0, counts.total, BINS + 1)
    upto = np.concatenate([[0.0], np.cumsum(counts.rows)])
    size = counts.total / BINS
    sums = [np.diff(np.interp(edges, upto, np.concatenate([[0.0], np.cumsum(c)]))) for c in (counts.score * counts.rows, counts.positives)]
    return tuple(CalibrationBin(size, float(p) / size, float(o) / size) for p, o in zip(*sums, strict=True))


def calibration_error(bins: tuple[CalibrationBin, ...]) -> float:
    """Expected calibration error: mean over the rows of |predicted - observed rate| of their bin."""
    total = sum(b.rows for b in bins)
    return sum(b.rows * abs(b.mean_score - b.observed_rate) for b in bins) / total


def calibration_line(counts: Counts) -> tuple[float, float] | None:
    """(slope, intercept) of the logistic regression of the label on the log odds of the score, by Newton's method.

    None where it has no finite answer: one class, one score, or classes that a score separates.
    """
    p = np.clip(counts.score, _CLIP, 1 - _CLIP)
    x = np.stack([np.log(p / (1 - p)), np.ones_like(p)], axis=1)
    if not counts.both_classes or np.ptp(x[:, 0]) < _CLOSE:
        return None
    beta = np.array([1.0, 0.0])
    for _ in range(_STEPS):
        mean = 1 / (1 + np.exp(-np.clip(x @ beta, -30, 30)))
        curvature = (x * (counts.rows * mean * (1 - mean))[:, None]).T @ x
        if np.linalg.cond(curvature) > 1 / _CLIP:
            return None
        step = np.linalg.solve(curvature, x.T @ (counts.positives - counts.rows * mean))
        beta = beta + np.clip(step, -5, 5)
        if np.abs(step).max() < _CLOSE:
            return float(beta[0]), float(beta[1])
    return None


def cost(counts: Counts, *, in_vain: float, missed: float) -> Cost:
    """What acting from a threshold up costs: ``in_vain`` for each negative acted on, ``missed`` for each positive not acted on."""
    acted = np.concatenate([[0.0], np.cumsum(counts.rows[::-1])])
    hits = np.concatenate([[0.0], np.cumsum(counts.positives[::-1])])
    costs = in_vain * (acted - hits) + missed * (counts.found - hits)
    cheapest = int(np.argmin(costs))
    pays_from = in_vain / (in_vain + missed)
    expected = int((counts.score >= pays_from).sum())
    return Cost(
        per_row=float(costs[cheapest]) / counts.total,
        threshold=float(counts.score[::-1][cheapest - 1]) if cheapest else None,
        acted=round(float(acted[cheapest])),
        at_expected=float(costs[expected]) / counts.total,
        expected_threshold=pays_from,
        of_none=float(costs[0]) / counts.total,
        of_all=float(costs[-1]) / counts.total,
    )


def wilson(rate: float, rows: float, confidence: float = 0.95) -> tuple[float, float]:
    """Confidence interval of a rate: E. B. Wilson 1927."""
    if rows <= 0:
        return 0.0, 1.0
    z2 = NormalDist().inv_cdf(0.5 + confidence / 2) ** 2 / rows
    middle = (rate + z2 / 2) / (1 + z2)
    reach = math.sqrt(z2 * (rate * (1 - rate) + z2 / 4)) / (1 + z2)
    return max(middle - reach, 0.0), min(middle + reach, 1.0)
