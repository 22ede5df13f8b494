"""Ingest: source files → bronze → quarantine and silver, accounted for row by row.

Find the files of every source whose content is new, and look whether their columns are the declared ones. Then, for each
source: append their rows to bronze in one commit, which notes the batch; copy rejected rows to quarantine; classify duplicates
and superseded rows; fold the touched keys into silver; and last of all write the batch's account and register its files. A run
that dies anywhere is simply run again: batches that are in bronze but not registered are finished, also where their files
have changed since or are gone, and every later step is keyed.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession

from gridlens.contracts.entities import ENTITIES
from gridlens.errors import QualityStop
from gridlens.ingest.bronze import staged
from gridlens.ingest.files import InputFile, list_files
from gridlens.ingest.source import SourceFile, load_sources
from gridlens.lease import writer_lease
from gridlens.pipelines.batch import Account, Batch, Registered, bronze_rows, publish, register, retract
from gridlens.pipelines.discover import FileSet, KnownFiles, file_rows, known_files, new_files
from gridlens.pipelines.measure import Measure, measure
from gridlens.pipelines.options import IngestOptions
from gridlens.quality.rule_columns import defects_column
from gridlens.quality.rules import RuleSet, load_rules, stop_rules_broken
from gridlens.runs import Run, logged, timed
from gridlens.settings import Settings, conf_file, conf_files
from gridlens.warehouse import Warehouse

_FIRST = ("supply_point", "meter_interval", "meter_register")
ORDER = (*_FIRST, *(entity for entity in ENTITIES if entity not in _FIRST))
"""Points come before readings, so that a first load need not fold readings twice; then the large ones."""
PARALLEL_SOURCES = 2
"""Sources loaded side by side: small ones spend their time in Delta's bookkeeping, not on the cores."""
SMALL_BYTES = 32 * 2**20
"""Files up to this size in all travel in one partition: their time goes into stages and small files, not into rows."""
OPENING_BYTES = 2**18
"""What opening a file counts as, so that thousands of tiny files are still read by all cores."""
REGISTER_ROWS = 100_000
"""Batches below this size wait and are registered together (two commits for all of them); to do one again is cheap."""


@dataclass(frozen=True)
class Loaded:
    """One batch that was loaded."""

    source: str
    entity: str
    batch_id: str
    files: int
    account: Account
    seconds: float


@dataclass(frozen=True)
class IngestResult:
    """What an ingest did; ``known_files`` were found again and left alone."""

    run_id: str
    loaded: tuple[Loaded, ...]
    known_files: int
    seconds: float

    @property
    def nothing_new(self) -> bool:
        return not self.loaded


Say = Callable[[str], None]


def run_ingest(spark: SparkSession, settings: Settings, options: IngestOptions, *, say: Say = print) -> IngestResult:
    """Loads whatever is new at the sources of one definition file.

    Raises:
        SourceError: a file cannot be read as declared; nothing was written, where it lacks a declared column or cannot be opened.
        QualityStop: a stop rule was broken beyond its tolerance; nothing of the batch was published.
        LeaseHeld: another run writes to the same warehouse.
    """
    definition = Path(options.sources) if options.sources else conf_file(settings, "sources/province.yml")
    root = str(options.root) if options.root else str(Path(settings.root_dir) / "sample")
    sources = sorted(load_sources(definition), key=lambda s: ORDER.index(s.entity))
    rules = load_rules(conf_files(settings, "rules"))
    warehouse = Warehouse(spark, settings)
    fingerprint = hashlib.sha256(definition.read_bytes()).hexdigest()[:16]
    run = Run("ingest", {"sources": definition.name, "root": root})
    run.fingerprints |= {"rules": rules.fingerprint, f"sources/{definition.name}": fingerprint}
    with writer_lease(settings), logged(warehouse, run):
        listed = _listed(spark, root, sources)
        loader = _Loader(warehouse, listed, rules, known_files(warehouse, sources), say)
        loader.look(sources)
        points = [s for s in sources if s.entity == "supply_point"]
        loaded = loader.load_all(points) + loader.load_all([s for s in sources if s.entity != "supply_point"])
        run.nothing_new = not loaded
        for batch in loaded:
            run.wrote(f"bronze.{batch.entity}", batch.account.row_count)
    return IngestResult(run.run_id, tuple(loaded), loader.known_files, run.seconds)


def _listed(spark: SparkSession, root: str, sources: Sequence[SourceFile]) -> dict[str, list[InputFile]]:
    """The files of each source: all are looked for before the first is read, so that a wrong path is told at once."""
    with ThreadPoolExecutor(PARALLEL_SOURCES) as pool:
        return dict(zip([s.name for s in sources], pool.map(lambda source: list_files(spark, root, source), sources), strict=True))


def _gathered(rows: DataFrame, files: FileSet) -> DataFrame:
    """``rows`` of few small files in one partition; what has no size (a table, a query, a file that is gone) is left as it comes."""
    sizes = [file.length for file in files.files.values()]
    return rows.coalesce(1) if all(sizes) and sum(sizes) + OPENING_BYTES * len(sizes) <= SMALL_BYTES else rows


def _loaded(item: Registered, seconds: float) -> Loaded:
    batch = item.batch
    return Loaded(batch.source, batch.entity, batch.batch_id, item.file_count, item.account, seconds)


