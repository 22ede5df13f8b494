"""``account_feature_v1``: one row per account, last day and moment of knowledge. Everything that tags, segments and models read."""

from __future__ import annotations

from dataclasses import replace

from gridlens.contracts import codes
from gridlens.contracts.account_contact import (
    INSPECTION_FEATURES,
    INTERACTION_FEATURES,
    OUTAGE_FEATURES,
    PURCHASE_FEATURES,
    SERVICE_FEATURES,
    SURVEY_FEATURES,
)
from gridlens.contracts.account_energy import ENERGY_FEATURES
from gridlens.contracts.account_money import BILL_FEATURES, INDUSTRY_FEATURES, PAYMENT_FEATURES
from gridlens.contracts.account_shape import SHAPE_FEATURES
from gridlens.contracts.entities import ACCOUNT
from gridlens.contracts.feature import OWN, Feature, features
from gridlens.tables import Field, Sensitivity, Table

D = "double"
MIN_PEERS = 15
"""Least size of a peer group; smaller ones are joined with their neighbours."""
NO_POINT = "no metering point known"

AS_OF = Field("as_of", "date", "Last local day included")
KNOWN_AT = Field("known_at", "timestamp", "Moment of knowledge, UTC: nothing that became known later is used")

BASE_FIELDS = (
    Field("party_id", "string", "Person or company that holds the account"),
    Field("party_kind", "string", "Person or company", allowed=tuple(codes.PARTY_KINDS)),
    Field("category", "string", "Customer category of the tariff", allowed=tuple(codes.CUSTOMER_CATEGORIES)),
    Field("industry_code", "string", "GB/T 4754 division, two digits", null="household"),
    Field("billing_kind", "string", "Postpaid or prepaid (费控)", allowed=tuple(codes.BILLING_KINDS)),
    Field("autopay", "boolean", "Automatic debit agreed", null="not recorded"),
    Field("opened_on", "date", "Day the account was opened"),
    Field("closed_on", "date", "Day the account was closed", null="open on as_of"),
    Field("area_id", "string", "Area of supply"),
    Field("org_unit_id", "string", "Who is responsible"),
    Field("voltage_level", "string", "Voltage of supply of the main point", allowed=tuple(codes.VOLTAGE_LEVELS), null=NO_POINT),
    Field("tariff_id", "string", "Tariff of the main point", null=f"{NO_POINT}, or its tariff is unknown"),
    Field("transformer_id", "string", "Transformer (台区) of the main point", null=f"{NO_POINT}, or fed at 35 kV or above"),
    Field("feeder_id", "string", "Feeder of the main point", null=NO_POINT),
    Field(
        "age_band",
        "string",
        "Age that the holder reaches in the year of as_of, in bands; models are compared by it and may not read it",
        allowed=tuple(codes.AGE_BANDS),
        null="company, or the year of birth is not recorded or cannot be",
        sensitivity=Sensitivity.PERSONAL,  # two bands of one account, a year apart, tell the year of birth
    ),
)
COMPARED_ONLY = ("age_band",)
"""Columns that tell groups apart which are to be treated alike: models are compared by them; no definition may read them."""
BASE_FEATURES = (
    *features(
        "account",
        None,
        [
            ("is_open", "boolean", "", "Account is open on as_of", "closed_on is null or closed_on > as_of", OWN),
            ("account_age_days", "int", "d", "Days since the account was opened", "as_of - opened_on", OWN),
            ("party_accounts", "int", "", "Open accounts of the same party, this one included", "n(accounts of party_id)", OWN),
            ("holder_changes_730d", "int", "", "Changes of the holding party in 730 days", "n(distinct party_id) - 1", OWN),
            ("point_count", "int", "", "Metering points", "n(metering points)", OWN),
        ],
    ),
    *features(
        "account",
        NO_POINT,
        [
            ("phases", "int", "", "Phases of the main point; null too where not recorded", "phases", OWN),
            ("has_pv", "boolean", "", "Registered generation behind one of the meters; null too where not recorded", "max(has_pv)", OWN),
        ],
    ),
    *features(
        "account",
        f"{NO_POINT}, or none with a contract capacity",
        [("contract_capacity_kva", D, "kVA", "Contract capacity of all points", "Σ contract_capacity_kva", OWN)],
    ),
    *features(
        "account",
        "no contract capacity now or a year before",
        [("capacity_change_365d", D, "kVA", "Change of contract capacity in 365 days", "capacity - capacity at as_of - 365 d", OWN)],
    ),
    *features(
        "account",
        "no contract capacity, or the energy of the year is unknown",
        [
            (
                "full_load_hours_365d",
                D,
                "h",
                "Energy of a year against contract capacity",
                "energy_kwh_365d / contract_capacity_kva",
                OWN,
            )
        ],
    ),
)
PEERS = ("energy_kwh_365d", "energy_growth_90d", "average_price_365d", "load_factor", "night_share", "late_share_365d")
"""Features whose percentile among peers is given."""
PEER_FEATURES = (
    *features(
        "account",
        None,
        [
            (
                "peer_group",
                "string",
                "",
                "Accounts to compare with: same category, industry and area; without area or industry where they are too few",
                f"the narrowest of (category, industry, area), (category, industry), (category) with at least {MIN_PEERS} open accounts",
                OWN,
            ),
            ("peer_count", "int", "", "Open accounts in the peer group", "n(peer_group)", OWN),
        ],
    ),
    *features(
        "account",
        "the feature is null, or the account is closed",
        [
            (f"{name}_percentile", D, "", f"Part of the peers whose {name} is lower", "(rank - 1) / (n - 1), 0 where alone", OWN)
            for name in PEERS
        ],
    ),
)

_TOLD: dict[tuple[str, ...], tuple[Feature, ...]] = {
    ("bill",): BILL_FEATURES,
    ("bill", "payment"): (*PAYMENT_FEATURES, *INDUSTRY_FEATURES),
    ("service_event",): SERVICE_FEATURES,
    ("purchase",): PURCHASE_FEATURES,
    ("interaction",): INTERACTION_FEATURES,
    ("inspection",): INSPECTION_FEATURES,
    ("energy_survey",): SURVEY_FEATURES,
    ("outage_event",): OUTAGE_FEATURES,
}
TOLD_BY: dict[str, tuple[str, ...]] = {feature.name: entities for entities, group in _TOLD.items() for feature in group}
"""The silver tables that tell a feature: where one of them has no row at all, the feature is null.

A company that has not loaded its payments yet must not find everybody in arrears, nor nobody in contact.
"""


def _told(feature: Feature) -> Feature:
    entities = TOLD_BY.get(feature.name)
    if not entities or feature.nullable:
        return feature
    return replace(feature, null=f"nothing is known of any {' or any '.join(entities)}; 0 where they do not mention the account")


_GROUPS = (BASE_FEATURES, ENERGY_FEATURES, SHAPE_FEATURES, *_TOLD.values())
ACCOUNT_FEATURES = (*(_told(feature) for group in _GROUPS for feature in group), *PEER_FEATURES)
COUNTS = frozenset(feature.name for group in _GROUPS for feature in group if not feature.nullable)
"""Counts and sums: 0, or false, for an account that is not mentioned."""
ACCOUNT_FEATURE = Table(
    "account_feature_v1",
    "gold",
    "What is known of an account: base data, energy, load shape, bills, payments, contacts, purchases, behaviour, surveys, peers.",
    (ACCOUNT, AS_OF, KNOWN_AT, *BASE_FIELDS, *ACCOUNT_FEATURES),
    ("account_id", "as_of", "known_at"),
    partition_by=("as_of",),
    sort_by=("account_id",),
)
