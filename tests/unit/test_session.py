"""The session that a command starts: with what settings Java comes up."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import gridlens.session
import pytest
from gridlens.cli_options import session
from gridlens.session import Java, get_spark, in_brief
from gridlens.settings import Settings, load_settings
from pyspark.sql import SparkSession

QUICK = "-XX:TieredStopAtLevel=1"
JAVA_OPTIONS = "spark.driver.extraJavaOptions"


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


@pytest.mark.parametrize("profile", ["local", "cluster"])
def test_java_is_told_of_its_archive_on_this_machine_alone(profile: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cluster's own defaults say how Java starts there; an option of ours would take their place."""
    built: dict[str, str] = {}

    class Builder:
        def appName(self, _: str) -> Builder:  # noqa: N802  (Spark's name)
            return self

        def config(self, key: str, value: str) -> Builder:
            built[key] = value
            return self

        def getOrCreate(self) -> SimpleNamespace:  # noqa: N802  (Spark's name)
            return SimpleNamespace(conf=SimpleNamespace(set=lambda *_: None))

    monkeypatch.delenv("SPARK_REMOTE", raising=False)
    monkeypatch.delenv("PYSPARK_GATEWAY_PORT", raising=False)
    monkeypatch.setattr(SparkSession, "builder", Builder())
    monkeypatch.setattr(gridlens.session, "check_java", lambda: Java(17, "17"))
    monkeypatch.setattr(gridlens.session, "with_archive", lambda options, java: f"-XX:SharedArchiveFile={java} {options}")
    settings = load_settings(profile, overrides={"root_dir": str(tmp_path)})
    get_spark(settings)
    own = settings.spark.get(JAVA_OPTIONS)
    assert built.get(JAVA_OPTIONS) == (f"-XX:SharedArchiveFile=17 {own}" if profile == "local" else own)


@pytest.mark.spark
def test_a_question_asked_in_brief_has_the_same_answer(spark: SparkSession) -> None:
    """What the settings of a short question turn off is how Spark computes, not what."""
    rows = spark.createDataFrame([("a", 1.5, 3), ("a", None, 4), ("b", 0.1, 7), (None, 2.5, -1)], "k string, x double, n int")
    rows.createOrReplaceTempView("in_brief_rows")
    question = """
        SELECT k, count(*) AS rows, sum(x) AS x, max_by(n, x) AS n, collect_list(named_struct('n', n)) AS all,
               percentile(x, 0.5) AS p, transform(sequence(1, 3), i -> i * count(x)) AS s
        FROM (SELECT *, row_number() OVER (PARTITION BY k ORDER BY n) AS i FROM in_brief_rows)
        GROUP BY k ORDER BY k
    """
    usual = spark.sql(question).collect()
    before = {key: spark.conf.get(key) for key in in_brief({}) if key != JAVA_OPTIONS}
    try:
        for key in before:
            spark.conf.set(key, in_brief({})[key])
        assert spark.sql(question).collect() == usual
    finally:
        for key, value in before.items():
            spark.conf.set(key, value)
