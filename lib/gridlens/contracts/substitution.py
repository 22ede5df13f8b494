"""Electric substitution (电能替代): what customers could use more of electricity, and less of coal, oil and gas."""

from __future__ import annotations

from gridlens.contracts.account_feature import AS_OF, KNOWN_AT
from gridlens.contracts.entities import ACCOUNT
from gridlens.contracts.score import MODEL, VERSION
from gridlens.tables import Field, Table

FUELS = ("coal", "gas", "oil")
DIMENSIONS = ("process", "industry", "risk_band", "grade")
"""By what the potential is summed up."""
_NO_RISK = "no score of arrears at the moment"
_EFFICIENCY = "by the efficiencies of conf/substitution"

SUBSTITUTION_POTENTIAL = Table(
    "substitution_potential_v1",
    "gold",
    "What each candidate for electric substitution would add in energy, money and CO2 in a year, best first; energy is a rough estimate, not a measurement.",
    (
        ACCOUNT,
        AS_OF,
        KNOWN_AT,
        Field("rank", "int", "1 has the greatest expected revenue"),
        Field("process", "string", "Process that electricity would take over (conf/substitution)"),
        Field("fuel", "string", "Fuel that a survey found, else what the process burns by assumption", allowed=FUELS),
        Field("industry_code", "string", "GB/T 4754 division, two digits", null="household"),
        Field("probability", "double", "Probability that the account changes within the model's horizon"),
        Field(
            "candidate",
            "double",
            "Probability that the account is of the kind that changes sooner or later: probability over the label frequency (Elkan and Noto 2008), at most 1",
        ),
        Field("added_kwh", "double", f"Electricity that the process would take in a year, {_EFFICIENCY}", unit="kWh"),
        Field("added_revenue", "double", "added_kwh at the account's average price, or the default one", unit="CNY"),
        Field("fuel_kwh", "double", f"Energy of the fuel that would not be burnt in a year, {_EFFICIENCY}", unit="kWh"),
        Field(
            "co2_saved_kg", "double", "CO2 of that fuel less that of the added electricity; negative where the change emits more", unit="kg"
        ),
        Field("risk", "double", "Probability of arrears", null=_NO_RISK),
        Field("risk_band", "string", "Band of that probability (conf/models)", null=_NO_RISK),
        Field("grade", "string", "Credit grade at the moment (credit_grade_v1)", null="not graded at the moment"),
        Field("expected_revenue", "double", "candidate × added_revenue × (1 - risk); no risk where it is not known", unit="CNY"),
        MODEL,
        VERSION,
    ),
    ("account_id", "as_of", "known_at"),
    partition_by=("as_of",),
    sort_by=("rank",),
    checks={"probability": "probability BETWEEN 0 AND 1", "candidate_range": "candidate BETWEEN 0 AND 1", "rank_from_1": "rank >= 1"},
)
SUBSTITUTION_SUMMARY = Table(
    "substitution_summary_v1",
    "gold",
    "The potential of electric substitution by process, industry, risk of arrears and credit grade: all accounts with a score and a process, not the best alone.",
    (
        AS_OF,
        KNOWN_AT,
        Field("dimension", "string", "By what", allowed=DIMENSIONS),
        Field("value", "string", "Process, GB/T 4754 division (household: none), band of arrears, or grade; unknown where there is none"),
        Field("accounts", "bigint", "Accounts with a score and a process"),
        Field("candidates", "double", "Expected number of those that change sooner or later: Σ candidate"),
        Field("added_kwh", "double", "Electricity of a year if all of them changed", unit="kWh"),
        Field("added_revenue", "double", "Its value at the accounts' prices", unit="CNY"),
        Field("expected_revenue", "double", "Σ candidate × added_revenue × (1 - risk)", unit="CNY"),
        Field("co2_saved_kg", "double", "CO2 of a year if all of them changed", unit="kg"),
    ),
    ("as_of", "known_at", "dimension", "value"),
    partition_by=("as_of",),
)
