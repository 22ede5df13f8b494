"""Credit: the grade of each account with its sub-scores and reasons, and the qualitative factors that people decided on."""

from __future__ import annotations

from gridlens.contracts.account_feature import AS_OF, KNOWN_AT
from gridlens.contracts.entities import ACCOUNT
from gridlens.tables import Field, Table

_NO_GROUP = "no characteristic of the scorecard belongs to it"
_ANY = "of another scope: exactly one of account_id and industry_code is given"

CREDIT_OVERLAY = Table(
    "credit_overlay_v1",
    "gold",
    "Qualitative factors (担保、政府、争议、窃电、行业前景) decided on by people, every version of every decision: nothing is deleted.",
    (
        Field("overlay_id", "string", "Decision; a later version of it has the same id"),
        Field("known_from", "timestamp", "Moment from which this version was known, UTC"),
        Field("account_id", "string", "Account (户号) that it is about", null=_ANY),
        Field("industry_code", "string", "GB/T 4754 division whose accounts it is about", null=_ANY),
        Field("factor", "string", "Factor of the scorecard's definition, such as guarantee; what it does stands there"),
        Field("reason", "string", "Why, in a sentence"),
        Field("author", "string", "Who decided: a staff number or role, no customer"),
        Field("decided_on", "date", "First local day on which it counts"),
        Field("expires_on", "date", "Last local day on which it counts"),
        Field("withdrawn", "boolean", "This version takes the decision back"),
    ),
    ("overlay_id", "known_from"),
    checks={
        "one_scope": "(account_id IS NULL) <> (industry_code IS NULL)",
        "expires_later": "expires_on >= decided_on",
    },
)

CREDIT_GRADE = Table(
    "credit_grade_v1",
    "gold",
    "Credit grade (综合信用等级) of each account: willingness to pay, ability to pay and credit history, and what qualitative factors changed.",
    (
        ACCOUNT,
        AS_OF,
        KNOWN_AT,
        Field("scorecard", "string", "Scorecard"),
        Field("version", "int", "Version of the fitted scorecard in the registry"),
        Field("definition", "string", "Fingerprint of the scorecard's definition: first 16 hex digits"),
        Field("points", "double", "Points in all, the sum of the three; more is better"),
        Field("willingness", "double", "Points of willingness to pay (缴费意愿)", null=_NO_GROUP),
        Field("ability", "double", "Points of ability to pay (支付能力)", null=_NO_GROUP),
        Field("history", "double", "Points of credit history (信用历史)", null=_NO_GROUP),
        Field("pd", "double", "Probability of bad by the points alone, as the scorecard's label defines bad"),
        Field("grade_before_overlay", "string", "Grade by the points alone"),
        Field("grade", "string", "Grade with the qualitative factors"),
        Field("moved", "int", "Grades that the factors moved it, up positive; 0 where none did"),
        Field(
            "overlays",
            "array<struct<overlay_id:string,factor:string,reason:string,author:string,decided_on:date,expires_on:date>>",
            "Decisions in force, newest first, one a factor; empty where none is",
        ),
        Field(
            "reasons",
            "array<struct<characteristic:string,group:string,value:string,points:double,lost:double>>",
            "Characteristics that lost points against the best (or neutral) bin, most first; value is null where missing",
        ),
    ),
    ("account_id", "scorecard", "version", "as_of", "known_at"),
    partition_by=("as_of",),
    sort_by=("account_id",),
)
