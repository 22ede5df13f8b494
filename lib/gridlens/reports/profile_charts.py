"""The charts of the profile page as inline SVG: no library, no script; text stands beside them in HTML, so that it never shrinks.

Every chart is drawn in the units of its data and stretched to its box; colours are classes of the page's style sheet.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from markupsafe import Markup, escape

from gridlens.profile.dealings import Bill
from gridlens.profile.picture import TypicalDay, Year
from gridlens.reports.profile_view import energy, money, number
from gridlens.reports.profile_words import BILL_STATES, DAY_TYPES, PERIODS, pair

LEVELS = 8
"""Steps of the sequential scale, lightest first."""
QUARTERS = 96
_HEIGHT = 100.0
_CELL, _GAP = 10, 2
_STEPS = (1, 2, 2.5, 5, 10)


@dataclass(frozen=True)
class Tick:
    """A label at a share (0 to 100, percent) of an axis."""

    at: float
    text: str


@dataclass(frozen=True)
class Chart:
    """An SVG with the labels of its axes; ``legend`` are (class, Chinese, English)."""

    svg: Markup
    x: tuple[Tick, ...]
    y: tuple[Tick, ...] = ()
    unit: str = ""
    legend: tuple[tuple[str, str, str], ...] = ()


def nice_top(highest: float, ticks: int = 4) -> tuple[float, float]:
    """A round upper end of an axis not below ``highest``, and the distance of its ticks."""
    if highest <= 0:
        return 1.0, 1.0
    raw = highest / ticks
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(s * power for s in _STEPS if s * power >= raw * (1 - 1e-9))
    return math.ceil(highest / step * (1 - 1e-9)) * step, step


def _axis(top: float, step: float) -> tuple[Tick, ...]:
    digits = 0 if step >= 1 else 1 if step >= 0.1 else 2 if step >= 0.01 else 3
    count = round(top / step)
    return tuple(Tick(100 * i / count, f"{i * step:,.{digits}f}") for i in range(count + 1))


def _svg(width: float, height: float, label: str, body: Iterable[str], *, kind: str) -> Markup:
    """The frame; ``label`` is what a screen reader says."""
    box = f'viewBox="0 0 {width:g} {height:g}" preserveAspectRatio="none"'
    return Markup(f'<svg class="{kind}" {box} role="img" aria-label="{escape(label)}">{"".join(body)}</svg>')


def typical_day_chart(day: TypicalDay) -> Chart:
    """Mean power over the day: working days, rest days and feed-in, with the tariff's periods behind them."""
    lines = [("working", "工作日", "working days", day.working), ("resting", "周末与节假日", "weekends and holidays", day.resting)]
    if day.export:
        lines.append(("export", "上网", "feed-in", day.export))
    lines = [line for line in lines if any(v is not None for v in line[3])]
    top, step = nice_top(max(v for line in lines for v in line[3] if v is not None))
    body = [*_period_bands(day.periods), *_rules(top, step)]
    for name, _, _, values in lines:
        path = _path(values, top)
        if name == "working":
            body.append(f'<path class="area" d="{_area(values, top)}"/>')
        body.append(f'<path class="line {name}" d="{path}"/>')
    for hour in range(24):
        said = [f"{zh} {number(_mean(values[hour * 4 : hour * 4 + 4]), 2)} kW" for _, zh, _, values in lines]
        hint = f"{hour:02d}:00–{hour + 1:02d}:00 " + " · ".join(said)
        body.append(f'<rect class="hover" x="{hour * 4}" y="0" width="4" height="100"><title>{escape(hint)}</title></rect>')
    label = f"典型日负荷曲线，千瓦；最高 {number(top, 1)}。Typical day, mean kW by quarter hour"
    legend = tuple((name, zh, en) for name, zh, en, _ in lines)
    return Chart(_svg(QUARTERS, _HEIGHT, label, body, kind="plot"), _hours_axis(), _axis(top, step), "kW", legend)


def _hours_axis() -> tuple[Tick, ...]:
    return tuple(Tick(100 * hour / 24, f"{hour:02d}:00") for hour in range(0, 25, 4))


