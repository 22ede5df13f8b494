"""Silver: the deterministic fold of bronze. Versioned entities keep every version; interval blocks keep current and superseded apart."""

from __future__ import annotations

from dataclasses import replace

from gridlens.contracts import codes
from gridlens.contracts.bronze import DEFECTS
from gridlens.contracts.entities import ACCOUNT, CHANNEL, ENERGY, ENTITIES, PARTY, POINT, PRICE
from gridlens.tables import Field, Sensitivity, Table

KNOWN_FROM = Field("known_from", "timestamp", "Moment from which this version was known, UTC")
HASH = Field("_content_hash", "bigint", "Content of the version; breaks ties between versions known at the same moment (the greater wins)")
SOURCE = Field("_source", "string", "Source that brought the version")
LOCATOR = Field("_locator", "string", "Where the source row stands")
LOCAL_MONTH = Field("local_month", "date", "First day of the month of local_date")

INTERVAL_BLOCK = (
    POINT,
    CHANNEL,
    Field("local_date", "date", "Local day"),
    LOCAL_MONTH,
    Field("zone", "string", "IANA zone of local_date"),
    Field(
        "resolution_minutes",
        "int",
        "Length of one interval; 1440 where there is a daily total only (whatever the day's length)",
        unit="min",
    ),
    Field("start_utc", "timestamp", "Begin of the first interval, UTC"),
    Field(
        "values",
        "array<double>",
        "Energy of each interval of the day in order, multiplier applied; null where missing. 96 at 15 minutes, 92 or 100 on clock-change days",
        unit="kWh",
    ),
    Field("quality", "array<tinyint>", "One code for each interval, see codes.QUALITY_CODES"),
    Field("energy_kwh", "double", "Sum of the values that are there", unit="kWh", null="no value at all"),
    Field("max_kwh", "double", "Largest interval", unit="kWh", null="no value at all"),
    Field("missing_count", "int", "Intervals without a value"),
    Field("flagged_count", "int", "Intervals with a quality code other than measured, missing or source_estimated"),
    Field("multiplier", "double", "CT×PT ratio applied to the source's values"),
    KNOWN_FROM,
    HASH,
)
INTERVAL_KEY = ("metering_point_id", "channel", "local_date")

INTERVAL_DAY = Table(
    "interval_day",
    "silver",
    "Interval blocks as known now: one row per metering point, channel and local day; measurements with row-local checks.",
    INTERVAL_BLOCK,
    INTERVAL_KEY,
    partition_by=("local_month",),
    sort_by=("local_date", "metering_point_id"),
    checks={"values_match_quality": "size(values) = size(quality)", "month_of_day": "local_month = trunc(local_date, 'MM')"},
)
INTERVAL_DAY_SUPERSEDED = replace(
    INTERVAL_DAY,
    name="interval_day_superseded",
    doc="Earlier versions of interval blocks: what was known before the current one.",
    keys=(*INTERVAL_KEY, "known_from"),
)
INTERVAL_ESTIMATE = Table(
    "interval_estimate",
    "silver",
    "Opinions on interval blocks: contextual checks (spike, flatline, zero run, sum against the register) and estimates of missing values. Sparse: a day without an opinion has no row.",
    (
        POINT,
        CHANNEL,
        Field("local_date", "date", "Local day"),
        LOCAL_MONTH,
        Field("opinion", "array<tinyint>", "One code for each interval, see codes.OPINION_CODES"),
        Field("estimates", "array<double>", "Estimated energy, null where none is offered", unit="kWh"),
        Field("suspect_count", "int", "Intervals that a check objects to"),
        Field("estimated_count", "int", "Intervals with an estimate"),
        Field(
            "register_kwh",
            "double",
            "Advance of the register over the day, multiplier applied",
            unit="kWh",
            null="no register readings at both ends of the day",
        ),
        Field("block_hash", "bigint", "_content_hash of the block that the opinion is about"),
        Field("known_from", "timestamp", "Moment of the newest fact used, UTC"),
    ),
    INTERVAL_KEY,
    partition_by=("local_month",),
    sort_by=("local_date", "metering_point_id"),
    checks={"estimates_match": "size(opinion) = size(estimates)"},
)


def versioned(name: str, doc: str, fields: tuple[Field, ...], keys: tuple[str, ...], checks: dict[str, str] | None = None) -> Table:
    """A silver entity that keeps every version: its key plus ``known_from``."""
    return Table(name, "silver", doc, (*fields, KNOWN_FROM, HASH, SOURCE, LOCATOR), (*keys, "known_from"), checks=checks or {})


def _of(entity: str, *, only: tuple[str, ...] = (), without: tuple[str, ...] = ()) -> tuple[Field, ...]:
    fields = ENTITIES[entity][1]
    return tuple(f for f in fields if (not only or f.name in only) and f.name not in without)


