"""Products and services on offer, and what makes an account want them. Prices and leanings are illustrative."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gridlens.samples.accounts import Accounts
from gridlens.samples.archetypes import INDEX


@dataclass(frozen=True)
class Product:
    """A product; ``affinity`` gives the logit of buying in one month for each account, -inf where it does not fit."""

    code: str
    name_zh: str
    name_en: str
    category: str
    price: float
    margin: float
    subscription: bool
    affinity: Callable[[Accounts], np.ndarray]


def _is(a: Accounts, *codes: str) -> np.ndarray:
    return np.isin(a.archetype, [INDEX[code] for code in codes])


def _only(condition: np.ndarray, logit: np.ndarray | float) -> np.ndarray:
    return np.where(condition, logit, -np.inf)


def _factory(a: Accounts) -> np.ndarray:
    return _is(a, "factory_one_shift", "factory_two_shift", "factory_three_shift")


PRODUCTS: tuple[Product, ...] = (
    Product(
        "PR01",
        "能效诊断服务",
        "Energy audit",
        "energy_saving",
        6800,
        2600,
        False,
        lambda a: _only(~a.household & (a.mean_kw > 5), -6.2 + 2.5 * a.thrift + 0.3 * np.log1p(a.mean_kw)),
    ),
    Product(
        "PR02",
        "LED节能改造",
        "LED retrofit",
        "energy_saving",
        12000,
        3500,
        False,
        lambda a: _only(_is(a, "office", "shop", "school", "street_light"), -5.8 + 2.0 * a.thrift),
    ),
    Product(
        "PR03",
        "绿电套餐",
        "Green power plan",
        "green_power",
        1200,
        240,
        True,
        lambda a: _only(~a.household, -6.0 + 1.8 * np.isin(a.division, [39, 36, 65]) + 0.8 * a.digital),
    ),
    Product(
        "PR04",
        "家用充电桩",
        "Home charger",
        "ev_charging",
        2900,
        600,
        False,
        lambda a: _only(a.household, -8.5 + 4.6 * _is(a, "ev_household") + 1.0 * a.digital),
    ),
    Product(
        "PR05",
        "车队充电方案",
        "Fleet charging",
        "ev_charging",
        68000,
        15000,
        False,
        lambda a: _only(~a.household, -7.6 + 1.6 * _is(a, "ev_station") + 1.4 * (a.fuel == 3)),
    ),
    Product(
        "PR06",
        "光伏安装",
        "Rooftop PV",
        "pv",
        26000,
        5200,
        False,
        lambda a: _only(a.household | _factory(a), -7.6 + 3.2 * _is(a, "pv_household") + 1.8 * a.thrift),
    ),
    Product(
        "PR07",
        "用户侧储能",
        "Battery storage",
        "storage",
        380000,
        60000,
        False,
        lambda a: _only(_factory(a) | _is(a, "cold_storage"), -7.0 + 2.4 * a.thrift + 0.25 * np.log1p(a.mean_kw)),
    ),
    Product(
        "PR08",
        "专变代维服务",
        "Transformer maintenance",
        "maintenance",
        9600,
        3900,
        True,
        lambda a: _only(a.dedicated, -4.6 + 1.2 * a.vulnerable),
    ),
    Product(
        "PR09",
        "用电安全保险",
        "Electrical safety insurance",
        "insurance",
        60,
        36,
        True,
        lambda a: _only(a.household, -5.4 + 1.4 * _is(a, "elderly") - 0.6 * a.tenant),
    ),
    Product("PR10", "智能家居套装", "Smart home set", "smart_home", 1599, 380, False, lambda a: _only(a.household, -7.2 + 3.0 * a.digital)),
    Product(
        "PR11",
        "空调清洗服务",
        "Air-conditioner service",
        "maintenance",
        188,
        70,
        False,
        lambda a: _only(a.household, -5.9 + 2.2 * _is(a, "air_conditioning") + 0.5 * a.digital),
    ),
    Product(
        "PR12",
        "全电厨房",
        "All-electric kitchen",
        "substitution",
        58000,
        12000,
        False,
        lambda a: _only(_is(a, "restaurant", "school"), -7.0 + 2.8 * (a.fuel > 0) + 1.2 * a.thrift),
    ),
    Product(
        "PR13",
        "电锅炉改造",
        "Electric boiler",
        "substitution",
        160000,
        30000,
        False,
        lambda a: _only(
            _factory(a) | _is(a, "agro_processing", "school"), -7.2 + 2.6 * (a.fuel > 0) + 0.9 * (a.fuel == 2) + 0.8 * a.thrift
        ),
    ),
    Product(
        "PR14",
        "煤改电取暖",
        "Electric heating",
        "substitution",
        4800,
        700,
        False,
        lambda a: _only(a.household & (a.kind == 2), -7.0 + 3.4 * (a.fuel == 2) + 0.8 * a.digital),
    ),
    Product(
        "PR15",
        "市场化零售套餐",
        "Retail energy plan",
        "retail_plan",
        0,
        0,
        True,
        lambda a: _only(~a.household & (a.mean_kw > 3), -3.0 + 1.6 * a.thrift),
    ),
    Product(
        "PR16",
        "居民峰谷套餐",
        "Household time-of-use plan",
        "retail_plan",
        0,
        0,
        True,
        lambda a: _only(a.household, -5.4 + 1.8 * a.thrift + 1.2 * _is(a, "ev_household", "night_owl")),
    ),
)
PRODUCT_INDEX: dict[str, int] = {product.code: i for i, product in enumerate(PRODUCTS)}
SUBSTITUTION = tuple(i for i, product in enumerate(PRODUCTS) if product.category == "substitution")
SAVING = tuple(i for i, product in enumerate(PRODUCTS) if product.category == "energy_saving")
