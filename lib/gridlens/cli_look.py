"""Commands that look at a warehouse or keep it in order: runs, tables, show, quality, export, maintain, migrate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gridlens.cli_options import Columns, Json, KnownAt, Personal, Where, session, with_settings
from gridlens.pipelines.options import MaintainOptions, MigrateOptions
from gridlens.reports.console import print_json, print_result, print_summary, print_table, print_text, say, step
from gridlens.settings import Settings

look_app = typer.Typer()
_TableName = Annotated[str, typer.Argument(metavar="TABLE", help="layer.name, or the name alone.")]
_DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")]


@look_app.command()
@with_settings
def runs(settings: Settings, limit: Annotated[int, typer.Option("--limit", min=1, help="Runs shown.")] = 20, as_json: Json = False) -> None:
    """List the last runs, newest first.

    Example: `gridlens runs --limit 5`
    """
    from gridlens.pipelines.look import list_runs

    with session(settings, brief=True) as spark:
        rows = list_runs(spark, settings, limit=limit)
    if as_json:
        print_json(rows)
    elif rows:
        print_table(rows, ["run_id", "job", "started_at", "seconds", "outcome", "as_of", "message"])
    else:
        print_text("no run yet; begin with `gridlens run`")


@look_app.command()
@with_settings
def tables(
    settings: Settings, everything: Annotated[bool, typer.Option("--all", help="Also those never written.")] = False, as_json: Json = False
) -> None:
    """List the tables with their rows.

    Example: `gridlens tables --json`
    """
    from gridlens.pipelines.look import list_tables

    with session(settings) as spark:
        rows = [row for row in list_tables(spark, settings) if everything or row["denied"] or row["rows"] is not None]
    if as_json:
        print_json(rows)
    elif rows:
        shown = [{**row, "rows": "may not be read"} if row["denied"] else row for row in rows]
        print_table(shown, ["table", "rows", "keys", "what"])
    else:
        print_text("no table yet; begin with `gridlens run`")


@look_app.command()
@with_settings
def show(
    settings: Settings,
    table: _TableName,
    where: Where = None,
    columns: Columns = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Rows at most.")] = 20,
    known_at: KnownAt = None,
    personal: Personal = False,
    as_json: Json = False,
) -> None:
    """Show rows of a table.

    Example: `gridlens show load_shape_month_v1 --where "channel = '1.8.0'" --limit 5`
    """
    from gridlens.pipelines.look import Selection, resolve, show

    selection = Selection(table, where, _names(columns), limit, known_at, personal)
    resolve(settings, selection)  # a mistyped name is told before Spark starts
    with session(settings) as spark:
        rows = show(spark, settings, selection)
    if as_json:
        print_json(rows)
    elif rows:
        print_table(rows)
    else:
        print_text("no row")


@look_app.command()
@with_settings
def quality(settings: Settings, as_json: Json = False) -> None:
    """Show the data-quality report: the account of every source, rules broken, figures of the last run.

    Example: `gridlens quality`
    """
    from gridlens.pipelines.look import quality_report

    with session(settings) as spark:
        report = quality_report(spark, settings)
    print_result("Data quality", report, as_json=as_json)


@look_app.command()
@with_settings
def export(
    settings: Settings,
    table: _TableName,
    to: Annotated[Path, typer.Option("--to", help="File: .csv, .csv.gz, .parquet or .xlsx.")],
    where: Where = None,
    columns: Columns = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="Rows at most.")] = None,
    known_at: KnownAt = None,
    personal: Personal = False,
    pseudonyms: Annotated[bool, typer.Option("--pseudonyms", help="Ids as pseudonyms, by the key GRIDLENS_PSEUDONYM_KEY.")] = False,
    as_json: Json = False,
) -> None:
    """Write rows of a table to one file; text is safe in spreadsheets, personal fields stay out unless asked for.

    Example: `gridlens export load_shape_month_v1 --to months.xlsx --where "local_month >= '2026-01-01'"`
    """
    from gridlens.pipelines.look import Selection, export_table, resolve

    selection = Selection(table, where, _names(columns), limit, known_at, personal, pseudonyms)
    resolve(settings, selection)  # a mistyped name is told before Spark starts
    with session(settings) as spark, step(f"Writing {to}"):
        done = export_table(spark, settings, selection, to)
    if as_json:
        print_json(done)
        return
    facts = {"file": str(done.path), "rows": done.rows, "columns": len(done.columns)}
    print_summary("Export", {**facts, **({"left out (personal)": ", ".join(done.left_out)} if done.left_out else {})})


@look_app.command()
@with_settings
def maintain(
    settings: Settings,
    retain_days: Annotated[int, typer.Option("--retain-days", min=7, help="Days for which unused files are kept.")] = 30,
    dry_run: _DryRun = False,
    as_json: Json = False,
) -> None:
    """Compact small files and remove files no longer used.

    Example: `gridlens maintain --dry-run`
    """
    from gridlens.pipelines.maintain import run_maintain

    with session(settings) as spark:
        result = run_maintain(spark, settings, MaintainOptions(retain_days, dry_run), say=say)
    print_result("Maintenance", result, as_json=as_json)


@look_app.command()
@with_settings
def migrate(settings: Settings, dry_run: _DryRun = False, as_json: Json = False) -> None:
    """Bring the tables' schemas up to this version: columns are added and recorded, any other change is refused.

    Example: `gridlens migrate --dry-run`
    """
    from gridlens.pipelines.migrate import run_migrate

    with session(settings) as spark:
        result = run_migrate(spark, settings, MigrateOptions(dry_run), say=say)
    print_result("Migration", result, as_json=as_json)


def _names(text: str | None) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip()) if text else ()
