"""Points of a scorecard from its regression, and grades from its points. Pure numpy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from gridlens.errors import SourceError
from gridlens.models.scorecard import Grade, Line, PointsRange, Scorecard
from gridlens.models.scorecard_definition import GradesDefinition, ScorecardDefinition
from gridlens.models.woe import Limits, merged, thinned
from gridlens.models.woe_bins import Binned

RANGES = 10
"""Ranges of points, of about equal size, whose shares are compared later."""


def scorecard(
    definition: ScorecardDefinition, bins: Sequence[Binned], coefficients: Mapping[str, float], intercept: float, *, rows: int, events: int
) -> Scorecard:
    """The scorecard without grades.

    points_ij = offset / n - factor (intercept / n + coefficient_j WOE_ij), rounded: base points are shared by the n characteristics
    alike, so that a total is the plain sum of points (Siddiqi 2017, ch. 10).

    Args:
        bins: of the characteristics in the regression.
        coefficients, intercept: of the log odds of bad on weights of evidence.
        rows, events: of the training table.
    """
    bare = [Line(**dict(one), coefficient=coefficients[one.id], neutral=0.0) for one in bins]
    card = Scorecard(
        **definition.model_dump(include={"id", "name_zh", "name_en", "version", "scaling", "reasons"}),
        fingerprint=definition.fingerprint,
        rows=rows,
        events=events,
        intercept=intercept,
        lines=tuple(bare),
    )
    neutral = (card.offset - card.factor * intercept) / len(bare)
    return card.model_copy(update={"lines": tuple(_pointed(line, neutral, card) for line in bare)})


def _pointed(line: Line, neutral: float, card: Scorecard) -> Line:
    exact = [neutral - card.factor * line.coefficient * one.woe for one in line.bins]
    points = np.round(exact, card.scaling.decimals).tolist()
    bins = tuple(one.model_copy(update={"points": value + 0.0}) for one, value in zip(line.bins, points, strict=True))
    return line.model_copy(update={"bins": bins, "neutral": neutral})


def graded(card: Scorecard, definition: GradesDefinition, points: np.ndarray, rows: np.ndarray, events: np.ndarray) -> Scorecard:
    """The scorecard with its grades and the distribution of its points.

    Where the definition gives no cuts, they are those that separate good from bad best (greatest information value) while the bad rate
    falls from grade to grade.

    Args:
        points: different values in rising order; rows, events: with each, in training.

    Raises:
        SourceError: so many grades cannot be told apart.
    """
    limits = [grade.points_from for grade in definition.best_first[:-1]]
    cuts = [limit for limit in limits if limit is not None] or _cuts(definition, points, rows, events)
    position = len(cuts) - np.searchsorted(np.array(cuts[::-1]), points, side="right")  # 0 is the best grade
    expected = rows * card.probability(points)
    grades = []
    for i, (grade, limit) in enumerate(zip(definition.best_first, [*cuts, None], strict=True)):
        here = position == i
        count = int(rows[here].sum())
        pd = float(expected[here].sum() / count) if count else 0.0
        bad = int(events[here].sum())
        grades.append(Grade(id=grade.id, zh=grade.zh, en=grade.en, points_from=limit, rows=count, events=bad, pd=pd))
    starts = thinned(rows, RANGES)
    ends = np.add.reduceat(rows, starts)
    lows = [None, *(float(points[start]) for start in starts[1:])]
    ranges = tuple(PointsRange(points_from=low, rows=int(count)) for low, count in zip(lows, ends, strict=True))
    return card.model_copy(update={"grades": tuple(grades), "distribution": ranges})


def _cuts(definition: GradesDefinition, points: np.ndarray, rows: np.ndarray, events: np.ndarray) -> list[float]:
    """Least points of all grades but the last, best first."""
    fine = thinned(rows, 200)
    bad, good = np.add.reduceat(events, fine), np.add.reduceat(rows - events, fine)
    wanted = len(definition.best_first)
    limits = Limits(definition.min_share * float(rows.sum()), definition.min_events, wanted)
    starts = merged(bad, good, limits=limits, direction="decreasing")
    if len(starts) < wanted:
        raise SourceError(
            f"{int(rows.sum())} rows with {int(events.sum())} bad ones hold {len(starts)} grades of falling bad rate, not {wanted}: "
            f"each needs {definition.min_share:.0%} of the rows and {definition.min_events} bad ones; lower that, or list fewer grades"
        )
    return [float(points[fine[start]]) for start in starts[:0:-1]]
