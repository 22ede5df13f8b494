"""The business fields of every source entity, shared by its bronze and its silver table."""

from __future__ import annotations

from gridlens.contracts import codes
from gridlens.tables import Field, Sensitivity

P = Sensitivity.PERSONAL
MONEY = "decimal(18,2)"
PRICE = "decimal(18,8)"
ENERGY = "decimal(18,3)"

ACCOUNT = Field("account_id", "string", "Billing account (户号), surrogate and never recycled")
PARTY = Field("party_id", "string", "Person or company that holds accounts")
POINT = Field("metering_point_id", "string", "Metering point (计量点)")
CHANNEL = Field("channel", "string", "OBIS code of the measured quantity", allowed=tuple(codes.CHANNELS))
CURRENCY = Field("currency", "string", "ISO 4217 currency of the amounts")
VALID_FROM = Field("valid_from", "date", "First local day on which the row holds")

METER_INTERVAL = (
    POINT,
    CHANNEL,
    Field("local_date", "date", "Local day of the readings, in the source's zone"),
    Field("resolution_minutes", "int", "Length of one interval; 1440 where the source has a daily total only", unit="min"),
    Field("first_interval", "int", "0-based interval of the local day at which `values` begins"),
    Field(
        "values",
        "array<double>",
        "Readings as received, in the unit of value_kind, before the CT×PT multiplier",
        null="a missing or unreadable reading is a null element",
    ),
    Field(
        "bad_intervals",
        "array<int>",
        "0-based intervals whose cell was unreadable (their element of `values` is null)",
        null="no unreadable cell",
    ),
    Field("value_kind", "string", "What one value is", allowed=tuple(codes.VALUE_KINDS)),
    Field("multiplied", "boolean", "True where the source has already applied the CT×PT multiplier"),
    Field("zone", "string", "IANA zone of local_date"),
)
METER_REGISTER = (
    POINT,
    Field("meter_id", "string", "Device that was read"),
    CHANNEL,
    Field("read_date", "date", "Local day at whose end the registers were read"),
    Field("read_kind", "string", "Why it was read", allowed=("scheduled", "exchange_out", "exchange_in", "special")),
    Field("reading_total", ENERGY, "Register total, before the multiplier", unit="kWh", null="the cell was empty"),
    Field("reading_sharp", ENERGY, "Sharp-period register (尖)", unit="kWh", null="meter has no such register"),
    Field("reading_peak", ENERGY, "Peak register (峰)", unit="kWh", null="meter has no such register"),
    Field("reading_flat", ENERGY, "Flat register (平)", unit="kWh", null="meter has no such register"),
    Field("reading_valley", ENERGY, "Valley register (谷)", unit="kWh", null="meter has no such register"),
    Field("reading_deep_valley", ENERGY, "Deep-valley register (深谷)", unit="kWh", null="meter has no such register"),
    Field(
        "max_demand_kw",
        "double",
        "Highest 15-minute average power since the month began, before the multiplier",
        unit="kW",
        null="meter records no demand",
    ),
)
CUSTOMER = (
    ACCOUNT,
    PARTY,
    Field("party_kind", "string", "Person or company", allowed=tuple(codes.PARTY_KINDS)),
    Field("name", "string", "Name as registered", null="not recorded", sensitivity=P),
    Field("phone", "string", "Telephone number", null="not recorded", sensitivity=P),
    Field("address", "string", "Address of supply", null="not recorded", sensitivity=P),
    Field("document_number", "string", "Identity card or unified social credit number", null="not recorded", sensitivity=P),
    Field("birth_year", "int", "Year of birth of a person", null="company, or not recorded", sensitivity=P),
    Field("category", "string", "Customer category of the tariff", allowed=tuple(codes.CUSTOMER_CATEGORIES)),
    Field("industry_code", "string", "GB/T 4754 division, two digits", null="household"),
    Field("billing_kind", "string", "Postpaid or prepaid (费控)", allowed=tuple(codes.BILLING_KINDS)),
    Field("autopay", "boolean", "Automatic debit agreed", null="not recorded"),
    Field("opened_on", "date", "Day the account was opened"),
    Field("closed_on", "date", "Day the account was closed", null="open"),
    Field("area_id", "string", "Area of supply"),
    Field("org_unit_id", "string", "Who is responsible"),
    VALID_FROM,
)
SUPPLY_POINT = (
    POINT,
    ACCOUNT,
    Field("meter_id", "string", "Device installed"),
    Field("transformer_id", "string", "Transformer or supply district (台区)", null="fed at 35 kV or above"),
    Field("feeder_id", "string", "Feeder"),
    Field("area_id", "string", "Area"),
    Field("voltage_level", "string", "Voltage of supply", allowed=tuple(codes.VOLTAGE_LEVELS)),
    Field("contract_capacity_kva", "double", "Contract capacity", unit="kVA", null="not contracted (small customers of some companies)"),
    Field("ct_ratio", "double", "Current transformer ratio; 1 where direct"),
    Field("pt_ratio", "double", "Voltage transformer ratio; 1 where direct"),
    Field("tariff_id", "string", "Tariff of the point, see table tariff", null="unknown, so no tariff-period features"),
    Field("phases", "int", "1 or 3 phases", null="not recorded"),
    Field("has_pv", "boolean", "Registered generation behind the meter", null="not recorded"),
    VALID_FROM,
)
PRODUCT = (
    Field("product_id", "string", "Product or service"),
    Field("name_zh", "string", "Chinese name", sensitivity=Sensitivity.PUBLIC),
    Field("name_en", "string", "English name", sensitivity=Sensitivity.PUBLIC, null="no English name"),
    Field("category", "string", "Kind of product", allowed=codes.PRODUCT_CATEGORIES),
    Field("price", MONEY, "List price of one unit", null="priced by offer"),
    Field("margin", MONEY, "Contribution of one unit", null="not calculated"),
    CURRENCY,
    VALID_FROM,
)
CONSENT = (
    PARTY,
    Field("channel", "string", "Channel it concerns", allowed=codes.CONSENT_CHANNELS),
    Field("purpose", "string", "Purpose it concerns", allowed=codes.CONSENT_PURPOSES),
    Field("granted", "boolean", "True where granted, false where withdrawn"),
    VALID_FROM,
)
BILL = (
    Field("bill_id", "string", "Bill"),
    ACCOUNT,
    Field("period_start", "date", "First day billed"),
    Field("period_end", "date", "Last day billed"),
    Field("issued_on", "date", "Day of issue"),
    Field("due_on", "date", "Last day for payment"),
    Field("tariff_id", "string", "Tariff applied", null="several tariffs in one bill"),
    Field("quantity_kwh", ENERGY, "Energy billed", unit="kWh"),
    Field("amount", MONEY, "Total of the bill, equal to the sum of its items"),
    CURRENCY,
)
BILL_ITEM = (
    Field("bill_id", "string", "Bill"),
    Field("item_no", "int", "Position on the bill, from 1"),
    ACCOUNT,
    Field("kind", "string", "What is charged", allowed=tuple(codes.BILL_ITEM_KINDS)),
    Field("quantity", ENERGY, "Quantity", unit="kWh, kW or kVA by kind", null="charged as an amount"),
    Field("price", PRICE, "Unit price", null="charged as an amount"),
    Field("charge", MONEY, "Amount of the item"),
    CURRENCY,
)
PAYMENT = (
    Field("payment_id", "string", "Payment; where one payment settles several bills, each part has its own id"),
    ACCOUNT,
    Field(
        "bill_id", "string", "Bill to which this part is allocated; empty for a prepaid top-up", null="prepaid top-up or not yet allocated"
    ),
    Field("paid_at", "timestamp", "Moment of payment, UTC"),
    Field("amount", MONEY, "Amount allocated; negative where reversed"),
    CURRENCY,
    Field("channel", "string", "Way of paying", allowed=codes.PAYMENT_CHANNELS),
    Field("reversal_of", "string", "Payment that this one reverses", null="not a reversal"),
)
SERVICE_EVENT = (
    Field("event_id", "string", "Service ticket"),
    ACCOUNT,
    Field("kind", "string", "Kind of contact", allowed=codes.SERVICE_KINDS),
    Field("channel", "string", "Way in", allowed=codes.SERVICE_CHANNELS),
    Field("opened_at", "timestamp", "Opened, UTC"),
    Field("closed_at", "timestamp", "Closed, UTC", null="still open"),
    Field("satisfaction", "int", "1 (bad) to 5 (good)", null="not asked or no answer"),
    Field("transcript", "string", "What was said, in Chinese", null="no recording", sensitivity=P),
)
OUTAGE_EVENT = (
    Field("outage_id", "string", "Outage"),
    Field("transformer_id", "string", "Transformer concerned"),
    Field("kind", "string", "Planned or unplanned", allowed=codes.OUTAGE_KINDS),
    Field("started_at", "timestamp", "Begin, UTC"),
    Field("ended_at", "timestamp", "End, UTC", null="not yet over"),
    Field("cause", "string", "Cause as recorded", null="unknown"),
)
PURCHASE = (
    Field("purchase_id", "string", "Purchase"),
    ACCOUNT,
    Field("product_id", "string", "Product bought"),
    Field("purchased_on", "date", "Day of purchase"),
    Field("ended_on", "date", "Day the subscription ended", null="still runs, or not a subscription"),
    Field("quantity", "int", "Units"),
    Field("amount", MONEY, "Amount"),
    CURRENCY,
    Field("channel", "string", "Where bought", allowed=codes.INTERACTION_CHANNELS),
)
INTERACTION = (
    Field("interaction_id", "string", "Interaction"),
    ACCOUNT,
    Field("occurred_at", "timestamp", "Moment, UTC"),
    Field("channel", "string", "Channel", allowed=codes.INTERACTION_CHANNELS),
    Field("kind", "string", "What happened", allowed=codes.INTERACTION_KINDS),
    Field("object", "string", "Page, product, message or competitor concerned", null="none"),
    Field("duration_seconds", "int", "Duration", unit="s", null="momentary"),
)
INSPECTION = (
    Field("inspection_id", "string", "Inspection"),
    POINT,
    Field("inspected_on", "date", "Day of the visit"),
    Field("reason", "string", "Why it was ordered", null="not recorded"),
    Field("finding", "string", "What was found", allowed=codes.INSPECTION_FINDINGS),
    Field("recovered_kwh", ENERGY, "Energy recovered", unit="kWh", null="nothing recovered"),
    Field("recovered_amount", MONEY, "Amount recovered", null="nothing recovered"),
    CURRENCY,
)
ENERGY_SURVEY = (
    Field("survey_id", "string", "Survey: one premises as seen on one day"),
    ACCOUNT,
    Field("surveyed_on", "date", "Day on which it was seen, or entered in the register"),
    Field("equipment", "string", "Dominant energy equipment; none where nothing stands there", allowed=codes.SURVEY_EQUIPMENT),
    Field("fuel", "string", "What that equipment runs on; none where nothing is burnt", allowed=codes.SURVEY_FUELS),
    Field("source", "string", "Survey of fuels, register of equipment (boilers by law), or inspection", allowed=codes.SURVEY_SOURCES),
)
WEATHER = (
    Field("area_id", "string", "Area or station"),
    Field("local_date", "date", "Local day"),
    Field("temperature_min_c", "double", "Lowest temperature", unit="°C", null="not observed"),
    Field("temperature_mean_c", "double", "Mean temperature", unit="°C", null="not observed"),
    Field("temperature_max_c", "double", "Highest temperature", unit="°C", null="not observed"),
    Field("humidity_pct", "double", "Mean relative humidity", unit="%", null="not observed"),
    Field("precipitation_mm", "double", "Precipitation", unit="mm", null="not observed"),
)
CAMPAIGN_RECEIPT = (
    Field("receipt_id", "string", "Receipt from a channel"),
    Field("campaign_id", "string", "Campaign"),
    Field("message_key", "string", "Key of the message in the outbox"),
    ACCOUNT,
    Field("channel", "string", "Channel", allowed=codes.CONSENT_CHANNELS),
    Field("status", "string", "What the channel says", allowed=codes.RECEIPT_STATUSES),
    Field("occurred_at", "timestamp", "Moment, UTC"),
)

