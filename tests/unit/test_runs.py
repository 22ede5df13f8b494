"""The run log: what a run read and wrote."""

from __future__ import annotations

import json

import pytest
from gridlens.contracts.ops import MIGRATION, OPS, QUALITY_METRIC, RUN_LOG
from gridlens.runs import Run, logged
from gridlens.warehouse import Warehouse
from pyspark.sql import SparkSession


@pytest.mark.spark
def test_a_run_tells_the_tables_it_read_and_not_those_it_counted_after_writing_them(spark: SparkSession, warehouse: Warehouse) -> None:
    """A run reads on its way and inside; a run inside it computes what it needs, as training does with features of the past."""
    for table in (QUALITY_METRIC, MIGRATION, OPS["ingest_file"]):
        warehouse.create(table)
    opened = Warehouse(spark, warehouse.settings)
    opened.read(OPS["ingest_file"])
    with logged(opened, Run("outer", {})):
        with logged(opened, Run("inner", {})):
            opened.read(MIGRATION)
            opened.append(QUALITY_METRIC, spark.createDataFrame([], QUALITY_METRIC.schema))
            opened.read(QUALITY_METRIC)
        opened.read(QUALITY_METRIC)
        opened.read(QUALITY_METRIC)
        opened.read(OPS["batch_account"])  # never written
    with logged(opened, Run("next", {})):
        pass
    told = {row["job"]: json.loads(row["tables_in"]) for row in opened.read(RUN_LOG).collect()}
    assert told == {
        "inner": ["ops.migration"],
        "outer": ["ops.ingest_file", "ops.migration", "ops.quality_metric"],
        "next": ["ops.ingest_file"],
    }
