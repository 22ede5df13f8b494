"""Commands about trajectories: compute them, show an account's, the paths to an outcome, the transitions between stages."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

import typer

from gridlens.cli_options import AsOf, Json, KnownAt, day, session, with_settings
from gridlens.pipelines.options import TrajectoryOptions
from gridlens.reports.console import print_json, print_result, print_table, print_text, say
from gridlens.settings import Settings

trajectory_app = typer.Typer(
    no_args_is_help=True, rich_markup_mode="markdown", help="Every event of an account in order, paths to outcomes, stages of customers."
)
_DEFAULTS = TrajectoryOptions()


@trajectory_app.command("run")
@with_settings
def trajectory_run(
    settings: Settings,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    window_days: Annotated[int, typer.Option("--window-days", min=1, help="Days before an outcome.")] = _DEFAULTS.window_days,
    period_days: Annotated[int, typer.Option("--period-days", min=1, help="Days up to as_of with outcomes.")] = _DEFAULTS.period_days,
    min_support: Annotated[
        float, typer.Option("--min-support", min=0.0001, max=1.0, help="Least share of accounts that walked a path.")
    ] = _DEFAULTS.min_support,
    max_steps: Annotated[int, typer.Option("--max-steps", min=1, max=8, help="Longest path.")] = _DEFAULTS.max_steps,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Paths kept for an outcome.")] = _DEFAULTS.limit,
    stage_months: Annotated[int, typer.Option("--stage-months", min=1, help="Months with transitions.")] = _DEFAULTS.stage_months,
    as_json: Json = False,
) -> None:
    """Compute trajectories, the paths to purchase, complaint, arrears and leaving, and the transitions between stages.

    Example: `gridlens trajectory run --as-of 2026-03-31`
    """
    from gridlens.pipelines.trajectory import run_trajectory

    options = TrajectoryOptions(as_of, known_at, window_days, period_days, min_support, max_steps, limit, stage_months)
    with session(settings) as spark:
        result = run_trajectory(spark, settings, options, say=say)
    print_result("Trajectories", result, as_json=as_json)


@trajectory_app.command("show")
@with_settings
def trajectory_show(
    settings: Settings,
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="Account id.")],
    first: Annotated[dt.datetime | None, typer.Option("--from", parser=day, metavar="DAY", help="First local day shown.")] = None,
    last: Annotated[dt.datetime | None, typer.Option("--to", parser=day, metavar="DAY", help="Last local day shown.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Events shown, the last ones.")] = 50,
    as_json: Json = False,
) -> None:
    """Show an account's events in order of time.

    Example: `gridlens trajectory show 9900000042 --from 2026-01-01`
    """
    from gridlens.pipelines.trajectory_look import account_trajectory

    with session(settings, brief=True) as spark:
        rows = account_trajectory(spark, settings, account, first=first, last=last, limit=limit)
    if as_json:
        print_json(rows)
    elif rows:
        print_table(rows, ["occurred_at", "event_type", "name_zh", "channel", "object", "amount", "currency"])
    else:
        print_text(f"account {account} has no event there")


@trajectory_app.command("paths")
@with_settings
def trajectory_paths(
    settings: Settings,
    outcome: Annotated[str, typer.Argument(metavar="OUTCOME", help="purchase, complaint, arrears or leaving.")],
    limit: Annotated[int, typer.Option("--limit", min=1, help="Paths shown.")] = 15,
    as_json: Json = False,
) -> None:
    """Show the paths that lead to an outcome, by the lower end of their lift's interval.

    Example: `gridlens trajectory paths complaint`
    """
    from gridlens.pipelines.trajectory_look import checked_outcome, outcome_paths

    checked_outcome(outcome)  # a mistyped name is told before Spark starts
    with session(settings) as spark:
        rows = outcome_paths(spark, settings, outcome, limit=limit)
    if as_json:
        print_json(rows)
    elif rows:
        print_table(rows)
    else:
        print_text(f"no path to {outcome} that chance would not explain")


@trajectory_app.command("stages")
@with_settings
def trajectory_stages(
    settings: Settings,
    months: Annotated[int, typer.Option("--months", min=1, help="Last months shown.")] = 1,
    as_json: Json = False,
) -> None:
    """Show how many accounts went from one stage to another.

    Example: `gridlens trajectory stages --months 3`
    """
    from gridlens.pipelines.trajectory_look import transitions

    with session(settings) as spark:
        rows = transitions(spark, settings, months=months)
    print_json(rows) if as_json else print_table(rows)
