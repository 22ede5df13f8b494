"""What the trajectory job can be asked for."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass


@dataclass(frozen=True)
class TrajectoryOptions:
    """Which trajectories, paths and transitions to compute.

    Attributes:
        as_of: last local day included; default that of the newest account features.
        known_at: knowledge cut-off, UTC; default that of these features, or the end of a given as_of plus the declared lag.
        window_days: days before an outcome in which paths are looked for.
        period_days: last days up to as_of in which the first outcome of an account counts.
        min_support: least share of the accounts with the outcome that walked a path.
        max_steps: longest path.
        limit: paths kept for an outcome.
        stage_months: whole months up to as_of whose transitions are counted.
    """

    as_of: dt.date | None = None
    known_at: dt.datetime | None = None
    window_days: int = 90
    period_days: int = 365
    min_support: float = 0.03
    max_steps: int = 4
    limit: int = 50
    stage_months: int = 24
