"""Commands about tags: compute them, list them, explain one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gridlens.cli_options import AsOf, Json, KnownAt, session, with_settings
from gridlens.pipelines.options import TagOptions
from gridlens.reports.console import print_json, print_result, print_summary, print_table, print_text, say
from gridlens.settings import Settings

tags_app = typer.Typer(no_args_is_help=True, rich_markup_mode="markdown", help="Behaviour tags: compute, list, explain.")
_Tag = Annotated[str, typer.Argument(metavar="TAG", help="Id of a tag, as `gridlens tags list` shows it.")]


@tags_app.command("run")
@with_settings
def tags_run(
    settings: Settings,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    changed: Annotated[bool, typer.Option("--changed", help="Only tags whose definition changed, and those that read them.")] = False,
    as_json: Json = False,
) -> None:
    """Compute the tags from the newest account features.

    Example: `gridlens tags run`, or after a change in conf/tags: `gridlens tags run --changed`
    """
    from gridlens.pipelines.declared import tag_library
    from gridlens.pipelines.tags import run_tags

    library = tag_library(settings)  # a mistake in a definition is told before Spark starts
    with session(settings) as spark:
        result = run_tags(spark, settings, TagOptions(as_of, known_at, changed), library=library, say=say)
    print_result("Tags", result, as_json=as_json)


@tags_app.command("list")
@with_settings
def tags_list(
    settings: Settings,
    category: Annotated[str | None, typer.Option("--category", help="Only those of one category.")] = None,
    as_json: Json = False,
) -> None:
    """List the tags that are defined.

    Example: `gridlens tags list --category payment_credit`
    """
    from gridlens.pipelines.declared import list_tags

    rows = list_tags(settings, category)
    print_json(rows) if as_json else print_table(rows, ["tag", "name_zh", "name_en", "category", "kind", "value"])


@tags_app.command("check")
@with_settings
def tags_check(settings: Settings, as_json: Json = False) -> None:
    """Check the definitions without Spark: the first mistake with file, line and remedy.

    Example: `gridlens tags check --conf myconf`
    """
    from gridlens.pipelines.declared import tag_library

    library = tag_library(settings)
    facts = {"tags": len(library.tags), "levels": len(library.levels), "fingerprint": library.fingerprint[:16]}
    print_json(facts) if as_json else print_summary("Tag definitions are in order", facts)


@tags_app.command("page")
@with_settings
def tags_page(settings: Settings, to: Annotated[Path, typer.Option("--to", help="Markdown file.")]) -> None:
    """Write the catalogue of the tags that are defined as a page.

    Example: `gridlens tags page --to tags.md`
    """
    from gridlens.pipelines.declared import tags_page as page

    to.write_text(page(settings), encoding="utf-8")
    print_text(f"wrote {to}")


@tags_app.command("explain")
@with_settings
def tags_explain(
    settings: Settings,
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="Account id.")],
    tag: _Tag,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Rows shown of each table.")] = 3,
    as_json: Json = False,
) -> None:
    """Explain a value: definition, inputs with their values, and the rows behind them down to the source's locator.

    Example: `gridlens tags explain 9900000042 habitual_late_payer`
    """
    from gridlens.pipelines.declared import tag_library
    from gridlens.pipelines.explain import explain_tag
    from gridlens.reports.explanation import print_explanation

    library = tag_library(settings)
    library.tag(tag)  # a mistyped name is told before Spark starts
    with session(settings, brief=True) as spark:
        explanation = explain_tag(spark, settings, account, tag, limit=limit, library=library)
    print_json(explanation) if as_json else print_explanation(explanation)
