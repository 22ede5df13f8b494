"""One account's load for a picture: its days with curves on the wall clock, and its daily energy from registers.

Everything here is of one account, so it is small and computed where it is shown.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from gridlens.arrow import Ragged, array_to_numpy, list_lengths, list_to_matrix
from gridlens.contracts.account_energy import SERIES_DAYS
from gridlens.contracts.feature import HOURS, MIN_COVERAGE
from gridlens.features.account_series import READ_KINDS, account_series
from gridlens.features.clock import QUARTERS, clock_groups

Rows = Iterable[Mapping[str, Any]]


def curve_days(blocks: pa.Table, *, first: dt.date, days: int) -> np.ndarray:
    """Power of an account in each local quarter hour, summed over its metering points.

    A point counts between its first and its last day with a curve; where one that counts is unknown, the sum is.

    Args:
        blocks: metering_point_id, local_date, resolution_minutes, zone, values (kWh an interval, null where unknown); any order.
        first: local day of the first row.
        days: number of rows.

    Returns:
        kW, NaN where unknown. Shape (days, 96).
    """
    points = sorted(set(blocks.column("metering_point_id").to_pylist()))
    power = np.full((len(points), days, QUARTERS), np.nan)
    for batch in blocks.to_batches():
        for length in np.unique(list_lengths(batch.column("values"))):
            part = batch.take(pa.array(np.flatnonzero(list_lengths(batch.column("values")) == length)))
            _place(power, part, points, first)
    serving = _between_first_and_last(np.isfinite(power).any(axis=2))
    total = np.where(serving[:, :, None], power, 0.0).sum(axis=0)
    return np.where(serving.max(axis=0, initial=False)[:, None], total, np.nan)


def _between_first_and_last(seen: np.ndarray) -> np.ndarray:
    """True from the first true day of each row to its last. Shape (rows, days) as ``seen``."""
    return np.logical_or.accumulate(seen, axis=1) & np.logical_or.accumulate(seen[:, ::-1], axis=1)[:, ::-1]


def _place(power: np.ndarray, batch: pa.RecordBatch, points: Sequence[str], first: dt.date) -> None:
    """Writes the curves of blocks of one length into their place."""
    values = list_to_matrix(batch.column("values"))
    day = array_to_numpy(batch.column("local_date"))
    slot = (day - np.datetime64(first)).astype(int)
    point = np.searchsorted(points, batch.column("metering_point_id").to_pylist())
    resolution = array_to_numpy(batch.column("resolution_minutes"))
    zone = np.array(batch.column("zone").to_pylist(), dtype=object)
    for clock, rows in clock_groups(values.shape[1], resolution, zone, day):
        power[point[rows], slot[rows]] = quarter_hour_kw(values[rows], clock.quarters, clock.resolution)


def quarter_hour_kw(values: np.ndarray, quarters: np.ndarray, resolution: int) -> np.ndarray:
    """Mean power of each quarter hour of the wall clock.

    Args:
        values: kWh of each interval, NaN where unknown. Shape (rows, n).
        quarters: part of each interval in each quarter hour. Shape (n, 96).
        resolution: minutes of an interval.

    Returns:
        kW; NaN where a part is unknown, or the clock skips the quarter hour. Shape (rows, 96).
    """
    unknown = np.isnan(values)
    energy = np.where(unknown, 0.0, values) @ quarters
    hours = quarters.sum(axis=0) * resolution / 60
    missing = (unknown.astype(float) @ quarters > 0) | (hours == 0)
    return np.where(missing, np.nan, energy / np.where(hours == 0, 1.0, hours))


def mean_day(power: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Mean over the ``chosen`` rows of each column; NaN where none knows it. Shape (columns,)."""
    picked = power[chosen]
    known = ~np.isnan(picked)
    count = known.sum(axis=0)
    return np.where(count > 0, np.where(known, picked, 0.0).sum(axis=0) / np.maximum(count, 1), np.nan)


def hour_means(power: np.ndarray) -> np.ndarray:
    """Mean power of each clock hour, of its quarter hours that are known. (days, 96) kW to (days, 24)."""
    return mean_day(power.reshape(-1, QUARTERS // HOURS).T, np.ones(QUARTERS // HOURS, dtype=bool)).reshape(-1, HOURS)


def daily_energy(readings: Rows, measured: Rows, points: Sequence[str], *, as_of: dt.date) -> np.ndarray:
    """Import of an account on each day of the series, see :func:`account_series`: gaps between readings are spread evenly.

    Args:
        readings: metering_point_id, local_date, read_kind, meter (a number that tells meters apart), reading_total, multiplier,
            known (microseconds) and digest of the register readings.
        measured: metering_point_id, local_date, energy_kwh and coverage of days with intervals.
        points: the account's metering points, at least one.
        as_of: last local day.

    Returns:
        kWh, NaN where unknown. Shape (SERIES_DAYS,), ending with ``as_of``.
    """
    number = {point: i for i, point in enumerate(points)}
    first = as_of - dt.timedelta(days=SERIES_DAYS)
    read = [
        (
            number[row["metering_point_id"]],
            (row["local_date"] - first).days,
            READ_KINDS.index(row["read_kind"]),
            row["meter"],
            row["reading_total"],
            row["multiplier"],
            row["known"],
            row["digest"],
        )
        for row in readings
        if row["metering_point_id"] in number and row["reading_total"] is not None and row["read_kind"] in READ_KINDS
    ]
    whole = [
        (number[row["metering_point_id"]], (row["local_date"] - first).days, row["energy_kwh"])
        for row in measured
        if row["metering_point_id"] in number and row["energy_kwh"] is not None and row["coverage"] >= MIN_COVERAGE
    ]
    return account_series(_packed(read), _packed(whole), len(points)).spread[0]


def _packed(rows: Sequence[tuple[Any, ...]]) -> Ragged:
    flat = np.array(rows, dtype=float).reshape(-1)
    return Ragged(flat, np.array([len(flat)]))
