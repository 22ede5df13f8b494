"""Where a deployment keeps things, as far as one place follows from another."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

SCHEME = re.compile(r"^[A-Za-z][A-Za-z0-9+.\-]*:/")
_SERVED = ("http:", "https:", "databricks")


def absolute(path: str) -> str:
    """A local path from the root of the file system; an address as it is."""
    return path if SCHEME.match(path) else os.path.abspath(os.path.expanduser(path))


def local_folder(place: str) -> Path | None:
    """The folder of this machine that a path or an address (``file:/…``, ``file:///…``) names; None where it is another machine's."""
    path = place.removeprefix("file://").removeprefix("file:")
    return Path(path) if path.startswith("/") else None


def model_store(data: Mapping[str, Any]) -> dict[str, Any]:
    """The settings, of which ``root_dir`` and ``warehouse`` are absolute, with what of the model store was not given."""

    def given(name: str, otherwise: str) -> Any:
        return data.get(name) or otherwise

    root, warehouse = str(data["root_dir"]), str(data["warehouse"])
    tracking = given("mlflow_tracking_uri", "databricks" if data.get("profile") == "databricks" else f"sqlite:///{root}/mlflow.db")
    registry = given("mlflow_registry_uri", "databricks-uc" if tracking == "databricks" else tracking)
    in_catalog = str(registry).startswith("databricks-uc") and data.get("catalog")
    artifacts = given("mlflow_artifacts", "" if str(tracking).startswith(_SERVED) else f"{root}/mlartifacts")
    remote = SCHEME.match(warehouse) and not warehouse.startswith("file:")
    return {
        **data,
        "mlflow_tracking_uri": tracking,
        "mlflow_registry_uri": registry,
        "mlflow_model_prefix": given("mlflow_model_prefix", f"{data['catalog']}." if in_catalog else "gridlens_"),
        "mlflow_artifacts": absolute(str(artifacts)) if artifacts else "",
        "mlflow_dfs_tmp": absolute(str(given("mlflow_dfs_tmp", f"{warehouse}/.mlflow" if remote else f"{root}/tmp/mlflow"))),
    }
