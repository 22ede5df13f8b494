"""Shows the dry run of a source: mapping, counts, objections with examples, first rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gridlens.reports.console import print_summary, print_table

if TYPE_CHECKING:
    from gridlens.ingest.check import SourceCheck


def print_check(check: SourceCheck) -> None:
    """One source's check on standard output."""
    print_summary(
        f"{check.source} -> bronze.{check.entity}",
        {
            "files": len(check.files),
            "source rows": check.source_rows,
            "bronze rows": check.bronze_rows,
            "would be rejected": check.rejected_rows,
        },
    )
    print_table(
        [{"field": f.name, "type": f.type, "comes from": f.origin or "(nothing: stays null)"} for f in check.fields], title="Mapping"
    )
    if check.objections:
        rows = [
            {
                "rule": o.rule,
                "severity": o.severity,
                "rows": o.rows,
                "examples": "; ".join(f"{where}: {reason}" for where, reason in o.examples),
            }
            for o in check.objections
        ]
        print_table(rows, title="Objections")
    if check.sample:
        print_table(check.sample, title="First rows")
