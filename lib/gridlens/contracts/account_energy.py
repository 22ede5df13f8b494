"""What an account's daily energy says: level, change, rhythm, season, dependence on weather.

E_d is the import of all metering points of the account on local day d: the advance of their registers, or the energy of
their intervals where no register was read. A day is known where every point in service has a value. W_n are the n days
that end with ``as_of``; S_d is E_d with the advance over days without a reading spread evenly over them.
"""

from __future__ import annotations

from gridlens.contracts.consumption_year import MIN_TREND_DAYS, NO_MODEL, NO_SEASON
from gridlens.contracts.feature import OLS, OWN, PARZEN, PRISM, features

D = "double"
SERIES_DAYS = 730
MIN_KNOWN = 0.75
"""Least known part of a window for which its energy is given."""
MIN_DAY_TYPE = 4
"""Least known days of a kind (weekend, holiday) that are compared with working days."""
SPRING_FESTIVAL_DAYS = 7
THIN = f"less than {MIN_KNOWN:.0%} of the window's days are covered by readings"

ENERGY_FEATURES = (
    *features(
        "account",
        None,
        [
            ("days_known_90d", "int", "d", "Known days of the last 90", "n(E_d in W_90)", OWN),
            ("days_known_365d", "int", "d", "Known days of the last 365", "n(E_d in W_365)", OWN),
        ],
    ),
    *features(
        "account",
        THIN,
        [
            (f"energy_kwh_{days}d", D, "kWh", f"Energy of the last {days} days", f"{days} mean(S_d in W_{days})", OWN)
            for days in (30, 90, 365)
        ],
    ),
    *features(
        "account",
        f"{THIN}, or the earlier window's are, or its energy is not positive",
        [
            ("energy_growth_30d", D, "", "Last 30 days against the 30 before", "S(W_30) / S(30 days before) - 1", OWN),
            ("energy_growth_90d", D, "", "Last 90 days against the 90 before", "S(W_90) / S(90 days before) - 1", OWN),
            ("energy_growth_year_30d", D, "", "Last 30 days against the same days a year before", "S(W_30) / S(W_30 - 365 d) - 1", OWN),
            ("energy_growth_year_90d", D, "", "Last 90 days against the same days a year before", "S(W_90) / S(W_90 - 365 d) - 1", OWN),
            ("energy_growth_365d", D, "", "Last 365 days against the 365 before", "S(W_365) / S(365 days before) - 1", OWN),
            ("energy_ratio_14d", D, "", "Last 14 days against the 56 before, by day", "mean S(W_14) / mean S(56 days before)", OWN),
        ],
    ),
    *features(
        "account",
        f"fewer than {MIN_TREND_DAYS} known days in the window, or their energy is not positive",
        [("energy_trend_365d", D, "1/a", "Trend over a year against mean daily energy, not adjusted for season", "365 slope / mean", OLS)],
    ),
    *features(
        "account",
        "no known day in the window, or its energy is not positive",
        [
            ("energy_variation_90d", D, "", "Coefficient of variation of daily energy", "std(E) / mean(E), population", OWN),
            ("energy_variation_365d", D, "", "Coefficient of variation of daily energy", "std(E) / mean(E), population", OWN),
            ("highest_day_ratio_365d", D, "", "Highest day against the mean day", "max(E) / mean(E)", OWN),
        ],
    ),
    *features(
        "account",
        None,
        [
            ("zero_days_30d", "int", "d", "Known days without any consumption", "n(E = 0)", OWN),
            ("zero_days_90d", "int", "d", "Known days without any consumption", "n(E = 0)", OWN),
            ("zero_days_365d", "int", "d", "Known days without any consumption", "n(E = 0)", OWN),
            (
                "low_days_90d",
                "int",
                "d",
                "Days under a fifth of the account's median day of a year",
                "n(E in W_90 < 0.2 median(E in W_365))",
                OWN,
            ),
            ("longest_zero_run_365d", "int", "d", "Longest run of known days without consumption", "longest run of E = 0", OWN),
        ],
    ),
    *features(
        "account",
        "no day with consumption in the last 730",
        [("days_since_use", "int", "d", "Days since the last day with consumption", "as_of - last d with E > 0", OWN)],
    ),
    *features(
        "account",
        f"fewer than {MIN_DAY_TYPE} known days of either sort, or no energy on working days",
        [
            ("weekend_ratio_90d", D, "", "Weekend day against working day", "mean_e(E) / mean_w(E)", OWN),
            ("weekend_ratio_365d", D, "", "Weekend day against working day", "mean_e(E) / mean_w(E)", OWN),
            ("holiday_ratio_365d", D, "", "Public holiday against working day", "mean_h(E) / mean_w(E)", OWN),
        ],
    ),
    *features(
        "account",
        "the calendar has no Spring Festival in the window, or fewer than four of its days or ten of the working days before it are known",
        [
            (
                "spring_festival_ratio_365d",
                D,
                "",
                "The seven days from the last Spring Festival against the working days of the six weeks before its week",
                "mean(E, 0..6 d after) / mean_w(E, 49..8 d before)",
                OWN,
            ),
        ],
    ),
    *features(
        "account",
        "fewer than seven pairs of known days, or all have the same energy",
        [
            (
                "week_autocorrelation_365d",
                D,
                "",
                "Autocorrelation of daily energy at one week",
                "mean(x_d x_{d+7}) / mean(x²), x = E - mean(E), over known pairs",
                PARZEN,
            )
        ],
    ),
    *features(
        "account",
        NO_SEASON,
        [
            ("seasonal_amplitude_365d", D, "", "Span of the calendar months' mean daily energy", "(max M - min M) / mean M", OWN),
            ("summer_ratio_365d", D, "", "June to August against the year", "mean(M_6..M_8) / mean M", OWN),
            ("winter_ratio_365d", D, "", "December to February against the year", "mean(M_12, M_1, M_2) / mean M", OWN),
            ("peak_month_365d", "int", "", "Calendar month of highest mean daily energy", "argmax M", OWN),
        ],
    ),
    *features(
        "account",
        NO_MODEL,
        [
            ("weather_base_kwh_365d", D, "kWh", "Daily energy that does not depend on weather", "b", PRISM),
            ("heating_slope_365d", D, "kWh/(°C d)", "More energy a day for each degree below the heating balance point", "s_h", PRISM),
            ("cooling_slope_365d", D, "kWh/(°C d)", "More energy a day for each degree above the cooling balance point", "s_c", PRISM),
            ("weather_r2_365d", D, "", "Part of the variance of daily energy that the weather model explains", "1 - SSE / SST", PRISM),
        ],
    ),
    *features(
        "account",
        f"{NO_MODEL}; or the energy of these days is not positive",
        [
            ("heating_share_365d", D, "", "Part of the energy that the model gives to heating", "Σ s_h max(T_h - t, 0) / Σ E", PRISM),
            ("cooling_share_365d", D, "", "Part of the energy that the model gives to cooling", "Σ s_c max(t - T_c, 0) / Σ E", PRISM),
        ],
    ),
)
