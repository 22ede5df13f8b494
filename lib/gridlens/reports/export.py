"""Exports a table to one CSV, Parquet or XLSX file: streamed, atomic, safe in a spreadsheet, without personal fields unless asked."""

from __future__ import annotations

import csv
import datetime as dt
import decimal
import gzip
import io
import json
import math
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import pyarrow as pa
import pyarrow.parquet as pq
import xlsxwriter
from pyspark.sql import DataFrame
from pyspark.sql.pandas.types import to_arrow_schema
from xlsxwriter.exceptions import XlsxWriterException
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from gridlens.errors import PlatformError, SettingsError
from gridlens.tables import Table

XLSX_ROWS = 1_048_575
"""Rows of a worksheet below its heading."""
_XLSX_TEXT = 32_767
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
_XLSX_DIGITS = 15
_ROW_GROUP_BYTES = 64 * 2**20


@dataclass(frozen=True)
class Exported:
    """What was written: ``left_out`` are the personal fields that were not asked for."""

    path: Path
    rows: int
    columns: tuple[str, ...]
    left_out: tuple[str, ...]


def export(df: DataFrame, table: Table, path: str | Path, personal: bool = False) -> Exported:
    """Writes ``df`` to one file whose kind its name tells: .csv, .csv.gz, .parquet or .xlsx.

    Rows pass through the driver one batch at a time. The file appears whole or not at all. In CSV and XLSX a text that a
    spreadsheet would read as a formula gets an apostrophe before it; numbers stay numbers; lists become JSON.

    Args:
        df: rows of ``table``, or some of its columns.
        table: tells which fields are personal; a column that it does not declare is left out as if it were.
        path: the file; an older one is replaced.
        personal: True keeps the personal fields.

    Raises:
        SettingsError: another kind of file, no column left, or more rows than a worksheet holds.
        PlatformError: the file cannot be written.
    """
    path = Path(path)
    write = _writer(path)
    public = {f.name for f in table.fields} - set(table.personal)
    kept = [name for name in df.columns if personal or name in public]
    left_out = tuple(name for name in df.columns if name not in kept)
    if not kept:
        raise SettingsError(f"table {table.name}: every chosen column is personal; add --personal if you may export them")
    chosen = df.select(*kept)
    with _whole_file(path) as part:
        rows = write(part, chosen)
    return Exported(path, rows, tuple(kept), left_out)


def _writer(path: Path) -> Callable[[Path, DataFrame], int]:
    name = path.name.lower()
    for suffix, write in _WRITERS.items():
        if name.endswith(suffix):
            return write
    raise SettingsError(f"export to {path.name}: the kind of file is not known; end the name in {', '.join(_WRITERS)}")


