"""What describes a kind of customer, and the shape of a day from a few bumps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Bumps = tuple[tuple[float, float, float], ...]
"""(hour of the peak, half width in hours, height); a day wraps around at midnight."""


@dataclass(frozen=True)
class Archetype:
    """One kind of customer.

    Attributes:
        code, name_zh: identifier in ``truth/`` and its Chinese name.
        category: customer category of the tariff (contracts.codes.CUSTOMER_CATEGORIES).
        divisions: GB/T 4754 divisions it may belong to; empty for households.
        mean_kw, spread: median of the yearly mean power (kW) and standard deviation of its logarithm.
        base: flat part of the working-day shape, on the scale of the bumps.
        work, rest: bumps of a working day and of a weekend or holiday.
        weekend, holiday, spring: mean power on those days over that of a working day.
        heat, cool: extra power for each °C below 16 / above 24, over mean_kw.
        hourly_noise, daily_noise: standard deviation of the logarithm of the hour's and the day's factor.
        season: mean power by calendar month over the year's.
    """

    code: str
    name_zh: str
    category: str
    divisions: tuple[str, ...]
    mean_kw: float
    spread: float
    base: float
    work: Bumps
    rest: Bumps | None
    weekend: float
    holiday: float
    spring: float
    heat: float
    cool: float
    hourly_noise: float
    daily_noise: float
    season: tuple[float, ...]

    @property
    def household(self) -> bool:
        return not self.divisions


def kind_of_customer(
    code: str,
    name_zh: str,
    category: str,
    divisions: tuple[str, ...],
    *,
    size: tuple[float, float],
    base: float,
    work: Bumps,
    rest: Bumps | None = None,
    days: tuple[float, float, float] = (1.0, 1.0, 1.0),
    weather: tuple[float, float] = (0.0, 0.0),
    noise: tuple[float, float] = (0.35, 0.12),
    season: tuple[float, ...] = (1.0,) * 12,
) -> Archetype:
    """An archetype; size is (mean_kw, spread), days (weekend, holiday, spring), weather (heat, cool), noise (hourly, daily)."""
    return Archetype(code, name_zh, category, divisions, *size, base, work, rest, *days, *weather, *noise, season)


def bump_shape(bumps: Bumps, base: float) -> np.ndarray:
    """A day's shape at 15 minutes with mean 1; shape (96,)."""
    hours = (np.arange(96) + 0.5) / 4.0
    shape = np.full(96, max(base, 1e-3))
    for centre, width, height in bumps:
        distance = np.abs(hours - centre)
        shape += height * np.exp(-((np.minimum(distance, 24.0 - distance) / width) ** 2))
    return shape / shape.mean()
