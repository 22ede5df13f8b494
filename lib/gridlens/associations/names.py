"""What items are called, in Chinese and English."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pyarrow as pa

from gridlens.associations.definition import SEPARATOR
from gridlens.associations.related import KnownTag, tag_of
from gridlens.contracts.association import EVENT_NAMES, JOINT, SERVICE_NAMES

Names = tuple[str, str]
PAGE_NAMES: dict[str, Names] = {
    "bill": ("账单", "bill"),
    "daily_usage": ("日用电量", "daily usage"),
    "tariff": ("电价", "tariff"),
    "transfer_ownership": ("过户", "transfer of ownership"),
    "close_account": ("销户", "closing the account"),
    "grid_connection": ("并网申请", "applying for grid connection"),
}
"""Pages that events are about; a product is called by its own name, anything else by its code."""


def item_names(items: Iterable[str], tags: Mapping[str, KnownTag], products: Mapping[str, Names]) -> dict[str, Names]:
    """Chinese and English name of each item."""
    return {item: _names(item, tags, products) for item in items}


def with_names(rules: pa.Table, names: Mapping[str, Names]) -> pa.Table:
    """The rules with antecedent and consequent in both languages."""
    left, right = rules["antecedent_items"].to_pylist(), rules["consequent"].to_pylist()
    for position, language in enumerate(("zh", "en")):
        texts = [JOINT.join(names[item][position] for item in items) for items in left]
        rules = rules.append_column(f"antecedent_{language}", pa.array(texts, pa.string()))
        rules = rules.append_column(f"consequent_{language}", pa.array([names[item][position] for item in right], pa.string()))
    return rules


def _names(item: str, tags: Mapping[str, KnownTag], products: Mapping[str, Names]) -> Names:
    kind, _, code = item.partition(SEPARATOR)
    if kind == "product":
        return products.get(code, (code, code))
    if kind == "service":
        return SERVICE_NAMES[code]
    if kind == "event":
        event, _, about = code.partition(SEPARATOR)
        zh, en = EVENT_NAMES[event]
        page = products.get(about) or PAGE_NAMES.get(about, (about, about))
        return (f"{zh}{page[0]}", f"{en} of {page[1]}") if about else (zh, en)
    tag, value = tags[tag_of(item)], code.partition("=")[2]
    if not value:
        return tag.names
    shown = tag.values.get(value, (value, value))
    return f"{tag.names[0]}：{shown[0]}", f"{tag.names[1]}: {shown[1]}"