def period_runs(periods: Sequence[str]) -> list[tuple[str, float, float]]:
    """(period, begin, end) of each run of quarter hours, in percent of the day."""
    runs, at = [], 0
    for name, same in groupby(periods):
        length = len(list(same))
        runs.append((name, 100 * at / QUARTERS, 100 * (at + length) / QUARTERS))
        at += length
    return runs


def _period_bands(periods: Sequence[str]) -> list[str]:
    bands = []
    for name, begin, end in period_runs(periods):
        x, width = begin * QUARTERS / 100, (end - begin) * QUARTERS / 100
        bands.append(f'<rect class="period {escape(name)}" x="{x:g}" y="0" width="{width:g}" height="100"/>')
    return bands


def _rules(top: float, step: float) -> list[str]:
    count = round(top / step)
    return [f'<path class="rule" d="M0 {_HEIGHT - _HEIGHT * i / count:g}H{QUARTERS}"/>' for i in range(count + 1)]


def _y(value: float, top: float) -> float:
    return round(_HEIGHT - _HEIGHT * value / top, 2)


def _path(values: Sequence[float | None], top: float) -> str:
    """A line through the middle of each quarter hour, broken where a value is unknown."""
    parts, pen = [], "M"
    for i, value in enumerate(values):
        if value is None:
            pen = "M"
            continue
        parts.append(f"{pen}{i + 0.5:g} {_y(value, top):g}")
        pen = "L"
    return "".join(parts)


def _area(values: Sequence[float | None], top: float) -> str:
    """The area below the line; where a value is unknown there is none."""
    parts = []
    for known, run in groupby(enumerate(values), key=lambda pair: pair[1] is not None):
        if known:
            points = [(i + 0.5, _y(v, top)) for i, v in run if v is not None]
            line = "L".join(f"{x:g} {y:g}" for x, y in points)
            parts.append(f"M{points[0][0]:g} 100L{line}L{points[-1][0]:g} 100Z")
    return "".join(parts)


def _mean(values: Sequence[float | None]) -> float | None:
    known = [v for v in values if v is not None]
    return sum(known) / len(known) if known else None


def levels_of(values: np.ndarray) -> np.ndarray:
    """Step of the scale, 0 to LEVELS - 1, of each value, by equal steps up to the 98th percentile; -1 where unknown."""
    known = values[~np.isnan(values)]
    top = float(np.quantile(known, 0.98)) if known.size else 0.0
    steps = np.floor(np.nan_to_num(values) / top * LEVELS) if top > 0 else np.zeros(values.shape)
    return np.where(np.isnan(values), -1, np.clip(steps, 0, LEVELS - 1)).astype(int)


