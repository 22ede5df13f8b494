"""A scorecard as people read it: points by bin, grades, and what became of the other characteristics."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from gridlens.models.characteristic import GROUPS
from gridlens.models.scorecard import Line, Scorecard


def scorecard_markdown(card: Scorecard, selection: Iterable[Mapping[str, Any]] = ()) -> str:
    """The scorecard as Markdown.

    Args:
        selection: of each characteristic of the definition: characteristic, iv, kept, why.
    """
    scaling = card.scaling
    parts = [
        f"# {card.name_zh} · {card.name_en}",
        f"Definition {card.stamp}, version {card.version}; fitted on {card.rows:,} rows, {card.events:,} bad. {scaling.points:g} points "
        f"are odds of {scaling.odds:g} to 1 for good; {scaling.double:g} more double them.",
        _table(("grade", "from points", "rows", "bad rate", "probability"), [_grade(one) for one in card.grades]),
    ]
    for group, (zh, en) in GROUPS.items():
        parts += [f"## {zh} · {en}", *[_line(line, card) for line in card.of_group(group)]]
    gone = [(one["characteristic"], f"{one['iv']:.3f}", one["why"]) for one in selection if not one["kept"]]
    if gone:
        parts += ["## Left out", _table(("characteristic", "IV", "why"), gone)]
    return "\n\n".join(parts) + "\n"


def _grade(one: Any) -> tuple[str, ...]:
    rate = "–" if one.bad_rate is None else f"{one.bad_rate:.2%}"
    limit = "" if one.points_from is None else f"{one.points_from:g}"
    return f"{one.id} {one.zh} {one.en}", limit, f"{one.rows:,}", rate, f"{one.pd:.2%}"


def _line(line: Line, card: Scorecard) -> str:
    rows = []
    for one in line.bins:
        rate = f"{one.events / one.rows:.2%}" if one.rows else "–"
        rows.append((one.text, f"{one.rows / card.rows:.1%}", rate, f"{one.woe:+.3f}", f"{one.points:g}"))
    head = f"### {line.characteristic.zh} · {line.characteristic.en} (IV {line.iv:.3f})"
    return f"{head}\n\n{_table(('bin', 'share', 'bad rate', 'WOE', 'points'), rows)}"


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = tuple(head)
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines)
