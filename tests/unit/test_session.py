"""The session that a command starts: with what settings Java comes up."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import gridlens.session
import pytest
from gridlens.cli_options import session
from gridlens.settings import Settings, load_settings
from pyspark.sql import SparkSession

QUICK = "-XX:TieredStopAtLevel=1"


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, str]]:
    """The Spark settings of each session that was started; no Java is."""
    seen: list[dict[str, str]] = []

    def get_spark(settings: Settings) -> SimpleNamespace:
        seen.append(settings.spark)
        return SimpleNamespace(stop=lambda: None)

    monkeypatch.setattr(gridlens.session, "get_spark", get_spark)
    monkeypatch.setattr(SparkSession, "getActiveSession", staticmethod(lambda: None))
    monkeypatch.delenv("PYSPARK_GATEWAY_PORT", raising=False)
    return seen


def test_a_question_about_a_few_rows_has_java_compile_quickly_and_keeps_the_users_settings(
    started: list[dict[str, str]], tmp_path: Path
) -> None:
    own = {"spark.driver.extraJavaOptions": "-Dmine=1", "spark.driver.memory": "3g"}
    settings = load_settings("local", overrides={"root_dir": str(tmp_path), "spark": own})
    with session(settings), session(settings, brief=True):
        pass
    job, question = started
    for conf in (job, question):
        assert "-Dmine=1" in conf["spark.driver.extraJavaOptions"]
        assert "-Dlog4j2.configurationFile=" in conf["spark.driver.extraJavaOptions"]
        assert conf["spark.driver.memory"] == "3g"
    assert QUICK in question["spark.driver.extraJavaOptions"]
    assert QUICK not in job["spark.driver.extraJavaOptions"]
    assert (question["spark.sql.adaptive.enabled"], job["spark.sql.adaptive.enabled"]) == ("false", "true")


@pytest.mark.parametrize("profile", ["local", "cluster", "databricks"])
def test_a_session_made_elsewhere_is_as_its_settings_say(
    started: list[dict[str, str]], profile: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPARK_REMOTE", "sc://spark:15002")
    settings = load_settings(profile, overrides={"root_dir": str(tmp_path)})
    with session(settings, brief=True):
        pass
    assert started == [settings.spark]
