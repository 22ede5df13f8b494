"""The catalogue of features, for documents and for whoever asks what a column means."""

from __future__ import annotations

from gridlens.contracts.feature import Feature
from gridlens.contracts.gold import GOLD
from gridlens.tables import Table

_HEAD = "| feature | unit | meaning | formula | null where | source |\n| --- | --- | --- | --- | --- | --- |"


def feature_catalogue() -> dict[str, tuple[Feature, ...]]:
    """Table name to its features, in column order."""
    return {name: tuple(f for f in table.fields if isinstance(f, Feature)) for name, table in GOLD.items() if _has_features(table)}


def features_markdown() -> str:
    """Every feature with unit, meaning, formula, null reason and source, a section for each table."""
    sections = []
    for name, features in feature_catalogue().items():
        rows = [f"| `{f.name}` | {f.unit or ''} | {f.doc} | {_cell(f.formula)} | {f.null or 'never'} | {f.source} |" for f in features]
        sections.append("\n".join([f"## {name}", "", GOLD[name].doc, "", _HEAD, *rows]))
    return "\n\n".join(sections) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _has_features(table: Table) -> bool:
    return any(isinstance(f, Feature) for f in table.fields)
