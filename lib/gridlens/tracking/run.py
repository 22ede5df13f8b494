"""One run of a training: what it was told, what it reached, what it made."""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyspark.sql.types import StructType

from gridlens.errors import RegistryError
from gridlens.logs import redact
from gridlens.settings import Settings
from gridlens.tracking.client import Client
from gridlens.tracking.names import DATA, DEFINITION, FILES, MANIFEST, MANIFEST_FILE, MODEL_FOLDER
from gridlens.tracking.packaging import Described, save_code_model, save_pipeline
from gridlens.tracking.registry import Registry
from gridlens.tracking.safety import check_safe, checksum, digest, manifest
from gridlens.tracking.versions import Version

if TYPE_CHECKING:
    from pyspark.ml import PipelineModel

_VALUE_LENGTH = 5000
_TAG_LENGTH = 1000  # Unity Catalog takes no longer value
_BATCH = 100


@dataclass
class TrackedRun:
    """An open run of ``Store.run``; everything logged is there at once, also where the run fails later.

    Attributes:
        model: id of the model.
        run_id: MLflow's.
        tags: of the run; those about fingerprints and checksums go to the registered version too.
        files: checksums of what ``log_served`` logged.
    """

    client: Client
    settings: Settings
    registry: Registry
    model: str
    run_id: str
    tags: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Parameters by name; maps and lists as JSON, secrets and telephone numbers as ``***``, None left out."""
        from mlflow.entities import Param

        self._log([Param(name, _text(value, name)[:_VALUE_LENGTH]) for name, value in params.items() if value is not None], "params")

    def log_metrics(self, metrics: Mapping[str, float | None], *, step: int = 0) -> None:
        """Figures by name; None and NaN (no such figure) are left out."""
        from mlflow.entities import Metric
        from mlflow.utils.time import get_current_time_millis

        moment = get_current_time_millis()
        there = {name: float(value) for name, value in metrics.items() if value is not None and not math.isnan(value)}
        self._log([Metric(name, value, moment, step) for name, value in there.items()], "metrics")

    def set_tags(self, tags: Mapping[str, Any]) -> None:
        """Tags by name, at most 1,000 characters each."""
        from mlflow.entities import RunTag

        texts = {name: _text(value, name)[:_TAG_LENGTH] for name, value in tags.items()}
        self.tags.update(texts)
        self._log([RunTag(name, text) for name, text in texts.items()], "tags")

    def _log(self, values: Sequence[Any], kind: str) -> None:
        for start in range(0, len(values), _BATCH):
            self.client.log_batch(self.run_id, **{kind: values[start : start + _BATCH]})

    def log_fingerprints(self, *, definition: str, data: str) -> None:
        """Which definition, and which training rows, this run is of."""
        self.set_tags({DEFINITION: definition, DATA: data})

    def log_text(self, text: str, path: str) -> None:
        """A text artifact by its path in the run, as ``model_card.md`` or ``model_card.html``."""
        self.client.log_text(self.run_id, text, path)

    def log_served(self, value: Any, path: str) -> None:
        """An artifact that scoring or grading will read, text or JSON; its checksum goes to the version. Before ``register``."""
        text = value if isinstance(value, str) else _json(value)
        self.log_text(text, path)
        self.files[path] = checksum(text.encode())
        self.set_tags({FILES: self.files})

    def log_json(self, value: Any, path: str) -> None:
        """A JSON artifact; dates and the like as text."""
        self.log_text(_json(value), path)

    def log_pipeline(
        self,
        pipeline: PipelineModel,
        features: StructType,
        *,
        categories: Collection[str] = (),
        example: Mapping[str, Any] | None = None,
    ) -> None:
        """The fitted pipeline as this run's model, readable by ``mlflow.spark`` and ``mlflow.pyfunc`` without gridlens.

        Args:
            pipeline: of MLlib's own stages, from ``features`` to a column ``prediction``. It must cast what it reads: served numbers
                and booleans come as doubles, categories as texts.
            features: schema of the raw columns, as ``df.select(*names).schema``; all may be null.
            categories: the features that are codes, even where they are numbers.
            example: made-up values of the input example, by feature; zeros and ``a`` otherwise. Never a customer's.

        Raises:
            RegistryError: a stage is none of Spark's own.
            DefinitionError: a feature identifies a customer, or has a type that no model reads.
        """
        described = Described(features, categories, example)
        self._log_model(lambda folder: save_pipeline(pipeline, folder, described, self.settings.mlflow_dfs_tmp))

    def log_code_model(
        self,
        code: Path,
        artifacts: Mapping[str, Path],
        features: StructType,
        *,
        categories: Collection[str] = (),
        example: Mapping[str, Any] | None = None,
        requirements: Sequence[str] = (),
    ) -> None:
        """A Spark-free model as this run's: a Python file that calls ``mlflow.models.set_model``, and data files such as JSON.

        Args:
            code: the file; it may import only what ``requirements`` name, never gridlens.
            artifacts: data files by the name under which the code finds them (``context.artifacts[name]``).
            features, categories, example: as for ``log_pipeline``.
            requirements: Python packages needed beside mlflow and pandas.
        """
        described = Described(features, categories, example, requirements)
        self._log_model(lambda folder: save_code_model(code, artifacts, folder, described))

    def _log_model(self, save: Callable[[Path], None]) -> None:
        """Writes the model to a folder of its own, then logs the very files whose checksums are kept."""
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place) / MODEL_FOLDER
            save(folder)
            check_safe(folder, f"the model {self.model}")
            files = manifest(folder)
            self.client.log_artifacts(self.run_id, str(folder), MODEL_FOLDER)
        self.log_json(files, MANIFEST_FILE)
        self.set_tags({MANIFEST: digest(files)})

    def register(self, *, tags: Mapping[str, Any] | None = None) -> Version:
        """Registers the run's model as a new version, without an alias: ``Store.promote`` or ``Store.challenge`` gives it one.

        Args:
            tags: of the version, beside the fingerprints and the checksum.
        """
        if MANIFEST not in self.tags:
            raise RegistryError(f"the run of {self.model} has logged no model yet: call log_pipeline before register")
        kept = {name: value for name, value in self.tags.items() if name.startswith("gridlens_")}
        given = {name: _text(value, name)[:_TAG_LENGTH] for name, value in (tags or {}).items()}
        return self.registry.register(self.model, self.run_id, MODEL_FOLDER, {**kept, **given})


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True, default=str)


def _text(value: Any, name: str) -> str:
    """Maps, lists and booleans as JSON, everything else as it prints; secrets and telephone numbers as ``***``."""
    structured = isinstance(value, (Mapping, list, tuple, bool))
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, default=str) if structured else str(value)
    return redact(f"{name}={text}")[len(name) + 1 :]
