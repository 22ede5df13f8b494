"""One tuned session for all tests; real public data only where it is there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from gridlens.session import get_spark
from gridlens.settings import Settings, load_settings
from gridlens.warehouse import Warehouse
from pyspark.sql import SparkSession

# A machine that is busy with something else is no defect of the code.
hypothesis.settings.register_profile("gridlens", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("gridlens")
REMOTE = os.environ.pop("GRIDLENS_TEST_REMOTE", None)
"""``local[2]``: the tests run on Spark Connect, which no process can have beside a classic session."""
PROJECT = Path(__file__).resolve().parents[1]
# Tests run everything a few times on a few rows: half of Java's time went into optimising what is never run again (2026-11).
# The code cache is the size that Java has with its optimising compiler; the small one throws methods out and compiles them anew.
os.environ.setdefault("JAVA_TOOL_OPTIONS", "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=240m")
INTERPRETED = (("spark.sql.codegen.wholeStage", "false"), ("spark.sql.codegen.factoryMode", "NO_CODEGEN"))
"""Nor are expressions compiled to Java: a fifth of the processor's time (2026-11). On Connect, on the cluster, and in jobs with a process
of their own they are, as in production."""

FEW_TASKS = {"spark.default.parallelism": "2", "spark.databricks.delta.snapshotPartitions": "1"}
"""A task of a few rows costs more than the rows: 0.93 of the time that the local profile's four take (2026-11)."""


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """The session of the local profile, with as few partitions as tests need."""
    os.environ.pop("SPARK_REMOTE", None)
    if REMOTE:
        os.environ["SPARK_REMOTE"] = REMOTE
    settings = load_settings("local", overrides={"root_dir": str(tmp_path_factory.mktemp("session")), "spark": FEW_TASKS})
    session = get_spark(settings, name="gridlens-tests")
    session.conf.set("spark.sql.shuffle.partitions", "2")
    for name, value in () if REMOTE else INTERPRETED:
        session.conf.set(name, value)
    yield session
    session.stop()


@pytest.fixture(scope="session")
def remote() -> str | None:
    """Where Spark Connect was asked for, its address; None on a classic session."""
    return REMOTE


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings whose warehouse is a folder of this test's own."""
    return load_settings("local", overrides={"root_dir": str(tmp_path / "gridlens")})


@pytest.fixture
def warehouse(spark: SparkSession, settings: Settings) -> Warehouse:
    """An empty warehouse."""
    return Warehouse(spark, settings)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real public data, or a visible skip."""
    folder = Path(os.environ.get("GRIDLENS_DATA", PROJECT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"real public data is not there ({folder.name}): set GRIDLENS_DATA to its folder")
    return folder


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks every test that uses the session, so that ``make check`` can leave them out."""
    for item in items:
        if "spark" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.spark)
