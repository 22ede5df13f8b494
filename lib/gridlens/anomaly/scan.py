"""When a series changed: a step at every possible date is tried at once, beside all else that moves the series."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_TINY = 1e-9


@dataclass(frozen=True, eq=False)
class Scan:
    """What was found, of n series.

    Attributes:
        statistic: step over its standard error at every position, 0 where a side is too short. Shape (n, periods).
        step: size of the step from that position on, in the unit of the series. Shape (n, periods).
        best: position of the greatest absolute statistic. Shape (n,), int64.
        slopes: coefficients of the basis beside the step at ``best``. Shape (n, basis).
    """

    statistic: np.ndarray
    step: np.ndarray
    best: np.ndarray
    slopes: np.ndarray

    def at(self, position: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Statistic and step of each series at its own position. Shapes (n,)."""
        rows = np.arange(len(position))
        return self.statistic[rows, position], self.step[rows, position]


def scan(series: np.ndarray, basis: np.ndarray, *, ridge: np.ndarray, shortest: int) -> Scan:
    """The step at each position by ridge least squares beside ``basis``, all positions from one factorisation (Frisch-Waugh-Lovell).

    The greatest statistic dates the change as in Andrews, Tests for Parameter Instability and Structural Change with Unknown
    Change Point, Econometrica 61(4), 1993; its size is compared, never read as a probability.

    Args:
        series: shape (n, periods); NaN where not known.
        basis: what else moves the series, the constant among it. Shape (basis, periods), without NaN.
        ridge: how strongly each coefficient of the basis is held near 0, in periods. Shape (basis,).
        shortest: known periods that both sides of a step must have.
    """
    known = np.isfinite(series)
    weight = known.astype(np.float64)
    value = np.where(known, series, 0.0)
    inverse = np.linalg.inv(np.einsum("kt,nt,lt->nkl", basis, weight, basis, optimize=True) + np.diag(ridge + _TINY))
    cross = value @ basis.T
    base = np.einsum("nkl,nl->nk", inverse, cross)
    count, total = _from_here_on(weight), _from_here_on(value)
    along = _from_here_on(weight[:, None, :] * basis[None])
    solved = np.einsum("nkl,nlt->nkt", inverse, along)
    left = count - np.einsum("nkt,nkt->nt", along, solved)
    possible = (count >= shortest) & (count[:, :1] - count >= shortest) & (left > 1e-6)
    divisor = np.where(possible, left, 1.0)
    step = np.where(possible, (total - np.einsum("nkt,nk->nt", along, base)) / divisor, 0.0)
    explained = step**2 * divisor
    best = np.argmax(explained, axis=1)
    rows = np.arange(len(series))
    squares = np.sum(value**2, axis=1)
    unexplained = squares - np.einsum("nk,nk->n", cross, base) - explained[rows, best]
    freedom = np.maximum(known.sum(axis=1) - len(basis) - 1, 1)
    noise = np.maximum(unexplained, _TINY * (1.0 + squares)) / freedom
    statistic = np.sign(step) * np.sqrt(explained / noise[:, None])
    return Scan(statistic, step, best, base - solved[rows, :, best] * step[rows, best][:, None])


def _from_here_on(values: np.ndarray) -> np.ndarray:
    """Sum from each position to the end of the last axis."""
    return np.cumsum(values[..., ::-1], axis=-1)[..., ::-1]
