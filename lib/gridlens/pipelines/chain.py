"""The whole chain: sources → bronze → silver → features → what they say. Nothing new at the sources: nothing is computed again."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from pyspark.sql import SparkSession

from gridlens.contracts.account_feature import ACCOUNT_FEATURE
from gridlens.pipelines.features import FeaturesResult, TableRows, run_features
from gridlens.pipelines.ingest import Loaded, run_ingest
from gridlens.pipelines.options import RunOptions
from gridlens.pipelines.outlook import Understood
from gridlens.pipelines.sample import check_kept, check_loaded, run_sample
from gridlens.pipelines.understand import understand
from gridlens.settings import Settings
from gridlens.warehouse import Warehouse

Say = Callable[[str], None]


@dataclass(frozen=True)
class ChainResult:
    """What the chain did: batches loaded, tables computed, where it all is."""

    warehouse: str
    nothing_new: bool
    known_files: int
    loaded: tuple[LoadedRows, ...]
    tables: tuple[TableRows, ...]
    understood: tuple[Understood, ...]
    seconds: float


@dataclass(frozen=True)
class LoadedRows:
    """The account of one batch: rows = accepted + superseded + duplicate + quarantined."""

    source: str
    files: int
    rows: int
    accepted: int
    superseded: int
    duplicate: int
    quarantined: int
    seconds: float


def run_chain(spark: SparkSession, settings: Settings, options: RunOptions, *, say: Say = print) -> ChainResult:
    """Makes the synthetic province where asked, loads what is new, and computes the features it changes."""
    began = time.monotonic()
    if options.sample is not None:
        say("synthetic province")
        warehouse = Warehouse(spark, settings)
        made = run_sample(spark, settings, options.sample, keep=partial(check_kept, warehouse))
        size = f"{sum(made.files.values())} files, {sum(made.bytes.values()) / 1e6:,.1f} MB"
        say(f"  {size}{'' if made.written else ', as they stand'}, in {time.monotonic() - began:.1f} s")
        check_loaded(warehouse, made.folder)
    say("ingest")
    ingest = run_ingest(spark, settings, options.ingest, say=say)
    say("features")
    features = run_features(spark, settings, options.features, say=say)
    understood = understand(spark, settings, features.as_of, features.known_at, say=say)
    done = tuple(_letting_go(understood)) if _whole(options, features) else ()
    nothing_new = ingest.nothing_new and features.nothing_new and all(one.nothing_new for one in done)
    if nothing_new:
        say("nothing new at the sources; all that was computed stands")
    loaded = tuple(_row(batch) for batch in ingest.loaded)
    return ChainResult(str(settings.warehouse), nothing_new, ingest.known_files, loaded, features.rows, done, _since(began))


def _letting_go(done: Iterator[Understood]) -> Iterator[Understood]:
    """``done``, each step begun with what those before it have left let go.

    Java keeps the plan of every DataFrame that Python has not collected, 4 KB for each of its expressions, and Python's own collector
    seldom looks. 1.7 of the 4 GB of a run's heap were such plans: the search for abnormal usage took 362 s instead of 104, with Java
    collecting its garbage most of the time (2026-11).
    """
    gc.collect()
    for one in done:
        yield one
        gc.collect()


def _whole(options: RunOptions, features: FeaturesResult) -> bool:
    """False where no source has customers, or a backfill left the account features as they were."""
    return not options.features.backfill and any(t.rows for t in features.rows if t.table == f"gold.{ACCOUNT_FEATURE.name}")


def _since(began: float) -> float:
    return round(time.monotonic() - began, 1)


def _row(batch: Loaded) -> LoadedRows:
    account = batch.account
    return LoadedRows(
        batch.source,
        batch.files,
        account.row_count,
        account.accepted,
        account.superseded,
        account.duplicate,
        account.quarantined,
        round(batch.seconds, 1),
    )
