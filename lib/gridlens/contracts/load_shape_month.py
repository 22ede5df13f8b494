"""The features of one metering point, channel and calendar month, from its days.

A day is complete where its coverage is at least 75 %. E_d energy of complete day d; P_dk its mean power in
clock hour k; ``mean_w``, ``mean_e``, ``mean_h`` means over complete working days, weekends and holidays.
"""

from __future__ import annotations

from gridlens.contracts.feature import CHINA, IEV, NO_VALUE, OWN, PARZEN, PRICE, SHANNON, features
from gridlens.contracts.load_shape_day import PERIOD_NAMES

D = "double"
NO_DAY = "no complete day"
NO_CURVE = "no complete day with intervals"
NOT_POSITIVE = f"{NO_CURVE}, or their energy is not positive"


def energy_features(grain: str, window: str) -> tuple:
    """The energy, coverage and daily-energy features that month and year share; ``window`` names the period in a sentence."""
    return (
        *features(grain, None, [("days_observed", "int", "d", f"Days of the {window} with a value", "n(days with a value)", OWN)]),
        *features(grain, None, [("complete_days", "int", "d", f"Complete days of the {window}", "n(coverage_d >= 0.75)", OWN)]),
        *features(grain, None, [("coverage", D, "", f"Part of the {window} that is known", "Σ coverage_d / days of the window", OWN)]),
        *features(
            grain,
            NO_VALUE,
            [("estimated_share", D, "", "Part of what is known that is estimated", "Σ estimated_d coverage_d / Σ coverage_d", OWN)],
        ),
        *features(grain, NO_VALUE, [("energy_kwh", D, "kWh", f"Energy of the {window}, of the days that are known", "Σ energy_d", IEV)]),
        *features(
            grain,
            NO_DAY,
            [
                ("daily_kwh_mean", D, "kWh", "Mean daily energy", "mean(E)", OWN),
                ("daily_kwh_min", D, "kWh", "Lowest daily energy", "min(E)", OWN),
                ("daily_kwh_median", D, "kWh", "Median daily energy", "median(E)", OWN),
                ("daily_kwh_max", D, "kWh", "Highest daily energy", "max(E)", OWN),
                ("zero_days", "int", "d", "Complete days without any consumption", "n(E = 0)", OWN),
            ],
        ),
        *features(
            grain,
            f"{NO_DAY}, or their energy is not positive",
            [("daily_variation", D, "", "Coefficient of variation of daily energy", "std(E) / mean(E), population", OWN)],
        ),
        *features(
            grain,
            f"{NO_DAY} of either sort, or no energy on working days",
            [
                ("weekend_ratio", D, "", "Weekend day against working day", "mean_e(E) / mean_w(E)", OWN),
                ("holiday_ratio", D, "", "Public holiday against working day", "mean_h(E) / mean_w(E)", OWN),
            ],
        ),
        *features(
            grain,
            "not the import channel, no export channel at the point, or no energy at all",
            [("export_share", D, "", "Export against all exchange with the grid", "E(2.8.0) / (E(1.8.0) + E(2.8.0))", OWN)],
        ),
    )


def demand_features(grain: str) -> tuple:
    """The features of demand and time of use that month and year share."""
    return (
        *features(
            grain,
            NO_CURVE,
            [
                ("mean_kw", D, "kW", "Mean power over complete days", "mean(mean_kw_d)", IEV),
                ("peak_kw", D, "kW", "Maximum demand (最大需量)", "max(peak_kw_d)", IEV),
                ("base_kw", D, "kW", "Typical base load", "median(base_kw_d)", PRICE),
            ],
        ),
        *features(
            grain,
            f"{NO_CURVE}, or the peak is not positive",
            [
                ("load_factor", D, "", "Load factor (负荷率)", "mean_kw / peak_kw", IEV),
                ("utilisation_hours", D, "h", "Utilisation time of the maximum (最大负荷利用小时数)", "Σ energy_d / peak_kw", IEV),
            ],
        ),
        *features(
            grain,
            f"{NO_CURVE}, or no contract capacity",
            [("capacity_utilisation", D, "", "Maximum demand against contract capacity", "max(capacity_utilisation_d)", CHINA)],
        ),
        *features(
            grain,
            NOT_POSITIVE,
            [
                (f"{part}_share", D, "", f"Part of the energy used from {hours} local clock time", f"Σ {part}_share_d E_d / Σ E_d", OWN)
                for part, hours in (("night", "22 to 06"), ("morning", "06 to 10"), ("midday", "10 to 17"), ("evening", "17 to 22"))
            ],
        ),
        *features(
            grain,
            f"{NO_CURVE} and a tariff",
            [(f"energy_{k}_kwh", D, "kWh", f"Energy in the {name} period", f"Σ energy_{k}_d", CHINA) for k, name in PERIOD_NAMES.items()],
        ),
        *features(
            grain,
            f"{NOT_POSITIVE}, or no tariff",
            [
                (f"share_{k}", D, "", f"Part of the energy in the {name} period", f"Σ energy_{k}_d / Σ_k Σ energy_k_d", CHINA)
                for k, name in PERIOD_NAMES.items()
            ],
        ),
    )


