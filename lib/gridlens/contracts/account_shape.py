"""What an account's curves say: the month shapes of its metering points over the last three calendar months, put together.

Months of a point weigh by their complete days; powers and energies of points are summed, shares weighted by energy.
P_h is the account's mean power in clock hour h, P^w of working days, P^n of weekends and holidays; E the energy of
the complete days. The last month ends with ``as_of``, so that the window has 60 to 92 days.
"""

from __future__ import annotations

from gridlens.contracts.feature import CHINA, HOURS, IEV, OWN, PRICE, SHANNON, features
from gridlens.contracts.load_shape_day import PERIOD_NAMES

D = "double"
SHAPE_MONTHS = 3
NO_CURVE = "no complete day with intervals in the three months"
DAY_PARTS = {"night": "22 to 06", "morning": "06 to 10", "midday": "10 to 17", "evening": "17 to 22"}

SHAPE_FEATURES = (
    *features(
        "account",
        None,
        [
            (
                "shape_days",
                "int",
                "d",
                "Complete days of the three months, of the point that has most",
                "max over points Σ complete_days",
                OWN,
            )
        ],
    ),
    *features(
        "account",
        NO_CURVE,
        [
            ("mean_kw", D, "kW", "Mean power", "mean(P_h)", IEV),
            ("peak_kw", D, "kW", "Maximum demand (最大需量); of several points the sum of their maxima", "Σ max(peak_kw)", IEV),
            ("base_kw", D, "kW", "Typical base load", "Σ mean(base_kw)", PRICE),
        ],
    ),
    *features(
        "account",
        f"{NO_CURVE}, or the peak is not positive",
        [("load_factor", D, "", "Load factor (负荷率)", "mean_kw / peak_kw", IEV)],
    ),
    *features(
        "account",
        f"{NO_CURVE}, or no contract capacity",
        [("capacity_utilisation", D, "", "Maximum demand against contract capacity", "max(capacity_utilisation)", CHINA)],
    ),
    *features(
        "account",
        f"{NO_CURVE}, or their energy is not positive",
        [
            *[
                (f"{part}_share", D, "", f"Part of the energy used from {hours} local clock time", "energy-weighted", OWN)
                for part, hours in DAY_PARTS.items()
            ],
            ("shape_entropy", D, "", "Evenness of the mean profile, 1 where flat", "-Σ q_h ln q_h / ln 24, q = P / Σ P", SHANNON),
            ("evening_ratio", D, "", "Mean power from 18 to 22 against the day's", "mean(P_18..P_21) / mean(P)", OWN),
            ("deep_night_ratio", D, "", "Mean power from 00 to 05 against the day's", "mean(P_0..P_4) / mean(P)", OWN),
            ("working_hours_ratio", D, "", "Mean power from 08 to 18 against the day's", "mean(P_8..P_17) / mean(P)", OWN),
            ("base_share", D, "", "Base load against mean power", "base_kw / mean_kw", PRICE),
            ("peak_hour", "int", "h", "Clock hour of highest mean power (the first)", "argmax(P)", OWN),
            ("low_hour", "int", "h", "Clock hour of lowest mean power (the first)", "argmin(P)", OWN),
        ],
    ),
    *features(
        "account",
        f"{NO_CURVE}, or the power from 09 to 11 and 15 to 17 is not positive",
        [
            (
                "midday_dip",
                D,
                "",
                "Mean power from 11 to 15 against that of the hours beside it; own generation lowers it",
                "mean(P_11..P_14) / mean(P_9, P_10, P_15, P_16)",
                OWN,
            )
        ],
    ),
    *features(
        "account",
        f"{NO_CURVE} of either sort, or no power on working days",
        [("nonworking_ratio", D, "", "Mean power of weekends and holidays against working days", "mean(P^n) / mean(P^w)", OWN)],
    ),
    *features(
        "account",
        f"{NO_CURVE} and a tariff, or their energy is not positive",
        [
            (f"share_{k}", D, "", f"Part of the energy in the {name} period", f"energy_{k} / Σ_k energy_k", CHINA)
            for k, name in PERIOD_NAMES.items()
        ],
    ),
    *features(
        "account",
        f"{NO_CURVE}, or all values are the same",
        [
            ("regularity", D, "", "Part of the hourly variance that the mean profile explains", "energy-weighted regularity", OWN),
        ],
    ),
    *features(
        "account",
        "either profile is null, has an unknown hour, or is flat",
        [("profile_similarity", D, "", "Likeness of working-day and other days' profiles", "Pearson correlation of P^w and P^n", OWN)],
    ),
    *features(
        "account",
        NO_CURVE,
        [
            ("ramp_up_kw_per_h", D, "kW/h", "Steepest rise at one point", "max(ramp_up)", PRICE),
            ("demand_hour", D, "h", "Local clock time of the maximum demand, of the point with the highest", "peak_hour", OWN),
            ("zero_share", D, "", "Mean part of zero intervals", "mean(zero_share)", OWN),
        ],
    ),
    *features(
        "account",
        None,
        [("export_kwh", D, "kWh", "Energy fed into the grid (上网电量) in the three months", "Σ energy of channel 2.8.0", IEV)],
    ),
    *features(
        "account",
        f"{NO_CURVE}, or no energy at all",
        [("export_share", D, "", "Export against all exchange with the grid", "E(2.8.0) / (E(1.8.0) + E(2.8.0))", OWN)],
    ),
    *features(
        "account",
        f"{NO_CURVE} of the sort",
        [
            ("profile_working_kw", "array<double>", "kW", f"Mean {HOURS}-hour profile of working days", "P^w", OWN),
            ("profile_nonworking_kw", "array<double>", "kW", f"Mean {HOURS}-hour profile of weekends and holidays", "P^n", OWN),
        ],
    ),
)
