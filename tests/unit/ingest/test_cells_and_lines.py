"""The line kernel against Python's csv module and float(): every line exactly once, garbage never raises."""

from __future__ import annotations

import csv
import math
import re

import numpy as np
import pyarrow as pa
import pytest
from gridlens.ingest.cells import read_numbers, row_digest
from gridlens.ingest.csvtext import CsvFormat, decode_lines, parse_csv
from gridlens.ingest.lines import FileFacts, LinePlan, parse_batches
from gridlens.ingest.shapes import Shape
from hypothesis import given, settings
from hypothesis import strategies as st

FORM = CsvFormat(",", "utf-8", ("", "NULL"))
PLAIN = settings(max_examples=50, deadline=None)

_cell = st.one_of(
    st.from_regex(r"-?[0-9]{1,6}(\.[0-9]{1,4})?", fullmatch=True),
    st.sampled_from(
        ["", "NULL", "NaN", "Infinity", "-inf", "1e400", "1d", "abc", "１２", "0x10", " 7 ", "+3", ".5", "1_000", '"', '"a,b"', '"x""y"']
    ),
    st.text(alphabet='ab1,".- \t;\u00e9\u4e2d', max_size=6),
)
_line = st.lists(_cell, min_size=1, max_size=6).map(",".join).filter(lambda line: line != "")


def oracle_number(cell: str) -> float | str | None:
    """A finite number, None for empty, or 'bad': by Python's own float after a strict look."""
    text = cell.strip()
    if text in ("", "NULL"):
        return None
    if not re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", text) or math.isinf(float(text)):
        return "bad"
    return float(text)


def oracle_fields(line: str) -> list[str] | None:
    """Fields by Python's csv module; None where a quotation mark is left open or closes before its field ends."""
    try:
        (fields,) = list(csv.reader([line], strict=True))
    except (csv.Error, ValueError):
        return None
    return fields


@PLAIN
@given(st.lists(_line, min_size=1, max_size=30))
def test_every_line_is_parsed_as_by_the_csv_module_or_malformed(lines: list[str]) -> None:
    text, problems = decode_lines(pa.array([line.encode() for line in lines]), "utf-8")
    parsed = parse_csv(text, 3, FORM, [0], [1, 2], problems)
    assert len(parsed.strings[0]) == len(parsed.values) == len(lines)
    for i, line in enumerate(lines):
        fields = oracle_fields(line)
        if fields is None or len(fields) != 3:
            assert i in parsed.problems, line
            assert parsed.strings[0][i].as_py() is None
            assert np.isnan(parsed.values[i]).all()
            continue
        assert i not in parsed.problems, (line, parsed.problems)
        assert parsed.strings[0][i].as_py() == fields[0]
        for j in (0, 1):
            expected = oracle_number(fields[j + 1])
            bad = parsed.bad is not None and bool(parsed.bad[i, j])
            assert bad == (expected == "bad"), (line, j)
            got = parsed.values[i, j]
            assert np.isnan(got) if not isinstance(expected, float) else got == expected


@PLAIN
@given(
    st.lists(st.binary(min_size=1, max_size=30).filter(lambda b: b"\n" not in b and b"\r" not in b), min_size=1, max_size=20),
    st.sampled_from(["utf-8", "gb18030"]),
)
def test_arbitrary_bytes_never_raise_and_keep_their_places(lines: list[bytes], encoding: str) -> None:
    text, problems = decode_lines(pa.array(lines), encoding)
    parsed = parse_csv(text, 2, CsvFormat(",", encoding, ("",)), [0], [1], problems)
    assert len(parsed.values) == len(lines)
    for i, line in enumerate(lines):
        try:
            sound = "\0" not in line.decode(encoding)
        except UnicodeDecodeError:
            sound = False
        if not sound:
            assert i in parsed.problems


@pytest.mark.parametrize("delimiter", [",", ";", "|", "\t"])
def test_gb18030_names_survive_every_delimiter(delimiter: str) -> None:
    name = "镕龘|丂".replace(delimiter, "")  # bytes of 丂 are 0x81 0x40; others hold 0x7C, which is |
    text, problems = decode_lines(pa.array([f"{name}{delimiter}1.5".encode("gb18030")]), "gb18030")
    parsed = parse_csv(text, 2, CsvFormat(delimiter, "gb18030", ("",)), [0], [1], problems)
    assert problems == {}
    assert parsed.problems == {}
    assert parsed.strings[0].to_pylist() == [name]
    assert parsed.values.tolist() == [[1.5]]


