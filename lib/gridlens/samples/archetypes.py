"""Who lives in the province: households and businesses with the shape, weather response and rhythm of their load.

Every figure here is illustrative: chosen to be plausible for an eastern Chinese province and to be told
apart by load shape, not measured. Industry divisions are those of GB/T 4754-2017 (charging stations are
class 5267 of division 52; cold storage is division 59).
"""

from __future__ import annotations

import numpy as np

from gridlens.samples.shapes import Archetype, Bumps, kind_of_customer

_EVENING: Bumps = ((7.2, 1.0, 0.7), (12.2, 0.9, 0.6), (19.5, 1.8, 1.6))
_AT_HOME: Bumps = ((8.0, 1.3, 0.7), (12.3, 1.1, 1.0), (16.0, 2.5, 0.4), (19.5, 2.0, 1.6))
_AGRO = (0.25, 0.12, 0.12, 0.15, 0.25, 0.5, 0.6, 0.9, 2.0, 2.9, 2.6, 1.2)
_SCHOOL = (0.7, 0.55, 1.1, 1.1, 1.15, 1.2, 0.35, 0.25, 1.2, 1.1, 1.1, 1.15)


ARCHETYPES: tuple[Archetype, ...] = (
    kind_of_customer(
        "early_riser",
        "早起家庭",
        "residential",
        (),
        size=(0.26, 0.35),
        base=0.35,
        work=((5.6, 0.9, 1.9), (11.5, 0.9, 0.9), (18.0, 1.3, 1.1)),
        days=(1.05, 1.08, 1.1),
        weather=(0.012, 0.04),
    ),
    kind_of_customer(
        "night_owl",
        "夜猫子家庭",
        "residential",
        (),
        size=(0.3, 0.35),
        base=0.35,
        work=((12.5, 1.0, 0.4), (23.4, 2.0, 2.2), (1.5, 1.2, 1.1)),
        days=(1.1, 1.1, 0.8),
        weather=(0.01, 0.06),
    ),
    kind_of_customer(
        "electric_heating",
        "电采暖家庭",
        "residential",
        (),
        size=(0.3, 0.3),
        base=0.4,
        work=_EVENING,
        rest=_AT_HOME,
        days=(1.1, 1.1, 1.15),
        weather=(0.28, 0.05),
    ),
    kind_of_customer(
        "air_conditioning",
        "空调依赖家庭",
        "residential",
        (),
        size=(0.3, 0.3),
        base=0.4,
        work=_EVENING,
        rest=_AT_HOME,
        days=(1.1, 1.1, 1.05),
        weather=(0.03, 0.27),
    ),
    kind_of_customer(
        "ev_household",
        "电动汽车家庭",
        "residential",
        (),
        size=(0.33, 0.3),
        base=0.4,
        work=_EVENING,
        rest=_AT_HOME,
        days=(1.08, 1.05, 0.9),
        weather=(0.03, 0.07),
    ),
    kind_of_customer(
        "pv_household",
        "屋顶光伏家庭",
        "residential",
        (),
        size=(0.4, 0.3),
        base=0.45,
        work=_AT_HOME,
        days=(1.05, 1.1, 1.2),
        weather=(0.05, 0.08),
    ),
    kind_of_customer(
        "vacant",
        "空置住宅",
        "residential",
        (),
        size=(0.015, 0.5),
        base=1.0,
        work=((13.0, 6.0, 0.05),),
        days=(1.0, 1.2, 2.5),
        noise=(0.15, 0.3),
    ),
    kind_of_customer(
        "elderly",
        "老年家庭",
        "residential",
        (),
        size=(0.16, 0.3),
        base=0.3,
        work=((6.3, 1.1, 1.1), (10.8, 1.2, 1.3), (17.0, 1.2, 1.0)),
        days=(1.0, 1.15, 1.35),
        weather=(0.04, 0.015),
    ),
    kind_of_customer(
        "office",
        "写字楼办公",
        "commercial",
        ("65", "72", "70", "66"),
        size=(9.0, 0.7),
        base=0.25,
        work=((10.0, 2.2, 1.6), (15.0, 2.5, 1.7)),
        rest=((12.0, 4.0, 0.8),),
        days=(0.35, 0.22, 0.15),
        weather=(0.018, 0.05),
        noise=(0.08, 0.05),
    ),
    kind_of_customer(
        "shop",
        "零售商铺",
        "commercial",
        ("52", "51"),
        size=(4.0, 0.6),
        base=0.2,
        work=((14.5, 4.2, 1.3), (19.5, 1.8, 1.2)),
        days=(1.18, 1.15, 0.5),
        weather=(0.012, 0.05),
        noise=(0.1, 0.07),
    ),
    kind_of_customer(
        "restaurant",
        "餐饮",
        "commercial",
        ("62",),
        size=(6.5, 0.55),
        base=0.25,
        work=((11.8, 1.2, 1.9), (18.7, 1.6, 2.3)),
        days=(1.25, 1.15, 0.35),
        weather=(0.012, 0.04),
        noise=(0.12, 0.08),
    ),
    kind_of_customer(
        "cold_storage",
        "冷库",
        "commercial",
        ("59",),
        size=(38.0, 0.6),
        base=1.5,
        work=((2.5, 3.0, 1.1), (13.0, 4.0, 0.25)),
        days=(0.97, 0.95, 0.9),
        weather=(0.0, 0.035),
        noise=(0.06, 0.04),
    ),
    kind_of_customer(
        "factory_one_shift",
        "单班制工厂",
        "large_industrial",
        ("17", "33", "21", "24"),
        size=(45.0, 0.7),
        base=0.12,
        work=((9.8, 1.7, 2.0), (15.3, 1.9, 2.0)),
        days=(0.3, 0.15, 0.05),
        weather=(0.004, 0.01),
        noise=(0.07, 0.06),
    ),
    kind_of_customer(
        "factory_two_shift",
        "两班制工厂",
        "large_industrial",
        ("34", "36", "35", "29"),
        size=(95.0, 0.7),
        base=0.15,
        work=((9.5, 2.8, 1.8), (14.5, 2.5, 1.6), (20.0, 2.2, 1.8)),
        days=(0.65, 0.35, 0.06),
        weather=(0.003, 0.01),
        noise=(0.06, 0.05),
    ),
    kind_of_customer(
        "factory_three_shift",
        "三班连续生产",
        "large_industrial",
        ("26", "30", "31", "39"),
        size=(260.0, 0.8),
        base=3.0,
        work=((10.0, 4.0, 0.15),),
        days=(0.98, 0.92, 0.3),
        weather=(0.0, 0.006),
        noise=(0.03, 0.03),
    ),
    kind_of_customer(
        "agro_processing",
        "季节性农产品加工",
        "agricultural",
        ("13", "14"),
        size=(16.0, 0.6),
        base=0.2,
        work=((8.0, 2.5, 1.5), (15.0, 3.5, 1.6)),
        days=(0.9, 0.5, 0.1),
        noise=(0.12, 0.12),
        season=_AGRO,
    ),
    kind_of_customer(
        "street_light", "路灯", "public", ("78",), size=(3.0, 0.4), base=0.0, work=(), days=(1.0, 1.0, 1.1), noise=(0.02, 0.01)
    ),
    kind_of_customer(
        "ev_station",
        "充电站",
        "ev_station",
        ("52",),
        size=(32.0, 0.5),
        base=0.3,
        work=((12.5, 1.5, 1.6), (23.2, 1.8, 2.4), (17.0, 1.5, 0.7)),
        days=(1.1, 1.45, 1.2),
        weather=(0.006, 0.008),
        noise=(0.35, 0.15),
    ),
    kind_of_customer(
        "school",
        "学校",
        "commercial",
        ("83",),
        size=(11.0, 0.5),
        base=0.2,
        work=((9.5, 1.8, 1.5), (14.8, 1.8, 1.4), (19.5, 1.5, 0.7)),
        rest=((12.0, 4.0, 0.5),),
        days=(0.25, 0.15, 0.08),
        weather=(0.008, 0.02),
        noise=(0.1, 0.06),
        season=_SCHOOL,
    ),
)
CODES: tuple[str, ...] = tuple(a.code for a in ARCHETYPES)
INDEX: dict[str, int] = {code: i for i, code in enumerate(CODES)}
HOUSEHOLDS = np.array([a.household for a in ARCHETYPES])

DISTRICT_KINDS = ("urban", "old_quarter", "rural", "commercial", "industrial")
_MIX = """
early_riser             12   22   24    0    0
night_owl               20   10    0    6    4
electric_heating         9   10   18    0    0
air_conditioning        22   15    8    5    0
ev_household            12    2    2    0    0
pv_household             0    0   14    0    0
vacant                   9    6    9    0    0
elderly                  6   25   22    0    0
office                   3    0    0   22    7
shop                     5    7    2   36    6
restaurant               0    3    0   20    5
cold_storage             0    0    1    2    7
factory_one_shift        0    0    0    0   26
factory_two_shift        0    0    0    0   18
factory_three_shift      0    0    0    0   10
agro_processing          0    0    5    0   10
street_light             1    1    1    3    4
ev_station             0.6    0    0    3    3
school                 0.7  0.5    0    3    0
"""
"""Weights of the archetypes in each of DISTRICT_KINDS."""
DISTRICT_SHARE = np.array([0.44, 0.22, 0.18, 0.10, 0.06])
MIX = np.array([line.split()[1:] for line in _MIX.strip().splitlines()], dtype=float).T
"""Weight of each archetype in each kind of district; shape (5, archetypes)."""
