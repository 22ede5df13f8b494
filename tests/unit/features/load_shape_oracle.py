"""A slow and obvious pandas reading of the feature contracts, one day, month or year at a time; shares no code with the kernels."""

from __future__ import annotations

import datetime as dt
import math

import numpy as np
import pandas as pd

PERIODS = ["sharp", "peak", "flat", "valley", "deep_valley"]
NAN = float("nan")


def _entropy(profile: pd.Series) -> float:
    known = profile.dropna()
    if len(known) < 2 or (known < 0).any() or known.sum() <= 0:
        return NAN
    shares = known / known.sum()
    return sum(-s * math.log(s) for s in shares if s > 0) / math.log(len(known))


def _autocorrelation(x: pd.Series, lag: int, least: int) -> float:
    known = x.dropna()
    if known.empty or known.max() == known.min():
        return NAN
    deviation = x - known.mean()
    products = [deviation.iloc[i] * deviation.iloc[i + lag] for i in range(len(x) - lag)]
    products = [p for p in products if not math.isnan(p)]
    return float(np.mean(products) / np.mean(deviation.dropna() ** 2)) if len(products) >= least else NAN


def _safe(part: float, whole: float) -> float:
    return part / whole if whole > 0 else NAN


def day(values: list[float], resolution: int, zone: str, date: dt.date, periods: list[str] | None, capacity: float) -> dict[str, object]:
    """Every day feature but estimated_share."""
    index = pd.date_range(pd.Timestamp(date, tz=zone), periods=len(values), freq=f"{resolution}min")
    kwh = pd.Series(values, index=index, dtype=float)
    known = kwh.dropna()
    out: dict[str, object] = {"energy_kwh": known.sum() if len(known) else NAN, "coverage": len(known) / len(kwh)}
    if resolution == 1440 or out["coverage"] < 0.75:
        return out
    h = resolution / 60
    p = known / h
    steps = (kwh / h).diff().dropna()
    base, high = p.quantile(0.05), p.quantile(0.95)
    flat = p.max() == p.min()
    profile = p.groupby(p.index.hour).mean().reindex(range(24))
    first = p.idxmax()
    out |= {
        "mean_kw": p.mean(),
        "peak_kw": p.max(),
        "peak_hour": first.hour + first.minute / 60,
        "min_kw": p.min(),
        "base_kw": base,
        "median_kw": p.median(),
        "high_kw": high,
        "peak_valley_difference_kw": p.max() - p.min(),
        "ramp_up_kw_per_h": max(steps.max(), 0) / h if len(steps) else NAN,
        "ramp_down_kw_per_h": max(-steps.min(), 0) / h if len(steps) else NAN,
        "mean_ramp_kw_per_h": steps.abs().mean() / h,
        "zero_share": (known == 0).mean(),
        "load_factor": _safe(p.mean(), p.max()),
        "peak_valley_ratio": _safe(p.max() - p.min(), p.max()),
        "base_ratio": _safe(base, p.max()),
        "variation": _safe(p.std(ddof=0), p.mean()),
        "entropy": _entropy(profile),
        "autocorrelation_1h": _autocorrelation(kwh, 60 // resolution, 1),
        "high_load_hours": NAN if flat else (p > (base + high) / 2 + 1e-9 * abs(base + high) / 2).sum() * h,
        "capacity_utilisation": p.max() / capacity if capacity > 0 else NAN,
        "hour_kw": profile.to_numpy(),
    }
    hour = known.index.hour
    for name, inside in {
        "night": (hour >= 22) | (hour < 6),
        "morning": (hour >= 6) & (hour < 10),
        "midday": (hour >= 10) & (hour < 17),
        "evening": (hour >= 17) & (hour < 22),
    }.items():
        out[f"{name}_share"] = _safe(known[inside].sum(), known.sum())
    if periods is not None:
        energy = dict.fromkeys(PERIODS, 0.0)
        for begin, value in known.items():
            for minute in range(resolution):
                energy[periods[((begin.hour * 60 + begin.minute + minute) % 1440) // 15]] += value / resolution
        out |= {f"energy_{k}_kwh": e for k, e in energy.items()}
        out |= {f"share_{k}": _safe(e, known.sum()) for k, e in energy.items()}
    return out


def _window(days: pd.DataFrame, length: int) -> dict[str, object]:
    """What month and year share, from a frame of day features indexed by date."""
    e = days.energy_kwh[days.coverage >= 0.75].dropna()
    kind = days.day_type.reindex(e.index)
    working = e[kind == "working"].mean()
    mean, peak = days.mean_kw.mean(), days.peak_kw.max()
    out: dict[str, object] = {
        "days_observed": days.energy_kwh.notna().sum(),
        "complete_days": len(e),
        "coverage": days.coverage.sum() / length,
        "estimated_share": _safe((days.estimated_share * days.coverage).sum(), days.coverage.sum()),
        "energy_kwh": days.energy_kwh.sum(min_count=1),
        "daily_kwh_mean": e.mean(),
        "daily_kwh_min": e.min(),
        "daily_kwh_median": e.median(),
        "daily_kwh_max": e.max(),
        "zero_days": (e == 0).sum() if len(e) else NAN,
        "daily_variation": _safe(e.std(ddof=0), e.mean()),
        "weekend_ratio": _safe(e[kind == "weekend"].mean(), working),
        "holiday_ratio": _safe(e[kind == "holiday"].mean(), working),
        "mean_kw": mean,
        "peak_kw": peak,
        "base_kw": days.base_kw.median(),
        "load_factor": _safe(mean, peak),
        "utilisation_hours": _safe(days.energy_kwh.sum(min_count=1), peak),
        "capacity_utilisation": days.capacity_utilisation.max(),
    }
    for part in ("night", "morning", "midday", "evening"):
        share = days[f"{part}_share"].dropna()
        weight = days.energy_kwh.reindex(share.index)
        out[f"{part}_share"] = _safe((share * weight).sum(), weight.sum()) if len(share) else NAN
    energy = {k: days[f"energy_{k}_kwh"].sum(min_count=1) for k in PERIODS}
    out |= {f"energy_{k}_kwh": v for k, v in energy.items()}
    return out | {f"share_{k}": _safe(v, sum(energy.values())) for k, v in energy.items()}


def month(days: pd.DataFrame, first: dt.date) -> dict[str, object]:
    """Every month feature but export_share, from a frame of day features indexed by date."""
    dates = pd.date_range(first, periods=pd.Timestamp(first).days_in_month).date
    out = _window(days, len(dates))
    hourly = pd.DataFrame([list(h) if isinstance(h, (list, np.ndarray)) else [NAN] * 24 for h in days.hour_kw], index=days.index)
    working, other = hourly[days.day_type == "working"].mean(), hourly[days.day_type.isin(["weekend", "holiday"])].mean()
    flat = hourly.stack().dropna()
    series = pd.Series(hourly.reindex(pd.date_range(first, periods=31).date).to_numpy().reshape(-1))
    top = days.peak_kw.sort_index().idxmax() if days.peak_kw.notna().any() else None
    comparable = not (working.isna().any() or other.isna().any()) and working.nunique() > 1 and other.nunique() > 1
    complete = days[days.coverage >= 0.75]
    return out | {
        "peak_day": top.day if top else NAN,
        "peak_hour": days.peak_hour[top] if top else NAN,
        "min_kw": days.min_kw.min(),
        "peak_valley_difference_kw": days.peak_valley_difference_kw.max(),
        "ramp_up_kw_per_h": days.ramp_up_kw_per_h.max(),
        "ramp_down_kw_per_h": days.ramp_down_kw_per_h.max(),
        "zero_share": days.zero_share.mean(),
        "daily_load_factor": days.load_factor.mean(),
        "peak_valley_ratio": days.peak_valley_ratio.mean(),
        "entropy": _entropy(hourly.mean()),
        "regularity": 1 - ((hourly - hourly.mean()) ** 2).stack().mean() / flat.var(ddof=0) if flat.nunique() > 1 else NAN,
        "autocorrelation_day": _autocorrelation(series, 24, 7 * 24),
        "autocorrelation_week": _autocorrelation(series, 168, 7 * 24),
        "working_day_kwh": complete.energy_kwh[complete.day_type == "working"].mean(),
        "profile_similarity": np.corrcoef(working, other)[0, 1] if comparable else NAN,
        "profile_working_kw": working.reindex(range(24)).to_numpy(dtype=float),
        "profile_nonworking_kw": other.reindex(range(24)).to_numpy(dtype=float),
    }


def year(days: pd.DataFrame, as_of: dt.date) -> dict[str, object]:
    """Every year feature but export_share and those of weather."""
    dates = pd.date_range(end=as_of, periods=365).date
    out = _window(days, 365)
    e = days.energy_kwh[days.coverage >= 0.75].reindex(dates)
    slope = np.polyfit(np.flatnonzero(e.notna()), e.dropna(), 1)[0] if e.notna().sum() >= 180 else NAN
    months = e.groupby([d.month for d in dates])
    means = months.mean()
    seasonal = (months.count() >= 10).all() and means.mean() > 0
    return out | {
        "annualised_kwh": e.mean() * 365,
        "autocorrelation_day": _autocorrelation(e, 1, 7),
        "autocorrelation_week": _autocorrelation(e, 7, 7),
        "trend_kwh_per_day": slope,
        "trend_relative": _safe(slope * 365, e.mean()),
        "seasonal_amplitude": (means.max() - means.min()) / means.mean() if seasonal else NAN,
        "summer_ratio": means[[6, 7, 8]].mean() / means.mean() if seasonal else NAN,
        "winter_ratio": means[[12, 1, 2]].mean() / means.mean() if seasonal else NAN,
        "peak_month": means.idxmax() if seasonal else NAN,
        "low_month": means.idxmin() if seasonal else NAN,
    }


def weather(energy: np.ndarray, temperature: np.ndarray) -> dict[str, float]:
    """The change-point model by trying every pair of balance points with numpy's least squares."""
    known = ~np.isnan(energy) & ~np.isnan(temperature)
    e, t = energy[known], temperature[known]
    n, spread = len(e), ((e - e.mean()) ** 2).sum()
    best = (n * math.log(spread) + math.log(n), e.mean(), 0.0, 0.0, NAN, NAN, spread)
    for heat in [None, *range(5, 21)]:
        for cool in [None, *range(16, 31)]:
            if (heat is None and cool is None) or (heat is not None and cool is not None and heat > cool):
                continue
            terms = [np.maximum(heat - t, 0)] if heat is not None else []
            terms += [np.maximum(t - cool, 0)] if cool is not None else []
            if any((x > 0).sum() < 10 for x in terms):
                continue
            design = np.column_stack([np.ones(n), *terms])
            beta, *_ = np.linalg.lstsq(design, e, rcond=None)
            if (beta[1:] <= 0).any():
                continue
            sse = ((e - design @ beta) ** 2).sum()
            score = n * math.log(max(sse, 1e-12 * spread)) + (1 + 2 * len(terms)) * math.log(n)
            if score < best[0] - 1e-9:
                slopes = list(beta[1:])
                s_h = slopes.pop(0) if heat is not None else 0.0
                s_c = slopes.pop(0) if cool is not None else 0.0
                best = (score, beta[0], s_h, s_c, NAN if heat is None else heat, NAN if cool is None else cool, sse)
    _, b, s_h, s_c, t_h, t_c, sse = best
    return {
        "weather_base_kwh": b,
        "heating_slope": s_h,
        "cooling_slope": s_c,
        "heating_balance_c": t_h,
        "cooling_balance_c": t_c,
        "weather_r2": 1 - sse / spread,
        "heating_share": np.nansum(s_h * np.maximum(t_h - t, 0)) / e.sum(),
        "cooling_share": np.nansum(s_c * np.maximum(t - t_c, 0)) / e.sum(),
        "weather_days": n,
    }