_IDENTITY = ("name", "phone", "address", "document_number", "birth_year")
CUSTOMER_IDENTITY = versioned(
    "customer_identity",
    "Who a party is: the only silver table with personal data.",
    _of("customer", only=("account_id", "party_id", *_IDENTITY, "valid_from")),
    ("account_id", "valid_from"),
)
ACCOUNT_TABLE = versioned(
    "account", "Billing accounts, without identity.", _of("customer", without=_IDENTITY), ("account_id", "valid_from")
)
METERING_POINT = versioned(
    "metering_point",
    "Metering point, account, meter, transformer, feeder and area with validity; ratios and capacity.",
    (*_of("supply_point"), Field("multiplier", "double", "ct_ratio times pt_ratio")),
    ("metering_point_id", "valid_from"),
    checks={"multiplier_positive": "multiplier > 0"},
)
REGISTER_READING = replace(
    versioned(
        "register_reading",
        "Register readings per tariff rate, before the multiplier.",
        (*_of("meter_register"), Field("local_month", "date", "First day of the month of read_date")),
        ENTITIES["meter_register"][2],
    ),
    # In the order of arrival, mostly point by point: sorted by day the files were a tenth larger and took a quarter longer to write.
    partition_by=("local_month",),
)
SERVICE_EVENT = versioned("service_event", "Contacts and tickets; transcripts are personal.", _of("service_event"), ("event_id",))

PLAIN = (
    "product",
    "consent",
    "bill",
    "bill_item",
    "payment",
    "outage_event",
    "purchase",
    "interaction",
    "inspection",
    "energy_survey",
    "weather",
    "campaign_receipt",
)
"""Entities whose table has the entity's fields."""

TARIFF = Table(
    "tariff",
    "silver",
    "Time-of-use periods and prices in force, one row per tariff, version, month and interval of the day; from conf/tariffs.",
    (
        Field("tariff_id", "string", "Tariff"),
        Field("valid_from", "date", "First day of the version"),
        Field("month", "int", "Calendar month, 1 to 12"),
        Field("periods", "array<string>", "Period of each of 96 quarter hours: sharp, peak, flat, valley, deep_valley"),
        Field("price_sharp", PRICE, "Energy price", unit="CNY/kWh", null="no such period, or no purchase price of the month"),
        Field("price_peak", PRICE, "Energy price", unit="CNY/kWh", null="no such period, or no purchase price of the month"),
        Field("price_flat", PRICE, "Energy price", unit="CNY/kWh", null="no such period, or no purchase price of the month"),
        Field("price_valley", PRICE, "Energy price", unit="CNY/kWh", null="no such period, or no purchase price of the month"),
        Field("price_deep_valley", PRICE, "Energy price", unit="CNY/kWh", null="no such period, or no purchase price of the month"),
        Field("definition", "string", "Fingerprint of the definition file"),
    ),
    ("tariff_id", "valid_from", "month"),
)
CALENDAR = Table(
    "calendar",
    "silver",
    "Day types: working day, weekend, holiday, make-up working day.",
    (
        Field("calendar_id", "string", "Calendar, such as CN"),
        Field("local_date", "date", "Local day"),
        Field("day_type", "string", "What the day is", allowed=("working", "weekend", "holiday")),
        Field("holiday_name", "string", "Name of the holiday", null="not a holiday"),
        Field("is_makeup_workday", "boolean", "Weekend day worked instead of a holiday (调休)"),
        Field("days_to_spring_festival", "int", "Days from the nearest Spring Festival, negative before it", null="calendar without it"),
    ),
    ("calendar_id", "local_date"),
)
QUARANTINE = Table(
    "quarantine",
    "silver",
    "Rejected source rows with their text and every rule they broke; of a matrix every line with a rejected reading.",
    (
        Field("_source", "string", "Source"),
        Field("_batch_id", "string", "Batch"),
        Field("_locator", "string", "File and line"),
        Field("entity", "string", "Contract the row was meant for"),
        Field(
            "source_text",
            "string",
            "The row as received; of a matrix line the rejected readings too (column, date, value)",
            sensitivity=Sensitivity.PERSONAL,
            null="source is not text",
        ),
        Field("defects", DEFECTS, "Rules broken, with severity and detail"),
        Field("rules_fingerprint", "string", "Fingerprint of the rule set"),
    ),
    ("_batch_id", "_locator"),
)

SILVER: dict[str, Table] = {
    t.name: t
    for t in (
        INTERVAL_DAY,
        INTERVAL_DAY_SUPERSEDED,
        INTERVAL_ESTIMATE,
        REGISTER_READING,
        CUSTOMER_IDENTITY,
        ACCOUNT_TABLE,
        METERING_POINT,
        SERVICE_EVENT,
        *(versioned(name, ENTITIES[name][0], _of(name), ENTITIES[name][2]) for name in PLAIN),
        TARIFF,
        CALENDAR,
        QUARANTINE,
    )
}
__all__ = ["ACCOUNT", "ENERGY", "INTERVAL_KEY", "PARTY", "SILVER", "codes", "versioned"]
