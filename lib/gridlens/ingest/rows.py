"""From a source's files to rows: the reader for each format, chosen by the definition."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.pandas.types import to_arrow_schema
from pyspark.sql.types import StringType, StructField, StructType

from gridlens.ingest.csvtext import CsvFormat
from gridlens.ingest.files import InputFile, read_text
from gridlens.ingest.frames import frame_rows, json_rows
from gridlens.ingest.lines import FileFacts, LinePlan, parse_batches
from gridlens.ingest.plain import plain_batches, plain_fields, plain_kinds
from gridlens.ingest.shapes import Shape, shape_fields
from gridlens.ingest.source import SourceFile

LAYOUT_SHAPES = {
    "long": Shape.SINGLE,
    "daily_total": Shape.SINGLE,
    "wide_day": Shape.WIDE,
    "matrix_by_point": Shape.MELT,
    "matrix_by_date": Shape.MELT,
}
"""The registry of interval layouts: a new one (NEM12, Green Button) is a shape here and its labels in ``intervals.py``."""


def read_rows(spark: SparkSession, source: SourceFile, files: Sequence[InputFile]) -> DataFrame:
    """The source rows of ``files`` (with fingerprints) with source column names, readings in their shape, and lineage.

    Text formats give every non-empty line that is no header exactly once (a matrix: at least once, ``_head`` once).
    """
    shape = LAYOUT_SHAPES[source.intervals.layout] if source.intervals else Shape.FIELDS
    if source.format == "csv" and source.kind == "files":
        return _text_rows(spark, source, files, shape)
    if source.is_text:
        return json_rows(_text_rows(spark, source, files, Shape.LINES), source, shape)
    return frame_rows(spark, source, files, shape)


def _text_rows(spark: SparkSession, source: SourceFile, files: Sequence[InputFile], shape: Shape) -> DataFrame:
    plan = line_plan(source, files, shape)
    kept = plan.keep if shape is not Shape.LINES else ("_text",)
    kinds = plain_kinds(source) if shape is Shape.FIELDS else {}
    text_schema = StructType([StructField(c, StringType()) for c in kept] + shape_fields(shape))
    schema = StructType(text_schema.fields + plain_fields(kinds))
    text_target, target, null_values = to_arrow_schema(text_schema), to_arrow_schema(schema), source.options.null_values

    def parse(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        return plain_batches(parse_batches(batches, plan, text_target), kinds, null_values, target)

    return read_text(spark, files).mapInArrow(parse, schema)


def line_plan(source: SourceFile, files: Sequence[InputFile], shape: Shape) -> LinePlan:
    """What the line kernel must know of ``source`` and ``files``."""
    part, options = source.intervals, source.options
    packed: tuple[str, ...] = ()
    if part and shape is Shape.WIDE:
        packed = part.columns
    elif part and shape is Shape.SINGLE and part.value:
        packed = (part.value,)
    dropped = part.drop if part else ()
    layouts = list(dict.fromkeys(f.columns or () for f in files))
    number = {columns: i for i, columns in enumerate(layouts)}
    return LinePlan(
        form=CsvFormat(options.delimiter, options.encoding, options.null_values, options.decimal),
        header=options.header and source.format == "csv",
        shape=shape,
        keep=tuple(c for c in source.needed_columns if c not in packed and c not in dropped),
        packed=packed,
        named=frozenset(source.needed_columns),
        layouts=tuple(layouts),
        files={f.key: FileFacts(f.relative, f.fingerprint, f.modified_us, number[f.columns or ()]) for f in files},
    )
