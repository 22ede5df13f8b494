"""Writes ``docs/tables.md`` from the contracts: ``python -m gridlens.reports.tables_doc [FILE]``."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from gridlens.contracts import LAYERS, all_tables
from gridlens.contracts.codes import OPINION_CODES, QUALITY_CODES
from gridlens.contracts.feature import Feature
from gridlens.tables import Field, Table

DEFAULT = Path("docs/tables.md")
_ABOUT = {
    "bronze": "Every source row as received, good or bad, with where it came from. Append-only.",
    "silver": "The deterministic fold of bronze: what is known, each version with the moment it was known from.",
    "gold": "For readers: versioned contracts, of which a breaking change makes a new one (`_v2`).",
    "ops": "What was run, which files are known, how every row was classified, how good the data is.",
}
_HEADING = """# Tables

Generated from the contracts in `lib/gridlens/contracts` by `make docs`; change those, not this page.

Locally a table is the folder `<warehouse>/<layer>/<name>`, on a catalogue the name `<catalog>.<schema>.<layer>_<name>`. A field
without a reason for null is NOT NULL. Closed lists of values and checks are constraints of the Delta table itself. Sensitivity:
**personal** fields identify a person and are left out of exports, logs and file statistics; *internal* fields stay in the company;
*public* ones may be published. All moments are UTC.
"""


def render(tables: Mapping[str, Table]) -> str:
    """The page for ``tables`` (by ``layer.name``) as markdown."""
    parts = [_HEADING, *_contents(tables)]
    for layer in LAYERS:
        chosen = [table for table in tables.values() if table.layer == layer]
        if chosen:
            parts += [f"\n## {layer.capitalize()}\n", f"{_ABOUT[layer]}\n"]
            parts += [line for table in chosen for line in _table(table)]
    parts += _codes("Quality codes", "`interval_day.quality`", QUALITY_CODES)
    parts += _codes("Opinion codes", "`interval_estimate.opinion`", OPINION_CODES)
    return "\n".join(parts) + "\n"


def _contents(tables: Mapping[str, Table]) -> Iterator[str]:
    yield "| Table | What it holds | Fields |\n| --- | --- | --- |"
    for full, table in tables.items():
        yield f"| [{full}](#{full.replace('.', '')}) | {_cell(table.doc)} | {len(table.fields)} |"


def _table(table: Table) -> Iterator[str]:
    yield f"\n### {table.layer}.{table.name}\n"
    yield f"{table.doc}\n"
    yield f"- Key: {_names(table.keys)}"
    if table.partition_by:
        yield f"- Folders by: {_names(table.partition_by)}"
    if table.sort_by:
        yield f"- Order inside files: {_names(table.sort_by)}"
    for name, condition in table.checks.items():
        yield f"- Check `{name}`: `{condition}`"
    extra = any(isinstance(f, Feature) for f in table.fields)
    yield "\n| Field | Type | Unit | Meaning | Allowed | Null when | Sensitivity |" + (" Formula | Source |" if extra else "")
    yield "| --- " * (9 if extra else 7) + "|"
    for field in table.fields:
        yield _row(field, extra)


def _row(field: Field, extra: bool) -> str:
    sensitivity = field.sensitivity.value
    cells = [
        f"`{field.name}`",
        f"`{field.type}`",
        _cell(field.unit or ""),
        _cell(field.doc),
        ", ".join(f"`{value}`" for value in field.allowed or ()),
        _cell(field.null) if field.null is not None else "never",
        f"**{sensitivity}**" if sensitivity == "personal" else sensitivity,
    ]
    if extra:
        cells += [_cell(field.formula), _cell(field.source)] if isinstance(field, Feature) else ["", ""]
    return f"| {' | '.join(cells)} |"


def _codes(title: str, where: str, codes: Mapping[int, tuple[str, str]]) -> list[str]:
    rows = [f"| {code} | {name} | {_cell(meaning)} |" for code, (name, meaning) in codes.items()]
    return [f"\n## {title}\n", f"Elements of {where}.\n", "| Code | Name | Meaning |\n| --- | --- | --- |", *rows]


def _names(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def main(argv: list[str] | None = None) -> int:
    """Writes the page; gives 0."""
    arguments = sys.argv[1:] if argv is None else argv
    path = Path(arguments[0]) if arguments else DEFAULT
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render(all_tables()), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
