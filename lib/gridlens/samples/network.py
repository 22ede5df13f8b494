"""Supply points with their versions, the transformer's own point, and the outages as recorded."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gridlens.samples.dirt import Columns, Delivery, choose
from gridlens.samples.district import District
from gridlens.samples.identifiers import COMPANY_ACCOUNT, MASTER_DIRT, feeder, morning, transformer_codes
from gridlens.samples.lines import codes, fixed, repeat, text
from gridlens.samples.meter_files import TRANSFORMER
from gridlens.samples.outages import CAUSES
from gridlens.samples.tariffs import VOLTAGES, Schedules
from gridlens.samples.world import World

_POINT = (
    "计量点编号",
    "户号",
    "表计编号",
    "台区编号",
    "馈线编号",
    "供电区域",
    "电压等级",
    "合同容量",
    "CT变比",
    "PT变比",
    "电价方案",
    "相数",
    "分布式电源",
    "生效日期",
    "接收时间",
)


def supply_point_rows(world: World, schedules: Schedules, d: District, delivery: Delivery) -> None:
    """Adds ``supply_point``: every point, a version for each meter exchange, tariff change and own generation; the transformer's."""
    a, days = d.accounts, len(world.days)
    everyone = np.arange(len(a))
    start = np.minimum(a.opened, 0)
    events = [
        (everyone, start),
        *(
            (np.flatnonzero((day < days) & (day > np.maximum(start, 0))), day)
            for day in (d.faults.exchanged + 1, d.contract.changed, d.life.pv_from)
        ),
    ]
    for version, (rows, valid_from) in enumerate(events):
        if len(rows):
            _point_version(world, schedules, d, delivery, rows, valid_from[rows], version)
    if d.transformer is not None:
        delivery.add("supply_point", _transformer_row(world, d))


def _point_version(
    world: World, schedules: Schedules, d: District, delivery: Delivery, rows: np.ndarray, valid_from: np.ndarray, version: int
) -> None:
    a = d.accounts
    exchanged = d.faults.exchanged[rows] + 1 <= valid_from
    tariff = np.where(valid_from >= d.contract.changed[rows], d.contract.second[rows], d.contract.first[rows])
    zero = np.zeros(len(rows), dtype=int)
    registered = d.life.pv_from[rows] <= np.maximum(valid_from, 0)
    first = valid_from <= 0
    values = [
        codes("PT", a.index[rows]),
        codes("99", a.index[rows]),
        pc.if_else(pa.array(exchanged), codes("MX", a.index[rows]), codes("MT", a.index[rows])),
        transformer_codes(d).take(pa.array(rows)),
        repeat(codes("FD", np.array([feeder(a.district)]), 5), zero),
        repeat(codes("AR", np.array([a.area]), 2), zero),
        repeat(list(VOLTAGES), d.contract.voltage[rows]),
        fixed(a.capacity[rows], 1),
        fixed(a.ct[rows], 0),
        fixed(a.pt[rows], 0),
        repeat(list(schedules.names), tariff),
        pc.if_else(pa.array(a.three_phase[rows]), "3", "1"),
        text(registered),
        text(np.where(first, world.days[0] + a.opened[rows], world.days[0] + valid_from)),
        text(morning(world, a.district, np.where(first, -1, valid_from), "point")),
    ]
    columns = dict(zip(_POINT, values, strict=True))
    spoilt = choose(world.random, "supply_point", MASTER_DIRT, a.index[rows], np.full(len(rows), version))
    cells = {
        "missing_cells": ("相数", [""]),
        "unknown_code": ("电压等级", ["7kV"]),
        "wrong_date": ("生效日期", ["2026-02-30"]),
        "missing_key": ("计量点编号", [""]),
    }
    delivery.spoil("supply_point", columns, spoilt, key="计量点编号", date="生效日期", received="接收时间", cells=cells, redeliver=True)


def _transformer_row(world: World, d: District) -> Columns:
    a = d.accounts
    number = np.array([a.district])
    one = pa.array
    values = [
        codes("PT", TRANSFORMER + number),
        one([COMPANY_ACCOUNT]),
        codes("MT", TRANSFORMER + number),
        codes("TR", number),
        codes("FD", np.array([feeder(a.district)]), 5),
        codes("AR", np.array([a.area]), 2),
        one(["0.38kV"]),
        fixed(np.array([d.transformer_ct * 5]), 1),
        fixed(np.array([d.transformer_ct]), 0),
        one(["1"]),
        pa.nulls(1, pa.string()),
        one(["3"]),
        one(["0"]),
        one(["2010-01-01"]),
        text(morning(world, a.district, np.array([-1]), "point")),
    ]
    return dict(zip(_POINT, values, strict=True))


def outage_rows(world: World, d: District, delivery: Delivery) -> None:
    """Adds ``outage_event``: the district's outages for its own transformer and those of its large customers."""
    a, o = d.accounts, d.outages
    transformers = pc.unique(transformer_codes(d))
    count = len(o.day)
    which, outage = np.divmod(np.arange(len(transformers) * count), max(count, 1))
    start = (world.days[o.day].astype("datetime64[s]") + (o.start * 900).astype("timedelta64[s]"))[outage]
    end = start + (o.slots[outage] * 900).astype("timedelta64[s]")
    number = pc.binary_join_element_wise(codes("OT", np.full(len(outage), a.district), 5), text(outage), text(which), "-")
    values = [
        number,
        transformers.take(pa.array(which)),
        pc.if_else(pa.array(o.planned[outage]), "planned", "unplanned"),
        text(start),
        text(end),
        repeat(list(CAUSES), o.cause[outage]),
        text(end + np.timedelta64(1800, "s")),
    ]
    delivery.add(
        "outage_event",
        dict(zip(("outage_id", "transformer_id", "kind", "started_at", "ended_at", "cause", "received_at"), values, strict=True)),
    )
