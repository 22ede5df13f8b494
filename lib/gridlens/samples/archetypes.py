"""Who lives in the province: households and businesses with the shape, weather response and rhythm of their load.

Every figure here is illustrative: chosen to be plausible for an eastern Chinese province and to be told
apart by load shape, not measured. Industry divisions are those of GB/T 4754-2017 (charging stations are
class 5267 of division 52; cold storage is division 59).
"""

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
    rest: Bumps | None = None
    weekend: float = 1.0
    holiday: float = 1.0
    spring: float = 1.0
    heat: float = 0.0
    cool: float = 0.0
    hourly_noise: float = 0.35
    daily_noise: float = 0.12
    season: tuple[float, ...] = (1.0,) * 12

    @property
    def household(self) -> bool:
        return not self.divisions


_EVENING: Bumps = ((7.2, 1.0, 0.7), (12.2, 0.9, 0.6), (19.5, 1.8, 1.6))
_AT_HOME: Bumps = ((8.0, 1.3, 0.7), (12.3, 1.1, 1.0), (16.0, 2.5, 0.4), (19.5, 2.0, 1.6))
_AGRO = (0.25, 0.12, 0.12, 0.15, 0.25, 0.5, 0.6, 0.9, 2.0, 2.9, 2.6, 1.2)
_SCHOOL = (0.7, 0.55, 1.1, 1.1, 1.15, 1.2, 0.35, 0.25, 1.2, 1.1, 1.1, 1.15)

ARCHETYPES: tuple[Archetype, ...] = (
    Archetype(
        "early_riser",
        "早起家庭",
        "residential",
        (),
        0.26,
        0.35,
        0.35,
        ((5.6, 0.9, 1.9), (11.5, 0.9, 0.9), (18.0, 1.3, 1.1)),
        None,
        1.05,
        1.08,
        1.1,
        0.012,
        0.04,
    ),
    Archetype(
        "night_owl",
        "夜猫子家庭",
        "residential",
        (),
        0.30,
        0.35,
        0.35,
        ((12.5, 1.0, 0.4), (23.4, 2.0, 2.2), (1.5, 1.2, 1.1)),
        None,
        1.1,
        1.1,
        0.8,
        0.010,
        0.06,
    ),
    Archetype("electric_heating", "电采暖家庭", "residential", (), 0.30, 0.3, 0.4, _EVENING, _AT_HOME, 1.1, 1.1, 1.15, 0.28, 0.05),
    Archetype("air_conditioning", "空调依赖家庭", "residential", (), 0.30, 0.3, 0.4, _EVENING, _AT_HOME, 1.1, 1.1, 1.05, 0.03, 0.27),
    Archetype("ev_household", "电动汽车家庭", "residential", (), 0.33, 0.3, 0.4, _EVENING, _AT_HOME, 1.08, 1.05, 0.9, 0.03, 0.07),
    Archetype("pv_household", "屋顶光伏家庭", "residential", (), 0.40, 0.3, 0.45, _AT_HOME, None, 1.05, 1.1, 1.2, 0.05, 0.08),
    Archetype("vacant", "空置住宅", "residential", (), 0.015, 0.5, 1.0, ((13.0, 6.0, 0.05),), None, 1.0, 1.2, 2.5, 0.0, 0.0, 0.15, 0.3),
    Archetype(
        "elderly",
        "老年家庭",
        "residential",
        (),
        0.16,
        0.3,
        0.3,
        ((6.3, 1.1, 1.1), (10.8, 1.2, 1.3), (17.0, 1.2, 1.0)),
        None,
        1.0,
        1.15,
        1.35,
        0.04,
        0.015,
    ),
    Archetype(
        "office",
        "写字楼办公",
        "commercial",
        ("65", "72", "70", "66"),
        9.0,
        0.7,
        0.25,
        ((10.0, 2.2, 1.6), (15.0, 2.5, 1.7)),
        ((12.0, 4.0, 0.8),),
        0.35,
        0.22,
        0.15,
        0.018,
        0.05,
        0.08,
        0.05,
    ),
    Archetype(
        "shop",
        "零售商铺",
        "commercial",
        ("52", "51"),
        4.0,
        0.6,
        0.2,
        ((14.5, 4.2, 1.3), (19.5, 1.8, 1.2)),
        None,
        1.18,
        1.15,
        0.5,
        0.012,
        0.05,
        0.1,
        0.07,
    ),
    Archetype(
        "restaurant",
        "餐饮",
        "commercial",
        ("62",),
        6.5,
        0.55,
        0.25,
        ((11.8, 1.2, 1.9), (18.7, 1.6, 2.3)),
        None,
        1.25,
        1.15,
        0.35,
        0.012,
        0.04,
        0.12,
        0.08,
    ),
    Archetype(
        "cold_storage",
        "冷库",
        "commercial",
        ("59",),
        38.0,
        0.6,
        1.5,
        ((2.5, 3.0, 1.1), (13.0, 4.0, 0.25)),
        None,
        0.97,
        0.95,
        0.9,
        0.0,
        0.035,
        0.06,
        0.04,
    ),
    Archetype(
        "factory_one_shift",
        "单班制工厂",
        "large_industrial",
        ("17", "33", "21", "24"),
        45.0,
        0.7,
        0.12,
        ((9.8, 1.7, 2.0), (15.3, 1.9, 2.0)),
        None,
        0.3,
        0.15,
        0.05,
        0.004,
        0.010,
        0.07,
        0.06,
    ),
    Archetype(
        "factory_two_shift",
        "两班制工厂",
        "large_industrial",
        ("34", "36", "35", "29"),
        95.0,
        0.7,
        0.15,
        ((9.5, 2.8, 1.8), (14.5, 2.5, 1.6), (20.0, 2.2, 1.8)),
        None,
        0.65,
        0.35,
        0.06,
        0.003,
        0.010,
        0.06,
        0.05,
    ),
    Archetype(
        "factory_three_shift",
        "三班连续生产",
        "large_industrial",
        ("26", "30", "31", "39"),
        260.0,
        0.8,
        3.0,
        ((10.0, 4.0, 0.15),),
        None,
        0.98,
        0.92,
        0.3,
        0.0,
        0.006,
        0.03,
        0.03,
    ),
    Archetype(
        "agro_processing",
        "季节性农产品加工",
        "agricultural",
        ("13", "14"),
        16.0,
        0.6,
        0.2,
        ((8.0, 2.5, 1.5), (15.0, 3.5, 1.6)),
        None,
        0.9,
        0.5,
        0.1,
        0.0,
        0.0,
        0.12,
        0.12,
        _AGRO,
    ),
    Archetype("street_light", "路灯", "public", ("78",), 3.0, 0.4, 0.0, (), None, 1.0, 1.0, 1.1, 0.0, 0.0, 0.02, 0.01),
    Archetype(
        "ev_station",
        "充电站",
        "ev_station",
        ("52",),
        32.0,
        0.5,
        0.3,
        ((12.5, 1.5, 1.6), (23.2, 1.8, 2.4), (17.0, 1.5, 0.7)),
        None,
        1.1,
        1.45,
        1.2,
        0.006,
        0.008,
        0.35,
        0.15,
    ),
    Archetype(
        "school",
        "学校",
        "commercial",
        ("83",),
        11.0,
        0.5,
        0.2,
        ((9.5, 1.8, 1.5), (14.8, 1.8, 1.4), (19.5, 1.5, 0.7)),
        ((12.0, 4.0, 0.5),),
        0.25,
        0.15,
        0.08,
        0.008,
        0.02,
        0.1,
        0.06,
        _SCHOOL,
    ),
)
CODES: tuple[str, ...] = tuple(a.code for a in ARCHETYPES)
INDEX: dict[str, int] = {code: i for i, code in enumerate(CODES)}
HOUSEHOLDS = np.array([a.household for a in ARCHETYPES])