MONTH_FEATURES = (
    *energy_features("month", "month"),
    *demand_features("month"),
    *features(
        "month",
        NO_CURVE,
        [
            ("peak_day", "int", "", "Day of the month of the (first) maximum demand", "argmax(peak_kw_d)", OWN),
            ("peak_hour", D, "h", "Local clock time of the maximum demand", "peak_hour of peak_day", OWN),
            ("min_kw", D, "kW", "Lowest interval of the month", "min(min_kw_d)", CHINA),
            ("peak_valley_difference_kw", D, "kW", "Largest daily peak-valley difference", "max(peak_valley_difference_kw_d)", CHINA),
            ("ramp_up_kw_per_h", D, "kW/h", "Steepest rise", "max(ramp_up_d)", PRICE),
            ("ramp_down_kw_per_h", D, "kW/h", "Steepest fall", "max(ramp_down_d)", PRICE),
            ("zero_share", D, "", "Mean part of zero intervals", "mean(zero_share_d)", OWN),
        ],
    ),
    *features(
        "month",
        NOT_POSITIVE,
        [
            ("daily_load_factor", D, "", "Mean daily load factor (平均日负荷率)", "mean(load_factor_d)", CHINA),
            ("peak_valley_ratio", D, "", "Mean daily peak-valley ratio", "mean(peak_valley_ratio_d)", CHINA),
            ("entropy", D, "", "Evenness of the month's mean profile, 1 where flat", "entropy of mean_d(P_dk)", SHANNON),
        ],
    ),
    *features(
        "month",
        f"{NO_CURVE}, or all values are the same",
        [
            (
                "regularity",
                D,
                "",
                "Part of the hourly variance that the mean profile explains, 1 where all days are alike",
                "1 - mean((P_dk - P_k)²) / var(P_dk)",
                OWN,
            ),
        ],
    ),
    *features(
        "month",
        "fewer than seven pairs of days, or all values are the same",
        [
            (
                "autocorrelation_day",
                D,
                "",
                "Autocorrelation of hourly power at one day",
                "mean(d_t d_{t+24}) / mean(d²), d = P - mean(P), over known pairs",
                PARZEN,
            ),
            (
                "autocorrelation_week",
                D,
                "",
                "Autocorrelation of hourly power at one week",
                "mean(d_t d_{t+168}) / mean(d²), over known pairs",
                PARZEN,
            ),
        ],
    ),
    *features("month", f"{NO_DAY} of the sort", [("working_day_kwh", D, "kWh", "Mean energy of a working day", "mean_w(E)", OWN)]),
    *features(
        "month",
        "either profile is null, has an unknown hour, or is flat",
        [("profile_similarity", D, "", "Likeness of working-day and other days' profiles", "Pearson correlation of the two profiles", OWN)],
    ),
    *features(
        "month",
        f"{NO_CURVE} of the sort",
        [
            (
                "profile_working_kw",
                "array<double>",
                "kW",
                "Mean 24-hour profile of working days; null in an hour never known",
                "mean_w(P_dk)",
                OWN,
            ),
            (
                "profile_nonworking_kw",
                "array<double>",
                "kW",
                "Mean 24-hour profile of weekends and holidays; null in an hour never known",
                "mean_eh(P_dk)",
                OWN,
            ),
        ],
    ),
)
