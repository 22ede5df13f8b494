"""Which files a source has, how their text is read, and whether their columns are the declared ones."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from gridlens.errors import SourceError
from gridlens.ingest.jdbc import jdbc_failure
from gridlens.ingest.source import SourceFile

READ_FAILURES = (PySparkException, Py4JJavaError)
"""What a failed read raises: a task that cannot read a file comes as Py4J's error, because pyspark does not translate it."""

NOT_FOUND = "PATH_NOT_FOUND"
"""Spark's name for a path without a file."""


@dataclass(frozen=True)
class InputFile:
    """One file (or table, or query) of a source.

    Attributes:
        path: as Spark opens it.
        key: as ``_metadata.file_path`` shows it (percent-encoded).
        relative: below the root; in locators and messages.
        length: bytes; modified_us: modification time in microseconds UTC.
        fingerprint: of the content, whatever the name; empty until ``read_fingerprints``.
        columns: of a CSV file; None where the format names its own.
    """

    path: str
    key: str
    relative: str
    length: int
    modified_us: int
    fingerprint: str = ""
    columns: tuple[str, ...] | None = None


def escape_glob(path: str) -> str:
    """``path`` so that Hadoop takes every character of it literally."""
    return re.sub(r"([*?\[\]{}\\])", r"\\\1", path)


def column(name: str) -> Column:
    """The column of exactly this name, whatever characters it has."""
    return F.col("`" + name.replace("`", "``") + "`")


def bare_path(path: str) -> str:
    """A path without ``file:``; other schemes stay."""
    return re.sub(r"^file:/+", "/", path)


def absolute_root(root: str) -> str:
    """``root`` made absolute (local) or as it is (a URI), without a trailing slash."""
    return root.rstrip("/") if re.match(r"^[a-z][a-z0-9+.-]+:/", root) else os.path.abspath(root).rstrip("/")


def list_files(spark: SparkSession, root: str, source: SourceFile) -> list[InputFile]:
    """The source's files below ``root``, by name; for a table or query its one stand-in.

    Raises:
        SourceError: there is none, and the source does not say that it may be empty.
    """
    if source.kind != "files":
        name = source.table or source.path or source.name
        path = f"{absolute_root(root)}/{source.path}" if source.path else name
        return [InputFile(path, name, name, 0, 0)]
    base = absolute_root(root)
    pattern = f"{escape_glob(base)}/{source.path}"
    try:
        found = (
            spark.read.format("binaryFile")
            .load(pattern)
            .select("path", F.col("_metadata.file_path").alias("key"), "length", F.unix_micros("modificationTime").alias("modified"))
            .collect()
        )
    except READ_FAILURES as error:
        if source.may_be_empty and NOT_FOUND in str(error):
            return []
        raise unreadable(error, f"{base}/{source.path}", source) from error
    if not found and not source.may_be_empty:
        raise _none_matches(source, f"{base}/{source.path}")
    prefix = bare_path(base) + "/"
    files = [InputFile(r.path, r.key, bare_path(r.path).removeprefix(prefix), r.length, r.modified) for r in found]
    return sorted(files, key=lambda f: f.relative)


def read_text(spark: SparkSession, files: Sequence[InputFile]) -> DataFrame:
    """Every line of ``files``: ``line`` (bytes as they stand), ``_path``, ``_block`` (offset of the part of the file)."""
    lines = spark.read.text([escape_glob(f.path) for f in files])
    return lines.select(
        F.col("value").cast("binary").alias("line"),
        F.col("_metadata.file_path").alias("_path"),
        F.col("_metadata.file_block_start").alias("_block"),
    )


def check_columns(source: SourceFile, columns: Sequence[str], where: str) -> None:
    """Raises SourceError where ``columns`` lack one that the definition needs, or name one twice that is read."""
    missing = [c for c in source.needed_columns if c not in columns]
    if missing:
        found = _shown(columns) or "an empty file"
        raise SourceError(f"{where}: lacks the column(s) {', '.join(missing[:8])} that source {source.name} declares; found {found}")
    part = source.intervals
    dropped = set(part.drop) if part else set()
    read = columns if part and part.is_matrix else source.needed_columns
    twice = [name for name, count in Counter(columns).items() if count > 1 and name in set(read) - dropped]
    if twice:
        shown = ", ".join(name or "''" for name in twice[:8])
        way_out = ", or list it under drop where it holds no readings" if part and part.is_matrix else ""
        raise SourceError(f"{where}: has the column(s) {shown} more than once; give every column its own name{way_out}")
    if part and part.is_matrix and not matrix_members(source, columns):
        raise SourceError(f"{where}: has no column besides {', '.join(source.needed_columns)}; a matrix needs one for each point or date")


def check_fields(source: SourceFile, names: Sequence[str], where: str, lines: int) -> None:
    """Raises SourceError where ``names``, the fields of a file's first JSON lines, lack one that the definition needs."""
    mapped = {spec.column: spec.optional for spec in source.columns.values()}
    missing = [c for c in source.needed_columns if c not in names and not mapped.get(c)]
    if missing:
        way_out = f"; a field that whole files may leave out is declared as {{column: {missing[0]}, optional: true}}"
        raise SourceError(
            f"{where}: none of its first {lines:,} lines has the field(s) {', '.join(missing[:8])} that source {source.name} declares; "
            f"found {_shown(names)}{way_out if missing[0] in mapped else ''}"
        )


def _shown(columns: Sequence[str]) -> str:
    return ", ".join(columns[:12]) + (f", … ({len(columns)} in all)" if len(columns) > 12 else "")


def matrix_members(source: SourceFile, columns: Sequence[str]) -> list[str]:
    """The columns of a matrix that hold readings: all that the definition does not name."""
    named = set(source.needed_columns)
    return [c for c in columns if c not in named]


def _none_matches(source: SourceFile, what: str) -> SourceError:
    return SourceError(f"source {source.name}: no file matches {what}; check --root and the path of the source")


def unreadable(error: Exception, what: str, source: SourceFile) -> Exception:
    """One sentence from a failure to read: the file it names, where it names one. Any other failure comes back as it is."""
    text = str(error)
    if re.search("OutOfMemoryError|No space left on device", text):
        return error
    named = re.search(r"file:/+[^\s,'\"]+", text)
    if NOT_FOUND in text:
        return _none_matches(source, what)
    if source.kind == "jdbc":
        return jdbc_failure(text, source)
    place = bare_path(named.group(0).rstrip(".")) if named else what
    return SourceError(f"source {source.name}: {place} cannot be read; check that the file is whole and readable")
