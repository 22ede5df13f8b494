"""Exports: what a spreadsheet, a CSV reader and a Parquet reader see; personal fields; whole file or none."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
from decimal import Decimal
from pathlib import Path

import openpyxl
import pyarrow.parquet as pq
import pytest
from gridlens.errors import PlatformError, SettingsError
from gridlens.reports import export as module
from gridlens.reports.export import export, safe_text
from gridlens.tables import Field, Sensitivity, Table
from pyspark.sql import DataFrame, SparkSession

TABLE = Table(
    "mixed",
    "gold",
    "One field of each kind.",
    (
        Field("id", "string", "Key"),
        Field("name", "string", "Name", null="unknown", sensitivity=Sensitivity.PERSONAL),
        Field("note", "string", "Free text", null="none"),
        Field("energy_kwh", "double", "Energy", null="none"),
        Field("amount", "decimal(18,2)", "Amount", null="none"),
        Field("hash", "bigint", "Hash", null="none"),
        Field("day", "date", "Day", null="none"),
        Field("at", "timestamp", "Moment", null="none"),
        Field("flag", "boolean", "Flag", null="none"),
        Field("values", "array<double>", "Values", null="none"),
    ),
    ("id",),
)
MOMENT = dt.datetime(2026, 2, 16, 16, 30, tzinfo=dt.UTC)
ROWS = [
    ("a", "张三", '=HYPERLINK("http://x","y")', -1.5, Decimal("-12.30"), -(2**62), dt.date(2026, 2, 17), MOMENT, True, [1.0, None, -0.25]),
    ("b", "李四", "-1+1", 2.0, Decimal("0.00"), 5, None, None, False, []),
    ("c", None, 'plain, with "quotes"\nand a line', float("nan"), None, None, None, None, None, None),
    ("@d", "x", "\t=1", 0.1, Decimal("9999999999999999.99"), 0, dt.date(1999, 12, 31), MOMENT, True, [0.0]),
]


@pytest.fixture
def rows(spark: SparkSession) -> DataFrame:
    return spark.createDataFrame(ROWS, TABLE.schema).coalesce(1)


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@x", "\tx", "\rx"])
def test_text_that_a_spreadsheet_would_run_gets_an_apostrophe(text: str) -> None:
    assert safe_text(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "a=1", "1-2", " =1", "电", "'=1"])
def test_other_text_stays(text: str) -> None:
    assert safe_text(text) == text


@pytest.mark.spark
@pytest.mark.parametrize("name", ["out.csv", "out.csv.gz"])
def test_csv_keeps_numbers_and_escapes_text(rows: DataFrame, tmp_path: Path, name: str) -> None:
    result = export(rows, TABLE, tmp_path / "deep" / name)
    assert (result.rows, result.left_out) == (4, ("name",))
    opener = gzip.open if name.endswith("gz") else open
    with opener(result.path, "rt", encoding="utf-8-sig", newline="") as file:
        found = list(csv.DictReader(file))
    assert [r["id"] for r in found] == ["a", "b", "c", "'@d"]
    assert [r["note"] for r in found] == ["'" + ROWS[0][2], "'-1+1", ROWS[2][2], "'\t=1"]
    assert [r["energy_kwh"] for r in found] == ["-1.5", "2.0", "NaN", "0.1"]
    assert [r["amount"] for r in found] == ["-12.30", "0.00", "", "9999999999999999.99"]
    assert found[0]["hash"] == str(-(2**62))
    assert [found[0][c] for c in ("day", "at", "flag", "values")] == ["2026-02-17", "2026-02-16T16:30:00Z", "true", "[1.0, null, -0.25]"]
    assert "name" not in found[0]
    assert [p.name for p in result.path.parent.iterdir()] == [name]


@pytest.mark.spark
def test_xlsx_has_typed_cells_and_no_formula(rows: DataFrame, tmp_path: Path) -> None:
    result = export(rows, TABLE, tmp_path / "out.xlsx", personal=True)
    assert result.left_out == ()
    sheet = openpyxl.load_workbook(result.path).active
    table = [[cell.value for cell in row] for row in sheet.iter_rows()]
    assert tuple(table[0]) == tuple(f.name for f in TABLE.fields) == result.columns
    assert table[1][:5] == ["a", "张三", "'" + ROWS[0][2], -1.5, -12.3]
    assert table[1][5] == str(-(2**62))  # exact, where a number would be rounded
    assert table[1][6] == dt.datetime(2026, 2, 17)
    assert table[1][7:] == [dt.datetime(2026, 2, 16, 16, 30), True, "[1.0, null, -0.25]"]
    assert table[3][3] == "NaN"
    assert table[4][4] == "9999999999999999.99"
    assert not [c.coordinate for row in sheet.iter_rows() for c in row if c.data_type == "f"]


@pytest.mark.spark
def test_parquet_holds_the_same_values_and_types(rows: DataFrame, tmp_path: Path) -> None:
    path = export(rows, TABLE, tmp_path / "out.parquet", personal=True).path
    found = pq.read_table(path)
    assert found.num_rows == 4
    for position, name in enumerate(found.column_names):
        expected = [row[position] for row in ROWS]
        got = found.column(name).to_pylist()
        assert [v for v in got if v == v] == [v for v in expected if v == v], name
    assert str(found.schema.field("amount").type) == "decimal128(18, 2)"
    assert str(found.schema.field("at").type) == "timestamp[us, tz=UTC]"


@pytest.mark.spark
def test_limits_and_refusals_leave_no_file_and_keep_the_old_one(rows: DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = tmp_path / "out.xlsx"
    old.write_text("old")
    monkeypatch.setattr(module, "XLSX_ROWS", 3)
    with pytest.raises(SettingsError, match=r"more than 3 rows, which is all that a worksheet holds: choose \.csv or \.parquet"):
        export(rows, TABLE, old)
    assert old.read_text() == "old"
    with pytest.raises(SettingsError, match=r"out\.doc: the kind of file is not known; end the name in \.csv"):
        export(rows, TABLE, tmp_path / "out.doc")
    with pytest.raises(SettingsError, match="every chosen column is personal; add --personal"):
        export(rows.select("name"), TABLE, tmp_path / "name.csv")
    (tmp_path / "file").write_text("x")
    with pytest.raises(PlatformError, match="cannot be written"):
        export(rows, TABLE, tmp_path / "file" / "out.csv")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "out.xlsx"]


@pytest.mark.spark
def test_a_column_that_the_contract_does_not_declare_counts_as_personal(rows: DataFrame, tmp_path: Path) -> None:
    result = export(rows.selectExpr("id", "name AS alias"), TABLE, tmp_path / "out.csv")
    assert result.columns == ("id",)
    assert result.left_out == ("alias",)


@pytest.mark.spark
def test_order_and_every_row_survive_many_partitions_and_none(spark: SparkSession, rows: DataFrame, tmp_path: Path) -> None:
    numbers = spark.range(0, 25_000, numPartitions=5).selectExpr("cast(id as string) AS id", "cast(id as double) AS energy_kwh")
    result = export(numbers, TABLE, tmp_path / "many.parquet")
    assert result.rows == 25_000
    assert pq.read_table(result.path).column("energy_kwh").to_pylist() == [float(i) for i in range(25_000)]
    for suffix in ("csv", "xlsx", "parquet"):
        empty = export(rows.where("id = 'none'"), TABLE, tmp_path / f"none.{suffix}")
        assert empty.rows == 0
    assert pq.read_table(tmp_path / "none.parquet").num_columns == len(TABLE.fields) - 1
    assert (tmp_path / "none.csv").read_text(encoding="utf-8-sig").count("\n") == 1
