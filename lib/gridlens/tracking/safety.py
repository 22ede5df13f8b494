"""Which files may be loaded: whole as they were logged, without pickled code, and with Spark's own stages only."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import yaml

from gridlens.errors import RegistryError

PICKLES = frozenset({".pkl", ".pickle", ".p", ".cloudpickle", ".dill", ".joblib", ".skops", ".pt", ".pth", ".npy", ".npz", ".h5", ".keras"})
STAGES = ("org.apache.spark.ml.", "pyspark.ml.", "xgboost.spark.")
NOT_THE_MODELS = frozenset({"registered_model_meta"})
"""Files that MLflow adds to a download."""
_PICKLE_KEYS = ("python_model", "serialized_callbacks", "pickled_model")


def checksum(content: bytes) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(content).hexdigest()


def manifest(folder: Path) -> dict[str, str]:
    """SHA-256 of every file of a model, by its path in the folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name not in NOT_THE_MODELS)
    return {path.relative_to(folder).as_posix(): checksum(path.read_bytes()) for path in files}


def digest(files: dict[str, str]) -> str:
    """One SHA-256 for a manifest."""
    return checksum(json.dumps(files, sort_keys=True).encode())


def check_whole(folder: Path, expected: str | None, logged: dict[str, str] | None, what: str) -> None:
    """Refuses a model whose files are not those that were logged.

    Args:
        folder: the model's files.
        expected: digest of its manifest, from the version's tag; None: the version was not made by gridlens.
        logged: the manifest itself, from the run, to name the file; None where it is gone.
        what: the version, for the sentence.
    """
    if not expected:
        raise _foreign(what)
    found = manifest(folder)
    if digest(found) == expected:
        return
    changed = sorted(name for name in {*found, *(logged or {})} if found.get(name) != (logged or {}).get(name)) if logged else []
    where = f" ({', '.join(changed[:3])}{' …' if len(changed) > 3 else ''})" if changed else ""
    raise _altered(what, where)


def check_served(content: bytes, path: str, *, manifest: str | None, files: str | None, what: str) -> None:
    """Refuses a file beside the model that is not the one which was logged.

    Of a version that gridlens registered before such files had checksums they are taken as they are.

    Args:
        content: of the file.
        path: in the run.
        manifest, files: of the version's tags; without a manifest it was not made by gridlens.
        what: the version, for the sentence.
    """
    if not manifest:
        raise _foreign(what)
    if files is None:
        return
    try:
        expected = json.loads(files).get(path)
    except (ValueError, AttributeError):
        expected = None
    if checksum(content) != expected:
        raise _altered(what, f" ({path})")


def _foreign(what: str) -> RegistryError:
    return RegistryError(f"{what} has no checksum, so it was not registered by gridlens: train the model, or promote another version")


def _altered(what: str, where: str) -> RegistryError:
    return RegistryError(
        f"{what} was altered after it was registered{where}: it is not loaded; train the model, or promote another version"
    )


def check_safe(folder: Path, what: str) -> str:
    """The kind of a model, ``spark`` or ``code``; refuses pickled code and foreign stages.

    Raises:
        RegistryError: names the file, the loader or the stage.
    """
    pickled = next((p.relative_to(folder).as_posix() for p in sorted(folder.rglob("*")) if p.suffix.lower() in PICKLES), None)
    if pickled:
        raise RegistryError(f"{what} holds pickled code ({pickled}), which can do anything when it is loaded: it is not loaded")
    try:
        flavors: dict[str, Any] = yaml.safe_load((folder / "MLmodel").read_text(encoding="utf-8"))["flavors"]
        loader = flavors["python_function"]
    except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
        raise RegistryError(f"{what} has no readable MLmodel file: train the model, or promote another version") from error
    name = loader.get("loader_module")
    if any(key in loader for key in _PICKLE_KEYS):
        raise RegistryError(f"{what} holds pickled code (python_function), which can do anything when it is loaded: it is not loaded")
    if name == "mlflow.spark" and "spark" in flavors and not flavors["spark"].get("code") and not loader.get("code"):
        check_stages(folder / flavors["spark"]["model_data"], what)
        return "spark"
    if name in ("mlflow.pyfunc.model", "mlflow.pyfunc.loaders.code_model") and loader.get("model_code_path"):
        return "code"
    raise RegistryError(f"{what} is loaded by {name}: only Spark pipelines and models from code are")


def check_stages(saved: Path, what: str) -> None:
    """Refuses a saved pipeline with a stage that is none of Spark's own (or of xgboost.spark): such a stage imports code by name."""
    metadata = sorted(saved.rglob("metadata/part-*"))
    if not metadata:
        raise RegistryError(f"{what} holds no Spark pipeline: train the model, or promote another version")
    for path in metadata:
        try:
            stage: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise RegistryError(f"{what} has an unreadable stage ({path.parent.parent.name}): train the model anew") from error
        name = str(stage.get("class", ""))
        if not name.startswith(STAGES):
            raise RegistryError(
                f"{what} has the stage {name or path.parent.parent.name}, which is none of Spark's own: "
                "make the pipeline of MLlib's stages (as Bucketizer, SQLTransformer)"
            )
        if any(key in stage for key in _PICKLE_KEYS):
            raise RegistryError(f"{what} has pickled code in the stage {name}: it is not loaded")
