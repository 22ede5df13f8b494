"""Whether a scorecard still meets the customers that it was fitted on: population stability of its points and of each characteristic."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from gridlens.errors import SettingsError
from gridlens.models.drift import psi, psi_by_chance
from gridlens.models.feature_bins import Bins, counted
from gridlens.models.scorecard import Scorecard
from gridlens.models.woe_sql import added, case_sql

POINTS = "points"


@dataclass(frozen=True)
class Stability:
    """Population stability index of the points or of a characteristic.

    Attributes:
        psi: Σ (p - q) ln(p / q) over bins; over 0.1 is worth a look, over 0.25 a new scorecard (Siddiqi 2017, ch. 14).
        chance: what it stays below without any change, 99 times of 100.
        now, before: part of the rows in each bin, now and when fitted, in the order of the scorecard's bins.
    """

    psi: float
    chance: float
    now: tuple[float, ...]
    before: tuple[float, ...]


def stability(rows: DataFrame, card: Scorecard) -> dict[str, Stability]:
    """Of the points (under ``points``) and of every characteristic, in one pass.

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
    return {name: _compared(found[name][: len(counts), 0], counts) for name, counts in before.items()}


def _compared(now: np.ndarray, before: np.ndarray) -> Stability:
    if not now.sum():
        raise SettingsError("there is no row whose stability could be judged; widen the population")
    shares = [tuple((counts / counts.sum()).tolist()) for counts in (now, before)]
    return Stability(psi(now, before), psi_by_chance(now, before), *shares)
