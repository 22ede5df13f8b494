"""Tags: the typed, discrete statements about accounts, their values over time and the catalogue that describes them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple, get_args

from gridlens.contracts.entities import ACCOUNT
from gridlens.tables import Field, Sensitivity, Table

Category = Literal[
    "basic",
    "consumption_level",
    "load_shape",
    "tariff_behaviour",
    "seasonality_weather",
    "billing_price",
    "payment_credit",
    "service_satisfaction",
    "channel_preference",
    "product_interest",
    "value",
    "life_cycle",
    "anomaly",
    "opportunity",
]
Kind = Literal["fact", "statistical", "rule", "derived", "model"]
Refresh = Literal["daily", "monthly"]
ValueType = Literal["boolean", "text"]

CATEGORY_NAMES: dict[Category, tuple[str, str]] = {
    "basic": ("基本属性", "Basic"),
    "consumption_level": ("用电水平", "Consumption level"),
    "load_shape": ("负荷形态", "Load shape"),
    "tariff_behaviour": ("分时用电行为", "Tariff behaviour"),
    "seasonality_weather": ("季节与气象", "Seasonality and weather"),
    "billing_price": ("账单与价格敏感", "Billing and price sensitivity"),
    "payment_credit": ("缴费与信用", "Payment and credit behaviour"),
    "service_satisfaction": ("服务与满意度", "Service and satisfaction"),
    "channel_preference": ("渠道偏好", "Channel preference"),
    "product_interest": ("产品兴趣", "Product interest"),
    "value": ("客户价值", "Value"),
    "life_cycle": ("生命周期", "Life cycle"),
    "anomaly": ("异常", "Anomaly"),
    "opportunity": ("机会", "Opportunity"),
}
KIND_NAMES: dict[Kind, tuple[str, str]] = {
    "fact": ("事实", "fact"),
    "statistical": ("统计", "statistical"),
    "rule": ("规则", "rule"),
    "derived": ("衍生", "derived"),
    "model": ("模型", "model"),
}
SQL_TYPES: dict[ValueType, str] = {"boolean": "boolean", "text": "string"}
UNKNOWN_VALUE = "what the tag reads is not known, or its text is none of the closed list"
OLD = "old_"
"""Before a tag's id: the column with the value that counted until now."""

_TAG_ID = Field("tag_id", "string", "Tag")
_DEFINITION = Field(
    "definition", "string", "Fingerprint of the definition that gave the value, its tags' definitions included: first 16 hex digits"
)

TAG_VALUE = Table(
    "tag_value_v1",
    "gold",
    "Tag values over time, changes only: before its first row a boolean tag counts as false and a text tag does not apply.",
    (
        ACCOUNT,
        _TAG_ID,
        Field("valid_from", "date", "First as_of with the value: it holds until the tag's next row"),
        Field("known_from", "timestamp", "known_at of the run that found the value, UTC"),
        Field("value_boolean", "boolean", "Value of a boolean tag", null="a text tag, or what the tag reads is not known"),
        Field("value_text", "string", "Value of a text tag", null="a boolean tag, or the text is not known or does not apply any more"),
        Field("definition_version", "int", "Version of the definition that gave the value"),
        _DEFINITION,
    ),
    ("account_id", "tag_id", "valid_from", "known_from"),
    sort_by=("tag_id", "account_id"),
    checks={"one_value": "value_boolean IS NULL OR value_text IS NULL"},
)

TAG_CATALOGUE = Table(
    "tag_catalogue_v1",
    "gold",
    "The tags of every run: their definitions, how many accounts they cover, how their values are distributed and have drifted.",
    (
        _TAG_ID,
        Field("as_of", "date", "Last local day included"),
        Field("known_at", "timestamp", "Moment of knowledge of the run, UTC"),
        Field("name_zh", "string", "Name in Chinese"),
        Field("name_en", "string", "Name in English"),
        Field("category", "string", "What the tag is about", allowed=get_args(Category)),
        Field("kind", "string", "How the tag comes about", allowed=get_args(Kind)),
        Field("value_type", "string", "Type of the value", allowed=get_args(ValueType)),
        Field("owner", "string", "Who answers for the definition"),
        Field("version", "int", "Version of the definition"),
        _DEFINITION,
        Field("sensitivity", "string", "Who may see the value", allowed=tuple(s.value for s in Sensitivity)),
        Field("refresh", "string", "How often the value is computed", allowed=get_args(Refresh)),
        Field("ttl_days", "int", "Time to live: a value computed longer ago than this is not served", unit="d"),
        Field("expression", "string", "Expression, or bands, as defined"),
        Field("inputs", "array<string>", "Feature columns and tags that the definition reads"),
        Field("accounts", "bigint", "Accounts for which the tag was computed"),
        Field("covered", "bigint", "Accounts whose value is known"),
        Field("coverage", "double", "Share of accounts whose value is known", null="no accounts"),
        Field("holds", "bigint", "Accounts with a true value, or with a text"),
        Field("distribution", "string", "JSON object of accounts by known value, most frequent first, at most 50 values"),
        Field("changed", "bigint", "Accounts whose value differs from the run before", null="first run of the tag"),
        Field(
            "psi",
            "double",
            "Population stability index of the values against the run before, unknown values as a value of their own",
            null="first run of the tag, its definition changed since, or no accounts then or now",
        ),
        Field("drift_warning", "boolean", "True where psi is above the limit; false where it is null"),
    ),
    ("tag_id", "as_of", "known_at"),
    sort_by=("tag_id",),
    checks={"counts": "holds <= covered AND covered <= accounts"},
)


class TagColumn(NamedTuple):
    """What tag_current_v1 says about one tag."""

    id: str
    value_type: ValueType
    doc: str
    sensitivity: Sensitivity


def tag_current_table(tags: Iterable[TagColumn]) -> Table:
    """``tag_current_v1``: one row per account, a column a tag in the order given; additive only."""
    columns = (
        Field(tag.id, SQL_TYPES[tag.value_type], tag.doc, null=UNKNOWN_VALUE, sensitivity=Sensitivity(tag.sensitivity)) for tag in tags
    )
    return Table(
        "tag_current_v1",
        "gold",
        "The current value of every tag: one row per account, a column a tag (docs/tags.md).",
        (
            ACCOUNT,
            Field("as_of", "date", "Last local day included in the run that wrote the row"),
            Field("known_at", "timestamp", "Moment of knowledge of the run that wrote the row, UTC"),
            *columns,
        ),
        ("account_id",),
        sort_by=("account_id",),
        open=True,
    )


TAG_CURRENT = tag_current_table(())
"""Without its tags: these are a deployment's own, see pipelines.declared."""
