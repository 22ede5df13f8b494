"""Weeks of daily energy: the level of each, and how its days differ."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from gridlens.arrow import Arrays

WEEKS = 104
WEEK = 7
DAYS = WEEKS * WEEK
"""Two years, so that a season is compared with itself."""
PARTS = 12
"""Of a day, two hours of the wall clock each."""
MIN_DAYS = 4
"""Known days that a week must have."""
NOTHING = 0.03
"""Part of an account's own usual day below which a day counts as without use."""
SAME = 1e-3
"""Part of an account's own usual day by which two days may differ and still count as the same."""
_LEVEL_FLOOR, _SPREAD_FLOOR, _USUAL_FLOOR = 0.02, 0.005, 0.05


@dataclass(frozen=True, eq=False)
class Reference:
    """What all accounts of one group of peers are compared with.

    Attributes:
        peers: energy of the group's usual account on each day, 1 on its usual day. Shape (DAYS,), positive.
        usual: energy of the group's usual account on its usual day, kWh.
        basis: constant, peers by week (log, centred), the year's cosine and sine, and the drift of two years. Shape (5, WEEKS).
        hours: part of the day's energy that the group's usual account uses in each part of the day, NaN in weeks without curves. Shape
            (WEEKS, PARTS).
    """

    peers: np.ndarray
    usual: float
    basis: np.ndarray
    hours: np.ndarray = field(default_factory=lambda: np.full((WEEKS, PARTS), np.nan))

    @property
    def log_peers(self) -> np.ndarray:
        """Shape (DAYS,)."""
        return np.log(self.peers)

    @property
    def log_weeks(self) -> np.ndarray:
        """Mean of a week's days. Shape (WEEKS,)."""
        return self.log_peers.reshape(WEEKS, WEEK).mean(axis=1)


@dataclass(frozen=True, eq=False)
class Diary:
    """Days of n accounts, kWh; each of shape (n, DAYS), NaN where not known.

    Attributes:
        daily: what was recorded.
        excess: what the account's transformer lost beyond its technical loss.
        exported: what the account fed into the grid.
        hours: what was recorded in each part of a mean day of each week with curves. Shape (n, WEEKS * PARTS).
    """

    daily: np.ndarray
    excess: np.ndarray
    exported: np.ndarray
    hours: np.ndarray

    def __len__(self) -> int:
        return len(self.daily)

    def rows(self, at: slice | np.ndarray) -> Diary:
        """Of some of the accounts."""
        return Diary(self.daily[at], self.excess[at], self.exported[at], self.hours[at])

    def earlier(self, back: int) -> Diary:
        """As it stood ``back`` days ago; weeks of hours that were not over then are not known."""
        hours = shifted(self.hours, -(-back // WEEK) * PARTS)
        return Diary(shifted(self.daily, back), shifted(self.excess, back), shifted(self.exported, back), hours)


LEVEL_RIDGE = np.array([0.0, 0.3, 3.0, 3.0, 20.0])
"""For the level: how strongly it follows the peers is nearly free, a drift of its own over two years is held near none."""
OTHER_RIDGE = np.array([0.0, 2.0, 3.0, 3.0, 20.0])


def reference(peers: np.ndarray, usual: float, last: np.datetime64, *, back: int = 0, hours: np.ndarray | None = None) -> Reference:
    """What to compare with.

    Args:
        peers: of the group, see :class:`Reference`; NaN where not known.
        usual: of the group.
        last: the last of the days.
        back: days by which an earlier day is to be the last one; of what is then not known the peers say nothing.
        hours: of the group, see :class:`Reference`; None: no curves.
    """
    peers, last = shifted(peers[None], back)[0], last - back
    steady = np.where(np.isfinite(peers) & (peers > 0), peers, 1.0)
    days = last - np.arange(DAYS)[::-1]
    angle = 2 * np.pi * (days - days.astype("datetime64[Y]").astype("datetime64[D]")).astype(np.int64) / 365.25
    middle = angle.reshape(WEEKS, WEEK)[:, WEEK // 2]
    weekly = np.log(steady).reshape(WEEKS, WEEK).mean(axis=1)
    drift = (np.arange(WEEKS) - WEEKS / 2) / WEEKS
    basis = np.stack([np.ones(WEEKS), weekly - weekly.mean(), np.cos(middle), np.sin(middle), drift])
    if hours is None:
        return Reference(steady, usual, basis)
    earlier = shifted(hours.reshape(1, -1), -(-back // WEEK) * PARTS).reshape(WEEKS, PARTS)
    return Reference(steady, usual, basis, earlier)


def shifted(days: np.ndarray, back: int) -> np.ndarray:
    """The days as they were ``back`` days ago: the last of them is an earlier one, the first are not known. Shape (n, DAYS)."""
    return np.concatenate([np.full((len(days), back), np.nan), days[:, : days.shape[1] - back]], axis=1)


def usual_day(daily: np.ndarray) -> np.ndarray:
    """Median day of each account, at least 0.05 kWh; that where no day is known. Shape (n,)."""
    known = np.sort(daily, axis=1)  # NaN last
    count = np.isfinite(known).sum(axis=1)
    rows, last = np.arange(len(daily)), np.maximum(count - 1, 0)
    middle = (known[rows, last // 2] + known[rows, (last + 1) // 2]) / 2
    return np.maximum(np.where(count > 0, middle, 0.0), _USUAL_FLOOR)


def weekly_signals(daily: np.ndarray, usual: np.ndarray) -> Arrays:
    """What each week says: shapes (n, WEEKS), NaN in weeks with fewer than MIN_DAYS known days.

    Args:
        daily: kWh, shape (n, DAYS), NaN where not known.
        usual: of :func:`usual_day`.

    Returns:
        level: log of the mean; lowest, highest: log of the extreme days against the mean; spread: log of the standard deviation
        against the mean; amount: log of the standard deviation itself; rough: log of the mean change from day to day against the
        standard deviation; idle: part of the days without use.
    """
    days = daily.reshape(len(daily), WEEKS, WEEK) / usual[:, None, None]
    known = np.isfinite(days)
    count = known.sum(axis=2)
    filled = np.where(known, days, 0.0)
    divisor = np.maximum(count, 1)
    mean = filled.sum(axis=2) / divisor
    spread = np.sqrt(np.where(known, (days - mean[..., None]) ** 2, 0.0).sum(axis=2) / divisor)
    change = np.abs(np.diff(days, axis=2))
    pairs = np.isfinite(change)
    rough = np.where(pairs, change, 0.0).sum(axis=2) / np.maximum(pairs.sum(axis=2), 1)
    level = np.log(mean + _LEVEL_FLOOR)
    signals = {
        "level": level,
        "lowest": np.log(np.where(known, days, np.inf).min(axis=2) + _LEVEL_FLOOR) - level,
        "highest": np.log(np.where(known, days, 0.0).max(axis=2) + _LEVEL_FLOOR) - level,
        "spread": np.log((spread + _SPREAD_FLOOR) / (mean + _LEVEL_FLOOR)),
        "amount": np.log(spread + _SPREAD_FLOOR),
        "rough": np.log((rough + _SPREAD_FLOOR) / (spread + _SPREAD_FLOOR)),
        "idle": (known & (days < NOTHING)).sum(axis=2) / divisor,
    }
    return {name: np.where(count >= MIN_DAYS, signal, np.nan) for name, signal in signals.items()}
