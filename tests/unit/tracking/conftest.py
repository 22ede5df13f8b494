"""One small registered pipeline for the tests of a process."""

from __future__ import annotations

import pytest
import small_pipeline
from pyspark.sql import DataFrame, SparkSession


@pytest.fixture(scope="session")
def rows(spark: SparkSession) -> DataFrame:
    return small_pipeline.rows(spark)


@pytest.fixture(scope="session")
def logged(rows: DataFrame, tmp_path_factory: pytest.TempPathFactory) -> small_pipeline.Logged:
    return small_pipeline.logged(rows, tmp_path_factory.mktemp("store"))
