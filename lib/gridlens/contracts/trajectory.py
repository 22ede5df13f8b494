"""Trajectories: every event of an account in time order, the paths that lead to an outcome, and transitions between stages."""

from __future__ import annotations

from gridlens.contracts.account_feature import AS_OF, KNOWN_AT
from gridlens.contracts.entities import ACCOUNT, MONEY
from gridlens.contracts.silver import LOCAL_MONTH
from gridlens.tables import Field, Table

EVENT_TYPES = {
    "account_opened": "账户立户",
    "account_closed": "账户销户",
    "holder_changed": "过户",
    "capacity_changed": "容量变更",
    "meter_exchanged": "换表",
    "bill_issued": "出账",
    "bill_overdue": "逾期未缴",
    "payment": "缴费",
    "late_payment": "逾期缴费",
    "payment_reversed": "缴费冲正",
    "enquiry": "咨询",
    "complaint": "投诉",
    "fault_report": "报修",
    "service_request": "业务办理",
    "billing_dispute": "电费争议",
    "disconnected": "停电",
    "reconnected": "复电",
    "purchase": "购买",
    "subscription_ended": "退订",
    "login": "登录",
    "view": "浏览",
    "search": "搜索",
    "click": "点击",
    "message_sent": "消息下发",
    "message_opened": "消息打开",
    "quote_received": "收到竞争报价",
    "feedback": "反馈",
    "unsubscribe": "拒收",
    "inspected": "用电检查",
    "outage": "停电事件",
    "consent_given": "授权",
    "consent_withdrawn": "撤回授权",
}
"""Event type to its Chinese name."""
STAGES = ("new", "active", "at_risk", "in_arrears", "leaving", "closed")

TRAJECTORY = Table(
    "trajectory_v1",
    "gold",
    "Every event of every account, from all sources, as known at the last run.",
    (
        ACCOUNT,
        Field("occurred_at", "timestamp", "Moment of the event, UTC; the end of the local day where only the day is known"),
        Field("local_date", "date", "Local day of the event"),
        LOCAL_MONTH,
        Field("event_type", "string", "What happened", allowed=tuple(EVENT_TYPES)),
        Field("channel", "string", "Way in or out", null="the source names none"),
        Field("object", "string", "Product, page, message, meter or competitor concerned", null="none"),
        Field("amount", MONEY, "Money of the event", null="no money in it"),
        Field("currency", "string", "ISO 4217 currency of the amount", null="no money in it"),
        Field("source_table", "string", "Silver table that tells of it"),
        Field("source_id", "string", "Key of the row there; silver keeps the row's locator"),
        Field("known_from", "timestamp", "Moment from which the event was known, UTC"),
    ),
    ("account_id", "source_table", "source_id", "event_type"),
    partition_by=("local_month",),
    sort_by=("account_id", "occurred_at"),
    checks={"month_of_day": "local_month = trunc(local_date, 'MM')"},
)
PATH_PATTERN = Table(
    "path_pattern_v1",
    "gold",
    "Sequences of events before an outcome: how many accounts walked them before it, and how many without it.",
    (
        Field("outcome", "string", "What the path leads to", allowed=("purchase", "complaint", "arrears")),
        Field("path", "string", "Events in order, joined by ' > '"),
        AS_OF,
        KNOWN_AT,
        Field("steps", "int", "Events of the path"),
        Field("with_outcome", "bigint", "Accounts that walked it in the window before the outcome"),
        Field("without_outcome", "bigint", "Accounts without the outcome that walked it in a window of the same length"),
        Field("support", "double", "Share of the accounts with the outcome that walked it"),
        Field(
            "lift", "double", "support against the share among accounts without the outcome", null="nobody without the outcome walked it"
        ),
        Field("median_days", "double", "Median days from the path's first event to the outcome", unit="d", null="not told by the sequence"),
    ),
    ("outcome", "path", "as_of", "known_at"),
    partition_by=("as_of",),
)
STAGE_TRANSITION = Table(
    "stage_transition_v1",
    "gold",
    "How many accounts went from one stage to another in a month.",
    (
        LOCAL_MONTH,
        Field("from_stage", "string", "Stage at the end of the month before", allowed=(*STAGES, "none")),
        Field("to_stage", "string", "Stage at the end of the month", allowed=STAGES),
        AS_OF,
        KNOWN_AT,
        Field("accounts", "bigint", "Accounts"),
        Field("share", "double", "Share of the accounts of from_stage"),
    ),
    ("local_month", "from_stage", "to_stage", "as_of", "known_at"),
    partition_by=("as_of",),
)
