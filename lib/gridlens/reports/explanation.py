"""An explanation of a tag for people: from the statement down to the rows it rests on."""

from __future__ import annotations

from typing import Any

from gridlens.reports.console import cell, print_summary, print_table, print_text
from gridlens.tags.explanation import Explanation

UNKNOWN = "not known"
OUTDATED = (
    "The definition has changed since the value was computed, so that this value is of an earlier one: "
    "run `gridlens tags run --changed` to compute it from the definition shown."
)


def print_explanation(e: Explanation) -> None:
    """Statement, definition, inputs with their values, and the newest rows behind them."""
    facts = {
        "value": _shown(e.value),
        "since": e.since.isoformat() if e.since else "always",
        "as of": e.as_of.isoformat(),
        "computed": f"{e.computed}{' (past its time to live: not served any more)' if e.expired else ''}",
        "definition": e.definition,
        "reason": e.reason,
        "version": e.version,
    }
    print_summary(f"{e.tag} ({e.names}) of account {e.account}", facts)
    if e.outdated:
        print_text(OUTDATED)
    rows = [
        {"read by": i.of, "input": i.name, "as of": i.as_of, "value": _shown(i.value), "unit": i.unit, "meaning": i.meaning}
        for i in e.inputs
    ]
    print_table(rows, title="inputs")
    for behind in e.behind:
        count = "rows that you may not read" if behind.rows is None else f"{behind.rows:,} row(s)"
        title = f"{behind.table}: {count} by {behind.as_of} behind {', '.join(behind.inputs)}"
        if behind.newest:
            print_table(behind.newest, title=f"{title}; the newest")
        else:
            print_text(title)


def _shown(value: Any) -> str:
    return UNKNOWN if value is None else cell(value)
