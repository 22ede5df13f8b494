"""Items that say the same by construction: no rule may join a tag with what it was made of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import combinations

from gridlens.associations.definition import SEPARATOR
from gridlens.contracts.account_contact import INTERACTION_FEATURES, PURCHASE_FEATURES, SERVICE_FEATURES
from gridlens.contracts.tag import ValueType

_WINDOW = re.compile(r"_\d+d(?=_|$)|_percentile$")
_FILTERS = {
    "is_open",
    "category",
    "party_kind",
    "industry_code",
    "billing_kind",
    "account_age_days",
    "point_count",
    "bill_count",
    "bills_due",
}
"""What many tags read to say whom they are about, and not what they say."""
_OWNS = "owns_"
_SERVICE_OF = {
    "enquiries": "enquiry",
    "complaints": "complaint",
    "open_complaints": "complaint",
    "days_since_complaint": "complaint",
    "fault_reports": "fault_report",
    "billing_disputes": "billing_dispute",
    "capacity_requests": "capacity_change",
    "new_connections": "new_connection",
    "disconnections": "disconnection",
    "reconnections": "reconnection",
    "outage_enquiries": "outage_enquiry",
    "suggestions": "suggestion",
}
"""Stem of a feature to the one kind of service event that it counts."""
_EVENT_OF = {
    "logins": "login",
    "searches": "search",
    "clicks": "click",
    "quotes": "quote_received",
    "messages_sent": "message_sent",
    "messages_opened": "message_opened",
    "unsubscribes": "unsubscribe",
    "feedback": "feedback",
    "bill_views": "view:bill",
    "usage_views": "view:daily_usage",
    "tariff_searches": "search:tariff",
    "views": "view",
}
"""Stem of a feature to the one sort of event that it counts."""


@dataclass(frozen=True)
class KnownTag:
    """What associations need to know of a tag.

    Attributes:
        id: column of the tag.
        value_type: boolean or text.
        names: in Chinese and English.
        values: of a text tag the names of each value.
        features: the feature columns it reads, those of the tags it reads included.
        tags: the tags it reads, directly or through others.
        fingerprint: of its definition.
    """

    id: str
    value_type: ValueType
    names: tuple[str, str]
    values: Mapping[str, tuple[str, str]] = field(compare=False)
    features: frozenset[str]
    tags: frozenset[str]
    fingerprint: str


def stem(feature: str) -> str:
    """A feature's name without its window and without saying that it is a percentile: what it measures."""
    return _WINDOW.sub("", feature)


def related_pairs(items: Iterable[str], tags: Mapping[str, KnownTag], categories: Mapping[str, str]) -> frozenset[frozenset[str]]:
    """The pairs of items of which one is made of the other, or both of the same.

    Two tags are related where one reads the other, or where both read the same measure, whatever its window: late in 30 days and
    late in 90. A tag and a product, service or event are related where the tag reads a feature that counts it. Two events are
    where one is the other with an object. What only says whom a tag is about (category, industry, open) does not relate.

    Args:
        items: the items of a basket.
        tags: the tags among them, by id.
        categories: category of each product.
    """
    names = sorted(set(items))
    made_of = {item: _made_of(item, tags, categories) for item in names}
    return frozenset(frozenset(pair) for pair in combinations(names, 2) if _same(*pair, made_of, tags))


def tag_of(item: str) -> str:
    """Id of the tag of an item ``tag:<id>`` or ``tag:<id>=<value>``."""
    return item.partition(SEPARATOR)[2].partition("=")[0]


def _same(first: str, second: str, made_of: Mapping[str, frozenset[str]], tags: Mapping[str, KnownTag]) -> bool:
    of_tags = [tags[tag_of(item)] for item in (first, second) if item.startswith("tag:")]
    if not of_tags:
        return second.startswith(first + SEPARATOR)
    if len(of_tags) == 2 and ({of_tags[0].id} & {*of_tags[1].tags, of_tags[1].id} or of_tags[1].id in of_tags[0].tags):
        return True
    return bool(made_of[first] & made_of[second])


def _made_of(item: str, tags: Mapping[str, KnownTag], categories: Mapping[str, str]) -> frozenset[str]:
    """Stems of the features that the item is made of, or that count it."""
    kind, _, code = item.partition(SEPARATOR)
    if kind == "tag":
        stems = {stem(name) for name in tags[tag_of(item)].features}
        return frozenset(stems - _FILTERS or stems)
    if kind == "product":
        own = _OWNS + categories.get(code, "")
        return frozenset(stem(f.name) for f in PURCHASE_FEATURES if not f.name.startswith(_OWNS) or f.name == own)
    features, of = (SERVICE_FEATURES, _SERVICE_OF) if kind == "service" else (INTERACTION_FEATURES, _EVENT_OF)
    stems = {stem(f.name) for f in features}
    return frozenset(name for name in stems if name not in of or _overlap(of[name], code))


def _overlap(first: str, second: str) -> bool:
    return first == second or first.startswith(second + SEPARATOR) or second.startswith(first + SEPARATOR)
