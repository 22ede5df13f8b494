"""Runs the ingest job and kills its own process at a seam, as a power cut would: ``dying_job.py SEAM ARGUMENTS…``."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from typing import Any

from gridlens.cli import main
from gridlens.contracts.bronze import BRONZE
from gridlens.contracts.silver import INTERVAL_DAY
from gridlens.pipelines import ingest
from gridlens.pipelines.batch import Registered
from gridlens.tables import Table
from gridlens.warehouse import Warehouse

append = Warehouse.append
register = ingest.register


def die(*_: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_after_bronze(self: Warehouse, table: Table, df: Any, **how: Any) -> None:
    append(self, table, df, **how)
    if table == BRONZE["meter_interval"]:
        die()


def die_before_silver(self: Warehouse, table: Table, df: Any, **how: Any) -> None:
    if table == INTERVAL_DAY:
        die()
    append(self, table, df, **how)


def die_before_registration(warehouse: Warehouse, batches: Sequence[Registered]) -> None:
    if any(item.batch.entity == "meter_interval" for item in batches):
        die()
    register(warehouse, batches)


seam, *arguments = sys.argv[1:]
if seam == "after bronze":
    Warehouse.append = die_after_bronze  # type: ignore[method-assign]
elif seam == "before silver":
    Warehouse.append = die_before_silver  # type: ignore[method-assign]
else:
    ingest.register = die_before_registration
sys.exit(main(arguments))
