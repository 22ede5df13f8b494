"""What a model is called in the store: experiment, registered model, aliases and tags."""

from __future__ import annotations

import datetime as dt
import re

from gridlens.errors import SettingsError
from gridlens.settings import Settings

CHAMPION = "champion"
CHALLENGER = "challenger"
# Unity Catalog takes no . , - = / : in a tag's name.
MANIFEST = "gridlens_manifest_sha256"
FILES = "gridlens_files_sha256"
"""SHA-256, by path in the run, of the files beside the model that scoring reads; as JSON."""
CHAMPIONSHIPS = "gridlens_championships"
DECISION = "gridlens_decision"
REASON = "gridlens_reason"
DEFINITION = "gridlens_definition_fingerprint"
DATA = "gridlens_data_fingerprint"
CODE = "gridlens_version"
AS_OF = "gridlens_as_of"
KNOWN_AT = "gridlens_known_at"
RUN = "gridlens_run"
MODEL_FOLDER = "model"
MANIFEST_FILE = "manifest.json"
"""Where a run keeps its model and the checksums of its files."""
_MADE_BY = {
    "abnormal_usage": "gridlens anomalies run",
    "time_to_pay": "gridlens collection run",
    "credit_grade": "gridlens credit train",
}
_MODEL = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_UC_PREFIX = re.compile(r"[^./:\s]+\.[^./:\s]+\.[^./:\s]*")


def made_by(model: str) -> str:
    """The command that makes a version of a model."""
    return _MADE_BY.get(model, f"gridlens train {model}")


def made_from(as_of: dt.date, known_at: dt.datetime, run_id: str) -> dict[str, str]:
    """Tags that say of which moment, and by which run of gridlens, a version was made."""
    return {AS_OF: str(as_of), KNOWN_AT: str(known_at), RUN: run_id}


def is_unity_catalog(settings: Settings) -> bool:
    """Whether models are registered under three-part names."""
    return settings.mlflow_registry_uri.split(":", 1)[0] in ("databricks-uc", "uc")


def experiment_name(settings: Settings, model: str) -> str:
    """Where a model's runs are kept, as ``gridlens/arrears``, on Databricks ``/Shared/gridlens/arrears``."""
    return settings.mlflow_experiment_prefix + _checked(model)


def registered_name(settings: Settings, model: str) -> str:
    """A model's name in the registry, as ``gridlens_arrears``, in Unity Catalog ``catalog.schema.arrears``.

    Raises:
        SettingsError: the model's id or the prefix cannot be part of a name there.
    """
    prefix = settings.mlflow_model_prefix
    if is_unity_catalog(settings) and not _UC_PREFIX.fullmatch(prefix):
        raise SettingsError(
            f"mlflow_model_prefix {prefix!r} makes no name of three parts, which Unity Catalog wants: set it to `catalog.schema.`"
        )
    return prefix + _checked(model)


def _checked(model: str) -> str:
    if not _MODEL.fullmatch(model):
        raise SettingsError(f"{model!r} cannot name a model: expected a letter, then letters, digits and _")
    return model
