"""Java's archive of Spark's classes: loaded and checked once, mapped into memory by every process after that (JEP 350).

A question about one account starts Java and ends it: a third of its time went into loading some 20,000 classes from 250 jars. With the
archive a session starts in 2.6 instead of 4.9 s, and its first question takes 3 s less (2 cores, 2026-11). Java itself refuses an archive
that does not fit: made by another build of Java, or for other jars; it then starts as without. 200 MB, beside Delta's jars in the Python
environment.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pyspark

from gridlens.errors import PlatformError
from gridlens.jars import default_folder

_SAY_NOTHING = "-Xlog:cds=off -Xlog:cds+dynamic=off -Xlog:class+path=off"
"""What does not fit is not used; Java would say so on standard output, in the midst of what a command prints."""


def archive(java: str, folder: Path | None = None) -> Path | None:
    """The archive of this Java and this Spark, None where there is none or none can be used.

    Args:
        java: what ``java -version`` says of its build.
        folder: default the ``java`` folder beside that of Delta's jars.
    """
    if in_the_way():
        return None
    folder, stem = _place(java, folder)
    return next((path for path in folder.glob(f"{stem}-*.jsa") if _whole(path)), None)


def _whole(path: Path) -> bool:
    """True where the file has the size that its name tells."""
    try:
        return path.stem.endswith(f"-{path.stat().st_size}")
    except FileNotFoundError:  # another process has just taken it away
        return False


def in_the_way() -> Path | None:
    """A folder of configuration that holds files and that Spark puts before its jars: Java archives no classes then."""
    named = [os.environ.get("SPARK_CONF_DIR") or str(_spark() / "conf"), os.environ.get("HADOOP_CONF_DIR"), os.environ.get("YARN_CONF_DIR")]
    return next((Path(name) for name in named if name and _holds_files(Path(name))), None)


def _holds_files(folder: Path) -> bool:
    try:
        return folder.is_dir() and any(folder.iterdir())
    except PermissionError:  # what may not be looked into may hold some
        return True


def _spark() -> Path:
    return Path(os.environ.get("SPARK_HOME") or str(Path(pyspark.__file__).parent))


def _place(java: str, folder: Path | None) -> tuple[Path, str]:
    """Folder and the begin of the name: Java's build, Spark's, and the second in which its jars were put there (images keep no more)."""
    jars = _spark() / "jars"
    put = str(int(jars.stat().st_mtime)) if jars.is_dir() else ""
    build = hashlib.sha256("\n".join((java, pyspark.__version__, os.path.realpath(jars), put)).encode()).hexdigest()[:12]
    return folder or default_folder().parent / "java", f"spark-{pyspark.__version__}-{build}"


def with_archive(options: str, java: str, folder: Path | None = None) -> str:
    """Java's options for a process that reads the archive; as they are where there is none, or where they say themselves what is shared."""
    path = None if any(word in options for word in ("SharedArchiveFile", "ArchiveClassesAtExit", "-Xshare")) else archive(java, folder)
    return f'"-XX:SharedArchiveFile={path}" {_SAY_NOTHING} {options}'.rstrip() if path else options  # what is said last counts


def make_archive(java: str, folder: Path | None = None, *, jars: Path | None = None) -> Path:
    """Has a process of its own load what commands load, and keeps its classes; does nothing where the archive is there.

    Args:
        java: what ``java -version`` says of its build.
        folder: default the ``java`` folder beside that of Delta's jars.
        jars: folder of Delta's jars; default the one where every session looks.

    Raises:
        PlatformError: it cannot be made; everything works without it.
    """
    present = archive(java, folder)
    if present:
        return present
    if in_the_way():
        raise PlatformError(f"Java archives no classes while {in_the_way()} holds files, which Spark reads before its jars")
    folder, stem = _place(java, folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".making-") as scratch:
            made = Path(scratch) / "made.jsa"
            # Its pipes are Java's too, so this waits until Java, which writes the archive as the last thing it does, has ended.
            command = [sys.executable, "-m", "gridlens.java_classes", str(made)]
            done = subprocess.run(command, capture_output=True, text=True, env=_environment(jars), timeout=600, check=False)
            if not made.is_file():
                raise PlatformError(f"Java made no archive of its classes: {(done.stderr.strip().splitlines() or ['it said nothing'])[-1]}")
            # With the size in its name a file cut short is passed over: Java maps what it is given, and dies of what is missing.
            kept = made.replace(folder / f"{stem}-{made.stat().st_size}.jsa")
        for other in folder.glob(f"{stem}-*.jsa"):
            if not _whole(other):  # one that another process made meanwhile may be in use
                other.unlink(missing_ok=True)
        return kept
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PlatformError(f"Java's archive of classes cannot be made in {folder}: {error}") from error


def _environment(jars: Path | None) -> dict[str, str]:
    """That of this process, without what leads to another session, configuration or warehouse."""
    elsewhere = ("SPARK_REMOTE", "PYSPARK_GATEWAY", "GRIDLENS_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(elsewhere)}
    return {**kept, "GRIDLENS_JARS": str(jars)} if jars else kept
