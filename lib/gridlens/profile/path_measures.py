"""How much a path tells: lift, an exact test, and which paths are worth showing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import false_discovery_control, hypergeom

from gridlens.profile.path_mining import Pattern
from gridlens.profile.paths import PathSettings


@dataclass(frozen=True)
class Measured:
    """A path with what was counted of it.

    Attributes:
        lift: None where nobody without the outcome walked it.
    """

    path: Pattern
    with_outcome: int
    without_outcome: int
    support: float
    lift: float | None
    p_value: float
    q_value: float
    median_days: float

    @property
    def rank(self) -> float:
        return np.inf if self.lift is None else self.lift


def measured(patterns: Sequence[Pattern], counts: Iterable[Mapping[str, int]], *, outcome_accounts: int, compared: int) -> list[Measured]:
    """Every pattern with its measures, in the order given.

    The test is Fisher's exact one, one-sided: the chance that at least so many of the accounts that walked the path are among
    those with the outcome if they were drawn at random (hypergeometric). q values are those of Benjamini and Hochberg
    (1995, "Controlling the false discovery rate") over all ``patterns``.

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
                float(p_values[index]),
                float(q_values[index]),
                _median(days[index]),
            )
        )
    return result


def _median(days: Counter[int]) -> float:
    values = np.repeat(list(days), list(days.values()))
    return float(np.median(values)) if len(values) else 0.0


def telling(paths: Sequence[Measured], settings: PathSettings) -> list[Measured]:
    """The paths worth showing, greatest lift first, then greatest support.

    Left out are paths that are rare, that raise no lift, or that chance explains (``max_q``); those in a longer one that the same accounts
    walked, for the longer one says more; and longer ones whose lift is hardly above that of a shorter one in them.
    """
    kept = [
        path
        for path in paths
        if path.with_outcome >= settings.min_accounts
        and path.support >= settings.min_support
        and path.rank > 1.0
        and path.q_value <= settings.max_q
    ]
    closed = [path for path in kept if not any(_says_more(longer, path) for longer in kept)]
    useful = [path for path in closed if all(path.rank >= settings.min_gain * part.rank for part in closed if _inside(part, path))]
    return sorted(useful, key=lambda path: (-path.rank, -path.support, path.path))[: settings.limit]


def _inside(part: Measured, whole: Measured) -> bool:
    return len(part.path) < len(whole.path) and is_subsequence(part.path, whole.path)


def _says_more(longer: Measured, path: Measured) -> bool:
    same = (longer.with_outcome, longer.without_outcome) == (path.with_outcome, path.without_outcome)
    return same and _inside(path, longer)


def is_subsequence(part: Sequence[str], whole: Sequence[str]) -> bool:
    """True where the steps of ``part`` occur in ``whole`` in order."""
    rest = iter(whole)
    return all(step in rest for step in part)
