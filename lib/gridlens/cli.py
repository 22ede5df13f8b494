"""The command ``gridlens``: each command reads its options and calls one pipeline. ``main`` gives the exit code.

Nothing here imports Spark before a command needs it, so that ``--help`` answers at once.
"""

from __future__ import annotations

import datetime as dt
import logging
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from gridlens import __version__
from gridlens.cli_anomaly import anomalies_app
from gridlens.cli_associations import associations_app
from gridlens.cli_audience import audience_app
from gridlens.cli_churn import churn_app
from gridlens.cli_collection import collection_app
from gridlens.cli_credit import credit_app
from gridlens.cli_graph import graph_app
from gridlens.cli_look import look_app
from gridlens.cli_models import models_app
from gridlens.cli_options import AsOf, From, Json, KnownAt, Root, Sources, To, day, session, with_settings
from gridlens.cli_profile import profile_app
from gridlens.cli_segments import segments_app
from gridlens.cli_tags import tags_app
from gridlens.cli_trajectory import trajectory_app
from gridlens.cli_value import offers_app, substitution_app, value_app
from gridlens.errors import GridlensError, PlatformError
from gridlens.failures import sentence, summary
from gridlens.pipelines.options import FeatureOptions, IngestOptions, RunOptions, SampleOptions
from gridlens.reports.console import print_json, print_result, print_table, print_text, say, step
from gridlens.settings import Settings, conf_file

log = logging.getLogger("gridlens")
app = typer.Typer(
    name="gridlens",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="From an electricity company's raw data to features, tags, models, and lists of who to see, on Spark and Delta. "
    "Begin with `gridlens doctor`, then `gridlens run`.",
)
sources_app = typer.Typer(no_args_is_help=True, rich_markup_mode="markdown", help="Source definitions: list them, try one out.")
app.add_typer(sources_app, name="sources")
app.add_typer(tags_app, name="tags")
app.add_typer(segments_app, name="segments")
app.add_typer(anomalies_app, name="anomalies")
app.add_typer(credit_app, name="credit")
app.add_typer(collection_app, name="collection")
app.add_typer(churn_app, name="churn")
app.add_typer(audience_app, name="audience")
app.add_typer(associations_app, name="associations")
app.add_typer(graph_app, name="graph")
app.add_typer(trajectory_app, name="trajectory")
app.add_typer(value_app, name="value")
app.add_typer(offers_app, name="offers")
app.add_typer(substitution_app, name="substitution")
app.add_typer(look_app)
app.add_typer(models_app)
app.add_typer(profile_app)

_DEFAULTS = SampleOptions()
_INTERRUPTED = 130
_Accounts = Annotated[int, typer.Option("--accounts", min=1, help="Billing accounts of the synthetic province.")]
_Months = Annotated[int, typer.Option("--months", min=1, help="Months of registers and bills.")]
_CurveDays = Annotated[int, typer.Option("--curve-days", min=0, help="Last days with 15-minute curves; 0: none.")]
_EndDate = Annotated[dt.datetime, typer.Option("--end-date", parser=day, metavar="DAY", help="Last day of the synthetic province.")]
_Seed = Annotated[int, typer.Option("--seed", help="Seed: the same seed gives the same province.")]


@app.command()
def version(as_json: Json = False) -> None:
    """Version of gridlens."""
    print_json({"version": __version__}) if as_json else print_text(__version__)


@app.command()
@with_settings
def doctor(settings: Settings, as_json: Json = False, quick: Annotated[bool, typer.Option(help="Leave Spark out.")] = False) -> None:
    """Check this machine: Python, Java, jars, memory, disk, write access, MLflow store, one Python function on an executor.

    Example: `gridlens doctor`
    """
    from gridlens.doctor import examine, examine_spark

    checks = examine(settings)
    if not quick:
        checks += examine_spark(checks, settings, session)
    if as_json:
        print_json(checks)
    for check in () if as_json else checks:
        print_text(f"{'ok  ' if check.ok else 'FAIL'} {check.name}: {check.detail}")
    if not all(check.ok for check in checks):
        raise typer.Exit(6)


@app.command()
def jars(
    to: Annotated[Path | None, typer.Option("--to", help="Folder; default: GRIDLENS_JARS, else inside this Python environment.")] = None,
) -> None:
    """Fetch Delta's jars once, so that later sessions need no network; have Java archive Spark's classes (200 MB): they start sooner.

    Example: `gridlens jars --to /opt/gridlens/jars`, then `export GRIDLENS_JARS=/opt/gridlens/jars`
    """
    from gridlens.jars import default_folder, fetch, in_folder
    from gridlens.java_archive import archive, make_archive
    from gridlens.session import check_java

    named = os.environ.get("GRIDLENS_JARS")
    folder = to or (Path(named) if named else default_folder())
    if in_folder(folder):
        print_text(f"Delta's jars are in {folder} already")
    else:
        with step("Fetching Delta's jars"):
            fetch(folder)
        print_text(f"Delta's jars are in {folder}")
    try:
        java = check_java().build
        if not archive(java):
            with step("Having Java archive Spark's classes (half a minute, once; sessions then start sooner)"):
                make_archive(java, jars=folder)
    except PlatformError as error:
        print_text(f"{error}; sessions start without an archive of Java's classes, only later")


