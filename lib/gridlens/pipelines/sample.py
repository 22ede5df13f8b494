"""The synthetic province: writes its source files, where they don't stand already."""

from __future__ import annotations

import logging
from pathlib import Path

from pyspark.sql import SparkSession

from gridlens.pipelines.options import SampleOptions
from gridlens.samples.province import Summary, write_province
from gridlens.settings import Settings

log = logging.getLogger(__name__)


def sample_folder(settings: Settings, options: SampleOptions) -> Path:
    """Where the province is written: ``options.to``, else ``sample`` under root_dir."""
    return Path(options.to) if options.to else Path(settings.root_dir) / "sample"


def run_sample(spark: SparkSession, settings: Settings, options: SampleOptions, *, replace: bool = True) -> Summary:
    """Writes the province's source files; ``written`` is False where the same province stands there already.

    Args:
        spark, settings, options: where and what.
        replace: False keeps another province that stands there.

    Raises:
        SettingsError: an option is out of range, or the folder holds something else, or what may not be replaced.
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
        replace=replace,
    )
    if not summary.written:
        log.info("synthetic province: it stands there already, nothing to do")
    for kind, files in summary.files.items():
        log.info("synthetic province: %s, %d files, %.1f MB", kind, files, summary.bytes[kind] / 1e6)
    return summary
