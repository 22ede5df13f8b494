"""Writes and reads of the warehouse against a dictionary; the same on a classic session and on Spark Connect."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import cast

import pytest
from gridlens.errors import ContractError, PlatformError
from gridlens.failures import sentence
from gridlens.settings import Settings
from gridlens.tables import Field, Table, literal_in
from gridlens.warehouse import Warehouse
from pyspark.errors import AnalysisException, PySparkException
from pyspark.sql import SparkSession

MARCH, APRIL = dt.date(2026, 3, 1), dt.date(2026, 4, 1)
PROBE = Table(
    name="probe",
    layer="silver",
    doc="A table of tests.",
    fields=(
        Field("id", "string", "Key"),
        Field("month", "date", "Layout"),
        Field("value", "double", "It's a value", unit="kWh", null="not read"),
        Field("kind", "string", "Closed list", allowed=("a", "b")),
    ),
    keys=("id", "month"),
    partition_by=("month",),
    sort_by=("id",),
    checks={"value_positive": "value IS NULL OR value >= 0"},
)
Content = dict[tuple[str, dt.date], tuple[float | None, str]]


def frame(spark: SparkSession, rows: Content, drop: set[str] | None = None):
    """The rows as a DataFrame, with a boolean ``_drop`` where ``drop`` names ids."""
    data = [(key, month, value, kind) for (key, month), (value, kind) in rows.items()]
    if drop is None:
        return spark.createDataFrame(data, "id string, month date, value double, kind string")
    flagged = [(*row, row[0] in drop) for row in data]
    return spark.createDataFrame(flagged, "id string, month date, value double, kind string, _drop boolean")


def content(warehouse: Warehouse) -> Content:
    rows = warehouse.read(PROBE).collect()
    found = {(row["id"], row["month"]): (row["value"], row["kind"]) for row in rows}
    assert len(found) == len(rows)
    return found


@pytest.mark.spark
def test_the_session_is_the_one_asked_for(spark: SparkSession, remote: str | None) -> None:
    assert ("connect" in type(spark).__module__) is bool(remote)
    assert spark.conf.get("spark.sql.session.timeZone") == "UTC"


@pytest.mark.spark
def test_keyed_writes_end_in_what_a_dictionary_holds(spark: SparkSession, warehouse: Warehouse) -> None:
    assert content(warehouse) == {}
    assert not warehouse.written(PROBE)
    expected: Content = {("x", MARCH): (1.0, "a"), ("y", MARCH): (None, "b"), ("x", APRIL): (3.0, "a")}
    warehouse.append(PROBE, frame(spark, expected))
    assert content(warehouse) == expected
    assert warehouse.written(PROBE)

    merged: Content = {("x", MARCH): (9.0, "b"), ("y", MARCH): (5.0, "a"), ("z", MARCH): (7.0, "a"), ("gone", MARCH): (8.0, "a")}
    for _ in range(2):
        warehouse.merge(PROBE, frame(spark, merged, {"y", "gone"}), prune={"month": [MARCH]}, drop="_drop")
        expected = {("x", MARCH): (9.0, "b"), ("z", MARCH): (7.0, "a"), ("x", APRIL): (3.0, "a")}
        assert content(warehouse) == expected
    warehouse.merge(PROBE, frame(spark, {("x", APRIL): (4.0, "b"), ("w", APRIL): (1.0, "a")}), update=None)
    warehouse.merge(PROBE, frame(spark, {("x", MARCH): (1.0, "a"), ("z", MARCH): (8.0, "b")}), update="s.value > t.value")
    expected |= {("w", APRIL): (1.0, "a"), ("z", MARCH): (8.0, "b")}
    assert content(warehouse) == expected

    assert warehouse.notes(PROBE) == []
    warehouse.replace(PROBE, frame(spark, {("v", APRIL): (2.0, "b")}), where=literal_in("month", [APRIL]), note="run 1, it's April")
    expected = {key: row for key, row in expected.items() if key[1] == MARCH} | {("v", APRIL): (2.0, "b")}
    assert content(warehouse) == expected
    warehouse.delete(PROBE, where={"id": ["z", "it's"], "month": [MARCH, APRIL]})
    del expected[("z", MARCH)]
    assert content(warehouse) == expected
    assert warehouse.notes(PROBE, replace(PROBE, name="never_written")) == ["run 1, it's April"]


@pytest.mark.spark
def test_what_breaks_the_contract_is_not_written(spark: SparkSession, warehouse: Warehouse) -> None:
    good: Content = {("x", MARCH): (1.0, "a")}
    warehouse.append(PROBE, frame(spark, good))
    for row in ("cast(null as string), date'2026-03-01', 1d, 'a'", "'k', date'2026-03-01', -1d, 'a'", "'k', date'2026-03-01', 1d, 'c'"):
        with pytest.raises(Exception, match=r"DELTA_(NOT_NULL_CONSTRAINT_VIOLATED|VIOLATE_CONSTRAINT)"):
            warehouse.append(PROBE, spark.sql(f"SELECT {row}").toDF(*PROBE.columns))
    with pytest.raises(ContractError, match="table probe: the data lacks the column"):
        warehouse.append(PROBE, frame(spark, good).drop("kind"))
    with pytest.raises(ContractError, match="table probe: value is string, expected double"):
        warehouse.append(PROBE, frame(spark, good).selectExpr("id", "month", "cast(value AS string) AS value", "kind"))
    assert content(warehouse) == good


@pytest.mark.spark
def test_a_table_of_an_earlier_version_says_to_migrate(spark: SparkSession, warehouse: Warehouse) -> None:
    warehouse.append(PROBE, frame(spark, {("x", MARCH): (1.0, "a")}))
    newer = replace(PROBE, fields=(*PROBE.fields, Field("more", "string", "New", null="before")))
    with pytest.raises(Exception, match="mismatch") as caught:
        warehouse.append(newer, frame(spark, {("y", MARCH): (1.0, "a")}).selectExpr("*", "'z' AS more"))
    assert "run `gridlens migrate`" in (sentence(caught.value) or "")


class _ByState(PySparkException):
    """What a server says in its own words: only the state is standard."""

    def getSqlState(self) -> str:  # noqa: N802  (Spark's name)
        return "42501"


@pytest.mark.parametrize(
    "error",
    [
        AnalysisException("[INSUFFICIENT_PERMISSIONS] User does not have USE SCHEMA on Schema 'grid.silver'."),
        PySparkException("[INSUFFICIENT_PERMISSIONS] User does not have USE SCHEMA on Schema 'grid.silver'."),
        _ByState("grid.silver is closed to you"),
    ],
)
def test_a_table_that_may_not_be_read_is_not_taken_for_a_missing_one(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, error: PySparkException
) -> None:
    def refused(_: Table) -> None:
        raise error

    warehouse = Warehouse(cast(SparkSession, None), settings)
    monkeypatch.setattr(warehouse, "_open", refused)
    assert warehouse.denied(PROBE)
    with pytest.raises(PlatformError, match=r"may not be read by this user: ask its owner for USE CATALOG, USE SCHEMA and SELECT"):
        warehouse.read(PROBE)
