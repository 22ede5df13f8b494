"""What is timed: our jobs and their peers, each from files to written tables."""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb
from gridlens.contracts.gold import LOAD_SHAPE_DAY, LOAD_SHAPE_MONTH
from gridlens.contracts.silver import INTERVAL_DAY
from gridlens.features import load_shape_day, load_shape_month
from gridlens.pipelines.ingest import run_ingest
from gridlens.pipelines.options import IngestOptions
from pyspark.sql import DataFrame, SparkSession

from bench.curves import INTERVALS
from bench.duckdb_features import day_sql, prepared_blocks, tariff_patterns
from bench.duckdb_months import month_sql
from bench.measure import parquet
from bench.spark_rows import day_rows, month_rows
from bench.stage import SOURCES, Stage


def _day_shapes(spark: SparkSession, stage: Stage) -> DataFrame:
    points, calendar, tariff = (stage.small(spark, name) for name in ("points", "calendar", "tariff"))
    return load_shape_day(stage.warehouse(spark).read(INTERVAL_DAY), None, points, calendar, tariff)


def features_written(spark: SparkSession, stage: Stage) -> None:
    """Blocks to load_shape_day_v1 and load_shape_month_v1, as the pipeline does it: days are written, then read for the months."""
    warehouse = stage.warehouse(spark)
    warehouse.replace(LOAD_SHAPE_DAY, _day_shapes(spark, stage), where="true")
    warehouse.replace(LOAD_SHAPE_MONTH, load_shape_month(warehouse.read(LOAD_SHAPE_DAY)), where="true")


def features_computed(spark: SparkSession, stage: Stage) -> None:
    """Blocks to months in one go; days pass through, nothing is written."""
    load_shape_month(_day_shapes(spark, stage)).write.format("noop").mode("overwrite").save()


def input_files(spark: SparkSession, stage: Stage) -> dict[str, list[str]]:
    """The Parquet files of the tables that the features read; of the blocks, those that Delta says are live."""
    small = {name: stage.small(spark, name).inputFiles() for name in ("points", "calendar", "tariff")}
    return {"blocks": stage.warehouse(spark).read(INTERVAL_DAY).inputFiles(), **small}


def output_files(spark: SparkSession, stage: Stage) -> dict[str, list[str]]:
    """The live files of our day and month features."""
    warehouse = stage.warehouse(spark)
    return {"day": warehouse.read(LOAD_SHAPE_DAY).inputFiles(), "month": warehouse.read(LOAD_SHAPE_MONTH).inputFiles()}


def rows_files(spark: SparkSession, stage: Stage) -> dict[str, list[str]]:
    """The live files of the Spark SQL peer's day and month features."""
    return {grain: spark.read.format("delta").load(str(stage.folder / f"rows_{grain}")).inputFiles() for grain in ("day", "month")}


def duckdb_files(folder: Path) -> dict[str, list[str]]:
    """The files of DuckDB's day and month features."""
    return {grain: [str(folder / f"{grain}.parquet")] for grain in ("day", "month")}


def duckdb_written(connection: duckdb.DuckDBPyConnection, files: dict[str, list[str]], folder: Path) -> None:
    """The same figures from the same files, days written as Parquet, then read for the months."""
    written = duckdb_files(folder)
    days = day_sql(prepared_blocks(files), tariff_patterns(connection, files))
    _copy(connection, days, Path(written["day"][0]))
    _copy(connection, month_sql(parquet(written["day"])), Path(written["month"][0]))


def duckdb_computed(connection: duckdb.DuckDBPyConnection, files: dict[str, list[str]]) -> None:
    """The same figures, days and months in memory."""
    days = day_sql(prepared_blocks(files), tariff_patterns(connection, files))
    connection.execute(f"CREATE OR REPLACE TEMP TABLE day_features AS {days}")
    connection.execute(f"CREATE OR REPLACE TEMP TABLE month_features AS {month_sql('day_features')}")


def spark_rows_written(spark: SparkSession, stage: Stage) -> None:
    """All figures of a day and some of a month by Spark SQL from one row a reading; days are written, then read for the months."""
    days, months = stage.folder / "rows_day", stage.folder / "rows_month"
    readings = spark.read.format("delta").load(stage.readings_path())
    small = [stage.small(spark, name) for name in ("points", "calendar", "tariff")]
    day_rows(readings, *small).write.format("delta").mode("overwrite").save(str(days))
    month_rows(spark.read.format("delta").load(str(days))).write.format("delta").mode("overwrite").save(str(months))


def ingest(spark: SparkSession, stage: Stage) -> None:
    """The CSV files through bronze, checks, quarantine, accounts and registration to silver, in a new warehouse."""
    settings = stage.settings("ingested")
    shutil.rmtree(settings.root_dir, ignore_errors=True)
    run_ingest(spark, settings, IngestOptions(sources=SOURCES, root=str(stage.files)), say=lambda _: None)


def duckdb_csv(connection: duckdb.DuckDBPyConnection, stage: Stage, target: Path) -> None:
    """The same CSV files to one Parquet file of arrays, no checks."""
    values = ", ".join(f"P{i}" for i in range(1, INTERVALS + 1))
    source = f"read_csv('{stage.files / 'curves'}/*.csv', header = true)"
    _copy(connection, f'SELECT metering_point_id, data_date, channel, received_at, [{values}] AS "values" FROM {source}', target)


def _copy(connection: duckdb.DuckDBPyConnection, query: str, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    connection.execute(f"COPY ({query}) TO '{target}' (FORMAT parquet, COMPRESSION zstd)")
