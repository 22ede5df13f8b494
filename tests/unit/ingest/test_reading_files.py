"""Files of every format and encoding as bronze rows; each source row once, each wrong file named before anything is written."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from gridlens.errors import SourceError
from gridlens.ingest.check import check
from gridlens.ingest.fields import FieldSource
from gridlens.ingest.mapping import read_cell
from gridlens.ingest.source import SourceFile, load_sources, problems
from ingest_support import interval_source, known_files, sound, staged_rows
from pydantic import ValidationError
from pyspark.sql import SparkSession
from pyspark.sql.types import DataType

CONF = Path(__file__).resolve().parents[3] / "conf" / "sources"


@pytest.fixture
def small_parts(spark: SparkSession) -> Iterator[None]:
    """Files are read in parts of 300 bytes."""
    before = {key: spark.conf.get(key, None) for key in ("spark.sql.files.maxPartitionBytes", "spark.sql.files.openCostInBytes")}
    spark.conf.set("spark.sql.files.maxPartitionBytes", "300")
    spark.conf.set("spark.sql.files.openCostInBytes", "0")
    yield
    for key, value in before.items():
        spark.conf.unset(key) if value is None else spark.conf.set(key, value)


def resolve(root: Path, locator: str) -> str:
    """The line that a locator names, read from the file's bytes alone."""
    found = re.fullmatch(r"(.+?)(?:@(\d+)\+|:)(\d+)", locator)
    assert found is not None
    content = (root / found[1]).read_bytes()
    if found[2] is not None:
        content = content[content.index(b"\n", int(found[2])) + 1 :]
    return content.split(b"\n")[int(found[3]) - 1].rstrip(b"\r").decode()


@pytest.mark.usefixtures("small_parts")
def test_every_line_of_a_split_file_once_and_findable(spark: SparkSession, tmp_path: Path) -> None:
    lines = [f"P{i},2024-01-01,{i}.5" if i % 7 else f"P{i},broken" for i in range(120)]
    (tmp_path / "a 台区.csv").write_text("point,day,kwh\r\n" + "\r\n".join(lines) + "\r\n\r\n", encoding="utf-8-sig")
    part = {"layout": "daily_total", "label": "day", "value": "kwh", "resolution_minutes": 1440}
    rows = staged_rows(spark, tmp_path, interval_source(part))
    assert sum("@" in r["_locator"] for r in rows) > 60
    assert sorted(resolve(tmp_path, r["_locator"]) for r in rows) == sorted(lines)
    for r in rows:
        line = resolve(tmp_path, r["_locator"])
        if "broken" in line:
            assert (r["_rejected"], r["_raw"], r["_defects"][0]["rule"]) == (True, line, "malformed_row")
        else:
            assert r["_defects"] is None
            assert f"{r['metering_point_id']},{r['local_date']},{r['values'][0]}" == line


def wide_lines(days: int) -> list[str]:
    return [f"点{d % 3},2024-01-{d + 1:02d}," + ",".join(str(d * 100 + i) for i in range(24)) for d in range(days)]


WIDE = {"layout": "wide_day", "label": "日期", "columns": "P{1..24}", "resolution_minutes": 60}


def test_encodings_compression_and_header_order(spark: SparkSession, tmp_path: Path) -> None:
    header = "计量点,日期," + ",".join(f"P{i}" for i in range(1, 25))
    lines = wide_lines(4)
    text = "\n".join([header, *lines]) + "\n"
    (tmp_path / "plain.csv").write_text(text, encoding="utf-8")
    (tmp_path / "packed.csv.gz").write_bytes(gzip.compress(text.encode()))
    other = [",".join(reversed(line.split(","))) for line in (header, *lines)]
    (tmp_path / "turned.csv").write_text("\n".join(other), encoding="utf-8")
    source = interval_source(WIDE, columns={"metering_point_id": "计量点", "channel": {"constant": "1.8.0"}})
    files = {f.relative: f for f in known_files(spark, tmp_path, source)}
    assert files["plain.csv"].fingerprint == files["packed.csv.gz"].fingerprint != files["turned.csv"].fingerprint
    rows = staged_rows(spark, tmp_path, source)
    assert [r["_locator"] for r in rows] == [f"{name}:{n}" for name in ("packed.csv.gz", "plain.csv", "turned.csv") for n in (2, 3, 4, 5)]
    assert all(r["values"] == [float(d * 100 + i) for i in range(24)] for d, r in zip([0, 1, 2, 3] * 3, rows, strict=True))
    assert len({r["_content_hash"] for r in rows}) == 4
    chinese = tmp_path / "gb"
    chinese.mkdir()
    (chinese / "gb.csv").write_bytes(text.encode("gb18030") + "坏".encode() + b"\xff,2024-01-09" + b",1" * 24 + b"\n")
    source = source.model_copy(update={"options": source.options.model_copy(update={"encoding": "gb18030"})})
    rows = staged_rows(spark, chinese, source)
    assert [r["metering_point_id"] for r in rows] == ["点0", "点1", "点2", "点0", None]
    assert rows[-1]["_defects"][0]["detail"] == "the line is not in gb18030"


