"""The archive of Java's classes: used where it fits and is whole, passed over where it is not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from gridlens import java_archive
from gridlens.errors import PlatformError
from gridlens.java_archive import archive, in_the_way, make_archive, with_archive
from gridlens.session import check_java

JAVA = 'openjdk version "17.0.15" 2025-04-15'
# Starts a session and reads a Delta table; Java notes where each class came from.
PROGRAM = """
import sys
from gridlens.session import get_spark
from gridlens.settings import load_settings
settings = load_settings("local", overrides={"root_dir": sys.argv[1]})
options = settings.spark["spark.driver.extraJavaOptions"] + f" -Xlog:class+load=info:file={sys.argv[1]}/classes.txt"
spark = get_spark(settings.model_copy(update={"spark": {**settings.spark, "spark.driver.extraJavaOptions": options}}))
print("rows", spark.range(7).count())
spark.stop()
"""


@pytest.fixture(autouse=True)
def nothing_in_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SPARK_CONF_DIR", "HADOOP_CONF_DIR", "YARN_CONF_DIR"):
        monkeypatch.delenv(name, raising=False)


def made(folder: Path, monkeypatch: pytest.MonkeyPatch, *, said: str = "", size: int = 5) -> None:
    """Java is not started: it leaves ``size`` bytes, or none and a message."""

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        if not said:
            Path(command[-1]).write_bytes(b"x" * size)
        return subprocess.CompletedProcess(command, 0, "", said)

    monkeypatch.setattr(java_archive.subprocess, "run", run)
    make_archive(JAVA, folder)


def test_an_archive_is_offered_to_the_java_and_the_spark_it_was_made_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "a folder"
    assert with_archive("-Dmine=1", JAVA, folder) == "-Dmine=1"
    made(folder, monkeypatch)
    path = archive(JAVA, folder)
    assert path is not None
    said = with_archive("-Dmine=1", JAVA, folder)
    assert said.startswith(f'"-XX:SharedArchiveFile={path}" ')
    assert said.endswith(" -Dmine=1")
    assert with_archive("-Xshare:off", JAVA, folder) == "-Xshare:off", "who says what is shared is left alone"
    assert make_archive(JAVA, folder) == path
    assert [one.name for one in folder.iterdir()] == [path.name], "nothing else is left"
    assert archive('openjdk version "21.0.1"', folder) is None
    monkeypatch.setenv("SPARK_HOME", str(tmp_path))
    assert archive(JAVA, folder) is None


def test_an_archive_that_was_cut_short_is_passed_over_and_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made(tmp_path, monkeypatch, size=9)
    path = archive(JAVA, tmp_path)
    assert path is not None
    path.write_bytes(b"x")
    assert archive(JAVA, tmp_path) is None
    made(tmp_path, monkeypatch, size=9)
    assert archive(JAVA, tmp_path) == path
    assert path.stat().st_size == 9


def test_only_one_archive_of_a_java_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made(tmp_path, monkeypatch, size=9)
    short = archive(JAVA, tmp_path)
    assert short is not None
    short.write_bytes(b"x")
    made(tmp_path, monkeypatch, size=12)
    assert [one.stat().st_size for one in tmp_path.iterdir()] == [12]


@pytest.mark.parametrize("variable", ["SPARK_CONF_DIR", "HADOOP_CONF_DIR", "YARN_CONF_DIR"])
def test_configuration_before_the_jars_leaves_java_without_an_archive(
    variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(tmp_path / "java", monkeypatch)
    (tmp_path / "conf").mkdir()
    monkeypatch.setenv(variable, str(tmp_path / "conf"))
    assert archive(JAVA, tmp_path / "java") is not None, "an empty folder is in nobody's way"
    (tmp_path / "conf" / "spark-defaults.conf").touch()
    assert in_the_way() == tmp_path / "conf"
    assert with_archive("-Dmine=1", JAVA, tmp_path / "java") == "-Dmine=1"
    with pytest.raises(PlatformError, match=r"no classes while .*conf holds files, which Spark reads before its jars"):
        make_archive(JAVA, tmp_path / "java")


def test_a_folder_that_may_not_be_looked_into_is_in_the_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setenv("HADOOP_CONF_DIR", str(tmp_path))
    monkeypatch.setattr(Path, "iterdir", refused)
    assert in_the_way() == tmp_path


def test_an_archive_that_goes_away_meanwhile_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made(tmp_path, monkeypatch)
    path = archive(JAVA, tmp_path)
    assert path is not None
    path.unlink()
    path.symlink_to(tmp_path / "gone")
    assert archive(JAVA, tmp_path) is None


def test_it_is_made_by_a_plain_session_with_the_jars_that_were_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[dict[str, str]] = []

    def run(command: list[str], *, env: dict[str, str], **_: object) -> subprocess.CompletedProcess[str]:
        seen.append(env)
        Path(command[-1]).write_bytes(b"x")
        return subprocess.CompletedProcess(command, 0, "", "")

    for name in ("SPARK_REMOTE", "PYSPARK_GATEWAY_PORT", "GRIDLENS_ROOT_DIR", "JAVA_HOME"):
        monkeypatch.setenv(name, "mine")
    monkeypatch.setattr(java_archive.subprocess, "run", run)
    make_archive(JAVA, tmp_path / "java", jars=tmp_path / "jars")
    assert seen[0]["GRIDLENS_JARS"] == str(tmp_path / "jars")
    assert seen[0]["JAVA_HOME"] == "mine"
    assert not {"SPARK_REMOTE", "PYSPARK_GATEWAY_PORT", "GRIDLENS_ROOT_DIR"} & set(seen[0])


def test_what_stands_in_the_way_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(PlatformError, match="Java made no archive of its classes: No space left on device"):
        made(tmp_path, monkeypatch, said="…\nNo space left on device\n")
    (tmp_path / "file").touch()
    with pytest.raises(PlatformError, match=r"cannot be made in .*file"):
        made(tmp_path / "file", monkeypatch)


@pytest.mark.spark
def test_a_session_takes_its_classes_from_the_archive(tmp_path: Path) -> None:
    if archive(check_java().build) is None:
        pytest.skip("no archive of Java's classes here: `gridlens jars` makes it")
    environment = {key: value for key, value in os.environ.items() if key not in ("SPARK_REMOTE", "PYSPARK_GATEWAY_PORT")}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path)], capture_output=True, text=True, env=environment, timeout=600, check=False
    )
    assert "rows 7" in done.stdout, done.stderr
    loaded = (tmp_path / "classes.txt").read_text(encoding="utf-8").splitlines()
    spark = [line for line in loaded if " org.apache.spark." in line]
    assert len([line for line in spark if line.endswith("shared objects file (top)")]) > 0.5 * len(spark) > 1000  # the others are lambdas


@pytest.mark.prove
@pytest.mark.spark
def test_java_makes_the_archive(tmp_path: Path) -> None:
    java = check_java().build
    path = make_archive(java, tmp_path)
    assert path.stat().st_size > 100_000_000
    assert archive(java, tmp_path) == path
