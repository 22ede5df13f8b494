"""Power-factor adjustment (力调电费)."""

from __future__ import annotations

import numpy as np

# (reward from the standard upwards and penalty downwards, hundredths of a percent for each 0.01 of cos φ)
_REWARD_STEPS = {
    "0.90": [15] * 5,
    "0.85": [10] * 5 + [15] * 4,
    "0.80": [10] * 10 + [15] * 2,
}


def _table(standard: str) -> np.ndarray:
    """Adjustment for cos φ = 0.00 … 1.00 in hundredths of a percent, int64 of shape (101,); negative is a reward."""
    base = round(float(standard) * 100)
    rewards = np.cumsum(_REWARD_STEPS[standard])
    above = np.concatenate([[0], -rewards, np.full(100 - base - len(rewards), -rewards[-1])])
    below = np.cumsum(np.concatenate([np.full(20, 50), np.full(5, 100), np.full(base - 25, 200)]))
    return np.concatenate([below[::-1], above]).astype(np.int64)


TABLES = {standard: _table(standard) for standard in _REWARD_STEPS}
"""Standard to adjustment by hundredths of cos φ.

Source: 水利电力部、国家物价局《功率因数调整电费办法》(83)水电财字第215号, 1983-12-02: below the standard 0.5 % for each
0.01 over the first 20, 1 % over the next five, 2 % from there; above it the rewards of its tables (at most 0.75, 1.10 and 1.30 %).
"""


def power_factor_hundredths(active: np.ndarray, reactive: np.ndarray) -> np.ndarray:
    """cos φ = P / √(P² + Q²) in hundredths, rounded half up, as int64 from 0 to 100; 100 where both are zero."""
    apparent = np.hypot(active.astype(np.float64), reactive.astype(np.float64))
    cosine = np.divide(active, apparent, out=np.ones_like(apparent), where=apparent > 0)
    return np.floor(cosine * 100 + 0.5 + 1e-9).astype(np.int64)


def adjustment(standard: str, active: np.ndarray, reactive: np.ndarray) -> np.ndarray:
    """Adjustment of the bill in hundredths of a percent (-75 = reward of 0.75 %), int64; zero where nothing was drawn.

    Args:
        standard: ``0.90``, ``0.85`` or ``0.80``.
        active: kWh of the month, shape (bills,).
        reactive: kvarh of the month, shape (bills,).
    """
    percent = TABLES[standard][power_factor_hundredths(active, reactive)]
    return np.where((active == 0) & (reactive == 0), 0, percent)
