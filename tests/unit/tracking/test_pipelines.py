"""A pipeline that is logged, registered and loaded gives the same scores; one that is altered, pickled or foreign is refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from gridlens.errors import DefinitionError, RegistryError
from gridlens.settings import Settings, load_settings
from gridlens.tracking import Store, Version
from pyspark import keyword_only
from pyspark.ml import Pipeline, PipelineModel, Transformer
from pyspark.ml.classification import LogisticRegression
from pyspark.ml.feature import OneHotEncoder, SQLTransformer, StringIndexer, VectorAssembler
from pyspark.ml.regression import GeneralizedLinearRegression
from pyspark.ml.util import DefaultParamsReadable, DefaultParamsWritable
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import BooleanType, IntegerType, StringType, StructField, StructType

FEATURES = ["kwh", "late_bills", "has_debit", "tariff"]
SCHEMA = "account_id string, kwh double, late_bills int, has_debit boolean, tariff string, label int"


class Own(Transformer, DefaultParamsReadable, DefaultParamsWritable):
    """A stage that only this test has."""

    @keyword_only
    def __init__(self) -> None:
        super().__init__()

    def _transform(self, dataset: DataFrame) -> DataFrame:
        return dataset


@dataclass(frozen=True)
class Logged:
    """A store with one registered pipeline, and what it gave before it was stored."""

    store: Store
    settings: Settings
    version: Version
    pipeline: PipelineModel
    rows: DataFrame
    scores: list[float]


@pytest.fixture(scope="module")
def rows(spark: SparkSession) -> DataFrame:
    """Sixty accounts, every fifth with something unknown; those with late bills are more often positive."""
    made = [
        (
            f"CANARY{i}",
            None if i % 5 == 0 else float(i % 17),
            i % 4,
            None if i % 7 == 0 else i % 3 == 0,
            None if i % 11 == 0 else "ab"[i % 2],
            int(i % 4 + i % 3 > 3),
        )
        for i in range(60)
    ]
    return spark.createDataFrame(made, SCHEMA).coalesce(1).cache()


@pytest.fixture(scope="module")
def logged(rows: DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Logged:
    settings = load_settings("local", overrides={"root_dir": str(tmp_path_factory.mktemp("store"))})
    filled = SQLTransformer(
        statement="SELECT *, coalesce(kwh, 8D) AS kwh_, coalesce(cast(late_bills AS double), 0D) AS late_, "
        "coalesce(cast(has_debit AS double), 0.5D) AS debit_, coalesce(tariff, 'unknown') AS tariff_ FROM __THIS__"
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
        run.log_pipeline(pipeline, rows.select(*FEATURES).schema, example={"kwh": 2.5})
        version = run.register(tags={"algorithm": "logistic_regression"})
    store.promote("arrears", version.version, reason="the first")
    return Logged(store, settings, store.version("arrears"), pipeline, rows, scores(pipeline, rows))


def scores(pipeline: PipelineModel, rows: DataFrame) -> list[float]:
    return [row[0] for row in pipeline.transform(rows).orderBy("account_id").select("prediction").collect()]


def files(logged: Logged) -> Path:
    """The folder of the registered model."""
    (found,) = (Path(logged.settings.mlflow_artifacts) / "arrears" / logged.version.run_id).rglob("MLmodel")
    return found.parent


def test_what_is_loaded_gives_the_same_scores(logged: Logged) -> None:
    loaded = logged.store.load("arrears")
    assert scores(loaded.model, logged.rows) == pytest.approx(logged.scores, abs=1e-12)
    assert len({round(score, 6) for score in logged.scores}) > 10
    assert loaded.kind == "spark"
    assert loaded.features == {"kwh": "double", "late_bills": "double", "has_debit": "boolean", "tariff": "string"}
    assert (loaded.version.definition_fingerprint, loaded.version.data_fingerprint) == ("def1", "data1")
    assert loaded.version.tags["algorithm"] == "logistic_regression"
    assert loaded.version.aliases == ("champion",)


def test_nothing_of_a_customer_is_in_the_files(logged: Logged) -> None:
    texts = [path.read_bytes() for path in Path(logged.settings.root_dir).rglob("*") if path.is_file()]
    assert len(texts) > 10
    assert not any(b"CANARY" in text or b"account_id" in text for text in texts)
    example = json.loads((files(logged) / "input_example.json").read_text(encoding="utf-8"))
    assert example == {"columns": FEATURES, "data": [[2.5, 0.0, False, "a"]]}


def test_an_identifier_is_no_feature(logged: Logged) -> None:
    schema = logged.rows.select("account_id", "kwh").schema
    with logged.store.run("other") as run, pytest.raises(DefinitionError, match="account_id identifies a customer: no model may read it"):
        run.log_pipeline(logged.pipeline, schema)


def test_a_list_is_no_feature(logged: Logged) -> None:
    schema = logged.rows.selectExpr("array(kwh) curve").schema
    with logged.store.run("other") as run, pytest.raises(DefinitionError, match=r"feature curve is array<double>: expected a number"):
        run.log_pipeline(logged.pipeline, schema)


def test_a_stage_of_ones_own_is_refused(logged: Logged) -> None:
    mixed = PipelineModel([PipelineModel([logged.pipeline.stages[0], Own()]), logged.pipeline.stages[-1]])
    with logged.store.run("other") as run, pytest.raises(RegistryError, match=r"stage test_pipelines\.Own, which is none of Spark's own"):
        run.log_pipeline(mixed, logged.rows.select("kwh").schema)


def altered(folder: Path) -> str:
    """Another coefficient in a stage's data."""
    path = next(path for path in sorted((folder / "sparkml" / "stages").glob("4_*/data/part-*")))
    path.write_bytes(path.read_bytes() + b" ")
    return f"was altered after it was registered (sparkml/stages/{path.parent.parent.name}/data/{path.name})"