DISTRICT_KINDS = ("urban", "old_quarter", "rural", "commercial", "industrial")
_MIX = {
    "urban": {
        "early_riser": 12,
        "night_owl": 20,
        "air_conditioning": 22,
        "ev_household": 12,
        "electric_heating": 9,
        "vacant": 9,
        "elderly": 6,
        "shop": 5,
        "office": 3,
        "school": 0.7,
        "street_light": 1,
        "ev_station": 0.6,
    },
    "old_quarter": {
        "early_riser": 22,
        "night_owl": 10,
        "air_conditioning": 15,
        "electric_heating": 10,
        "elderly": 25,
        "vacant": 6,
        "ev_household": 2,
        "shop": 7,
        "restaurant": 3,
        "street_light": 1,
        "school": 0.5,
    },
    "rural": {
        "early_riser": 24,
        "elderly": 22,
        "electric_heating": 18,
        "pv_household": 14,
        "vacant": 9,
        "air_conditioning": 8,
        "ev_household": 2,
        "agro_processing": 5,
        "shop": 2,
        "cold_storage": 1,
        "street_light": 1,
    },
    "commercial": {
        "shop": 36,
        "restaurant": 20,
        "office": 22,
        "night_owl": 6,
        "air_conditioning": 5,
        "ev_station": 3,
        "school": 3,
        "cold_storage": 2,
        "street_light": 3,
    },
    "industrial": {
        "factory_one_shift": 26,
        "factory_two_shift": 18,
        "factory_three_shift": 10,
        "cold_storage": 7,
        "office": 7,
        "shop": 6,
        "restaurant": 5,
        "agro_processing": 10,
        "ev_station": 3,
        "street_light": 4,
        "night_owl": 4,
    },
}
DISTRICT_SHARE = np.array([0.44, 0.22, 0.18, 0.10, 0.06])
MIX = np.array([[_MIX[kind].get(code, 0.0) for code in CODES] for kind in DISTRICT_KINDS])
"""Weight of each archetype in each kind of district; shape (5, archetypes)."""


def bump_shape(bumps: Bumps, base: float) -> np.ndarray:
    """A day's shape at 15 minutes with mean 1; shape (96,)."""
    hours = (np.arange(96) + 0.5) / 4.0
    shape = np.full(96, max(base, 1e-3))
    for centre, width, height in bumps:
        distance = np.abs(hours - centre)
        shape += height * np.exp(-((np.minimum(distance, 24.0 - distance) / width) ** 2))
    return shape / shape.mean()
