"""Gold: versioned contracts for readers. A breaking change is a new version (``_v2``)."""

from __future__ import annotations

from gridlens.contracts.account_feature import ACCOUNT_FEATURE
from gridlens.contracts.anomaly import USAGE_ALERT
from gridlens.contracts.association import ASSOCIATION_RULE
from gridlens.contracts.audience import AUDIENCE, AUDIENCE_SNAPSHOT
from gridlens.contracts.churn import CHURN_HAZARD
from gridlens.contracts.collection import COLLECTION_CASE
from gridlens.contracts.consumption_year import YEAR_FEATURES
from gridlens.contracts.credit import CREDIT_GRADE, CREDIT_OVERLAY
from gridlens.contracts.entities import CHANNEL, POINT
from gridlens.contracts.graph import IDENTITY_LINK, PROFILE_EDGE
from gridlens.contracts.load_shape_day import DAY_FEATURES
from gridlens.contracts.load_shape_month import MONTH_FEATURES
from gridlens.contracts.model import MODEL_DRIFT, MODEL_FIGURE
from gridlens.contracts.offers import NEXT_BEST_OFFER, OFFER_EXCLUSION
from gridlens.contracts.score import SCORE
from gridlens.contracts.segment import LARGE_CUSTOMER, SEGMENT, SEGMENT_PROFILE, SEGMENTATION, SMALL_CUSTOMER
from gridlens.contracts.silver import LOCAL_MONTH
from gridlens.contracts.substitution import SUBSTITUTION_POTENTIAL, SUBSTITUTION_SUMMARY
from gridlens.contracts.tag import TAG_CATALOGUE, TAG_CURRENT, TAG_VALUE
from gridlens.contracts.trajectory import PATH_PATTERN, STAGE_TRANSITION, TRAJECTORY
from gridlens.contracts.value import CUSTOMER_VALUE, VALUE_FIGURE
from gridlens.tables import Field, Table

DAY_TYPES = ("working", "weekend", "holiday")
KNOWN_FROM = Field("known_from", "timestamp", "Moment from which all facts used were known, UTC")

LOAD_SHAPE_DAY = Table(
    "load_shape_day_v1",
    "gold",
    "The shape of each day: one row per metering point, channel and local day.",
    (
        POINT,
        CHANNEL,
        Field("local_date", "date", "Local day"),
        LOCAL_MONTH,
        Field("day_type", "string", "What the day is", allowed=DAY_TYPES, null="the calendar does not cover the day"),
        Field("resolution_minutes", "int", "Length of one interval of the day; 1440 where there is a daily total only", unit="min"),
        *DAY_FEATURES,
        KNOWN_FROM,
    ),
    ("metering_point_id", "channel", "local_date"),
    partition_by=("local_month",),
    sort_by=("local_date", "metering_point_id"),
    checks={"month_of_day": "local_month = trunc(local_date, 'MM')"},
)
LOAD_SHAPE_MONTH = Table(
    "load_shape_month_v1",
    "gold",
    "The shape of each month: one row per metering point, channel and calendar month.",
    (POINT, CHANNEL, LOCAL_MONTH, *MONTH_FEATURES, KNOWN_FROM),
    ("metering_point_id", "channel", "local_month"),
    partition_by=("local_month",),
    sort_by=("metering_point_id",),
)
CONSUMPTION_YEAR = Table(
    "consumption_year_v1",
    "gold",
    "Consumption over the 365 local days that end with as_of: trend, seasonality, dependence on weather.",
    (POINT, CHANNEL, Field("as_of", "date", "Last local day included"), *YEAR_FEATURES, KNOWN_FROM),
    ("metering_point_id", "channel", "as_of"),
    partition_by=("as_of",),
    sort_by=("metering_point_id",),
)
GOLD: dict[str, Table] = {
    t.name: t
    for t in (
        LOAD_SHAPE_DAY,
        LOAD_SHAPE_MONTH,
        CONSUMPTION_YEAR,
        ACCOUNT_FEATURE,
        TAG_VALUE,
        TAG_CURRENT,
        TAG_CATALOGUE,
        ASSOCIATION_RULE,
        IDENTITY_LINK,
        PROFILE_EDGE,
        TRAJECTORY,
        PATH_PATTERN,
        STAGE_TRANSITION,
        AUDIENCE,
        AUDIENCE_SNAPSHOT,
        SEGMENT,
        SEGMENT_PROFILE,
        SEGMENTATION,
        LARGE_CUSTOMER,
        SMALL_CUSTOMER,
        MODEL_FIGURE,
        MODEL_DRIFT,
        SCORE,
        USAGE_ALERT,
        CREDIT_OVERLAY,
        CREDIT_GRADE,
        COLLECTION_CASE,
        CHURN_HAZARD,
        NEXT_BEST_OFFER,
        OFFER_EXCLUSION,
        SUBSTITUTION_POTENTIAL,
        SUBSTITUTION_SUMMARY,
        CUSTOMER_VALUE,
        VALUE_FIGURE,
    )
}
