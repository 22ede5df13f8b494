"""Collection (催收): which accounts to work on first, what is at stake, and why."""

from __future__ import annotations

from gridlens.contracts.account_feature import AS_OF, KNOWN_AT
from gridlens.contracts.entities import ACCOUNT
from gridlens.contracts.score import MODEL, VERSION
from gridlens.tables import Field, Table

REASONS = "array<struct<feature:string,value:string,contribution:double>>"

COLLECTION_CASE = Table(
    "collection_case_v1",
    "gold",
    "The collection list of a moment: the accounts whose expected loss is greatest, as many as the team can work on.",
    (
        ACCOUNT,
        AS_OF,
        KNOWN_AT,
        Field("rank", "int", "1 is worked on first"),
        Field("probability", "double", "Probability of default (PD): that a bill stays unpaid within the model's horizon"),
        Field("exposure", "double", "Exposure at default (EAD): what is unpaid and past due, and one bill of the usual amount", unit="CNY"),
        Field(
            "loss_given_default",
            "double",
            "Loss given default (LGD): share of the exposure that is lost where the bill stays unpaid; of the plan",
        ),
        Field("expected_loss", "double", "probability × exposure × loss_given_default", unit="CNY"),
        Field(
            "expected_saving",
            "double",
            "Part of the expected loss that working on the case saves by the plan, less the cost of a case",
            unit="CNY",
        ),
        Field(
            "expected_days",
            "double",
            "Expected days from the issue of a bill to its settlement",
            unit="d",
            null="time to pay is not modelled",
        ),
        Field(
            "bills_in_question",
            "int",
            "Bills of the account of which a payment stands in quarantine: not in the exposure, to be cleared up before anybody is dunned",
            null="bills or payments were never loaded, or written before `gridlens migrate`",
        ),
        Field("reasons", REASONS, "Why the probability is what it is, as in score_v1"),
        MODEL,
        VERSION,
    ),
    ("account_id", "as_of", "known_at"),
    partition_by=("as_of",),
    sort_by=("rank",),
    checks={"probability": "probability BETWEEN 0 AND 1", "rank_from_1": "rank >= 1", "saves": "expected_saving > 0"},
)
