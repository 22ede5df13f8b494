"""Commands about abnormal usage: search, list the alerts, show one."""

from __future__ import annotations

from typing import Annotated

import typer

from gridlens.cli_options import AsOf, Json, KnownAt, session, with_settings
from gridlens.pipelines.options import AnomalyOptions
from gridlens.reports.console import print_json, print_result, print_summary, print_table, say
from gridlens.settings import Settings

anomalies_app = typer.Typer(no_args_is_help=True, rich_markup_mode="markdown", help="Abnormal usage (用电异常): search, list, show.")


@anomalies_app.command("run")
@with_settings
def anomalies_run(settings: Settings, as_of: AsOf = None, known_at: KnownAt = None, as_json: Json = False) -> None:
    """Search for abnormal usage and rank the visits by what they are expected to recover.

    Example: `gridlens anomalies run`
    """
    from gridlens.pipelines.anomaly import run_anomalies
    from gridlens.pipelines.declared import usage_definition

    usage = usage_definition(settings)  # a mistake in the definition is told before Spark starts
    with session(settings) as spark:
        result = run_anomalies(spark, settings, AnomalyOptions(as_of, known_at), usage=usage, say=say)
    print_result("Abnormal usage", result, as_json=as_json)


@anomalies_app.command("list")
@with_settings
def anomalies_list(
    settings: Settings,
    as_of: AsOf = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Rows shown.")] = 20,
    kind: Annotated[str | None, typer.Option("--kind", help="Alerts of this kind only, such as under_recording.")] = None,
    visits: Annotated[bool, typer.Option("--visits", help="Only the visits of the week.")] = False,
    as_json: Json = False,
) -> None:
    """List the alerts by rank.

    Example: `gridlens anomalies list --visits`
    """
    from gridlens.pipelines.anomaly_look import list_alerts

    with session(settings, brief=True) as spark:
        rows = list_alerts(spark, settings, as_of=as_of, limit=limit, kind=kind, visits=visits)
    print_json(rows) if as_json else print_table(rows)


@anomalies_app.command("show")
@with_settings
def anomalies_show(
    settings: Settings,
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="Account of an alert.")],
    as_of: AsOf = None,
    as_json: Json = False,
) -> None:
    """Show the evidence of an account's alert: change, loss, peers, transformer, visits, curve.

    Example: `gridlens anomalies show 9900000176`
    """
    from gridlens.pipelines.anomaly_look import show_alert

    with session(settings, brief=True) as spark:
        facts = show_alert(spark, settings, account, as_of=as_of)
    print_json(facts) if as_json else print_summary(account, facts)
