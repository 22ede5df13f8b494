# Databricks notebook source
# MAGIC %md
# MAGIC # The tag library, and a tag of your own
# MAGIC
# MAGIC A tag is a discrete statement about an account, such as "habitual late payer", made from its features by a definition that
# MAGIC says what it reads, why its thresholds are what they are, and who answers for it. This notebook looks at the library, adds a
# MAGIC tag of an analyst's own, and follows one value down to the source. Run `01_from_meter_to_load_shape` for the same `root` first.
# MAGIC
# MAGIC `own` is a configuration folder: files in its `tags` folder come on top of the packaged ones, a file of the same name replaces it.

# COMMAND ----------

dbutils.widgets.text("root", "./.gridlens", "Folder for files and logs")
dbutils.widgets.text("own", "./own_conf", "Your configuration folder")
dbutils.widgets.text("limit", "1000", "Your own limit: energy of the last 90 days in kWh")

# COMMAND ----------

# ruff: noqa: E402, F821 (a notebook has its imports in a cell, and spark, display and dbutils from its platform)
from pathlib import Path

import pandas as pd
from gridlens.logs import quiet_spark_errors
from gridlens.pipelines.declared import list_tags
from gridlens.pipelines.explain import explain_tag
from gridlens.pipelines.look import Selection, select
from gridlens.pipelines.options import TagOptions
from gridlens.pipelines.tags import run_tags
from gridlens.settings import load_settings
from pyspark.sql import functions as F

own, limit = Path(dbutils.widgets.get("own")), int(dbutils.widgets.get("limit"))
(own / "tags").mkdir(parents=True, exist_ok=True)
settings = load_settings(conf_dir=own, overrides={"root_dir": dbutils.widgets.get("root")})
quiet_spark_errors()

# COMMAND ----------

# MAGIC %md
# MAGIC ## What the library holds

# COMMAND ----------

library = pd.DataFrame(list_tags(settings))
display(library.groupby(["category", "kind"]).size().unstack(fill_value=0))
display(library)

# COMMAND ----------

# MAGIC %md
# MAGIC ## A tag of your own
# MAGIC
# MAGIC A file and a call. A mistake (an unknown column, a function that is not allowed, an id that is taken) names file, line and remedy.

# COMMAND ----------

definition = f"""
tags:
  - id: my_big_users
    name_zh: 我的大用户
    name_en: My big users
    category: value
    kind: rule
    expression: is_open and energy_kwh_90d > {limit}
    inputs: [is_open, energy_kwh_90d]
    owner: analyst
    version: 1
    ttl_days: 3
    sensitivity: internal
    refresh: daily
    reason: A limit of my own, to see whom it picks
    description: An open account that used more than my limit in 90 days
"""
(own / "tags" / "mine.yml").write_text(definition, encoding="utf-8")
result = run_tags(spark, settings, TagOptions())
changed = run_tags(spark, settings, TagOptions(changed=True))
display(pd.DataFrame({"run": ["all", "changed"], "computed": [result.computed, changed.computed]}))

# COMMAND ----------

# MAGIC %md
# MAGIC ## How the tags are spread
# MAGIC
# MAGIC Coverage: accounts whose value is known. PSI compares with the run before; over 0.25 a tag is called drifted.

# COMMAND ----------

_, catalogue = select(spark, settings, Selection("tag_catalogue_v1"))
newest = catalogue.where(F.col("as_of") == F.lit(result.as_of))
display(newest.select("tag_id", "name_zh", "category", "coverage", "holds", "accounts", "psi", "drift_warning").orderBy(F.desc("holds")))

# COMMAND ----------

# MAGIC %md
# MAGIC ## Why one account has it

# COMMAND ----------

_, current = select(spark, settings, Selection("tag_current_v1", where="my_big_users", columns=("account_id",)))
first = current.orderBy("account_id").first()
if first is not None:
    explanation = explain_tag(spark, settings, first["account_id"], "my_big_users")
    display(pd.DataFrame([vars(item) for item in explanation.inputs]))
    for behind in explanation.behind:
        display(pd.DataFrame(list(behind.newest)))
