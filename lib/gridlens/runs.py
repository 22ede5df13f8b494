"""The run log: one row per run, written last. The only place of the library, beside logging, that looks at the clock."""

from __future__ import annotations

import datetime as dt
import json
import logging
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from gridlens import __version__
from gridlens.contracts.ops import RUN_LOG
from gridlens.errors import GridlensError
from gridlens.warehouse import Warehouse

log = logging.getLogger(__name__)
OF_RUN = "run "
"""Begins the note that a run leaves with what it writes."""


@dataclass
class Run:
    """What a job notes of itself while it runs."""

    job: str
    parameters: dict[str, Any]
    as_of: dt.date | None = None
    known_at: dt.datetime | None = None
    run_id: str = field(default_factory=lambda: uuid.uuid4().hex[:12])
    started_at: dt.datetime = field(default_factory=lambda: dt.datetime.now(dt.timezone.utc))
    fingerprints: dict[str, str] = field(default_factory=dict)
    tables_in: set[str] = field(default_factory=set)
    tables_out: dict[str, int] = field(default_factory=dict)
    nothing_new: bool = False
    began: float = field(default_factory=time.monotonic)

    def wrote(self, table: str, rows: int) -> None:
        """Adds to the rows written to a table."""
        self.tables_out[table] = self.tables_out.get(table, 0) + rows

    @property
    def note(self) -> str:
        """What stands in the history of a table that the run writes to."""
        return f"{OF_RUN}{self.run_id}"

    @property
    def seconds(self) -> float:
        """Since the run began; not from the wall clock, which may be set back meanwhile."""
        return time.monotonic() - self.began


@contextmanager
def timed(say: Callable[[str], None], what: str) -> Iterator[None]:
    """Says what was done and how long it took."""
    log.info("%s ...", what)
    began = time.monotonic()
    yield
    say(f"  {what} in {time.monotonic() - began:.1f} s")


@contextmanager
def logged(warehouse: Warehouse, run: Run) -> Iterator[Run]:
    """Records the run and the tables it read when the block ends: success after everything else, a failure with its sentence.

    What the block writes through ``warehouse`` has the run's note.
    """
    around, warehouse.note = warehouse.note, run.note
    try:
        with warehouse.noting() as noted:
            run.tables_in = noted.names
            yield run
    except BaseException as error:
        warehouse.note = around
        message = str(error) if isinstance(error, GridlensError) else f"{type(error).__name__}: see the log"
        _record(warehouse, run, outcome="failed", message=message, quietly=True)
        raise
    warehouse.note = around
    _record(warehouse, run, outcome="nothing_new" if run.nothing_new else "succeeded", message=None)


def _record(warehouse: Warehouse, run: Run, *, outcome: str, message: str | None, quietly: bool = False) -> None:
    row = (
        run.run_id,
        run.job,
        run.started_at,
        dt.datetime.now(dt.timezone.utc),
        outcome,
        message,
        run.as_of,
        run.known_at,
        json.dumps(run.parameters, default=str, sort_keys=True, ensure_ascii=False),
        json.dumps(run.fingerprints, sort_keys=True),
        json.dumps(sorted(run.tables_in)),
        json.dumps(run.tables_out, sort_keys=True),
        __version__,
    )
    try:
        # A run log that is not migrated yet takes what it has columns for.
        warehouse.append(warehouse.as_it_stands(RUN_LOG), warehouse.spark.createDataFrame([row], RUN_LOG.schema).coalesce(1))
    except Exception:
        if not quietly:  # a failed run must show its own reason, not that the log could not be written
            raise
