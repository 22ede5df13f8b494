"""The features of one metering point, channel and local day.

Notation: e_i energy of interval i (kWh), h its length in hours, p_i = e_i / h (kW), over the intervals
that are known; q(f) the f-quantile of p (linear interpolation); P_k mean power in local clock hour k.
"""

from __future__ import annotations

from gridlens.contracts.feature import CHINA, IEV, NO_INTERVALS, NO_VALUE, OWN, PARZEN, PRICE, SHANNON, features

D = "double"
PERIOD_NAMES = {
    "sharp": "sharp (尖)",
    "peak": "peak (峰)",
    "flat": "flat (平)",
    "valley": "valley (谷)",
    "deep_valley": "deep-valley (深谷)",
}
NOT_POSITIVE = f"{NO_INTERVALS}, or the day's energy is not positive"
CONSTANT = f"{NO_INTERVALS}, or all values are the same"

ENERGY = (
    *features("day", NO_VALUE, [("energy_kwh", D, "kWh", "Energy of the day, of the intervals that are known", "Σ e_i", IEV)]),
    *features(
        "day",
        NO_VALUE,
        [("estimated_share", D, "", "Part of the known intervals that is estimated, by the source or by us", "n_estimated / n", OWN)],
    ),
    *features("day", None, [("coverage", D, "", "Part of the day's intervals that is known, estimates included", "n / N", OWN)]),
)
POWER = features(
    "day",
    NO_INTERVALS,
    [
        ("mean_kw", D, "kW", "Mean power", "mean(p)", IEV),
        ("peak_kw", D, "kW", "Peak: highest mean power of an interval (日最大负荷)", "max(p)", IEV),
        ("peak_hour", D, "h", "Local clock time at which the (first) peak interval begins", "clock(argmax p)", OWN),
        ("min_kw", D, "kW", "Lowest mean power of an interval (日最小负荷)", "min(p)", CHINA),
        ("base_kw", D, "kW", "Base load", "q(0.05)", PRICE),
        ("median_kw", D, "kW", "Median power", "q(0.5)", PRICE),
        ("high_kw", D, "kW", "Near-peak load", "q(0.95)", PRICE),
        ("peak_valley_difference_kw", D, "kW", "Peak-valley difference (峰谷差)", "max(p) - min(p)", CHINA),
        (
            "ramp_up_kw_per_h",
            D,
            "kW/h",
            "Steepest rise between neighbouring known intervals, 0 where power never rises",
            "max(p_{i+1} - p_i, 0) / h",
            PRICE,
        ),
        (
            "ramp_down_kw_per_h",
            D,
            "kW/h",
            "Steepest fall between neighbouring known intervals, 0 where power never falls",
            "max(p_i - p_{i+1}, 0) / h",
            PRICE,
        ),
        ("mean_ramp_kw_per_h", D, "kW/h", "Mean absolute change between neighbouring known intervals", "mean |p_{i+1} - p_i| / h", PRICE),
        ("zero_share", D, "", "Part of the known intervals that is exactly zero", "n(e_i = 0) / n", OWN),
    ],
)
SHAPE = (
    *features(
        "day",
        f"{NO_INTERVALS}, or the peak is not positive",
        [
            ("load_factor", D, "", "Load factor (日负荷率)", "mean(p) / max(p)", IEV),
            ("peak_valley_ratio", D, "", "Peak-valley ratio (峰谷差率)", "(max(p) - min(p)) / max(p)", CHINA),
            ("base_ratio", D, "", "Base load against peak", "q(0.05) / max(p)", PRICE),
        ],
    ),
    *features(
        "day",
        NOT_POSITIVE,
        [
            ("night_share", D, "", "Part of the energy used from 22:00 to 06:00 local clock time", "Σ_{22-06} e_i / Σ e_i", OWN),
            ("morning_share", D, "", "Part of the energy used from 06:00 to 10:00", "Σ_{06-10} e_i / Σ e_i", OWN),
            ("midday_share", D, "", "Part of the energy used from 10:00 to 17:00", "Σ_{10-17} e_i / Σ e_i", OWN),
            ("evening_share", D, "", "Part of the energy used from 17:00 to 22:00", "Σ_{17-22} e_i / Σ e_i", OWN),
            ("variation", D, "", "Coefficient of variation", "std(p) / mean(p), population", OWN),
        ],
    ),
    *features(
        "day",
        f"{NOT_POSITIVE}, an hour is negative, or fewer than two hours are known",
        [
            (
                "entropy",
                D,
                "",
                "Evenness of the 24-hour profile, 1 where flat",
                "-Σ s_k ln s_k / ln K, s_k = P_k / Σ P_k, K known hours",
                SHANNON,
            )
        ],
    ),
    *features(
        "day",
        CONSTANT,
        [
            (
                "autocorrelation_1h",
                D,
                "",
                "Autocorrelation at one hour",
                "mean(d_i d_{i+1/h}) / mean(d²), d = p - mean(p), over known pairs",
                PARZEN,
            ),
            (
                "high_load_hours",
                D,
                "h",
                "High-load duration: time nearer to near-peak than to base load; the middle itself (to a billionth) is not",
                "h n(p > (q(0.05) + q(0.95)) / 2)",
                PRICE,
            ),
        ],
    ),
    *features(
        "day",
        f"{NO_INTERVALS}, or no contract capacity",
        [("capacity_utilisation", D, "", "Peak against contract capacity at unity power factor", "max(p) / S", CHINA)],
    ),
)
PERIODS = (
    *features(
        "day",
        f"{NO_INTERVALS}, or no tariff in force at the point",
        [
            (
                f"energy_{k}_kwh",
                D,
                "kWh",
                f"Energy in the {name} period; 0 where the tariff has no such period",
                "Σ e_i × part of interval i in the period",
                CHINA,
            )
            for k, name in PERIOD_NAMES.items()
        ],
    ),
    *features(
        "day",
        f"{NOT_POSITIVE}, or no tariff in force at the point",
        [
            (f"share_{k}", D, "", f"Part of the energy in the {name} period", f"energy_{k}_kwh / Σ e_i", CHINA)
            for k, name in PERIOD_NAMES.items()
        ],
    ),
)
PROFILE = features(
    "day",
    NO_INTERVALS,
    [
        (
            "hour_kw",
            "array<double>",
            "kW",
            "Mean power in each of the 24 local clock hours; null where an hour has no known interval or does not exist",
            "P_k",
            OWN,
        )
    ],
)
DAY_FEATURES = (*ENERGY, *POWER, *SHAPE, *PERIODS, *PROFILE)
