"""Customer value (客户价值): what an account brought in twelve months, what it is expected to bring, what more it could; and how true that was."""

from __future__ import annotations

from gridlens.contracts import codes
from gridlens.contracts.account_feature import AS_OF, KNOWN_AT
from gridlens.contracts.entities import ACCOUNT
from gridlens.tables import Field, Table

ESTIMATES = ("expected", "last_year")
"""What is compared with the margin that came: the expected margin, and last year's again (the baseline)."""
_D = "double"


def _money(name: str, doc: str, null: str | None = None) -> Field:
    return Field(name, _D, doc, unit="CNY", null=null)


CUSTOMER_VALUE = Table(
    "customer_value_v1",
    "gold",
    "The value of each open account at a moment: contribution margin of the last and of the next twelve months, and potential. Rates are those of conf/value.",
    (
        ACCOUNT,
        AS_OF,
        KNOWN_AT,
        Field("category", "string", "Customer category of the tariff", allowed=tuple(codes.CUSTOMER_CATEGORIES)),
        _money("energy_margin", "Bills of 365 days × the category's margin rate; 0 where there was none"),
        _money("product_margin", "Margins of products: of one bought once in the 365 days all of it, of one that runs by the days of them that it ran"),
        _money("service_cost", "Cost of contacts, reminders, visits of the 365 days at the unit costs"),
        _money("credit_loss", "Expected loss: probability of arrears × (arrears + one usual bill) × loss given default; 0 where there is no score"),
        _money("margin_365d", "Twelve months so far: energy_margin + product_margin - service_cost - credit_loss"),
        Field("trend", _D, "Factor from the year's energy margin, a whole one for new accounts, to the next year's"),
        Field("retention", _D, "Probability that the account is not lost within a year: (1 - churn probability) ^ (365 / days of the model's horizon)", null="no score of churn; counts as 1"),
        _money("expected_energy_margin", "Energy margin of the next twelve months: energy_margin of a whole year × trend × retained share"),
        _money("expected_product_margin", "A year of the products that run × retained share"),
        _money("expected_service_cost", "service_cost of a whole year × retained share"),
        _money("expected_credit_loss", "probability of arrears × the bills of the next twelve months × loss given default; 0 where there is no score"),
        _money("expected_margin", "Next twelve months: expected_energy_margin + expected_product_margin - expected_service_cost - expected_credit_loss"),
        _money("product_potential", "Σ probability of buying within a year × margin, over products that it has not and may be offered", null="no propensity of any product at the moment"),
        _money("substitution_potential", "Probability of electric substitution within a year × added revenue × the category's margin rate", null="no score of substitution, or no process that burns fuel"),
        _money("potential", "product_potential + substitution_potential, what is not known as 0"),
        _money("total", "expected_margin + potential"),
        Field("decile", "int", "1: the tenth of the accounts with the highest total, 10 the lowest; totals that differ by less than 1 % are in one decile"),
        Field("category_decile", "int", "The decile among the accounts of the same category"),
        Field("band", "string", "Band of the definition, by share of the accounts, the highest total first"),
        Field("definition", "string", "Fingerprint of conf/value: first 16 hex digits"),
    ),
    ("account_id", "as_of", "known_at"),
    partition_by=("as_of",),
    sort_by=("account_id",),
    checks={
        "decile_range": "decile BETWEEN 1 AND 10 AND category_decile BETWEEN 1 AND 10",
        "retention_range": "retention IS NULL OR retention BETWEEN 0 AND 1",
        "costs": "service_cost >= 0 AND credit_loss >= 0",
    },
)  # fmt: skip
VALUE_COLUMNS = {f"value_{name}": CUSTOMER_VALUE[name].type for name in ("margin_365d", "expected_margin", "potential")}
"""How segments read it: beside the account features, null where nothing was valued at the moment."""
VALUE_FIGURE = Table(
    "value_figure_v1",
    "gold",
    "How near the margin expected a year before came to the margin that followed, beside last year's margin as the simplest guess.",
    (
        AS_OF,
        KNOWN_AT,
        Field("judged_as_of", "date", "Moment at which the margin was expected; the year after it ends with as_of"),
        Field("estimate", "string", "What is compared with what came", allowed=ESTIMATES),
        Field("accounts", "bigint", "Accounts open then"),
        Field("scored", "boolean", "Churn had been scored at that moment; else everybody counts as staying"),
        _money("mean_margin", "Mean margin that came: energy and products less service, without expected losses"),
        _money("mean_error", "Mean of estimate less margin"),
        _money("mean_absolute_error", "Mean distance of estimate and margin"),
        Field("rank_correlation", _D, "Spearman's rank correlation of estimate and margin; values within 1 % share a rank", null="fewer than two ranks"),
        Field("top_tenth_share", _D, "Share of all margin that came from the tenth with the highest estimates", null="the margin that came is 0 or less in all"),
    ),
    ("as_of", "known_at", "judged_as_of", "estimate"),
    partition_by=("as_of",),
    checks={"some": "accounts > 0"},
)  # fmt: skip
