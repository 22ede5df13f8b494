"""The text of ``docs/tags.md``: every tag by category, from the definitions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from gridlens.contracts.tag import CATEGORY_NAMES, KIND_NAMES
from gridlens.tags.library import Tag, TagLibrary

_HEADING = """# Tags

Generated from the definitions in `conf/tags`; change those, not this page.
"""
_COLUMNS = ("Tag", "中文", "English", "Kind", "Values", "Definition", "Inputs", "Reason", "Owner · version · lives · sensitivity · refresh")


def tags_markdown(library: TagLibrary) -> str:
    """The page as markdown: what there is by kind and category, then a table a category in which every tag is a row."""
    parts = [_HEADING, *_counts(library.tags)]
    for category, (zh, en) in CATEGORY_NAMES.items():
        chosen = sorted((tag for tag in library.tags if tag.definition.category == category), key=lambda tag: tag.id)
        if chosen:
            parts += [f"\n## {en} {zh}\n", _line(_COLUMNS), "|" + " --- |" * len(_COLUMNS), *map(_row, chosen)]
    return "\n".join(parts) + "\n"


def _counts(tags: Sequence[Tag]) -> list[str]:
    kinds = Counter(tag.definition.kind for tag in tags)
    categories = Counter(tag.definition.category for tag in tags)
    by_kind = ", ".join(f"{kinds[kind]} {en} ({zh})" for kind, (zh, en) in KIND_NAMES.items() if kinds[kind])
    by_category = [_line((f"{en} {zh}", str(categories[c]))) for c, (zh, en) in CATEGORY_NAMES.items() if categories[c]]
    intro = (
        f"{len(tags)} tags: {by_kind}. A boolean is true, false or, where its inputs do not decide it, not known; a text is one of\n"
        "the values listed, or not known. One definition over several windows gives a tag for each.\n"
    )
    return [intro, _line(("Category", "Tags")), "| --- | ---: |", *by_category]


def _row(tag: Tag) -> str:
    definition = tag.definition
    kept = (
        definition.owner,
        f"v{definition.version}",
        f"{definition.ttl_days} d",
        definition.sensitivity.value,
        definition.refresh,
    )
    zh, en = KIND_NAMES[definition.kind]
    return _line(
        (
            f"`{tag.id}`",
            definition.name_zh,
            f"{definition.name_en}: {definition.description}",
            f"{en} {zh}",
            _values(tag),
            f"`{definition.text}`",
            ", ".join(f"`{name}`" for name in definition.inputs),
            definition.reason,
            " · ".join(kept),
        )
    )


def _values(tag: Tag) -> str:
    if tag.definition.values:
        return ", ".join(f"`{value}` {label.en} {label.zh}" for value, label in tag.definition.values.items())
    return "true, false" if tag.value_type == "boolean" else "any text"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(' '.join(cell.split()).replace('|', chr(92) + '|') for cell in cells)} |"
