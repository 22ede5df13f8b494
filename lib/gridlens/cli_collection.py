"""Commands about collection: make the list, look at it."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from gridlens.cli_options import AsOf, Json, KnownAt, session, with_settings
from gridlens.pipelines.options import MomentOptions
from gridlens.reports.console import print_json, print_result, print_table, say
from gridlens.settings import Settings

collection_app = typer.Typer(no_args_is_help=True, rich_markup_mode="markdown", help="Collection (催收): make the list, look at it.")


@collection_app.command("run")
@with_settings
def collection_run(settings: Settings, as_of: AsOf = None, known_at: KnownAt = None, as_json: Json = False) -> None:
    """Rank the accounts that the team works on first, by what working on them is expected to save.

    Example: `gridlens collection run`
    """
    from gridlens.pipelines.collection import collection_definition, run_collection

    definition = collection_definition(settings)  # a mistake in it is told before Spark starts
    with session(settings) as spark:
        result = run_collection(spark, settings, MomentOptions(as_of, known_at), definition=definition, say=say)
    print_result("Collection", result, as_json=as_json)


@collection_app.command("list")
@with_settings
def collection_list(
    settings: Settings,
    as_of: AsOf = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Rows shown.")] = 20,
    as_json: Json = False,
) -> None:
    """List the cases by rank: what is at stake, why, and what can be done.

    Example: `gridlens collection list --limit 50`
    """
    from gridlens.pipelines.collection_look import list_cases

    with session(settings, brief=True) as spark:
        rows = list_cases(spark, settings, as_of=as_of, limit=limit)
    print_json(rows) if as_json else print_table([{**row, "reasons": _text(row["reasons"])} for row in rows])


def _text(reasons: list[dict[str, Any]]) -> str:
    return "; ".join(f"{one['reason']} = {one['value']}" + (f" → {one['act']}" if one["act"] else "") for one in reasons)
