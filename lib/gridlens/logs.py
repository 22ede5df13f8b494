"""Logging: a file under ``<root_dir>/logs`` with every traceback, plain or JSON, with secrets and phone numbers blotted out."""

from __future__ import annotations

import datetime as dt
import json
import logging
import logging.handlers
import re
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
