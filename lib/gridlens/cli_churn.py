"""Commands about churn: the hazard of leaving by month and cause."""

from __future__ import annotations

from typing import Annotated

import typer

from gridlens.cli_options import AsOf, Json, KnownAt, session, with_settings
from gridlens.reports.console import print_result, say
from gridlens.settings import Settings

churn_app = typer.Typer(rich_markup_mode="markdown", no_args_is_help=True, help="Churn (客户流失): hazard of leaving by month and cause.")


@churn_app.callback()
def churn() -> None:
    """Churn (客户流失): hazard of leaving by month and cause; `gridlens score churn_household` says who, `gridlens drivers` why."""


@churn_app.command("hazard")
@with_settings
def churn_hazard(
    settings: Settings,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    months: Annotated[int, typer.Option("--months", min=1, max=120, help="Last whole months counted.")] = 12,
    as_json: Json = False,
) -> None:
    """Count who left in each month and why, with the share that stays (Kaplan-Meier) and its interval.

    Example: `gridlens churn hazard --months 12`
    """
    from gridlens.pipelines.churn import ChurnOptions, run_churn_hazard

    with session(settings) as spark:
        result = run_churn_hazard(spark, settings, ChurnOptions(as_of, known_at, months), say=say)
    print_result("Churn hazard", result, as_json=as_json)
