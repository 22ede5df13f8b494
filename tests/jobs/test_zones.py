"""The session's zone changes nothing: same silver, same load shapes (RELIABILITY 8). tests/prove has it in four zones."""

from __future__ import annotations

import pytest
from delta_files import differences
from pyspark.sql import SparkSession
from session_zones import chain_in

SMALL = ("points", "curves")


@pytest.mark.spark
@pytest.mark.prove
def test_a_session_in_sydney_gives_what_one_in_utc_gives(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> None:
    inputs = tmp_path_factory.mktemp("zones") / "in"
    here = chain_in(spark, "UTC", inputs, tmp_path_factory.mktemp("utc"), SMALL)
    there = chain_in(spark, "Australia/Sydney", inputs, tmp_path_factory.mktemp("sydney"), SMALL)
    assert {"silver.interval_day", "silver.interval_day_superseded", "gold.load_shape_day_v1", "gold.load_shape_month_v1"} <= set(here)
    assert differences(here, there) == []