@contextmanager
def _whole_file(path: Path) -> Iterator[Path]:
    """A temporary file beside ``path`` that takes its place when the block ends well and vanishes otherwise."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    except OSError as error:
        raise PlatformError(f"{path} cannot be written ({error.strerror}): choose another place with --to") from error
    os.close(handle)
    part = Path(name)
    try:
        yield part
        mask = os.umask(0)
        os.umask(mask)
        part.chmod(0o666 & ~mask)
        part.replace(path)
    except OSError as error:
        raise PlatformError(f"{path} cannot be written ({error.strerror}): make room or choose another place with --to") from error
    finally:
        with suppress(FileNotFoundError):
            part.unlink()


def safe_text(text: str) -> str:
    """``text`` as a spreadsheet shows it: an apostrophe before what it would read as a formula."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def _batches(df: DataFrame) -> Iterator[pa.RecordBatch]:
    """The rows in order as Arrow batches: serialised on the executors, so that no row is unpicked in Python twice."""
    schema = to_arrow_schema(df.schema, timezone="UTC")

    def serialise(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            if batch.num_rows:
                sink = pa.BufferOutputStream()
                with pa.ipc.new_stream(sink, batch.schema) as stream:
                    stream.write_batch(batch)
                yield pa.RecordBatch.from_arrays([pa.array([sink.getvalue().to_pybytes()], pa.binary())], ["batch"])

    for row in df.mapInArrow(serialise, "batch binary").toLocalIterator():
        with pa.ipc.open_stream(row["batch"]) as stream:
            for batch in stream:
                yield pa.RecordBatch.from_arrays([batch.column(i).cast(f.type) for i, f in enumerate(schema)], schema=schema)


def _write_parquet(part: Path, df: DataFrame) -> int:
    rows = 0
    schema = to_arrow_schema(df.schema, timezone="UTC")
    held: list[pa.RecordBatch] = []
    with pq.ParquetWriter(part, schema, compression="zstd") as writer:
        for batch in _batches(df):
            rows += batch.num_rows
            held.append(batch)
            if sum(b.nbytes for b in held) > _ROW_GROUP_BYTES:
                writer.write_table(pa.Table.from_batches(held))
                held = []
        if held:
            writer.write_table(pa.Table.from_batches(held))
    return rows


def _write_csv(part: Path, df: DataFrame) -> int:
    with part.open("wb") as raw, io.TextIOWrapper(raw, encoding="utf-8-sig", newline="") as text:
        return _csv_rows(text, df)


def _write_csv_gz(part: Path, df: DataFrame) -> int:
    with gzip.open(part, "wt", encoding="utf-8-sig", newline="") as text:
        return _csv_rows(text, df)


def _csv_rows(text: TextIO, df: DataFrame) -> int:
    # The byte order mark makes spreadsheets read Chinese as UTF-8.
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(df.columns)
    rows = 0
    for batch in _batches(df):
        writer.writerows(zip(*([_csv_cell(value) for value in column.to_pylist()] for column in batch.columns), strict=True))
        rows += batch.num_rows
    return rows


def _csv_cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return safe_text(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, decimal.Decimal):
        return format(value, "f")
    if isinstance(value, float) and not math.isfinite(value):
        return _not_finite(value)
    if isinstance(value, list | dict):
        return json.dumps(_json(value), ensure_ascii=False)
    return _iso(value) if isinstance(value, dt.date) else str(value)


def _not_finite(value: float) -> str:
    return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")


def _iso(value: dt.date) -> str:
    """ISO 8601; a moment in UTC with ``Z``."""
    return value.isoformat().replace("+00:00", "Z")


def _json(value: Any) -> Any:
    if isinstance(value, list):
        return [_json(item) for item in value]
    if isinstance(value, dict):
        return {key: _json(item) for key, item in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, decimal.Decimal):
        return format(value, "f")
    return _iso(value) if isinstance(value, dt.date) else value


def _write_xlsx(part: Path, df: DataFrame) -> int:
    with tempfile.TemporaryDirectory(prefix=f"{part.name}.", dir=part.parent) as scratch:
        return _xlsx_rows(part, df, scratch)


def _xlsx_rows(part: Path, df: DataFrame, scratch: str) -> int:
    options = {"constant_memory": True, "tmpdir": scratch, "strings_to_formulas": False, "strings_to_urls": False}
    book = xlsxwriter.Workbook(str(part), {**options, "default_date_format": "yyyy-mm-dd"})
    sheet = book.add_worksheet("data")
    moment = book.add_format({"num_format": 'yyyy-mm-dd hh:mm:ss"Z"'})
    sheet.freeze_panes(1, 0)
    sheet.write_row(0, 0, [safe_text(name) for name in df.columns], book.add_format({"bold": True}))
    rows = 0
    for batch in _batches(df):
        if rows + batch.num_rows > XLSX_ROWS:
            raise SettingsError(
                f"the export has more than {XLSX_ROWS:,} rows, which is all that a worksheet holds: choose .csv or .parquet, or fewer rows"
            )
        for values in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            rows += 1
            for position, value in enumerate(values):
                _put(sheet, rows, position, value, moment)
    try:
        book.close()
    except XlsxWriterException as error:
        raise PlatformError(f"{part.parent} cannot be written ({error}): make room or choose another place with --to") from error
    return rows


def _put(sheet: Worksheet, row: int, column: int, value: Any, moment: Format) -> None:
    """One cell; a number that a worksheet would round (more than 15 digits) stays exact as text."""
    if value is None:
        return
    if isinstance(value, bool):
        sheet.write_boolean(row, column, value)
    elif isinstance(value, dt.datetime):
        sheet.write_datetime(row, column, value.replace(tzinfo=None), moment)
    elif isinstance(value, dt.date):
        sheet.write_datetime(row, column, value)
    elif isinstance(value, float) and math.isfinite(value):
        sheet.write_number(row, column, value)
    elif isinstance(value, int | decimal.Decimal) and _digits(value) <= _XLSX_DIGITS:
        sheet.write_number(row, column, float(value))
    else:
        text = _csv_cell(value)
        if len(text) > _XLSX_TEXT:
            raise SettingsError(
                f"row {row} of the export has a text of more than {_XLSX_TEXT:,} characters, too long for a cell: choose .csv"
            )
        sheet.write_string(row, column, text)


def _digits(value: int | decimal.Decimal) -> int:
    return len(decimal.Decimal(value).normalize().as_tuple().digits)


_WRITERS: dict[str, Callable[[Path, DataFrame], int]] = {
    ".csv": _write_csv,
    ".csv.gz": _write_csv_gz,
    ".parquet": _write_parquet,
    ".xlsx": _write_xlsx,
}
