"""Mistakes in a source definition: file, line, field, and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest
from gridlens.errors import DefinitionError
from gridlens.ingest.fields import expand_columns
from gridlens.ingest.source import load_sources

GOOD = """sources:
  - name: curves
    entity: meter_interval
    format: csv
    path: curve/*.csv
    zone: Asia/Shanghai
    columns:
      metering_point_id: 计量点
      channel: {constant: 1.8.0}
    intervals:
      layout: wide_day
      label: 数据日期
      columns: P{1..96}
      resolution_minutes: 15
      multiplied: false
    known_from: {days_after: 1, hour: 3}
"""


def test_a_sound_definition(tmp_path: Path) -> None:
    (tmp_path / "s.yml").write_text(GOOD, encoding="utf-8")
    (source,) = load_sources(tmp_path / "s.yml")
    assert source.intervals is not None
    assert source.intervals.columns == tuple(f"P{i}" for i in range(1, 97))
    assert source.needed_columns[:3] == ("计量点", "数据日期", "P1")
    assert hash(source.intervals) == hash(load_sources(tmp_path / "s.yml")[0].intervals)


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("entity: meter_interval", "entity: meter", 3, "meter is no bronze contract"),
        ("zone: Asia/Shanghai", "zone: CST", 6, "CST is no IANA time zone"),
        ("      channel: {constant: 1.8.0}\n", "", 7, "the field channel of meter_interval is missing"),
        ("      metering_point_id:", "      meter_id: Z\n      metering_point_id:", 8, "meter_id is no field of meter_interval"),
        ("{constant: 1.8.0}", "{constant: 1.8.0, column: c}", 9, "either column"),
        ("layout: wide_day", "layout: wide", 11, "expected one of"),
        ("P{1..96}", "P{1..95}", 10, "95 columns of 15 minutes do not make a day"),
        ("label: 数据日期", "label: 数据日期\n      formats: YYYY-MM-dd", 13, "YYYY-MM-dd has Y"),
        ("known_from: {days_after: 1, hour: 3}", "known_from: {hour: 3}", 16, "exactly one of"),
        ("path: curve/*.csv", "path: /data/*.csv", 5, "relative to the root"),
        ("format: csv", "format: csv\n    colour: red", 5, "colour"),
    ],
)
def test_each_mistake_names_file_line_and_field(tmp_path: Path, old: str, new: str, line: int, words: str) -> None:
    assert old in GOOD
    (tmp_path / "s.yml").write_text(GOOD.replace(old, new), encoding="utf-8")
    with pytest.raises(DefinitionError) as caught:
        load_sources(tmp_path / "s.yml")
    assert f"s.yml line {line}: " in str(caught.value)
    assert words in str(caught.value)


def test_the_same_name_twice(tmp_path: Path) -> None:
    (tmp_path / "s.yml").write_text(GOOD + GOOD.split("sources:\n")[1], encoding="utf-8")
    with pytest.raises(DefinitionError, match=r"s\.yml line 17: the source curves is defined twice"):
        load_sources(tmp_path / "s.yml")


@pytest.mark.parametrize(
    ("pattern", "first", "last", "count"), [("P{1..96}", "P1", "P96", 96), ("h{01..24}_kwh", "h01_kwh", "h24_kwh", 24)]
)
def test_column_patterns(pattern: str, first: str, last: str, count: int) -> None:
    columns = expand_columns(pattern)
    assert (columns[0], columns[-1], len(columns)) == (first, last, count)
