"""Alerts of abnormal usage: who, what kind, since when, how much, how it shows, and in which order to visit."""

from __future__ import annotations

from gridlens.contracts import codes
from gridlens.contracts.account_feature import AS_OF, KNOWN_AT
from gridlens.contracts.entities import ACCOUNT, CURRENCY, MONEY
from gridlens.tables import Field, Table

MODEL = "abnormal_usage"
"""Id of the model that judges the evidence, in the registry."""
TARIFF_MISUSE = "tariff_misuse"
KIND_NAMES: dict[str, tuple[str, str]] = {
    "meter_stop": ("电能表停走", "The meter stands still"),
    "constant_reading": ("读数恒定", "The same reading every day"),
    "vacant_drawing": ("空置户用电", "Vacant but drawing"),
    "reselling": ("转供电", "Far more than before: reselling"),
    "phase_loss": ("失压断相", "A phase is not measured"),
    "day_turned": ("日曲线颠倒", "The day is recorded backwards"),
    "bypass_at_times": ("间歇绕越计量", "By-passed on some days, or in some hours"),
    "constant_cap": ("限值封顶", "Nothing above a limit is recorded"),
    "under_recording": ("计量少计", "Less is recorded than used"),
    "irregular": ("用电规律异常", "The days follow another order than before"),
    TARIFF_MISUSE: ("高价低接", "Business under a household tariff"),
}
"""Kinds of alerts; those of a change in the order in which they are looked for."""
FOUND_NOTHING, FOUND_NOBODY = "normal", "no_access"
"""Findings of an inspection (codes.INSPECTION_FINDINGS) that speak against an alert, and that say nothing."""
D = "double"
_NO_SUM = "the account's transformer has no meter of its own, or too little behind it is known; tariff misuse"
_NO_CHANGE = "tariff misuse: it shows in how energy is used, not in a change"
_NO_CURVE = "tariff misuse of an account with too few days"
_NO_HOURS = "the account has no curves of whole weeks on that side of the change; tariff misuse"
_NOT_VISITED = "never inspected, as far as was known"

USAGE_ALERT = Table(
    "usage_alert_v1",
    "gold",
    "Accounts whose usage looks abnormal (用电异常) at a moment, by expected recovery per visit, with the evidence.",
    (
        ACCOUNT,
        AS_OF,
        KNOWN_AT,
        Field("rank", "int", "Place by expected recovery per visit, from 1"),
        Field("visit", "boolean", "True for the visits that the teams can make in a week"),
        Field("kind", "string", "What it looks like", allowed=tuple(KIND_NAMES)),
        Field("probability", D, "That usage is abnormal, by the evidence and what visits have shown"),
        Field(
            "evidence_probability",
            D,
            "That usage is abnormal, by the evidence alone: of a model that learnt from other accounts; of an empty home that is lived in at least what is believed of such",
        ),
        Field(
            "unusual",
            D,
            "Part of untouched accounts whose evidence is more like everybody's: what principal components of theirs do not explain",
            null="tariff misuse: it shows in how energy is used, not in a change; alerts found before this column was there",
        ),
        Field(
            "model_version",
            "int",
            "Version of abnormal_usage in the registry by which the evidence was judged",
            null="tariff misuse: its forest is no registered model; alerts found before this column was there",
        ),
        Field("hit_rate", D, "Part of the visits to alerts of this kind that find something, with what is believed beforehand"),
        Field("changed_on", "date", "First day of the change", null=_NO_CHANGE),
        Field("days_since", "int", "Days from the change to as_of", unit="d", null=_NO_CHANGE),
        Field("ratio", D, "What is recorded since, against what was expected", null=_NO_CHANGE),
        Field("peer_ratio", D, "The account against its peers since, to the same before", null=_NO_CHANGE),
        Field("peers", "string", "The group of peers: what its accounts have in common"),
        Field("expected_kwh_per_day", D, "What was expected since", unit="kWh/d", null=_NO_CHANGE),
        Field(
            "lost_kwh",
            D,
            "Not recorded since the change, as expected; negative where more is recorded than expected",
            unit="kWh",
            null=_NO_CHANGE,
        ),
        Field("recoverable_kwh", D, "Part of it that can be charged afterwards; of energy beyond what was expected a share", unit="kWh"),
        Field("price", D, "Mean price of the account's bills of a year, else the default", unit="CNY/kWh"),
        Field("recoverable_amount", MONEY, "recoverable_kwh at the price"),
        Field("expected_recovery", MONEY, "Recoverable amount times probability times hit rate: what a visit is worth"),
        CURRENCY,
        Field("transformer_id", "string", "Transformer (台区) of the account", null="not known"),
        Field("transformer_loss_kwh_per_day", D, "What the transformer lost more a day than before the change", unit="kWh/d", null=_NO_SUM),
        Field(
            "loss_match",
            D,
            "That rise against what the account does not record any more: 1 where the transformer lost just that, 0 where it lost nothing; -3 to 3",
            null=_NO_SUM,
        ),
        Field("low_days_share", D, "Part of the days since with less than 0.4 of what was expected", null=_NO_CHANGE),
        Field("zero_days_share", D, "Part of the days since without any energy", null=_NO_CHANGE),
        Field("capped_days_share", D, "Part of the days since at their highest value", null=_NO_CHANGE),
        Field("variation_before", D, "Standard deviation of the days' log ratio to what was expected, before the change", null=_NO_CHANGE),
        Field("variation_after", D, "The same since the change", null=_NO_CHANGE),
        Field("last_inspected_on", "date", "Last inspection", null=_NOT_VISITED),
        Field("last_finding", "string", "What it found", allowed=codes.INSPECTION_FINDINGS, null=_NOT_VISITED),
        Field(
            "recorded_weeks",
            "array<double>",
            "Mean day of each of 104 weeks as recorded, null where not known",
            unit="kWh/d",
            null=_NO_CURVE,
        ),
        Field("expected_weeks", "array<double>", "Mean day of the same weeks as expected", unit="kWh/d", null=_NO_CURVE),
        Field("day_before", "array<double>", "Energy in each two hours of a mean day before the change", unit="kWh", null=_NO_HOURS),
        Field("day_since", "array<double>", "Energy in each two hours of a mean day since the change", unit="kWh", null=_NO_HOURS),
    ),
    ("account_id", "as_of", "known_at"),
    partition_by=("as_of",),
    sort_by=("rank",),
    checks={"probability": "probability BETWEEN 0 AND 1"},
)
