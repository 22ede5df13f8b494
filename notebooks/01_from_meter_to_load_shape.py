# Databricks notebook source
# MAGIC %md
# MAGIC # From the meter to the load shape
# MAGIC
# MAGIC Loads a company's source files into Delta tables, accounts for every row, and computes how each metering point uses
# MAGIC electricity. Without files of your own a synthetic province is made first: **every person and meter in it is invented**.
# MAGIC
# MAGIC `root` is the folder for everything that is written outside the tables: source files, logs. On Databricks take a volume,
# MAGIC such as `/Volumes/main/gridlens/files`; the tables are names of the catalogue in `conf/databricks.yml`.

# COMMAND ----------

dbutils.widgets.text("root", "./.gridlens", "Folder for files and logs")
dbutils.widgets.text("sources", "province.yml", "Source definitions, a file of conf/sources")
dbutils.widgets.text("accounts", "500", "Accounts of the synthetic province")
dbutils.widgets.text("months", "3", "Months of registers and bills")
dbutils.widgets.text("curve_days", "60", "Last days with 15-minute curves")
dbutils.widgets.text("as_of", "2026-03-31", "Last day included")

# COMMAND ----------

# ruff: noqa: E402, F821 (a notebook has its imports in a cell, and spark, display and dbutils from its platform)
import datetime as dt

import matplotlib.pyplot as plt
import pandas as pd
from gridlens.contracts.silver import ACCOUNT_TABLE, METERING_POINT
from gridlens.fold.versioned import as_known
from gridlens.logs import quiet_spark_errors
from gridlens.pipelines.chain import run_chain
from gridlens.pipelines.look import Selection, quality_report, select
from gridlens.pipelines.moments import knowledge_of_day
from gridlens.pipelines.options import FeatureOptions, IngestOptions, RunOptions, SampleOptions
from gridlens.settings import conf_file, load_settings
from gridlens.warehouse import Warehouse
from pyspark.sql import functions as F

as_of = dt.date.fromisoformat(dbutils.widgets.get("as_of"))
accounts, months, curve_days = (int(dbutils.widgets.get(name)) for name in ("accounts", "months", "curve_days"))
settings = load_settings(overrides={"root_dir": dbutils.widgets.get("root")})
quiet_spark_errors()
known_at = knowledge_of_day(as_of, settings)

# COMMAND ----------

# MAGIC %md
# MAGIC ## The chain: source files → bronze → silver → load shapes
# MAGIC
# MAGIC Run a second time it finds nothing new and leaves the tables as they are.

# COMMAND ----------

province = SampleOptions(accounts=accounts, months=months, curve_days=curve_days, end_date=as_of)
sources = conf_file(settings, f"sources/{dbutils.widgets.get('sources')}")
result = run_chain(spark, settings, RunOptions(province, IngestOptions(sources), FeatureOptions(as_of=as_of)))

# COMMAND ----------

# MAGIC %md
# MAGIC ## Every source row, accounted for
# MAGIC
# MAGIC rows = accepted + superseded + duplicate + quarantined. The rules that a quarantined row broke stand below, each with one
# MAGIC place to look at.

# COMMAND ----------

quality = quality_report(spark, settings)
display(pd.DataFrame(quality.accounts))
display(pd.DataFrame(quality.broken_rules))

# COMMAND ----------

# MAGIC %md
# MAGIC ## The load shape of a month
# MAGIC
# MAGIC One row per metering point, channel and month. `docs/tables.md` has unit, formula and source of every column.

# COMMAND ----------

_, shapes = select(spark, settings, Selection("load_shape_month_v1", where="channel = '1.8.0'"))
shapes = shapes.where((F.col("local_month") == F.lit(as_of.replace(day=1))) & F.col("profile_working_kw").isNotNull())
display(
    shapes.select("metering_point_id", "energy_kwh", "peak_kw", "load_factor", "night_share", "weekend_ratio", "estimated_share")
    .orderBy(F.desc("energy_kwh"))
    .limit(20)
)

# COMMAND ----------

# MAGIC %md
# MAGIC ## How the kinds of customers use electricity
# MAGIC
# MAGIC The mean 24-hour profile of each customer category, as part of its own mean power, so that a shop and a factory can be compared.

# COMMAND ----------

warehouse = Warehouse(spark, settings)
points, customers = (as_known(warehouse.read(table), table, known_at=known_at, as_of=as_of) for table in (METERING_POINT, ACCOUNT_TABLE))
kinds = points.select("metering_point_id", "account_id").join(customers.select("account_id", "category"), on="account_id", how="inner")
hours = [
    F.avg(F.col(f"profile_{days}_kw")[hour] / F.col("mean_kw")).alias(f"{days}_{hour:02d}")
    for days in ("working", "nonworking")
    for hour in range(24)
]
used = shapes.where(F.col("mean_kw") > 0).join(kinds, on="metering_point_id", how="inner")
profiles = used.groupBy("category").agg(F.count("*").alias("points"), *hours).orderBy("category").toPandas()
display(profiles)

# COMMAND ----------

figure, axes = plt.subplots(1, 2, figsize=(11, 4), sharey=True)
for axis, days, title in ((axes[0], "working", "Working days"), (axes[1], "nonworking", "Weekends and holidays")):
    for _, row in profiles.iterrows():
        axis.plot(range(24), [row[f"{days}_{hour:02d}"] for hour in range(24)], label=f"{row['category']} ({row['points']})")
    axis.set_title(title)
    axis.set_xlabel("hour of the day")
    axis.set_xticks(range(0, 25, 4))
axes[0].set_ylabel("power / mean power")
axes[1].legend(title="customers (points)")
figure.suptitle(f"Load shapes, {as_of:%B %Y}")
figure.tight_layout()
display(figure)
