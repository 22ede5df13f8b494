"""The heat maps of the profile page: a year of days, and the hours of the days that have curves."""

from __future__ import annotations

import datetime as dt

import numpy as np
from markupsafe import escape

from gridlens.profile.picture import Year
from gridlens.reports.profile_charts import Chart, Tick, svg_of
from gridlens.reports.profile_view import energy
from gridlens.reports.profile_words import DAY_TYPES, pair

LEVELS = 8
"""Steps of the sequential scale, lightest first."""
_CELL, _GAP = 10, 2


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
        off = " off" if kind == "holiday" and level >= 0 else ""
        cells.append(f'<rect class="{css}{off}" {size}><title>{escape(title)}</title></rect>')
    weeks = (len(levels) + offset + 6) // 7
    label = "全年日用电量热力图，每列一周。Daily energy of a year, one column a week"
    ticks = tuple(Tick(100 * ((i + offset) // 7) / weeks, text) for i, text in _months(year.first, len(levels)))
    return Chart(svg_of(weeks * (_CELL + _GAP) - _GAP, 7 * (_CELL + _GAP) - _GAP, label, cells, kind="calendar"), ticks)


def _months(first: dt.date, days: int) -> list[tuple[int, str]]:
    """Index of the first day of each month with its name; the year where it changes."""
    found = []
    for i in range(days):
        day = first + dt.timedelta(days=i)
        if day.day == 1:
            found.append((i, f"{day:%y} 年 1 月" if day.month == 1 else f"{day.month} 月"))
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
    return Chart(svg_of(len(rows), 24, label, body, kind="hours"), ticks, hours)


def _runs(mask: np.ndarray) -> str:
    """Rectangles of height one over the runs of true cells of each row, as one path."""
    parts = []
    for y, row in enumerate(mask):
        edges = np.flatnonzero(np.diff(np.concatenate([[0], row.astype(np.int8), [0]])))
        parts += [f"M{begin} {y}h{end - begin}v1h-{end - begin}z" for begin, end in zip(edges[::2], edges[1::2], strict=True)]
    return "".join(parts)
