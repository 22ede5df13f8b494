"""The day that a run stands for where none is given."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from delta_writer import put
from gridlens.contracts.silver import INTERVAL_DAY, REGISTER_READING, SILVER
from gridlens.errors import SourceError
from gridlens.pipelines.moments import newest_day
from gridlens.settings import Settings, load_settings
from gridlens.warehouse import Warehouse
from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings("local", overrides={"root_dir": str(tmp_path)})


def registers(settings: Settings, day: dt.date, points: int) -> None:
    put(settings, REGISTER_READING, [{"metering_point_id": f"P{n}", "read_date": day} for n in range(points)])


def test_the_newest_day_is_that_of_any_meter_and_of_the_bills_where_no_meter_is_read(spark: SparkSession, settings: Settings) -> None:
    def newest() -> dt.date:
        return newest_day(Warehouse(spark, settings))

    with pytest.raises(SourceError, match="no readings and no bills in the warehouse yet: run `gridlens ingest` first"):
        newest()
    put(settings, INTERVAL_DAY, [{"metering_point_id": "P1", "local_date": dt.date(2026, 1, 2)}])
    assert newest() == dt.date(2026, 1, 2)
    put(settings, SILVER["bill"], [{"bill_id": str(day), "issued_on": dt.date(2026, 4, day)} for day in (3, 5)])
    assert newest() == dt.date(2026, 4, 5), "a pilot that ended in January"
    registers(settings, dt.date(2026, 3, 31), 120)
    assert newest() == dt.date(2026, 3, 31), "the bills of a month come after it"
    put(settings, INTERVAL_DAY, [{"metering_point_id": "P1", "local_date": dt.date(2026, 4, 1)}])
    assert newest() == dt.date(2026, 4, 1)


def test_a_few_readings_ahead_are_not_the_companys_day(spark: SparkSession, settings: Settings) -> None:
    registers(settings, dt.date(2026, 3, 30), 300)
    registers(settings, dt.date(2026, 3, 31), 280)
    registers(settings, dt.date(2026, 4, 1), 2)
    assert newest_day(Warehouse(spark, settings)) == dt.date(2026, 3, 31)
