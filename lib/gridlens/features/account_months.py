"""Month shapes of an account's metering points, laid out so that they can be summed and weighted by account."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gridlens.arrow import Ragged
from gridlens.contracts.feature import HOURS
from gridlens.features import windows as w


class Months:
    """The packed months of a batch of accounts.

    A month is: point (0-based in the account), 1 where it is the export channel, ``names``, then the 24 values of each of
    two profiles. Sums and means leave out what is unknown, and are NaN where nothing is known. Only ``export`` months are
    the export channel's; every method but :meth:`account` looks at the others.
    """

    def __init__(self, packed: Ragged, names: Sequence[str], points: int) -> None:
        width = 2 + len(names) + 2 * HOURS
        table = packed.values.reshape(-1, width)
        self.rows, self.points = len(packed.lengths), points
        self._owner = np.repeat(np.arange(self.rows), packed.lengths // width)
        self._point = self._owner * points + table[:, 0].astype(np.int64)
        self.export = table[:, 1] > 0
        self._columns = {name: table[:, 2 + i] for i, name in enumerate(names)}
        self._profiles = table[:, -2 * HOURS :].reshape(-1, 2, HOURS)
        self._days = self._columns["complete_days"]

    def __getitem__(self, name: str) -> np.ndarray:
        return self._columns[name]

    def account(self, values: np.ndarray, which: np.ndarray) -> np.ndarray:
        """Sum over the months marked in ``which``. Shape (rows,)."""
        known = which & ~np.isnan(values)
        return _sums(self._owner[known], values[known], self.rows)

    def weighted(self, values: np.ndarray) -> np.ndarray:
        """Mean weighted by energy. Shape (rows,)."""
        energy = np.where(np.isnan(values), np.nan, self["energy_kwh"])
        return w.ratio(self.account(values * energy, ~self.export), self.account(energy, ~self.export))

    def highest(self, values: np.ndarray) -> np.ndarray:
        """Greatest value of any month. Shape (rows,)."""
        return self._highest(values, self._owner, self.rows)

    def summed_highest(self, values: np.ndarray) -> np.ndarray:
        """Greatest month of each point, summed over the points. Shape (rows,)."""
        return self._over_points(self._highest(values, self._point, self.rows * self.points))

    def summed_mean(self, values: np.ndarray) -> np.ndarray:
        """Mean of each point's months by their complete days, summed over the points. Shape (rows, ...) as ``values``."""
        return self._over_points(self.point_mean(values))

    def mean(self, values: np.ndarray) -> np.ndarray:
        """Mean of all months by their complete days. Shape (rows,)."""
        weight = np.where(np.isnan(values), np.nan, self._days)
        return w.ratio(self.account(values * weight, ~self.export), self.account(weight, ~self.export))

    def longest(self) -> np.ndarray:
        """Complete days of the point that has most. Shape (rows,)."""
        known = ~self.export & ~np.isnan(self._days)
        days = np.nan_to_num(_sums(self._point[known], self._days[known], self.rows * self.points))
        return days.reshape(self.rows, self.points).max(axis=1)

    def profile(self, which: int) -> np.ndarray:
        """Mean profile of working (0) or other days (1), summed over the points. Shape (rows, 24)."""
        return self.summed_mean(self._profiles[:, which])

    def at_highest(self, key: np.ndarray, values: np.ndarray) -> np.ndarray:
        """The value of the month with the greatest ``key``; of several the smallest value. Shape (rows,)."""
        top = self.highest(key)[self._owner]
        tied = ~self.export & (key == top) & ~np.isnan(values)
        return -self._highest(np.where(tied, -values, np.nan), self._owner, self.rows)

    def point_mean(self, values: np.ndarray) -> np.ndarray:
        """Mean of each point's months by their complete days. Shape (rows × points, ...) as ``values``."""
        columns = values.reshape(len(values), -1)
        known = ~np.isnan(columns) & (~self.export & (self._days > 0))[:, None]
        weight = np.where(known, self._days[:, None], 0.0)
        total, whole = (np.zeros((self.rows * self.points, columns.shape[1])) for _ in range(2))
        np.add.at(total, self._point, np.where(known, columns, 0.0) * weight)
        np.add.at(whole, self._point, weight)
        return w.ratio(total, whole).reshape(-1, *values.shape[1:])

    def _over_points(self, by_point: np.ndarray) -> np.ndarray:
        cube = by_point.reshape(self.rows, self.points, *by_point.shape[1:])
        known = ~np.isnan(cube)
        return np.where(known.any(axis=1), np.where(known, cube, 0.0).sum(axis=1), np.nan)

    def _highest(self, values: np.ndarray, cell: np.ndarray, size: int) -> np.ndarray:
        known = ~self.export & ~np.isnan(values)
        out = np.full(size, -np.inf)
        np.maximum.at(out, cell[known], values[known])
        return np.where(np.isinf(out), np.nan, out)


def _sums(cell: np.ndarray, values: np.ndarray, size: int) -> np.ndarray:
    counts = np.bincount(cell, minlength=size)
    return np.where(counts > 0, np.bincount(cell, weights=values, minlength=size), np.nan)
