"""An explanation by somebody who may not read every table: it is told, and the rest is explained."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, cast

import pytest
from gridlens.errors import PlatformError
from gridlens.pipelines.evidence import rows_behind
from gridlens.pipelines.tag_state import Moment
from gridlens.reports.explanation import print_explanation
from gridlens.tables import Table
from gridlens.tags.explanation import Explanation
from gridlens.warehouse import Warehouse

DAY, KNOWN = dt.date(2026, 3, 31), dt.datetime(2026, 4, 1, tzinfo=dt.UTC)


class Closed:
    """Bills may not be read; payments were never written."""

    def denied(self, table: Table) -> bool:
        return table.name == "bill"

    def exists(self, table: Table) -> bool:
        assert not self.denied(table), "asking for such a table ends the command"
        return False


def test_what_takes_the_master_data_is_told_where_they_may_not_be_read() -> None:
    class Points(Closed):
        def denied(self, table: Table) -> bool:
            return table.name == "metering_point"

        def exists(self, table: Table) -> bool:
            return table.name in ("register_reading", "outage_event")

    points: Future[list[Any]] = Future()
    points.set_exception(PlatformError("silver.metering_point may not be read by this user"))
    with ThreadPoolExecutor(1) as pool:
        moments = dict.fromkeys(("energy_kwh_90d", "outages_365d"), Moment(DAY, KNOWN, "r1"))
        found = [one.result() for one in rows_behind(cast(Warehouse, Points()), "A1", moments, points, pool, limit=3)]
    assert [(one.table, one.rows) for one in found] == [("silver.register_reading", None), ("silver.outage_event", None)]


def test_a_table_that_may_not_be_read_is_told_in_its_place(capsys: pytest.CaptureFixture[str]) -> None:
    points: Future[list[Any]] = Future()
    points.set_result([])
    with ThreadPoolExecutor(1) as pool:
        moments = {"late_share_365d": Moment(DAY, KNOWN, "r1")}
        found = [one.result() for one in rows_behind(cast(Warehouse, Closed()), "A1", moments, points, pool, limit=3)]
    assert [(one.table, one.inputs, one.rows, one.newest) for one in found] == [("silver.bill", ("late_share_365d",), None, ())]
    print_explanation(
        Explanation("A1", "late_payer", "迟缴", "late_share_365d > 0.5", "", 1, True, DAY, KNOWN, None, DAY, False, (), tuple(found))
    )
    assert "silver.bill: rows that you may not read by 2026-03-31 behind late_share_365d" in " ".join(capsys.readouterr().out.split())
