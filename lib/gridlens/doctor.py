"""Checks that this machine can run gridlens: each check is ok, or one sentence what to do."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gridlens.errors import GridlensError, PlatformError
from gridlens.places import local_folder
from gridlens.settings import Settings

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import SparkSession

PYTHONS = ((3, 11), (3, 13))
MIN_MEMORY_GIB = 2.0
MIN_DISK_GIB = 5.0
_GIB = 2**30
Session = Callable[[Settings], AbstractContextManager["SparkSession"]]


@dataclass(frozen=True)
class Check:
    """One check: ``detail`` says what was found, or what to do."""

    name: str
    ok: bool
    detail: str


def examine(settings: Settings) -> list[Check]:
    """The checks that need no Spark, in order."""
    checks: list[tuple[str, Callable[[Settings], str]]] = [
        ("Python", _python),
        ("Java", _java),
        ("Delta's jars", _jars),
        ("memory", _memory),
        ("disk", _disk),
        ("warehouse", _warehouse),
        ("MLflow store", _mlflow),
    ]
    return [_tried(name, check, settings) for name, check in checks]


def examine_spark(before: list[Check], settings: Settings, session: Session) -> list[Check]:
    """Starts a session and runs one Python function on an executor; not tried where ``before`` failed on Java or jars."""
    if not all(check.ok for check in before if check.name in ("Java", "Delta's jars")):
        return [Check("Spark and Delta", False, "not tried: correct Java and Delta's jars first")]
    return [_tried("Spark and Delta", lambda given: _spark(given, session), settings)]


def _tried(name: str, check: Callable[[Settings], str], settings: Settings) -> Check:
    try:
        return Check(name, True, check(settings))
    except GridlensError as error:
        return Check(name, False, str(error))


def _python(settings: Settings) -> str:
    version = sys.version_info[:2]
    low, high = PYTHONS
    if not low <= version <= high:
        raise PlatformError(
            f"Python {version[0]}.{version[1]} was found, gridlens needs 3.11 to 3.13: make the environment with one of them"
        )
    return ".".join(map(str, sys.version_info[:3]))


def _java(settings: Settings) -> str:
    if os.environ.get("SPARK_REMOTE") or settings.profile == "databricks":
        return "the server's own"
    from gridlens.java_archive import archive, in_the_way
    from gridlens.session import check_java

    java = check_java()
    advised = settings.profile == "local" and not archive(java.build) and not in_the_way()
    return f"Java {java.major}" + ("; `gridlens jars` archives its classes, sessions then start sooner" if advised else "")


def _jars(settings: Settings) -> str:
    if os.environ.get("SPARK_REMOTE") or settings.profile == "databricks":
        return "the server's own"
    from gridlens import jars

    if jars.on_classpath():
        return "on Spark's classpath"
    folder = Path(settings.jars) if settings.jars else jars.default_folder()
    if jars.in_folder(folder):
        return str(folder)
    raise PlatformError(
        f"Delta's jars are not in {folder}: run `gridlens jars` where there is a network, or set GRIDLENS_JARS to a folder that holds them"
    )


def available_memory() -> int:
    """Bytes that a new process may still take: the kernel's estimate, and not more than the container's limit leaves."""
    meminfo = Path("/proc/meminfo")
    if not meminfo.exists():
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    found = re.search(r"MemAvailable:\s+(\d+) kB", meminfo.read_text(encoding="ascii"))
    available = int(found.group(1)) * 1024 if found else 0
    limit, used = (Path("/sys/fs/cgroup") / name for name in ("memory.max", "memory.current"))
    if limit.exists() and used.exists() and (text := limit.read_text(encoding="ascii").strip()) != "max":
        available = min(available, int(text) - int(used.read_text(encoding="ascii")))
    return available


def _memory(settings: Settings) -> str:
    gib = available_memory() / _GIB
    if gib < MIN_MEMORY_GIB:
        raise PlatformError(
            f"{gib:.1f} GiB of memory are free, {MIN_MEMORY_GIB:.0f} GiB are needed: close other programs or use a larger machine"
        )
    return f"{gib:.1f} GiB free"


def _existing(path: Path) -> Path:
    return next(folder for folder in (path, *path.parents) if folder.exists())


def _disk(settings: Settings) -> str:
    root = Path(settings.root_dir)
    gib = shutil.disk_usage(_existing(root)).free / _GIB
    if gib < MIN_DISK_GIB:
        raise PlatformError(
            f"{gib:.1f} GiB are free at {root}, {MIN_DISK_GIB:.0f} GiB are needed: make room or choose --root-dir elsewhere"
        )
    return f"{gib:.1f} GiB free at {root}"


def _warehouse(settings: Settings) -> str:
    if settings.catalog:
        return f"names of {settings.catalog}; its grants are checked at the first write"
    folder = local_folder(settings.warehouse)
    if folder is None:
        return f"{settings.warehouse}: not a local folder; checked at the first write"
    _writable(folder, "choose another with --warehouse")
    return f"{folder} can be written"


def _writable(folder: Path, advice: str) -> None:
    """Writes and removes a file in ``folder``, or in the nearest folder above where it does not exist yet."""
    place = _existing(folder)
    try:
        with tempfile.TemporaryFile(dir=place) as probe:
            probe.write(b"x")
    except OSError as error:
        raise PlatformError(f"{folder} cannot be written ({error.strerror}): {advice}") from error


def _mlflow(settings: Settings) -> str:
    uri = settings.mlflow_tracking_uri
    if uri.startswith("sqlite:///"):
        return _sqlite(Path(uri.removeprefix("sqlite:///")))
    if uri == "databricks":
        return "the workspace's own"
    from gridlens.tracking import probe

    return probe(settings)


def _sqlite(path: Path) -> str:
    advice = "choose another with GRIDLENS_MLFLOW_TRACKING_URI"
    _writable(path.parent, advice)
    if not path.exists():
        return f"{path} will be made at the first use"
    try:
        connection = sqlite3.connect(path, timeout=5)
        try:
            connection.execute("BEGIN IMMEDIATE")
            connection.rollback()
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise PlatformError(f"the MLflow store {path} cannot be written ({error}): {advice}") from error
    return f"{path} can be written"


def _spark(settings: Settings, session: Session) -> str:
    with session(settings) as spark:
        return _run_on_executor(spark, local_folder(settings.warehouse) if not settings.catalog else None)


def _run_on_executor(spark: SparkSession, folder: Path | None) -> str:
    try:
        total = spark.range(4).mapInArrow(_halved, "half double").agg({"half": "sum"}).collect()[0][0]
        if folder is not None:
            with tempfile.TemporaryDirectory(prefix=".doctor-", dir=_existing(folder)) as place:
                spark.range(4).write.format("delta").save(f"{place}/table")
                total += spark.read.format("delta").load(f"{place}/table").count() - 4
    except Exception as error:
        from gridlens.failures import sentence

        known = sentence(error)
        raise PlatformError(
            known or "a Python function did not run on an executor: set PYSPARK_PYTHON to this Python on every node"
        ) from error
    if total != 3.0:
        raise PlatformError(f"a Python function on an executor gave {total} instead of 3.0: executors run another version of the code")
    return f"Spark {spark.version} ran a Python function on an executor" + (" and wrote a Delta table" if folder is not None else "")


def _halved(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa
    import pyarrow.compute as pc

    for batch in batches:
        yield pa.RecordBatch.from_arrays([pc.divide(pc.cast(batch.column(0), pa.float64()), 2.0)], ["half"])
