"""The store that the settings name: runs and registered models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gridlens import __version__
from gridlens.errors import RegistryError
from gridlens.failures import summary
from gridlens.settings import Settings
from gridlens.tracking.client import Client, connect
from gridlens.tracking.names import CODE, experiment_name
from gridlens.tracking.registry import Registry
from gridlens.tracking.run import TrackedRun


class Store(Registry):
    """Runs and registered models; open it by ``Store.open``."""

    def __init__(self, client: Client, settings: Settings) -> None:
        super().__init__(client, settings)

    @classmethod
    def open(cls, settings: Settings) -> Store:
        """The store, made ready for use by any number of processes.

        Raises:
            PlatformError: it does not answer, refuses this user, or cannot be written; one sentence.
        """
        return cls(connect(settings), settings)

    @contextmanager
    def run(
        self, model: str, *, params: Mapping[str, Any] | None = None, tags: Mapping[str, Any] | None = None, name: str | None = None
    ) -> Iterator[TrackedRun]:
        """A run of a model's training; FINISHED when the block ends, FAILED where it raises, KILLED where it is interrupted.

        Args:
            model: id of the model.
            params, tags: logged first.
            name: of the run; MLflow makes one up otherwise.
        """
        made = self.client.create_run(self._experiment(model), run_name=name)
        run = TrackedRun(self.client, self.settings, self, model, made.info.run_id)
        try:
            run.set_tags({CODE: __version__, **(tags or {})})
            run.log_params(params or {})
            yield run
        except Exception as error:
            run.set_tags({"gridlens_failure": summary(error)})
            self.client.set_terminated(run.run_id, "FAILED")
            raise
        except BaseException:
            self.client.set_terminated(run.run_id, "KILLED")
            raise
        self.client.set_terminated(run.run_id, "FINISHED")

    def _experiment(self, model: str) -> str:
        """Id of the model's experiment, made where it is not there."""
        name = experiment_name(self.settings, model)
        found = self.client.get_experiment_by_name(name)
        if found is None:
            try:
                return str(self.client.create_experiment(name, artifact_location=self._artifacts(model)))
            except RegistryError:  # another training made it at the same moment
                found = self.client.get_experiment_by_name(name)
                if found is None:
                    raise
        if found.lifecycle_stage == "deleted":
            self.client.restore_experiment(found.experiment_id)
        return str(found.experiment_id)

    def _artifacts(self, model: str) -> str | None:
        """Where the experiment's files go; None: where the server says."""
        place = self.settings.mlflow_artifacts
        if not place:
            return None
        return f"{Path(place).as_uri() if place.startswith('/') else place.rstrip('/')}/{model}"