class _Loader:
    """Loads sources one after the other or side by side; they share the warehouse and the rules."""

    def __init__(
        self,
        warehouse: Warehouse,
        listed: Mapping[str, Sequence[InputFile]],
        rules: RuleSet,
        known: dict[str, KnownFiles],
        say: Say,
    ) -> None:
        self.warehouse = warehouse
        self.listed = listed
        self.rules = rules
        self.known = known
        self.say = say
        self.known_files = 0
        self._new: dict[str, list[FileSet]] = {}
        self._waiting: list[Registered] = []

    def look(self, sources: Sequence[SourceFile]) -> None:
        """Finds what is new at all sources, before the first row of any is written: a wrong column of the last one is told at once."""
        files = sum(len(self.listed[source.name]) for source in sources)
        with timed(self.say, f"{files:,} files of {len(sources)} sources looked at"), ThreadPoolExecutor(PARALLEL_SOURCES) as pool:
            for source, (sets, known) in zip(sources, pool.map(self._look, sources), strict=True):
                self._new[source.name] = sets
                self.known_files += known

    def _look(self, source: SourceFile) -> tuple[list[FileSet], int]:
        return new_files(self.warehouse, source, self.listed[source.name], self.known[source.name])

    def load_all(self, sources: Sequence[SourceFile]) -> list[Loaded]:
        """Every new file set of the sources, accounted and registered.

        Sources of different contracts are loaded side by side; those of one contract one after the other, because each
        must see what the ones before it brought.
        """
        with ThreadPoolExecutor(PARALLEL_SOURCES) as pool:
            futures = [pool.submit(self._load_each, list(group)) for _, group in groupby(sources, key=lambda source: source.entity)]
            try:
                loaded = [batch for future in futures for batch in future.result()]
            except BaseException:
                pool.shutdown(wait=True, cancel_futures=True)
                raise
            finally:
                self._register(())  # what is published stands, whatever became of another source
        return loaded

    def _load_each(self, sources: Sequence[SourceFile]) -> list[Loaded]:
        return [batch for source in sources for batch in self._load(source)]

    def _load(self, source: SourceFile) -> list[Loaded]:
        sets = self._new[source.name]
        self._say_read_otherwise(source, sets)
        done = [self._load_set(source, files) for files in sets]
        items = tuple(item for item, _ in done)
        with self.warehouse.shared:
            if sum(item.account.row_count for item in items) >= REGISTER_ROWS:
                self._register(items)
            else:
                self._waiting.extend(items)
        return [_loaded(item, seconds) for item, seconds in done]

    def _say_read_otherwise(self, source: SourceFile, sets: Sequence[FileSet]) -> None:
        resumed = sum(len(files.files) for files in sets if files.definition != source.fingerprint)
        earlier = self.known[source.name].read_otherwise(source) + resumed
        if earlier:
            self.say(
                f"  {source.name}: {earlier:,} file(s) were read with an earlier definition and stand as read then; "
                "to read all with today's, load everything into a new warehouse (--root-dir or --warehouse)"
            )

    def _register(self, items: tuple[Registered, ...]) -> None:
        """Registers these batches and those that wait."""
        waiting, self._waiting = self._waiting, []
        register(self.warehouse, [*waiting, *items])

    def _load_set(self, source: SourceFile, files: FileSet) -> tuple[Registered, float]:
        began = time.monotonic()
        batch = Batch(source.name, source.entity, files.batch_id, self.rules.fingerprint, files.definition)
        first = not files.in_bronze and not self.warehouse.written(batch.table)
        if not files.in_bronze:
            rules = defects_column(self.rules, source.entity)
            rows = staged(self.warehouse.spark, source, list(files.files.values()), batch_id=files.batch_id, defects=rules)
            self.warehouse.append(batch.table, _gathered(rows, files), note=batch.batch_id)
        bronze = _gathered(bronze_rows(self.warehouse, batch), files)
        stops = [rule.id for rule in self.rules.for_entity(source.entity) if rule.severity == "stop"]
        found = measure(bronze, stops)
        self._stop_if_broken(batch, found, files)
        account, contradicting = publish(self.warehouse, batch, bronze, found, first=first, again=files.in_bronze)
        seconds = time.monotonic() - began
        rejected = f"{account.quarantined:,} quarantined"
        if found.cells_rejected:
            rejected += f", and {found.cells_rejected:,} readings of other rows"
        self.say(
            f"  {source.name:<24} {account.row_count:>11,} rows of {len(files.files)} file(s): {account.accepted:,} accepted, "
            f"{account.superseded:,} superseded, {account.duplicate:,} duplicate, {rejected} in {seconds:.1f} s"
        )
        if contradicting:
            self.say(
                f"  {source.name}: {contradicting:,} row(s) differ from one known at the same moment, and one of them stands arbitrarily; "
                "where they are corrections, declare when they were known (known_from)"
            )
        return Registered(batch, account, file_rows(source, files), len(files.files), files.in_bronze), seconds

    def _stop_if_broken(self, batch: Batch, found: Measure, files: FileSet) -> None:
        """Takes the batch out of bronze again where a stop rule is broken beyond its tolerance."""
        breaches = stop_rules_broken(self.rules, batch.entity, found.broken, found.judged)
        if breaches:
            retract(self.warehouse, batch)
            reasons = "; ".join(breach.sentence for breach in breaches)
            if all(file.path for file in files.files.values()):
                raise QualityStop(f"source {batch.source}: {reasons}; nothing was loaded: mend the source or the rule")
            raise QualityStop(
                f"source {batch.source}: {reasons}; that is what a run that died had read of files which have changed since, and it was "
                "taken out: run the command again to load them as they are"
            )
