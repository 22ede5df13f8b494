"""What earlier runs of a job stood for, from the run log."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from typing import NamedTuple

from pyspark.sql import Column
from pyspark.sql import functions as F

from gridlens import __version__
from gridlens.contracts.ops import RUN_LOG
from gridlens.pipelines.moments import of_micros
from gridlens.runs import OF_RUN
from gridlens.tables import Table
from gridlens.warehouse import Warehouse


class LastRun(NamedTuple):
    """What a run was made from, and its two moments."""

    fingerprints: dict[str, str]
    as_of: dt.date
    known_at: dt.datetime


def last_run(warehouse: Warehouse, job: str, where: Column | None = None, *, wrote: Sequence[Table] = (), part: str = "") -> LastRun | None:
    """The last run of ``job`` that did not fail, of those for which ``where`` holds; None where there is none that stands.

    Args:
        wrote: tables of the job. Where a run that came to no good end has written to one of them since, what the last one left does
            not stand, even if all is asked for as it was then.
        part: of these tables, as the notes of their writes name it; all of them where it is empty.
    """
    good = (F.col("job") == job) & (F.col("outcome") != "failed")
    newest = F.max_by(F.struct("fingerprints", "as_of", F.unix_micros("known_at").alias("micros")), "ended_at").alias("last")
    began = F.max_by(F.unix_micros("started_at"), F.when(F.col("outcome") == "succeeded", F.col("ended_at"))).alias("began")
    runs = warehouse.read(RUN_LOG).where(good if where is None else good & where)
    row = runs.agg(newest, began).select("last.*", "began").first()
    if row is None or row["fingerprints"] is None or unfinished_since(warehouse, of_micros(row["began"] or 0), wrote, part):
        return None
    return LastRun(json.loads(row["fingerprints"]), row["as_of"], of_micros(row["micros"]))


def unfinished_since(warehouse: Warehouse, began: dt.datetime, tables: Sequence[Table], part: str = "") -> bool:
    """True where since this moment a run wrote to one of the tables that failed, that was killed, or that was another version's.

    Args:
        began: when the run began whose results are asked about. What others left before that it saw: it put it right, or left it as it is.
        tables, part: as of :func:`last_run`.
    """
    notes = [note.removeprefix(OF_RUN).partition(" ") for note in warehouse.notes(*tables, since=began) if note.startswith(OF_RUN)]
    later = {run for run, _, of in notes if of == part}
    if not later:
        return False
    succeeded = (F.col("outcome") == "succeeded") & F.col("run_id").isin(list(later))
    own = by_this_version() | (F.unix_micros("started_at") <= F.lit(round(began.timestamp() * 1e6)))
    return warehouse.read(RUN_LOG).where(succeeded & own).count() < len(later)


def last_success(warehouse: Warehouse, job: str, where: Column | None = None) -> str:
    """The id of the last run of ``job`` that wrote something, of those for which ``where`` holds; nothing where there is none."""
    good = (F.col("job") == job) & (F.col("outcome") == "succeeded")
    runs = warehouse.read(RUN_LOG).where(good if where is None else good & where)
    row = runs.agg(F.max_by("run_id", "ended_at").alias("run")).first()
    return (row["run"] or "") if row else ""


def by_this_version() -> Column:
    """True for runs of this version of gridlens: another one may compute another result from the same facts."""
    return F.col("version") == __version__
