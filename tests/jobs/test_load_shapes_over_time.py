"""Load shapes while time passes: each day goes by what was in force on it, and tables of another moment are put right by the next run."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from delta_files import differences, tables
from delta_writer import put
from gridlens.contracts.gold import LOAD_SHAPE_DAY, LOAD_SHAPE_MONTH
from gridlens.contracts.silver import CALENDAR, INTERVAL_DAY, INTERVAL_ESTIMATE, METERING_POINT, REGISTER_READING, TARIFF
from gridlens.pipelines import features
from gridlens.pipelines.features import run_features
from gridlens.pipelines.load_shapes import context_checks, known_facts, opinions_of, shapes_by_day, tariff_prices
from gridlens.pipelines.options import FeatureOptions
from gridlens.settings import Settings, load_settings
from gridlens.warehouse import Warehouse
from pyspark.sql import DataFrame, Row, SparkSession

pytestmark = pytest.mark.spark

DAY = dt.timedelta(days=1)
FIRST, MOVED, EXCHANGED, AS_OF = dt.date(2026, 1, 20), dt.date(2026, 3, 1), dt.date(2026, 2, 10), dt.date(2026, 3, 10)
GAPS = (EXCHANGED - 7 * DAY, EXCHANGED + 7 * DAY)
"""Days of the exchanged meter on which an hour is missing, so that there is an opinion to look at."""
USED = 24.0
"""kWh a day."""


def noon(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(4), dt.UTC)


def block(point: str, day: dt.date) -> dict[str, Any]:
    """24 hours of 1 kWh; of the gap days the third hour is missing."""
    values = [None if point == "EXCHANGED" and day in GAPS and hour == 3 else 1.0 for hour in range(24)]
    return {
        "metering_point_id": point,
        "local_date": day,
        "local_month": day.replace(day=1),
        "values": values,
        "quality": [1 if value is None else 0 for value in values],
        "missing_count": values.count(None),
        "known_from": noon(day + DAY),
        "_content_hash": day.toordinal(),
    }


def reading(day: dt.date, total: float, meter: str) -> dict[str, Any]:
    key = {"metering_point_id": "EXCHANGED", "meter_id": meter, "read_date": day, "local_month": day.replace(day=1)}
    return {**key, "reading_total": Decimal(str(total)), "known_from": noon(day + DAY)}


def version(point: str, since: dt.date, *, known: dt.date | None = None, **values: Any) -> dict[str, Any]:
    return {"metering_point_id": point, "valid_from": since, "known_from": noon(known or since), **values}


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Two points: one moves to time of use and more capacity on 1 March, the other got a meter behind another transformer in February."""
    settings = load_settings("local", overrides={"root_dir": str(tmp_path_factory.mktemp("changes"))})
    since, wrong = dt.date(2024, 1, 1), AS_OF + 30 * DAY
    versions = [
        version("MOVED", since, tariff_id="residential_tiered", contract_capacity_kva=8.0, multiplier=1.0),
        version("MOVED", MOVED, tariff_id="residential_tiered_tou", contract_capacity_kva=16.0, multiplier=1.0),
        version("EXCHANGED", since, meter_id="OLD", multiplier=10.0),
        version("EXCHANGED", since, meter_id="OLD", multiplier=99.0, known=wrong),  # a correction of which nobody knows yet
        version("EXCHANGED", EXCHANGED, meter_id="NEW", multiplier=20.0),
    ]
    put(settings, METERING_POINT, versions, ct_ratio=1.0, pt_ratio=1.0)
    days = [FIRST + n * DAY for n in range((AS_OF - FIRST).days + 1)]
    zone = {"zone": "Asia/Shanghai", "resolution_minutes": 60, "channel": "1.8.0", "energy_kwh": USED, "max_kwh": 1.0, "multiplier": 1.0}
    put(settings, INTERVAL_DAY, [block(point, day) for point in ("MOVED", "EXCHANGED") for day in days], **zone)
    before, after = GAPS
    readings = [
        reading(before - DAY, 100, "OLD"),
        reading(before, 102.4, "OLD"),
        reading(after - DAY, 5, "NEW"),
        reading(after, 6.2, "NEW"),
    ]
    put(settings, REGISTER_READING, readings, channel="1.8.0", read_kind="scheduled")
    return settings


def by_day(found: DataFrame) -> dict[tuple[str, dt.date], Row]:
    return {(row.metering_point_id, row.local_date): row for row in found.drop("known_from").collect()}


def test_each_day_goes_by_the_version_of_the_point_in_force_on_it(spark: SparkSession, settings: Settings) -> None:
    facts = known_facts(Warehouse(spark, settings), AS_OF, noon(AS_OF + DAY))
    calendar, tariff = spark.createDataFrame([], CALENDAR.schema), spark.createDataFrame(tariff_prices(settings), TARIFF.schema)
    months = [FIRST.replace(day=1), EXCHANGED.replace(day=1), MOVED]
    opinions = opinions_of(facts, calendar, months, context_checks(settings))
    days = by_day(shapes_by_day(facts, opinions, calendar, tariff, months))
    assert len(days) == 2 * ((AS_OF - FIRST).days + 1)
    for day in (FIRST, MOVED - DAY, MOVED, AS_OF):
        moved, exchanged, later = days["MOVED", day], days["EXCHANGED", day], day >= MOVED
        assert (moved.share_flat == 1.0, moved.share_valley > 0) == (not later, later), day
        assert moved.capacity_utilisation == pytest.approx(1.0 / (16.0 if later else 8.0))
        assert (exchanged.share_flat, exchanged.capacity_utilisation) == (None, None)
    said = by_day(opinions)
    assert [said["EXCHANGED", day].register_kwh for day in GAPS] == [pytest.approx(USED)] * 2
    assert [row.metering_point_id for row in facts.points.orderBy("metering_point_id").collect()] == ["EXCHANGED", "MOVED"]


@pytest.mark.prove
def test_a_run_for_another_day_that_dies_is_made_good_by_the_next_run(
    spark: SparkSession, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In April the ratio of the exchanged meter is corrected; a run for the end of February, when nobody knew, dies on its way."""

    def run(**options: Any) -> bool:
        return run_features(spark, settings, FeatureOptions(**options), say=lambda _: None).nothing_new

    def standing() -> dict[str, list[str]]:
        shared = {f"{table.layer}.{table.name}" for table in (INTERVAL_ESTIMATE, LOAD_SHAPE_DAY, LOAD_SHAPE_MONTH)}
        return {name: rows for name, rows in tables(Path(settings.warehouse)).items() if name in shared}

    present = {"as_of": AS_OF, "known_at": noon(AS_OF + 40 * DAY)}
    run(**present)
    expected = standing()
    monkeypatch.setattr(features, "load_shape_month", die)
    with pytest.raises(KeyError, match="dead"):
        run(as_of=MOVED - DAY)
    monkeypatch.undo()
    assert differences(standing(), expected), "it has written before it died"
    assert not run(**present)
    assert differences(standing(), expected) == []
    assert run(**present)


def die(*_: Any) -> None:
    raise KeyError("dead")
