"""What earlier runs of a job stood for, from the run log."""

from __future__ import annotations

import datetime as dt
import json
from typing import NamedTuple

from pyspark.sql import Column
from pyspark.sql import functions as F

from gridlens import __version__
from gridlens.contracts.ops import RUN_LOG
from gridlens.pipelines.moments import of_micros
from gridlens.warehouse import Warehouse


class LastRun(NamedTuple):
    """What a run was made from, and its two moments."""

    fingerprints: dict[str, str]
    as_of: dt.date
    known_at: dt.datetime


def last_run(warehouse: Warehouse, job: str, where: Column | None = None) -> LastRun | None:
    """The last run of ``job`` that did not fail, of those for which ``where`` holds; None where there is none."""
    good = (F.col("job") == job) & (F.col("outcome") != "failed")
    newest = F.max_by(F.struct("fingerprints", "as_of", F.unix_micros("known_at").alias("micros")), "ended_at").alias("last")
    runs = warehouse.read(RUN_LOG).where(good if where is None else good & where)
    row = runs.agg(newest).select("last.*").first()
    if row is None or row["fingerprints"] is None:
        return None
    return LastRun(json.loads(row["fingerprints"]), row["as_of"], of_micros(row["micros"]))


def last_success(warehouse: Warehouse, job: str, where: Column | None = None) -> str:
    """The id of the last run of ``job`` that wrote something, of those for which ``where`` holds; nothing where there is none."""
    good = (F.col("job") == job) & (F.col("outcome") == "succeeded")
    runs = warehouse.read(RUN_LOG).where(good if where is None else good & where)
    row = runs.agg(F.max_by("run_id", "ended_at").alias("run")).first()
    return (row["run"] or "") if row else ""


def by_this_version() -> Column:
    """True for runs of this version of gridlens: another one may compute another result from the same facts."""
    return F.col("version") == __version__
