"""Parquet files as one frame, whether or not they have the same columns of the same types."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import DataType, DecimalType, NumericType

from gridlens.errors import SourceError
from gridlens.ingest.files import READ_FAILURES, InputFile, column, escape_glob

PATH, ROW = "_path", "_row"
"""Columns of an opened frame beside the file's own: the file as ``InputFile.key`` has it, and the row's number in it from 0."""


@dataclass(frozen=True)
class Group:
    """Files whose columns have one type each, and their rows: every column that one of them has, ``_path`` and ``_row``."""

    files: Sequence[InputFile]
    rows: DataFrame

    @property
    def columns(self) -> list[str]:
        return own_columns(self.rows)


def own_columns(rows: DataFrame) -> list[str]:
    """The columns that the files themselves have."""
    return [name for name in rows.columns if name not in (PATH, ROW)]


def parquet_groups(spark: SparkSession, files: Sequence[InputFile]) -> list[Group]:
    """``files`` in groups: mostly one, opened with one look at all footers.

    Pandas writes a column of whole numbers as integers, and as doubles where one is missing; Spark refuses such files together.
    """
    try:
        return [_group(spark, files)]
    except READ_FAILURES as error:
        if "CANNOT_MERGE_SCHEMAS" not in str(error):
            raise
    groups: dict[str, list[InputFile]] = {}
    for file in files:
        groups.setdefault(spark.read.parquet(escape_glob(file.path)).schema.simpleString(), []).append(file)
    return [_group(spark, group) for group in groups.values()]


def _group(spark: SparkSession, files: Sequence[InputFile]) -> Group:
    # Without merging, Spark would take one file's columns for all.
    rows = spark.read.option("mergeSchema", True).parquet(*[escape_glob(f.path) for f in files])
    return Group(files, rows.select("*", F.col("_metadata.file_path").alias(PATH), F.col("_metadata.row_index").alias(ROW)))


def open_parquet(spark: SparkSession, name: str, files: Sequence[InputFile]) -> DataFrame:
    """The rows of all ``files`` with ``_path`` and ``_row``; numbers of different types become doubles.

    Raises SourceError where a column of source ``name`` holds numbers in one file and something else in another.
    """
    groups = parquet_groups(spark, files)
    if len(groups) == 1:
        return groups[0].rows
    mixed = _mixed_numbers(name, groups)
    cast = [g.rows.withColumns({c: column(c).cast("double") for c in g.columns if c in mixed}) for g in groups]
    return reduce(lambda a, b: a.unionByName(b, allowMissingColumns=True), cast)


def _mixed_numbers(name: str, groups: Sequence[Group]) -> set[str]:
    """The columns whose type differs between ``groups``; raises SourceError where they are not all numbers."""
    first: dict[str, tuple[DataType, str]] = {}
    mixed: set[str] = set()
    for group in groups:
        for field in group.rows.schema:
            kind, where = first.setdefault(field.name, (field.dataType, group.files[0].relative))
            if kind == field.dataType:
                continue
            if not all(isinstance(k, NumericType) and not isinstance(k, DecimalType) for k in (kind, field.dataType)):
                raise SourceError(
                    f"source {name}: the column {field.name} is {kind.simpleString()} in {where} and {field.dataType.simpleString()} "
                    f"in {group.files[0].relative}; write it with one type in all files"
                )
            mixed.add(field.name)
    return mixed
