"""What Spark is told of a JDBC query, and the sentence for what goes wrong; a real database is in tests/jobs/test_jdbc.py."""

from __future__ import annotations

from typing import Any

import pytest
from gridlens.errors import SourceError
from gridlens.ingest.jdbc import jdbc_failure, jdbc_options
from gridlens.ingest.source import Jdbc, SourceFile

SECRET = "s3cret-of-the-test"


def query(**more: Any) -> Jdbc:
    return Jdbc.model_validate({"url_env": "URL", "password_env": "PASSWORD", "query": "SELECT 1 AS id", **more})


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASSWORD", SECRET)


@pytest.mark.parametrize(
    ("url", "named", "driver"),
    [
        ("jdbc:postgresql://host/base", None, "org.postgresql.Driver"),
        ("jdbc:oracle:thin:@//host:1521/base", None, "oracle.jdbc.OracleDriver"),
        ("jdbc:dm://host:5236", None, "dm.jdbc.driver.DmDriver"),
        ("jdbc:postgresql://host/base", "my.Driver", "my.Driver"),
        ("jdbc:unheard:of", None, None),
    ],
)
def test_the_driver_is_known_by_the_address(url: str, named: str | None, driver: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("URL", url)
    options = jdbc_options(query(driver=named), "q")
    assert options.get("driver") == driver
    assert (options["url"], options["password"], options["dbtable"]) == (url, SECRET, "(SELECT 1 AS id) q")
    assert "user" not in options
    assert "numPartitions" not in options


def test_a_read_in_parts_has_its_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("URL", "jdbc:postgresql://host/base")
    options = jdbc_options(query(partition_column="id", lower="1", upper="900", partitions=8), "q")
    assert [options[name] for name in ("partitionColumn", "lowerBound", "upperBound", "numPartitions")] == ["id", "1", "900", "8"]


def test_a_variable_that_is_not_set_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("URL", raising=False)
    with pytest.raises(SourceError, match=r"^source q: the environment variable URL is not set; set it to the database's url$"):
        jdbc_options(query(), "q")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("java.sql.SQLException: No suitable driver", "Java has no driver for the database; give the driver's jar by spark.jars"),
        ("java.lang.ClassNotFoundException: dm.jdbc.driver.DmDriver", "Java has no driver for the database"),
        (
            f"[FAILED_JDBC.CONNECTION] Failed JDBC jdbc:x:{SECRET} on the operation",
            "the database does not answer, or refuses user or password",
        ),
        (
            f'org.postgresql.util.PSQLException: ERROR: relation "{SECRET}" does not exist',
            "the query cannot be read over JDBC; check the query",
        ),
    ],
)
def test_a_failure_is_one_sentence_without_its_text(text: str, sentence: str) -> None:
    source = SourceFile.model_validate(
        {
            "name": "q",
            "entity": "product",
            "kind": "jdbc",
            "jdbc": query().model_dump(),
            "key": ["id"],
            "zone": "Asia/Shanghai",
            "columns": {"product_id": "id", "name_zh": "id", "category": "id", "currency": {"constant": "CNY"}, "valid_from": "id"},
            "known_from": {"column": "id"},
        }
    )
    told = str(jdbc_failure(text, source))
    assert told.startswith(f"source q: {sentence}")
    assert SECRET not in told
