"""Parquet files as one frame, whether or not they have the same columns of the same types."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import DataType, DecimalType, NumericType

from gridlens.errors import SourceError
from gridlens.ingest.files import READ_FAILURES, InputFile, column, escape_glob

PATH, ROW = "_path", "_row"
"""Columns of an opened frame beside the file's own: the file as ``InputFile.key`` has it, and the row's number in it from 0."""


def parquet_groups(spark: SparkSession, files: Sequence[InputFile]) -> list[Sequence[InputFile]]:
    """``files`` in groups whose columns have one type each: mostly one group, told by one look at all footers.

    Pandas writes a column of whole numbers as integers, and as doubles where one is missing; Spark refuses such files together.
    """
    try:
        _merged(spark, files)
        return [files]
    except READ_FAILURES as error:
        if "CANNOT_MERGE_SCHEMAS" not in str(error):
            raise
    groups: dict[str, list[InputFile]] = {}
    for file in files:
        groups.setdefault(spark.read.parquet(escape_glob(file.path)).schema.simpleString(), []).append(file)
    return list(groups.values())


def open_group(spark: SparkSession, files: Sequence[InputFile]) -> DataFrame:
    """The rows of one group, with every column that one of its files has, and ``_path`` and ``_row``."""
    return _merged(spark, files).select("*", F.col("_metadata.file_path").alias(PATH), F.col("_metadata.row_index").alias(ROW))


def open_parquet(spark: SparkSession, name: str, files: Sequence[InputFile]) -> DataFrame:
    """The rows of all ``files`` as ``open_group`` gives them; numbers of different types become doubles.

    Raises SourceError where a column of source ``name`` holds numbers in one file and something else in another.
    """
    groups = parquet_groups(spark, files)
    frames = [open_group(spark, group) for group in groups]
    if len(frames) == 1:
        return frames[0]
    mixed = _mixed_numbers(name, groups, frames)
    cast = [frame.withColumns({c: column(c).cast("double") for c in mixed if c in frame.columns}) for frame in frames]
    return reduce(lambda a, b: a.unionByName(b, allowMissingColumns=True), cast)


def _merged(spark: SparkSession, files: Sequence[InputFile]) -> DataFrame:
    # Without merging, Spark would take one file's columns for all.
    return spark.read.option("mergeSchema", True).parquet(*[escape_glob(f.path) for f in files])


def _mixed_numbers(name: str, groups: Sequence[Sequence[InputFile]], frames: Sequence[DataFrame]) -> list[str]:
    """The columns whose type differs between ``frames``."""
    first: dict[str, tuple[DataType, str]] = {}
    mixed: list[str] = []
    for group, frame in zip(groups, frames, strict=True):
        for field in frame.schema:
            kind, where = first.setdefault(field.name, (field.dataType, group[0].relative))
            if kind == field.dataType:
                continue
            if not all(isinstance(k, NumericType) and not isinstance(k, DecimalType) for k in (kind, field.dataType)):
                raise SourceError(
                    f"source {name}: the column {field.name} is {kind.simpleString()} in {where} and {field.dataType.simpleString()} "
                    f"in {group[0].relative}; write it with one type in all files"
                )
            mixed.append(field.name)
    return list(dict.fromkeys(mixed))
