"""The whole chain in a session of any zone, over days on which clocks change somewhere in the world."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import world
from delta_files import tables
from gridlens.pipelines.features import run_features
from gridlens.pipelines.ingest import run_ingest
from gridlens.pipelines.options import FeatureOptions, IngestOptions
from gridlens.settings import load_settings
from pyspark.sql import SparkSession

ZONES = ("UTC", "Asia/Shanghai", "Europe/Berlin", "Australia/Sydney")
DAYS = (dt.date(2026, 3, 28), dt.date(2026, 3, 29), dt.date(2026, 4, 4), dt.date(2026, 4, 5))
"""Berlin puts its clocks forward on 29 March, Sydney back on 5 April."""


def _files() -> dict[str, str]:
    curves = []
    for number, day in enumerate(DAYS):
        received = day + dt.timedelta(days=1)
        curves += [
            world.curve("P1", f"{day}", f"{received} 02:30", 1 + number),
            world.curve("P2", f"{day}", f"{received} 02:30", 3),
            world.curve("P1", f"{day}", f"{received} 02:45", 2 + number),
        ]
    registers = [f"P1,M1,1.8.0,{day},scheduled,{100 + 24 * n}.000,{day + dt.timedelta(days=1)} 02:30" for n, day in enumerate(DAYS)]
    weather = [f"N,{day},4,8,12,{day + dt.timedelta(days=1)} 02:30" for day in DAYS]
    return {
        "points/master.csv": world.FILES["points/master.csv"],
        "curves/all.csv": world.lines(world.CURVE_HEADER, *curves),
        "registers/all.csv": world.lines(world.REGISTER_HEADER, *registers),
        "weather/all.csv": world.lines(world.WEATHER_HEADER, *weather),
    }


SOURCES = ("points", "curves", "registers", "weather")


def chain_in(spark: SparkSession, zone: str, inputs: Path, folder: Path) -> dict[str, list[str]]:
    """All silver and gold tables that ingest and features make in a session of ``zone``."""
    if not inputs.exists():
        world.write(inputs, _files())
    options = IngestOptions(world.define(folder, SOURCES), inputs)
    settings = load_settings("local", overrides={"root_dir": str(folder / "gridlens")})
    before = spark.conf.get("spark.sql.session.timeZone")
    spark.conf.set("spark.sql.session.timeZone", zone)
    try:
        run_ingest(spark, settings, options, say=lambda text: None)
        run_features(spark, settings, FeatureOptions(), say=lambda text: None)
        return tables(Path(settings.warehouse), layers=["silver", "gold"])
    finally:
        spark.conf.set("spark.sql.session.timeZone", before or "UTC")
