"""Cells read in Arrow mean what they mean when Spark reads them; what is not plain stays text."""

from __future__ import annotations

import datetime as dt
import math
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from gridlens.ingest.plain import plain_kinds, split_cells
from gridlens.ingest.source import SourceFile
from hypothesis import given, settings
from hypothesis import strategies as st
from ingest_support import staged_rows
from pyspark.sql import SparkSession

NULLS = ("", "NULL")
ODD = [
    *(
        "",
        "NULL",
        " 12.5",
        "12.5 ",
        "+3",
        "1e3",
        "1e400",
        "-0",
        "-0.0",
        "NaN",
        "inf",
        "Infinity",
        "1d",
        "0x10",
        "１２",
        "1,5",
        ".5",
        "5.",
        "--1",
    ),
    *(
        "2024-02-29",
        "2023-02-29",
        "2024-02-30",
        "2024-13-01",
        "2024-04-31",
        "2024-1-5",
        "0999-01-01",
        "24-01-01",
        "2024-01-01T",
        "20240101",
    ),
    *("2024-01-01 24:00", "2024-01-01 23:59", "2024-01-01 23:59:60", "2024-01-01T10:11:12.5", "2024-01-01 10", "2024-01-01 10:11Z", "待定"),
]
CELLS = st.lists(
    st.one_of(
        st.sampled_from(ODD),
        st.decimals(min_value=-(10**14), max_value=10**14, places=3, allow_nan=False).map(str),
        st.floats(allow_nan=False, allow_infinity=False).map(repr),
        st.dates(dt.date(1000, 1, 1), dt.date(2999, 12, 31)).map(str),
        st.datetimes(dt.datetime(1000, 1, 1), dt.datetime(2999, 12, 31)).map(lambda t: t.isoformat(" ", "seconds")),
        st.text(alphabet="0123456789-.: TeE", max_size=19),
    ),
    max_size=40,
)


def meaning(text: str, kind: str) -> Any:
    """A cell as Python reads it, by a form stricter than Python's; None where it has none."""
    if kind == "double":
        value = float(text) if re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", text, re.ASCII) else math.nan
        return value if math.isfinite(value) else None
    if kind.startswith("decimal"):
        return Decimal(text) if re.fullmatch(r"-?\d{1,15}(\.\d{1,3})?", text, re.ASCII) else None
    form = r"\d{4}-\d\d-\d\d" if kind == "date" else r"\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d)?)?"
    if not re.fullmatch(form, text, re.ASCII):
        return None
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.date() if kind == "date" else (moment - dt.datetime(1970, 1, 1)) // dt.timedelta(microseconds=1)


@settings(max_examples=300, deadline=None)
@given(cells=CELLS, kind=st.sampled_from(["double", "decimal(18,3)", "date", "timestamp"]))
def test_a_cell_is_plain_with_its_meaning_or_stays_text(cells: list[str], kind: str) -> None:
    values, rest = split_cells(pa.array(cells, pa.string()), kind, pa.array(NULLS))
    for text, value, left in zip(cells, values.to_pylist(), rest.to_pylist(), strict=True):
        if text in NULLS:
            assert (value, left) == (None, None)
        elif value is None:
            assert left == text
        else:
            assert left is None
            assert value == meaning(text, kind)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("double", "1234.5678"),
        ("decimal(18,3)", "-17.25"),
        ("date", "2024-02-28"),
        ("date", "2024-12-31"),
        ("timestamp", "2024-03-01 04:05:06"),
    ],
)
def test_what_sources_write_is_plain(kind: str, text: str) -> None:
    values, rest = split_cells(pa.array([text, "?"]), kind, pa.array(NULLS))
    assert values.to_pylist() == [meaning(text, kind), None]
    assert rest.to_pylist() == [None, "?"]


def registers() -> SourceFile:
    columns = {
        "metering_point_id": "point",
        "meter_id": {"constant": "M1"},
        "channel": {"constant": "1.8.0"},
        "read_date": "day",
        "read_kind": {"constant": "scheduled"},
        "reading_total": "total",
        "max_demand_kw": {"column": "demand", "scale": 0.001},
        "reading_peak": "peak",
    }
    defined = {"name": "r", "entity": "meter_register", "format": "csv", "path": "*.csv", "zone": "Asia/Shanghai", "columns": columns}
    return SourceFile.model_validate({**defined, "known_from": {"column": "came"}})


def test_only_columns_of_one_plain_use(spark: SparkSession) -> None:
    assert plain_kinds(registers()) == {"day": "date", "total": "decimal(18,3)", "peak": "decimal(18,3)", "came": "timestamp"}


def test_rows_are_those_that_spark_alone_reads(spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cells = [*ODD, "2024-05-06", "2024-05-06 07:08", "17.25", "17.2555", "1234567890123456.5"]
    lines = [f'P{i},"{a}","{b}","{b}","{a}","{a}"' for i, (a, b) in enumerate((a, b) for a in cells for b in cells[::5])]
    (tmp_path / "r.csv").write_text(
        "\n".join(["point,day,total,peak,demand,came", *lines, "P,2024-05-06,1,2,3,2024-05-07 01:00:00"]), "utf-8"
    )
    ours = staged_rows(spark, tmp_path, registers())
    monkeypatch.setattr("gridlens.ingest.rows.plain_kinds", lambda source: {})
    assert ours == staged_rows(spark, tmp_path, registers())
    assert sum(r["reading_total"] is not None for r in ours) > len(cells)
    assert sum(r["read_date"] is not None and r["known_us"] is not None for r in ours) > len(cells)
