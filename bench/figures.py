"""The figures, each with its goal: contenders in the same run, results compared."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from duckdb import DuckDBPyConnection
from gridlens.contracts.gold import LOAD_SHAPE_DAY, LOAD_SHAPE_MONTH
from gridlens.contracts.load_shape_day import DAY_FEATURES
from gridlens.contracts.load_shape_month import MONTH_FEATURES
from gridlens.contracts.silver import INTERVAL_DAY
from gridlens.warehouse import Warehouse
from pyspark.sql import SparkSession

from bench import jobs
from bench.child import run_child
from bench.measure import Figure, connect, differences, interleaved, median_ratio, parquet
from bench.spark_rows import MONTH_COLUMNS
from bench.stage import Stage

HEAP = "2g"
"""Java heap of the processes whose memory is compared."""


@dataclass(frozen=True)
class Bench:
    """What every figure needs.

    Attributes:
        spark: gives the session; a figure that starts processes of its own stops it first.
        whole: inputs of the full size.
        quarter: inputs with a quarter of the metering points.
        cores: of Spark, and threads of DuckDB.
        rounds: timed rounds.
    """

    spark: Callable[[], SparkSession]
    whole: Stage
    quarter: Stage
    cores: int
    rounds: int

    def sizes(self, stage: Stage | None = None) -> dict[str, Any]:
        stage = stage or self.whole
        return {"metering_points": stage.points, "readings": stage.readings, "cores": self.cores, "rounds": self.rounds}


def features(bench: Bench) -> Iterator[Figure]:
    """All day and month features against DuckDB."""
    spark, stage, connection = bench.spark(), bench.whole, connect(bench.cores)
    files, folder = jobs.input_files(spark, stage), stage.folder / "duckdb"
    seconds = interleaved(
        {
            "gridlens": partial(jobs.features_written, spark, stage),
            "duckdb": partial(jobs.duckdb_written, connection, files, folder),
            "gridlens_computed": partial(jobs.features_computed, spark, stage),
            "duckdb_computed": partial(jobs.duckdb_computed, connection, files),
        },
        bench.rounds,
    )
    compared = compare_features(connection, spark, stage, jobs.duckdb_files(folder))
    for name, goal, pair in (
        ("features_vs_duckdb", 1.0, ("gridlens", "duckdb")),
        ("features_computed_vs_duckdb", 1.0, ("gridlens_computed", "duckdb_computed")),
    ):
        detail = {"sizes": bench.sizes(), "seconds": {p: seconds[p] for p in pair}, "compared": compared, "ceiling": 1.7}
        value = median_ratio(seconds[pair[0]], seconds[pair[1]])
        yield Figure(name, value, "times DuckDB's time", goal, value <= goal and _equal(compared), detail)


def rows(bench: Bench) -> Iterator[Figure]:
    """All day and month features against Spark SQL on one row a reading, of a quarter of the points: the peer takes minutes."""
    spark, stage = bench.spark(), bench.quarter
    seconds = interleaved(
        {"gridlens": partial(jobs.features_written, spark, stage), "spark_sql_rows": partial(jobs.spark_rows_written, spark, stage)},
        bench.rounds,
    )
    compared = compare_features(connect(bench.cores), spark, stage, jobs.rows_files(spark, stage), months=MONTH_COLUMNS)
    faster = median_ratio(seconds["spark_sql_rows"], seconds["gridlens"])
    detail = {"sizes": bench.sizes(stage), "seconds": seconds, "compared": compared}
    yield Figure("features_vs_spark_sql_rows", faster, "times faster", 4.0, faster >= 4 and _equal(compared), detail)


def compare_features(
    connection: DuckDBPyConnection, spark: SparkSession, stage: Stage, theirs: dict[str, list[str]], months: Sequence[str] | None = None
) -> dict[str, Any]:
    """By grain, how a peer's features differ from ours; all of them, or of the months those named."""
    ours = jobs.output_files(spark, stage)
    keys = {"day": LOAD_SHAPE_DAY.keys, "month": LOAD_SHAPE_MONTH.keys}
    every = {"day": {f.name: f.type for f in DAY_FEATURES} | {"day_type": "string"}, "month": {f.name: f.type for f in MONTH_FEATURES}}
    if months is not None:
        every["month"] = {name: every["month"][name] for name in months}
    return {grain: differences(connection, parquet(ours[grain]), parquet(theirs[grain]), key, every[grain]) for grain, key in keys.items()}