def calendar_chart(year: Year) -> Chart:
    """A year of daily energy: a column a week, a row a weekday."""
    values = np.array([np.nan if v is None else v for v in year.kwh], dtype=float)
    levels = levels_of(values)
    offset, cells = year.first.weekday(), []
    for i, level in enumerate(levels):
        day = year.first + dt.timedelta(days=i)
        week, row = divmod(i + offset, 7)
        kind = year.day_types[i]
        said = energy(year.kwh[i]) if year.kwh[i] is not None else "无读数 no reading"
        title = f"{day} {pair(DAY_TYPES, kind)[0] if kind else ''} {said}"
        css = f"h{level}" if level >= 0 else "none"
        size = f'x="{week * (_CELL + _GAP)}" y="{row * (_CELL + _GAP)}" width="{_CELL}" height="{_CELL}" rx="2"'
        cells.append(f'<rect class="{css}{" off" if kind == "holiday" else ""}" {size}><title>{escape(title)}</title></rect>')
    weeks = (len(levels) + offset + 6) // 7
    label = "全年日用电量热力图，每列一周。Daily energy of a year, one column a week"
    ticks = tuple(Tick(100 * ((i + offset) // 7) / weeks, text) for i, text in _months(year.first, len(levels)))
    return Chart(_svg(weeks * (_CELL + _GAP) - _GAP, 7 * (_CELL + _GAP) - _GAP, label, cells, kind="calendar"), ticks)


def _months(first: dt.date, days: int) -> list[tuple[int, str]]:
    """Index of the first day of each month with its name; the year where it changes."""
    found = []
    for i in range(days):
        day = first + dt.timedelta(days=i)
        if day.day == 1:
            found.append((i, f"{day.year} 年 1 月" if day.month == 1 else f"{day.month} 月"))
    return found


def hours_chart(year: Year) -> Chart | None:
    """Mean power by clock hour and day over the days that have curves; None where none has."""
    known = [i for i, row in enumerate(year.hours) if row]
    if not known:
        return None
    begin = known[0]
    rows = [row or (None,) * 24 for row in year.hours[begin:]]
    grid = np.array([[np.nan if v is None else v for v in row] for row in rows], dtype=float).T
    levels = levels_of(grid)
    body = [f'<path class="h{level}" d="{_runs(levels == level)}"/>' for level in range(LEVELS) if (levels == level).any()]
    first = year.first + dt.timedelta(days=begin)
    label = f"自 {first} 起逐日逐时平均功率热力图。Mean power by day and clock hour"
    ticks = tuple(Tick(100 * i / len(rows), text) for i, text in _months(first, len(rows)))
    hours = tuple(Tick(100 - 100 * hour / 24, f"{hour:02d}") for hour in (0, 6, 12, 18))
    return Chart(_svg(len(rows), 24, label, body, kind="hours"), ticks, hours)


def _runs(mask: np.ndarray) -> str:
    """Rectangles of height one over the runs of true cells of each row, as one path."""
    parts = []
    for y, row in enumerate(mask):
        edges = np.flatnonzero(np.diff(np.concatenate([[0], row.astype(np.int8), [0]])))
        parts += [f"M{begin} {y}h{end - begin}v1h-{end - begin}z" for begin, end in zip(edges[::2], edges[1::2], strict=True)]
    return "".join(parts)


def bills_chart(bills: Sequence[Bill], currency: str) -> Chart:
    """A bar a bill: its amount, coloured by what became of it; credits stand at zero."""
    top, step = nice_top(max((float(b.amount) for b in bills), default=0.0), 3)
    return _bars(bills, [float(b.amount) for b in bills], top, step, currency, "账单金额。Amount of each bill")


def energy_chart(bills: Sequence[Bill], currency: str) -> Chart:
    """A bar a bill: the energy billed."""
    top, step = nice_top(max((float(b.kwh) for b in bills), default=0.0), 3)
    return _bars(bills, [float(b.kwh) for b in bills], top, step, currency, "账单电量。Energy of each bill", plain=True)


def _bars(
    bills: Sequence[Bill], values: Sequence[float], top: float, step: float, currency: str, label: str, *, plain: bool = False
) -> Chart:
    width, body = 10, []
    for i in range(round(top / step) + 1):
        body.append(f'<path class="rule" d="M0 {_y(i * step, top):g}H{width * len(bills)}"/>')
    for i, (bill, value) in enumerate(zip(bills, values, strict=True)):
        height = max(_HEIGHT - _y(max(value, 0.0), top), 0.0)
        box = f'x="{i * width + 1.5}" y="{_HEIGHT - height:g}" width="{width - 3}" height="{height:g}"'
        hint = f"<title>{escape(bill_said(bill, currency))}</title>"
        body.append(f'<rect class="bar {"energy" if plain else bill.state}" {box}>{hint}</rect>')
    every = max(1, len(bills) // 8)
    x = tuple(Tick(100 * (i + 0.5) / len(bills), f"{b.period_end:%y-%m}") for i, b in enumerate(bills) if i % every == 0)
    return Chart(_svg(width * max(len(bills), 1), _HEIGHT, label, body, kind="plot"), x, _axis(top, step))


def bill_said(bill: Bill, currency: str) -> str:
    """A bill in one line."""
    late = f"，逾期 {bill.days_late} 天" if bill.days_late else ""
    return f"{bill.period_end:%Y-%m} {money(bill.amount, currency)} · {energy(bill.kwh)} · {pair(BILL_STATES, bill.state)[0]}{late}"


def period_labels(periods: Sequence[str]) -> list[tuple[str, float, float, str]]:
    """(class, left, width, name) of each run of a tariff period, in percent of the day."""
    return [(name, begin, end - begin, pair(PERIODS, name)[0]) for name, begin, end in period_runs(periods)]
