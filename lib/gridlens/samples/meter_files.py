"""The metering systems' files: wide daily curves and daily register readings, dirt included."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gridlens.samples.dirt import BAD_TEXT, WRONG_DATES, Columns, Delivery, Spoilt, choose, put
from gridlens.samples.district import District, Flow
from gridlens.samples.life import NEVER
from gridlens.samples.lines import codes, fixed, repeat, text
from gridlens.samples.randomness import Random
from gridlens.samples.registers import STEP
from gridlens.samples.tariffs import Schedules
from gridlens.samples.world import World

CURVE_DIRT = {
    "duplicate_row": 0.0008,
    "second_file": 0.0006,
    "late_correction": 0.002,
    "missing_cells": 0.012,
    "text_cell": 0.0008,
    "negative": 0.0005,
    "spike": 0.001,
    "flatline": 0.001,
    "zero_run": 0.001,
    "over_capacity": 0.0003,
    "future_date": 0.0002,
    "unknown_code": 0.0002,
    "wrong_columns": 0.0002,
    "wrong_date": 0.0002,
    "missing_key": 0.0001,
    "missing_day": 0.003,
}
"""Share of curve rows with each kind of dirt."""
REGISTER_DIRT = {
    "duplicate_row": 0.0003,
    "second_file": 0.0002,
    "late_correction": 0.0003,
    "text_cell": 0.0002,
    "negative": 0.0001,
    "backwards": 0.0001,
    "unknown_code": 0.00005,
    "future_date": 0.00005,
    "wrong_columns": 0.00005,
    "wrong_date": 0.00005,
    "missing_key": 0.00005,
    "missing_day": 0.001,
}
"""Share of register rows with each kind of dirt."""
READ_KINDS = {"scheduled": "正常抄表", "exchange_out": "换表拆回", "exchange_in": "换表装入"}
CURVE_CELLS = ",".join(f"P{i}" for i in range(1, 97))
"""Header of the 96 cells, which are handled as one column."""
TRANSFORMER = 90_000_000
"""Added to a district's number to make its transformer's point number."""


@dataclass(frozen=True)
class Points:
    """Metering points of one channel: numbers, multipliers, first and last day of supply."""

    channel: str
    number: np.ndarray
    multiplier: np.ndarray
    capacity: np.ndarray
    opened: np.ndarray
    closed: np.ndarray
    exchanged: np.ndarray


def points_of(d: District, flow: Flow, channel: str) -> Points:
    """The points of a flow; the transformer's point where the flow has no accounts of its own."""
    if flow is d.transformer:
        one = np.ones(1)
        never = np.full(1, NEVER)
        return Points(
            channel, np.array([TRANSFORMER + d.accounts.district]), one * d.transformer_ct, one * d.transformer_ct * 5, -never, never, never
        )
    a, rows = d.accounts, flow.rows
    return Points(
        channel, a.index[rows], a.multiplier[rows], a.capacity[rows], a.opened[rows], d.life.closed[rows], d.faults.exchanged[rows]
    )


def arrival(world: World, district: int) -> np.ndarray:
    """When each day's data arrived at the head end: the next morning, local time; datetime64[s] of shape (days,)."""
    seconds = 3600 + world.random.integer("arrival", 4 * 3600, district, world.days.astype(int))
    return (world.days + 1).astype("datetime64[s]") + seconds.astype("timedelta64[s]")


def _plan(r: Random, table: str, rates: dict[str, float], points: Points, point: np.ndarray, day: np.ndarray) -> Spoilt:
    return choose(r, f"{table}/{points.channel}", rates, points.number[point], day)


def _spoil_power(r: Random, spoilt: Spoilt, power: np.ndarray, limit: np.ndarray) -> None:
    """Dirt that is numbers, in place: negative, spike, flatline, zero run, over capacity, missing cells; ``limit`` in kW by row."""
    for dirt in ("negative", "spike", "flatline", "zero_run", "over_capacity", "missing_cells"):
        rows = spoilt.of(dirt)
        begin = r.integer("dirt/begin/" + dirt, 70, rows)
        length = {"spike": 1, "negative": 2, "over_capacity": 3}.get(dirt) or 3 + r.integer(
            "dirt/length/" + dirt, 9 if dirt == "missing_cells" else 60, rows
        )
        slot = np.arange(96)
        inside = (slot >= begin[:, None]) & (slot < (begin + length)[:, None])
        mine = power[rows]
        replacement = {
            "negative": -np.abs(mine) - 0.05,
            "spike": mine * 12.0 + 0.3 * limit[rows][:, None],
            "flatline": np.broadcast_to(np.take_along_axis(mine, begin[:, None], axis=1) + 0.01, mine.shape),
            "zero_run": np.zeros_like(mine),
            "over_capacity": np.broadcast_to(2.5 * limit[rows][:, None], mine.shape),
            "missing_cells": np.full_like(mine, np.nan),
        }[dirt]
        power[rows] = np.where(inside, replacement, mine)


