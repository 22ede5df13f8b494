"""Every file three times, in many orders (RELIABILITY 2, 3, 7); the short form is in tests/jobs."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from delta_files import differences
from dirt import dirty_file
from hypothesis import HealthCheck, Phase, given, settings
from pyspark.sql import SparkSession
from replay import FILES, Replay, disguised, repeated_keys
from test_fuzz import load_and_check

pytestmark = [pytest.mark.prove, pytest.mark.spark]
ORDERS = 6


@pytest.fixture(scope="module")
def together(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Replay:
    replay = Replay(spark, tmp_path_factory.mktemp("together"))
    replay.deliver(FILES)
    return replay


@pytest.mark.timeout(3000)
@pytest.mark.parametrize("seed", range(ORDERS))
def test_every_file_alone_three_times_in_any_order(spark: SparkSession, tmp_path: Path, together: Replay, seed: int) -> None:
    replay = Replay(spark, tmp_path)
    deliveries = [{name: text} for name, text in FILES.items()]
    deliveries += [disguised(name, times) for name in FILES for times in (1, 2)]
    random.Random(seed).shuffle(deliveries)
    for delivery in deliveries:
        replay.deliver(delivery)
    assert repeated_keys(replay.warehouse) == []
    assert differences(replay.silver(), together.silver()) == []


@pytest.mark.timeout(3000)
def test_fuzzed_files(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> None:
    @settings(max_examples=40, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(curves=dirty_file("curves"), registers=dirty_file("registers"))
    def check(curves: bytes, registers: bytes) -> None:
        load_and_check(spark, tmp_path_factory.mktemp("fuzz"), [curves], [registers])

    check()
