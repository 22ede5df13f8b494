"""The features of one account's bills and payments, as known at ``known_at`` and up to ``as_of``.

A_b amount, Q_b energy of bill b; Y the bills whose period ended in the 365 days that end with ``as_of``, Y' those of the
365 days before; n() a count. q_k and c_k quantity and charge of the items of kind k on the bills of Y. Around 29 February
365 days may hold 11 or 13 ends of a month instead of 12.

D the bills issued that fell due in the 365 days that end with ``as_of``, D' those of the 365 days before; N_b the net paid
on b: its payments less reversals. A bill is settled where N_b >= A_b, on the local day since which that has been so, and
not before it was issued; on issue where A_b <= 0 or where it is drawn from a prepaid balance: all others are to pay. s is that
day, of an open bill ``as_of``. A bill is late where it was not settled by the end of its due date (due on ``as_of`` and open then: late
by 0 days). A bill to pay that is not settled and of which a payment stands in quarantine, not delivered again since, is in question:
whether it is paid nobody can say, so it is neither open nor in D and D'. Only where that payment is dated after the due date is it late
for certain: s is that day then, at least so long it took.
A good payment is positive, no reversal and not reversed; it belongs to the window in which it was made.
"""

from __future__ import annotations

from gridlens.contracts.feature import OWN, features

D = "double"
MIN_BILLS_PRIOR = 9
MIN_BILLS_VARIATION = 3
MIN_BILLS_PEAK = 6
MIN_BILLS_BEFORE_LAST = 3
DIGITAL_CHANNELS = ("app", "wechat", "alipay")
COUNTER_CHANNELS = ("counter", "self_service")

NO_BILL = "no bill yet"
NO_YEAR = "no bill in the 365 days"
NO_PRIOR = f"fewer than {MIN_BILLS_PRIOR} bills in the 365 days before the last 365, or their total is not positive"
NO_ENERGY = f"{NO_YEAR}, or their energy is not positive"
NO_AMOUNT = f"{NO_YEAR}, or their amount is not positive"
NO_PERIODS = "no energy billed by tariff period in the 365 days"
NO_TIERS = "no energy billed by tier in the 365 days"
NO_PAYMENT = "no good payment in the 365 days"
USUAL_BILLS = 50
"""So many bills of the year's share are added to an industry's bills of 60 days: a few bills alone say little."""
NO_INDUSTRY = "household, or no bill of a postpaid account of the industry fell due in the 365 days"

