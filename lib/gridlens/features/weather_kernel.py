"""How daily energy depends on temperature: a piecewise-linear fit for all points at once.

Five-parameter change-point model (PRISM; ASHRAE Guideline 14): E = b + s_h max(T_h - t, 0) + s_c max(t - T_c, 0)
with T_h <= T_c. The two terms never overlap, so every sum that least squares needs is a weighted sum over
the grid of balance points, and the normal equations are solved in closed form.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gridlens.arrow import Arrays
from gridlens.contracts.consumption_year import COOLING_BALANCE_C, HEATING_BALANCE_C, MIN_SIDE_DAYS, MIN_WEATHER_DAYS
from gridlens.features.sums import weighted_sums
from gridlens.features.windows import in_chunks, ratio

HEATING = np.arange(HEATING_BALANCE_C[0], HEATING_BALANCE_C[1] + 1, dtype=float)
COOLING = np.arange(COOLING_BALANCE_C[0], COOLING_BALANCE_C[1] + 1, dtype=float)
_TINY = 1e-12


@dataclass(frozen=True, eq=False)
class _Sums:
    """Sums over the known days of each row: n, E, E²; of one term x at each balance point: x, x², xE, and its days with x > 0."""

    n: np.ndarray
    e: np.ndarray
    ee: np.ndarray
    x: np.ndarray
    xx: np.ndarray
    xe: np.ndarray
    days: np.ndarray


def weather_features(energy: np.ndarray, temperature: np.ndarray) -> Arrays:
    """Weather features of a year, NaN for null.

    Models with no, one and both terms compete by the Bayesian information criterion (1, 3 and 5 parameters); a slope is never negative.

    Args:
        energy: daily energy, NaN where not complete. Shape (rows, days), kWh.
        temperature: daily mean, NaN where unknown, the same for all rows. Shape (days,), °C.
    """
    return in_chunks(lambda rows: _fit(rows, temperature), energy)


def _fit(energy: np.ndarray, temperature: np.ndarray) -> Arrays:
    known = (~np.isnan(energy) & ~np.isnan(temperature)).astype(float)
    filled, outside = np.where(known > 0, energy, 0.0), np.nan_to_num(temperature)
    scale = np.maximum(filled.max(axis=1, initial=0.0), -filled.min(axis=1, initial=0.0))[:, None]
    unit = np.divide(filled, scale, out=np.zeros_like(filled), where=scale > 0)  # sums of squares lose no digits at any size
    heat, cool = np.maximum(HEATING - outside[:, None], 0.0), np.maximum(outside[:, None] - COOLING, 0.0)
    base = (known.sum(axis=1), unit.sum(axis=1), (unit * unit).sum(axis=1))
    sums = [
        _Sums(*base, *(weighted_sums(a, b) for a, b in ((known, x), (known, x * x), (unit, x), (known, (x > 0) * 1.0))))
        for x in (heat, cool)
    ]
    best, spread = _best(*sums)
    highest, lowest = np.where(known > 0, energy, -np.inf).max(axis=1), np.where(known > 0, energy, np.inf).min(axis=1)
    usable = (base[0] >= MIN_WEATHER_DAYS) & (highest > lowest)
    rows = np.arange(len(energy))
    (s_h, s_c), (at_h, at_c) = best.slopes, best.places
    used_h, used_c = s_h * sums[0].x[rows, at_h], s_c * sums[1].x[rows, at_c]
    intercept = ratio(base[1] - used_h - used_c, base[0])
    out = {
        "weather_base_kwh": intercept * scale[:, 0],
        "heating_slope": s_h * scale[:, 0],
        "cooling_slope": s_c * scale[:, 0],
        "weather_r2": 1 - ratio(best.error, spread),
        "heating_balance_c": np.where(s_h > 0, HEATING[at_h], np.nan),
        "cooling_balance_c": np.where(s_c > 0, COOLING[at_c], np.nan),
        "heating_share": ratio(used_h, base[1]),
        "cooling_share": ratio(used_c, base[1]),
    }
    return {name: np.where(usable, values, np.nan) for name, values in out.items()} | {"weather_days": base[0]}


@dataclass(frozen=True, eq=False)
class _Model:
    """The best fit of one form for each row: slopes, places of the balance points in their grids, squared error (infinite: no fit)."""

    slopes: np.ndarray
    places: np.ndarray
    error: np.ndarray
    parameters: int


def _best(heat: _Sums, cool: _Sums) -> tuple[_Model, np.ndarray]:
    """The model of each row with the least information criterion, and the spread (squared error of the mean)."""
    n, nothing = np.maximum(heat.n, 1), np.zeros(len(heat.n))
    spread = np.maximum(heat.ee - heat.e**2 / n, 0.0)
    (s_h, i, only_heat), (s_c, j, only_cool) = _single(heat, spread), _single(cool, spread)
    none = np.zeros(len(n), dtype=np.int64)
    models = [
        _Model(np.stack([nothing, nothing]), np.stack([none, none]), spread, 1),
        _Model(np.stack([s_h, nothing]), np.stack([i, none]), only_heat, 3),
        _Model(np.stack([nothing, s_c]), np.stack([none, j]), only_cool, 3),
        _double(heat, cool, spread),
    ]
    floor = _TINY * np.maximum(spread, _TINY)
    score = np.stack([n * np.log(np.maximum(m.error, floor)) + m.parameters * np.log(n) for m in models])
    pick = score.argmin(axis=0)
    rows = np.arange(len(n))
    slopes, places = (np.stack([getattr(m, part) for m in models])[pick, :, rows].T for part in ("slopes", "places"))
    return _Model(slopes, places, np.maximum(np.stack([m.error for m in models])[pick, rows], 0.0), 0), spread


def _centred(x: _Sums) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sums of squares and of products with E about the means, and where the term has days enough. Each (rows, grid)."""
    n = np.maximum(x.n, 1)[:, None]
    return x.xx - x.x**2 / n, x.xe - x.x * x.e[:, None] / n, x.days >= MIN_SIDE_DAYS


