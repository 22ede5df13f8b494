"""Loads the world's curve and point files in any order, once or again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import delta_files
import world
from gridlens.pipelines.ingest import IngestResult, run_ingest
from gridlens.pipelines.options import IngestOptions
from gridlens.settings import Settings, load_settings
from pyspark.sql import SparkSession

FILES = {name: text for name, text in world.FILES.items() if name.startswith(("curves/", "points/"))}


class Replay:
    """A warehouse of its own, fed delivery by delivery."""

    def __init__(self, spark: SparkSession, folder: Path) -> None:
        self.spark = spark
        self.folder = folder
        self.settings: Settings = load_settings("local", overrides={"root_dir": str(folder / "gridlens")})

    @property
    def warehouse(self) -> Path:
        return Path(self.settings.warehouse)

    def deliver(self, files: Mapping[str, str | bytes]) -> IngestResult:
        """Adds files to what is there and runs the job over their sources."""
        root = world.write(self.folder / "in", files)
        definition = world.define(self.folder, sorted({name.split("/")[0] for name in files}, reverse=True))
        return run_ingest(self.spark, self.settings, IngestOptions(definition, root), say=lambda text: None)

    def deliver_alone(self, names: Iterable[str]) -> None:
        for name in names:
            self.deliver({name: FILES[name]})

    def silver(self) -> dict[str, list[str]]:
        """Everything that the fold made; the quarantine is about files, not about facts."""
        found = delta_files.tables(self.warehouse, layers=["silver"])
        return {name: rows for name, rows in found.items() if name != "silver.quarantine"}


def disguised(name: str, times: int = 1) -> dict[str, str]:
    """The same rows as a file nobody has seen: another name and broken lines at its end."""
    folder, base = name.split("/")
    return {f"{folder}/{base.removesuffix('.csv')}_again{times}.csv": FILES[name] + "broken\n" * times}


def repeated_keys(warehouse: Path) -> list[str]:
    """Silver tables in which a key stands twice, or is not there."""
    from gridlens.contracts.silver import SILVER

    wrong = []
    for table in SILVER.values():
        rows = delta_files.rows(warehouse / "silver" / table.name)
        keys = [tuple(str(row[key]) for key in table.keys) for row in rows]
        if len(set(keys)) != len(keys) or any(part in ("None", "") for key in keys for part in key):
            wrong.append(table.name)
    return wrong
