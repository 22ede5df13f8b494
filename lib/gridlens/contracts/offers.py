"""Next best offers (产品推荐): which products to offer to an account first, and what was left out for which reason."""

from __future__ import annotations

from gridlens.contracts.account_feature import AS_OF, KNOWN_AT
from gridlens.contracts.codes import PRODUCT_CATEGORIES
from gridlens.contracts.entities import ACCOUNT
from gridlens.contracts.score import MODEL, VERSION
from gridlens.tables import Field, Table

EXCLUSIONS = ("no_consent", "owned", "not_eligible", "no_margin", "unlikely", "beyond_plan")
"""Why a product is not offered; the first that holds counts. Beyond the plan: nothing is against it, but others come first."""
_PRODUCT = Field("product_id", "string", "Product or service")
_CATEGORY = Field("category", "string", "Kind of product", allowed=PRODUCT_CATEGORIES)

NEXT_BEST_OFFER = Table(
    "next_best_offer_v1",
    "gold",
    "The offers of every account at a moment, best first: by expected margin, without what is excluded, few of one category.",
    (
        ACCOUNT,
        AS_OF,
        KNOWN_AT,
        Field("rank", "int", "1 is the best offer of the account"),
        _PRODUCT,
        _CATEGORY,
        Field(
            "probability",
            "double",
            "Probability that the account buys within the model's horizon; of a model of a category, shared by what it may be offered of it",
        ),
        Field("margin", "double", "Contribution of one unit", unit="CNY"),
        Field(
            "kept_share",
            "double",
            "Of a product that earns its margin while it runs: mean probability over the next twelve months that the account is still "
            "there, by its customer value; 1 for other products, and where nothing was valued",
            null="written by an earlier version, or before `gridlens migrate`",
        ),
        Field("expected_margin", "double", "probability × margin × kept_share", unit="CNY"),
        MODEL,
        VERSION,
    ),
    ("account_id", "as_of", "known_at", "rank"),
    partition_by=("as_of",),
    sort_by=("account_id",),
    checks={"probability": "probability BETWEEN 0 AND 1", "rank_from_1": "rank >= 1"},
)
OFFER_EXCLUSION = Table(
    "offer_exclusion_v1",
    "gold",
    "How many accounts each product is not offered to at a moment, by reason; with those it is offered to they are all that have a propensity for it.",
    (
        AS_OF,
        KNOWN_AT,
        _PRODUCT,
        Field("exclusion", "string", "Why it is not offered; the first reason in this order", allowed=EXCLUSIONS),
        Field("accounts", "bigint", "Accounts with a propensity for the product that it is not offered to"),
    ),
    ("as_of", "known_at", "product_id", "exclusion"),
    partition_by=("as_of",),
)
