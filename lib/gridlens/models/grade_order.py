"""Whether the bad rate rises from grade to grade on rows that a scorecard has not seen."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from gridlens.models.gate import Check
from gridlens.models.metric_kernels import wilson


@dataclass(frozen=True)
class GradeFacts:
    """Rows of one grade out of time: the part of bad ones, and the mean probability that the scorecard gave them."""

    grade: str
    rows: int
    bad_rate: float
    pd: float


def grade_check(grades: Sequence[GradeFacts]) -> Check:
    """The condition of the gate: from no grade to the next worse one does the bad rate fall by more than chance.

    A fall is chance where the 95 % interval of the difference of the two rates holds 0 (R. Newcombe 1998, from Wilson's intervals).

    Args:
        grades: those with rows, best first.
    """
    if len(grades) < 2:
        return Check("grades", False, "The test rows are of one grade, so that the grades cannot be compared.")
    for better, worse in pairwise(grades):
        low, high = difference(better, worse)
        if high < 0:
            sentence = (
                f"On the test rows the bad rate falls from grade {better.grade} ({better.bad_rate:.2%} of {better.rows:,}) to "
                f"{worse.grade} ({worse.bad_rate:.2%} of {worse.rows:,}), by more than chance (95 %: {low:+.2%} to {high:+.2%})."
            )
            return Check("grades", False, sentence)
    rates = ", ".join(f"{one.grade} {one.bad_rate:.2%}" for one in grades)
    return Check("grades", True, f"On the test rows the bad rate falls from no grade to the next by more than chance: {rates}.")


def difference(better: GradeFacts, worse: GradeFacts) -> tuple[float, float]:
    """The 95 % interval of how much higher the bad rate of the worse grade is."""
    (low_b, high_b), (low_w, high_w) = (wilson(one.bad_rate, one.rows) for one in (better, worse))
    b, w = better.bad_rate, worse.bad_rate
    return w - b - math.hypot(w - low_w, high_b - b), w - b + math.hypot(high_w - w, b - low_b)
