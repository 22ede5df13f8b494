"""Frozen settings in layers: packaged YAML < the user's YAML < environment ``GRIDLENS_*`` < command line."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, cast
from zoneinfo import available_timezones

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails

from gridlens.conffiles import existing_folder, file_named, files_in, packaged
from gridlens.definitions import Document, explain, load_yaml
from gridlens.errors import DefinitionError, SettingsError, nearest
from gridlens.places import SCHEME, absolute, model_store

Profile = Literal["local", "cluster", "databricks"]
PROFILES: tuple[str, ...] = ("local", "cluster", "databricks")
_PREFIX = "GRIDLENS_"
_NOT_SETTINGS = {"GRIDLENS_CONF", "GRIDLENS_DATA"}  # the configuration folder itself; the tests' public data
_NOT_IN_FILES = {
    "profile": "--profile or GRIDLENS_PROFILE",
    "conf_dir": "--conf or GRIDLENS_CONF",
    "pseudonym_key": "GRIDLENS_PSEUDONYM_KEY, so that the key is in no file",
}
_OF_MLFLOW = {"MLFLOW_TRACKING_URI": "mlflow_tracking_uri", "MLFLOW_REGISTRY_URI": "mlflow_registry_uri"}
_SECRET = re.compile(r"secret|password|token|key|credential", re.IGNORECASE)
_URI_PASSWORD = re.compile(r"(://[^/@\s:]*:)[^/@\s]+@")


class Settings(BaseModel):
    """Everything that a deployment may choose; see ``conf/base.yml`` for the defaults in use."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    profile: Profile = Field("local", description="Where Spark runs: local, cluster (spark-submit, Spark Connect) or databricks.")
    root_dir: str = Field("./.gridlens", description="Folder for everything a run writes: warehouse, logs, MLflow store.")
    warehouse: str = Field("", description="Folder of the tables, on any Hadoop filesystem; default `warehouse` under root_dir.")
    catalog: str | None = Field(
        None, description="`catalog.schema` where tables are names of a catalogue; none: tables are paths under warehouse."
    )
    jars: str | None = Field(None, description="Folder with Delta's jars; none: the folder that `gridlens jars` fills, then Ivy.")
    mlflow_tracking_uri: str = Field("", description="MLflow tracking store; default the SQLite file `mlflow.db` under root_dir.")
    mlflow_registry_uri: str = Field("", description="MLflow model registry, as databricks-uc; default the tracking store.")
    mlflow_artifacts: str = Field(
        "", description="Where runs keep models and figures; default `mlartifacts` under root_dir, with a tracking server where it says."
    )
    mlflow_experiment_prefix: str = Field("gridlens/", description="What an experiment's name has before the model's id.")
    mlflow_model_prefix: str = Field(
        "", description="What a registered model's name has before its id: default `gridlens_`, in Unity Catalog `catalog.schema.`."
    )
    mlflow_dfs_tmp: str = Field(
        "", description="Folder through which Spark hands models to MLflow, seen by both; default under root_dir, or the remote warehouse."
    )
    zone: str = Field("Asia/Shanghai", description="IANA time zone of the company: what a local day is.")
    calendar: str = Field("CN", description="Working days and holidays: CN with conf/calendars/CN.yml, or a country's code as GB, AU-NSW.")
    currency: str = Field("CNY", description="ISO 4217 currency of amounts.")
    known_at_lag_hours: int = Field(
        24, ge=0, le=24 * 366, description="Hours after the end of as_of until a day's data counts as known (the default of known_at)."
    )
    min_group: int = Field(
        15,
        ge=0,
        description="Least number of accounts that the audience commands show, from 100 on least group of a model's figures, "
        "and least fifth in the card of time to pay; 0: all.",
    )
    log_format: Literal["plain", "json"] = Field("plain", description="Form of a log line.")
    pseudonym_key: SecretStr | None = Field(
        None, description="Key of the HMAC that makes pseudonyms; give it by GRIDLENS_PSEUDONYM_KEY, never in a file."
    )
    conf_dir: str | None = Field(
        None, description="The user's configuration folder: settings on top of the packaged ones, other files in their place."
    )
    spark: dict[str, str] = Field(default_factory=dict, description="Spark settings of the profile.")

    @field_validator("spark", mode="before")
    @classmethod
    def _spark_texts(cls, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        return {str(k): str(v).lower() if isinstance(v, bool) else str(v) for k, v in value.items() if v is not None}

    @field_validator("root_dir")
    @classmethod
    def _local_folder(cls, value: str) -> str:
        if SCHEME.match(value):
            raise ValueError("expected a local folder (logs and the MLflow store are written there); tables elsewhere: set warehouse")
        return value

    @field_validator("currency")
    @classmethod
    def _currency_code(cls, value: str) -> str:
        if not re.fullmatch("[A-Z]{3}", value):
            raise ValueError("expected an ISO 4217 code such as CNY")
        return value

    @field_validator("pseudonym_key")
    @classmethod
    def _long_key(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < 16:
            raise ValueError("expected at least 16 characters (a shorter key can be guessed)")
        return value

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        if value not in available_timezones():
            raise ValueError(f"{value} is no IANA time zone (expected one such as Asia/Shanghai)")
        return value

    @field_validator("catalog")
    @classmethod
    def _catalog_name(cls, value: str | None) -> str | None:
        if value and not re.fullmatch(r"\w+(\.\w+)?", value, re.ASCII):
            raise ValueError("expected `catalog.schema` or `schema`, letters, digits and _ only")
        return value or None

    @model_validator(mode="before")
    @classmethod
    def _places(cls, data: Any) -> Any:
        """Local paths become absolute, so that the same settings mean the same folder wherever they are used."""
        if not isinstance(data, Mapping):
            return data
        data = dict(data)
        root = absolute(str(data.get("root_dir") or cls.model_fields["root_dir"].default))
        data["root_dir"] = root
        data["warehouse"] = absolute(str(data.get("warehouse") or f"{root}/warehouse"))
        return model_store(data)

    def masked(self) -> dict[str, Any]:
        """The settings for a log or a run's record: whatever is named like a secret, and passwords in addresses, as ``***``."""
        return _mask(self.model_dump(mode="json"))


def _mask(value: Any, name: str = "") -> Any:
    if isinstance(value, Mapping):
        return {key: _mask(item, key) for key, item in value.items()}
    if value is not None and _SECRET.search(name):
        return "***"
    return _URI_PASSWORD.sub(r"\1***@", value) if isinstance(value, str) else value


def detect_profile(environ: Mapping[str, str]) -> str:
    """``databricks`` on its runtime, ``cluster`` under spark-submit or Spark Connect, else ``local``."""
    if environ.get("DATABRICKS_RUNTIME_VERSION"):
        return "databricks"
    if environ.get("PYSPARK_GATEWAY_PORT") or environ.get("SPARK_REMOTE"):
        return "cluster"
    return "local"


def load_settings(
    profile: str | None = None,
    conf_dir: str | Path | None = None,
    overrides: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Settings:
    """The settings of one run.

    Args:
        profile: local, cluster or databricks; default GRIDLENS_PROFILE, else what the environment looks like.
        conf_dir: folder whose ``base.yml`` and ``<profile>.yml`` come on top of the packaged ones; default GRIDLENS_CONF.
        overrides: fields from the command line; None values are as if not given.
        environ: environment variables; default the process's own.

    Raises:
        SettingsError: names the file and line, the variable or the option that is wrong.
    """
    environ = os.environ if environ is None else environ
    given = {key: value for key, value in (overrides or {}).items() if value is not None}
    folder = existing_folder(conf_dir or environ.get("GRIDLENS_CONF"))
    chosen = str(profile or given.get("profile") or environ.get("GRIDLENS_PROFILE") or detect_profile(environ))
    if chosen not in PROFILES:
        raise SettingsError(f"profile {chosen!r} is unknown: expected one of {', '.join(PROFILES)}")
    layers = _Layers()
    for base in (packaged(), folder):
        for name in ("base.yml", f"{chosen}.yml"):
            if base and (base / name).is_file():
                layers.add_file(base / name)
    layers.add_environment(environ)
    layers.add({key: (value, f"option --{key.replace('_', '-')}") for key, value in given.items()})
    layers.add({"profile": (chosen, "option --profile"), "conf_dir": (str(folder) if folder else None, "option --conf")})
    return layers.settings()


class _Layers:
    """Values by field with where each came from; a later layer wins, the ``spark`` map is merged key by key."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.origins: dict[str, str | Document] = {}

    def add_file(self, path: Path) -> None:
        try:
            document = load_yaml(path)
        except DefinitionError as error:
            raise SettingsError(str(error)) from error
        if document.data is not None and not isinstance(document.data, dict):
            raise SettingsError(f"{path} line 1: expected a mapping of setting names to values")
        for key in document.data or {}:
            where = f"{path} line {document.line((key,))}"
            if key in _NOT_IN_FILES:
                raise SettingsError(f"{where}: {key} is not taken from a file; use {_NOT_IN_FILES[key]}")
            if key not in Settings.model_fields:
                raise SettingsError(f"{where}: {_unknown(str(key))}")
        self.add({key: (value, document) for key, value in (document.data or {}).items()})

    def add_environment(self, environ: Mapping[str, str]) -> None:
        mlflow = {variable: name for variable, name in _OF_MLFLOW.items() if environ.get(variable)}
        found: dict[str, tuple[Any, str]] = {
            name: (environ[variable], f"environment variable {variable}") for variable, name in mlflow.items()
        }
        for variable, text in sorted(environ.items()):
            if not variable.startswith(_PREFIX) or variable in _NOT_SETTINGS or not text:
                continue
            name = variable.removeprefix(_PREFIX).lower()
            if name not in Settings.model_fields:
                raise SettingsError(f"environment variable {variable}: {_unknown(name)}")
            found[name] = (_json_map(variable, text) if name == "spark" else text, f"environment variable {variable}")
        self.add(found)

    def add(self, entries: Mapping[str, tuple[Any, str | Document]]) -> None:
        for key, (value, origin) in entries.items():
            if key == "spark" and isinstance(value, Mapping):
                value = {**self.values.get("spark", {}), **value}
            self.values[key] = value
            self.origins[key] = origin

    def settings(self) -> Settings:
        try:
            return Settings.model_validate(self.values)
        except ValidationError as error:
            details = error.errors(include_input=False)[0]
            field = str(details["loc"][0]) if details["loc"] else ""
            origin = self.origins.get(field, "the settings")
            if isinstance(origin, Document):
                # The secret's own text must not reach the screen, so the sentence is made without the input.
                raise SettingsError(f"{origin.path} line {origin.line((field,))}: field {field}: {_reason(details)}") from error
            if details["type"] == "extra_forbidden":
                raise SettingsError(f"{origin}: {_unknown(field)}") from error
            raise SettingsError(f"{origin}: {_reason(details)}") from error


def _reason(details: Any) -> str:
    return explain(cast(ErrorDetails, {**details, "input": None}), Document(Path(), None, {(): 1}))


def _json_map(variable: str, text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except json.JSONDecodeError:
        value = None
    if not isinstance(value, dict):
        raise SettingsError(f'environment variable {variable}: expected a JSON map such as {{"spark.sql.shuffle.partitions": "64"}}')
    return value


def _unknown(name: str) -> str:
    hint = nearest(name, Settings.model_fields, f"expected one of {', '.join(Settings.model_fields)}")
    return f"{name} is no setting; {hint}"


def conf_file(settings: Settings, name: str) -> Path:
    """One configuration file by its path inside the folder, as ``sources/synthetic.yml``: the user's, else the packaged one.

    Raises:
        SettingsError: neither has it; names the ones there are.
    """
    return file_named(_user_folder(settings), name)


def conf_files(settings: Settings, folder: str, *, suffix: str = ".yml") -> list[Path]:
    """The files of a configuration folder such as ``rules``, by name; the user's shadow the packaged ones of the same name."""
    return files_in(_user_folder(settings), folder, suffix)


def _user_folder(settings: Settings) -> Path | None:
    return Path(settings.conf_dir) if settings.conf_dir else None
