"""A session starts where networks, caches and the PATH are of no help (RELIABILITY 9 and 14); where it cannot, one sentence says why."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from gridlens import jars
from gridlens.errors import PlatformError

NOWHERE = "127.0.0.1:9"


def holding(folder: Path, names: tuple[str, ...] = jars.NEEDED, prefix: str = "") -> Path:
    """A folder with these jars, each a few bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / f"{prefix}{name}").write_bytes(b"jar")
    return folder


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine whose Spark brings no Delta, whose jar folder is empty, and whose temporary folder is this test's."""
    for name in ("DATABRICKS_RUNTIME_VERSION", "PYSPARK_GATEWAY_PORT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SPARK_HOME", str(holding(tmp_path / "spark" / "jars", ("spark-core_2.13-4.2.0.jar",)).parent))
    monkeypatch.setattr(jars, "default_folder", lambda: tmp_path / "environment")
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path / "temporary"))
    return tmp_path


def listed(conf: dict[str, str]) -> list[Path]:
    assert set(conf) == {"spark.jars"}
    return [Path(text) for text in conf["spark.jars"].split(",")]


def test_nothing_is_added_where_spark_brings_delta(bare: Path) -> None:
    holding(bare / "spark" / "jars", ("delta-spark_4.2_2.13-4.4.0.jar",))
    holding(bare / "environment")
    assert jars.jar_conf(None) == {}
    assert jars.jar_conf(str(holding(bare / "mine"))) == {}, "a folder of the settings is for machines without Delta"


