"""The picture of docs/results.md: what the chain made of the synthetic province and of three real sources.

``python -m bench.pictures --province DIR --nsw DIR --london DIR --yangzhong DIR --to docs/img/load_shapes.png``, where each
DIR is the root_dir of a finished ``gridlens run``.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
from gridlens.contracts.silver import ACCOUNT_TABLE, INTERVAL_DAY, METERING_POINT, SILVER
from gridlens.session import get_spark
from gridlens.settings import load_settings
from gridlens.warehouse import Warehouse
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

matplotlib.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

KINDS = {"residential": "households", "industrial": "industry", "commercial": "business"}


def province(warehouse: Warehouse, axes: Axes) -> None:
    """Energy a day by category, as a share of its mean: the Spring Festival empties factories."""
    owner = warehouse.read(METERING_POINT).select("metering_point_id", "account_id").distinct()
    kind = warehouse.read(ACCOUNT_TABLE).select("account_id", "category").dropDuplicates(["account_id"])
    days = warehouse.read(INTERVAL_DAY).where("channel = '1.8.0'").join(owner, on="metering_point_id", how="inner")
    sums = days.join(kind, on="account_id", how="inner").groupBy("local_date", "category").agg(F.sum("energy_kwh").alias("kwh")).toPandas()
    table = sums.pivot(index="local_date", columns="category", values="kwh").sort_index()
    for name in table.columns:
        axes.plot(pd.to_datetime(table.index), table[name] / table[name].mean(), label=KINDS.get(str(name), str(name)), linewidth=1.2)
    axes.set_title("Synthetic province: energy a day / its mean\n(Spring Festival 2026-02-17)")
    axes.legend(fontsize=7)
    axes.tick_params(axis="x", rotation=30, labelsize=7)


def new_south_wales(warehouse: Warehouse, axes: Axes) -> None:
    """Mean half-hourly load on working days and at weekends."""
    rows = warehouse.read(INTERVAL_DAY).select("local_date", "values").where(F.size("values") == 48).toPandas()
    matrix = np.array([np.asarray(v, dtype=float) for v in rows["values"]])
    weekend = pd.to_datetime(rows["local_date"]).dt.weekday.to_numpy() >= 5
    for mask, label in ((~weekend, "Monday to Friday"), (weekend, "Saturday and Sunday")):
        axes.plot(np.arange(48) / 2, np.nanmean(matrix[mask], axis=0) * 2, label=label)
    axes.set_title(f"New South Wales: mean day of ten households\n({len(rows):,} days of 48 half hours), kW")
    axes.set_xticks(range(0, 25, 4))
    axes.legend(fontsize=7)


def yangzhong(warehouse: Warehouse, axes: Axes) -> None:
    """Energy of all enterprises by day."""
    sums = warehouse.read(INTERVAL_DAY).groupBy("local_date").agg(F.sum("energy_kwh").alias("kwh")).toPandas().sort_values("local_date")
    axes.plot(pd.to_datetime(sums["local_date"]), sums["kwh"] / 1e6, linewidth=0.9)
    axes.set_title("Yangzhong: energy a day of 1,454 enterprises, GWh\n(Spring Festival: February 2015 and 2016)")
    axes.tick_params(axis="x", rotation=30, labelsize=7)
    axes.set_ylim(bottom=0)


def london(warehouse: Warehouse, axes: Axes) -> None:
    """Mean energy of a household and day against the day's mean temperature."""
    days = warehouse.read(INTERVAL_DAY).groupBy("local_date").agg(F.avg("energy_kwh").alias("kwh"), F.count("energy_kwh").alias("n"))
    weather = warehouse.read(SILVER["weather"]).select(
        "local_date", ((F.col("temperature_min_c") + F.col("temperature_max_c")) / 2).alias("mean_c")
    )
    table = days.where("n >= 200").join(weather, on="local_date", how="inner").toPandas()
    axes.scatter(table["mean_c"], table["kwh"], s=4)
    axes.set_title(f"London: kWh a household and day\nagainst the day's mean temperature (°C), {len(table):,} days")


PANELS = {"province": province, "nsw": new_south_wales, "yangzhong": yangzhong, "london": london}


def draw(spark: SparkSession, roots: dict[str, Path], target: Path) -> None:
    """Draws a panel for each root that is given."""
    figure, places = plt.subplots(2, 2, figsize=(10, 7))
    for axes, (name, root) in zip(places.flat, roots.items(), strict=False):
        PANELS[name](Warehouse(spark, load_settings("local", overrides={"root_dir": str(root)})), axes)
        axes.title.set_fontsize(9)
    figure.tight_layout()
    target.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(target, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in PANELS:
        parser.add_argument(f"--{name}", type=Path)
    parser.add_argument("--to", type=Path, default=Path("docs/img/load_shapes.png"))
    given = vars(parser.parse_args())
    roots = {name: given[name] for name in PANELS if given[name]}
    spark = get_spark(load_settings("local"))
    try:
        draw(spark, roots, given["to"])
    finally:
        spark.stop()


if __name__ == "__main__":
    main()