def curve_rows(world: World, d: District, delivery: Delivery) -> None:
    """Adds the curves of the last ``curve_days`` days to ``curves``: average kW before the multiplier, P1 ends at 00:15."""
    flows = [(d.used, "1.8.0"), (d.fed, "2.8.0")] + ([(d.transformer, "1.8.0")] if d.transformer else [])
    arrived = text(arrival(world, d.accounts.district))
    for flow, channel in flows:
        points = points_of(d, flow, channel)
        days = np.arange(world.first_curve_day, len(world.days))
        supplied = (days >= points.opened[:, None]) & (days <= points.closed[:, None])
        point, offset = np.nonzero(supplied)
        day = days[offset]
        power = flow.power[point, day].astype(np.float64) / points.multiplier[point][:, None]
        spoilt = _plan(world.random, "curves", CURVE_DIRT, points, point, day)
        limit = points.capacity[point] / points.multiplier[point]
        correct = power[spoilt.of("late_correction")]
        _spoil_power(world.random, spoilt, power, limit)
        power[spoilt.of("late_correction"), 40:60] *= 0.5
        columns = _curve_columns(world, points, point, day, repeat(arrived, day))
        _deliver_curves(world, delivery, columns, spoilt, power, correct)


def _curve_columns(world: World, points: Points, point: np.ndarray, day: np.ndarray, arrived: pa.Array) -> Columns:
    return {
        "计量点编号": repeat(codes("PT", points.number), point),
        "数据日期": repeat(world.days, day),
        "通道": pa.repeat(points.channel, len(point)),
        "接收时间": arrived,
    }


def _cells(power: np.ndarray, spoiled: np.ndarray, texts: list[str | None]) -> pa.Array:
    """All 96 cells of each row in one text, ``texts`` at the flat positions ``spoiled``: five times faster than column by column."""
    rows, width = power.shape
    flat = pc.fill_null(put(fixed(power, 4), spoiled, texts), "")
    return pc.binary_join(pa.ListArray.from_arrays(pa.array(np.arange(rows + 1, dtype=np.int32) * width), flat), ",")


def _deliver_curves(world: World, delivery: Delivery, columns: Columns, spoilt: Spoilt, power: np.ndarray, correct: np.ndarray) -> None:
    rows = spoilt.of("text_cell")
    spoiled = rows * 96 + world.random.integer("dirt/cell", 96, rows)
    columns[CURVE_CELLS] = _cells(power, spoiled, [BAD_TEXT[i % 4] for i in rows])
    cells = {
        "future_date": ("数据日期", ["2031-01-01"]),
        "unknown_code": ("通道", ["9.9.9"]),
        "wrong_date": ("数据日期", list(WRONG_DATES)),
        "missing_key": ("计量点编号", [""]),
    }
    delivery.spoil("curves", columns, spoilt, key="计量点编号", channel="通道", received="接收时间", date="数据日期", cells=cells)
    late = spoilt.of("late_correction")
    if len(late):
        right = put(columns[CURVE_CELLS], late, _cells(correct, late[:0], []).to_pylist())
        delivery.correct("curves", {**columns, CURVE_CELLS: right}, late, _identity(columns, "数据日期"), received="接收时间", days=3)


def _identity(columns: Columns, date: str) -> Columns:
    return {"key": columns["计量点编号"], "channel": columns["通道"], "date": columns[date], "received_at": columns["接收时间"]}


def register_rows(world: World, schedules: Schedules, d: District, delivery: Delivery) -> None:
    """Adds the readings at the end of every day to ``registers``, beginning with the evening before the first day."""
    flows = [(d.used, "1.8.0"), (d.fed, "2.8.0"), (d.reactive, "3.8.0")] + ([(d.transformer, "1.8.0")] if d.transformer else [])
    for flow, channel in flows:
        points = points_of(d, flow, channel)
        for kind in READ_KINDS:
            _readings(world, schedules, d, flow, points, kind, delivery)


