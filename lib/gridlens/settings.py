"""Settings: frozen, layered YAML < environment < command line; logged once with secrets masked."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from gridlens.definitions import load_yaml
from gridlens.errors import SettingsError

Profile = Literal["local", "cluster", "databricks"]
_SECRET = re.compile(r"(?i)secret|password|token|key|credential")


class Settings(BaseModel):
    """Where things are and how Spark is tuned; every field has a default in conf/base.yml or here."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    profile: Profile = Field("local", description="Which conf/<profile>.yml lies over conf/base.yml")
    root_dir: str = Field("./.gridlens", description="Folder for everything that a local run leaves behind")
    warehouse: str = Field("", description="Folder or URL of the Delta tables; empty: <root_dir>/warehouse")
    catalog: str | None = Field(None, description="catalog.schema where tables are names instead of paths")
    jars: str | None = Field(None, description="Folder with Delta's jars; empty: classpath, environment, Ivy")
    mlflow_tracking_uri: str = Field("", description="MLflow store; empty: sqlite beside the warehouse")
    zone: str = Field("Asia/Shanghai", description="Zone of local days")
    calendar: str = Field("CN", description="Calendar of day types")
    currency: str = Field("CNY", description="Currency of amounts")
    known_at_lag_hours: float = Field(24.0, ge=0, description="Hours after the end of as_of at which its facts are known")
    log_format: Literal["plain", "json"] = Field("plain", description="Form of the log")
    pseudonym_key: SecretStr | None = Field(None, description="Key of the HMAC behind pseudonyms; from the environment only")
    conf_dir: str | None = Field(None, description="Folder whose files lie over the packaged definitions")
    spark: dict[str, str] = Field(default_factory=dict, description="Spark settings")

    def masked(self) -> dict[str, Any]:
        """The settings for a log: secrets as ***."""
        plain = self.model_dump(mode="json")
        plain["spark"] = {k: "***" if _SECRET.search(k) else v for k, v in self.spark.items()}
        return {k: "***" if _SECRET.search(k) and v is not None else v for k, v in plain.items()}


def packaged_conf() -> Path:
    """Folder of the definitions that came with the package (inside the package, or ``conf/`` of a checkout)."""
    return Path(str(files("gridlens.conf")))


conf_folder = packaged_conf


def detect_profile(environ: Mapping[str, str]) -> Profile:
    """databricks on its runtime, cluster under spark-submit or with a remote, local otherwise."""
    if environ.get("DATABRICKS_RUNTIME_VERSION"):
        return "databricks"
    if environ.get("PYSPARK_GATEWAY_PORT") or environ.get("SPARK_REMOTE"):
        return "cluster"
    return "local"


def load_settings(
    profile: str | None = None,
    *,
    conf_dir: str | None = None,
    overrides: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Settings:
    """The settings of one run.

    Raises:
        SettingsError: unknown profile, unknown or wrong setting; names the file, variable or option.
    """
    environ = os.environ if environ is None else environ
    conf_dir = conf_dir or environ.get("GRIDLENS_CONF")
    chosen = profile or environ.get("GRIDLENS_PROFILE") or detect_profile(environ)
    layers: list[tuple[str, dict[str, Any]]] = []
    for name in ("base", chosen):
        path = find_conf(f"{name}.yml", conf_dir)
        if path is None:
            raise SettingsError(f"there is no profile {chosen} (no {name}.yml): choose local, cluster or databricks")
        layers.append((str(path), load_yaml(path).data or {}))
    layers.append(("environment", _from_environment(environ)))
    layers.append(("command line", {k: v for k, v in (overrides or {}).items() if v is not None}))
    merged: dict[str, Any] = {"profile": chosen, "conf_dir": conf_dir}
    origin: dict[str, str] = {}
    for where, layer in layers:
        for key, value in layer.items():
            merged[key] = {**merged.get("spark", {}), **{k: str(v) for k, v in value.items()}} if key == "spark" else value
            origin[key] = where
    try:
        settings = Settings(**merged)
    except ValidationError as error:
        first = error.errors()[0]
        key = str(first["loc"][0])
        where = origin.get(key, "settings")
        what = "is no setting" if first["type"] == "extra_forbidden" else f"is not as expected: {first['msg'].lower()}"
        raise SettingsError(f"{where}: {key} {what}; `gridlens --help` and conf/base.yml list the settings") from error
    root = settings.root_dir.rstrip("/")
    filled = {
        "warehouse": settings.warehouse or f"{root}/warehouse",
        "mlflow_tracking_uri": settings.mlflow_tracking_uri or f"sqlite:///{root}/mlflow.db",
    }
    return settings.model_copy(update=filled)


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    names = set(Settings.model_fields) - {"spark", "profile", "conf_dir"}
    found = {}
    for variable, value in environ.items():
        if variable.startswith("GRIDLENS_") and variable.removeprefix("GRIDLENS_").lower() in names and value:
            found[variable.removeprefix("GRIDLENS_").lower()] = value
    if environ.get("MLFLOW_TRACKING_URI"):
        found.setdefault("mlflow_tracking_uri", environ["MLFLOW_TRACKING_URI"])
    return found


def find_conf(name: str, conf_dir: str | None) -> Path | None:
    """A definition file by its name below conf/: the override folder's, else the packaged one."""
    for folder in ([Path(conf_dir)] if conf_dir else []) + [packaged_conf()]:
        if (folder / name).is_file():
            return folder / name
    return None


def conf_files(settings: Settings, folder: str) -> list[Path]:
    """All YAML files of ``conf/<folder>``, by name; a file of the override folder shadows the packaged one."""
    found: dict[str, Path] = {}
    for base in [packaged_conf()] + ([Path(settings.conf_dir)] if settings.conf_dir else []):
        for path in sorted((base / folder).glob("*.yml")):
            found[path.name] = path
    return [found[name] for name in sorted(found)]
