"""What an earlier run left stands, until one that came to no good end has written over it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace

import pytest
from gridlens.pipelines.history import LastRun, by_this_version, last_run
from gridlens.runs import Run, logged
from gridlens.tables import Field, Table
from gridlens.warehouse import Warehouse
from pyspark.sql import SparkSession

RESULT = Table("result", "gold", "What a job of two parts writes.", (Field("part", "string", "Part"),), ("part",))
SECOND = replace(RESULT, name="second")
AS_OF, KNOWN_AT = dt.date(2026, 3, 31), dt.datetime(2026, 4, 1, tzinfo=dt.timezone.utc)
ASKED = LastRun({"definition": "a"}, AS_OF, KNOWN_AT)


class Killed(BaseException):
    """As a killed process: nothing that comes after it is done."""


@pytest.fixture
def compute(spark: SparkSession, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Runs the job for a definition and a part; ``ends`` as one that is killed after its write, or that fails there."""

    def run_job(definition: str, part: str = "", ends: type[BaseException] | None = None) -> None:
        run = Run("job", {}, as_of=AS_OF, known_at=KNOWN_AT, fingerprints={"definition": definition})
        with monkeypatch.context() as patch:
            if ends is Killed:
                patch.setattr("gridlens.runs._record", lambda *_, **__: None)
            with logged(warehouse, run):
                rows = spark.createDataFrame([(part,)], RESULT.schema)
                warehouse.replace(RESULT, rows, where=f"part = '{part}'", note=f"{run.note} {part}".rstrip())
                if ends:
                    raise ends

    return run_job


@pytest.mark.parametrize("ends", [Killed, ValueError])
def test_a_result_written_over_by_a_run_without_a_good_end_does_not_stand(
    warehouse: Warehouse, compute: Callable[..., None], ends: type[BaseException]
) -> None:
    compute("a")
    assert last_run(warehouse, "job", wrote=(RESULT,)) == ASKED
    with pytest.raises(ends):
        compute("b", ends=ends)
    assert last_run(warehouse, "job") == ASKED, "by its log the definition that was put back has been computed"
    assert last_run(warehouse, "job", wrote=(RESULT,)) is None
    compute("a")
    assert last_run(warehouse, "job", wrote=(RESULT,)) == ASKED


def test_the_other_parts_of_a_table_stand(warehouse: Warehouse, compute: Callable[..., None]) -> None:
    compute("a", "one")
    compute("a", "two")
    with pytest.raises(Killed):
        compute("b", "two", ends=Killed)
    found = [last_run(warehouse, "job", wrote=(RESULT,), part=part) for part in ("one", "two")]
    assert found == [ASKED, None]


def test_what_a_later_run_left_as_it_was_stands(spark: SparkSession, warehouse: Warehouse, compute: Callable[..., None]) -> None:
    """A run that died wrote to a second table, and the next one sees that nothing is to be changed there."""
    died = Run("job", {}, fingerprints={"definition": "b"})
    warehouse.replace(SECOND, spark.createDataFrame([("two",)], SECOND.schema), where="true", note=died.note)
    compute("a")
    assert last_run(warehouse, "job", wrote=(RESULT, SECOND)) == ASKED


def test_what_another_version_wrote_over_does_not_stand(
    warehouse: Warehouse, compute: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Gone back to this version; a job that asks for its own runs alone finds one, and the rows of the other version."""
    compute("a")
    monkeypatch.setattr("gridlens.runs.__version__", "0.0.1")
    compute("a")
    assert last_run(warehouse, "job", by_this_version()) == ASKED
    assert last_run(warehouse, "job", by_this_version(), wrote=(RESULT,)) is None
    assert last_run(warehouse, "job", wrote=(RESULT,)) == ASKED, "whoever does not ask takes the newest run, of whatever version"
