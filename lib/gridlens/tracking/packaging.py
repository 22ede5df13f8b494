"""A fitted model as a folder in MLflow's form: signature, synthetic example, requirements, files."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import packages_distributions, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyspark.sql.types import BooleanType, DateType, NumericType, StringType, StructType, TimestampNTZType, TimestampType

from gridlens.errors import DefinitionError, PlatformError, RegistryError
from gridlens.tracking.safety import STAGES

if TYPE_CHECKING:
    import pandas as pd
    from pyspark.ml import PipelineModel

_KINDS: tuple[tuple[Any, str, Any], ...] = (
    (BooleanType, "boolean", 0.0),
    (NumericType, "double", 0.0),
    (StringType, "string", "a"),
    ((DateType, TimestampType, TimestampNTZType), "datetime", "2026-01-01"),
)
FEATURES = "gridlens_features"
"""Where MLmodel's metadata keep the features' types, which the signature tells for servers only."""
IDENTIFIERS = ("account_id", "party_id", "metering_point_id", "meter_id", "customer_name", "phone", "address", "document_number")


def kind_of(field_type: Any) -> str | None:
    """boolean, double (every number), string or datetime; None: no model reads such a type."""
    return next((kind for types, kind, _ in _KINDS if isinstance(field_type, types)), None)


def inputs_of(features: StructType) -> dict[str, str]:
    """Type by feature, as ``kind_of`` names it.

    Raises:
        DefinitionError: a feature identifies a customer, or its type is none that a model reads.
    """
    found = {}
    for field in features.fields:
        if field.name in IDENTIFIERS:
            raise DefinitionError(f"{field.name} identifies a customer: no model may read it; leave it out of the features")
        kind = kind_of(field.dataType)
        if kind is None:
            raise DefinitionError(
                f"feature {field.name} is {field.dataType.simpleString()}: expected a number, a boolean, a text or a date"
            )
        found[field.name] = kind
    return found


def served_as(inputs: Mapping[str, str], categories: Collection[str]) -> dict[str, str]:
    """MLflow's type by feature, in which a value may be missing and means the same to Spark when it is served.

    Whole numbers and booleans are doubles: MLflow refuses a missing integer, and its server reads a missing boolean as false
    (mlflow 3.17). Categories are texts: the number 1 would come as 1.0, which is another category.
    """
    return {name: "string" if name in categories else "double" if kind == "boolean" else kind for name, kind in inputs.items()}


def signature(features: StructType, categories: Collection[str] = ()) -> Any:
    """MLflow's signature: every feature may be missing; the result is one number."""
    from mlflow.models import ModelSignature
    from mlflow.types.schema import ColSpec, Schema

    columns: list[Any] = [ColSpec(kind, name, required=False) for name, kind in served_as(inputs_of(features), categories).items()]
    return ModelSignature(inputs=Schema(columns), outputs=Schema([ColSpec("double", "prediction")]))


def synthetic_example(features: StructType, categories: Collection[str] = (), values: Mapping[str, Any] | None = None) -> pd.DataFrame:
    """One made-up row in the order of the features: zeros and ``a`` where ``values`` says nothing else. Never a customer's."""
    import pandas as pd

    defaults = {kind: value for _, kind, value in _KINDS}
    kinds = served_as(inputs_of(features), categories)
    row = {name: (values or {}).get(name, defaults[kind]) for name, kind in kinds.items()}
    types = {"double": "float64", "string": "object", "datetime": "datetime64[ns]"}
    return pd.DataFrame([row]).astype({name: types[kind] for name, kind in kinds.items()})


@dataclass(frozen=True)
class Described:
    """What is told of a model beside its files.

    Attributes:
        features: schema of the raw columns.
        categories: those of them that are codes, even where they are numbers.
        example: made-up values of the input example.
        requirements: Python packages beyond the usual ones.
    """

    features: StructType
    categories: Collection[str] = ()
    example: Mapping[str, Any] | None = None
    requirements: Sequence[str] = ()

    def arguments(self, *packages: str) -> dict[str, Any]:
        """For MLflow's ``save_model``."""
        return {
            "signature": signature(self.features, self.categories),
            "input_example": synthetic_example(self.features, self.categories, self.example),
            "metadata": {FEATURES: inputs_of(self.features)},
            "pip_requirements": [*(f"{name}=={version(name)}" for name in packages), *self.requirements],
        }


