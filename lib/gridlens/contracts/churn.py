"""How customers leave: hazard and survival by month."""

from __future__ import annotations

from gridlens.contracts import codes
from gridlens.contracts.account_feature import AS_OF, KNOWN_AT
from gridlens.tables import Field, Table

ANY_CAUSE = "any"
CAUSE_NAMES: dict[str, tuple[str, str]] = {
    ANY_CAUSE: ("全部原因", "Any cause"),
    "closed": ("销户", "The account was closed"),
    "holder_changed": ("过户", "Another party holds the account"),
    "plan_ended": ("套餐终止", "The plan ended without another"),
    "own_generation": ("自发自用", "Generation of its own was registered"),
    "faded": ("用电萎缩", "Hardly any energy is used"),
}
"""Causes of departure (models/labels) in Chinese and English, and all of them together."""
D = "double"
_NO_EVENT = "nobody has left by this cause yet, or nobody is left: there is no interval"

CHURN_HAZARD = Table(
    "churn_hazard_v1",
    "gold",
    "Of each month the hazard of losing a customer, by kind of party and cause, and the share that stays at these hazards (客户流失风险率).",
    (
        Field("party_kind", "string", "Person or company", allowed=tuple(codes.PARTY_KINDS)),
        Field("cause", "string", "Why the customer was lost; any: all causes together", allowed=tuple(CAUSE_NAMES)),
        Field("month", "date", "First day of the month"),
        AS_OF,
        KNOWN_AT,
        Field("at_risk", "bigint", "Accounts that were open when the month began"),
        Field("events", "bigint", "Of these, accounts lost in the month by the cause, before any other"),
        Field("hazard", D, "events / at_risk: the probability of being lost in the month by the cause"),
        Field("survival", D, "Kaplan-Meier estimate: share not lost by the cause from the first month on, were it the only one"),
        Field("standard_error", D, "Of survival, by Greenwood's formula"),
        Field("survival_low", D, "Lower bound of survival, 95 %, on the scale of log(-log)", null=_NO_EVENT),
        Field("survival_high", D, "Upper bound of survival", null=_NO_EVENT),
        Field("incidence", D, "Aalen-Johansen estimate: share lost by the cause from the first month on, beside the other causes"),
    ),
    ("party_kind", "cause", "month", "as_of", "known_at"),
    partition_by=("as_of",),
    sort_by=("party_kind", "cause", "month"),
    checks={"hazard": "hazard BETWEEN 0 AND 1", "at_risk": "at_risk > 0", "events": "events BETWEEN 0 AND at_risk"},
)
