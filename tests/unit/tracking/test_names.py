"""What models are called in the store, and which store the settings name."""

from __future__ import annotations

from pathlib import Path

import pytest
from gridlens.errors import SettingsError
from gridlens.settings import Settings, load_settings
from gridlens.tracking import experiment_name, registered_name


def given(profile: str = "local", environ: dict[str, str] | None = None, **overrides: str) -> Settings:
    return load_settings(profile, overrides=overrides, environ=environ or {})


def test_on_this_machine_everything_is_under_the_root(tmp_path: Path) -> None:
    settings = given(root_dir=str(tmp_path))
    assert settings.mlflow_tracking_uri == settings.mlflow_registry_uri == f"sqlite:///{tmp_path}/mlflow.db"
    assert settings.mlflow_artifacts == f"{tmp_path}/mlartifacts"
    assert settings.mlflow_dfs_tmp == f"{tmp_path}/tmp/mlflow"
    assert (experiment_name(settings, "arrears"), registered_name(settings, "arrears")) == ("gridlens/arrears", "gridlens_arrears")


def test_on_databricks_names_have_three_parts() -> None:
    settings = given("databricks")
    assert (settings.mlflow_tracking_uri, settings.mlflow_registry_uri) == ("databricks", "databricks-uc")
    assert registered_name(settings, "arrears") == "main.gridlens.arrears"
    assert experiment_name(settings, "arrears") == "/Shared/gridlens/arrears"
    assert settings.mlflow_artifacts == ""
    assert settings.mlflow_dfs_tmp.startswith("/Volumes/")
    assert registered_name(given("databricks", catalog="prod.power"), "churn") == "prod.power.churn"
    assert registered_name(given("databricks", mlflow_model_prefix="ml.risk.gl_"), "churn") == "ml.risk.gl_churn"


@pytest.mark.parametrize("prefix", ["gridlens_", "main.", "a.b.c.d.", "a b.c.", "main..x"])
def test_unity_catalog_takes_no_other_names(prefix: str) -> None:
    with pytest.raises(SettingsError, match=r"makes no name of three parts, which Unity Catalog wants: set it to `catalog\.schema\.`"):
        registered_name(given("databricks", mlflow_model_prefix=prefix), "churn")


def test_a_server_keeps_artifacts_itself() -> None:
    settings = given(mlflow_tracking_uri="https://mlflow.example")
    assert settings.mlflow_registry_uri == "https://mlflow.example"
    assert settings.mlflow_artifacts == ""
    assert given(mlflow_tracking_uri="https://mlflow.example", mlflow_artifacts="s3://bucket/x").mlflow_artifacts == "s3://bucket/x"


def test_a_remote_warehouse_hands_models_over() -> None:
    assert given("cluster", warehouse="hdfs://nn/lake").mlflow_dfs_tmp == "hdfs://nn/lake/.mlflow"


def test_mlflows_own_variables_count_and_gridlens_own_win() -> None:
    environ = {"MLFLOW_TRACKING_URI": "http://a", "MLFLOW_REGISTRY_URI": "http://b"}
    settings = given(environ=environ)
    assert (settings.mlflow_tracking_uri, settings.mlflow_registry_uri) == ("http://a", "http://b")
    settings = given(environ={**environ, "GRIDLENS_MLFLOW_TRACKING_URI": "http://c"})
    assert (settings.mlflow_tracking_uri, settings.mlflow_registry_uri) == ("http://c", "http://b")


@pytest.mark.parametrize("model", ["", "a.b", "a/b", "a b", "1a", "a'or'", "模型"])
def test_a_name_that_is_none_is_refused(model: str) -> None:
    with pytest.raises(SettingsError, match="cannot name a model: expected a letter"):
        registered_name(given(), model)
