"""Commands about credit: fit the scorecard, grade the accounts, take in decisions, show the scorecard."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gridlens.cli_options import AsOf, Json, KnownAt, session, with_settings
from gridlens.pipelines.options import CreditOptions
from gridlens.reports.console import print_result, say
from gridlens.settings import Settings

credit_app = typer.Typer(no_args_is_help=True, rich_markup_mode="markdown", help="Credit grades (综合信用等级): train, grade, decide.")
_Card = Annotated[str, typer.Option("--scorecard", help="Scorecard of conf/scorecards.")]


@credit_app.command("train")
@with_settings
def credit_train(
    settings: Settings,
    scorecard: _Card = "credit_grade",
    as_of: AsOf = None,
    known_at: KnownAt = None,
    again: Annotated[bool, typer.Option("--again", help="Fit although nothing has changed since the last version.")] = False,
    as_json: Json = False,
) -> None:
    """Fit the scorecard, judge it out of time, and register the version: champion where it passes the gate, else challenger.

    Example: `gridlens credit train`
    """
    from gridlens.pipelines.credit_cards import scorecard_plan
    from gridlens.pipelines.credit_train import run_credit_train

    scorecard_plan(settings, scorecard)  # a mistake in the definition is told before Spark starts
    with session(settings) as spark:
        result = run_credit_train(spark, settings, CreditOptions(scorecard, as_of, known_at, again), say=say)
    print_result("Scorecard", result, as_json=as_json)


@credit_app.command("grade")
@with_settings
def credit_grade(
    settings: Settings, scorecard: _Card = "credit_grade", as_of: AsOf = None, known_at: KnownAt = None, as_json: Json = False
) -> None:
    """Grade every account of the population by the champion scorecard and the decisions in force.

    Example: `gridlens credit grade`
    """
    from gridlens.pipelines.credit import run_credit

    with session(settings) as spark:
        result = run_credit(spark, settings, CreditOptions(scorecard, as_of, known_at), say=say)
    print_result("Credit grades", result, as_json=as_json)


@credit_app.command("decide")
@with_settings
def credit_decide(
    settings: Settings,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV file of decisions: guarantee, government, dispute, theft, industry.")],
    scorecard: _Card = "credit_grade",
    known_at: KnownAt = None,
    as_json: Json = False,
) -> None:
    """Take in decisions on qualitative factors, each with reason, author and expiry.

    They count for moments known from now on, or from --known-at on: to change grades of an earlier moment, give when they were known.

    Example: `gridlens credit decide decisions.csv`
    """
    from gridlens.pipelines.credit import run_credit_overlays

    with session(settings) as spark:
        result = run_credit_overlays(spark, settings, file, CreditOptions(scorecard), known_from=known_at)
    print_result("Decisions", result, as_json=as_json)


@credit_app.command("card")
@with_settings
def credit_card(settings: Settings, scorecard: _Card = "credit_grade") -> None:
    """Print the champion scorecard as Markdown: points by bin, grades.

    Example: `gridlens credit card`
    """
    from gridlens.pipelines.credit_cards import champion_markdown

    typer.echo(champion_markdown(settings, scorecard))
