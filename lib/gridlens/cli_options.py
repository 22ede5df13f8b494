"""Options that commands share: settings, moments, and the session a command works in."""

from __future__ import annotations

import datetime as dt
import inspect
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from gridlens.logs import java_log, java_log_options, quiet_spark_errors, set_up_logging
from gridlens.settings import Settings, load_settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def day(text: str | dt.date) -> dt.date:
    """A local day, YYYY-MM-DD."""
    try:
        return text if isinstance(text, dt.date) else dt.date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text} is no day; expected one such as 2026-03-31") from None


def moment(text: str | dt.datetime) -> dt.datetime:
    """A moment in ISO 8601; UTC where no offset is given."""
    try:
        value = text if isinstance(text, dt.datetime) else dt.datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text} is no moment; expected one such as 2026-04-01T06:00:00Z") from None
    return value.astimezone(dt.UTC) if value.tzinfo else value.replace(tzinfo=dt.UTC)


_HELP = "Settings"
_Profile = Annotated[str | None, typer.Option("--profile", help="local, cluster or databricks; default: found out.", rich_help_panel=_HELP)]
_Conf = Annotated[
    Path | None, typer.Option("--conf", help="Your configuration folder; its files shadow the packaged ones.", rich_help_panel=_HELP)
]
_Root = Annotated[Path | None, typer.Option("--root-dir", help="Where everything is written; default ./.gridlens.", rich_help_panel=_HELP)]
_Warehouse = Annotated[str | None, typer.Option("--warehouse", help="Folder of the tables, any Hadoop path.", rich_help_panel=_HELP)]
_COMMON = {"profile": _Profile, "conf": _Conf, "root_dir": _Root, "warehouse": _Warehouse}

Json = Annotated[bool, typer.Option("--json", help="Give the result as JSON.")]
AsOf = Annotated[dt.datetime | None, typer.Option("--as-of", parser=day, metavar="DAY", help="Last local day included.")]
KnownAt = Annotated[dt.datetime | None, typer.Option("--known-at", parser=moment, metavar="MOMENT", help="What was known then (UTC).")]
From = Annotated[dt.datetime | None, typer.Option("--from", parser=day, metavar="DAY", help="First local day of a backfill.")]
To = Annotated[dt.datetime | None, typer.Option("--to", parser=day, metavar="DAY", help="Last local day of a backfill.")]
Sources = Annotated[Path | None, typer.Option("--sources", help="Source definitions; default: the synthetic province's.")]
Root = Annotated[str | None, typer.Option("--root", help="Folder that holds the source files, any Hadoop path.")]
Where = Annotated[str | None, typer.Option("--where", help="Condition, such as \"channel = '1.8.0' and energy_kwh > 10\".")]
Columns = Annotated[str | None, typer.Option("--columns", help="Columns, with commas between.")]
Personal = Annotated[bool, typer.Option("--personal", help="Include personal fields.")]


def with_settings(command: Callable[..., Any]) -> Callable[..., Any]:
    """A command whose first parameter is the settings, made from the common options, with logging set up."""
    own = list(inspect.signature(command).parameters.values())[1:]
    hints = get_type_hints(command, include_extras=True)

    def run(**given: Any) -> Any:
        common = {name: given.pop(name) for name in _COMMON}
        overrides = {"root_dir": str(common["root_dir"]) if common["root_dir"] else None, "warehouse": common["warehouse"]}
        settings = load_settings(common["profile"], common["conf"], overrides)
        set_up_logging(settings)
        return command(settings, **given)

    parameters = [p.replace(annotation=hints[p.name], kind=inspect.Parameter.KEYWORD_ONLY) for p in own]
    shared = [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kind) for name, kind in _COMMON.items()]
    run.__signature__ = inspect.Signature([*parameters, *shared])  # type: ignore[attr-defined]
    run.__annotations__ = {p.name: p.annotation for p in (*parameters, *shared)}
    run.__name__, run.__doc__ = command.__name__, command.__doc__
    return run


@contextmanager
def session(settings: Settings, *, brief: bool = False) -> Iterator[SparkSession]:
    """The session of the settings; one that was already running (a notebook's, a test's) is left running.

    Where this process starts Java itself, what Java says goes to ``logs/spark.log``, not to the screen; ``brief`` starts it for a
    question about a few rows.
    """
    from pyspark.sql import SparkSession

    from gridlens.session import get_spark, in_brief, made_elsewhere

    quiet_spark_errors()
    active = SparkSession.getActiveSession()
    started = active is not None or made_elsewhere(settings) or bool(os.environ.get("PYSPARK_GATEWAY_PORT"))
    own_java = settings.profile == "local" and not started
    if own_java:
        spark_conf = {**settings.spark, **java_log_options(settings)}
        settings = settings.model_copy(update={"spark": in_brief(spark_conf) if brief else spark_conf})
        with java_log(settings):
            spark = get_spark(settings)
    else:
        spark = get_spark(settings)
    try:
        yield spark
    finally:
        if active is None:
            spark.stop()
