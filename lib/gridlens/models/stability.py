"""Whether a scorecard still meets the customers that it was fitted on: population stability of its points and of each characteristic."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from gridlens.errors import SettingsError
from gridlens.models.drift import USUAL, Shift, psi, psi_by_chance
from gridlens.models.feature_bins import Bins, counted
from gridlens.models.scorecard import Line, Scorecard
from gridlens.models.woe_sql import added, case_sql

POINTS = "points"


def stability(rows: DataFrame, card: Scorecard) -> dict[str, Shift]:
    """How far the points (under ``points``, of kind score) and every characteristic (of kind feature) have moved since the training rows.

    One pass. The cells are the scorecard's own bins.

    Args:
        rows: the columns of the scorecard.

    Raises:
        SettingsError: there is no row.
    """
    places = added([(line.id, case_sql(line, [float(i) for i in range(len(line.bins))])) for line in card.lines])
    placed = places.transform(card.pipeline.transform(rows).select(POINTS, *[f"{line.id}__value" for line in card.lines]))
    cuts = tuple(r.points_from for r in card.distribution if r.points_from is not None)
    bins = [Bins(POINTS, "number", cuts=cuts)]
    bins += [Bins(line.id, "number", cuts=tuple(i - 0.5 for i in range(1, len(line.bins)))) for line in card.lines]
    found = counted(placed.select(F.col(POINTS), *[line.id for line in card.lines]), bins)
    before = {POINTS: np.array([r.rows for r in card.distribution])}
    before |= {line.id: np.array([b.rows for b in line.bins]) for line in card.lines}
    missing = {line.id: _missing(line) for line in card.lines}
    return {name: _shift(name, found[name][: len(counts), 0], counts, missing.get(name)) for name, counts in before.items()}


def _missing(line: Line) -> int | None:
    """Place of the bin of what has no value."""
    return next((place for place, one in enumerate(line.bins) if one.kind == "missing"), None)


def _shift(name: str, now: np.ndarray, before: np.ndarray, missing: int | None) -> Shift:
    if not now.sum():
        raise SettingsError("there is no row whose stability could be judged; widen the population")
    index, chance = psi(now, before), psi_by_chance(now, before)
    shares = [0.0 if missing is None else float(counts[missing] / counts.sum()) for counts in (now, before)]
    kind: Literal["score", "feature"] = "score" if name == POINTS else "feature"
    warning = index > USUAL.psi_warning and index > chance
    return Shift(name, kind, int(now.sum()), int(before.sum()), index, chance, shares[0], shares[1], warning)
