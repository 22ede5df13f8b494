"""Commands about models: train, score, list versions, promote, roll back, explain a score, list the drivers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gridlens.cli_options import AsOf, Json, KnownAt, session, with_settings
from gridlens.errors import SettingsError
from gridlens.pipelines.options import FlatOptions, ScoreOptions, TrainOptions
from gridlens.reports.console import print_json, print_result, print_summary, print_table, say
from gridlens.settings import Settings

models_app = typer.Typer(rich_markup_mode="markdown")
_Name = Annotated[str, typer.Argument(metavar="NAME", help="Model, as `gridlens models` lists it.")]


@models_app.command("train")
@with_settings
def train(
    settings: Settings,
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Model of conf/models; with --data the name to register.")] = None,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    again: Annotated[bool, typer.Option("--again", help="Train although nothing has changed since the last version.")] = False,
    data: Annotated[Path | None, typer.Option("--data", help="Any table instead (CSV or Parquet): a row a case.")] = None,
    label: Annotated[str | None, typer.Option("--label", help="With --data: the column to predict.")] = None,
    positive: Annotated[str | None, typer.Option("--positive", help="With --data: the label's value that counts.")] = None,
    key: Annotated[str | None, typer.Option("--key", help="With --data: the column of who a row is about.")] = None,
    without: Annotated[str, typer.Option("--without", help="With --data: columns not to learn from, with commas between.")] = "",
    strong: Annotated[str, typer.Option("--strong", help="With --data: columns that may tell the label almost alone.")] = "",
    by: Annotated[str | None, typer.Option("--by", help="With --data: a column of time; the last fifth judges.")] = None,
    folds: Annotated[int, typer.Option("--folds", min=2, max=20, help="With --data: parts of the cross-validation.")] = 5,
    separator: Annotated[str, typer.Option("--separator", help="With --data: between the columns of a CSV file.")] = ",",
    as_json: Json = False,
) -> None:
    """Train a model, judge it out of time, and register the version: champion where it passes the gate, else challenger.

    Example: `gridlens train arrears`; on a table of yours: `gridlens train my_churn --data clients.csv --label churn`
    """
    if data is None:
        from gridlens.pipelines.declared import model_library
        from gridlens.pipelines.train import run_train

        if name is None:
            raise typer.BadParameter("say which model, as `gridlens train arrears`, or give --data and --label")
        model_library(settings)  # a mistake in a definition is told before Spark starts
        with session(settings) as spark:
            result: object = run_train(spark, settings, TrainOptions(name, as_of, known_at, again), say=say)
    else:
        from gridlens.pipelines.train_flat import run_train_flat

        if label is None:
            raise typer.BadParameter("--data needs --label: the column to predict")
        options = FlatOptions(str(data), label, positive, key, _listed(without), _listed(strong), by, folds, separator, name)
        with session(settings) as spark:
            result = run_train_flat(spark, settings, options, say=say)
    print_result("Training", result, as_json=as_json)


def _listed(names: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in names.split(",") if part.strip())


@models_app.command("score")
@with_settings
def score(settings: Settings, name: _Name, as_of: AsOf = None, known_at: KnownAt = None, as_json: Json = False) -> None:
    """Score every account of the model's population with its champion, with the reasons.

    Example: `gridlens score arrears`
    """
    from gridlens.pipelines.score import run_score

    with session(settings) as spark:
        result = run_score(spark, settings, ScoreOptions(name, as_of, known_at), say=say)
    print_result("Scores", result, as_json=as_json)


@models_app.command("models")
@with_settings
def models(
    settings: Settings,
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Only this one, with all its versions.")] = None,
    drift: Annotated[bool, typer.Option("--drift", help="Of one model: what its last scoring saw move since the version's test.")] = False,
    as_json: Json = False,
) -> None:
    """List the models with their versions, aliases and figures, or what has drifted.

    Example: `gridlens models`, all versions of one: `gridlens models arrears`, its drift: `gridlens models arrears --drift`
    """
    from gridlens.pipelines.model_reads import list_drift, list_models, list_versions

    if drift:
        if name is None:
            raise SettingsError("--drift is about one model: name it, as in `gridlens models arrears --drift`")
        with session(settings, brief=True) as spark:
            rows = list_drift(spark, settings, name)
    else:
        rows = list_versions(settings, name) if name else list_models(settings)
    print_json(rows) if as_json else print_table(rows)


@models_app.command("promote")
@with_settings
def promote(
    settings: Settings,
    name: _Name,
    version: Annotated[int, typer.Option("--version", min=1, help="The version that becomes champion.")],
    reason: Annotated[str, typer.Option("--reason", help="Why: it is kept with the version.")],
    as_json: Json = False,
) -> None:
    """Make a version the champion, whatever the gate said; the reason is kept with it.

    Example: `gridlens promote arrears --version 3 --reason "agreed with collection on 3 May"`
    """
    from gridlens.pipelines.model_reads import promote_version

    facts = promote_version(settings, name, version, reason)
    print_json(facts) if as_json else print_summary(name, facts)


@models_app.command("rollback")
@with_settings
def rollback(settings: Settings, name: _Name, as_json: Json = False) -> None:
    """Make the champion before this one champion again.

    Example: `gridlens rollback arrears`
    """
    from gridlens.pipelines.model_reads import roll_back

    facts = roll_back(settings, name)
    print_json(facts) if as_json else print_summary(name, facts)


@models_app.command("explain")
@with_settings
def explain(
    settings: Settings,
    name: _Name,
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="account_id.")],
    as_json: Json = False,
) -> None:
    """Explain the last score of an account: what moved it, how far, and what can be done.

    Example: `gridlens explain arrears 9900000012`
    """
    from gridlens.pipelines.model_reads import explain_score

    with session(settings, brief=True) as spark:
        facts, reasons = explain_score(spark, settings, name, account)
    if as_json:
        print_json({**facts, "reasons": reasons})
    else:
        print_summary(f"{name} {account}", facts)
        print_table(reasons)


@models_app.command("drivers")
@with_settings
def drivers(
    settings: Settings,
    name: _Name,
    as_of: AsOf = None,
    deciles: Annotated[int, typer.Option("--deciles", min=1, max=10, help="1: the tenth with the highest scores; 10: all accounts.")] = 1,
    as_json: Json = False,
) -> None:
    """List what drives a model's newest scores in total, and what can be done about it.

    Example: `gridlens drivers churn_household`
    """
    from gridlens.pipelines.model_drivers import list_drivers

    with session(settings) as spark:
        facts, rows = list_drivers(spark, settings, name, as_of=as_of, deciles=deciles)
    if as_json:
        print_json({**facts, "drivers": rows})
    else:
        print_summary(f"Drivers of {name}", facts)
        print_table(rows)
