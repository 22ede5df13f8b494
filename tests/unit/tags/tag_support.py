"""Small tag libraries for the tests: a definition with every field filled in, of which a test states what matters to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from gridlens.tags.library import TagLibrary, load_tags

COLUMNS = {
    "account_id": "string",
    "industry": "string",
    "annual_kwh": "double",
    "late_30d": "int",
    "late_90d": "int",
    "has_pv": "boolean",
    "opened_on": "date",
}


def tag(identity: str, *, inputs: list[str], **fields: Any) -> dict[str, Any]:
    """A definition; ``fields`` replace or add to the fields that every tag has."""
    common = {
        "id": identity,
        "name_zh": f"标签 {identity}",
        "name_en": f"Tag {identity}",
        "category": "payment_credit",
        "kind": "rule",
        "inputs": inputs,
        "owner": "collection",
        "version": 1,
        "ttl_days": 40,
        "sensitivity": "internal",
        "refresh": "daily",
        "reason": "The upper tenth of the default province's households, 2026",
        "description": f"Accounts for which {identity} holds",
    }
    return common | fields


LABELS = {"low": {"zh": "低", "en": "low"}, "high": {"zh": "高", "en": "high"}}
BANDS = {"of": "annual_kwh", "steps": [{"below": 100, "value": "low"}, {"value": "high"}]}
LATE = tag("late", inputs=["late_90d"], expression="late_90d >= 2")
LEVEL = tag("level", inputs=["annual_kwh"], bands=BANDS, values=LABELS)
INDUSTRY = tag("trade", inputs=["industry"], kind="fact", expression="industry", open_values=True)
BIG_LATE = tag("big_late", inputs=["late", "level"], kind="derived", expression="late and level = 'high'")
CALL = tag("call_first", inputs=["big_late", "has_pv"], kind="derived", expression="big_late and not has_pv")
CHAIN = [LATE, LEVEL, INDUSTRY, BIG_LATE, CALL]


def library(folder: Path, definitions: list[dict[str, Any]]) -> TagLibrary:
    """The definitions written to ``folder`` and loaded."""
    file = folder / "tags.yml"
    file.write_text(yaml.safe_dump({"tags": definitions}, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return load_tags([file], COLUMNS)