def test_unreadable_cells_of_a_wide_day_are_marked_not_dropped(spark: SparkSession, tmp_path: Path) -> None:
    header = "point,日期," + ",".join(f"P{i}" for i in range(1, 25))
    cells = ["1"] * 24
    for place, cell in {0: "NaN", 3: "1e400", 5: "abc", 7: "", 9: "1d", 11: "１２", 23: "-0.5"}.items():
        cells[place] = cell
    (tmp_path / "w.csv").write_text(f"{header}\nA,2024-03-31,{','.join(cells)}\nB,2024-03-31{',2' * 24}\n", encoding="utf-8")
    bad, good = staged_rows(spark, tmp_path, interval_source(WIDE, zone="Europe/Berlin"))
    assert bad["bad_intervals"] == [0, 3, 5, 9, 11]
    assert bad["values"] == [None, 1.0, 1.0, None, 1.0, None, 1.0, None, 1.0, None, 1.0, None, *[1.0] * 11, -0.5]
    assert (bad["_bad_cells"], bad["_rejected"], bad["_raw"]) == (["values"], False, None)
    assert (good["values"], good["bad_intervals"], good["_defects"]) == ([2.0] * 24, None, None)


def test_wrong_columns_are_named_before_anything_is_read(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "ok.csv").write_text("point,day,kwh\nA,2024-01-01,1\n")
    (tmp_path / "wrong.csv").write_text("point,date,kwh\nA,2024-01-01,1\n")
    source = interval_source({"layout": "daily_total", "label": "day", "value": "kwh", "resolution_minutes": 1440})
    with pytest.raises(SourceError, match=r"wrong\.csv: lacks the column\(s\) day that source readings declares; found point, date, kwh"):
        known_files(spark, tmp_path, source)
    with pytest.raises(SourceError, match=r"no file matches .*/none/\*\.csv\*"):
        known_files(spark, tmp_path / "none", source)
    (tmp_path / "wrong.csv").write_bytes("点,日".encode("gb18030"))
    with pytest.raises(SourceError, match=r"wrong\.csv: its first line is not utf-8; declare options\.encoding: gb18030"):
        known_files(spark, tmp_path, source)


def test_a_source_that_may_be_empty_has_no_files_where_there_are_none(spark: SparkSession, tmp_path: Path) -> None:
    source = interval_source(WIDE, may_be_empty=True)
    assert known_files(spark, tmp_path / "none", source) == []
    looked = check(spark, source, [])
    assert (looked.files, looked.source_rows, looked.sample) == ((), 0, ())
    assert [field.origin for field in looked.fields if field.name == "metering_point_id"] == ["point"]
    with pytest.raises(ValidationError, match="may_be_empty is for files"):
        SourceFile.model_validate(source.model_dump() | {"kind": "table", "table": "x", "path": None, "format": None, "key": ("point",)})


def test_matrix_by_date_and_json_lines(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "sgcc.csv").write_text("user,flag,2014/1/1,2014/1/10\nu1,0,1.5,\nu2,1,x,0\n")
    part = {"layout": "matrix_by_date", "formats": "yyyy/M/d", "drop": ["flag"], "resolution_minutes": 1440}
    rows = staged_rows(spark, tmp_path, interval_source(part, columns={"metering_point_id": "user", "channel": {"constant": "1.8.0"}}))
    seen = [(r["metering_point_id"], str(r["local_date"]), r["values"], r["bad_intervals"], r["_head"]) for r in rows]
    assert sorted(seen, key=str) == [
        ("u1", "2014-01-01", [1.5], None, True),
        ("u2", "2014-01-01", [None], [0], True),
        ("u2", "2014-01-10", [0.0], None, False),
    ]
    wide: dict[str, Any] = {"point": "J", "日期": "2024-01-01"} | {f"P{i}": i for i in range(1, 25)}
    (tmp_path / "w.jsonl").write_text(
        json.dumps(wide, ensure_ascii=False) + "\n[1]\n{\n\n" + json.dumps(wide | {"P3": "?"}) + "\n", encoding="utf-8"
    )
    rows = staged_rows(spark, tmp_path, interval_source(WIDE, format="jsonl", path="*.jsonl"))
    assert [(r["_locator"], r["_rejected"]) for r in rows] == [
        ("w.jsonl:1", False),
        ("w.jsonl:2", True),
        ("w.jsonl:3", True),
        ("w.jsonl:5", False),
    ]
    assert rows[0]["values"] == [float(i) for i in range(1, 25)]
    assert (rows[1]["_raw"], rows[3]["bad_intervals"]) == ("[1]", [2])