ENTITIES: dict[str, tuple[str, tuple[Field, ...], tuple[str, ...]]] = {
    "meter_interval": ("Interval readings or daily totals as received.", METER_INTERVAL, ("metering_point_id", "channel", "local_date")),
    "meter_register": (
        "Register readings (表码) as received.",
        METER_REGISTER,
        ("metering_point_id", "meter_id", "channel", "read_date", "read_kind"),
    ),
    "customer": ("Accounts and who holds them.", CUSTOMER, ("account_id", "valid_from")),
    "supply_point": ("Metering points with account, meter, network place and ratios.", SUPPLY_POINT, ("metering_point_id", "valid_from")),
    "product": ("Products and services on offer.", PRODUCT, ("product_id", "valid_from")),
    "consent": ("Consents granted and withdrawn.", CONSENT, ("party_id", "channel", "purpose", "valid_from")),
    "bill": ("Bills.", BILL, ("bill_id",)),
    "bill_item": ("Items of bills: quantity, price, charge.", BILL_ITEM, ("bill_id", "item_no")),
    "payment": ("Payments, allocated to bills; reversals are rows of their own.", PAYMENT, ("payment_id",)),
    "service_event": ("Contacts and tickets.", SERVICE_EVENT, ("event_id",)),
    "outage_event": ("Outages by transformer.", OUTAGE_EVENT, ("outage_id",)),
    "purchase": ("Purchases and subscriptions.", PURCHASE, ("purchase_id",)),
    "interaction": ("Web, app and other behaviour; competitors' quotes seen.", INTERACTION, ("interaction_id",)),
    "inspection": ("Field inspections and findings.", INSPECTION, ("inspection_id",)),
    "energy_survey": ("What premises burn, by survey or register (电能替代潜力普查, 用能设备台账).", ENERGY_SURVEY, ("survey_id",)),
    "weather": ("Daily weather by area.", WEATHER, ("area_id", "local_date")),
    "campaign_receipt": ("What channels report back on messages.", CAMPAIGN_RECEIPT, ("receipt_id",)),
}
"""Entity name to (business sentence, fields, key)."""
