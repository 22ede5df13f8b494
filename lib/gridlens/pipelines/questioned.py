"""Bills in question: payments as delivered against payments as accepted, for features, labels, trajectories and profiles."""

from __future__ import annotations

import datetime as dt

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from gridlens.contracts.bronze import BRONZE
from gridlens.contracts.silver import SILVER
from gridlens.features.bills_in_question import bills_in_question
from gridlens.pipelines.moments import end_of_local_day
from gridlens.warehouse import Warehouse


def questioned_bills(warehouse: Warehouse, *, as_of: dt.date, known_at: dt.datetime, of: Column | None = None) -> DataFrame:
    """account_id, bill_id and asked_on as of :func:`bills_in_question`; ``of``: the only rejected payments that are looked at."""
    delivered, zone = warehouse.read(BRONZE["payment"]), warehouse.settings.zone
    rows = delivered if of is None else delivered.where(~F.col("_rejected") | of)
    return bills_in_question(rows, warehouse.read(SILVER["payment"]), known_at=known_at, until=end_of_local_day(as_of, zone), zone=zone)
