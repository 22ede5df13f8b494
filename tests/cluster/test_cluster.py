"""On a real cluster the jobs give what a local run gives: same scripts, same options, same rows to the last bit."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import world
from gridlens.archive import build
from gridlens.contracts import all_tables
from gridlens.contracts.gold import GOLD
from gridlens.jars import default_folder, fetch
from gridlens.pipelines.chain import run_chain
from gridlens.pipelines.ingest import run_ingest
from gridlens.pipelines.options import IngestOptions, RunOptions, SampleOptions
from gridlens.pipelines.sample import run_sample
from gridlens.settings import Settings, load_settings
from gridlens.warehouse import Warehouse
from pyspark.sql import SparkSession
from standalone_cluster import Cluster, left_running, standalone

JOBS = Path(__file__).resolve().parents[2] / "jobs"
SAMPLE = SampleOptions(accounts=20, months=2, curve_days=3)
SMALL = ("points", "curves")
CONF = {
    "spark.executor.memory": "600m",
    "spark.executor.cores": "1",
    "spark.driver.memory": "1g",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.ui.enabled": "false",
    "spark.sql.shuffle.partitions": "2",
    "spark.default.parallelism": "2",
    "spark.databricks.delta.snapshotPartitions": "2",
}
WHERE = """
import sys
import gridlens
from pyspark.sql import SparkSession

def seen(batches):
    import os, gridlens.conffiles as c, pyarrow as pa
    found = [f"{c.__file__} {os.getcwd()}"]
    for batch in batches:
        yield pa.RecordBatch.from_arrays([pa.array(found * batch.num_rows)], ["file"])

spark = SparkSession.builder.getOrCreate()
for row in spark.range(0, 40, 1, 4).mapInArrow(seen, "file string").distinct().collect():
    print("executor", row.file)
print("driver", gridlens.__file__)
spark.stop()
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with standalone(tmp_path_factory.mktemp("cluster")) as running:
        yield running
    assert left_running(running.folder) == []


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("dist"))


def submit(cluster: Cluster, archive: Path, job: str, *arguments: str) -> str:
    return cluster.submit(JOBS / f"{job}.py", *arguments, archive=archive, jars=fetch(default_folder()), conf=CONF)


def rows(spark: SparkSession, settings: Settings, layers: tuple[str, ...]) -> dict[str, list[str]]:
    """Every row of every table that stands, by table."""
    warehouse = Warehouse(spark, settings)
    tables = warehouse.tables(table for table in all_tables().values() if table.layer in layers)
    return {f"{table.layer}.{table.name}": sorted(map(repr, warehouse.read(table).collect())) for table in tables}


def assert_same(spark: SparkSession, local: Settings, remote: Settings, layers: tuple[str, ...], filled: set[str]) -> None:
    here, there = rows(spark, local, layers), rows(spark, remote, layers)
    assert set(here) == set(there)
    different = {name: (len(set(here[name]) - set(there[name])), len(set(there[name]) - set(here[name]))) for name in here}
    assert {name: counts for name, counts in different.items() if here[name] != there[name]} == {}
    assert filled <= {name for name, found in there.items() if found}


def warehouse_of(folder: Path) -> Settings:
    return load_settings("local", overrides={"root_dir": str(folder)})


@pytest.mark.spark
def test_an_ingest_on_two_workers_equals_the_local_one(cluster: Cluster, archive: Path, spark: SparkSession, tmp_path: Path) -> None:
    local, remote = warehouse_of(tmp_path / "local"), warehouse_of(tmp_path / "remote")
    delivered = world.write(tmp_path / "in", {name: text for name, text in world.FILES.items() if name.startswith(SMALL)})
    sources = world.define(tmp_path, SMALL)
    run_ingest(spark, local, IngestOptions(sources, delivered), say=lambda text: None)
    given = ["--sources", str(sources), "--root", str(delivered)]
    submit(cluster, archive, "ingest", *given, "--root-dir", remote.root_dir, "--warehouse", f"file://{remote.warehouse}")
    assert cluster.state()["completedapps"][0]["state"] == "FINISHED"
    assert_same(spark, local, remote, ("bronze", "silver"), {"bronze.meter_interval", "silver.interval_day", "silver.metering_point"})


@pytest.mark.prove
@pytest.mark.spark
def test_library_and_defaults_reach_both_executors(cluster: Cluster, archive: Path, tmp_path: Path) -> None:
    script = tmp_path / "where.py"
    script.write_text(WHERE, encoding="utf-8")
    told = cluster.submit(script, archive=archive, jars=[], conf={**CONF, "spark.scheduler.minRegisteredResourcesRatio": "1.0"})
    files = dict(re.findall(r"^(driver|executor) (\S+)", told, re.MULTILINE))
    assert archive.name in files["driver"]
    executors = set(re.findall(r"^executor (\S+) (\S+)", told, re.MULTILINE))
    assert len({place for _, place in executors}) == 2, executors
    assert all(archive.name in file for file, _ in executors), executors


@pytest.mark.prove
@pytest.mark.spark
def test_every_job_on_the_whole_province_equals_a_local_run(cluster: Cluster, archive: Path, spark: SparkSession, tmp_path: Path) -> None:
    local, remote = warehouse_of(tmp_path / "local"), warehouse_of(tmp_path / "remote")
    options = replace(SAMPLE, to=tmp_path / "sample")
    place = ["--root-dir", remote.root_dir, "--warehouse", f"file://{remote.warehouse}"]
    size = ["--accounts", str(SAMPLE.accounts), "--months", str(SAMPLE.months), "--curve-days", str(SAMPLE.curve_days)]
    submit(cluster, archive, "sample", *size, "--to", str(options.to), *place)
    assert not run_sample(spark, local, options).written, "the cluster wrote the very same province"
    submit(cluster, archive, "ingest", "--root", str(options.to), *place)
    submit(cluster, archive, "features", *place)
    run_chain(spark, local, RunOptions(None, IngestOptions(root=options.to)), say=lambda text: None)
    assert_same(spark, local, remote, ("bronze", "silver", "gold"), {f"gold.{name}" for name in GOLD})
    told = submit(cluster, archive, "run", "--root", str(options.to), *place)
    assert "nothing new" in told