def test_decimal_comma_reads_numbers_and_refuses_points() -> None:
    values, bad = read_numbers(pa.array(["1,5", "1.5", "", "-0,25"]), ("",), ",")
    assert np.array_equal(values, [1.5, np.nan, np.nan, -0.25], equal_nan=True)
    assert bad.tolist() == [False, True, False, False]


def test_digest_tells_the_place_of_a_missing_value() -> None:
    digest = row_digest(np.array([[np.nan, 1.0], [1.0, np.nan], [1.0, np.nan], [-0.0, 2.0], [0.0, 2.0], [2.0, 0.0]]))
    assert digest[1] == digest[2]
    assert digest[3] == digest[4]
    assert len(set(digest.tolist())) == 4


def _plan(shape: Shape, columns: tuple[str, ...], keep: tuple[str, ...], packed: tuple[str, ...]) -> LinePlan:
    files = {name: FileFacts(name, f"id-{name}", 7, 0) for name in ("a.csv", "b.csv")}
    return LinePlan(FORM, True, shape, keep, packed, frozenset((*keep, "total")), (columns,), files)


_SCHEMA = pa.schema(
    [
        ("day", pa.string()),
        ("_member", pa.string()),
        ("_value", pa.float64()),
        ("_unreadable", pa.bool_()),
        ("_locator", pa.string()),
        ("_head", pa.bool_()),
        ("_file_id", pa.string()),
        ("_modified_us", pa.int64()),
        ("_problem", pa.string()),
        ("_raw", pa.string()),
    ]
)


@PLAIN
@given(st.lists(st.integers(1, 12), min_size=1, max_size=8), st.integers(1, 7))
def test_lines_are_numbered_over_batches_and_files(sizes: list[int], batch_size: int) -> None:
    rows = []
    for number, size in enumerate(sizes):
        path, block = ("a.csv", 100 * number) if number % 2 == 0 else ("b.csv", 100 * (number - 1))
        rows += [(b"h,h,h" if block == 0 and i == 0 else f"d{i},{i},2".encode() if i % 4 else b"", path, block) for i in range(size)]
    batches = (
        pa.record_batch({"line": [r[0] for r in part], "_path": [r[1] for r in part], "_block": [r[2] for r in part]})
        for part in (rows[i : i + batch_size] for i in range(0, len(rows), batch_size))
    )
    plan = _plan(Shape.MELT, ("day", "p", "q"), ("day",), ())
    out = [row for batch in parse_batches(batches, plan, _SCHEMA) for row in batch.to_pylist()]
    expected = []
    for number, size in enumerate(sizes):
        path, block = ("a.csv", 100 * number) if number % 2 == 0 else ("b.csv", 100 * (number - 1))
        prefix = f"{path}:" if block == 0 else f"{path}@{block}+"
        expected += [f"{prefix}{i + 1}" for i in range(size) if i % 4]
    assert [r["_locator"] for r in out if r["_head"]] == expected
    assert [r["_locator"] for r in out] == [locator for locator in expected for _ in range(2)]


def test_matrix_skips_empty_cells_and_keeps_a_row_without_any() -> None:
    lines = [b"day,p,q,total", b"d1,1,,1", b"d2,,,0", b"d3,x,4,4", b"d4,1"]
    batch = pa.record_batch({"line": lines, "_path": ["a.csv"] * 5, "_block": [0] * 5})
    plan = _plan(Shape.MELT, ("day", "p", "q", "total"), ("day",), ())
    out = [row for part in parse_batches(iter([batch]), plan, _SCHEMA) for row in part.to_pylist()]
    seen = [(r["day"], r["_member"], r["_value"], r["_unreadable"], r["_head"], r["_locator"]) for r in out]
    assert seen == [
        ("d1", "p", 1.0, False, True, "a.csv:2"),
        ("d2", "p", None, False, True, "a.csv:3"),
        ("d3", "p", None, True, True, "a.csv:4"),
        ("d3", "q", 4.0, False, False, "a.csv:4"),
        (None, "p", None, False, True, "a.csv:5"),
    ]
    assert out[-1]["_problem"] == "the line has 2 fields, expected 4"
    assert out[-1]["_raw"] == "d4,1"
