"""Register readings: the integral of what the meters recorded, by tariff period, rounded as meters show it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

PERIODS = 5
STEP = 1000
"""Readings are integers of 1/1000 kWh, before the multiplier."""


@dataclass(frozen=True)
class Registers:
    """Running registers of some points, as if no meter had ever been exchanged.

    Attributes:
        rates: cumulative thousandths of a kWh by tariff period, before the multiplier; (points, days + 1, 5).
            Position 0 is the evening before the first day.
        demand: highest quarter-hour power since the month began, kW before the multiplier; (points, days).
    """

    rates: np.ndarray
    demand: np.ndarray

    @property
    def total(self) -> np.ndarray:
        """Sum of the rates; (points, days + 1)."""
        return self.rates.sum(axis=-1)


def period_energy(power: np.ndarray, periods: np.ndarray, schedule: np.ndarray) -> np.ndarray:
    """kWh by tariff period of each day.

    Args:
        power: average kW, (points, days, 96).
        periods: code of the period by schedule, day and quarter hour, (schedules, days, 96).
        schedule: which schedule each point has, (points,).

    Returns:
        (points, days, 5).
    """
    energy = np.zeros((*power.shape[:2], PERIODS))
    for number in np.unique(schedule):
        rows = np.flatnonzero(schedule == number)
        codes = periods[number]
        for code in np.unique(codes):
            energy[rows, :, code] = np.einsum("pdt,dt->pd", power[rows], (codes == code).astype(np.float32), dtype=np.float64) * 0.25
    return energy


def registers_of(
    power: np.ndarray, energy: np.ndarray, *, start: np.ndarray, multiplier: np.ndarray, month_starts: np.ndarray
) -> Registers:
    """Registers that begin at ``start`` kWh; direct meters show 0.01 kWh, transformer-rated ones 0.001 kWh."""
    share = energy.sum(axis=1) + 1e-6
    offset = start[:, None] * share / share.sum(axis=1, keepdims=True)
    running = np.cumsum(energy, axis=1) / multiplier[:, None, None]
    running = np.concatenate([np.zeros_like(running[:, :1]), running], axis=1) + offset[:, None, :]
    grain = np.where(multiplier > 1, 1, 10)[:, None, None]
    rates = np.floor(running * STEP / grain + 1e-6).astype(np.int64) * grain
    peak = power.max(axis=2) / multiplier[:, None].astype(np.float32)
    for begin, end in pairwise(month_starts):
        np.maximum.accumulate(peak[:, begin:end], axis=1, out=peak[:, begin:end])
    return Registers(rates, peak.astype(np.float64))
