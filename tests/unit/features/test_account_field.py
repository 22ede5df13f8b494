"""Inspections and outages of an account: by hand at the edges, against plain pandas on random events, and blind to the future."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from gridlens.contracts.account_contact import INSPECTION_FEATURES, OUTAGE_FEATURES
from gridlens.contracts.codes import INSPECTION_FINDINGS, OUTAGE_KINDS
from gridlens.features.account_energy import point_holdings
from gridlens.features.account_field import inspection_features, outage_features
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

AS_OF = dt.date(2026, 3, 31)
ZONE = "Asia/Shanghai"
UNTIL = dt.datetime(2026, 3, 31, 16, tzinfo=dt.UTC)  # the end of 31 March in Shanghai
DAY, SECOND = dt.timedelta(days=1), dt.timedelta(seconds=1)
INSPECTIONS = "inspection_id string, metering_point_id string, inspected_on date, finding string, recovered_kwh decimal(18,3)"
OUTAGES = "outage_id string, transformer_id string, kind string, started_at timestamp, ended_at timestamp"
VERSIONS = "metering_point_id string, account_id string, transformer_id string, valid_from date"
POINTS = [
    ("P1", "one point", "T1"),
    ("P2", "two points, one transformer", "T1"),
    ("P3", "two points, one transformer", "T1"),
    ("P4", "two transformers", "T1"),
    ("P5", "two transformers", "T2"),
    ("P6", "high voltage", None),
    ("P7", "quiet", "T3"),
]


@pytest.fixture(scope="module")
def points(spark: SparkSession) -> DataFrame:
    long_ago = [(*point, dt.date(2019, 1, 1)) for point in POINTS]
    return spark.createDataFrame(long_ago, VERSIONS).coalesce(1)


@pytest.fixture(scope="module")
def holdings(points: DataFrame) -> DataFrame:
    return point_holdings(points.withColumn("multiplier", F.lit(1.0)))


def inspections(spark: SparkSession, rows: list[tuple]) -> DataFrame:
    """From (point, day, finding, recovered)."""
    return spark.createDataFrame([(f"I{n}", *row) for n, row in enumerate(rows)], INSPECTIONS).coalesce(1)


def outages(spark: SparkSession, rows: list[tuple]) -> DataFrame:
    """From (transformer, kind, start, end)."""
    return spark.createDataFrame([(f"O{n}", *row) for n, row in enumerate(rows)], OUTAGES).coalesce(1)


def by_account(result: DataFrame) -> dict[str, dict]:
    return {row.account_id: row.asDict() for row in result.collect()}


def test_inspections_at_the_edges_of_the_window(spark: SparkSession, holdings: DataFrame) -> None:
    rows = [
        ("P1", AS_OF, "no_access", None),
        ("P1", AS_OF - 729 * DAY, "theft", Decimal("10.500")),
        ("P1", AS_OF - 730 * DAY, "theft", Decimal("99.000")),
        ("P4", AS_OF - 800 * DAY, "meter_fault", Decimal("5.000")),
        ("P6", AS_OF - 2 * DAY, "wiring_error", None),
        ("P7", AS_OF + DAY, "theft", Decimal("1.000")),
        ("P-nowhere", AS_OF, "theft", Decimal("1.000")),
    ]
    names = [f.name for f in INSPECTION_FEATURES]
    found = by_account(inspection_features(inspections(spark, rows), holdings, as_of=AS_OF))
    assert {account: [values[name] for name in names] for account, values in found.items()} == {
        "one point": [2, 1, 1, 0, 10.5],
        "two transformers": [0, 0, 0, 800, 0.0],
        "high voltage": [1, 1, 0, 2, 0.0],
    }


def test_outages_at_the_edges_of_the_window(spark: SparkSession, points: DataFrame) -> None:
    hour = dt.timedelta(hours=1)
    rows = [
        ("T1", "planned", UNTIL - 365 * DAY, UNTIL - 365 * DAY + hour),
        ("T1", "unplanned", UNTIL - 365 * DAY - SECOND, UNTIL - 364 * DAY),
        ("T1", "planned", UNTIL, UNTIL + hour),
        ("T2", "unplanned", UNTIL - hour / 2, None),
        ("T2", "unplanned", UNTIL - hour, UNTIL + 5 * hour),
        ("T3", "unplanned", UNTIL - 400 * DAY, None),
    ]
    names = [f.name for f in OUTAGE_FEATURES]
    found = by_account(outage_features(outages(spark, rows), points, until=UNTIL, zone=ZONE))
    assert {account: [values[name] for name in names] for account, values in found.items()} == {
        "one point": [1, 0, 1.0],
        "two points, one transformer": [1, 0, 1.0],
        "two transformers": [3, 2, 2.5],
    }


def test_random_inspections_agree_with_pandas_whatever_happens_later(spark: SparkSession, holdings: DataFrame) -> None:
    rng = np.random.default_rng(4)
    ages = rng.choice([0, 1, 300, 729, 730, 731, 1500], 60)
    rows = [
        (
            f"P{rng.integers(1, 9)}",
            AS_OF - int(age) * DAY,
            str(rng.choice(INSPECTION_FINDINGS)),
            Decimal(f"{rng.integers(9**6) / 1000:.3f}"),
        )
        for age in ages
    ]
    rows = [(*row[:3], None) if row[2] in ("normal", "no_access") else row for row in rows]
    every = pd.DataFrame(rows, columns=["point", "day", "finding", "kwh"])
    every["account_id"] = every.point.map({point: account for point, account, _ in POINTS})
    every["age"] = [(AS_OF - day).days for day in every.day]
    every["kwh"] = every.kwh.astype(float)
    expected = {}
    for account, mine in every.groupby("account_id"):
        recent = mine[mine.age < 730]
        expected[account] = {
            "account_id": account,
            "inspections_730d": len(recent),
            "findings_730d": len(recent) - int(recent.finding.isin(["normal", "no_access"]).sum()),
            "theft_findings_730d": int((recent.finding == "theft").sum()),
            "days_since_inspection": int(mine.age.min()),
            "recovered_kwh_730d": recent.kwh.sum(),
        }
    result = inspection_features(inspections(spark, rows), holdings, as_of=AS_OF)
    assert [(f.name, f.dataType.simpleString()) for f in result.schema][1:] == [(f.name, f.type) for f in INSPECTION_FEATURES]
    later = [*rows, *[(point, AS_OF + DAY, "theft", Decimal("1.000")) for point, _, _ in POINTS]]
    for found in (by_account(result), by_account(inspection_features(inspections(spark, later), holdings, as_of=AS_OF))):
        assert found.keys() == expected.keys()
        for account, values in expected.items():
            assert found[account] == pytest.approx(values), account


def test_random_outages_agree_with_pandas_whatever_happens_later(spark: SparkSession, points: DataFrame) -> None:
    rng = np.random.default_rng(5)
    rows = []
    for _ in range(80):
        start = UNTIL - float(rng.choice([rng.uniform(0, 300), rng.uniform(300, 800)])) * DAY
        end = start + (UNTIL - start) * rng.uniform(0, 1) if rng.random() < 0.8 else None
        rows.append((f"T{rng.integers(1, 4)}", str(rng.choice(OUTAGE_KINDS)), start, end))
    every = pd.DataFrame(rows, columns=["transformer", "kind", "start", "end"])
    every["hours"] = [((end or UNTIL) - start) / dt.timedelta(hours=1) for _, _, start, end in rows]
    recent = every[[UNTIL - start <= 365 * DAY for _, _, start, _ in rows]]
    expected = {}
    for account in sorted({account for _, account, transformer in POINTS if transformer}):
        mine = recent[recent.transformer.isin([transformer for _, owner, transformer in POINTS if owner == account])]
        expected[account] = {
            "account_id": account,
            "outages_365d": len(mine),
            "unplanned_outages_365d": int((mine.kind == "unplanned").sum()),
            "outage_hours_365d": mine.hours.sum(),
        }
    result = outage_features(outages(spark, rows), points, until=UNTIL, zone=ZONE)
    assert [(f.name, f.dataType.simpleString()) for f in result.schema][1:] == [(f.name, f.type) for f in OUTAGE_FEATURES]
    # Outages that run end afterwards, and more begin.
    later = [(*row[:3], row[3] or UNTIL + 7 * DAY) for row in rows] + [(f"T{n}", "unplanned", UNTIL, None) for n in (1, 2, 3)]
    after = outage_features(outages(spark, later), points, until=UNTIL, zone=ZONE)
    for found in (by_account(result), by_account(after)):
        assert found.keys() == expected.keys()
        for account, values in expected.items():
            assert found[account] == pytest.approx(values), account


def test_what_happened_to_the_holder_before_is_not_the_next_ones(spark: SparkSession) -> None:
    moved = dt.date(2026, 1, 1)
    versions = [("P1", "before", "T1", dt.date(2020, 1, 1)), ("P1", "after", "T2", moved)]
    points = spark.createDataFrame(versions, VERSIONS).withColumn("multiplier", F.lit(1.0)).coalesce(1)
    visits = inspections(spark, [("P1", moved - 90 * DAY, "theft", Decimal("900.000")), ("P1", moved, "normal", None)])
    found = by_account(inspection_features(visits, point_holdings(points), as_of=AS_OF))
    assert {account: (row["theft_findings_730d"], row["days_since_inspection"]) for account, row in found.items()} == {
        "before": (1, (AS_OF - moved).days + 90),
        "after": (0, (AS_OF - moved).days),
    }
    midnight = dt.datetime(2025, 12, 31, 16, tzinfo=dt.UTC)  # in Shanghai the first moment of 1 January
    cuts = [("T1", "planned", midnight - SECOND, midnight), ("T1", "planned", midnight, None), ("T2", "unplanned", midnight, None)]
    cut = by_account(outage_features(outages(spark, cuts), points, until=UNTIL, zone=ZONE))
    assert {account: (row["outages_365d"], row["unplanned_outages_365d"]) for account, row in cut.items()} == {
        "before": (1, 0),
        "after": (1, 1),
    }


def test_the_two_tables_share_no_feature() -> None:
    names = [f.name for f in (*INSPECTION_FEATURES, *OUTAGE_FEATURES)]
    assert len(set(names)) == len(names) == len(INSPECTION_FEATURES) + len(OUTAGE_FEATURES)
