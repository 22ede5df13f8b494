"""What the whole province shares: days and day types, weather by area, the network's numbering. Small, made on the driver."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import cached_property

import holidays
import numpy as np

from gridlens.samples.randomness import Random

DISTRICT_SIZE = 25
"""Accounts of one supply district (台区): the unit that is generated at once."""
FEEDER_DISTRICTS = 6
WORKING, WEEKEND, HOLIDAY = 0, 1, 2
SPRING_FESTIVALS = tuple(
    np.datetime64(day)
    for day in (
        "2020-01-25",
        "2021-02-12",
        "2022-02-01",
        "2023-01-22",
        "2024-02-10",
        "2025-01-29",
        "2026-02-17",
        "2027-02-06",
        "2028-01-26",
        "2029-02-13",
        "2030-02-03",
    )
)


@dataclass(frozen=True)
class Parameters:
    """What defines a province; the same parameters give the same files."""

    accounts: int
    months: int
    curve_days: int
    end_date: dt.date
    seed: int
    curves: bool


@dataclass(frozen=True)
class World:
    """Parameters plus everything derived from them that all districts share."""

    parameters: Parameters

    @property
    def random(self) -> Random:
        return Random(self.parameters.seed)

    @property
    def districts(self) -> int:
        return -(-self.parameters.accounts // DISTRICT_SIZE)

    @property
    def areas(self) -> int:
        """One area for about 40 districts, at least 3 and at most 60 (never more than districts)."""
        return int(min(max(3, self.districts // 40), 60, self.districts))

    def area_of(self, district: np.ndarray | int) -> np.ndarray:
        return np.asarray(district) * self.areas // self.districts

    @cached_property
    def days(self) -> np.ndarray:
        """Local days of the registers, datetime64[D]: whole months, the last one up to the end date."""
        end = np.datetime64(self.parameters.end_date, "D")
        first = (end.astype("datetime64[M]") - (self.parameters.months - 1)).astype("datetime64[D]")
        return np.arange(first, end + 1)

    @property
    def first_curve_day(self) -> int:
        """Index in ``days`` of the first day with curves."""
        return max(0, len(self.days) - self.parameters.curve_days)

    @cached_property
    def month_index(self) -> np.ndarray:
        """Month of each day, 0 for the first; shape (days,)."""
        months = self.days.astype("datetime64[M]").astype(int)
        return months - months[0]

    @cached_property
    def calendar_month(self) -> np.ndarray:
        """0 for January to 11, of each day."""
        return self.days.astype("datetime64[M]").astype(int) % 12

    @cached_property
    def month_starts(self) -> np.ndarray:
        """Index in ``days`` of the first day of each month, and one past the last day at the end; shape (months + 1,)."""
        return np.append(np.flatnonzero(np.diff(self.month_index, prepend=-1)), len(self.days))

    @cached_property
    def day_type(self) -> np.ndarray:
        """WORKING, WEEKEND or HOLIDAY for each day, make-up working days included (``holidays`` library)."""
        years = range(self.days[0].astype(object).year, self.days[-1].astype(object).year + 1)
        calendar = holidays.country_holidays("CN", years=years)
        days = self.days.astype(object)
        free = np.array([day in calendar for day in days])
        worked = np.array([day in calendar.weekend_workdays for day in days])
        weekend = np.array([day.weekday() >= 5 for day in days])
        return np.where(free, HOLIDAY, np.where(weekend & ~worked, WEEKEND, WORKING))

    @cached_property
    def spring_distance(self) -> np.ndarray:
        """Days from the nearest Spring Festival (New Year's Day of the lunar calendar), negative before it."""
        distance = (self.days[:, None] - np.array(SPRING_FESTIVALS)[None, :]).astype(int)
        return distance[np.arange(len(self.days)), np.abs(distance).argmin(axis=1)]

    @cached_property
    def weather(self) -> dict[str, np.ndarray]:
        """Daily weather, each (areas, days): mean, min, max (°C), humidity (%), rain (mm), cloud (0 clear to 1).

        A yearly cosine (14.5 ± 13 °C, coldest about 20 January) plus autoregressive anomalies, most of
        them common to all areas; illustrative.
        """
        r, days = self.random, len(self.days)
        day_of_year = (self.days - self.days.astype("datetime64[Y]")).astype(int)
        number = self.days.astype(int)
        common, local = r.normal("weather", number), r.normal("weather/area", np.arange(self.areas)[:, None], number)
        anomaly = np.zeros((self.areas, days))
        wet = np.zeros((self.areas, days))
        cloudiness, shared = r.normal("cloud/area", np.arange(self.areas)[:, None], number), r.normal("cloud", number)
        for d in range(days):
            before, wet_before = (anomaly[:, d - 1], wet[:, d - 1]) if d else (0.0, 0.0)
            anomaly[:, d] = 0.78 * before + 2.2 * common[d] + 0.7 * local[:, d]
            wet[:, d] = 0.5 * wet_before + 0.9 * shared[d] + 0.4 * cloudiness[:, d]
        mean = 14.5 - 13.0 * np.cos(2 * np.pi * (day_of_year - 20) / 365.25) + anomaly + np.linspace(1.2, -1.2, self.areas)[:, None]
        cloud = 1.0 / (1.0 + np.exp(-1.3 * (wet - 0.2)))
        swing = 6.0 - 3.5 * cloud
        summer = np.cos(2 * np.pi * (day_of_year - 205) / 365.25)
        rain = np.where(wet > 1.1 - 0.4 * summer, (wet - 1.1 + 0.4 * summer) * (9.0 + 7.0 * summer), 0.0)
        return {
            "mean": mean,
            "min": mean - swing,
            "max": mean + swing,
            "humidity": np.clip(45 + 40 * cloud + 6 * summer, 15, 100),
            "rain": rain,
            "cloud": cloud,
        }

    @cached_property
    def daylight(self) -> np.ndarray:
        """Length of each day from sunrise to sunset at 36.5° north, hours (Cooper's declination, 1969)."""
        day_of_year = (self.days - self.days.astype("datetime64[Y]")).astype(int) + 1
        declination = np.radians(23.45) * np.sin(2 * np.pi * (284 + day_of_year) / 365.0)
        return 24.0 / np.pi * np.arccos(-np.tan(np.radians(36.5)) * np.tan(declination))
