"""The peer of the load-shape features: the same figures in DuckDB's SQL, in the fastest form found (see docs/performance.md).

Sums over hours, ramps and periods are written out over the 96 quarter hours, because DuckDB adds columns three to five times
faster than it adds slices of lists; quantiles and deviations use its list functions, which were faster than 96 columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gridlens.contracts.codes import TARIFF_PERIODS
from gridlens.contracts.load_shape_day import DAY_FEATURES

from bench.measure import parquet

N = 96
HOURS = range(24)
LEAST = 72
"""Intervals that must be known for a day's shape: 75 %."""
_E = [f"e{i}" for i in range(1, N + 1)]
WINDOWS = {"night": [*range(22, 24), *range(6)], "morning": range(6, 10), "midday": range(10, 17), "evening": range(17, 22)}
ALWAYS = ("energy_kwh", "coverage", "estimated_share")
"""Day features that are given however little of the day is known."""


def _sum(slots: Sequence[int]) -> str:
    return " + ".join(f"coalesce(e{i + 1}, 0)" for i in slots) or "0"


def _steps(form: str) -> list[str]:
    return [form.format(a=a, b=b) for a, b in zip(_E[1:], _E[:-1], strict=True)]


def day_sql(blocks: str, patterns: Sequence[tuple[int, Sequence[int]]]) -> str:
    """Every feature of load_shape_day_v1 over quarter-hour blocks.

    Args:
        blocks: a table expression with the block's columns and day_type, capacity and pattern (number of the tariff's day pattern).
        patterns: number and period (index into TARIFF_PERIODS) of each of the 96 quarter hours.
    """
    unrolled = ", ".join(f'"values"[{i}] AS e{i}' for i in range(1, N + 1))
    hours = ", ".join(f"{_sum(range(4 * k, 4 * k + 4))} AS s{k}" for k in HOURS)
    known = ", ".join(" + ".join(f"(e{4 * k + j} IS NOT NULL)::INT" for j in range(1, 5)) + f" AS n{k}" for k in HOURS)
    periods = ", ".join(f"{_period(patterns, k)} AS energy_{name}_kwh" for k, name in enumerate(TARIFF_PERIODS))
    return f"""
WITH counted AS (
    SELECT *, list_count("values") AS n, list_sum("values") AS total FROM ({blocks})
), levels AS (
    SELECT *, total / n AS m, list_max("values") AS hi, list_min("values") AS lo,
        list_aggregate("values", 'quantile_cont', [0.05, 0.5, 0.95]) AS q, {unrolled}
    FROM counted
), moments AS (
    SELECT *, q[1] AS base, q[3] AS high, list_transform("values", lambda x: coalesce(x - m, 0)) AS d,
        greatest({", ".join(_steps("{a} - {b}"))}) AS up,
        least({", ".join(_steps("{a} - {b}"))}) AS down,
        {" + ".join(_steps("coalesce(abs({a} - {b}), 0)"))} AS moved,
        CASE WHEN n = {N} THEN {N - 1} ELSE {" + ".join(_steps("({a} + {b} IS NOT NULL)::INT"))} END AS step_count,
        CASE WHEN n = {N} THEN {N - 4} ELSE {" + ".join(f"(e{i} + e{i + 4} IS NOT NULL)::INT" for i in range(1, N - 3))} END AS pairs,
        {hours}, {known}, {periods}
    FROM levels
), shaped AS (
    SELECT *, list_dot_product(d, d) / n AS variance, list_dot_product(d[:{N - 4}], d[5:]) / pairs AS covariance,
        [{", ".join(f"CASE WHEN n{k} > 0 THEN s{k} * 4 / n{k} END" for k in HOURS)}] AS hour_kw,
        (base + high) / 2 AS middle, hi > lo AS varies, CASE WHEN hi > 0 THEN hi END AS top, CASE WHEN total > 0 THEN total END AS used
    FROM moments
), features AS ({_final()})
SELECT metering_point_id, channel, local_date, local_month, day_type, resolution_minutes, known_from,
    {", ".join(name if name in ALWAYS else f"CASE WHEN n >= {LEAST} THEN {name} END AS {name}" for name in day_names())}
FROM features"""


def day_names() -> list[str]:
    """The day features, in the contract's order."""
    return [f.name for f in DAY_FEATURES]