def _single(x: _Sums, spread: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Slope, place and squared error of the best model with one term."""
    sxx, sxe, enough = _centred(x)
    slope = np.divide(sxe, sxx, out=np.zeros_like(sxe), where=enough & (sxx > _TINY * x.xx))
    error = np.where(slope > 0, spread[:, None] - slope * sxe, np.inf)
    place = error.argmin(axis=1)
    rows = np.arange(len(place))
    return slope[rows, place], place, error[rows, place]


def _double(heat: _Sums, cool: _Sums, spread: np.ndarray) -> _Model:
    """The best model with both terms; grids (rows, heating, cooling)."""
    shh, she, enough_h = (a[:, :, None] for a in _centred(heat))
    scc, sce, enough_c = (a[:, None, :] for a in _centred(cool))
    shc = -heat.x[:, :, None] * cool.x[:, None, :] / np.maximum(heat.n, 1)[:, None, None]
    area = shh * scc
    det = area - shc**2
    solvable = enough_h & enough_c & (det > _TINY * area) & (HEATING[:, None] <= COOLING)
    s_h = np.divide(scc * she - shc * sce, det, out=np.zeros_like(det), where=solvable)
    s_c = np.divide(shh * sce - shc * she, det, out=np.zeros_like(det), where=solvable)
    error = np.where((s_h > 0) & (s_c > 0), spread[:, None, None] - s_h * she - s_c * sce, np.inf)
    best = error.reshape(len(spread), -1).argmin(axis=1)
    i, j = np.unravel_index(best, error.shape[1:])
    at = (np.arange(len(spread)), i, j)
    return _Model(np.stack([s_h[at], s_c[at]]), np.stack([i, j]), error[at], 5)
