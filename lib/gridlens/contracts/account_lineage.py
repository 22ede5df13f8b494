"""Which rows stand behind a feature of an account, so that any value can be followed down to its source."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from gridlens.contracts.account_contact import (
    INSPECTION_FEATURES,
    INTERACTION_FEATURES,
    OUTAGE_FEATURES,
    PURCHASE_FEATURES,
    SERVICE_FEATURES,
    SURVEY_FEATURES,
)
from gridlens.contracts.account_energy import ENERGY_FEATURES, SERIES_DAYS
from gridlens.contracts.account_feature import BASE_FEATURES, BASE_FIELDS, PEER_FEATURES, PEERS
from gridlens.contracts.account_money import BILL_FEATURES, INDUSTRY_FEATURES, PAYMENT_FEATURES
from gridlens.contracts.account_shape import SHAPE_FEATURES, SHAPE_MONTHS
from gridlens.contracts.bronze import BRONZE
from gridlens.contracts.silver import SILVER
from gridlens.tables import Field, Table

ACCOUNT_KEY, POINT_KEY, TRANSFORMER_KEY = "account_id", "metering_point_id", "transformer_id"
_WINDOW = re.compile(r"_(\d+)d(?:_s)?$")
_YEAR, _SHAPE_DAYS = 365, 31 * SHAPE_MONTHS
_TERM = 62
"""Days from the end of a bill's period to its due date, at most: 20 to 55 in the synthetic province. The rows shown of a window of due dates
may so begin with bills that fell due before it; none that counts is missing."""


@dataclass(frozen=True)
class Evidence:
    """Rows behind a feature.

    Attributes:
        table: where they stand.
        by: what they belong to: the account, one of its metering points, or a transformer of these.
        when: column of their day or moment.
        shows: columns worth showing, beside ``when`` and the locator.
        channel: of meters, the only channel that counts; None: all.
    """

    table: Table
    by: str
    when: str
    shows: tuple[str, ...]
    channel: str | None = None


_ACCOUNT = Evidence(SILVER["account"], ACCOUNT_KEY, "valid_from", ("party_id", "category", "industry_code", "opened_on", "closed_on"))
_HOLDER = Evidence(SILVER["customer_identity"], ACCOUNT_KEY, "valid_from", ("party_id",))
_POINT = Evidence(
    SILVER["metering_point"],
    ACCOUNT_KEY,
    "valid_from",
    ("metering_point_id", "tariff_id", "contract_capacity_kva", "voltage_level", "has_pv"),
)
_REGISTER = Evidence(
    SILVER["register_reading"], POINT_KEY, "read_date", ("metering_point_id", "meter_id", "read_kind", "reading_total"), channel="1.8.0"
)
_CURVE = Evidence(BRONZE["meter_interval"], POINT_KEY, "local_date", ("metering_point_id", "channel"))
_BILL = Evidence(SILVER["bill"], ACCOUNT_KEY, "period_end", ("bill_id", "quantity_kwh", "amount", "due_on"))
_PAYMENT = Evidence(SILVER["payment"], ACCOUNT_KEY, "paid_at", ("payment_id", "bill_id", "amount", "channel", "reversal_of"))
_SERVICE = Evidence(SILVER["service_event"], ACCOUNT_KEY, "opened_at", ("event_id", "kind", "channel", "closed_at", "satisfaction"))
_PURCHASE = Evidence(SILVER["purchase"], ACCOUNT_KEY, "purchased_on", ("purchase_id", "product_id", "ended_on", "amount"))
_INTERACTION = Evidence(SILVER["interaction"], ACCOUNT_KEY, "occurred_at", ("interaction_id", "kind", "channel", "object"))
_INSPECTION = Evidence(SILVER["inspection"], POINT_KEY, "inspected_on", ("inspection_id", "finding", "recovered_kwh"))
_SURVEY = Evidence(SILVER["energy_survey"], ACCOUNT_KEY, "surveyed_on", ("survey_id", "equipment", "fuel", "source"))
_OUTAGE = Evidence(SILVER["outage_event"], TRANSFORMER_KEY, "started_at", ("outage_id", "kind", "ended_at"))

_OF_POINT = {
    *("voltage_level", "tariff_id", "transformer_id", "feeder_id", "point_count", "phases", "has_pv"),
    *("contract_capacity_kva", "capacity_change_365d"),
}
_GROUPS: tuple[tuple[tuple[Field, ...], tuple[Evidence, ...]], ...] = (
    (tuple(f for f in (*BASE_FIELDS, *BASE_FEATURES) if f.name in _OF_POINT), (_POINT,)),
    (tuple(f for f in BASE_FEATURES if f.name == "full_load_hours_365d"), (_POINT, _REGISTER)),
    (tuple(f for f in BASE_FIELDS if f.name == "age_band"), (_HOLDER,)),
    ((*BASE_FIELDS, *BASE_FEATURES), (_ACCOUNT,)),
    (ENERGY_FEATURES, (_REGISTER, _CURVE)),
    (SHAPE_FEATURES, (_CURVE,)),
    (BILL_FEATURES, (_BILL,)),
    (PAYMENT_FEATURES, (_BILL, _PAYMENT)),
    (INDUSTRY_FEATURES, (_ACCOUNT,)),  # the bills are those of all the industry
    (SERVICE_FEATURES, (_SERVICE,)),
    (PURCHASE_FEATURES, (_PURCHASE,)),
    (INTERACTION_FEATURES, (_INTERACTION,)),
    (OUTAGE_FEATURES, (_OUTAGE,)),
    (INSPECTION_FEATURES, (_INSPECTION,)),
    (tuple(f for f in SURVEY_FEATURES if f.name == "fuel_share_nearby"), (_POINT,)),  # the surveys are those of the neighbours
    (SURVEY_FEATURES, (_SURVEY,)),
    (PEER_FEATURES[:2], (_ACCOUNT,)),
)


_LOOKS_BACK: dict[str, int] = {
    **{f.name: _SHAPE_DAYS for f in SHAPE_FEATURES},
    **{f"energy_growth_{days}d": 2 * days for days in (30, 90, _YEAR)},
    **{f"energy_growth_year_{days}d": _YEAR + days for days in (30, 90)},
    "energy_ratio_14d": 14 + 56,
    "days_since_use": SERIES_DAYS,
    **{f"{name}_growth_365d": 2 * _YEAR for name in ("bill_amount", "bill_kwh", "average_price")},
    # The day on which a bill fell due is what counts here, and its period ended before.
    **{f"{name}_{days}d": days + _TERM for name in ("bills_due", "late_bills") for days in (60, _YEAR)},
    **{f"{name}_90d": 90 + _TERM for name in ("late_bills", "days_to_pay_in_time")},
    **{f"{name}_365d": _YEAR + _TERM for name in ("days_late_max", "days_late_mean", "part_paid_bills", "late_share", "days_to_pay_mean")},
    "late_share_prior_365d": 2 * _YEAR + _TERM,
    "days_to_pay_last": _YEAR + _TERM,
    "product_interest": 90,
    "interaction_channel": _YEAR,
    "spring_festival_ratio_365d": _YEAR + 49,  # seven weeks before the festival are compared with it
}
"""Features that look back further than their names say, or whose names say nothing of it; others without a window read all."""


def evidence_of(feature: str) -> tuple[Evidence, ...]:
    """Where the rows behind ``feature`` stand; a percentile has those of the feature it ranks."""
    ranked = feature.removesuffix("_percentile")
    name = ranked if ranked in PEERS else feature
    return next(evidence for fields, evidence in _GROUPS if name in {f.name for f in fields})


def days_of(features: Iterable[str]) -> int | None:
    """Days that the widest of the features looks back: what is stated, else the window its name ends with; None: all that is known."""
    days = [_days_of(feature.removesuffix("_percentile")) for feature in features]
    return None if None in days else max(day for day in days if day is not None)


def _days_of(feature: str) -> int | None:
    if feature in _LOOKS_BACK:
        return _LOOKS_BACK[feature]
    window = _WINDOW.search(feature)
    return int(window.group(1)) if window else None
