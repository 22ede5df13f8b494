"""Every check is ok, or one sentence what to do."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from gridlens import doctor, session
from gridlens.doctor import Check, examine, examine_spark
from gridlens.errors import PlatformError
from gridlens.settings import Settings, load_settings
from pyspark.sql import SparkSession


def found(settings: Settings, name: str) -> Check:
    return next(check for check in examine(settings) if check.name == name)


def test_this_machine_passes(settings: Settings) -> None:
    assert [check for check in examine(settings) if not check.ok] == []
    assert not Path(settings.root_dir).exists(), "the doctor leaves nothing behind"


def test_java_missing_or_too_old(settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    assert found(settings, "Java").detail.startswith("Java was not found: install Java 17 or 21")
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    java.write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\" 2019' >&2\n")
    java.chmod(0o755)
    assert found(settings, "Java") == Check("Java", False, "Java 11 was found, Spark 4.2 needs Java 17 or 21: set JAVA_HOME to one of them")


def test_an_archive_is_advised_where_one_could_be_used(settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("SPARK_REMOTE", "SPARK_CONF_DIR", "HADOOP_CONF_DIR", "YARN_CONF_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(session, "check_java", lambda: session.Java(17, "a build of which there is no archive"))
    assert found(settings, "Java") == Check("Java", True, "Java 17; `gridlens jars` archives its classes, sessions then start sooner")
    (tmp_path / "core-site.xml").touch()
    cluster = load_settings("cluster", overrides={"root_dir": settings.root_dir})
    assert found(cluster, "Java") == Check("Java", True, "Java 17"), "a cluster's own defaults say how Java starts"
    monkeypatch.setenv("HADOOP_CONF_DIR", str(tmp_path))
    assert found(settings, "Java") == Check("Java", True, "Java 17"), "Java archives nothing here"


def test_wrong_python_is_named(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "PYTHONS", ((3, 99), (3, 99)))
    assert "gridlens needs 3.11 to 3.13" in found(settings, "Python").detail


def test_jars_missing(settings: Settings, tmp_path: Path) -> None:
    empty = settings.model_copy(update={"jars": str(tmp_path)})
    check = found(empty, "Delta's jars")
    assert not check.ok
    assert f"are not in {tmp_path}: run `gridlens jars`" in check.detail


@pytest.mark.parametrize(("name", "limit"), [("memory", "MIN_MEMORY_GIB"), ("disk", "MIN_DISK_GIB")])
def test_too_little_room(settings: Settings, monkeypatch: pytest.MonkeyPatch, name: str, limit: str) -> None:
    monkeypatch.setattr(doctor, limit, 10.0**9)
    check = found(settings, name)
    assert not check.ok
    assert "are needed" in check.detail


def test_memory_is_plausible() -> None:
    assert 2**20 < doctor.available_memory() < 2**50


def test_warehouse_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    settings = load_settings("local", overrides={"root_dir": str(tmp_path), "warehouse": "/proc/nowhere"}, environ={})
    check = found(settings, "warehouse")
    assert not check.ok
    assert check.detail.endswith("choose another with --warehouse")


@pytest.mark.parametrize(
    ("overrides", "detail"),
    [({"warehouse": "hdfs://nn/x"}, "not a local folder"), ({"catalog": "main.x"}, "names of main.x")],
)
def test_other_warehouses_are_not_touched(tmp_path: Path, overrides: dict[str, str], detail: str) -> None:
    settings = load_settings("local", overrides={"root_dir": str(tmp_path), **overrides}, environ={})
    check = found(settings, "warehouse")
    assert check.ok
    assert detail in check.detail


def test_mlflow_store(settings: Settings) -> None:
    path = Path(settings.mlflow_tracking_uri.removeprefix("sqlite:///"))
    path.parent.mkdir(parents=True)
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE t (x)")
    assert found(settings, "MLflow store").ok
    connection.close()
    path.write_bytes(b"this is no database, however long it may be" * 50)
    broken = found(settings, "MLflow store")
    assert not broken.ok
    assert "cannot be written (file is not a database)" in broken.detail


def test_spark_is_not_tried_without_java(settings: Settings) -> None:
    @contextmanager
    def never(settings: Settings) -> Iterator[SparkSession]:
        raise AssertionError("a session was started")
        yield

    assert examine_spark([Check("Java", False, "x")], settings, never) == [
        Check("Spark and Delta", False, "not tried: correct Java and Delta's jars first")
    ]


def test_a_session_that_does_not_start_is_one_sentence(settings: Settings) -> None:
    @contextmanager
    def failing(settings: Settings) -> Iterator[SparkSession]:
        raise PlatformError("Spark did not start: no reason")
        yield

    assert examine_spark([], settings, failing)[0].detail == "Spark did not start: no reason"


@pytest.mark.spark
def test_a_python_function_runs_on_an_executor(spark: SparkSession, settings: Settings) -> None:
    @contextmanager
    def given(settings: Settings) -> Iterator[SparkSession]:
        yield session.get_spark(settings)

    (check,) = examine_spark([], settings, given)
    assert check.ok, check.detail
    assert "ran a Python function on an executor and wrote a Delta table" in check.detail
    assert not list(Path(settings.root_dir).parent.rglob(".doctor-*"))