def _equal(compared: dict[str, Any]) -> bool:
    return all(grain["equal"] for grain in compared.values())


def ingest(bench: Bench) -> Iterator[Figure]:
    """Wide CSV files through bronze and the checks to silver, against DuckDB's reading them and writing Parquet."""
    spark, stage, connection = bench.spark(), bench.whole, connect(bench.cores)
    target = stage.folder / "duckdb" / "curves.parquet"
    seconds = interleaved(
        {"gridlens": partial(jobs.ingest, spark, stage), "duckdb": partial(jobs.duckdb_csv, connection, stage, target)}, bench.rounds
    )
    silver = Warehouse(spark, stage.settings("ingested")).read(INTERVAL_DAY).inputFiles()
    theirs = f"""(SELECT metering_point_id, data_date AS local_date, list_sum("values") / 4 AS energy_kwh, list_max("values") / 4 AS max_kwh
        FROM {parquet([str(target)])})"""
    columns = {"energy_kwh": "double", "max_kwh": "double"}
    compared = differences(connection, parquet(silver), theirs, ("metering_point_id", "local_date"), columns)
    value = median_ratio(seconds["gridlens"], seconds["duckdb"])
    size = sum(f.stat().st_size for f in (stage.files / "curves").iterdir())
    detail = {"sizes": bench.sizes() | {"csv_mb": round(size / 1e6)}, "seconds": seconds, "compared": compared}
    yield Figure("ingest_vs_duckdb", value, "times DuckDB's time", 3.0, value <= 3 and compared["equal"], detail)


def scaling(bench: Bench) -> Iterator[Figure]:
    """Time with four times the metering points against time without."""
    spark = bench.spark()
    for name, job in (("features", jobs.features_written), ("ingest", jobs.ingest)):
        seconds = interleaved({"once": partial(job, spark, bench.quarter), "four_times": partial(job, spark, bench.whole)}, bench.rounds)
        value = median_ratio(seconds["four_times"], seconds["once"])
        detail = {"sizes": {"once": bench.sizes(bench.quarter), "four_times": bench.sizes()}, "seconds": seconds}
        yield Figure(f"{name}_four_times_the_points", value, "times the time", 4.5, value <= 4.5, detail)


def memory(bench: Bench) -> Iterator[Figure]:
    """What the driver holds with four times the metering points against without, each in a process of its own with the same heap."""
    for job in ("features", "ingest"):
        once, four = (run_child(job, stage, cores=bench.cores, heap=HEAP, rounds=1) for stage in (bench.quarter, bench.whole))
        measured = [name for name in ("python_peak_mb", "java_live_mb") if once[name] is not None]
        value = round(max(four[name] / once[name] for name in measured), 3)
        detail = {"sizes": bench.sizes() | {"java_heap": HEAP}, "once": once, "four_times": four, "value_is_the_larger_of": measured}
        yield Figure(f"{job}_driver_memory_four_times_the_points", value, "times the memory", 1.25, value <= 1.25, detail)


def workers(bench: Bench) -> Iterator[Figure]:
    """Two cores against one: ``local[1]`` and ``local[2]`` in processes of their own, in turns."""
    for job in ("features", "ingest"):
        seconds: dict[str, list[float]] = {"local[1]": [], "local[2]": []}
        for cores in (1, 2, 2, 1):
            seconds[f"local[{cores}]"] += run_child(job, bench.whole, cores=cores, heap=HEAP, rounds=1)["seconds"]
        value = round(statistics.median(seconds["local[1]"]) / statistics.median(seconds["local[2]"]), 3)
        yield Figure(f"{job}_two_workers_vs_one", value, "times faster", None, None, {"sizes": bench.sizes(), "seconds": seconds})


FIGURES: dict[str, Callable[[Bench], Iterator[Figure]]] = {
    "features": features,
    "rows": rows,
    "ingest": ingest,
    "scaling": scaling,
    "memory": memory,
    "workers": workers,
}
OWN_PROCESSES = ("memory", "workers")
"""Figures whose jobs have sessions of their own, so that the common one must have ended."""
