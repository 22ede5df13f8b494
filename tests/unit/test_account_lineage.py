"""Where the rows behind an account's features stand."""

from __future__ import annotations

import re

from gridlens.contracts.account_feature import ACCOUNT_FEATURES, BASE_FIELDS
from gridlens.contracts.account_lineage import days_of, evidence_of
from gridlens.contracts.account_money import PAYMENT_FEATURES


def test_every_feature_says_where_its_rows_stand() -> None:
    tables = {
        feature.name: [evidence.table.name for evidence in evidence_of(feature.name)] for feature in (*BASE_FIELDS, *ACCOUNT_FEATURES)
    }
    assert all(tables.values())
    assert tables["late_share_365d_percentile"] == tables["late_share_365d"] == ["bill", "payment"]
    assert tables["surveyed_fuel"] == ["energy_survey"]
    assert tables["fuel_share_nearby"] == ["metering_point"], "the surveys are those of the neighbours"
    assert tables["age_band"] == ["customer_identity"]
    assert not {name for evidence in evidence_of("age_band") for name in evidence.shows} & set(evidence_of("age_band")[0].table.personal)
    assert tables["industry_late_share_60d"] == ["account"], "the bills are those of all the industry"


def test_the_rows_shown_are_those_that_the_value_rests_on() -> None:
    assert days_of(["bill_amount_365d"]) == 365
    assert days_of(["late_share_365d"]) == 365 + 62, "a bill that fell due in the year may be of a period that ended before it"
    assert days_of(["days_to_pay_in_time_90d"]) == days_of(["late_bills_90d"]) == 90 + 62
    assert days_of(["contacts_30d", "contacts_90d"]) == 90
    assert days_of(["energy_growth_90d"]) == days_of(["energy_growth_90d_percentile"]) == 180, "the quarter before is half of the value"
    assert days_of(["energy_growth_year_90d"]) == 365 + 90
    assert days_of(["late_share_prior_365d"]) == 2 * 365 + 62
    assert days_of(["days_to_pay_last"]) == 365 + 62
    assert days_of(["load_factor"]) == 93, "three months of curves"
    for name in ("arrears_amount", "days_outstanding", "owns_pv", "open_complaints", "purchases_total", "days_since_survey"):
        assert days_of([name]) is None, f"{name} may rest on a row of any age"
    assert days_of(["arrears_amount", "late_share_365d"]) is None


def test_no_bill_that_fell_due_in_the_window_is_left_out() -> None:
    due = [f.name for f in PAYMENT_FEATURES if re.search(r"due_on|\bD\b|D'", f.formula)]
    assert {"late_share_365d", "bills_due_60d", "days_late_max_365d", "part_paid_bills_365d", "days_to_pay_mean_365d"} <= set(due)
    for name in due:
        window = re.search(r"_(\d+)d$", name)
        days = days_of([name])
        assert days is None or days >= (int(window.group(1)) if window else 0) + 62, name
