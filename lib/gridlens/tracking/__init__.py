"""The model store: runs, artifacts and the registry. The only package that imports mlflow, and only when a store is opened.

``Store.open(settings)`` → ``store.run(model)`` → ``run.log_params/log_metrics/log_text/log_pipeline`` → ``run.register()`` →
``store.promote/challenge/rollback`` → ``store.load(model)``.
"""

from gridlens.tracking.client import probe
from gridlens.tracking.loading import Loaded
from gridlens.tracking.names import CHALLENGER, CHAMPION, experiment_name, made_from, registered_name
from gridlens.tracking.run import TrackedRun
from gridlens.tracking.store import Store
from gridlens.tracking.versions import Version

__all__ = ["CHALLENGER", "CHAMPION", "Loaded", "Store", "TrackedRun", "Version", "experiment_name", "made_from", "probe", "registered_name"]
