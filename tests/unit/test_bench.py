"""The benchmarks measure what they say: same data everywhere, equal results, differences found, the first round left out."""

from __future__ import annotations

import csv
import io
import os
import re
from pathlib import Path

import numpy as np
import pytest
from gridlens.contracts.load_shape_day import DAY_FEATURES
from gridlens.contracts.load_shape_month import MONTH_FEATURES
from gridlens.ingest.source import load_sources
from pyspark.sql import SparkSession

from bench import curves, figures, jobs, spark_free
from bench.__main__ import main
from bench.measure import connect, differences, interleaved, median_ratio
from bench.memory import peak_mb
from bench.spark_rows import MONTH_COLUMNS
from bench.stage import SOURCES, Stage, prepare_blocks, prepare_readings


def test_curves_do_not_depend_on_the_batch() -> None:
    whole = curves.power(np.arange(6))
    np.testing.assert_array_equal(whole[4:], curves.power(np.arange(4, 6)))
    missing = np.isnan(whole).sum(axis=2)
    assert set(np.unique(missing)) <= {0, 4, 48}
    assert missing.any()


def test_master_data_and_curves_have_the_columns_that_the_sources_name() -> None:
    points, readings = load_sources(SOURCES)
    rows = list(csv.DictReader(io.StringIO(curves.supply_text(3))))
    assert [row["metering_point_id"] for row in rows] == ["PT00000000", "PT00000001", "PT00000002"]
    assert set(points.needed_columns) == set(rows[0])
    assert set(readings.needed_columns) == set(curves.CURVE_HEADER.split(","))


def test_the_first_round_is_not_counted_and_contenders_take_turns() -> None:
    calls: list[str] = []
    seconds = interleaved({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, 2)
    assert calls == ["a", "b"] * 3
    assert {name: len(each) for name, each in seconds.items()} == {"a": 2, "b": 2}


def test_an_account_is_graded_without_spark_in_milliseconds() -> None:
    single, batch = spark_free.measured(20)
    assert (single.name, single.goal) == ("scorecard_single_row", 5.0)
    assert batch.value < single.value < 5 * single.goal  # also on a machine that is busy


def test_a_ratio_is_taken_within_each_round() -> None:
    assert median_ratio([2.0, 30.0, 2.0], [1.0, 10.0, 2.0]) == 2.0


@pytest.mark.parametrize(
    ("theirs", "differing"),
    [
        ("(1, 2.0, [1.0, 2.0]), (2, 0.0, NULL)", []),
        ("(1, 2.000001, [1.0, 2.0]), (2, 0.0, NULL)", []),
        ("(1, 2.00001, [1.0, 2.0]), (2, 0.0, NULL)", ["x"]),
        ("(1, NULL, [1.0, 2.0]), (2, 0.0, NULL)", ["x"]),
        ("(1, 2.0, [1.0, 2.1]), (2, 0.0, NULL)", ["profile"]),
    ],
)
def test_differences_beyond_a_millionth_are_found(theirs: str, differing: list[str]) -> None:
    def table(rows: str) -> str:
        return f"(SELECT * FROM (VALUES {rows}) t(id, x, profile))"

    ours = table("(1, 2.0, [1.0, 2.0]), (2, 0.0, NULL)")
    found = differences(connect(1), ours, table(theirs), ("id",), {"x": "double", "profile": "array<double>"})
    assert found["differing"] == differing
    assert found["equal"] is (not differing)


def test_a_row_that_only_one_side_has_is_a_difference() -> None:
    found = differences(connect(1), "(SELECT 1 AS id, 1.0 AS x)", "(SELECT unnest([1, 2]) AS id, 1.0 AS x)", ("id",), {"x": "double"})
    assert found == {"rows": 1, "equal": False, "columns": 1, "differing": []}


def test_peak_memory_of_this_process_is_plausible() -> None:
    assert 20 < peak_mb(os.getpid()) < 100_000


def test_an_unknown_figure_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--only", "nothing"])
    assert re.search("invalid choice: '?nothing'?", capsys.readouterr().err)


def test_every_feature_equals_the_peers(spark: SparkSession, tmp_path: Path) -> None:
    stage = Stage(tmp_path, 4)
    prepare_blocks(spark, stage)
    prepare_readings(spark, stage)
    connection = connect(1)
    jobs.features_written(spark, stage)
    jobs.duckdb_written(connection, jobs.input_files(spark, stage), tmp_path / "duckdb")
    jobs.spark_rows_written(spark, stage)
    duckdb = figures.compare_features(connection, spark, stage, jobs.duckdb_files(tmp_path / "duckdb"))
    spark_rows = figures.compare_features(connection, spark, stage, jobs.rows_files(spark, stage), months=MONTH_COLUMNS)
    assert [duckdb[grain]["rows"] for grain in ("day", "month")] == [360, 12]
    assert duckdb["day"]["columns"] == spark_rows["day"]["columns"] == len(DAY_FEATURES) + 1
    assert duckdb["month"]["columns"] == len(MONTH_FEATURES)
    assert all(grain["equal"] for peer in (duckdb, spark_rows) for grain in peer.values()), (duckdb, spark_rows)
