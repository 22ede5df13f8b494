"""What Databricks gives a notebook beside Python: ``spark``, ``display`` and ``dbutils.widgets``."""

from __future__ import annotations

import runpy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from pyspark.sql import SparkSession


def run_notebook(path: Path, spark: SparkSession, **given: str) -> list[Any]:
    """Runs a notebook with widgets set to ``given``; gives what it displayed."""
    shown: list[Any] = []
    values: dict[str, str] = {}
    widgets = SimpleNamespace(
        text=lambda name, default, label="": values.setdefault(name, given.get(name, default)), get=values.__getitem__
    )
    names = {"spark": spark, "display": shown.append, "dbutils": SimpleNamespace(widgets=widgets)}
    runpy.run_path(str(path), init_globals=names)
    assert set(given) <= set(values), "the notebook has no such widget"
    return shown
