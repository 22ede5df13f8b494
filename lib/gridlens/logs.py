"""Logging: a file under ``<root_dir>/logs`` with every traceback, plain or JSON, with secrets and phone numbers blotted out."""

from __future__ import annotations

import datetime as dt
import json
import logging
import logging.handlers
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gridlens.errors import PlatformError
from gridlens.settings import Settings

_NAME = r"[\w.\-]*(?:secret|password|passwd|token|credential|api[._-]?key|access[._-]?key|private[._-]?key|pseudonym[._-]?key)[\w.\-]*"
_RULES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(rf"(?i)([\"']?{_NAME}[\"']?\s*[=:]\s*)(\"[^\"]*\"|'[^']*'|[^\s,;}}\])]+)"), r"\1***"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=\-]{8,}"), r"\1 ***"),
    (re.compile(r"(://[^/@\s:]*:)[^/@\s]+@"), r"\1***@"),
    # Identity-card numbers (GB 11643: 17 digits and a digit or X) before telephones, which they contain.
    (re.compile(r"(?<![\dA-Za-z])[1-9]\d{5}(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXx](?![\dA-Za-z])"), "***"),
    # Chinese mobile numbers (1, 3 to 9, nine digits; +86 and separators allowed) and landlines with an area code.
    (re.compile(r"(?<![\d.A-Za-z])(?:\+?86[ \-]?)?1[3-9]\d[ \-]?\d{4}[ \-]?\d{4}(?![\d.]*\d|[A-Za-z])"), "***"),
    (re.compile(r"(?<![\d.A-Za-z])0\d{2,3}-\d{7,8}(?!\d)"), "***"),
)
_LOG = logging.getLogger("gridlens")
_LOG.addHandler(logging.NullHandler())  # until the file is open nothing goes to the screen
_MEGABYTES = 10


def redact(text: str, known: tuple[str, ...] = ()) -> str:
    """``text`` with secrets, identity-card and telephone numbers as ``***``; ``known`` secrets are blotted out by value."""
    for secret in known:
        text = text.replace(secret, "***")
    for pattern, blot in _RULES:
        text = pattern.sub(blot, text)
    return text


class _Formatter(logging.Formatter):
    """Redacts the finished line, so that arguments and tracebacks are covered too."""

    def __init__(self, form: str, known: tuple[str, ...]) -> None:
        super().__init__()
        self.form = form
        self.known = known

    def format(self, record: logging.LogRecord) -> str:
        moment = dt.datetime.fromtimestamp(record.created, tz=dt.UTC).isoformat(timespec="milliseconds")
        text = record.getMessage()
        trace = self.formatException(record.exc_info) if record.exc_info else ""
        if self.form == "json":
            entry = {"time": moment, "level": record.levelname, "logger": record.name, "message": redact(text, self.known)}
            if trace:
                entry["traceback"] = redact(trace, self.known)
            return json.dumps(entry, ensure_ascii=False)
        line = f"{moment} {record.levelname} {record.name}: {text}"
        return redact(f"{line}\n{trace}" if trace else line, self.known)


def log_path(settings: Settings) -> Path:
    """Where the log stands."""
    return Path(settings.root_dir) / "logs" / "gridlens.log"


def set_up_logging(settings: Settings) -> Path:
    """Sends this library's and warnings' log to the file, replacing an earlier set-up; gives its path.

    Raises:
        PlatformError: the folder cannot be written.
    """
    path = log_path(settings)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handler = logging.handlers.RotatingFileHandler(path, maxBytes=_MEGABYTES * 2**20, backupCount=5, encoding="utf-8")
    except OSError as error:
        raise PlatformError(f"the log {path} cannot be written ({error.strerror}): choose another folder with --root-dir") from error
    key = settings.pseudonym_key
    handler.setFormatter(_Formatter(settings.log_format, (key.get_secret_value(),) if key else ()))
    for name in ("gridlens", "py.warnings", "pyspark", "mlflow"):
        logger = logging.getLogger(name)
        for old in [h for h in logger.handlers if isinstance(h, logging.handlers.RotatingFileHandler)]:
            logger.removeHandler(old)
            old.close()
        logger.addHandler(handler)
    _LOG.setLevel(logging.INFO)
    _LOG.propagate = False
    logging.captureWarnings(True)
    return path


_JAVA_PATTERNS = (
    r"(?i)((?:secret|password|token|credential|access.?key)[\w.\-]*[=:]\s*)\S+",
    r"(?<![\d.A-Za-z])(?:\+?86[ -]?)?1[3-9]\d[ -]?\d\d\d\d[ -]?\d\d\d\d(?!\d)",
)
_LOG4J = """status = error
rootLogger.level = warn
rootLogger.appenderRef.err.ref = err
appender.err.type = Console
appender.err.name = err
appender.err.target = SYSTEM_ERR
appender.err.layout.type = PatternLayout
appender.err.layout.pattern = {pattern}
"""


def java_log_options(settings: Settings) -> dict[str, str]:
    """Spark settings that make a local Java log through the same redaction; writes the log4j file they name."""
    folder = log_path(settings).parent
    folder.mkdir(parents=True, exist_ok=True)
    line = "%d{yyyy-MM-dd'T'HH:mm:ss.SSSXXX}{UTC} %p %c{1}: %m%n%ex"
    for pattern, blot in zip(_JAVA_PATTERNS, ("$1***", "***"), strict=True):
        line = f"%replace{{{line}}}{{{pattern}}}{{{blot}}}"
    target = folder / "log4j2.properties"
    target.write_text(_LOG4J.format(pattern=line.replace("\\", "\\\\")), encoding="utf-8")
    own = settings.spark.get("spark.driver.extraJavaOptions", "")
    return {"spark.driver.extraJavaOptions": f"{own} -Dlog4j2.configurationFile={target.as_uri()}".strip()}


def quiet_spark_errors() -> None:
    """Stops pyspark from printing every query error, with its data and Java's trace; the error itself is raised all the same."""
    from pyspark.logger import PySparkLogger

    for name in ("SQLQueryContextLogger", "DataFrameQueryContextLogger"):
        PySparkLogger.getLogger(name).disabled = True


@contextmanager
def java_log(settings: Settings) -> Iterator[None]:
    """While the block runs, file descriptor 2 is ``logs/spark.log``: a Java that starts in it keeps writing there."""
    sys.stderr.flush()
    target = os.open(log_path(settings).with_name("spark.log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    screen = os.dup(2)
    try:
        os.dup2(target, 2)
        yield
    finally:
        os.dup2(screen, 2)
        os.close(screen)
        os.close(target)
