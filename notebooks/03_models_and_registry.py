# Databricks notebook source
# MAGIC %md
# MAGIC # A model of your own, from definition to registry
# MAGIC
# MAGIC A model is a definition: whom it is about, what is predicted, from which features, and what a version must reach to serve. This
# MAGIC notebook defines a small one (who leaves a bill unpaid), trains it on rows of past moments, reads what it is worth, scores every
# MAGIC account, explains a score, loads the registered version the way somebody does who has no gridlens, and goes back to an earlier
# MAGIC version. It needs a warehouse with at least a year of bills and some thousand accounts, as `gridlens run` makes it, or
# MAGIC `01_from_meter_to_load_shape` with 5000 accounts and 24 months.
# MAGIC
# MAGIC `own` is a configuration folder: files in its `models` folder come on top of the packaged ones. A table of any other kind is
# MAGIC trained on by `gridlens train NAME --data FILE --label COLUMN`.

# COMMAND ----------

dbutils.widgets.text("root", "./.gridlens", "Folder for files and logs")
dbutils.widgets.text("own", "./own_conf", "Your configuration folder")
dbutils.widgets.text("days", "30", "A bill counts as unpaid so many days after it was due")

# COMMAND ----------

# ruff: noqa: E402, F821 (a notebook has its imports in a cell, and spark, display and dbutils from its platform)
from pathlib import Path

import mlflow
import pandas as pd
from gridlens.logs import quiet_spark_errors
from gridlens.pipelines.look import Selection, select
from gridlens.pipelines.model_reads import explain_score, list_models, list_versions, promote_version, roll_back
from gridlens.pipelines.options import ScoreOptions, TrainOptions
from gridlens.pipelines.score import run_score
from gridlens.pipelines.train import run_train
from gridlens.settings import load_settings
from gridlens.tracking import Store, registered_name
from pyspark.sql import functions as F

own, days = Path(dbutils.widgets.get("own")), int(dbutils.widgets.get("days"))
(own / "models").mkdir(parents=True, exist_ok=True)
settings = load_settings(conf_dir=own, overrides={"root_dir": dbutils.widgets.get("root")})
quiet_spark_errors()

# COMMAND ----------

# MAGIC %md
# MAGIC ## The definition
# MAGIC
# MAGIC A row is an account at the end of a past month; its label is what became of its bills in the 27 days after a gap of three. The last
# MAGIC month whose outcomes are known is the test, the one three months earlier the training. A mistake (an unknown column or function, a
# MAGIC wrong kind) names file, line and remedy before anything runs.

# COMMAND ----------

definition = f"""
models:
  - id: my_arrears
    name_zh: 我的拖欠模型
    name_en: My arrears model
    purpose: Ranks accounts by the probability that a bill stays unpaid, to be reminded first
    limits: An example; not a ground for suspending supply
    owner: analyst
    version: 1
    population: is_open and bills_due_365d > 0
    label: {{function: bill_unpaid, arguments: {{days: {days}}}, gap_days: 3, horizon_days: 27}}
    snapshots: {{count: 2, step_months: 3}}
    features:
      - {{name: late_share_365d, monotone: increasing, zh: 一年内逾期账单占比, en: share of bills paid late in a year}}
      - {{name: arrears_months, monotone: increasing, zh: 欠费折合月数, en: arrears in months of the usual bill,
         actionable: true, act: 协商分期缴清 (agree on instalments)}}
      - {{name: payment_channel, kind: category, zh: 常用缴费渠道, en: usual way of paying}}
    learner: {{algorithms: [{{kind: logistic_regression, grid: {{ridge: [0.01]}}}}], folds: 2}}
    gate: {{min_auc: 0.65, max_calibration_error: 0.1, max_disparity: 3.0, min_positives: 20}}
    bands:
      - {{id: low, zh: 低风险, en: low, score_from: 0}}
      - {{id: high, zh: 高风险, en: high, score_from: 0.2}}
"""
(own / "models" / "mine.yml").write_text(definition, encoding="utf-8")
display(pd.DataFrame(list_models(settings)))

# COMMAND ----------

