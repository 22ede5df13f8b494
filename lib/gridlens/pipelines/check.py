"""The dry run of a source definition: reads as an ingest would, and writes nothing."""

from __future__ import annotations

from pathlib import Path

from pyspark.sql import SparkSession

from gridlens.ingest.check import SourceCheck, check
from gridlens.ingest.files import list_files
from gridlens.ingest.fingerprints import read_fingerprints
from gridlens.ingest.source import load_sources
from gridlens.quality.rule_columns import defects_column
from gridlens.quality.rules import load_rules
from gridlens.settings import Settings, conf_files


def check_sources(spark: SparkSession, settings: Settings, definition: Path, root: str | None, *, limit: int = 5) -> list[SourceCheck]:
    """What each source of ``definition`` would become; ``root`` defaults to the folder of the synthetic province.

    Raises:
        DefinitionError: the definition does not hold.
        SourceError: a file is missing or cannot be read as declared.
    """
    folder = root if root else str(Path(settings.root_dir) / "sample")
    rules = load_rules(conf_files(settings, "rules"))
    checks = []
    for source in load_sources(definition):
        files = read_fingerprints(spark, source, list_files(spark, folder, source))
        checks.append(check(spark, source, files, limit=limit, defects=defects_column(rules, source.entity)))
    return checks


def list_sources(settings: Settings) -> list[dict[str, str]]:
    """Every source of the definition files: where it is defined, its contract, kind and place."""
    return [
        {
            "file": path.name,
            "source": source.name,
            "entity": source.entity,
            "kind": source.format or source.kind,
            "place": source.path or source.table or "query",
            "zone": source.zone,
        }
        for path in conf_files(settings, "sources")
        for source in load_sources(path)
    ]
