"""From blocks of intervals to the weeks' mean days."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pytest
from gridlens.features.week_parts import WEEK, day_parts, week_parts
from pyspark.sql import SparkSession

WEEKS, PARTS, MIN_DAYS = 10, 12, 4
AS_OF = dt.date(2026, 3, 31)
BLOCK = "metering_point_id string, channel string, local_date date, resolution_minutes int, zone string, values array<double>"
HOLDING = "metering_point_id string, account_id string, begin date, end date"
HOURLY = [float(hour) for hour in range(24)]


def block(point: str, back: int, values: list[float | None], minutes: int = 60, channel: str = "1.8.0") -> tuple[Any, ...]:
    return point, channel, AS_OF - dt.timedelta(days=back), minutes, "Asia/Shanghai", values


@pytest.mark.spark
def test_a_week_is_the_mean_of_its_days_over_all_points_of_the_account(spark: SparkSession) -> None:
    days = range(MIN_DAYS)
    rows = [block("P1", back, [value + back for value in HOURLY]) for back in days]
    rows += [block("P2", back, [1.0] * 48, minutes=30) for back in days]
    rows += [block("P1", 0, [99.0] * 24, channel="2.8.0"), block("P1", 5, [24.0], minutes=1440), block("P1", 6, [None, *HOURLY[1:]])]
    rows += [block("P1", back, HOURLY) for back in range(WEEK, WEEK + MIN_DAYS - 1)]  # too few days for a week
    rows += [block("P3", 2 * WEEK + back, HOURLY) for back in days]  # sold to another account before that week
    holdings = [
        ("P1", "A", dt.date(2020, 1, 1), None),
        ("P2", "A", dt.date(2020, 1, 1), None),
        ("P3", "A", dt.date(2020, 1, 1), dt.date(2026, 3, 1)),
        ("P3", "B", dt.date(2026, 3, 1), None),
    ]
    sizes = {"weeks": WEEKS, "parts": PARTS, "least_days": MIN_DAYS}
    found = week_parts(spark.createDataFrame(rows, BLOCK), spark.createDataFrame(holdings, HOLDING), as_of=AS_OF, **sizes).collect()
    hours = {row["account_id"]: np.array(row["parts"], dtype=float).reshape(WEEKS, PARTS) for row in found}
    own = np.array(HOURLY).reshape(PARTS, 2).sum(axis=1)
    np.testing.assert_allclose(hours["A"][-1], own + 2 * np.mean(list(days)) + 4.0)
    assert np.isnan(hours["A"][:-1]).all()
    np.testing.assert_allclose(hours["B"][-3], own)
    assert sorted(hours) == ["A", "B"]


def test_parts_of_a_day_are_the_energy_of_its_quarter_hours() -> None:
    power = np.random.default_rng(1).gamma(2.0, 1.0, (3, 96))
    power[2, 40] = np.nan
    found = day_parts(power, PARTS)
    np.testing.assert_allclose(found[:2].sum(axis=1), power[:2].sum(axis=1) / 4)
    np.testing.assert_allclose(found[0, 3], power[0, 24:32].sum() / 4)
    assert np.isnan(found[2]).all(), "a day with a gap is not known"
