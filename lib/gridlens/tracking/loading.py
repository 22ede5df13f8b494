"""Loading a registered version: fetched, found whole and safe, then read."""

from __future__ import annotations

import errno
import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pyspark.sql.types import StructType

from gridlens.errors import PlatformError, RegistryError
from gridlens.settings import Settings
from gridlens.tracking.client import Client, failures
from gridlens.tracking.names import FILES, MANIFEST, MANIFEST_FILE, is_unity_catalog
from gridlens.tracking.packaging import FEATURES, kind_of, load_on_connect, on_connect
from gridlens.tracking.safety import check_safe, check_served, check_whole
from gridlens.tracking.versions import Version


@dataclass(frozen=True)
class Loaded:
    """A model ready to score.

    Attributes:
        version: what it is.
        kind: ``spark``, then ``model`` is a PipelineModel; ``code``, then it is MLflow's PyFuncModel.
        model: the model itself.
        features: type by raw column: double, boolean, string or datetime.
    """

    version: Version
    kind: str
    model: Any
    features: Mapping[str, str]
    files: Any = field(default=None, repr=False)

    def check(self, schema: StructType) -> None:
        """Refuses data to score that lacks a feature or has it in another type; MLflow would take the text "0.0" for a number.

        Raises:
            RegistryError: names the features.
        """
        there = {column.name: column.dataType for column in schema.fields}
        missing = [name for name in self.features if name not in there]
        if missing:
            raise RegistryError(f"{self.version} cannot score without the features {', '.join(missing)}: compute them, or train anew")
        wrong = [
            f"{name} ({there[name].simpleString()} instead of {kind})"
            for name, kind in self.features.items()
            if kind_of(there[name]) != kind
        ]
        if wrong:
            raise RegistryError(f"{self.version} was trained with other types: {', '.join(wrong)}; train it anew on these columns")


def load(version: Version, client: Client, settings: Settings) -> Loaded:
    """A version for scoring; the very files that were checked are read.

    Raises:
        RegistryError: its files are gone or altered, or hold pickled code.
        PlatformError: the store does not answer, or there is no room for its files.
    """
    files = tempfile.TemporaryDirectory(prefix="gridlens-model-")
    folder = _fetch(version, client, settings, Path(files.name))
    check_whole(folder, version.tags.get(MANIFEST), _manifest(version, client, settings), str(version))
    kind = check_safe(folder, str(version))
    with failures(client.shown):
        model, features = _read(folder, kind, settings.mlflow_dfs_tmp)
    return Loaded(version, kind, model, features, files)


def _fetch(version: Version, client: Client, settings: Settings, place: Path) -> Path:
    import mlflow
    import mlflow.artifacts

    try:
        with failures(client.shown):
            if is_unity_catalog(settings):  # gives access to the files by the name only, and only by the process-wide address
                mlflow.set_registry_uri(settings.mlflow_registry_uri)
                uri = f"models:/{version.name}/{version.version}"
            else:
                uri = client.get_model_version_download_uri(version.name, str(version.version))
            return Path(mlflow.artifacts.download_artifacts(uri, dst_path=str(place), tracking_uri=settings.mlflow_tracking_uri))
    except (RegistryError, OSError) as error:
        if _passes(error):
            raise PlatformError(f"the files of {version} cannot be fetched ({error}): look at the disk, then start again") from error
        raise RegistryError(f"the files of {version} are gone: train the model, or promote another version") from error


def _passes(error: Exception) -> bool:
    """Whether it is of this machine, such as a full disk, and says nothing about what was fetched."""
    return getattr(error, "errno", None) not in (None, errno.ENOENT, errno.ENOTDIR)


def _manifest(version: Version, client: Client, settings: Settings) -> dict[str, str] | None:
    """The manifest that the run logged, only to name what was altered; None where it cannot be read, whatever the reason."""
    try:
        return dict(json.loads(text_of(version, client, settings, MANIFEST_FILE)))
    except (RegistryError, PlatformError, ValueError):
        return None


def text_of(version: Version, client: Client, settings: Settings, path: str) -> str:
    """A text artifact of the run that made the version, for people.

    Raises:
        RegistryError: it is not there.
        PlatformError: it is there, or may be, but the store does not give it, or there is no room for it.
    """
    return _content(version, client, settings, path).decode("utf-8")


def served_text_of(version: Version, client: Client, settings: Settings, path: str) -> str:
    """A text artifact that ``TrackedRun.log_served`` logged.

    Raises:
        RegistryError: it is not there, or not what was logged.
        PlatformError: it is there, or may be, but the store does not give it, or there is no room for it.
    """
    content = _content(version, client, settings, path)
    check_served(content, path, manifest=version.tags.get(MANIFEST), files=version.tags.get(FILES), what=str(version))
    return content.decode("utf-8")


def _content(version: Version, client: Client, settings: Settings, path: str) -> bytes:
    from mlflow.artifacts import download_artifacts

    uri = settings.mlflow_tracking_uri
    try:
        with failures(client.shown), tempfile.TemporaryDirectory() as place:
            found = download_artifacts(run_id=version.run_id, artifact_path=path, dst_path=place, tracking_uri=uri)
            return Path(found).read_bytes()
    except (RegistryError, OSError) as error:
        if _passes(error) or _may_be_there(version, client, path):
            why = error if isinstance(error, OSError) else "MLflow does not say why"
            sentence = f"{path} of {version} cannot be fetched ({why}): look at the store and the disk, then start again"
            raise PlatformError(sentence) from error
        raise RegistryError(f"the run of {version} has no {path}: train the model again") from error


def _may_be_there(version: Version, client: Client, path: str) -> bool:
    """Whether the run lists the artifact, or its folder cannot be read; raises PlatformError where the store does not answer.

    MLflow calls every download from a run that fails a missing file, also where its server is away or the disk is full.
    """
    folder = path.rpartition("/")[0]
    try:
        return any(one.path == path for one in client.list_artifacts(version.run_id, folder or None))
    except RegistryError:  # the run is gone
        return False
    except OSError:
        return True


def _read(folder: Path, kind: str, tmp: str) -> tuple[Any, dict[str, str]]:
    """The model and its features."""
    from mlflow.models import Model

    described = Model.load(str(folder))
    kinds = (described.metadata or {}).get(FEATURES, {})
    features = {name: kinds[name] for name in described.get_input_schema().input_names()}
    if kind == "code":
        import mlflow.pyfunc

        return mlflow.pyfunc.load_model(str(folder)), features
    if on_connect():
        return load_on_connect(folder / "sparkml", tmp), features
    import mlflow.spark

    return mlflow.spark.load_model(str(folder), dfs_tmpdir=tmp), features
