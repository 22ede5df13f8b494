"""Figures of data quality, against counts made by hand."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from decimal import Decimal

import pytest
from gridlens.cli import main
from gridlens.contracts.ops import BATCH_ACCOUNT, QUALITY_METRIC, RUN_LOG
from gridlens.contracts.silver import INTERVAL_DAY, INTERVAL_ESTIMATE, METERING_POINT, REGISTER_READING, SILVER
from gridlens.pipelines.quality import write_quality
from gridlens.quality.metrics import batch_figures, code_figures, interval_figures, register_figures
from gridlens.runs import Run, logged
from gridlens.tables import Table
from gridlens.warehouse import Warehouse
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

pytestmark = pytest.mark.spark
BILL, BILL_ITEM = SILVER["bill"], SILVER["bill_item"]
NOON = dt.datetime(2026, 4, 1, 12, tzinfo=dt.UTC)


def frame(spark: SparkSession, table: Table, rows: Sequence[dict[str, object]]) -> DataFrame:
    """Rows of a table from those fields that matter here; the others get some value of their type."""
    some = {"string": "x", "date": dt.date(2026, 1, 1), "timestamp": NOON, "array<double>": [1.0], "array<tinyint>": [0], "boolean": True}
    some |= {f.type: Decimal(1) for f in table.fields if f.type.startswith("decimal")}
    chosen = {f.name: f.allowed[0] if f.allowed else some.get(f.type, 1.0 if f.type == "double" else 1) for f in table.fields}
    filler = {f.name: None if f.nullable else chosen[f.name] for f in table.fields}
    return spark.createDataFrame([tuple({**filler, **row}[c] for c in table.columns) for row in rows], table.schema).coalesce(1)


def block(point: str, day: dt.date, zone: str, midnight_utc: dt.datetime, minutes: int, missing: int, flagged: int) -> dict[str, object]:
    return {
        "metering_point_id": point,
        "channel": "1.8.0",
        "local_date": day,
        "local_month": day.replace(day=1),
        "zone": zone,
        "start_utc": midnight_utc,
        "resolution_minutes": minutes,
        "missing_count": missing,
        "flagged_count": flagged,
    }


def blocks(spark: SparkSession) -> DataFrame:
    """Shanghai's 96 quarter hours, Berlin's 92 of the day it goes to summer time, a day of 24 hours, a daily total: 213 intervals."""
    shanghai, berlin = dt.datetime(2026, 3, 28, 16, tzinfo=dt.UTC), dt.datetime(2026, 3, 28, 23, tzinfo=dt.UTC)
    day = dt.date(2026, 3, 29)
    rows = [
        block("P1", day, "Asia/Shanghai", shanghai, 15, 6, 1),
        block("P2", day, "Europe/Berlin", berlin, 15, 0, 2),
        block("P2", dt.date(2026, 3, 28), "Europe/Berlin", berlin - dt.timedelta(days=1), 60, 4, 0),
        block("P9", day, "Europe/Berlin", berlin, 1440, 1, 0),
    ]
    return frame(spark, INTERVAL_DAY, rows)


def points(spark: SparkSession) -> DataFrame:
    return frame(spark, METERING_POINT, [{"metering_point_id": p} for p in ("P1", "P2", "P3", "P4", "P5")])


def estimates(spark: SparkSession) -> DataFrame:
    counts = [("P1", 3, 2), ("P2", 0, 4)]
    return frame(spark, INTERVAL_ESTIMATE, [{"metering_point_id": p, "suspect_count": s, "estimated_count": e} for p, s, e in counts])


def told(figures: DataFrame) -> dict[str, float | None]:
    rows = figures.collect()
    assert len({(row["subject"], row["metric"]) for row in rows}) == len(rows)
    return {row["metric"]: row["value"] for row in rows}


def test_interval_figures_count_each_day_by_its_own_length(spark: SparkSession) -> None:
    intervals = 96 + 92 + 24 + 1
    assert told(interval_figures(blocks(spark), estimates(spark), points(spark))) == pytest.approx(
        {
            "blocks": 4,
            "points": 3,
            "intervals": intervals,
            "points_without_blocks": 3,
            "points_unknown": 1,
            "incomplete_block_share": 3 / 4,
            "missing_share": 11 / intervals,
            "flagged_share": 3 / intervals,
            "suspect_share": 3 / intervals,
            "estimated_share": 6 / intervals,
        }
    )


def test_interval_figures_of_nothing_are_counts_of_zero_and_undefined_shares(spark: SparkSession) -> None:
    found = told(interval_figures(blocks(spark).limit(0), estimates(spark).limit(0), points(spark)))
    assert found["blocks"] == 0
    assert found["points_without_blocks"] == 5
    assert {name for name, value in found.items() if value is None} == {n for n in found if n.endswith("_share")}


def readings(spark: SparkSession) -> DataFrame:
    """A daily series of 10 days that lacks 3, a monthly one of 13 months that lacks 1, one reading alone; an exchange beside them."""

    def row(point: str, day: dt.date, kind: str = "scheduled", total: Decimal | None = Decimal(1)) -> dict[str, object]:
        return {"metering_point_id": point, "channel": "1.8.0", "read_date": day, "read_kind": kind, "reading_total": total}

    daily = [row("D", dt.date(2026, 3, d)) for d in (1, 2, 3, 6, 7, 9, 10)]
    monthly = [row("M", dt.date(2025 + m // 12, m % 12 + 1, 28), total=None if m == 3 else Decimal(1)) for m in range(13) if m != 7]
    return frame(spark, REGISTER_READING, [*daily, *monthly, row("S", dt.date(2026, 3, 1)), row("D", dt.date(2026, 3, 4), "exchange_out")])


def test_each_quality_code_is_counted_where_it_objects(spark: SparkSession) -> None:
    day = dt.date(2026, 3, 29)
    codes = [([0, 3, 3, 1], 2), ([4, 5], 2), ([1, 0, 6], 0)]
    rows = [{**block("P", day, "Asia/Shanghai", NOON, 15, 0, flagged), "quality": quality} for quality, flagged in codes]
    found = told(code_figures(frame(spark, INTERVAL_DAY, rows), estimates(spark)))
    assert {name: value for name, value in found.items() if value} == {
        "quality_negative": 2,
        "quality_over_capacity": 1,
        "quality_corrected": 1,
    }
    assert "quality_missing" not in found


def withdrawn() -> Column:
    """The reading that had no total gets one, two that had one lose it."""
    lost = (F.col("metering_point_id") == "D") & F.col("read_date").isin(dt.date(2026, 3, 1), dt.date(2026, 3, 2))
    return F.when(~lost, F.coalesce("reading_total", F.lit(Decimal(1))))


def test_register_gaps_of_daily_and_monthly_series(spark: SparkSession) -> None:
    rows = readings(spark).unionByName(readings(spark))  # every reading in two versions
    assert told(register_figures(rows)) == pytest.approx(
        {"readings": 7 + 12 + 1, "series": 3, "gap_share": (3 + 1) / (10 + 13 + 1), "empty_share": 1 / 20}
    )
    corrected = readings(spark).withColumns({"known_from": F.lit(NOON + dt.timedelta(1)), "reading_total": withdrawn()})
    assert told(register_figures(readings(spark).unionByName(corrected)))["empty_share"] == 2 / 20
    none = told(register_figures(rows.limit(0)))
    assert none == {"readings": 0, "series": 0, "gap_share": None, "empty_share": None}


def account(batch: str, rows: int, accepted: int, superseded: int, duplicate: int, bad_cells: int = 0) -> dict[str, object]:
    counts = {"row_count": rows, "accepted": accepted, "superseded": superseded, "duplicate": duplicate}
    rest = {"quarantined": rows - accepted - superseded - duplicate, "bad_cells": bad_cells, "flagged": 0}
    return {"_source": "weather", "_batch_id": batch, **counts, **rest}


def test_batch_figures_are_shares_of_the_batchs_own_rows(spark: SparkSession) -> None:
    accounts = frame(spark, BATCH_ACCOUNT, [account("b1", 200, 150, 10, 20, bad_cells=300), account("b2", 0, 0, 0, 0)])
    found = {(row["subject"], row["metric"]): row["value"] for row in batch_figures(accounts).collect()}
    assert {metric: value for (subject, metric), value in found.items() if subject == "weather/b1"} == pytest.approx(
        {
            "rows": 200,
            "quarantined_share": 0.1,
            "duplicate_share": 0.1,
            "superseded_share": 0.05,
            "flagged_share": 0.0,
            "bad_cells_per_row": 1.5,
        }
    )
    assert found["weather/b2", "rows"] == 0
    assert found["weather/b2", "quarantined_share"] is None


def test_figures_never_read_the_arrays(spark: SparkSession, warehouse: Warehouse, capsys: pytest.CaptureFixture[str]) -> None:
    warehouse.append(INTERVAL_DAY, blocks(spark))
    interval_figures(warehouse.read(INTERVAL_DAY), estimates(spark), points(spark)).explain(mode="formatted")
    read = [line for line in capsys.readouterr().out.splitlines() if line.startswith("ReadSchema")]
    assert len(read) == 1
    assert "missing_count" in read[0]
    assert "array" not in read[0]


def invoice(bill: str, amount: str, known_from: dt.datetime = NOON) -> dict[str, object]:
    return {"bill_id": bill, "amount": Decimal(amount), "known_from": known_from}


def line(bill: str, number: int, charge: str, quantity: str | None = None, price: str | None = None) -> dict[str, object]:
    priced = {"quantity": quantity and Decimal(quantity), "price": price and Decimal(price)}
    return {"bill_id": bill, "item_no": number, "charge": Decimal(charge), "known_from": NOON, **priced}


def test_bills_are_measured_as_known(spark: SparkSession, warehouse: Warehouse) -> None:
    later = NOON + dt.timedelta(days=1)
    bills = [
        invoice("good", "45.00"),
        invoice("good", "99.00", later),
        invoice("off", "9.00"),
        invoice("bare", "1.00"),
        invoice("next", "1", later),
    ]
    items = [line("good", 1, "50.00", "100", "0.5"), line("good", 2, "-5.00"), line("off", 1, "10.00", "10", "0.9")]
    warehouse.append(BILL, frame(spark, BILL, bills))
    warehouse.append(BILL_ITEM, frame(spark, BILL_ITEM, items))
    write_quality(warehouse, "run", known_at=NOON, blocks=blocks(spark), estimates=estimates(spark), points=points(spark), registers=None)
    found = {(row["subject"], row["metric"]): row["value"] for row in warehouse.read(QUALITY_METRIC).collect()}
    assert {metric: value for (subject, metric), value in found.items() if subject.startswith("silver.bill")} == pytest.approx(
        {"bills": 3, "without_items_share": 1 / 3, "sum_mismatch_share": 1 / 3, "items": 3, "price_mismatch_share": 1 / 3}
    )


def test_a_batch_is_measured_once_and_the_report_shows_the_last_run(
    spark: SparkSession, warehouse: Warehouse, capsys: pytest.CaptureFixture[str]
) -> None:
    def measure(*accounts: dict[str, object]) -> str:
        warehouse.append(BATCH_ACCOUNT, frame(spark, BATCH_ACCOUNT, accounts))
        run = Run("features", {})
        with logged(warehouse, run):
            write_quality(
                warehouse,
                run.run_id,
                known_at=NOON,
                blocks=blocks(spark),
                estimates=estimates(spark),
                points=points(spark),
                registers=readings(spark),
            )
        return run.run_id

    first = measure(account("b1", 4, 4, 0, 0), account("b2", 8, 6, 1, 0))
    last = measure(account("b3", 10, 5, 0, 5))
    rows = warehouse.read(QUALITY_METRIC).collect()
    batches = {(row["run_id"], row["subject"]) for row in rows if "/" in row["subject"]}
    assert batches == {(first, "weather/b1"), (first, "weather/b2"), (last, "weather/b3")}
    assert len({tuple(row[key] for key in QUALITY_METRIC.keys) for row in rows}) == len(rows)
    assert warehouse.read(RUN_LOG).count() == 2

    assert main(["quality", "--json", "--root-dir", warehouse.settings.root_dir]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["run_id"] == last
    assert {row["batch"]: row["duplicate_share"] for row in report["batches"]} == {"b3": 0.5}
    assert {(row["subject"], row["metric"]): row["value"] for row in report["metrics"]}["silver.interval_day", "intervals"] == 213
    assert report["accounts"][0]["row_count"] == 22
