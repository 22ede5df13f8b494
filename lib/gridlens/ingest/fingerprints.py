"""What is in a source's files: fingerprints that recognise equal content under any name, and the columns of each file."""

from __future__ import annotations

import csv
import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import Column, DataFrame, Row, SparkSession
from pyspark.sql import functions as F

from gridlens.errors import SourceError
from gridlens.ingest.files import READ_FAILURES, InputFile, check_columns, check_fields, column, escape_glob, read_text, unreadable
from gridlens.ingest.frames import open_frame
from gridlens.ingest.parquet import PATH, parquet_groups
from gridlens.ingest.source import SourceFile

_SEEDS = (0, 7_046_029_254)
_BOM = b"\xef\xbb\xbf"
_SUMS = ("lines", "low0", "high0", "low1", "high1")
_FIELD_NAMES = pa.schema([("_path", pa.string()), ("name", pa.string())])
_FIRST_LINES = 1000
"""Of a file of JSON lines whose field names are looked at."""


def read_fingerprints(spark: SparkSession, source: SourceFile, files: Sequence[InputFile]) -> list[InputFile]:
    """``files`` with fingerprints and, for CSV, their columns. Columns (of JSON lines: fields) are checked against the definition.

    Text is read once, in any number of parts: the fingerprint sums two hashes over all lines, so equal lines make an
    equal fingerprint under any name, compression and line order. Of Parquet, tables and queries the rows are hashed, as far
    as the definition reads them. Raises SourceError naming file and columns before anything is written.
    """
    try:
        if source.kind != "files":
            return [replace(file, fingerprint=_frame_fingerprint(spark, source, file)) for file in files]
        if not source.is_text:
            return _parquet_fingerprints(spark, source, files)
        done = _text_fingerprints(spark, source, files)
    except READ_FAILURES as error:
        raise unreadable(error, source.path or source.name, source) from error
    if source.format == "csv":
        for file in done:
            check_columns(source, file.columns or (), file.relative)
    else:
        _check_fields(spark, source, done)
    return done


def _sums(*columns: Column) -> list[Column]:
    """Count, and sums of the halves of two hashes of every row (halves, because ANSI sums of whole hashes would overflow)."""
    sums = [F.count("*").alias("lines")]
    for number, seed in enumerate(_SEEDS):
        value = F.xxhash64(F.lit(seed), *columns)
        sums.append(F.sum(value.bitwiseAND(F.lit(0xFFFFFFFF))).alias(f"low{number}"))
        sums.append(F.sum(F.shiftrightunsigned(value, 32)).alias(f"high{number}"))
    return sums


def _text_fingerprints(spark: SparkSession, source: SourceFile, files: Sequence[InputFile]) -> list[InputFile]:
    at = F.when(F.col("_block") == 0, F.monotonically_increasing_id())
    lines = read_text(spark, files).select("_path", "line", at.alias("_at"))
    rows = lines.groupBy("_path").agg(*_sums(F.col("line")), F.min_by(F.xxhash64("line"), "_at").alias("first")).collect()
    by_key = {r["_path"]: r for r in rows}
    headers = _header_lines(spark, source, files, {key: r["first"] for key, r in by_key.items()})
    done = []
    for file in files:
        row = by_key.get(file.key)
        columns = source.options.columns or None if source.format == "csv" else None
        if source.format == "csv" and source.options.header:
            columns = parse_header(headers[row["first"]], source, file.relative) if row is not None else ()
        done.append(replace(file, fingerprint=_digest(row), columns=columns))
    return done


def _header_lines(spark: SparkSession, source: SourceFile, files: Sequence[InputFile], first: dict[str, int]) -> dict[int, bytes]:
    """The first line of one file for each distinct first line: thousands of files mostly share one."""
    if source.format != "csv" or not source.options.header:
        return {}
    one_each = {first[f.key]: f for f in files if f.key in first}
    if len(one_each) <= 4:
        return {value: bytes(_first_line(spark, file)) for value, file in one_each.items()}
    lines = read_text(spark, list(one_each.values())).where(F.col("_block") == 0).select("line", F.xxhash64("line").alias("hash"))
    wanted = spark.createDataFrame([(value,) for value in one_each], "hash bigint")
    return {r.hash: bytes(r.line) for r in lines.join(F.broadcast(wanted), "hash", how="left_semi").distinct().collect()}


def _first_line(spark: SparkSession, file: InputFile) -> bytes:
    return bytes(read_text(spark, [file]).where(F.col("_block") == 0).first()["line"])  # type: ignore[index]


