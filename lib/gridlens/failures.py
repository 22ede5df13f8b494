"""Puts failures of Java, Spark and the system into one sentence; the whole story stands in the log."""

from __future__ import annotations

import re
from collections.abc import Iterator

_KNOWN: tuple[tuple[str, str], ...] = (
    (
        r"No space left on device|Disk quota exceeded|ENOSPC",
        "the disk is full: make room, or choose another folder with --root-dir or --warehouse",
    ),
    (
        r"OutOfMemoryError|Java heap space|GC overhead limit",
        'Java ran out of memory: export PYSPARK_SUBMIT_ARGS="--driver-memory 6g pyspark-shell" (or give spark-submit more) and run again',
    ),
    (r"UnsupportedClassVersionError|class file version", "this Java is too old for Spark: set JAVA_HOME to Java 17 or 21"),
    (r"JAVA_GATEWAY_EXITED|Java gateway process exited", "Java did not start: `gridlens doctor` says what is wrong"),
    (
        r"DeltaSparkSessionExtension|Failed to find data source: delta|DATA_SOURCE_NOT_FOUND.*delta",
        "Delta's jars are missing: run `gridlens jars` once, or set GRIDLENS_JARS to a folder that holds them",
    ),
    (
        r"Permission denied|AccessDeniedException|AccessControlException|EACCES",
        "a file or folder must not be read or written by this user: check the rights of the sources and of the warehouse",
    ),
    (r"Read-only file system", "the file system is read-only: choose another folder with --root-dir or --warehouse"),
    (r"Too many open files", "too many files are open: raise the limit with `ulimit -n 65536` and run again"),
    (
        r"PythonException[\s\S]*ModuleNotFoundError",
        "an executor's Python lacks a module: set PYSPARK_PYTHON to this Python, or bring the environment with --archives",
    ),
    (r"PYTHON_VERSION_MISMATCH", "executors run another Python version than the driver: set PYSPARK_PYTHON to the same one everywhere"),
    (
        r"Connection refused|Py4JNetworkError|Answer from Java side is empty|StatusCode\.UNAVAILABLE",
        "the connection to Spark was lost: Java ended, often for lack of memory; run again, nothing is half written",
    ),
    (
        r"Concurrent(Append|DeleteRead|DeleteDelete|Transaction|Write)Exception|DELTA_CONCURRENT",
        "another run changed the same table at the same time: wait until it ends and run again",
    ),
    (
        r"A schema mismatch detected when writing to the Delta table|DELTA_METADATA_MISMATCH",
        "a table lacks columns that this version writes: run `gridlens migrate`, then run this again",
    ),
    (
        r"DELTA_NOT_NULL_CONSTRAINT_VIOLATED",
        "a table does not take an unknown value: where an earlier version made it, run `gridlens migrate`, then run this again",
    ),
    (
        r"UnknownHostException|Name or service not known|Temporary failure in name resolution",
        "a host name is unknown: check the network and the addresses in the settings",
    ),
)
_ERROR_CLASS = re.compile(r"\[([A-Z][A-Z0-9_]+(?:\.[A-Z0-9_]+)*)\]")


def sentence(error: BaseException) -> str | None:
    """What a known failure means and what to do, or None for an unknown one."""
    text = "\n".join(_texts(error))
    for pattern, meaning in _KNOWN:
        if re.search(pattern, text):
            return meaning
    return None


def summary(error: BaseException) -> str:
    """Kind of an unknown failure: its class and Spark's error class, never its text, which may hold data."""
    for text in _texts(error):
        found = _ERROR_CLASS.search(text)
        if found:
            return f"{type(error).__name__} {found.group(1)}"
    return type(error).__name__


def _texts(error: BaseException) -> Iterator[str]:
    """The texts of an error and of what caused it."""
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield f"{type(current).__name__}: {current}"
        current = current.__cause__ or current.__context__
