"""Trajectories: every event of an account in time order, the paths that lead to an outcome, and transitions between stages."""

from __future__ import annotations

from gridlens.contracts.account_feature import AS_OF, KNOWN_AT
from gridlens.contracts.entities import ACCOUNT, MONEY
from gridlens.contracts.silver import LOCAL_MONTH
from gridlens.tables import Field, Table

ARREARS_DAYS = 30
"""Days after its due date from which an unpaid bill counts as arrears (the day on which supply may be cut; illustrative)."""
EVENT_TYPES = {
    "account_opened": "账户立户",
    "account_closed": "账户销户",
    "holder_changed": "过户",
    "account_changed": "账户信息变更",
    "point_connected": "装表接电",
    "capacity_changed": "容量变更",
    "meter_exchanged": "换表",
    "point_changed": "计量点变更",
    "bill_issued": "出账",
    "bill_overdue": "逾期未缴",
    "bill_in_arrears": "欠费",
    "arrears_cleared": "欠费结清",
    "payment": "缴费",
    "late_payment": "逾期缴费",
    "payment_reversed": "缴费冲正",
    "enquiry": "咨询",
    "complaint": "投诉",
    "fault_report": "报修",
    "outage_enquiry": "停电咨询",
    "service_request": "业务办理",
    "billing_dispute": "电费争议",
    "suggestion": "意见建议",
    "closing_requested": "申请停用",
    "disconnected": "停电",
    "reconnected": "复电",
    "purchase": "购买",
    "subscription_ended": "退订",
    "login": "登录",
    "view": "浏览",
    "search": "搜索",
    "click": "点击",
    "message_sent": "消息下发",
    "message_delivered": "消息送达",
    "message_failed": "消息发送失败",
    "message_opened": "消息打开",
    "quote_received": "收到竞争报价",
    "feedback": "反馈",
    "unsubscribe": "拒收",
    "inspected": "用电检查",
    "outage": "停电事件",
    "consent_given": "授权",
    "consent_refused": "拒绝授权",
    "consent_withdrawn": "撤回授权",
}
"""Event type to its Chinese name."""
OUTCOMES = {
    "purchase": ("购买", ("purchase",), 0),
    "complaint": ("投诉", ("complaint",), 0),
    "arrears": ("欠费", ("bill_in_arrears",), ARREARS_DAYS),
    "leaving": ("流失", ("closing_requested", "account_closed"), 0),
}
"""Outcome to (Chinese name, event types of which the first is the outcome, days before it at which the path ends).

Arrears stand on a bill's thirtieth day unpaid; the path ends on its due date, for the bill being overdue since is no cause of itself.
"""
STAGES = {
    "new": "新户",
    "active": "正常",
    "at_risk": "有风险",
    "in_arrears": "欠费",
    "leaving": "流失中",
    "closed": "已销户",
}
"""Stage to its Chinese name."""
NO_STAGE = "none"
"""Before the account was opened."""

TRAJECTORY = Table(
    "trajectory_v1",
    "gold",
    "Every event of every account, from all sources, as known at the last run.",
    (
        ACCOUNT,
        Field("occurred_at", "timestamp", "Moment of the event, UTC; the last second of the local day where only the day is known"),
        Field("local_date", "date", "Local day of the event"),
        LOCAL_MONTH,
        Field("event_type", "string", "What happened", allowed=tuple(EVENT_TYPES)),
        Field("channel", "string", "Way in or out", null="the source names none"),
        Field("object", "string", "Product, page, message, bill, meter, finding, purpose or competitor concerned", null="none"),
        Field("amount", MONEY, "Money of the event; of bill_overdue and bill_in_arrears what was still unpaid", null="no money in it"),
        Field("currency", "string", "ISO 4217 currency of the amount", null="no money in it"),
        Field("source_table", "string", "Silver table that tells of it"),
        Field(
            "source_id",
            "string",
            "Key of the row there, its parts joined by '|'; silver keeps the row's locator",
        ),
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
    "Sequences of events before an outcome that accounts with it walked significantly more often than accounts without it in a window of the same days of the year.",
    (
        Field("outcome", "string", "What the path leads to", allowed=tuple(OUTCOMES)),
        Field(
            "path",
            "string",
            "Steps in order, joined by ' > '; others may lie between. Of views, searches and clicks with what was looked at",
        ),
        AS_OF,
        KNOWN_AT,
        Field("steps", "int", "Steps of the path"),
        Field("outcome_accounts", "bigint", "Accounts with the outcome"),
        Field("compared_accounts", "bigint", "Accounts without it"),
        Field("with_outcome", "bigint", "Accounts that walked the path in the window before the outcome"),
        Field("without_outcome", "bigint", "Accounts without the outcome that walked it in a window of the same length"),
        Field("support", "double", "Share of the accounts with the outcome that walked it: with_outcome / outcome_accounts"),
        Field(
            "lift",
            "double",
            "support against the share among accounts without the outcome: support / (without_outcome / compared_accounts)",
            null="nobody without the outcome walked it",
        ),
        Field(
            "lift_low",
            "double",
            "Lower end of the 95 % interval of lift (Katz, half an account added to each count); paths are ranked by it",
        ),
        Field("p_value", "double", "One-sided Fisher exact test: chance of at least with_outcome if the path had nothing to do with it"),
        Field("q_value", "double", "p_value after Benjamini and Hochberg over all paths tested for the outcome"),
        Field(
            "median_days",
            "double",
            "Median days from the path's first step, walked as late as possible, to the end of the window",
            unit="d",
        ),
    ),
    ("outcome", "path", "as_of", "known_at"),
    partition_by=("as_of",),
    checks={"counts": "with_outcome <= outcome_accounts AND without_outcome <= compared_accounts"},
)
STAGE_TRANSITION = Table(
    "stage_transition_v1",
    "gold",
    "How many accounts went from one stage to another in a month.",
    (
        LOCAL_MONTH,
        Field("from_stage", "string", "Stage at the end of the month before", allowed=(*STAGES, NO_STAGE)),
        Field("to_stage", "string", "Stage at the end of the month", allowed=tuple(STAGES)),
        AS_OF,
        KNOWN_AT,
        Field("accounts", "bigint", "Accounts"),
        Field("share", "double", "Share of the accounts of from_stage that are in any stage at the end of the month"),
    ),
    ("local_month", "from_stage", "to_stage", "as_of", "known_at"),
    partition_by=("as_of",),
)
