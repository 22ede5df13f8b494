"""The charts of the profile page as inline SVG: no library, no script; text stands beside them in HTML, so that it never shrinks.

Every chart is drawn in the units of its data and stretched to its box; colours are classes of the page's style sheet.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from markupsafe import Markup, escape

from gridlens.profile.dealings import Bill
from gridlens.profile.picture import TypicalDay
from gridlens.reports.profile_view import energy, money, number
from gridlens.reports.profile_words import BILL_STATES, PERIODS, pair

QUARTERS = 96
_HEIGHT = 100.0
_STEPS = (1, 2, 2.5, 5, 10)
SLOTS = 12
"""Least places of a bar chart, so that a new customer's first bill is no wall."""


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
    digits = next((n for n in range(6) if abs(round(step, n) - step) < step / 1000), 6)
    count = round(top / step)
    return tuple(Tick(100 * i / count, _short(i * step, digits)) for i in range(count + 1))


def _short(value: float, digits: int) -> str:
    """A tick's label; thousands as k, so that it stays narrow."""
    if value < 10_000:
        return f"{value:,.{digits}f}"
    return f"{value / 1e6:,.4g}M" if value >= 1e6 else f"{value / 1e3:,.4g}k"


def svg_of(width: float, height: float, label: str, body: Iterable[str], *, kind: str) -> Markup:
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
    return Chart(svg_of(QUARTERS, _HEIGHT, label, body, kind="plot"), _hours_axis(), _axis(top, step), "kW", legend)


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
    width, slots = 10, max(len(bills), SLOTS)
    body = [f'<path class="rule" d="M0 {_y(i * step, top):g}H{width * slots}"/>' for i in range(round(top / step) + 1)]
    for i, (bill, value) in enumerate(zip(bills, values, strict=True)):
        height = max(_HEIGHT - _y(max(value, 0.0), top), 0.0)
        box = f'x="{i * width + 1.5}" y="{_HEIGHT - height:g}" width="{width - 3}" height="{height:g}"'
        hint = f"<title>{escape(bill_said(bill, currency))}</title>"
        body.append(f'<rect class="bar {"energy" if plain else bill.state}" {box}>{hint}</rect>')
    every = max(1, len(bills) // 8)
    x = tuple(Tick(100 * (i + 0.5) / slots, f"{b.period_end:%y-%m}") for i, b in enumerate(bills) if i % every == 0)
    return Chart(svg_of(width * slots, _HEIGHT, label, body, kind="plot"), x, _axis(top, step))


def bill_said(bill: Bill, currency: str) -> str:
    """A bill in one line."""
    late = f"，逾期 {bill.days_late} 天" if bill.days_late else ""
    return f"{bill.period_end:%Y-%m} {money(bill.amount, currency)} · {energy(bill.kwh)} · {pair(BILL_STATES, bill.state)[0]}{late}"


def period_labels(periods: Sequence[str]) -> list[tuple[str, float, float, str]]:
    """(class, left, width, name) of each run of a tariff period, in percent of the day."""
    return [(name, begin, end - begin, pair(PERIODS, name)[0]) for name, begin, end in period_runs(periods)]