def _chosen(world: World, points: Points, kind: str) -> tuple[np.ndarray, np.ndarray]:
    """(point, position) of the readings of a kind; position 0 is the evening before the first day."""
    position = np.arange(len(world.days) + 1)
    read = (position - 1 >= points.opened[:, None] - 1) & (position - 1 <= points.closed[:, None])
    swap = (position - 1 == points.exchanged[:, None]) & read
    point, chosen = np.nonzero(read & ~swap if kind == "scheduled" else swap)
    return point, chosen


def _readings(world: World, schedules: Schedules, d: District, flow: Flow, points: Points, kind: str, delivery: Delivery) -> None:
    point, position = _chosen(world, points, kind)
    if not len(point):
        return
    rates = flow.registers.rates[point, position]
    swapped = (points.exchanged < len(world.days))[point] & ((position - 1 > points.exchanged[point]) | (kind == "exchange_in"))
    at_swap = flow.registers.rates[point, np.minimum(points.exchanged[point] + 1, len(world.days))]
    rates = np.where(swapped[:, None], rates - at_swap, rates)
    total = rates.sum(axis=1)
    day = position - 1
    dates = np.append(world.days[:1] - 1, world.days)
    spoilt = _plan(world.random, "registers", REGISTER_DIRT if kind == "scheduled" else {}, points, point, position)
    correct = total[spoilt.of("late_correction")]
    total[spoilt.of("negative")] *= -1
    total[spoilt.of("backwards")] -= 40 * STEP
    total[spoilt.of("late_correction")] -= STEP
    shown = np.zeros(len(point), dtype=bool)
    if flow is d.used:
        shown = schedules.time_of_use[d.contract.tariff(np.arange(-1, len(world.days)))[point, position]]
    arrived = arrival(world, d.accounts.district)
    arrived = np.append(arrived[:1] - np.timedelta64(1, "D"), arrived)
    demand = np.where(shown & (day >= 0), flow.registers.demand[point, np.maximum(day, 0)], np.nan)
    columns: Columns = {
        "计量点编号": repeat(codes("PT", points.number), point),
        "表计编号": _meter_codes(points, point, swapped),
        "通道": pa.repeat(points.channel, len(point)),
        "抄表日期": repeat(dates, position),
        "抄表类型": pa.repeat(READ_KINDS[kind], len(point)),
        "示数总": fixed(total, 3, scaled=True),
    }
    for code, name in enumerate(("示数尖", "示数峰", "示数平", "示数谷", "示数深谷")):
        columns[name] = _where(shown, fixed(rates[:, code], 3, scaled=True))
    columns["最大需量"] = fixed(demand, 4)
    columns["接收时间"] = repeat(arrived, position)
    _deliver_registers(delivery, columns, spoilt, correct)


def _where(shown: np.ndarray, column: pa.Array) -> pa.Array:
    return pc.if_else(pa.array(shown), column, pa.scalar(None, pa.string()))


def _meter_codes(points: Points, point: np.ndarray, swapped: np.ndarray) -> pa.Array:
    old, new = codes("MT", points.number), codes("MX", points.number)
    return pc.if_else(pa.array(swapped), repeat(new, point), repeat(old, point))


def _deliver_registers(delivery: Delivery, columns: Columns, spoilt: Spoilt, correct: np.ndarray) -> None:
    cells = {
        "text_cell": ("示数总", list(BAD_TEXT)),
        "future_date": ("抄表日期", ["2031-01-01"]),
        "unknown_code": ("抄表类型", ["待定"]),
        "wrong_date": ("抄表日期", list(WRONG_DATES)),
        "missing_key": ("计量点编号", [""]),
    }
    delivery.spoil("registers", columns, spoilt, key="计量点编号", channel="通道", received="接收时间", date="抄表日期", cells=cells)
    late = spoilt.of("late_correction")
    if len(late):
        right = {**columns, "示数总": put(columns["示数总"], late, fixed(correct, 3, scaled=True).to_pylist())}
        delivery.correct("registers", right, late, _identity(columns, "抄表日期"), received="接收时间", days=3)
