"""Commands about audiences: list and check definitions, count, build snapshots, explain, compare."""

from __future__ import annotations

from typing import Annotated

import typer

from gridlens.cli_options import AsOf, Json, KnownAt, session, with_settings
from gridlens.errors import SettingsError
from gridlens.reports.console import print_json, print_result, print_summary, print_table, say
from gridlens.settings import Settings

audience_app = typer.Typer(
    no_args_is_help=True, rich_markup_mode="markdown", help="Audiences (客群): count, build, explain, compare, list, check."
)
_Names = Annotated[list[str] | None, typer.Argument(metavar="[AUDIENCE]...", help="Audiences; default all.")]
_Expression = Annotated[
    str | None, typer.Option("--where", help='An expression instead, such as "in_arrears and days_since(opened_on) < 365".')
]


@audience_app.command("list")
@with_settings
def audience_list(settings: Settings, as_json: Json = False) -> None:
    """List the audiences that are defined.

    Example: `gridlens audience list`
    """
    from gridlens.pipelines.audience_declared import list_audiences

    rows = list_audiences(settings)
    print_json(rows) if as_json else print_table(rows, ["audience", "name_zh", "name_en", "owner", "territory", "consent", "suppressions"])


@audience_app.command("check")
@with_settings
def audience_check(settings: Settings, as_json: Json = False) -> None:
    """Check the definitions without Spark: the first mistake with file, line and remedy.

    Example: `gridlens audience check --conf myconf`
    """
    from gridlens.pipelines.audience_declared import audience_library

    library = audience_library(settings)
    facts = {"audiences": len(library.audiences), "suppressions": len(library.suppressions)}
    print_json(facts) if as_json else print_summary("Audience definitions are in order", facts)


@audience_app.command("count")
@with_settings
def audience_count(
    settings: Settings, names: _Names = None, where: _Expression = None, as_of: AsOf = None, known_at: KnownAt = None, as_json: Json = False
) -> None:
    """Count audiences, and what each suppression removes. Writes nothing.

    Example: `gridlens audience count ev_charging_offer`, or `gridlens audience count --where "in_arrears and not prepaid_account"`
    """
    from gridlens.pipelines.audience import read_definitions, run_count

    if names and where is not None:
        raise SettingsError("option --where: is an audience by itself; give names or --where, not both")
    definitions = read_definitions(settings)
    chosen = definitions.chosen(names or (), where)  # a mistake is told before Spark starts
    with session(settings) as spark:
        result = run_count(spark, settings, chosen, definitions, as_of=as_of, known_at=known_at)
    print_result("Audiences", result, as_json=as_json)


@audience_app.command("build")
@with_settings
def audience_build(settings: Settings, names: _Names = None, as_of: AsOf = None, known_at: KnownAt = None, as_json: Json = False) -> None:
    """Write snapshots: members, definition, sizes and removals, as of the newest account features.

    Example: `gridlens audience build`, then `gridlens audience overlap`; the tables themselves, audience_snapshot_v1 and
    audience_v1, hide no small group.
    """
    from gridlens.pipelines.audience import read_definitions, run_build

    definitions = read_definitions(settings)
    definitions.chosen(names or ())
    with session(settings) as spark:
        result = run_build(spark, settings, names or (), as_of=as_of, known_at=known_at, definitions=definitions, say=say)
    print_result("Audiences", result, as_json=as_json)


@audience_app.command("explain")
@with_settings
def audience_explain(
    settings: Settings,
    name: Annotated[str | None, typer.Argument(metavar="[AUDIENCE]", help="Audience.")] = None,
    where: _Expression = None,
    account: Annotated[str | None, typer.Option("--account", help="Account id: why this one is in or out.")] = None,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    as_json: Json = False,
) -> None:
    """Explain an audience term by term, or why one account is in it or not.

    Example: `gridlens audience explain ev_charging_offer --account 9900000042`
    """
    from gridlens.pipelines.audience import read_definitions
    from gridlens.pipelines.audience_explain import AccountExplanation, AudienceExplanation, explain_account, explain_audience

    if (name is None) == (where is None):
        raise SettingsError("give an audience or --where, one of them")
    definitions = read_definitions(settings)
    (chosen,) = definitions.chosen([name] if name else (), where)
    result: AccountExplanation | AudienceExplanation
    with session(settings) as spark:
        if account is not None:
            result = explain_account(spark, settings, chosen, account, definitions, as_of=as_of, known_at=known_at)
        else:
            result = explain_audience(spark, settings, chosen, definitions, as_of=as_of, known_at=known_at)
    print_result("Explanation", result, as_json=as_json)


@audience_app.command("overlap")
@with_settings
def audience_overlap(settings: Settings, names: _Names = None, as_of: AsOf = None, known_at: KnownAt = None, as_json: Json = False) -> None:
    """Compare snapshots: members that audiences share, and members outside a team's territory.

    Example: `gridlens audience overlap friendly_reminder_due automatic_debit_offer`
    """
    from gridlens.pipelines.audience import read_definitions
    from gridlens.pipelines.audience_overlap import run_overlap

    definitions = read_definitions(settings)
    definitions.chosen(names or ())
    with session(settings) as spark:
        result = run_overlap(spark, settings, definitions, names or (), as_of=as_of, known_at=known_at)
    print_result("Overlap", result, as_json=as_json)