BILL_FEATURES = (
    *features(
        "account",
        None,
        [
            ("bill_count_365d", "int", "", "Bills", "n(Y)", OWN),
            ("bill_amount_365d", D, "CNY", "Amount billed", "Σ_Y A", OWN),
            ("bill_kwh_365d", D, "kWh", "Energy billed", "Σ_Y Q", OWN),
            ("power_factor_penalties_365d", "int", "", "Bills with a power-factor charge (力调)", "n(b in Y: c_power_factor > 0)", OWN),
            ("export_credit_365d", D, "CNY", "Credited for export; positive is in the customer's favour", "-Σ c_export_credit", OWN),
            ("adjustments_365d", "int", "", "Items that correct earlier bills (退补)", "n(items of kind adjustment)", OWN),
            ("zero_bills_365d", "int", "", "Bills without any energy", "n(b in Y: Q_b = 0)", OWN),
        ],
    ),
    *features(
        "account",
        NO_BILL,
        [
            ("last_bill_amount", D, "CNY", "Bill of the latest period", "A_last (by period_end, issued_on, bill_id)", OWN),
            ("last_bill_days_ago", "int", "d", "Days since that bill was issued", "as_of - issued_on of the last bill", OWN),
        ],
    ),
    *features(
        "account",
        f"{NO_BILL}, or fewer than {MIN_BILLS_BEFORE_LAST} others in the 365 days before its period ended, or their mean is not positive",
        [("last_bill_ratio", D, "", "Last bill against the usual one", "A_last / mean(other A_b, end_b >= end_last - 365)", OWN)],
    ),
    *features("account", NO_YEAR, [("bill_amount_mean_365d", D, "CNY", "Mean bill", "Σ_Y A / n(Y)", OWN)]),
    *features(
        "account",
        NO_PRIOR,
        [
            ("bill_amount_growth_365d", D, "", "Growth of the amount billed against the year before", "Σ_Y A / Σ_Y' A - 1", OWN),
            ("bill_kwh_growth_365d", D, "", "Growth of the energy billed against the year before", "Σ_Y Q / Σ_Y' Q - 1", OWN),
        ],
    ),
    *features(
        "account",
        f"{NO_ENERGY}; or {NO_PRIOR}, in energy or amount",
        [("average_price_growth_365d", D, "", "Growth of the average price", "(Σ_Y A / Σ_Y Q) / (Σ_Y' A / Σ_Y' Q) - 1", OWN)],
    ),
    *features(
        "account",
        f"fewer than {MIN_BILLS_VARIATION} bills in the 365 days, or their mean is not positive",
        [("bill_variation_365d", D, "", "Coefficient of variation of the bills", "std_Y(A) / mean_Y(A), population", OWN)],
    ),
    *features(
        "account",
        f"fewer than {MIN_BILLS_PEAK} bills in the 365 days, or their median is not positive",
        [("highest_bill_ratio_365d", D, "", "Highest bill against the median one", "max_Y(A) / median_Y(A)", OWN)],
    ),
    *features(
        "account",
        NO_ENERGY,
        [("average_price_365d", D, "CNY/kWh", "Average price paid, all charges and credits included", "Σ_Y A / Σ_Y Q", OWN)],
    ),
    *features(
        "account",
        NO_PERIODS,
        [
            ("billed_peak_share_365d", D, "", "Energy billed in peak periods (尖、峰)", "(q_sharp + q_peak) / Σ_periods q", OWN),
            (
                "billed_valley_share_365d",
                D,
                "",
                "Energy billed in valley periods (谷、深谷)",
                "(q_valley + q_deep_valley) / Σ_periods q",
                OWN,
            ),
        ],
    ),
    *features(
        "account",
        NO_TIERS,
        [
            ("tier_2_share_365d", D, "", "Energy billed in the second tier (第二档)", "q_tier_2 / Σ_tiers q", OWN),
            ("tier_3_share_365d", D, "", "Energy billed in the third tier (第三档)", "q_tier_3 / Σ_tiers q", OWN),
        ],
    ),
    *features(
        "account",
        NO_AMOUNT,
        [
            ("demand_charge_share_365d", D, "", "Capacity and demand charges; 0 without them", "(c_capacity + c_demand) / Σ_Y A", OWN),
            ("power_factor_charge_share_365d", D, "", "Power-factor charge; bonus negative", "c_power_factor / Σ_Y A", OWN),
        ],
    ),
)

