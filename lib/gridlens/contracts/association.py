"""Association rules (关联规则): what is found together in the baskets of accounts, and how sure that is."""

from __future__ import annotations

from gridlens.contracts.account_feature import AS_OF, KNOWN_AT
from gridlens.contracts.entities import MONEY
from gridlens.tables import Field, Table

KINDS = {"product": "产品", "service": "服务", "event": "事件", "tag": "标签"}
"""Kinds of items: what stands before the colon of an item, with its Chinese name."""
DIMENSIONS = {"industry": "industry_code", "area": "area_id", "category": "category"}
"""Ways to divide accounts into scopes, and the column of account_feature_v1 that says where an account belongs."""
EVERYWHERE = "all"
"""Scope of all baskets."""
JOINT = " & "
"""Between the items of an antecedent."""
MIN_GROUP = 15
"""Least number of accounts in a scope, and in each group of which a mean amount is given: nobody is told apart."""

SERVICE_NAMES = {
    "enquiry": ("咨询", "enquiry"),
    "complaint": ("投诉", "complaint"),
    "fault_report": ("故障报修", "fault report"),
    "new_connection": ("新装", "new connection"),
    "capacity_change": ("容量变更", "change of capacity"),
    "billing_dispute": ("电费争议", "billing dispute"),
    "disconnection": ("停电", "disconnection"),
    "reconnection": ("复电", "reconnection"),
    "outage_enquiry": ("停电咨询", "outage enquiry"),
    "suggestion": ("建议", "suggestion"),
}
"""Kind of service event to its Chinese and English name."""
EVENT_NAMES = {
    "login": ("登录", "login"),
    "view": ("浏览", "view"),
    "search": ("搜索", "search"),
    "click": ("点击", "click"),
    "message_sent": ("消息下发", "message sent"),
    "message_opened": ("消息打开", "message opened"),
    "quote_received": ("收到竞争报价", "competitor's quote received"),
    "feedback": ("反馈", "feedback"),
    "unsubscribe": ("拒收", "unsubscribed"),
}
"""Kind of interaction to its Chinese and English name."""

ASSOCIATION_RULE = Table(
    "association_rule_v1",
    "gold",
    "Rules 'who has the antecedent also has the consequent' that were tested and are not redundant. A basket (购物篮) is one account. Candidates are mined on one half of the parties and tested on the other; counts and measures are of both. Association is no cause, and says nothing of what came first.",
    (
        Field("basket", "string", "Basket definition of conf/associations"),
        Field("scope", "string", "Accounts counted: all, or industry:, area: or category: with its code"),
        Field("antecedent", "string", "Items on the left (前项), sorted, joined by ' & '"),
        Field("consequent", "string", "Item on the right (后项): always one"),
        AS_OF,
        KNOWN_AT,
        Field("rule_id", "string", "First 12 hex digits of the SHA-256 of basket, antecedent and consequent: the same in every scope"),
        Field("definition", "string", "Fingerprint of the basket definition, the tags it reads included: first 16 hex digits"),
        Field(
            "antecedent_items",
            "array<string>",
            "Items on the left, sorted: kind, colon, code, such as product:PR04 or tag:ev_charging_at_home",
        ),
        Field("items", "int", "Items of antecedent and consequent together"),
        Field("antecedent_zh", "string", "The antecedent in Chinese"),
        Field("antecedent_en", "string", "The antecedent in English"),
        Field("consequent_zh", "string", "The consequent in Chinese"),
        Field("consequent_en", "string", "The consequent in English"),
        Field("baskets", "bigint", "Accounts of the scope, those without any item included"),
        Field("antecedent_count", "bigint", "Accounts with all items of the antecedent"),
        Field("consequent_count", "bigint", "Accounts with the consequent"),
        Field("both_count", "bigint", "Accounts with both"),
        Field("support", "double", "Support (支持度): both_count / baskets"),
        Field("confidence", "double", "Confidence (置信度): both_count / antecedent_count"),
        Field("lift", "double", "Lift (提升度): confidence / (consequent_count / baskets); 1 where independent"),
        Field("leverage", "double", "Leverage (杠杆度): support - antecedent_count × consequent_count / baskets²; 0 where independent"),
        Field(
            "conviction",
            "double",
            "Conviction (确信度): (1 - consequent_count / baskets) / (1 - confidence); 1 where independent",
            null="confidence is 1, so that conviction is infinite",
        ),
        Field(
            "improvement",
            "double",
            "confidence less the highest confidence of the same consequent with fewer items on the left, none included",
        ),
        Field("tested_baskets", "bigint", "Accounts of the half that the rule was tested on"),
        Field("tested_both_count", "bigint", "Accounts of that half with antecedent and consequent"),
        Field(
            "p_value",
            "double",
            "Greatest of the one-sided exact p-values (Fisher) on the test half: of antecedent against consequent, and of each item of the antecedent against the consequent among the accounts with its other items",
        ),
        Field(
            "q_value",
            "double",
            "p_value adjusted by Benjamini and Hochberg over all rules tested for this basket, scopes and redundant ones included",
        ),
        Field(
            "significant",
            "boolean",
            "q_value is not above the level that the definition sets: so that at most this share of the rules called significant is expected to be false",
        ),
        Field(
            "effect_amount",
            MONEY,
            "Mean amount of the accounts with antecedent and consequent, less that of the accounts with the antecedent alone; a difference between groups, not what the consequent brings",
            null=f"the definition names no amount, or it is known of fewer than {MIN_GROUP} accounts in one of the two groups",
        ),
        Field("effect_of", "string", "Feature of account_feature_v1 whose amount it is", null="the definition names no amount"),
        Field("currency", "string", "ISO 4217 currency of effect_amount", null="the definition names no amount"),
    ),
    ("basket", "scope", "antecedent", "consequent", "as_of", "known_at"),
    partition_by=("as_of",),
    sort_by=("basket", "scope", "antecedent"),
    checks={
        "counts": "both_count <= antecedent_count AND both_count <= consequent_count AND antecedent_count <= baskets",
        "probabilities": "p_value BETWEEN 0 AND 1 AND q_value BETWEEN 0 AND 1",
        "small_groups": f"baskets >= {MIN_GROUP}",
    },
)
