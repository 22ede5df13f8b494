"""The scan for a step equals a regression at every position."""

from __future__ import annotations

import numpy as np
import pytest
from gridlens.anomaly.scan import scan
from hypothesis import given, settings
from hypothesis import strategies as st

PERIODS = 24
SHORTEST = 3


def basis() -> np.ndarray:
    at = np.arange(PERIODS)
    return np.stack([np.ones(PERIODS), np.cos(2 * np.pi * at / 12), at / PERIODS - 0.5])


def regressed(series: np.ndarray, ridge: np.ndarray, position: int) -> tuple[float, float]:
    """Step and sum of squared residuals (ridge included) by numpy's least squares on one series."""
    known = np.isfinite(series)
    columns = np.vstack([basis(), np.arange(PERIODS) >= position]).T[known]
    held = np.diag(np.sqrt(np.append(ridge, 0.0)))
    solved, *_ = np.linalg.lstsq(np.vstack([columns, held]), np.append(series[known], np.zeros(len(held))), rcond=None)
    left = np.append(series[known] - columns @ solved, held @ solved)
    return float(solved[-1]), float(left @ left)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.floats(0, 0.3), st.sampled_from([0.0, 1.0, 20.0]))
def test_every_position_is_the_regression_with_a_step_there(seed: int, missing: float, held: float) -> None:
    random = np.random.default_rng(seed)
    series = random.normal(size=(3, PERIODS)) + 2 * (np.arange(PERIODS) >= random.integers(4, 20))
    series[random.random(series.shape) < missing] = np.nan
    ridge = np.array([0.0, held, held])
    found = scan(series, basis(), ridge=ridge, shortest=SHORTEST)
    for row, one in enumerate(series):
        known = np.isfinite(one)
        tried = {}
        for position in range(PERIODS):
            after = known[position:].sum()
            if after < SHORTEST or known.sum() - after < SHORTEST:
                assert found.step[row, position] == 0
                assert found.statistic[row, position] == 0
                continue
            step, left = regressed(one, ridge, position)
            tried[position] = left
            assert found.step[row, position] == pytest.approx(step, abs=1e-5)
        if tried:
            assert tried[int(found.best[row])] == pytest.approx(min(tried.values()), rel=1e-6)


def test_the_statistic_is_the_step_over_its_standard_error() -> None:
    random = np.random.default_rng(3)
    series = random.normal(size=PERIODS) + 3 * (np.arange(PERIODS) >= 10)
    found = scan(series[None], np.ones((1, PERIODS)), ridge=np.zeros(1), shortest=SHORTEST)
    best = int(found.best[0])
    before, after = series[:best], series[best:]
    residuals = np.concatenate([before - before.mean(), after - after.mean()])
    error = np.sqrt(residuals @ residuals / (PERIODS - 2) * (1 / len(before) + 1 / len(after)))
    statistic, step = (float(values[0]) for values in found.at(found.best))
    assert step == pytest.approx(after.mean() - before.mean(), rel=1e-6)
    assert statistic == pytest.approx((after.mean() - before.mean()) / error, rel=1e-6)
    assert found.slopes[0, 0] == pytest.approx(before.mean(), rel=1e-6)


def test_a_series_without_values_has_no_step() -> None:
    found = scan(np.full((1, PERIODS), np.nan), basis(), ridge=np.zeros(3), shortest=SHORTEST)
    assert not found.statistic.any()
    assert np.isfinite(found.slopes).all()
