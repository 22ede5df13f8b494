"""How rows are classified on arrival, and which of them say something else than a row known at the same moment."""

from __future__ import annotations

import datetime as dt
from typing import Any

from gridlens.fold.disposition import classify
from pyspark.sql import SparkSession

SLIM = "_key bigint, known_from timestamp, _content_hash bigint, _locator string, _head boolean, _batch_id string"
EARLY, LATE = (dt.datetime(2026, 3, day, 6, tzinfo=dt.timezone.utc) for day in (2, 3))


def row(key: int, known: dt.datetime, content: int, place: str, batch: str = "new") -> tuple[Any, ...]:
    return (key, known, content, place, True, batch)


def test_a_redelivery_known_at_the_same_moment_contradicts_whichever_of_the_two_stands(spark: SparkSession) -> None:
    older = [
        row(1, EARLY, 50, "a:2", "old"),
        row(2, EARLY, 50, "a:3", "old"),
        row(3, EARLY, 50, "a:4", "old"),
        row(4, EARLY, 50, "a:5", "old"),
    ]
    new = [
        row(1, EARLY, 60, "wins:2"),
        row(2, EARLY, 40, "loses:3"),
        row(3, LATE, 40, "corrects:4"),
        row(4, EARLY, 50, "repeats:5"),
        row(4, EARLY, 60, "wins:6"),
    ]
    found = classify(spark.createDataFrame(new, SLIM), spark.createDataFrame(older, SLIM)).collect()
    assert {r["_locator"]: (r["disposition"], r["contradicts"]) for r in found} == {
        "wins:2": (None, True),
        "loses:3": ("superseded", True),
        "repeats:5": ("duplicate", False),
        "wins:6": (None, True),
    }