def parse_header(line: bytes, source: SourceFile, where: str) -> tuple[str, ...]:
    """Column names of a header line, trimmed; raises SourceError where the bytes are not in the declared encoding."""
    try:
        text = line.removeprefix(_BOM).decode(source.options.encoding)
    except UnicodeDecodeError as error:
        other = "gb18030" if source.options.encoding == "utf-8" else "utf-8"
        raise SourceError(
            f"{where}: its first line is not {source.options.encoding}; declare options.encoding: {other} if that is what it is"
        ) from error
    return tuple(name.strip() for name in next(csv.reader([text], delimiter=source.options.delimiter), ()))


def _digest(row: Row | None) -> str:
    text = "empty" if row is None else "|".join(str(row[name]) for name in _SUMS)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _frame_fingerprint(spark: SparkSession, source: SourceFile, file: InputFile) -> str:
    """Fingerprint of a table's or query's rows."""
    frame: DataFrame = open_frame(spark, source, [file])
    check_columns(source, frame.columns, file.relative)
    return _digest(frame.agg(*_sums(*_hashed(source, frame.columns))).first())


def _parquet_fingerprints(spark: SparkSession, source: SourceFile, files: Sequence[InputFile]) -> list[InputFile]:
    """By rows, not bytes: Spark gives a file's bytes as one value, which ends at 2 GiB.

    A column that a file lacks reads as null beside files that have it: where nothing stands in one, the file's own footer is asked.
    """
    by_key: dict[str, Row] = {}
    for group in parquet_groups(spark, files):
        check_columns(source, group.columns, group.files[0].relative)
        filled = F.array_min(F.array(F.lit(1).cast("bigint"), *[F.count(column(name)) for name in source.needed_columns]))
        rows = group.rows.groupBy(PATH).agg(*_sums(*_hashed(source, group.columns)), filled.alias("filled")).collect()
        by_key |= {r[PATH]: r for r in rows}
    for file in files:
        row = by_key.get(file.key)
        if row is None or not row["filled"]:
            check_columns(source, spark.read.parquet(escape_glob(file.path)).columns, file.relative)
    return [replace(f, fingerprint=_digest(by_key.get(f.key))) for f in files]


def _check_fields(spark: SparkSession, source: SourceFile, files: Sequence[InputFile]) -> None:
    """Raises SourceError where none of a file's first JSON lines has a field that the definition names as not optional.

    A file without any JSON object is left to the account: each of its lines is rejected with its text.
    """
    encoding = source.options.encoding

    def names(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        seen: Counter[str] = Counter()
        found: dict[tuple[str, str], None] = {}
        for batch in batches:
            begin = 0
            for path, end in _runs(batch.column("_path")):
                wanted = min(end - begin, _FIRST_LINES - seen[path])
                for line in batch.column("line").slice(begin, wanted).to_pylist():
                    found |= dict.fromkeys((path, name) for name in field_names(line, encoding))
                seen[path] += wanted
                begin = end
        yield pa.RecordBatch.from_pylist([{"_path": p, "name": n} for p, n in found], schema=_FIELD_NAMES)

    lines = read_text(spark, files).where(F.col("_block") == 0).select("_path", "line")
    by_path: dict[str, list[str]] = {}
    for row in lines.mapInArrow(names, "_path string, name string").collect():
        by_path.setdefault(row["_path"], []).append(row["name"])
    for file in files:
        if file.key in by_path:
            check_fields(source, by_path[file.key], file.relative, _FIRST_LINES)


def _runs(paths: pa.Array) -> list[tuple[str, int]]:
    """Each file of a batch of lines, with the place at which its lines end."""
    runs = pc.run_end_encode(paths) if len(paths) else None
    return [] if runs is None else list(zip(runs.values.to_pylist(), runs.run_ends.to_pylist(), strict=True))


def field_names(line: bytes, encoding: str) -> list[str]:
    """The names in one JSON object; none where the line is something else."""
    try:
        found = json.loads(line.removeprefix(_BOM).decode(encoding))
    except (ValueError, RecursionError):
        return []
    return list(found) if isinstance(found, dict) else []


def _hashed(source: SourceFile, columns: Sequence[str]) -> list[Column]:
    """What a fingerprint sees of a row: the columns that the definition names; of a matrix all, by name, where they are not null.

    So a file's fingerprint does not depend on the columns of the files read with it.
    """
    if source.intervals and source.intervals.is_matrix:
        return [F.to_json(F.struct(*[column(name) for name in sorted(columns)]))]
    return [F.coalesce(column(name).cast("string"), F.lit("\\N")) for name in source.needed_columns]
