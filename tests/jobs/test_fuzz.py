"""Whatever the bytes are: the job ends, and read = accepted + superseded + duplicate + quarantined (RELIABILITY 7)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import pytest
import world
from delta_files import rows
from dirt import dirty_file, rows_in
from hypothesis import HealthCheck, Phase, given, settings
from pyspark.sql import SparkSession
from replay import Replay, repeated_keys

FUZZ = settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def load_and_check(spark: SparkSession, folder: Path, curves: Sequence[bytes], registers: Sequence[bytes]) -> None:
    """Loads dirty files beside sound master data, and adds up what became of every row."""
    replay = Replay(spark, folder)
    dirty = {f"{kind}/{n}.csv": file for kind, files in (("curves", curves), ("registers", registers)) for n, file in enumerate(files)}
    result = replay.deliver({"points/master.csv": world.FILES["points/master.csv"], **dirty})
    accounts = {batch.source: batch.account for batch in result.loaded}
    assert {name: account.row_count for name, account in accounts.items()} == {
        "points": 3,
        "curves": sum(map(rows_in, curves)),
        "registers": sum(map(rows_in, registers)),
    }
    for account in accounts.values():
        assert account.row_count == account.accepted + account.superseded + account.duplicate + account.quarantined
    quarantined = rows(replay.warehouse / "silver" / "quarantine")
    assert len(quarantined) == sum(account.quarantined for account in accounts.values())
    assert all(row["source_text"] and row["defects"] for row in quarantined)
    for row in rows(replay.warehouse / "silver" / "interval_day"):
        assert all(value is None or (math.isfinite(value) and value >= 0) for value in row["values"])
    assert repeated_keys(replay.warehouse) == []


@pytest.mark.spark
def test_fuzzed_files_never_abort_and_always_add_up(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> None:
    """All files in one load: it costs as much as one file's."""
    curves: set[bytes] = set()
    registers: set[bytes] = set()

    @FUZZ
    @given(curve=dirty_file("curves"), register=dirty_file("registers"))
    def draw(curve: bytes, register: bytes) -> None:
        curves.add(curve)
        registers.add(register)

    draw()
    assert min(len(curves), len(registers)) > 4
    load_and_check(spark, tmp_path_factory.mktemp("fuzz"), sorted(curves), sorted(registers))