def save_pipeline(pipeline: PipelineModel, folder: Path, described: Described, tmp: str) -> None:
    """Writes a pipeline of MLlib's own stages to ``folder``, readable without gridlens.

    Args:
        tmp: folder through which Spark hands its files over, seen by Spark and by this process.

    Raises:
        RegistryError: a stage is Python code of its own.
        PlatformError: Spark writes where this process cannot read.
    """
    import mlflow.spark
    from mlflow.exceptions import MlflowException

    refuse_own_stages(pipeline)
    common = described.arguments("mlflow", "pyspark", "pandas", "pyarrow", *_needed_by(pipeline))
    if on_connect():
        _save_on_connect(pipeline, folder, tmp, common)
        return
    try:
        mlflow.spark.save_model(pipeline, str(folder), dfs_tmpdir=tmp, **common)
    except MlflowException as error:
        raise not_handed_over(tmp) from error


def _needed_by(pipeline: Any) -> tuple[str, ...]:
    """Packages beyond Spark's without which a pipeline's stages do not load; xgboost reads its models by its scikit-learn classes."""
    if not any(_class_of(stage).startswith("xgboost.") for stage in pipeline.stages):
        return ()
    return (packages_distributions()["xgboost"][0], "scikit-learn")  # installed as xgboost or as xgboost-cpu


def on_connect() -> bool:
    """Whether Spark is a server behind Spark Connect."""
    from pyspark.sql.utils import is_remote

    return bool(is_remote())


def not_handed_over(tmp: str) -> PlatformError:
    """The failure of a folder that not both see."""
    return PlatformError(
        f"Spark and this process do not both see the folder {tmp}, through which they hand models over: "
        "set GRIDLENS_MLFLOW_DFS_TMP to one that they do (on Databricks a volume), or work without Spark Connect"
    )


def _save_on_connect(pipeline: PipelineModel, folder: Path, tmp: str, common: Mapping[str, Any]) -> None:
    """MLflow asks the JVM for files, which Connect has not: the server writes where both see it, and MLflow describes it."""
    import mlflow.pyfunc
    import pyspark
    from mlflow.models import Model
    from mlflow.models.utils import _save_example

    place = Path(tmp.removeprefix("file://")) / uuid.uuid4().hex
    pipeline.write().overwrite().save(str(place))
    if not place.is_dir():
        raise not_handed_over(tmp)
    folder.mkdir(parents=True, exist_ok=True)
    shutil.move(place, folder / "sparkml")
    model = Model(signature=common["signature"], metadata=common["metadata"])
    _save_example(model, common["input_example"], str(folder))
    model.add_flavor("spark", pyspark_version=pyspark.__version__, model_data="sparkml", code=None, model_class=_class_of(pipeline))
    mlflow.pyfunc.add_to_model(model, loader_module="mlflow.spark", data="sparkml", conda_env="conda.yaml", python_env="python_env.yaml")
    _write_requirements(folder, common["pip_requirements"])
    model.save(str(folder / "MLmodel"))


def load_on_connect(saved: Path, tmp: str) -> PipelineModel:
    """A saved pipeline, brought to where the server sees it."""
    from pyspark.errors import PySparkException
    from pyspark.ml import PipelineModel

    place = Path(tmp.removeprefix("file://")) / uuid.uuid4().hex
    try:
        shutil.copytree(saved, place)
        return PipelineModel.load(str(place))
    except (OSError, PySparkException) as error:
        raise not_handed_over(tmp) from error
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _class_of(pipeline: PipelineModel) -> str:
    return f"{type(pipeline).__module__}.{type(pipeline).__name__}"


def _write_requirements(folder: Path, requirements: Sequence[str]) -> None:
    import platform

    import yaml

    python = platform.python_version()
    (folder / "requirements.txt").write_text("\n".join(requirements), encoding="utf-8")
    conda = {"channels": ["conda-forge"], "dependencies": [f"python={python}", "pip", {"pip": list(requirements)}], "name": "mlflow-env"}
    (folder / "conda.yaml").write_text(yaml.safe_dump(conda, sort_keys=False), encoding="utf-8")
    environment = {"python": python, "build_dependencies": ["pip"], "dependencies": ["-r requirements.txt"]}
    (folder / "python_env.yaml").write_text(yaml.safe_dump(environment, sort_keys=False), encoding="utf-8")


def refuse_own_stages(pipeline: Any) -> None:
    """Refuses a pipeline with a stage that needs code which a user of the registry has not."""
    for stage in pipeline.stages:
        if hasattr(stage, "stages"):
            refuse_own_stages(stage)
        elif not _class_of(stage).startswith(STAGES):
            raise RegistryError(
                f"the pipeline has the stage {_class_of(stage)}, which is none of Spark's own: "
                "make it of MLlib's stages (as Bucketizer, SQLTransformer)"
            )


def save_code_model(code: Path, artifacts: Mapping[str, Path], folder: Path, described: Described) -> None:
    """Writes a model that is a Python file and data files (models from code), without a pickle, to ``folder``."""
    import mlflow.pyfunc

    files = {name: str(path) for name, path in artifacts.items()}
    mlflow.pyfunc.save_model(path=str(folder), python_model=str(code), artifacts=files, **described.arguments("mlflow", "pandas"))
