"""Closed code lists. An unknown code is quarantined, never absorbed.

Industry codes are the section letters and divisions of GB/T 4754-2017 (Industrial classification for
national economic activities); channels are OBIS codes (IEC 62056-6-1), value groups C.D.E.
"""

CHANNELS = {
    "1.8.0": "active energy import",
    "2.8.0": "active energy export",
    "3.8.0": "reactive energy import",
    "4.8.0": "reactive energy export",
}
CUSTOMER_CATEGORIES = {
    "residential": "居民生活",
    "commercial": "一般工商业",
    "large_industrial": "大工业",
    "agricultural": "农业生产",
    "public": "公共照明与公共服务",
    "ev_station": "电动汽车充换电",
}
PARTY_KINDS = {"person": "个人", "company": "单位"}
AGE_BANDS = {"under_30": 0, "30_to_44": 30, "45_to_59": 45, "60_and_over": 60}
"""Band of a person's age to its first year of age, youngest first."""
BILLING_KINDS = {"postpaid": "后付费", "prepaid": "费控预付费"}
VOLTAGE_LEVELS = {"0.22kV": "220 V", "0.38kV": "380 V", "10kV": "10 kV", "35kV": "35 kV", "110kV": "110 kV"}
TARIFF_PERIODS = ("sharp", "peak", "flat", "valley", "deep_valley")  # 尖 峰 平 谷 深谷
BILL_ITEM_KINDS = {
    "energy_sharp": "尖峰电量电费",
    "energy_peak": "高峰电量电费",
    "energy_flat": "平段电量电费",
    "energy_valley": "低谷电量电费",
    "energy_deep_valley": "深谷电量电费",
    "energy_tier_1": "第一档电量电费",
    "energy_tier_2": "第二档电量电费",
    "energy_tier_3": "第三档电量电费",
    "energy_total": "电量电费",
    "capacity_charge": "容量电费",
    "demand_charge": "需量电费",
    "power_factor_adjustment": "力调电费",
    "surcharge": "基金及附加",
    "export_credit": "上网电费",
    "adjustment": "退补电费",
}
PAYMENT_CHANNELS = ("app", "wechat", "alipay", "bank", "direct_debit", "counter", "self_service", "other")
SERVICE_KINDS = (
    "enquiry",
    "complaint",
    "fault_report",
    "new_connection",
    "capacity_change",
    "billing_dispute",
    "disconnection",
    "reconnection",
    "outage_enquiry",
    "suggestion",
)
SERVICE_CHANNELS = ("hotline_95598", "app", "wechat", "counter", "web", "field", "system")
OUTAGE_KINDS = ("planned", "unplanned")
INTERACTION_CHANNELS = ("app", "web", "wechat", "sms", "call", "visit", "market")
INTERACTION_KINDS = ("login", "view", "search", "click", "message_sent", "message_opened", "quote_received", "feedback", "unsubscribe")
INSPECTION_FINDINGS = ("normal", "theft", "wiring_error", "meter_fault", "tariff_misuse", "phase_loss", "vacant_drawing", "no_access")
SURVEY_EQUIPMENT = ("boiler", "kitchen", "stove", "furnace", "fleet", "none")
"""Dominant energy equipment of a premises (用能设备): 锅炉, 厨房灶具, 炉灶与采暖炉, 窑炉与烘干设备, 车队, 无."""
SURVEY_FUELS = ("none", "coal", "gas", "oil", "electricity")
"""What it runs on (用能种类): 无, 煤, 气, 油, 电; ``none`` where nothing is burnt and no such equipment stands."""
SURVEY_SOURCES = ("survey", "register", "inspection")
"""Where it is known from: 电能替代潜力普查, 用能设备台账与特种设备登记, 现场检查."""
PRODUCT_CATEGORIES = (
    "energy_saving",
    "green_power",
    "ev_charging",
    "pv",
    "storage",
    "maintenance",
    "insurance",
    "smart_home",
    "substitution",
    "retail_plan",
)
CONSENT_PURPOSES = ("marketing", "analytics", "collection", "third_party")
CONSENT_CHANNELS = ("sms", "email", "call", "app", "wechat", "letter")
RECEIPT_STATUSES = ("accepted", "delivered", "opened", "clicked", "failed", "unsubscribed")

VALUE_KINDS = {
    "kwh": "energy of the interval",
    "kw_mean": "average power of the interval",
    "kw_instant": "power at the moment at which its interval begins",
    "kw_instant_end": "power at the moment at which its interval ends",
}

QUALITY_CODES = {
    0: ("measured", "as measured, no objection"),
    1: ("missing", "no value was received"),
    2: ("malformed", "a value was received that is no finite number"),
    3: ("negative", "below zero on a channel that cannot go below zero; kept out of the value"),
    4: ("over_capacity", "more than the contract capacity could carry in the interval, tolerance included; kept, marked"),
    5: ("corrected", "replaced by a later delivery of the same interval"),
    6: ("source_estimated", "the source itself says that it estimated the value"),
    7: ("outage_zero", "zero while an outage is recorded at the point's transformer"),
}
"""Codes of ``interval_day.quality``, one for each interval (facts and row-local checks)."""

OPINION_CODES = {
    0: ("none", "no opinion"),
    1: ("spike", "far above the point's own recent days at this time of day"),
    2: ("flatline", "the same non-zero value for too many intervals in a row"),
    3: ("zero_run", "zero for longer than this point usually rests"),
    4: ("sum_mismatch", "the day's intervals and the register's advance differ beyond the tolerance"),
    11: ("interpolated", "missing value estimated by linear interpolation over at most two hours"),
    12: ("like_day", "missing value estimated from like days, scaled"),
    13: ("register_scaled", "estimate scaled so that the day equals the register's advance"),
    19: ("not_estimable", "missing, and no method applies: stays null"),
}
"""Codes of ``interval_estimate.opinion``, one for each interval (contextual checks and estimates)."""