PAYMENT_FEATURES = (
    *features(
        "account",
        None,
        [
            ("bills_due_365d", "int", "", "Bills that fell due", "n(D)", OWN),
            ("late_bills_365d", "int", "", "Of these, late", "n(b in D: late)", OWN),
            ("bills_due_60d", "int", "", "Bills that fell due in the last 60 days", "n(b: as_of - 60 < due_on <= as_of)", OWN),
            ("late_bills_60d", "int", "", "Of these, late", "n(b: as_of - 60 < due_on <= as_of, late)", OWN),
            ("late_bills_90d", "int", "", "Late bills that fell due in the last 90 days", "n(b: as_of - 90 < due_on <= as_of, late)", OWN),
            ("days_late_max_365d", "int", "d", "Longest delay; 0 where none was late", "max(s - due_on) over late b in D", OWN),
            (
                "part_paid_bills_365d",
                "int",
                "",
                "Bills paid in parts, or in part only",
                "n(b in D: good payments > 1 or 0 < N_b < A_b)",
                OWN,
            ),
            ("open_bills", "int", "", "Bills issued and not settled, due or not", "n(b: issued_on <= as_of, not settled)", OWN),
            (
                "bills_in_question",
                "int",
                "",
                "Bills in question: not settled, and a payment of them stands in quarantine",
                "n(b in question)",
                OWN,
            ),
            ("arrears_amount", D, "CNY", "Unpaid remainder of the bills past due", "Σ (A_b - N_b) over open b, due_on <= as_of", OWN),
            ("days_outstanding", "int", "d", "Age of the oldest arrears; 0 where none", "as_of - min(due_on of these bills)", OWN),
            ("reversals_365d", "int", "", "Payments that were reversed, by the day of the reversal", "n(payments with reversal_of)", OWN),
            ("payments_365d", "int", "", "Good payments", "n(good payments)", OWN),
            ("payment_channels_365d", "int", "", "Different ways of paying", "n(distinct channels of good payments)", OWN),
            ("top_ups_90d", "int", "", "Good payments without a bill in the last 90 days", "n(good payments without bill_id)", OWN),
        ],
    ),
    *features(
        "account",
        "no bill fell due in the 365 days",
        [("late_share_365d", D, "", "Late part of the bills", "n(b in D: late) / n(D)", OWN)],
    ),
    *features(
        "account",
        "no bill fell due in the 365 days before the last 365",
        [("late_share_prior_365d", D, "", "Late part of the bills a year earlier", "n(b in D': late) / n(D')", OWN)],
    ),
    *features(
        "account",
        "no settled bill of a positive amount fell due in the 365 days; drawn from a prepaid balance",
        [("days_to_pay_mean_365d", D, "d", "Days from issue to settlement", "mean(s - issued_on) over settled b in D", OWN)],
    ),
    *features(
        "account",
        "no bill to pay fell due in the 365 days",
        [
            (
                "days_to_pay_last",
                "int",
                "d",
                "Days from issue to settlement of the bill that fell due last; so far where it is open",
                "s - issued_on of the bill to pay in D with the latest due_on (of these, the latest by issued_on, bill_id)",
                OWN,
            )
        ],
    ),
    *features(
        "account",
        "no bill to pay that fell due in the 90 days was settled in time",
        [
            (
                "days_to_pay_in_time_90d",
                D,
                "d",
                "Days from issue to settlement of the bills of 90 days that were settled in time",
                "mean(s - issued_on) over settled b to pay, not late, as_of - 90 < due_on <= as_of",
                OWN,
            )
        ],
    ),
    *features(
        "account",
        "no bill that fell due in the 365 days was late",
        [("days_late_mean_365d", D, "d", "Mean delay of the late bills", "mean(s - due_on) over late b in D", OWN)],
    ),
    *features(
        "account",
        "no bill fell due in the 365 days, or their amount is not positive",
        [
            (
                "arrears_months",
                D,
                "months",
                "Arrears in months of the usual bill",
                "arrears_amount / (365 / 12 Σ_D A / Σ_D days billed)",
                OWN,
            )
        ],
    ),
    *features(
        "account", "never paid", [("days_since_payment", "int", "d", "Days since the last good payment", "as_of - max(paid_on)", OWN)]
    ),
    *features(
        "account",
        NO_PAYMENT,
        [
            ("payment_channel", "string", "", "Usual way of paying", "most frequent channel; ties: first by alphabet", OWN),
            (
                "digital_payment_share_365d",
                D,
                "",
                f"Paid by {', '.join(DIGITAL_CHANNELS)}",
                "n(good payments by these) / n(good payments)",
                OWN,
            ),
            ("direct_debit_share_365d", D, "", "Paid by direct debit", "n(good payments by direct_debit) / n(good payments)", OWN),
            (
                "counter_payment_share_365d",
                D,
                "",
                f"Paid by {', '.join(COUNTER_CHANNELS)}",
                "n(good payments by these) / n(good payments)",
                OWN,
            ),
        ],
    ),
    *features(
        "account",
        "no top-up in the 365 days",
        [("top_up_mean_365d", D, "CNY", "Mean top-up", "mean(amount of good payments without bill_id)", OWN)],
    ),
    *features(
        "account",
        "fewer than two top-ups in the 365 days",
        [("top_up_interval_days_365d", D, "d", "Mean days between top-ups", "(last paid_on - first paid_on) / (n - 1)", OWN)],
    ),
)

INDUSTRY_FEATURES = (
    *features(
        "account",
        NO_INDUSTRY,
        [
            (
                "industry_late_share_60d",
                D,
                "",
                "Late part of the bills of all postpaid accounts of the same industry in the last 60 days",
                f"p = (late_60 + {USUAL_BILLS} P) / (due_60 + {USUAL_BILLS}); late, due: sums of late_bills, bills_due over the industry; "
                "P = late_365 / due_365",
                OWN,
            )
        ],
    ),
    *features(
        "account",
        f"{NO_INDUSTRY}, or none of these bills was late",
        [("industry_late_change_60d", D, "", "That part against the industry's own of a year; above 1 is worse", "p / P", OWN)],
    ),
)