WEATHER = {
    "name": "weather",
    "entity": "weather",
    "format": "jsonl",
    "path": "*.jsonl",
    "zone": "Asia/Shanghai",
    "columns": {"area_id": "地区", "local_date": "day", "humidity_pct": "humid"},
    "known_from": {"days_after": 1},
    "options": {"encoding": "gb18030"},
}


def test_json_lines_without_a_declared_field_are_refused_and_rows_may_lack_it(spark: SparkSession, tmp_path: Path) -> None:
    source = sound(SourceFile.model_validate(WEATHER))
    whole, partly = {"地区": "东", "day": "2024-01-01", "humid": 50}, {"地区": "东", "day": "2024-01-02"}
    (tmp_path / "a.jsonl").write_bytes("\n".join(json.dumps(row, ensure_ascii=False) for row in (partly, whole)).encode("gb18030"))
    (tmp_path / "broken.jsonl").write_text("[1]\n{\n")
    assert len(known_files(spark, tmp_path, source)) == 2, "some rows may lack a field; lines that are no object are rejected one by one"
    (tmp_path / "b.jsonl").write_bytes(json.dumps(partly, ensure_ascii=False).encode("gb18030"))
    sentence = (
        r"b\.jsonl: none of its first 1,000 lines has the field\(s\) humid that source weather declares; found 地区, day; .*optional: true"
    )
    with pytest.raises(SourceError, match=sentence):
        known_files(spark, tmp_path, source)
    columns = {**WEATHER["columns"], "humidity_pct": {"column": "humid", "optional": True}}
    assert len(known_files(spark, tmp_path, sound(SourceFile.model_validate(WEATHER | {"columns": columns})))) == 3
    assert [where for where, _ in problems(SourceFile.model_validate(WEATHER | {"columns": columns, "format": "csv"}))] == [
        ("columns", "humidity_pct", "optional")
    ]


def test_a_matrix_whose_column_stands_twice_is_refused(spark: SparkSession, tmp_path: Path) -> None:
    part = {"layout": "matrix_by_point", "label": "day", "resolution_minutes": 1440}
    source = interval_source(part, columns={"channel": {"constant": "1.8.0"}})
    (tmp_path / "m.csv").write_text("day,A,B,A\n2024-01-01,1,2,3\n")
    with pytest.raises(SourceError, match=r"m\.csv: has the column\(s\) A more than once; give every column its own name"):
        known_files(spark, tmp_path, source)
    (tmp_path / "m.csv").write_text("day,A,B,,\n2024-01-01,1,2,,\n")
    with pytest.raises(SourceError, match=r"m\.csv: has the column\(s\) '' more than once"):
        known_files(spark, tmp_path, source)
    rows = staged_rows(spark, tmp_path, interval_source({**part, "drop": [""]}, columns={"channel": {"constant": "1.8.0"}}))
    assert [r["metering_point_id"] for r in rows] == ["A", "B"]


BILLS = {
    "name": "bills",
    "entity": "bill",
    "format": "csv",
    "path": "b.csv",
    "zone": "Asia/Shanghai",
    "options": {"encoding": "gb18030", "delimiter": "|"},
    "columns": {
        "bill_id": {"column": "单号", "prefix": "YX-"},
        "account_id": "户号",
        "period_start": {"column": "起", "formats": ["yyyyMMdd", "yyyy/M/d"]},
        "period_end": {"column": "止", "formats": ["yyyyMMdd", "yyyy/M/d"]},
        "issued_on": "发行",
        "due_on": "发行",
        "quantity_kwh": {"column": "电量", "scale": 1000},
        "amount": {"column": "金额", "extract": "^¥?(.+)$"},
        "currency": {"constant": "CNY"},
        "tariff_id": {"column": "电价", "codes": {"居民": "res"}},
    },
    "known_from": {"column": "发布", "round_up": "hour"},
}