# MAGIC %md
# MAGIC ## Training, and what the gate says
# MAGIC
# MAGIC Features of past moments that are not there yet are computed and kept, which is most of the time of a first training. Trained again
# MAGIC on the same facts by the same definition there is nothing new.

# COMMAND ----------

first = run_train(spark, settings, TrainOptions("my_arrears"))
display(pd.DataFrame({"version": first.version, "decision": first.decision, "because": first.reasons}))

# COMMAND ----------

# MAGIC %md
# MAGIC ## What it is worth
# MAGIC
# MAGIC Out of time, for all customers and for those in no training row, beside what is known without a model. The model card says the same
# MAGIC and more, with groups, calibration and limits; it is kept with the version, also as a page (`model_card.html`).

# COMMAND ----------

_, figures = select(spark, settings, Selection("model_figure_v1", where="model_id = 'my_arrears' and group_column = 'all'"))
mine = figures.where(F.col("model_version") == str(first.version))
display(mine.select("part", "feature", "rows", "positives", "roc_auc", "roc_auc_low", "roc_auc_high", "log_loss", "calibration_error"))
store = Store.open(settings)
print(store.text(store.version("my_arrears", first.version), "model_card.md"))

# COMMAND ----------

# MAGIC %md
# MAGIC ## Serving: champion, scores, reasons
# MAGIC
# MAGIC The gate decides which version serves; a person may decide otherwise, and the reason is kept with the version. Scores of other
# MAGIC versions and moments stay as they are.

# COMMAND ----------

promote_version(settings, "my_arrears", first.version, "read its card")
scored = run_score(spark, settings, ScoreOptions("my_arrears"))
display(pd.DataFrame([vars(band) for band in scored.bands]))

# COMMAND ----------

_, scores = select(spark, settings, Selection("score_v1", where="model = 'my_arrears'"))
scores = scores.where((F.col("version") == scored.version) & (F.col("as_of") == F.lit(scored.as_of)))
highest = scores.orderBy(F.desc("score"), "account_id").limit(5).select("account_id", "score", "decile", "band").toPandas()
facts, reasons = explain_score(spark, settings, "my_arrears", highest.account_id[0])
display(highest)
display(pd.DataFrame(reasons))

# COMMAND ----------

# MAGIC %md
# MAGIC ## The same model, for somebody who has no gridlens
# MAGIC
# MAGIC The store's address and the registered name are all that is needed: the pipeline holds Spark's own stages only. Elsewhere the two
# MAGIC addresses are written out, such as `http://mlflow:5000`, or `databricks` and `databricks-uc`.

# COMMAND ----------

mlflow.set_tracking_uri(settings.mlflow_tracking_uri)
mlflow.set_registry_uri(settings.mlflow_registry_uri)
model = mlflow.pyfunc.load_model(f"models:/{registered_name(settings, 'my_arrears')}@champion")
inputs = model.metadata.get_input_schema()
kinds = zip(inputs.input_names(), inputs.input_types(), strict=True)
_, features = select(spark, settings, Selection("account_feature_v1"))
known = features.where((F.col("as_of") == F.lit(scored.as_of)) & F.col("account_id").isin(list(highest.account_id)))
frame = known.select("account_id", *[F.col(name).cast(kind.name) for name, kind in kinds]).toPandas()
frame["probability"] = model.predict(frame[inputs.input_names()])
display(frame.merge(highest, on="account_id"))

# COMMAND ----------

# MAGIC %md
# MAGIC ## Another version, and the way back
# MAGIC
# MAGIC A changed definition gives a new version, which the gate compares with the champion on the same rows. Promoted by mistake? One call
# MAGIC makes the champion before it champion again, and it can be made again and again.

# COMMAND ----------

stronger = definition.replace("ridge: [0.01]", "ridge: [0.3]").replace("version: 1", "version: 2")
(own / "models" / "mine.yml").write_text(stronger, encoding="utf-8")
second = run_train(spark, settings, TrainOptions("my_arrears"))
promote_version(settings, "my_arrears", second.version, "to be tried")
roll_back(settings, "my_arrears")
display(pd.DataFrame(list_versions(settings, "my_arrears")))
