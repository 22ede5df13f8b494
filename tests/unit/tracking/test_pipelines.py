"""A pipeline that is logged, registered and loaded gives the same scores; one that is altered, pickled or foreign is refused."""

from __future__ import annotations

import importlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gridlens.errors import DefinitionError, RegistryError
from gridlens.tracking import packaging
from gridlens.tracking.packaging import Described, save_pipeline
from pyspark import keyword_only
from pyspark.ml import Pipeline, PipelineModel, Transformer
from pyspark.ml.classification import GBTClassifier, RandomForestClassifier
from pyspark.ml.regression import IsotonicRegression
from pyspark.ml.util import DefaultParamsReadable, DefaultParamsWritable
from pyspark.sql import DataFrame
from pyspark.sql.types import BooleanType, DoubleType, IntegerType, StringType, StructField, StructType
from small_pipeline import FEATURES, Logged, scores


class Own(Transformer, DefaultParamsReadable, DefaultParamsWritable):
    """A stage that only this test has."""

    @keyword_only
    def __init__(self) -> None:
        super().__init__()

    def _transform(self, dataset: DataFrame) -> DataFrame:
        return dataset


def files(logged: Logged) -> Path:
    """The folder of the registered model."""
    (found,) = (Path(logged.settings.mlflow_artifacts) / "arrears" / logged.version.run_id).rglob("MLmodel")
    return found.parent


def test_what_is_loaded_gives_the_same_scores(logged: Logged) -> None:
    loaded = logged.store.load("arrears")
    assert scores(loaded.model, logged.rows) == pytest.approx(logged.scores, abs=1e-12)
    assert len({round(score, 6) for score in logged.scores}) > 10
    assert loaded.kind == "spark"
    assert loaded.features == {"kwh": "double", "late_bills": "double", "has_debit": "boolean", "tariff": "double"}
    assert (loaded.version.definition_fingerprint, loaded.version.data_fingerprint) == ("def1", "data1")
    assert loaded.version.tags["algorithm"] == "logistic_regression"
    assert loaded.version.aliases == ("champion",)


def test_nothing_of_a_customer_is_in_the_files(logged: Logged) -> None:
    texts = [path.read_bytes() for path in Path(logged.settings.root_dir).rglob("*") if path.is_file()]
    assert len(texts) > 10
    assert not any(b"CANARY" in text or b"account_id" in text for text in texts)
    example = json.loads((files(logged) / "input_example.json").read_text(encoding="utf-8"))
    assert example == {"columns": FEATURES, "data": [[2.5, 0.0, 0.0, "1"]]}


def test_who_loads_a_model_of_xgboost_is_told_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    estimators = pytest.importorskip("xgboost.spark")
    described = Described(StructType([StructField("kwh", DoubleType())]))
    asked: list[dict[str, Any]] = []
    monkeypatch.setattr(packaging, "on_connect", lambda: False)
    monkeypatch.setattr(importlib.import_module("mlflow.spark"), "save_model", lambda *_, **given: asked.append(given))
    for stages in ([], [estimators.SparkXGBClassifierModel()]):
        save_pipeline(PipelineModel(stages), tmp_path, described, str(tmp_path))
    plain, boosted = ({text.partition("==")[0]: text.partition("==")[2] for text in given["pip_requirements"]} for given in asked)
    assert set(plain) == {"mlflow", "pyspark", "pandas", "pyarrow"}
    (package,) = set(boosted) - set(plain) - {"scikit-learn"}
    assert package in ("xgboost", "xgboost-cpu")
    assert boosted[package] == importlib.import_module("xgboost").__version__


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


@pytest.mark.prove
def test_trees_and_pipelines_in_pipelines_are_sparks_own(logged: Logged) -> None:
    common = {"featuresCol": "x_", "seed": 1, "maxDepth": 2}
    trees = GBTClassifier(maxIter=2, predictionCol="g_", **common).setRawPredictionCol("gr_").setProbabilityCol("gp_")
    forest = RandomForestClassifier(numTrees=2, predictionCol="f_", rawPredictionCol="fr_", probabilityCol="fp_", **common)
    isotonic = IsotonicRegression(featuresCol="gp_", featureIndex=1)
    prepared = PipelineModel(logged.pipeline.stages[:4])
    pipeline = PipelineModel([prepared, *Pipeline(stages=[trees, forest, isotonic]).fit(prepared.transform(logged.rows)).stages])
    with logged.store.run("trees") as run:
        run.log_pipeline(pipeline, logged.rows.select(*FEATURES).schema)
        version = run.register().version
    assert scores(logged.store.load("trees", version).model, logged.rows) == pytest.approx(scores(pipeline, logged.rows), abs=1e-12)


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
