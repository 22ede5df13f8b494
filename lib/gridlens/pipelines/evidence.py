"""The rows behind features of one account: those of the window, known then, and of meters only while the account held them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor, Future
from functools import reduce
from typing import Any

from pyspark.sql import Column, DataFrame, Row, Window
from pyspark.sql import functions as F

from gridlens.contracts.account_lineage import ACCOUNT_KEY, POINT_KEY, TRANSFORMER_KEY, Evidence, days_of, evidence_of
from gridlens.contracts.silver import METERING_POINT
from gridlens.fold.versioned import as_known
from gridlens.pipelines.moments import end_of_local_day, utc_text
from gridlens.pipelines.tag_state import Moment
from gridlens.tables import Table
from gridlens.tags.explanation import Behind
from gridlens.warehouse import Warehouse

LOCATION = ("_source", "_locator")


def tables_behind(features: Iterable[str]) -> list[Table]:
    """The tables of the rows behind the features, each once."""
    return list({evidence.table.name: evidence.table for name in features for evidence in evidence_of(name)}.values())


def points_held(warehouse: Warehouse, account: str, moment: Moment) -> list[Row]:
    """metering_point_id, transformer_id, begin, end (None: still) of the account's metering points, a row a version, a few in all."""
    table = warehouse.read(METERING_POINT)
    own = table.where(F.col(ACCOUNT_KEY) == account).select(POINT_KEY).distinct()
    rows = table.join(own, on=POINT_KEY, how="left_semi")
    versions = as_known(rows, METERING_POINT, known_at=moment.known_at, as_of=moment.as_of, keys=(POINT_KEY, "valid_from"))
    end = F.lead("valid_from").over(Window.partitionBy(POINT_KEY).orderBy("valid_from"))
    spans = versions.select(ACCOUNT_KEY, POINT_KEY, TRANSFORMER_KEY, F.col("valid_from").alias("begin"), end.alias("end"))
    return spans.where(F.col(ACCOUNT_KEY) == account).collect()


def rows_behind(
    warehouse: Warehouse,
    account: str,
    moments: Mapping[str, Moment],
    points: Future[list[Row]],
    pool: Executor,
    *,
    limit: int,
) -> list[Future[Behind]]:
    """The rows behind features, a result for each table and moment.

    Args:
        moments: the moment that each feature was read at, by name.
        points: of :func:`points_held`; it stands in ``pool`` before what is submitted here, so that waiting for it ends.
        pool: where the questions are asked.
        limit: rows shown of each table.
    """
    groups: dict[tuple[str, Moment], tuple[Evidence, list[str]]] = {}
    for name, moment in moments.items():
        for evidence in evidence_of(name):
            groups.setdefault((evidence.table.name, moment), (evidence, []))[1].append(name)

    def found(evidence: Evidence, names: Sequence[str], moment: Moment) -> Behind:
        # Of a point or a transformer it takes the master data to know when it was the account's.
        if warehouse.denied(evidence.table) or (evidence.by != ACCOUNT_KEY and warehouse.denied(METERING_POINT)):
            return Behind(f"{evidence.table.layer}.{evidence.table.name}", tuple(names), moment.as_of, None, ())
        held = _of_account(evidence, account, points, warehouse.settings.zone)
        rows = _rows(warehouse, evidence, held, moment, days_of(names))
        return Behind(f"{evidence.table.layer}.{evidence.table.name}", tuple(names), moment.as_of, *_newest(rows, evidence, limit))

    asked = [(evidence, names, moment) for (_, moment), (evidence, names) in groups.items()]
    there = [one for one in asked if warehouse.denied(one[0].table) or warehouse.exists(one[0].table)]
    return [pool.submit(found, *one) for one in there]


def _of_account(evidence: Evidence, account: str, points: Future[list[Row]], zone: str) -> Column:
    """True for the account's own rows; of a metering point or a transformer those of the time in which it was the account's."""
    if evidence.by == ACCOUNT_KEY:
        return F.col(ACCOUNT_KEY) == account
    spans = [row for row in points.result() if row[evidence.by]]
    keys = sorted({row[evidence.by] for row in spans})  # said beside the spans, because it lets whole files be passed over
    return reduce(Column.__or__, [_within(evidence, row, zone) for row in spans], F.lit(False)) & F.col(evidence.by).isin(keys)


def _within(evidence: Evidence, span: Row, zone: str) -> Column:
    when = F.col(evidence.when)
    begin, end = span["begin"], span["end"]
    if evidence.table[evidence.when].type == "timestamp":
        begin, end = (day and end_of_local_day(day - dt.timedelta(days=1), zone) for day in (begin, end))
    inside = (F.col(evidence.by) == span[evidence.by]) & (when >= F.lit(begin))
    return inside if end is None else inside & (when < F.lit(end))


def _rows(warehouse: Warehouse, evidence: Evidence, of_account: Column, moment: Moment, days: int | None) -> DataFrame:
    """The rows of the last ``days`` that were known; all by then where it is None, and of master data."""
    table, when, as_of = evidence.table, F.col(evidence.when), moment.as_of
    known = warehouse.read(table).where(of_account & (F.col("known_from") <= F.lit(moment.known_at)))
    if evidence.channel:
        known = known.where(F.col("channel") == evidence.channel)
    if "_rejected" in table.columns:
        known = known.where(~F.col("_rejected"))
    back = None if days is None or evidence.when == "valid_from" else dt.timedelta(days=days)
    if table[evidence.when].type == "timestamp":
        end = end_of_local_day(as_of, warehouse.settings.zone)
        ended = known.where(when < F.lit(end))
        return ended if back is None else ended.where(when >= F.lit(end - back))
    ended = known.where(when <= F.lit(as_of))
    if back is None:
        return ended
    inside = ended.where(when > F.lit(as_of - back))
    if "local_month" in table.columns:  # so that only the window's folders are read
        return inside.where(F.col("local_month") >= F.lit((as_of - back).replace(day=1)))
    return inside


def _newest(rows: DataFrame, evidence: Evidence, limit: int) -> tuple[int, tuple[dict[str, Any], ...]]:
    """How many rows there are, and the newest of them with their locators, in one job."""
    shown = (evidence.when, *evidence.shows, *LOCATION)
    struct = F.struct(*[_plain(name, evidence) for name in shown])
    row = rows.agg(F.count("*").alias("n"), F.slice(F.sort_array(F.collect_list(struct), asc=False), 1, limit).alias("newest")).first()
    assert row is not None
    return row["n"], tuple(one.asDict() for one in row["newest"])


def _plain(name: str, evidence: Evidence) -> Column:
    return utc_text(name) if evidence.table[name].type == "timestamp" else F.col(name)
