"""Customers and their consents: accounts with versions, invented names that nobody bears."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gridlens.contracts.codes import CUSTOMER_CATEGORIES
from gridlens.samples.dirt import Columns, Delivery, choose
from gridlens.samples.district import District
from gridlens.samples.doubles import KINDS, NOT_DOUBLE, doubles_of, party_codes, phone_numbers
from gridlens.samples.identifiers import COMPANY_ACCOUNT, COMPANY_PARTY, MASTER_DIRT, day_or_none, feeder, morning
from gridlens.samples.life import NEVER
from gridlens.samples.lines import codes, repeat, text
from gridlens.samples.world import World

_SURNAMES = list("样例拟虚仿假")
"""No Chinese surname is written so: nobody is meant."""
_GIVEN = list("云川禾舟岚星木泉石晴雨松竹梅兰青蓝白")
_SECOND = 1_000_000_000
"""Added to the number of a second party, so that it draws its own consents."""
_TRADES = {
    "52": "商贸",
    "51": "商行",
    "62": "餐饮",
    "59": "冷链",
    "65": "软件",
    "72": "商务",
    "70": "物业",
    "66": "金服",
    "83": "学校",
    "78": "路灯所",
    "13": "食品",
    "14": "粮油",
}


def _names(world: World, d: District) -> pa.Array:
    r, a = world.random, d.accounts
    surname = np.array(_SURNAMES)[r.integer("surname", len(_SURNAMES), a.party)]
    given = np.array(_GIVEN)
    person = surname + given[r.integer("given", len(_GIVEN), a.party)] + given[r.integer("given/2", len(_GIVEN), a.party)]
    trade = np.array([_TRADES.get(str(code), "制造") for code in a.division])
    business = (
        "虚构"
        + np.array(_GIVEN)[r.integer("given", len(_GIVEN), a.party)]
        + given[r.integer("given/2", len(_GIVEN), a.party)]
        + trade
        + "有限公司"
        + (a.party % 9973).astype(str)
    )
    return pa.array(np.where(a.household, person, business).tolist(), pa.string())


def _documents(world: World, d: District, double: np.ndarray) -> pa.Array:
    """Document numbers of the right length with region 000000, which doesn't exist; of 3.3 million parties no two have the same."""
    a = d.accounts
    relative = double == KINDS.index("relative")
    number = np.where(relative, a.index, a.party)
    # A relative is born in this century, which no holder of an account is; a relative company has numbers of its own.
    born = np.where(relative, 2000, world.random.integer("born", 54, a.party) + 1946)
    birthday = (101 + number // 10_000 % 12 * 100 + number // 120_000 % 28).astype(str)
    person = pc.binary_join_element_wise(
        "000000", text(born), pc.utf8_lpad(pa.array(birthday), 4, "0"), pc.utf8_lpad(text(number % 10_000), 4, "0"), ""
    )
    company = pc.if_else(pa.array(relative), codes("0000000001", number), codes("0000000000", number))
    nameless = np.isin(double, [KINDS.index("phone"), KINDS.index("relative_without_document")])
    return pc.if_else(pa.array(nameless), pa.scalar(None, pa.string()), pc.if_else(pa.array(a.household), person, company))


def _phones(number: np.ndarray, version: int) -> pa.Array:
    """Eleven digits that begin with 100: no subscriber has such a number."""
    return codes("100", (number + version * 40_000_000) % 100_000_000)


def customer_rows(world: World, d: District, delivery: Delivery) -> None:
    """Adds ``customer``: every account, a second version where the telephone number changed, a last one at its end."""
    r, a = world.random, d.accounts
    everyone = np.arange(len(a))
    changed = np.where(
        r.uniform("phone change", a.index) < 0.07,
        np.maximum(a.opened, 0) + 20 + r.integer("phone change/day", max(len(world.days) - 60, 1), a.index),
        NEVER,
    )
    changed = np.where((changed < len(world.days) - 1) & (changed < d.life.closed), changed, NEVER)
    gone = d.life.closed < len(world.days)
    versions = [
        (everyone, np.minimum(a.opened, 0), 0),
        (np.flatnonzero(changed < NEVER), changed, 1),
        (np.flatnonzero(gone), d.life.closed, 2),
    ]
    for rows, valid_from, version in versions:
        if len(rows):
            _customer_version(world, d, delivery, rows, valid_from[rows], version, changed)
    if a.district == 0:
        delivery.add("customer", _company_row(world))


_CUSTOMER = (
    "户号",
    "客户编号",
    "客户性质",
    "户名",
    "联系电话",
    "用电地址",
    "证件号码",
    "出生年份",
    "用电类别",
    "行业代码",
    "付费方式",
    "代扣",
    "立户日期",
    "销户日期",
    "供电区域",
    "供电单位",
    "生效日期",
    "接收时间",
)


def _customer_version(
    world: World, d: District, delivery: Delivery, rows: np.ndarray, valid_from: np.ndarray, version: int, changed: np.ndarray
) -> None:
    r, a = world.random, d.accounts
    double = doubles_of(world, a)
    household = a.household[rows]
    phone_version = np.where(version > 0, changed[rows] <= valid_from, False)
    number = phone_numbers(a, double)[rows]
    phones = pc.if_else(pa.array(phone_version), _phones(number, 1), _phones(number, 0))
    born = r.integer("born", 54, a.party[rows]) + 1946
    known = np.where(
        valid_from <= 0, morning(world, a.district, np.full(len(rows), -1), "customer"), morning(world, a.district, valid_from, "customer")
    )
    street = codes("", np.full(len(rows), a.district), 4)
    house = pa.array((a.index[rows] % 25 + 1).astype(str))
    values = [
        codes("99", a.index[rows]),
        party_codes(a, double).take(pa.array(rows)),
        pc.if_else(pa.array(household), "个人", "单位"),
        _names(world, d).take(pa.array(rows)),
        phones,
        pc.binary_join_element_wise("虚拟省样例市第", pa.array(np.full(len(rows), str(a.area + 1))), "区", street, "路", house, "号", ""),
        _documents(world, d, double).take(pa.array(rows)),
        pc.if_else(pa.array(household), pa.array(born.astype(str)), pa.scalar(None, pa.string())),
        repeat(list(CUSTOMER_CATEGORIES.values()), d.contract.category[rows]),
        pc.if_else(pa.array(household), pa.scalar(None, pa.string()), pa.array([f"{code:02d}" for code in a.division[rows]])),
        pc.if_else(pa.array(a.prepaid[rows]), "费控预付费", "后付费"),
        text(a.payer[rows] == 1),
        text(world.days[0] + a.opened[rows]),
        day_or_none(world, d.life.closed[rows]) if version == 2 else pa.nulls(len(rows), pa.string()),
        repeat(codes("AR", np.array([a.area]), 2), np.zeros(len(rows), dtype=int)),
        repeat(codes("OU", np.array([a.area * 4 + feeder(a.district) % 4]), 3), np.zeros(len(rows), dtype=int)),
        text(np.where(valid_from <= 0, world.days[0] + a.opened[rows], world.days[0] + valid_from)),
        text(known),
    ]
    columns = dict(zip(_CUSTOMER, values, strict=True))
    spoilt = choose(r, "customer", MASTER_DIRT, a.index[rows], np.full(len(rows), version))
    cells = {
        "missing_cells": ("户名", [""]),
        "unknown_code": ("用电类别", ["其他"]),
        "wrong_date": ("生效日期", ["2026-02-30"]),
        "missing_key": ("户号", [""]),
    }
    delivery.spoil("customer", columns, spoilt, key="户号", date="生效日期", received="接收时间", cells=cells, redeliver=True)


def _company_row(world: World) -> Columns:
    """The grid company's own account, which holds the transformers' meters."""
    first = text(world.days[:1])
    row: list[str | None] = [
        COMPANY_ACCOUNT,
        COMPANY_PARTY,
        "单位",
        "虚构供电公司",
        None,
        None,
        None,
        None,
        "公共照明与公共服务",
        "44",
        "后付费",
        "0",
        "2010-01-01",
        None,
        "AR00",
        "OU000",
        "2010-01-01",
    ]
    return {
        **{name: pa.array([value], pa.string()) for name, value in zip(_CUSTOMER, row, strict=False)},
        "接收时间": pc.binary_join_element_wise(first, "01:00:00", " "),
    }


def consent_rows(world: World, d: District, delivery: Delivery) -> None:
    """Adds ``consent``: most parties agree to something, some withdraw later; who is registered twice is asked twice."""
    r, a = world.random, d.accounts
    twice = a.index[doubles_of(world, a) != NOT_DOUBLE]
    single = np.unique(a.party)
    party = pa.concat_arrays([codes("PY", single), codes("PD", twice)])
    parties = np.concatenate([single, _SECOND + twice])
    first = morning(world, a.district, np.array([-1]), "consent")
    for number, (channel, purpose, share) in enumerate(
        (
            ("sms", "marketing", 0.62),
            ("call", "marketing", 0.34),
            ("app", "marketing", 0.55),
            ("app", "analytics", 0.8),
            ("sms", "collection", 0.97),
        )
    ):
        granted = r.uniform("consent", parties, number) < share
        leaves = np.flatnonzero(granted & (r.uniform("consent/withdrawn", parties, number) < 0.05))
        day = 10 + r.integer("consent/day", max(len(world.days) - 20, 1), parties[leaves], number)
        for rows, value, valid_from, known in (
            (np.arange(len(parties)), text(granted), np.full(len(parties), world.days[0]), np.repeat(first, len(parties))),
            (leaves, pa.repeat("0", len(leaves)), world.days[0] + day, morning(world, a.district, day, "consent")),
        ):
            values = [
                party.take(pa.array(rows)),
                pa.repeat(channel, len(rows)),
                pa.repeat(purpose, len(rows)),
                value,
                text(valid_from),
                text(known),
            ]
            delivery.add(
                "consent", dict(zip(("party_id", "channel", "purpose", "granted", "valid_from", "received_at"), values, strict=True))
            )
