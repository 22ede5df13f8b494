"""The charts of the model card as inline SVG, drawn in the units of the data and stretched to their boxes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from markupsafe import escape

from gridlens.models.figures import CalibrationBin
from gridlens.models.metric_kernels import wilson
from gridlens.reports.profile_charts import Chart, Tick, nice_top, svg_of

_SIZE = 100.0
_STYLE = (
    "svg{background:#fff;overflow:visible}text{font:4px sans-serif;fill:#55626f}path{vector-effect:non-scaling-stroke;fill:none}"
    ".rule{stroke:#e3e8ed}.line{stroke-width:2.25}.working,.whisker{stroke:#0a6c8f}.resting{stroke:#8a97a4;stroke-dasharray:6 4}"
    ".spot{stroke:#0a6c8f;stroke-width:9;stroke-linecap:round}path.area{fill:#0a6c8f;opacity:.09}.hover{fill:none}"
)
"""Of a picture that stands alone; the page has a style sheet."""


def calibration_chart(bins: Sequence[CalibrationBin]) -> Chart:
    """Observed against predicted rate of ten bins, with Wilson's 95 % interval; on the line they agree."""
    ends = [wilson(b.observed_rate, b.rows) for b in bins]
    top, step = nice_top(max([b.mean_score for b in bins] + [high for _, high in ends], default=1.0), 5)
    top = min(top, 1.0)
    body = [*_grid(top, step), f'<path class="line resting" d="M0 {_SIZE:g}L{_SIZE:g} 0"/>']
    points = [(_x(b.mean_score, top), _y(b.observed_rate, top)) for b in bins]
    for (x, _), (low, high) in zip(points, ends, strict=True):
        body.append(f'<path class="whisker" d="M{x:g} {_y(low, top):g}V{_y(high, top):g}"/>')
    body.append(f'<path class="line working" d="M{"L".join(f"{x:g} {y:g}" for x, y in points)}"/>' if points else "")
    for (x, y), b, (low, high) in zip(points, bins, ends, strict=True):
        hint = f"预测 {b.mean_score:.2%} · 实际 {b.observed_rate:.2%}（{low:.2%} – {high:.2%}） · {b.rows:,.0f} 行"
        body.append(f'<path class="spot" d="M{x:g} {y:g}h0"><title>{escape(hint)}</title></path>')
    label = "校准图：十个等量分箱的预测概率与实际比例。Calibration: predicted and observed rate of ten bins of equal size"
    legend = (("working", "实际比例", "observed, 95 % interval"), ("resting", "完全校准", "calibrated"))
    return Chart(svg_of(_SIZE, _SIZE, label, body, kind="plot"), _axis(top, step), _axis(top, step), "", legend)


def gains_chart(gains: Sequence[tuple[float, float]]) -> Chart:
    """Share of the positives found against the share of rows worked on, highest scores first; the diagonal is chance."""
    points = "L".join(f"{_x(x, 1):g} {_y(y, 1):g}" for x, y in gains)
    body = [*_grid(1.0, 0.2), f'<path class="line resting" d="M0 {_SIZE:g}L{_SIZE:g} 0"/>']
    if points:
        body += [f'<path class="area" d="M0 {_SIZE:g}L{points}L{_SIZE:g} {_SIZE:g}Z"/>', f'<path class="line working" d="M{points}"/>']
    for (x, _), (after, y) in pairwise(gains):
        hint = f"<title>{escape(f'前 {after:.0%} 的客户含 {y:.0%} 的正样本')}</title>"
        body.append(f'<rect class="hover" x="{_x(x, 1):g}" y="0" width="{_x(after - x, 1):g}" height="{_SIZE:g}">{hint}</rect>')
    label = "增益曲线：按分数从高到低处理客户，找到的正样本占比。Gains: share of positives among the highest scores"
    legend = (("working", "本版本", "this version"), ("resting", "随机", "chance"))
    return Chart(svg_of(_SIZE, _SIZE, label, body, kind="plot"), _axis(1.0, 0.2), _axis(1.0, 0.2), "", legend)


def picture(chart: Chart, x: str, y: str) -> str:
    """A chart as an SVG file of its own, with its axes named ``x`` and ``y``."""
    marks = [f'<text x="{tick.at:g}" y="106" text-anchor="middle">{escape(tick.text)}</text>' for tick in chart.x]
    marks += [f'<text x="-2" y="{_SIZE - tick.at + 1:g}" text-anchor="end">{escape(tick.text)}</text>' for tick in chart.y]
    marks.append(f'<text x="50" y="114" text-anchor="middle">{escape(x)}</text>')
    marks.append(f'<text transform="rotate(-90)" x="-50" y="-16" text-anchor="middle">{escape(y)}</text>')
    inner = str(chart.svg).replace("<svg ", '<svg x="0" y="0" width="100" height="100" ', 1)
    frame = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="-22 -6 128 124" width="640" height="620">'
    return f"{frame}<style>{_STYLE}</style>{inner}{''.join(marks)}</svg>\n"


def _x(value: float, top: float) -> float:
    return round(_SIZE * value / top, 3)


def _y(value: float, top: float) -> float:
    return round(_SIZE - _SIZE * value / top, 3)


def _ticks(top: float, step: float) -> list[float]:
    return [i * step for i in range(math.floor(top / step * (1 + 1e-9)) + 1)]


def _grid(top: float, step: float) -> list[str]:
    return [f'<path class="rule" d="M0 {_y(value, top):g}H{_SIZE:g}"/>' for value in _ticks(top, step)]


def _axis(top: float, step: float) -> tuple[Tick, ...]:
    digits = max(0, min(4, -math.floor(math.log10(step * 100) + 1e-9)))
    return tuple(Tick(_x(value, top), f"{100 * value:.{digits}f} %") for value in _ticks(top, step))
