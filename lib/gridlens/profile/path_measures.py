"""How much a path tells: lift, an exact test, and which paths are worth showing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import false_discovery_control, hypergeom

from gridlens.profile.path_mining import Pattern
from gridlens.profile.paths import PathSettings

_Z = 1.96
"""Two-sided 95 %."""


@dataclass(frozen=True)
class Measured:
    """A path with what was counted of it.

    Attributes:
        lift: None where nobody without the outcome walked it.
        lift_low: lower end of the lift's 95 % interval.
    """

    path: Pattern
    with_outcome: int
    without_outcome: int
    support: float
    lift: float | None
    lift_low: float
    p_value: float
    q_value: float
    median_days: float


def measured(patterns: Sequence[Pattern], counts: Iterable[Mapping[str, int]], *, outcome_accounts: int, compared: int) -> list[Measured]:
    """Every pattern with its measures, in the order given.

    The test is Fisher's exact one, one-sided: the chance that at least so many of the accounts that walked the path are among
    those with the outcome if they were drawn at random (hypergeometric). q values are those of Benjamini and Hochberg
    (1995, "Controlling the false discovery rate") over all ``patterns``. The lift's interval is that of a ratio of two shares on the
    logarithmic scale (Katz et al. 1978), half an account added to each count, so that it holds where nobody without the outcome
    walked the path.

    Args:
        patterns: the paths tested.
        counts: rows of :func:`gridlens.profile.path_mining.path_counts`.
        outcome_accounts: accounts with the outcome.
        compared: accounts without it.
    """
    if not patterns:
        return []
    totals = np.zeros((len(patterns), 2), dtype=np.int64)
    days: list[Counter[int]] = [Counter() for _ in patterns]
    for row in counts:
        totals[row["pattern"], int(not row["with_outcome"])] += row["accounts"]
        if row["with_outcome"]:
            days[row["pattern"]][row["days"]] += row["accounts"]
    walked, others = totals[:, 0], totals[:, 1]
    p_values = np.clip(hypergeom.sf(walked - 1, outcome_accounts + compared, walked + others, outcome_accounts), 0.0, 1.0)
    q_values = false_discovery_control(p_values)
    low = _lower_lift(walked, others, outcome_accounts, compared)
    result = []
    for index, path in enumerate(patterns):
        support = float(walked[index] / outcome_accounts) if outcome_accounts else 0.0
        lift = float(support * compared / others[index]) if others[index] else None
        result.append(
            Measured(
                path,
                int(walked[index]),
                int(others[index]),
                support,
                lift,
                float(low[index]),
                float(p_values[index]),
                float(q_values[index]),
                _median(days[index]),
            )
        )
    return result


def _lower_lift(walked: np.ndarray, others: np.ndarray, outcome_accounts: int, compared: int) -> np.ndarray:
    a, b, n, m = walked + 0.5, others + 0.5, outcome_accounts + 1.0, compared + 1.0
    spread = np.sqrt(1 / a - 1 / n + 1 / b - 1 / m)
    return np.exp(np.log(a / n) - np.log(b / m) - _Z * spread)


def _median(days: Counter[int]) -> float:
    values = np.repeat(list(days), list(days.values()))
    return float(np.median(values)) if len(values) else 0.0


def telling(paths: Sequence[Measured], settings: PathSettings) -> list[Measured]:
    """The paths worth showing, greatest lift_low first: by the lift itself a path of a few accounts that nobody else walked would lead.

    Left out are paths that are rare, that are no likelier before the outcome, or that chance explains (``max_q``); those in a longer one
    of the same support, which says more; and longer ones whose lift_low is hardly above that of a shorter one in them.
    """
    kept = [
        path
        for path in paths
        if path.with_outcome >= settings.min_accounts
        and path.support >= settings.min_support
        and path.lift_low > 1.0
        and path.q_value <= settings.max_q
    ]
    closed = [path for path in kept if not any(_says_more(longer, path) for longer in kept)]
    useful = [path for path in closed if all(path.lift_low >= settings.min_gain * part.lift_low for part in closed if _inside(part, path))]
    return sorted(useful, key=lambda path: (-path.lift_low, -path.support, path.path))[: settings.limit]


def _inside(part: Measured, whole: Measured) -> bool:
    return len(part.path) < len(whole.path) and is_subsequence(part.path, whole.path)


def _says_more(longer: Measured, path: Measured) -> bool:
    """True where all accounts with the outcome that walked ``path`` walked the longer one; of the others no more can have done so."""
    return longer.with_outcome == path.with_outcome and _inside(path, longer)


def is_subsequence(part: Sequence[str], whole: Sequence[str]) -> bool:
    """True where the steps of ``part`` occur in ``whole`` in order."""
    rest = iter(whole)
    return all(step in rest for step in part)