def added(folder: Path) -> str:
    (folder / "code").mkdir()
    (folder / "code" / "hidden.py").write_text("raise SystemExit", encoding="utf-8")
    return "was altered after it was registered (code/hidden.py)"


def pickled(folder: Path) -> str:
    (folder / "python_model.pkl").write_bytes(b"cos\nsystem\n")
    return "was altered after it was registered (python_model.pkl)"


def emptied(folder: Path) -> str:
    shutil.rmtree(folder)
    return "the files of version 1 of arrears are gone"


@pytest.mark.parametrize("harm", [altered, added, pickled, emptied], ids=lambda harm: harm.__name__)
def test_a_model_that_is_not_whole_is_refused(logged: Logged, harm: Callable[[Path], str], tmp_path: Path) -> None:
    folder = files(logged)
    shutil.copytree(folder, tmp_path / "kept")
    try:
        sentence = harm(folder)
        with pytest.raises(RegistryError) as told:
            logged.store.load("arrears")
        assert sentence in str(told.value)
        assert "\n" not in str(told.value)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(tmp_path / "kept", folder)


def test_data_to_score_is_checked_by_name_and_type(logged: Logged) -> None:
    loaded = logged.store.load("arrears")
    schema = logged.rows.schema
    loaded.check(schema)
    without = StructType([field for field in schema.fields if field.name not in ("kwh", "tariff")])
    with pytest.raises(RegistryError, match="version 1 of arrears cannot score without the features kwh, tariff: compute them"):
        loaded.check(without)
    other = {"kwh": StringType(), "has_debit": IntegerType(), "late_bills": BooleanType()}
    mixed = StructType([StructField(f.name, other.get(f.name, f.dataType)) for f in schema.fields])
    with pytest.raises(RegistryError) as told:
        loaded.check(mixed)
    assert "kwh (string instead of double), late_bills (boolean instead of double), has_debit (int instead of boolean)" in str(told.value)
