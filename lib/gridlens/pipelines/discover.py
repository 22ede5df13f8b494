"""Finds what is new at a source: files whose content was never loaded, in batches that survive a kill."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from pyspark.sql import Row
from pyspark.sql import functions as F

from gridlens.contracts.bronze import BRONZE
from gridlens.contracts.ops import INGEST_FILE
from gridlens.ingest.files import InputFile
from gridlens.ingest.fingerprints import read_fingerprints
from gridlens.ingest.source import SourceFile
from gridlens.warehouse import Warehouse


@dataclass(frozen=True)
class FileSet:
    """Files that are loaded together.

    Attributes:
        batch_id: made from the files' contents and the definition that they are read with.
        files: the files by fingerprint; of equal contents one.
        in_bronze: True where an earlier run committed them to bronze and then died. Some of them may be gone or changed since; they have
            a place, and neither size nor time.
    """

    batch_id: str
    files: dict[str, InputFile]
    in_bronze: bool

    @property
    def definition(self) -> str:
        """Fingerprint of the definition that the files are, or were, read with."""
        return definition_of(self.batch_id) or UNTOLD


UNTOLD = "untold"
"""Stands for the definition of a batch that an earlier version of gridlens began, and did not end."""


def batch_name(source: SourceFile, file_ids: Sequence[str]) -> str:
    """The batch of these contents, whatever their names and order, read with this definition."""
    digest = hashlib.sha256("\n".join([source.name, *sorted(file_ids)]).encode()).hexdigest()
    return f"{source.name}-{digest[:16]}-{source.fingerprint}"


def definition_of(batch_id: str) -> str | None:
    """The fingerprint of the definition that a batch was read with; None where an earlier version of gridlens loaded it."""
    parts = batch_id.split("-")
    return parts[2] if len(parts) == 3 else None


@dataclass(frozen=True)
class KnownFiles:
    """What is registered of one source: places (path, length, modification time), the batch of each fingerprint; and what was begun.

    Attributes:
        begun: batches that a run noted with its commit to bronze and that were never registered: it died in between, or the batch broke
            a stop rule and was taken out again.
    """

    places: frozenset[tuple[str, int, int]] = frozenset()
    batches: Mapping[str, str] = field(default_factory=dict)
    begun: frozenset[str] = frozenset()

    def read_otherwise(self, source: SourceFile) -> int:
        """How many files were read with another definition than today's."""
        return sum(definition_of(batch) not in (None, source.fingerprint) for batch in self.batches.values())


def known_files(warehouse: Warehouse, sources: Sequence[SourceFile]) -> dict[str, KnownFiles]:
    """The registered files of some sources, read at once: a read for each source costs more than all their rows."""
    found: dict[str, list[Row]] = {source.name: [] for source in sources}
    if warehouse.exists(INGEST_FILE):
        columns = ("_source", "path", "length", "modified_us", "_file_id", "_batch_id")
        for row in warehouse.read(INGEST_FILE).where(F.col("_source").isin(list(found))).select(*columns).collect():
            found[row["_source"]].append(row)
    noted = warehouse.notes(*{source.entity: BRONZE[source.entity] for source in sources}.values())
    begun = set(noted) - {row["_batch_id"] for rows in found.values() for row in rows}
    return {
        name: KnownFiles(
            frozenset((row["path"], row["length"], row["modified_us"]) for row in rows),
            {row["_file_id"]: row["_batch_id"] for row in rows},
            frozenset(batch for batch in begun if batch.startswith(f"{name}-")),
        )
        for name, rows in found.items()
    }


def new_files(warehouse: Warehouse, source: SourceFile, listed: Sequence[InputFile], known: KnownFiles) -> tuple[list[FileSet], int]:
    """The file sets to load, unfinished ones first, and how many files were known already.

    A file whose path, size and time are registered is taken as known without reading it; any other is
    recognised by its content.
    """
    # A table or query says nothing of its size and age (length 0): it is read to see whether it has grown.
    unseen = [f for f in listed if not f.length or (f.relative, f.length, f.modified_us) not in known.places]
    fresh: dict[str, InputFile] = {}
    for file in read_fingerprints(warehouse.spark, source, unseen) if unseen else []:
        if file.fingerprint not in known.batches:
            fresh.setdefault(file.fingerprint, file)
    sets = _unfinished(warehouse, source, fresh, known.begun)
    done = {file_id for found in sets for file_id in found.files}
    rest = {file_id: info for file_id, info in fresh.items() if file_id not in done}
    if rest:
        sets.append(FileSet(batch_name(source, list(rest)), rest, in_bronze=False))
    return sets, len(listed) - len(fresh)


def _unfinished(warehouse: Warehouse, source: SourceFile, fresh: dict[str, InputFile], begun: Collection[str]) -> list[FileSet]:
    """Sets that are in bronze but were never registered: an earlier run died after its first commit.

    They keep the batch, and so the definition, that they were read with: some of their rows may be in silver already. What was delivered
    then and has been changed or taken away since is finished all the same: its rows are in bronze, and every row has an account.
    """
    table = BRONZE[source.entity]
    if not (fresh or begun) or not warehouse.exists(table):
        return []
    ours = F.col("_file_id").isin(list(fresh)) | F.col("_batch_id").isin(list(begun))
    there = warehouse.read(table).where((F.col("_source") == source.name) & ours)
    found: dict[str, dict[str, InputFile]] = {}
    for row in there.groupBy("_batch_id", "_file_id").agg(F.min("_locator").alias("locator")).collect():
        file_id = row["_file_id"]
        found.setdefault(row["_batch_id"], {})[file_id] = fresh.get(file_id) or _gone(source, file_id, row["locator"])
    return [FileSet(batch, files, in_bronze=True) for batch, files in sorted(found.items())]


def _gone(source: SourceFile, file_id: str, locator: str) -> InputFile:
    """What was read and is not there any more, as it was; its place is what the locators of its rows begin with."""
    place = re.sub(r"(@\d+\+|:)\d+$", "", locator) if source.kind == "files" else source.table or source.path or source.name
    return InputFile("", "", place, 0, 0, file_id)


def file_rows(source: SourceFile, files: FileSet) -> tuple[tuple[object, ...], ...]:
    """The rows of ``ingest_file`` for a set."""
    return tuple((source.name, file_id, f.relative, f.length, f.modified_us, files.batch_id) for file_id, f in sorted(files.files.items()))
