"""Codes in the words of the people who read them: Chinese, and English beside it."""

from __future__ import annotations

from gridlens.contracts.codes import CUSTOMER_CATEGORIES
from gridlens.contracts.trajectory import EVENT_TYPES

Pair = tuple[str, str]

CATEGORIES = {code: (zh, code.replace("_", " ")) for code, zh in CUSTOMER_CATEGORIES.items()}
EVENTS = {code: (zh, code.replace("_", " ")) for code, zh in EVENT_TYPES.items()}
BILLING = {"postpaid": ("后付费", "postpaid"), "prepaid": ("费控预付费", "prepaid")}
PARTIES = {"person": ("个人", "person"), "company": ("单位", "company")}
CHANNELS = {
    "app": ("App", "app"),
    "wechat": ("微信", "WeChat"),
    "alipay": ("支付宝", "Alipay"),
    "bank": ("银行", "bank"),
    "direct_debit": ("代扣", "direct debit"),
    "counter": ("营业厅", "counter"),
    "self_service": ("自助终端", "self-service"),
    "other": ("其他", "other"),
    "hotline_95598": ("95598 热线", "95598 hotline"),
    "web": ("网站", "web"),
    "field": ("现场", "field"),
    "system": ("系统", "system"),
    "sms": ("短信", "SMS"),
    "call": ("电话", "call"),
    "visit": ("上门", "visit"),
    "market": ("市场", "market"),
    "email": ("邮件", "email"),
    "letter": ("信函", "letter"),
}
SERVICE_KINDS = {
    "enquiry": ("咨询", "enquiry"),
    "complaint": ("投诉", "complaint"),
    "fault_report": ("报修", "fault report"),
    "new_connection": ("新装", "new connection"),
    "capacity_change": ("增减容", "capacity change"),
    "billing_dispute": ("电费争议", "billing dispute"),
    "disconnection": ("停电", "disconnection"),
    "reconnection": ("复电", "reconnection"),
    "outage_enquiry": ("停电咨询", "outage enquiry"),
    "suggestion": ("建议", "suggestion"),
}
PRODUCTS = {
    "energy_saving": ("节能", "energy saving"),
    "green_power": ("绿电", "green power"),
    "ev_charging": ("充电", "EV charging"),
    "pv": ("光伏", "PV"),
    "storage": ("储能", "storage"),
    "maintenance": ("运维", "maintenance"),
    "insurance": ("保险", "insurance"),
    "smart_home": ("智能家居", "smart home"),
    "substitution": ("电能替代", "electrification"),
    "retail_plan": ("零售套餐", "retail plan"),
}
BILL_STATES = {
    "settled": ("按期结清", "settled in time"),
    "late": ("逾期结清", "settled late"),
    "open": ("未到期", "open, not due"),
    "overdue": ("欠费", "overdue"),
    "unclear": ("付款待核", "payment in question"),
}
PAGES = {
    "bill": ("账单", "bill"),
    "daily_usage": ("日用电", "daily usage"),
    "tariff": ("电价", "tariff"),
    "transfer_ownership": ("过户", "transfer of ownership"),
    "close_account": ("销户", "closing the account"),
    "grid_connection": ("并网申请", "applying for grid connection"),
    "bill_reminder": ("账单提醒", "bill reminder"),
}
"""Pages and messages that the contracts speak of; a source may have others."""
PERIODS = {
    "sharp": ("尖", "sharp"),
    "peak": ("峰", "peak"),
    "flat": ("平", "flat"),
    "valley": ("谷", "valley"),
    "deep_valley": ("深谷", "deep valley"),
}
DAY_TYPES = {"working": ("工作日", "working day"), "weekend": ("周末", "weekend"), "holiday": ("节假日", "holiday")}
PEERS = {
    "energy_kwh_365d": ("年用电量", "energy, year"),
    "energy_growth_90d": ("近 90 天增长", "growth, 90 days"),
    "average_price_365d": ("平均电价", "average price"),
    "load_factor": ("负荷率", "load factor"),
    "night_share": ("夜间用电占比", "night share"),
    "late_share_365d": ("逾期账单占比", "late bills"),
}
EDGES = {
    "holds": ("持有", "holds"),
    "supplied_at": ("用电于", "supplied at"),
    "measured_by": ("计量于", "measured by"),
    "fed_by": ("供电自", "fed by"),
    "part_of": ("属于", "part of"),
    "located_in": ("位于", "located in"),
    "bought": ("购买", "bought"),
    "interested_in": ("关注", "interested in"),
    "contacted_about": ("工单", "contacted about"),
    "reached_by": ("触达", "reached by"),
    "behaves_like": ("行为相似", "behaves like"),
}
SECTIONS = {
    "identity": ("身份与供电", "Identity and supply"),
    "tags": ("标签", "Tags"),
    "load": ("负荷", "Load"),
    "peers": ("同类比较", "Among peers"),
    "money": ("电费与缴费", "Bills and payments"),
    "contacts": ("服务与触点", "Service contacts"),
    "purchases": ("产品与购买", "Products"),
    "events": ("客户轨迹", "Trajectory"),
    "network": ("关系网络", "Connections"),
}
"""Sections of the page, in order."""
ICONS = {
    "bill": ("bill_issued", "payment", "payment_reversed", "arrears_cleared"),
    "alert": (
        "bill_overdue",
        "bill_in_arrears",
        "closing_requested",
        "late_payment",
        "complaint",
        "billing_dispute",
        "disconnected",
        "unsubscribe",
        "consent_refused",
        "consent_withdrawn",
    ),
    "talk": ("enquiry", "service_request", "feedback", "suggestion", "outage_enquiry"),
    "tool": ("fault_report", "point_connected", "point_changed", "meter_exchanged", "capacity_changed", "inspected", "reconnected"),
    "cart": ("purchase", "subscription_ended", "quote_received"),
    "screen": ("login", "view", "search", "click", "message_sent", "message_delivered", "message_failed", "message_opened"),
    "bolt": ("outage",),
    "person": ("account_opened", "account_changed", "account_closed", "holder_changed", "consent_given"),
}
OF_A_BILL = frozenset((*ICONS["bill"], "bill_overdue", "bill_in_arrears", "late_payment"))
"""Events whose object is a bill's id, which tells a reader nothing."""
ICON_OF = {event: icon for icon, events in ICONS.items() for event in events}


def pair(words: dict[str, Pair], code: str | None) -> Pair:
    """Chinese and English of a code; the code itself where it has no words, a dash where there is none."""
    if code is None:
        return ("—", "—")
    return words.get(code, (code, code.replace("_", " ")))