def _period(patterns: Sequence[tuple[int, Sequence[int]]], period: int) -> str:
    cases = [f"WHEN {number} THEN {_sum([i for i, code in enumerate(codes) if code == period])}" for number, codes in patterns]
    return f"CASE pattern {' '.join(cases)} END"


def _final() -> str:
    shares = ", ".join(f"({' + '.join(f's{k}' for k in hours)}) / used AS {name}_share" for name, hours in WINDOWS.items())
    parts = ", ".join(f"energy_{name}_kwh / used AS share_{name}" for name in TARIFF_PERIODS)
    entropy = entropy_sql([f"hour_kw[{k + 1}]" for k in HOURS])
    return f"""
    SELECT *, total AS energy_kwh, n / {N} AS coverage,
        len(list_filter(quality, lambda x: x = 6)) / CASE WHEN n > 0 THEN n END AS estimated_share,
        m * 4 AS mean_kw, hi * 4 AS peak_kw, (list_position("values", hi) - 1) / 4 AS peak_hour, lo * 4 AS min_kw,
        base * 4 AS base_kw, q[2] * 4 AS median_kw, high * 4 AS high_kw, (hi - lo) * 4 AS peak_valley_difference_kw,
        greatest(up, 0) * 16 AS ramp_up_kw_per_h, greatest(-down, 0) * 16 AS ramp_down_kw_per_h,
        moved / step_count * 16 AS mean_ramp_kw_per_h,
        CASE WHEN lo <= 0 THEN len(list_filter("values", lambda x: x = 0)) ELSE 0 END / n AS zero_share,
        m / top AS load_factor, (hi - lo) / top AS peak_valley_ratio, base / top AS base_ratio, {shares},
        CASE WHEN m > 0 THEN CASE WHEN varies THEN sqrt(variance) / m ELSE 0 END END AS variation,
        {entropy} AS entropy, CASE WHEN varies THEN covariance / variance END AS autocorrelation_1h,
        CASE WHEN varies THEN len(list_filter("values", lambda x: x > middle + 1e-9 * abs(middle))) / 4 END AS high_load_hours,
        hi * 4 / CASE WHEN capacity > 0 THEN capacity END AS capacity_utilisation, {parts}
    FROM shaped"""


def entropy_sql(cells: Sequence[str]) -> str:
    """Shannon entropy of 24 cells against that of a flat row: with S = Σ c, it is (ln S − Σ c ln c / S) / ln K."""
    total = " + ".join(f"coalesce({c}, 0)" for c in cells)
    logs = " + ".join(f"CASE WHEN {c} > 0 THEN {c} * ln({c}) ELSE 0 END" for c in cells)
    count = " + ".join(f"({c} IS NOT NULL)::INT" for c in cells)
    usable = f"least({', '.join(cells)}) >= 0 AND ({total}) > 0 AND ({count}) > 1"
    return f"CASE WHEN {usable} THEN (ln({total}) - ({logs}) / ({total})) / ln({count}) END"


def prepared_blocks(files: dict[str, list[str]]) -> str:
    """Blocks with day type, capacity and day pattern, from the Parquet files of each table."""
    return f"""
    SELECT b.*, c.day_type, p.contract_capacity_kva AS capacity, t.pattern
    FROM {parquet(files["blocks"])} b
    LEFT JOIN {parquet(files["points"])} p USING (metering_point_id)
    LEFT JOIN {parquet(files["calendar"])} c USING (local_date)
    LEFT JOIN day_pattern t ON t.tariff_id = p.tariff_id AND t.local_date = b.local_date"""


def tariff_patterns(connection: Any, files: dict[str, list[str]]) -> list[tuple[int, list[int]]]:
    """Makes the small table day_pattern (tariff_id, local_date, pattern), and gives the patterns it refers to."""
    connection.execute(f"""
        CREATE OR REPLACE TEMP TABLE day_pattern AS
        SELECT tariff_id, local_date, periods, dense_rank() OVER (ORDER BY periods) AS pattern
        FROM (SELECT tariff_id, local_date, arg_max(periods, valid_from) AS periods
              FROM {parquet(files["calendar"])}, {parquet(files["tariff"])}
              WHERE valid_from <= local_date AND month = month(local_date) GROUP BY ALL)""")
    rows = connection.execute("SELECT DISTINCT pattern, periods FROM day_pattern ORDER BY pattern").fetchall()
    return [(number, [TARIFF_PERIODS.index(period) for period in periods]) for number, periods in rows]
