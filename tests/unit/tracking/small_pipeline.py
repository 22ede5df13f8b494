"""A small pipeline of every kind of stage, in a store with one registered champion."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gridlens.settings import Settings, load_settings
from gridlens.tracking import Store, Version
from pyspark.ml import Pipeline, PipelineModel
from pyspark.ml.classification import LogisticRegression
from pyspark.ml.feature import OneHotEncoder, SQLTransformer, StringIndexer, VectorAssembler
from pyspark.ml.regression import GeneralizedLinearRegression
from pyspark.sql import DataFrame, SparkSession

FEATURES = ["kwh", "late_bills", "has_debit", "tariff"]
SCHEMA = "account_id string, kwh double, late_bills int, has_debit boolean, tariff int, label int"


@dataclass(frozen=True)
class Logged:
    """A store with one registered pipeline, and what it gave before it was stored."""

    store: Store
    settings: Settings
    version: Version
    pipeline: PipelineModel
    rows: DataFrame
    scores: list[float]


def scores(pipeline: PipelineModel, rows: DataFrame) -> list[float]:
    return [row[0] for row in pipeline.transform(rows).orderBy("account_id").select("prediction").collect()]


def rows(spark: SparkSession) -> DataFrame:
    """Sixty accounts, every fifth with something unknown; those with late bills are more often positive."""
    made = [
        (
            f"CANARY{i}",
            None if i % 5 == 0 else float(i % 17),
            i % 4,
            None if i % 7 == 0 else i % 3 == 0,
            None if i % 11 == 0 else i % 2 + 1,
            int(i % 4 + i % 3 > 3),
        )
        for i in range(60)
    ]
    return spark.createDataFrame(made, SCHEMA).coalesce(1).cache()


def logged(rows: DataFrame, root: Path) -> Logged:
    """Fits, logs, registers and promotes."""
    settings = load_settings("local", overrides={"root_dir": str(root)})
    filled = SQLTransformer(
        statement="SELECT *, coalesce(kwh, 8D) AS kwh_, coalesce(cast(late_bills AS double), 0D) AS late_, "
        "coalesce(cast(has_debit AS double), 0.5D) AS debit_, coalesce(cast(tariff AS string), 'unknown') AS tariff_ FROM __THIS__"
    )
    stages = [
        filled,
        StringIndexer(inputCol="tariff_", outputCol="index_", handleInvalid="keep"),
        OneHotEncoder(inputCol="index_", outputCol="tariffs_"),
        VectorAssembler(inputCols=["kwh_", "late_", "debit_", "tariffs_"], outputCol="x_"),
        LogisticRegression(featuresCol="x_", regParam=0.1, maxIter=5, predictionCol="class_"),
        GeneralizedLinearRegression(featuresCol="rawPrediction", family="binomial", regParam=0.01),
    ]
    pipeline = Pipeline(stages=stages).fit(rows)
    store = Store.open(settings)
    with store.run("arrears", params={"late": 1}) as run:
        run.log_fingerprints(definition="def1", data="data1")
        run.log_pipeline(pipeline, rows.select(*FEATURES).schema, categories=["tariff"], example={"kwh": 2.5, "tariff": "1"})
        version = run.register(tags={"algorithm": "logistic_regression"})
    store.promote("arrears", version.version, reason="the first")
    return Logged(store, settings, store.version("arrears"), pipeline, rows, scores(pipeline, rows))
