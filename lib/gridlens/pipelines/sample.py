"""The synthetic province: writes its source files, where they don't stand already."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from gridlens.contracts.ops import INGEST_FILE
from gridlens.errors import SettingsError
from gridlens.pipelines.options import SampleOptions
from gridlens.samples.province import Summary, write_province
from gridlens.samples.publish import sizes_of
from gridlens.settings import Settings
from gridlens.warehouse import Warehouse

log = logging.getLogger(__name__)


def sample_folder(settings: Settings, options: SampleOptions) -> Path:
    """Where the province is written: ``options.to``, else ``sample`` under root_dir."""
    return Path(options.to) if options.to else Path(settings.root_dir) / "sample"


def run_sample(spark: SparkSession, settings: Settings, options: SampleOptions, *, keep: Callable[[Path], None] | None = None) -> Summary:
    """Writes the province's source files; ``written`` is False where the same province stands there already.

    Args:
        keep: asked before another province is cleared away; raises where it has to stay.

    Raises:
        SettingsError: an option is out of range, or the folder holds something else.
        DefinitionError: a tariff has no price for one of the months.
    """
    folder = sample_folder(settings, options)
    log.info("synthetic province: %d accounts, %d months up to %s, in %s", options.accounts, options.months, options.end_date, folder)
    summary = write_province(
        spark,
        folder,
        accounts=options.accounts,
        months=options.months,
        curve_days=max(options.curve_days, 1),
        end_date=options.end_date,
        seed=options.seed,
        curves=options.curve_days > 0,
        keep=keep,
    )
    if not summary.written:
        log.info("synthetic province: it stands there already, nothing to do")
    for kind, files in summary.files.items():
        log.info("synthetic province: %s, %d files, %.1f MB", kind, files, summary.bytes[kind] / 1e6)
    return summary


def check_kept(warehouse: Warehouse, folder: Path) -> None:
    """Stops before the province in ``folder`` is cleared away, from which the warehouse was loaded.

    Raises:
        SettingsError: the warehouse holds one of its files.
    """
    if _loaded(warehouse).join(_standing(warehouse, folder), on=["path", "length"], how="left_semi").first() is not None:
        raise SettingsError(
            f"{folder} holds another synthetic province (of other parameters, or of an earlier version of gridlens), which the warehouse "
            "was loaded from and which this one would replace: give another --root-dir, or remove both"
        )


def check_loaded(warehouse: Warehouse, folder: Path) -> None:
    """Stops before two synthetic provinces are mixed; ``folder`` holds the one to be loaded.

    Raises:
        SettingsError: the warehouse holds a file of a province that has none of this path and size.
    """
    other = _loaded(warehouse).join(_standing(warehouse, folder), on=["path", "length"], how="left_anti").select("path").first()
    if other is not None:
        raise SettingsError(
            f"the warehouse holds {other['path']} of another synthetic province (of other parameters, or of an earlier version of "
            "gridlens), which would be mixed with this one: give an empty warehouse, such as that of another --root-dir, or remove "
            "the old one"
        )


def _loaded(warehouse: Warehouse) -> DataFrame:
    """The files of a province that were loaded, as conf/sources/province.yml names its sources."""
    return warehouse.read(INGEST_FILE).where(F.col("_source").startswith("province_"))


def _standing(warehouse: Warehouse, folder: Path) -> DataFrame:
    return warehouse.spark.createDataFrame(list(sizes_of(folder).items()), "path string, length bigint")