@app.command()
@with_settings
def sample(
    settings: Settings,
    accounts: _Accounts = _DEFAULTS.accounts,
    months: _Months = _DEFAULTS.months,
    curve_days: _CurveDays = _DEFAULTS.curve_days,
    end_date: _EndDate = _DEFAULTS.end_date,  # type: ignore[assignment]
    seed: _Seed = _DEFAULTS.seed,
    to: Annotated[Path | None, typer.Option("--to", help="Folder; default `sample` under root_dir.")] = None,
    as_json: Json = False,
) -> None:
    """Write the source files of a synthetic province.

    Example: `gridlens sample --accounts 500 --curve-days 30 --to province`
    """
    from gridlens.pipelines.sample import run_sample

    options = SampleOptions(accounts, months, curve_days, end_date, seed, to)
    with session(settings) as spark, step(f"Writing the source files of {accounts:,} accounts"):
        result = run_sample(spark, settings, options)
    print_result("Synthetic province", result, as_json=as_json)


@sources_app.command("list")
@with_settings
def sources_list(settings: Settings, as_json: Json = False) -> None:
    """List every source of the definition files.

    Example: `gridlens sources list --conf myconf`
    """
    from gridlens.pipelines.check import list_sources

    rows = list_sources(settings)
    print_json(rows) if as_json else print_table(rows)


@sources_app.command("check")
@with_settings
def sources_check(
    settings: Settings,
    file: Annotated[Path, typer.Argument(help="Source definition, as conf/sources/nsw.yml.")],
    root: Root = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Rows and examples shown.")] = 5,
    as_json: Json = False,
) -> None:
    """Try a source definition out: how columns map, what would be rejected and why. Writes nothing.

    Example: `gridlens sources check mysource.yml --root /data/meters`
    """
    from gridlens.pipelines.check import check_sources
    from gridlens.reports.source_check import print_check

    with session(settings) as spark:
        checks = check_sources(spark, settings, _definition(settings, file), root, limit=limit)
    if as_json:
        print_json(checks)
    for check in () if as_json else checks:
        print_check(check)


@app.command()
@with_settings
def ingest(settings: Settings, sources: Sources = None, root: Root = None, as_json: Json = False) -> None:
    """Load what is new at the sources: bronze, quarantine, silver, and the account of every source row.

    Example: `gridlens ingest --sources conf/sources/nsw.yml --root /data/sgsc_half_hourly`
    """
    from gridlens.pipelines.ingest import run_ingest

    options = IngestOptions(_definition(settings, sources) if sources else None, root)
    with session(settings) as spark:
        result = run_ingest(spark, settings, options, say=say)
    print_result("Ingest", result, as_json=as_json)


@app.command()
@with_settings
def features(
    settings: Settings, as_of: AsOf = None, known_at: KnownAt = None, from_: From = None, to: To = None, as_json: Json = False
) -> None:
    """Compute load shapes of days, months and the year, and the features of accounts that rest on them.

    Example: `gridlens features --as-of 2026-03-31`, or a backfill: `gridlens features --from 2026-01-01 --to 2026-03-31`
    """
    from gridlens.pipelines.features import run_features

    with session(settings) as spark:
        result = run_features(spark, settings, FeatureOptions(as_of, known_at, from_, to), say=say)
    print_result("Features", result, as_json=as_json)


@app.command()
@with_settings
def run(
    settings: Settings,
    sources: Sources = None,
    root: Root = None,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    from_: From = None,
    to: To = None,
    accounts: _Accounts = _DEFAULTS.accounts,
    months: _Months = _DEFAULTS.months,
    curve_days: _CurveDays = _DEFAULTS.curve_days,
    end_date: _EndDate = _DEFAULTS.end_date,  # type: ignore[assignment]
    seed: _Seed = _DEFAULTS.seed,
    as_json: Json = False,
) -> None:
    """Run the whole chain: sources to features, models, tags, graph, lists and audiences.

    Without --sources and --root a synthetic province is made first. What has no new facts is not computed again.

    Example: `gridlens run`, or on your own data: `gridlens run --sources conf/sources/nsw.yml --root /data/sgsc_half_hourly`
    """
    made = SampleOptions(accounts, months, curve_days, end_date, seed) if sources is None and root is None else None
    loaded = IngestOptions(_definition(settings, sources) if sources else None, root)
    from gridlens.pipelines.chain import run_chain

    with session(settings) as spark:
        result = run_chain(spark, settings, RunOptions(made, loaded, FeatureOptions(as_of, known_at, from_, to)), say=say)
    print_result("Run", result, as_json=as_json)


def _definition(settings: Settings, given: Path) -> Path:
    """The definition file: the path itself, or a name among the configuration's sources."""
    return given if given.exists() else conf_file(settings, f"sources/{given.name}")


def main(argv: list[str] | None = None) -> int:
    """Runs one command; gives the exit code and never shows a traceback (it goes to the log)."""
    try:
        typer.main.get_command(app).main(args=argv, prog_name="gridlens")
    except SystemExit as stop:
        if stop.code == _INTERRUPTED:
            _tell("stopped; what was committed stays, run again to go on")
        return stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except GridlensError as error:
        log.error("%s", error, exc_info=error)
        _tell(str(error))
        return error.exit_code
    except Exception as error:
        log.error("unexpected: %s", summary(error), exc_info=error)
        _tell(f"{sentence(error) or f'failed unexpectedly ({summary(error)})'} (details: {_log_file()})")
        return 1 if sentence(error) is None else PlatformError.exit_code
    return 0


def _tell(text: str) -> None:
    sys.stderr.write(f"gridlens: {' '.join(text.split())}\n")


def _log_file() -> str:
    files = [h.baseFilename for h in log.handlers if isinstance(h, logging.FileHandler)]
    return files[0] if files else "no log could be opened"


if __name__ == "__main__":
    sys.exit(main())