def test_databricks_brings_delta(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABRICKS_RUNTIME_VERSION", "18.0")
    assert jars.jar_conf(None) == {}


@pytest.mark.parametrize("submitted", [True, False], ids=["with Delta", "without Delta"])
def test_spark_submit_is_asked_what_it_was_started_with(bare: Path, submitted: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYSPARK_GATEWAY_PORT", "1")
    monkeypatch.setattr(jars, "_gateway_has_delta", lambda: submitted)
    folder = holding(bare / "environment")
    expected = {} if submitted else {"spark.jars": ",".join(str(folder / name) for name in jars.NEEDED)}
    assert jars.jar_conf(None) == expected


def test_the_folder_that_gridlens_jars_fills_comes_before_ivy(bare: Path) -> None:
    folder = holding(bare / "environment")
    assert listed(jars.jar_conf(None)) == [folder / name for name in jars.NEEDED]
    assert list((bare / "temporary").iterdir()) == []


def test_a_folder_of_the_settings_is_taken_with_ivys_own_names_too(bare: Path) -> None:
    folder = holding(bare / "mine", prefix="io.delta_")
    holding(bare / "environment")
    assert listed(jars.jar_conf(str(folder))) == [folder / f"io.delta_{name}" for name in jars.NEEDED]


@pytest.mark.parametrize("there", [jars.NEEDED[1:], ()], ids=["one missing", "empty"])
def test_an_incomplete_folder_of_the_settings_is_told(bare: Path, there: tuple[str, ...]) -> None:
    folder = holding(bare / "mine", there)
    with pytest.raises(PlatformError, match=rf"the jar folder {folder} lacks one of .*: run `gridlens jars --to {folder}`"):
        jars.jar_conf(str(folder))


def test_ivy_comes_last_with_folders_and_resolvers_of_its_own(bare: Path) -> None:
    holding(bare / "environment", jars.NEEDED[:-1])
    conf = jars.jar_conf(None)
    assert conf["spark.jars.packages"] == "io.delta:delta-spark_4.2_2.13:4.4.0"
    assert Path(conf["spark.jars.ivy"]).parent == bare / "temporary"
    resolvers = ET.parse(conf["spark.jars.ivySettings"]).getroot().find("resolvers")
    assert resolvers is not None
    assert [(r.tag, r.attrib) for r in resolvers] == [("ibiblio", {"name": "central", "m2compatible": "true"})], "no local-m2"
    assert {"org.apache.hadoop:*", "org.apache.spark:*"} <= set(conf["spark.jars.excludes"].split(","))


def test_fetching_takes_the_seven_and_asks_only_once(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def resolve(conf: dict[str, str]) -> None:
        asked.append(conf["spark.jars.ivy"])
        holding(Path(conf["spark.jars.ivy"]) / "jars", (*jars.NEEDED, "other.jar"), prefix="io.delta_")

    monkeypatch.setattr(jars, "_resolve", resolve)
    target = bare / "target"
    assert jars.fetch(target) == [target / name for name in jars.NEEDED] == jars.fetch(target)
    assert sorted(p.name for p in target.iterdir()) == sorted(jars.NEEDED)
    assert len(asked) == 1
    assert list((bare / "temporary").iterdir()) == [], "Ivy's cache goes again"


def test_fetching_without_a_network_is_told(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jars, "_resolve", lambda conf: None)
    with pytest.raises(PlatformError, match="could not be fetched: check the network or proxy, or copy delta-spark"):
        jars.fetch(bare / "target")
    assert not (bare / "target").exists()


def cut_off(folder: Path, **more: str) -> dict[str, str]:
    """The environment of a user with a pom-only ``~/.m2``, proxies that answer nothing, and another ``python3`` on the PATH."""
    home, tools = folder / "home", folder / "bin"
    pom = home / ".m2/repository/io/delta/delta-spark_4.2_2.13/4.4.0/delta-spark_4.2_2.13-4.4.0.pom"
    pom.parent.mkdir(parents=True)
    pom.write_text(
        "<project><modelVersion>4.0.0</modelVersion><groupId>io.delta</groupId><artifactId>delta-spark_4.2_2.13</artifactId>"
        "<version>4.4.0</version></project>",
        encoding="utf-8",
    )
    tools.mkdir()
    for name in ("python", "python3"):
        (tools / name).write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
        (tools / name).chmod(0o755)
    dropped = ("PYSPARK_", "SPARK_", "GRIDLENS_", "PYTHONPATH", "DATABRICKS_")
    host, port = NOWHERE.split(":")
    proxies = " ".join(f"-D{kind}.proxyHost={host} -D{kind}.proxyPort={port}" for kind in ("http", "https"))
    return {
        **{key: value for key, value in os.environ.items() if not key.startswith(dropped)},
        "HOME": str(home),
        "PATH": f"{tools}:{os.environ['PATH']}",
        "JAVA_TOOL_OPTIONS": f"-Duser.home={home} {proxies}",
        **dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), f"http://{NOWHERE}"),
        **more,
    }


def gridlens(code: str, folder: Path, environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", f"import sys; from gridlens.cli import main; {code}; sys.exit(main(sys.argv[1:]))"]
    return subprocess.run([*command, *arguments], capture_output=True, text=True, cwd=folder, env=environment, timeout=300, check=False)


@pytest.mark.spark
def test_a_session_starts_without_network_and_with_an_unset_python(tmp_path: Path) -> None:
    environment = cut_off(tmp_path)
    told = gridlens("pass", tmp_path, environment, "doctor", "--json", "--root-dir", str(tmp_path / "root"))
    checks = {check["name"]: check for check in json.loads(told.stdout)}
    assert told.returncode == 0, [check for check in checks.values() if not check["ok"]]
    assert checks["Spark and Delta"]["detail"].endswith("ran a Python function on an executor and wrote a Delta table")
    assert {path.name for path in (tmp_path / "home").iterdir()} == {".m2"}, "Ivy was not asked"


@pytest.mark.spark
def test_a_session_without_jars_and_network_says_what_to_do(tmp_path: Path) -> None:
    environment = cut_off(tmp_path, TMPDIR=str(tmp_path))
    empty = f"import gridlens.jars as j; from pathlib import Path; j.default_folder = lambda: Path({str(tmp_path / 'none')!r})"
    told = gridlens(empty, tmp_path, environment, "tables", "--root-dir", str(tmp_path / "root"))
    assert told.returncode == PlatformError.exit_code
    sentences = [line for line in told.stderr.splitlines() if line.startswith("gridlens: ")]
    assert len(sentences) == 1
    assert "Delta's jars could not be found: run `gridlens jars` once where there is a network, or set GRIDLENS_JARS" in sentences[0]
    assert "Traceback" not in told.stderr
