"""The connection to MLflow: made ready before first use, every failure in one sentence."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gridlens.errors import PlatformError, RegistryError
from gridlens.logs import redact
from gridlens.settings import Settings

_SQLITE = "sqlite:///"
_DEFAULTS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    # MLflow's own patience (120 s, seven retries) is a quarter of an hour before it says that a server is away.
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
}
_ADVICE = "check GRIDLENS_MLFLOW_TRACKING_URI, and that the server runs"


def mlflow_environment() -> None:
    """What MLflow reads from the environment: no pickled code, no usage reports, no long waiting. Before mlflow is imported."""
    for name, value in _DEFAULTS.items():
        os.environ.setdefault(name, value)
    os.environ["MLFLOW_ALLOW_PICKLE_DESERIALIZATION"] = "false"


class Client:
    """An ``MlflowClient`` whose failures are a PlatformError or, where something is not there, a RegistryError."""

    def __init__(self, settings: Settings) -> None:
        from mlflow import MlflowClient

        self.shown = str(settings.masked()["mlflow_tracking_uri"])
        with failures(self.shown):
            self.inner = MlflowClient(settings.mlflow_tracking_uri, settings.mlflow_registry_uri)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self.inner, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            with failures(self.shown):
                return method(*args, **kwargs)

        return call


@contextmanager
def failures(shown: str) -> Iterator[None]:
    """Turns what MLflow, its HTTP client and its database raise into one sentence that names the store."""
    from mlflow.exceptions import MlflowException
    from requests.exceptions import RequestException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except MlflowException as error:
        code = str(getattr(error, "error_code", ""))
        if code in ("RESOURCE_DOES_NOT_EXIST", "NOT_FOUND"):
            raise RegistryError(f"the MLflow store {shown} lacks what was asked for: {_first_line(error)}") from error
        if code in ("PERMISSION_DENIED", "UNAUTHENTICATED", "CUSTOMER_UNAUTHORIZED"):
            raise PlatformError(f"the MLflow store {shown} refuses this user ({code}): check its user, password or token") from error
        if code in ("INTERNAL_ERROR", "TEMPORARILY_UNAVAILABLE", "REQUEST_LIMIT_EXCEEDED", "None", ""):
            raise PlatformError(f"the MLflow store {shown} does not answer ({_kind(error)}): {_ADVICE}") from error
        raise RegistryError(f"the MLflow store {shown} refuses: {_first_line(error)}") from error
    except (RequestException, SQLAlchemyError, ConnectionError) as error:
        raise PlatformError(f"the MLflow store {shown} does not answer ({type(error).__name__}): {_ADVICE}") from error


def _kind(error: Exception) -> str:
    return type(error.__cause__ or error.__context__ or error).__name__


def _first_line(error: Exception) -> str:
    return redact(str(error).strip().splitlines()[0])[:300] if str(error).strip() else type(error).__name__


def connect(settings: Settings) -> Client:
    """A client of the store that the settings name; a SQLite file is made, or brought up to date, under a lock.

    Raises:
        PlatformError: the store does not answer within a minute, refuses the user, or its file cannot be written.
    """
    mlflow_environment()
    if settings.mlflow_tracking_uri.startswith(_SQLITE):
        _ready(Path(settings.mlflow_tracking_uri.removeprefix(_SQLITE)))
    client = Client(settings)
    client.search_experiments(max_results=1)
    return client


def _ready(path: Path) -> None:
    """Makes the database before anybody opens it: eight processes that let MLflow do so at once all failed (2026-11).

    A new file is filled under another name, so that a process killed meanwhile leaves no half-made one.
    """
    import mlflow

    lock = path.with_name(path.name + ".lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with lock.open("a+", encoding="ascii") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            handle.seek(0)
            if path.exists() and handle.read() == mlflow.__version__:
                return
            _upgrade(path)
            handle.truncate(0)
            handle.write(mlflow.__version__)
    except (OSError, sqlite3.Error) as error:
        raise PlatformError(
            f"the MLflow store {path} cannot be made ready ({error}): choose another with GRIDLENS_MLFLOW_TRACKING_URI"
        ) from error


def _upgrade(path: Path) -> None:
    """``mlflow db upgrade`` on a copy that takes the file's place when it is whole."""
    from mlflow.db import upgrade

    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    if path.exists():
        with sqlite3.connect(path) as old, sqlite3.connect(fresh) as copy:
            old.backup(copy)
        old.close()
        copy.close()
    with failures(f"{_SQLITE}{path}"):
        upgrade.callback(f"{_SQLITE}{fresh}")  # type: ignore[misc]
    fresh.replace(path)


def probe(settings: Settings) -> str:
    """Whether the store answers, for `gridlens doctor`: changes nothing, and does not make a SQLite file.

    Raises:
        PlatformError: it does not.
    """
    mlflow_environment()
    client = Client(settings)
    client.search_experiments(max_results=1)
    return f"{client.shown} answers"
