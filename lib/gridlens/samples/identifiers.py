"""Codes, dates and delivery times that several files share."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gridlens.samples.district import District
from gridlens.samples.lines import codes, text
from gridlens.samples.world import FEEDER_DISTRICTS, World

COMPANY_ACCOUNT = "9980000000"
COMPANY_PARTY = "PY90000000"
MASTER_DIRT = {
    "duplicate_row": 0.004,
    "second_file": 0.003,
    "missing_cells": 0.004,
    "unknown_code": 0.001,
    "wrong_date": 0.001,
    "wrong_columns": 0.0006,
    "missing_key": 0.0004,
}
"""Share of master-data rows with each kind of dirt."""


def day_or_none(world: World, day: np.ndarray) -> pa.Array:
    """Dates of day indexes; null where the index lies beyond the last day."""
    beyond = day >= len(world.days)
    dates = world.days[0] + np.where(beyond, 0, day)
    dates[beyond] = np.datetime64("NaT")
    return text(dates)


def morning(world: World, district: int, day: np.ndarray, purpose: str) -> np.ndarray:
    """When the systems deliver what happened on ``day`` (index): the next day at about three; datetime64[s]."""
    seconds = 2 * 3600 + world.random.integer("morning/" + purpose, 7200, district, np.maximum(day, -1) + 1)
    return (world.days[0] + day + 1).astype("datetime64[s]") + seconds.astype("timedelta64[s]")


def feeder(district: int) -> int:
    """Feeder of a supply district."""
    return district // FEEDER_DISTRICTS


def transformer_codes(d: District) -> pa.Array:
    """Transformer of each account: its own (TD…) or the district's (TR…)."""
    a = d.accounts
    own, shared = codes("TD", a.index), codes("TR", np.full(len(a), a.district))
    return pc.if_else(pa.array(a.dedicated), own, shared)
