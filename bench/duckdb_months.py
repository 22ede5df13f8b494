"""The peer of the month's features in DuckDB's SQL, from the day features of duckdb_features.py."""

from __future__ import annotations

from gridlens.contracts.codes import TARIFF_PERIODS
from gridlens.contracts.load_shape_month import MONTH_FEATURES

from bench.duckdb_features import HOURS, entropy_sql

_PARTS = ("night", "morning", "midday", "evening")
_LEAST_PAIRS = 7 * 24


def month_sql(days: str) -> str:
    """Every feature of load_shape_month_v1 from a table expression of days; each day of each month must have its row."""
    cells = ", ".join(f"hour_kw[{k + 1}] AS h{k}" for k in HOURS)
    unknown = f"[{', '.join(['NULL::DOUBLE'] * 24)}]"
    nested = ", ".join(f"avg(h{k}) AS a{k}, count(h{k}) AS c{k}, var_pop(h{k}) AS v{k}" for k in HOURS)
    working = ", ".join(f"avg(h{k}) FILTER (day_type = 'working')" for k in HOURS)
    other = ", ".join(f"avg(h{k}) FILTER (day_type != 'working')" for k in HOURS)
    return f"""
WITH days AS (
    SELECT *, CASE WHEN coverage >= 0.75 THEN energy_kwh END AS whole, {cells} FROM {days}
), grouped AS (
    SELECT metering_point_id, channel, local_month, max(known_from) AS known_from, day(last_day(local_month)) AS length, {_sums()},
        {nested}, [{working}] AS profile_working_kw, [{other}] AS profile_nonworking_kw,
        flatten(list(coalesce(hour_kw, {unknown}) ORDER BY local_date)) AS series
    FROM days GROUP BY metering_point_id, channel, local_month
), centred AS (
    SELECT *, list_count(series) AS hours,
        list_transform(series, lambda x: coalesce(x - mean, 0)) AS d,
        list_transform(series, lambda x: (x IS NOT NULL)::DOUBLE) AS k,
        list_transform(profile_working_kw, lambda x: x - mean_w) AS w,
        list_transform(profile_nonworking_kw, lambda x: x - mean_o) AS o
    FROM (
        SELECT *, list_avg(series) AS mean, list_avg(profile_working_kw) AS mean_w, list_avg(profile_nonworking_kw) AS mean_o FROM grouped
    )
), featured AS ({_final()})
SELECT metering_point_id, channel, local_month, known_from, {", ".join(f.name for f in MONTH_FEATURES)} FROM featured"""


def _sums() -> str:
    """The aggregates over the days of a month."""
    used = ", ".join(
        f"sum({p}_share * energy_kwh) AS used_{p}, sum(energy_kwh) FILTER ({p}_share * energy_kwh IS NOT NULL) AS base_{p}" for p in _PARTS
    )
    periods = ", ".join(f"sum(energy_{p}_kwh) AS energy_{p}_kwh" for p in TARIFF_PERIODS)
    return f"""
        count(energy_kwh) AS days_observed, count(whole) AS complete_days, sum(coverage) AS known,
        sum(estimated_share * coverage) AS estimated,
        sum(energy_kwh) AS energy_kwh, avg(whole) AS daily_kwh_mean, min(whole) AS daily_kwh_min, median(whole) AS daily_kwh_median,
        max(whole) AS daily_kwh_max, count(whole) FILTER (whole = 0) AS zero_days, stddev_pop(whole) AS deviation,
        avg(whole) FILTER (day_type = 'working') AS working_day_kwh, avg(whole) FILTER (day_type = 'weekend') AS weekend,
        avg(whole) FILTER (day_type = 'holiday') AS holiday,
        avg(mean_kw) AS mean_kw, max(peak_kw) AS peak_kw, median(base_kw) AS base_kw, max(capacity_utilisation) AS capacity_utilisation,
        {used}, {periods},
        arg_min({{'day': day(local_date), 'hour': peak_hour}}, {{'p': -peak_kw, 'd': local_date}}) FILTER (peak_kw IS NOT NULL) AS top,
        min(min_kw) AS min_kw, max(peak_valley_difference_kw) AS peak_valley_difference_kw, max(ramp_up_kw_per_h) AS ramp_up_kw_per_h,
        max(ramp_down_kw_per_h) AS ramp_down_kw_per_h, avg(zero_share) AS zero_share, avg(load_factor) AS daily_load_factor,
        avg(peak_valley_ratio) AS peak_valley_ratio"""


def _final() -> str:
    whole = " + ".join(f"energy_{p}_kwh" for p in TARIFF_PERIODS)
    shares = ", ".join(f"used_{p} / CASE WHEN base_{p} > 0 THEN base_{p} END AS {p}_share" for p in _PARTS)
    parts = ", ".join(f"energy_{p}_kwh / CASE WHEN {whole} > 0 THEN {whole} END AS share_{p}" for p in TARIFF_PERIODS)
    within = " + ".join(f"coalesce(c{k} * v{k}, 0)" for k in HOURS)
    varies = "list_max(series) > list_min(series)"
    exported = "max(CASE WHEN channel = '2.8.0' THEN energy_kwh END) OVER (PARTITION BY metering_point_id, local_month)"
    moving = "list_count(w) = 24 AND list_count(o) = 24 AND list_max(w) > list_min(w) AND list_max(o) > list_min(o)"
    return f"""
    SELECT * EXCLUDE (zero_days), known / length AS coverage, estimated / CASE WHEN known > 0 THEN known END AS estimated_share,
        CASE WHEN complete_days > 0 THEN zero_days END AS zero_days,
        CASE WHEN daily_kwh_mean > 0 THEN CASE WHEN daily_kwh_max > daily_kwh_min THEN deviation / daily_kwh_mean ELSE 0 END END
            AS daily_variation,
        weekend / CASE WHEN working_day_kwh > 0 THEN working_day_kwh END AS weekend_ratio,
        holiday / CASE WHEN working_day_kwh > 0 THEN working_day_kwh END AS holiday_ratio,
        CASE WHEN channel = '1.8.0' AND energy_kwh + {exported} > 0 THEN {exported} / (energy_kwh + {exported}) END AS export_share,
        mean_kw / CASE WHEN peak_kw > 0 THEN peak_kw END AS load_factor,
        energy_kwh / CASE WHEN peak_kw > 0 THEN peak_kw END AS utilisation_hours, {shares}, {parts},
        top.day AS peak_day, top.hour AS peak_hour, {entropy_sql([f"a{k}" for k in HOURS])} AS entropy,
        CASE WHEN {varies} THEN 1 - ({within}) / list_dot_product(d, d) END AS regularity,
        CASE WHEN {varies} THEN {_autocorrelation(24)} END AS autocorrelation_day,
        CASE WHEN {varies} THEN {_autocorrelation(168)} END AS autocorrelation_week,
        CASE WHEN {moving} THEN list_dot_product(w, o) / sqrt(list_dot_product(w, w) * list_dot_product(o, o)) END AS profile_similarity
    FROM centred"""


def _autocorrelation(lag: int) -> str:
    pairs = f"CASE WHEN hours = len(series) THEN hours - {lag} ELSE list_dot_product(k[:-{lag + 1}], k[{lag + 1}:]) END"
    product = f"list_dot_product(d[:-{lag + 1}], d[{lag + 1}:])"
    return f"CASE WHEN {pairs} >= {_LEAST_PAIRS} THEN {product} / ({pairs}) / (list_dot_product(d, d) / hours) END"
