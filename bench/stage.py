"""The prepared inputs of the benchmarks: interval blocks in a warehouse, the same readings one a row, and wide CSV files."""

from __future__ import annotations

import datetime as dt
import shutil
from dataclasses import dataclass
from pathlib import Path

from gridlens.billing.book import load_tariffs
from gridlens.billing.tariff_table import tariff_rows
from gridlens.calendars import calendar_rows
from gridlens.conffiles import packaged
from gridlens.contracts.silver import CALENDAR, INTERVAL_DAY, TARIFF
from gridlens.settings import Settings, load_settings
from gridlens.warehouse import Warehouse
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from bench import curves

SOURCES = Path(__file__).with_name("sources.yml")


@dataclass(frozen=True)
class Stage:
    """Inputs of one size.

    Attributes:
        folder: of everything of this size.
        points: number of metering points; each has 90 days of 96 readings.
    """

    folder: Path
    points: int

    @property
    def readings(self) -> int:
        return self.points * curves.DAYS * curves.INTERVALS

    @property
    def files(self) -> Path:
        """Root of the source files."""
        return self.folder / "files"

    def settings(self, name: str = "blocks") -> Settings:
        return load_settings("local", overrides={"root_dir": str(self.folder / name)})

    def warehouse(self, spark: SparkSession) -> Warehouse:
        """The warehouse that holds the blocks."""
        return Warehouse(spark, self.settings())

    def small(self, spark: SparkSession, name: str) -> DataFrame:
        """One of the small tables: points, calendar, tariff."""
        return spark.read.parquet(str(self.folder / name))

    def readings_path(self) -> str:
        return str(self.folder / "readings")


def prepare_blocks(spark: SparkSession, stage: Stage) -> None:
    """Blocks written by the library's own writer, and the small tables."""
    stage.warehouse(spark).append(INTERVAL_DAY, curves.blocks(spark, stage.points))
    curves.metering_points(spark, stage.points).coalesce(1).write.parquet(str(stage.folder / "points"))
    first = curves.FIRST_DAY
    days = calendar_rows("CN", first, first + dt.timedelta(days=curves.DAYS))
    spark.createDataFrame(days, CALENDAR.schema).coalesce(1).write.parquet(str(stage.folder / "calendar"))
    tariffs = tariff_rows(load_tariffs(packaged() / "tariffs"))
    chosen = tariffs[tariffs["tariff_id"].isin(curves.TARIFFS)]
    spark.createDataFrame(chosen, TARIFF.schema).coalesce(1).write.parquet(str(stage.folder / "tariff"))


def prepare_readings(spark: SparkSession, stage: Stage) -> None:
    """The same readings as a Delta table of one row each, laid out and sorted as the blocks are."""
    blocks = stage.warehouse(spark).read(INTERVAL_DAY)
    rows = blocks.select("metering_point_id", "channel", "local_date", "local_month", F.posexplode("values").alias("interval", "kwh"))
    ordered = rows.sortWithinPartitions("local_month", "local_date", "metering_point_id", "interval")
    ordered.write.format("delta").partitionBy("local_month").save(stage.readings_path())


def prepare_files(spark: SparkSession, stage: Stage) -> None:
    """Wide daily curves as CSV files with a header, and the metering points' master data."""
    staging = stage.folder / "lines"
    curves.curve_lines(spark, stage.points).write.text(str(staging))
    folder = stage.files / "curves"
    folder.mkdir(parents=True)
    for number, part in enumerate(sorted(staging.glob("part-*"))):
        with open(folder / f"curves-{number}.csv", "wb") as target, open(part, "rb") as source:
            target.write((curves.CURVE_HEADER + "\n").encode())
            shutil.copyfileobj(source, target, 1 << 20)
    shutil.rmtree(staging)
    (stage.files / "points.csv").write_text(curves.supply_text(stage.points))
