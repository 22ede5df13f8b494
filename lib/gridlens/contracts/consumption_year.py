"""The features of one metering point and channel over the 365 local days that end with ``as_of``.

E_d energy of complete day d, t_d its mean outdoor temperature (where the source has none, the middle of the lowest and the
highest). The weather model is
E = b + s_h max(T_h - t, 0) + s_c max(t - T_c, 0), slopes positive, balance points on a grid of
whole degrees, at least MIN_SIDE_DAYS days beyond each.
"""

from __future__ import annotations

from gridlens.contracts.feature import OLS, OWN, PARZEN, PRISM, features
from gridlens.contracts.load_shape_month import NO_DAY, demand_features, energy_features

D = "double"
YEAR_DAYS = 365
MIN_TREND_DAYS = 180
MIN_WEATHER_DAYS = 120
MIN_SIDE_DAYS = 10
MIN_MONTH_DAYS = 10
HEATING_BALANCE_C = (5, 20)
COOLING_BALANCE_C = (16, 30)
NO_MODEL = f"fewer than {MIN_WEATHER_DAYS} complete days with a temperature, or all of them have the same energy"
NO_SEASON = f"a calendar month has fewer than {MIN_MONTH_DAYS} complete days, or the energy is not positive"

YEAR_FEATURES = (
    *energy_features("year", "year"),
    *demand_features("year"),
    *features("year", NO_DAY, [("annualised_kwh", D, "kWh", "Energy of a full year at the mean of the complete days", "365 mean(E)", OWN)]),
    *features(
        "year",
        "fewer than seven pairs of days, or all of them have the same energy",
        [
            (
                "autocorrelation_day",
                D,
                "",
                "Autocorrelation of daily energy at one day",
                "mean(x_d x_{d+1}) / mean(x²), x = E - mean(E), over known pairs",
                PARZEN,
            ),
            (
                "autocorrelation_week",
                D,
                "",
                "Autocorrelation of daily energy at one week",
                "mean(x_d x_{d+7}) / mean(x²), over known pairs",
                PARZEN,
            ),
        ],
    ),
    *features(
        "year",
        f"fewer than {MIN_TREND_DAYS} complete days",
        [
            (
                "trend_kwh_per_day",
                D,
                "kWh/d²",
                "Trend of daily energy; not adjusted for season, so read it on a full year only",
                "slope of E on d",
                OLS,
            )
        ],
    ),
    *features(
        "year",
        f"fewer than {MIN_TREND_DAYS} complete days, or the energy is not positive",
        [("trend_relative", D, "1/a", "Trend over a year against mean daily energy", "365 slope / mean(E)", OLS)],
    ),
    *features(
        "year",
        NO_SEASON,
        [
            (
                "seasonal_amplitude",
                D,
                "",
                "Seasonality: span of the calendar months' mean daily energy against their mean",
                "(max M - min M) / mean M",
                OWN,
            ),
            ("summer_ratio", D, "", "June to August against the year", "mean(M_6..M_8) / mean M", OWN),
            ("winter_ratio", D, "", "December to February against the year", "mean(M_12, M_1, M_2) / mean M", OWN),
            ("peak_month", "int", "", "Calendar month of highest mean daily energy", "argmax M", OWN),
            ("low_month", "int", "", "Calendar month of lowest mean daily energy", "argmin M", OWN),
        ],
    ),
    *features(
        "year",
        NO_MODEL,
        [
            ("weather_base_kwh", D, "kWh", "Daily energy that does not depend on weather", "b", PRISM),
            (
                "heating_slope",
                D,
                "kWh/(°C d)",
                "More energy a day for each degree below the heating balance point; 0 where none is found",
                "s_h",
                PRISM,
            ),
            (
                "cooling_slope",
                D,
                "kWh/(°C d)",
                "More energy a day for each degree above the cooling balance point; 0 where none is found",
                "s_c",
                PRISM,
            ),
            ("weather_r2", D, "", "Part of the variance of daily energy that the weather model explains", "1 - SSE / SST", PRISM),
        ],
    ),
    *features(
        "year",
        f"{NO_MODEL}; or no heating found",
        [("heating_balance_c", D, "°C", "Mean temperature below which heating begins", "T_h", PRISM)],
    ),
    *features(
        "year",
        f"{NO_MODEL}; or no cooling found",
        [("cooling_balance_c", D, "°C", "Mean temperature above which cooling begins", "T_c", PRISM)],
    ),
    *features(
        "year",
        f"{NO_MODEL}; or the energy of these days is not positive",
        [
            (
                "heating_share",
                D,
                "",
                "Part of the energy of these days that the model gives to heating",
                "Σ s_h max(T_h - t, 0) / Σ E",
                PRISM,
            ),
            (
                "cooling_share",
                D,
                "",
                "Part of the energy of these days that the model gives to cooling",
                "Σ s_c max(t - T_c, 0) / Σ E",
                PRISM,
            ),
        ],
    ),
    *features("year", None, [("weather_days", "int", "d", "Complete days with a temperature", "n(E, t)", OWN)]),
)