def test_entity_fields_from_gb18030_text(spark: SparkSession, tmp_path: Path) -> None:
    lines = [
        "单号|户号|起|止|发行|电量|金额|电价|发布",
        "1| 0012 |20240101|2024/1/31|2024-02-01|1.5|¥80.125|居民|2024-02-01 08:30:00",
        "2|0013|2024-01-01|20240131|2024-02-30|NaN|1e400|其他|2024-02-01 09:00:00",
    ]
    (tmp_path / "b.csv").write_bytes("\n".join(lines).encode("gb18030"))
    good, bad = staged_rows(spark, tmp_path, sound(SourceFile.model_validate(BILLS)))
    assert (good["bill_id"], good["account_id"], good["tariff_id"]) == ("YX-1", "0012", "res")
    assert (good["period_start"], good["period_end"]) == (dt.date(2024, 1, 1), dt.date(2024, 1, 31))
    assert (good["quantity_kwh"], good["amount"]) == (Decimal("1500.000"), Decimal("80.13"))
    assert good["known_us"] == int(dt.datetime(2024, 2, 1, 1, tzinfo=dt.timezone.utc).timestamp()) * 1_000_000
    assert set(bad["_bad_cells"]) == {"period_start", "issued_on", "due_on", "quantity_kwh", "amount"}
    assert [bad[name] for name in bad["_bad_cells"]] == [None] * 5
    assert bad["tariff_id"] == "其他"
    assert bad["_defects"][0]["rule"] == "unreadable_cell"


def test_a_table_with_its_own_types_and_the_dry_run(spark: SparkSession, tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"k": [1, 2], "area": ["a", "b"], "day": [dt.date(2024, 1, 1), None], "t": [1.5, float("nan")], "_row": ["是", "?"]}
    )
    spark.createDataFrame(frame).createOrReplaceTempView("ingest_weather_view")
    definition = {
        "name": "weather_view",
        "entity": "weather",
        "kind": "table",
        "table": "ingest_weather_view",
        "key": ["k"],
        "zone": "Asia/Shanghai",
        "columns": {"area_id": "area", "local_date": "day", "temperature_mean_c": "t", "humidity_pct": "_row"},
        "known_from": {"days_after": 0},
    }
    source = sound(SourceFile.model_validate(definition))
    rows = staged_rows(spark, tmp_path, source)
    assert [r["_locator"] for r in rows] == ["ingest_weather_view:k=1", "ingest_weather_view:k=2"]
    assert (rows[0]["temperature_mean_c"], rows[0]["_bad_cells"]) == (1.5, ["humidity_pct"])
    assert (rows[1]["temperature_mean_c"], rows[1]["local_date"], rows[1]["known_us"]) == (None, None, None)
    seen = check(spark, source, known_files(spark, tmp_path, source))
    assert (seen.source_rows, seen.rejected_rows, len(seen.sample)) == (2, 0, 2)
    assert (seen.objections[0].rule, seen.objections[0].rows) == ("unreadable_cell", 2)
    assert [f.origin for f in seen.fields if f.name == "temperature_mean_c"] == ["t"]


def test_a_parquet_file_is_known_by_its_rows(spark: SparkSession, tmp_path: Path) -> None:
    part = {"layout": "long", "label": "time", "labels": "begin", "value": "kwh", "value_kind": "kwh", "resolution_minutes": 30}
    rows = pd.DataFrame({"point": "P", "time": [f"2024-03-01 {h:02d}:30:00" for h in range(24)], "kwh": [h / 4 for h in range(24)]})
    rows.to_parquet(tmp_path / "a.parquet")
    rows[::-1].assign(unread=1).to_parquet(tmp_path / "b.parquet", compression="gzip", row_group_size=5)
    rows.assign(kwh=rows["kwh"] + 1).to_parquet(tmp_path / "c.parquet")
    rows[:0].to_parquet(tmp_path / "d.parquet")
    source = interval_source(part, format="parquet", path="*.parquet")
    a, b, c, d = (f.fingerprint for f in known_files(spark, tmp_path, source))
    assert a == b
    assert len({a, c, d}) == 3
    rows.rename(columns={"kwh": "energy"}).to_parquet(tmp_path / "e.parquet")
    with pytest.raises(
        SourceError, match=r"e\.parquet: lacks the column\(s\) kwh that source readings declares; found point, time, energy"
    ):
        known_files(spark, tmp_path, source)


