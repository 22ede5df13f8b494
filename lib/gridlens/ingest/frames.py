"""Sources that Spark itself gives columns for: Parquet files, JSON lines, tables, JDBC queries."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import to_arrow_schema
from pyspark.sql.types import StringType, StructField, StructType

from gridlens.ingest.cells import read_matrix
from gridlens.ingest.csvtext import Parsed
from gridlens.ingest.files import InputFile, column, matrix_members
from gridlens.ingest.jdbc import jdbc_options
from gridlens.ingest.parquet import PATH, ROW, open_parquet, own_columns
from gridlens.ingest.shapes import Lineage, Shape, shape_fields, shaped_batches
from gridlens.ingest.source import SourceFile

_LINEAGE = ("_locator", "_file_id", "_modified_us", "_raw")


def open_frame(spark: SparkSession, source: SourceFile, files: Sequence[InputFile]) -> DataFrame:
    """The rows of a Parquet, table or JDBC source with Spark's own types (of files, with ``_path`` and ``_row`` beside them)."""
    if source.kind == "jdbc" and source.jdbc is not None:
        return spark.read.format("jdbc").options(**jdbc_options(source.jdbc, source.name)).load()
    if source.table is not None:
        return spark.table(source.table)
    if source.kind == "table":
        return spark.read.format(str(source.format)).load(files[0].path)
    return open_parquet(spark, source.name, files)


def frame_rows(spark: SparkSession, source: SourceFile, files: Sequence[InputFile], shape: Shape) -> DataFrame:
    """Rows of a Parquet, table or JDBC source in ``shape``: source columns with lineage."""
    frame = open_frame(spark, source, files)
    # A matrix cannot show its row in JSON for every cell: the cell itself is shown where it is rejected.
    shown = [c for c in source.needed_columns if shape is not Shape.MELT or c in source.key]
    raw = F.to_json(F.struct(*[column(c) for c in shown]), {"ignoreNullFields": "false"}) if shown else F.lit(None).cast("string")
    names = own_columns(frame) if source.kind == "files" else frame.columns
    columns = [column(c) for c in names]
    if source.kind == "files":
        facts = spark.createDataFrame([(f.key, f.relative, f.fingerprint, f.modified_us) for f in files], _FACTS)
        rows = frame.select(*columns, PATH, ROW, raw.alias("_raw")).join(F.broadcast(facts), PATH, how="inner")
        locator = F.concat("_relative", F.lit(":"), (F.col(ROW) + 1).cast("string"))
    else:
        named = [F.concat(F.lit(f"{c}="), F.coalesce(column(c).cast("string"), F.lit(""))) for c in source.key]
        locator = F.concat(F.lit(f"{files[0].relative}:"), F.concat_ws(",", *named))
        rows = frame.select(
            *columns, raw.alias("_raw"), F.lit(files[0].fingerprint).alias("_file_id"), F.lit(0).cast("bigint").alias("_modified_us")
        )
        # Rows that share their key are told apart (key#2), or one of them would be accounted for as the other.
        turn = F.row_number().over(Window.partitionBy(locator).orderBy("_raw"))
        locator = F.concat(locator, F.when(turn > 1, F.concat(F.lit("#"), turn.cast("string"))).otherwise(F.lit("")))
    rows = rows.withColumn("_locator", locator)
    return in_shape(rows.withColumn("_problem", F.lit(None).cast("string")), source, shape, names)


_FACTS = "_path string, _relative string, _file_id string, _modified_us bigint"


def json_rows(lines: DataFrame, source: SourceFile, shape: Shape) -> DataFrame:
    """Rows of JSON lines in ``shape``; every value is text until the mapping reads it. A line that is no object is malformed."""
    fields = [StructField(name, StringType()) for name in (*source.needed_columns, "_corrupt")]
    parsed = F.from_json("_text", StructType(fields), {"mode": "PERMISSIVE", "columnNameOfCorruptRecord": "_corrupt"})
    found = lines.withColumn("_json", parsed)
    broken = F.col("_json").isNull() | F.col("_json._corrupt").isNotNull() | ~F.ltrim("_text").startswith("{")
    problem = F.coalesce("_problem", F.when(broken, F.lit("the line is no JSON object")))
    columns = [F.when(problem.isNull(), F.col("_json").getField(name)).alias(name) for name in source.needed_columns]
    lineage = [F.col(c) for c in _LINEAGE]
    return in_shape(found.select(*columns, *lineage, problem.alias("_problem")), source, shape, source.needed_columns)


def in_shape(rows: DataFrame, source: SourceFile, shape: Shape, columns: Sequence[str]) -> DataFrame:
    """``rows`` (source columns, lineage, ``_problem``) with their readings in ``shape``."""
    part = source.intervals
    if part is None or part.layout in ("long", "daily_total"):
        return rows.withColumn("_head", F.lit(True))
    members = matrix_members(source, columns) if shape is Shape.MELT else list(part.columns)
    keep = [c for c in source.needed_columns if c not in part.columns and c not in part.drop]
    schema = StructType([rows.schema[c] for c in keep] + shape_fields(shape))
    target, null_values, decimal = to_arrow_schema(schema), source.options.null_values, source.options.decimal

    def pack(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            values, bad = read_matrix([batch.column(c) for c in members], batch.num_rows, null_values, decimal)
            sentences = batch.column("_problem").to_pylist() if batch.column("_problem").null_count < batch.num_rows else []
            problems = {i: sentence for i, sentence in enumerate(sentences) if sentence is not None}
            values[list(problems)] = np.nan
            parsed = Parsed([batch.column(c) for c in keep], values, bad, problems)
            yield from shaped_batches(shape, parsed, keep, members, Lineage(*[batch.column(c) for c in _LINEAGE]), target)

    return rows.select(*[column(c) for c in (*keep, *members)], *_LINEAGE, "_problem").mapInArrow(pack, schema)
