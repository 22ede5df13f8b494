"""Powers at moments become the means of their intervals, however a source cuts the day; against an oracle over single moments."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from gridlens.fold.pieces import KINDS, flatten, overlay
from hypothesis import given
from hypothesis import strategies as st

LENGTH = 24
PIECE = pa.struct(
    [
        ("first_interval", pa.int32()),
        ("kind", pa.int8()),
        ("multiplied", pa.bool_()),
        ("values", pa.list_(pa.float64())),
        ("bad_intervals", pa.list_(pa.int32())),
    ]
)


def piece(first: int, values: list[float | None], kind: str) -> dict[str, Any]:
    return {"first_interval": first, "kind": KINDS[kind], "multiplied": True, "values": values, "bad_intervals": []}


def day(pieces: list[dict[str, Any]], length: int = LENGTH) -> list[float | None]:
    """The kWh of one hourly day of ``length`` hours from its pieces."""
    column = pa.array([pieces], pa.list_(PIECE))
    flat = flatten(column, multiplier=np.ones(1), block_length=np.array([length]), resolution=np.array([60]))
    values, _, _ = overlay(flat, 1, length)
    return [None if math.isnan(v) else v for v in values[0]]


def oracle(values: list[float | None], kind: str) -> list[float | None]:
    """Mean of each hour from the power at the moments at its two ends; hour i has its own moment at one of them."""
    at = dict(enumerate(values)) if kind == "kw_instant" else {i + 1: v for i, v in enumerate(values)}
    means: list[float | None] = []
    for i, own in enumerate(values):
        ends = [v for v in (at.get(i), at.get(i + 1)) if v is not None]
        means.append(None if own is None else sum(ends) / len(ends))
    return means


@given(
    st.lists(st.one_of(st.none(), st.floats(0, 1000).map(lambda v: round(v, 3))), min_size=LENGTH, max_size=LENGTH),
    st.sampled_from(["kw_instant", "kw_instant_end"]),
    st.permutations(range(LENGTH)),
)
def test_a_day_in_one_row_or_in_single_readings_has_the_same_means(values: list[float | None], kind: str, order: list[int]) -> None:
    whole = day([piece(0, values, kind)])
    assert whole == pytest.approx(oracle(values, kind))
    assert day([piece(i, [values[i]], kind) for i in order]) == whole


def test_a_corrected_moment_changes_both_hours_beside_it() -> None:
    assert day([piece(0, [2.0] * LENGTH, "kw_instant_end"), piece(1, [4.0], "kw_instant_end")])[:4] == [2.0, 3.0, 3.0, 2.0]


def test_energy_beside_a_moment_is_no_moment() -> None:
    assert day([piece(0, [2.0] * LENGTH, "kw_instant"), piece(1, [9.0], "kwh")])[:3] == [2.0, 9.0, 2.0]