def test_matrices_with_points_of_their_own(spark: SparkSession, tmp_path: Path) -> None:
    """Columns that only one Parquet file has are read; a changed reading changes the fingerprint; other files beside it do not."""
    part = {"layout": "matrix_by_point", "label": "day", "value_kind": "kwh", "resolution_minutes": 1440}
    source = interval_source(part, format="parquet", path="*.parquet", columns={"channel": {"constant": "1.8.0"}})
    pd.DataFrame({"day": ["2024-03-01"], "P1": [1.0]}).to_parquet(tmp_path / "a.parquet")
    (alone,) = known_files(spark, tmp_path, source)
    pd.DataFrame({"day": ["2024-03-02"], "P1": [2.0], "P2": [5.0]}).to_parquet(tmp_path / "b.parquet")
    first, second = known_files(spark, tmp_path, source)
    assert first.fingerprint == alone.fingerprint != second.fingerprint
    read = {(r["metering_point_id"], str(r["local_date"])): r["values"] for r in staged_rows(spark, tmp_path, source)}
    assert read["P1", "2024-03-01"] == [1.0]
    assert (read["P1", "2024-03-02"], read["P2", "2024-03-02"]) == ([2.0], [5.0])
    pd.DataFrame({"day": ["2024-03-02"], "P1": [2.0], "P2": [6.0]}).to_parquet(tmp_path / "b.parquet")
    assert known_files(spark, tmp_path, source)[1].fingerprint != second.fingerprint


def test_parquet_files_whose_numbers_have_different_types(spark: SparkSession, tmp_path: Path) -> None:
    """Pandas writes whole numbers as integers, and as doubles where one is missing; a date beside a text is refused in one sentence."""
    part = {"layout": "matrix_by_point", "label": "day", "value_kind": "kwh", "resolution_minutes": 1440}
    source = interval_source(part, format="parquet", path="*.parquet", columns={"channel": {"constant": "1.8.0"}})
    pd.DataFrame({"day": ["2024-03-01"], "P1": [1]}).to_parquet(tmp_path / "a.parquet")
    (alone,) = known_files(spark, tmp_path, source)
    pd.DataFrame({"day": ["2024-03-02", "2024-03-03"], "P1": [2.5, None], "P2": [5, 6]}).to_parquet(tmp_path / "b.parquet")
    assert known_files(spark, tmp_path, source)[0].fingerprint == alone.fingerprint
    read = {(r["metering_point_id"], str(r["local_date"])): r["values"] for r in staged_rows(spark, tmp_path, source)}
    assert (read["P1", "2024-03-01"], read["P1", "2024-03-02"], read["P2", "2024-03-03"]) == ([1.0], [2.5], [6.0])
    pd.DataFrame({"day": [dt.date(2024, 3, 4)], "P1": [2.5]}).to_parquet(tmp_path / "c.parquet")
    with pytest.raises(SourceError, match=r"column day is string in a.parquet and date in c.parquet; write it with one type"):
        staged_rows(spark, tmp_path, source)


def test_ids_that_are_stored_as_numbers_keep_their_digits(spark: SparkSession) -> None:
    """Pandas makes doubles of ids where one is missing, PostgreSQL's numeric has eighteen decimals: 3.200000001E9 is nobody's account."""
    source = interval_source({"layout": "long", "label": "time", "value": "kwh", "resolution_minutes": 15})
    given = [
        (3200000001.0, Decimal("3200000001"), 2.0, 2.0000000000001),
        (12.5, None, 2.7, None),
        (None, Decimal("7.25"), float("nan"), 3.0),
    ]
    rows = spark.createDataFrame(given, "id double, numeric decimal(38,18), count double, sum double")

    def read(column: str, target: str) -> list[object]:
        cell = read_cell(rows, source, FieldSource(column=column), DataType.fromDDL(target))
        return [row[0] for row in rows.select(cell).collect()]

    assert read("id", "string") == ["3200000001", "12.5", None]
    assert read("numeric", "string") == ["3200000001", None, "7.250000000000000000"]
    assert read("count", "int") == [2, None, None], "no customer has 2.7 of anything"
    assert read("sum", "int") == [2, None, 3], "the sums of fractions are whole within their rounding"


@pytest.mark.parametrize(
    ("conf", "name", "folder", "rows", "heads", "flagged"),
    [
        ("yangzhong", "yangzhong_weather", "yangzhong_enterprises", 609, 609, 0),
        ("nsw", "nsw_half_hourly", "sgsc_half_hourly", 293_874, 293_874, 0),
    ],
)
def test_real_sources(spark: SparkSession, real_data: Path, conf: str, name: str, folder: str, rows: int, heads: int, flagged: int) -> None:
    (source,) = [s for s in load_sources(CONF / f"{conf}.yml") if s.name == name]
    seen = check(spark, source, known_files(spark, real_data / folder, source), limit=2)
    assert (seen.bronze_rows, seen.source_rows, seen.rejected_rows) == (rows, heads, 0)
    assert sum(o.rows for o in seen.objections) == flagged
