"""What a user sees: progress on standard error, results on standard output as tables or as JSON."""

from __future__ import annotations

import datetime as dt
import decimal
import json
import math
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, fields, is_dataclass
from enum import Enum
from pathlib import PurePath
from typing import Any, TextIO

from rich import box
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

_PLAIN_WIDTH = 100_000  # a pipe or a file gets every column whole


def _console(stream: TextIO) -> Console:
    terminal = stream.isatty()
    return Console(file=stream, width=None if terminal else _PLAIN_WIDTH, highlight=False, markup=False, soft_wrap=not terminal)


def say(text: str) -> None:
    """One line of progress."""
    _console(sys.stderr).print(Text(text))


@contextmanager
def step(text: str) -> Iterator[None]:
    """Progress of one named step: a spinner on a terminal, a plain line elsewhere; the time it took when it is done."""
    console = _console(sys.stderr)
    begin = time.monotonic()
    if console.is_terminal:
        with console.status(Text(f"{text} ...")):
            yield
    else:
        console.print(Text(f"{text} ..."))
        yield
    console.print(Text(f"{text}: done in {duration(time.monotonic() - begin)}"))


def duration(seconds: float) -> str:
    """``4.2 s``, ``3 min 05 s`` or ``2 h 07 min``."""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    return f"{whole // 60} min {whole % 60:02d} s" if whole < 3600 else f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def print_table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str] | None = None, *, title: str | None = None) -> None:
    """The rows on standard output; ``columns`` choose and order them, default those of the first row."""
    names = list(columns if columns is not None else (rows[0] if rows else ()))
    table = RichTable(box=box.SIMPLE, title=Text(title) if title else None, title_justify="left", show_edge=False, pad_edge=False)
    for name in names:
        numeric = any(_is_number(row.get(name)) for row in rows)
        table.add_column(Text(name.replace("_", " ")), justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell(row.get(name))) for name in names))
    _console(sys.stdout).print(table)


def print_summary(title: str, facts: Mapping[str, Any]) -> None:
    """A heading and one aligned line for each fact."""
    console = _console(sys.stdout)
    console.print(Text(title, style="bold"))
    width = max((len(name) for name in facts), default=0)
    for name, value in facts.items():
        console.print(Text(f"  {name.ljust(width)}  {cell(value)}"))


def print_result(title: str, result: Any, *, as_json: bool = False) -> None:
    """A pipeline's result: single values as a summary, lists of records as tables; or the whole as JSON."""
    if as_json:
        print_json(result)
        return
    facts: dict[str, Any] = {}
    tables: dict[str, Sequence[Mapping[str, Any]]] = {}
    for field in fields(result):
        value = getattr(result, field.name)
        records = [_record(item) for item in (value if isinstance(value, list | tuple) else [value] if is_dataclass(value) else [])]
        if records and all(records):
            tables[field.name.replace("_", " ")] = [record for record in records if record]
        elif field.name == "seconds":
            facts["took"] = duration(value)
        elif value not in (None, (), [], {}):
            facts[field.name.replace("_", " ")] = value
    if getattr(result, "nothing_new", False):
        facts = {"outcome": "nothing new", **facts}
    print_summary(title, facts)
    for name, rows in tables.items():
        print_table(rows, title=name)


def _record(item: Any) -> dict[str, Any] | None:
    """A record as one flat row (records inside are spread), or None where ``item`` is none."""
    if isinstance(item, Mapping):
        return dict(item)
    if not is_dataclass(item) or isinstance(item, type):
        return None
    row: dict[str, Any] = {}
    for field in fields(item):
        value = getattr(item, field.name)
        row.update(_record(value) or {} if is_dataclass(value) else {field.name: value})
    return row


def print_text(text: str) -> None:
    """One line of a result."""
    _console(sys.stdout).print(Text(text))


def print_json(value: Any) -> None:
    """``value`` as JSON on standard output; NaN and infinities become null, because JSON has none."""
    sys.stdout.write(json.dumps(plain(value), ensure_ascii=False, indent=2) + "\n")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | decimal.Decimal) and not isinstance(value, bool)


def cell(value: Any) -> str:
    """A value for people: thousands apart, whole numbers whole, else six significant digits; nothing for null."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        if value.is_integer() and abs(value) < 1e15:
            return f"{value:,.0f}"
        return f"{value:,.6g}" if math.isfinite(value) and 1e-4 <= abs(value) < 1e6 else f"{value:g}"
    if isinstance(value, list | tuple | Mapping) or is_dataclass(value):
        return json.dumps(plain(value), ensure_ascii=False)
    return str(value)


def plain(value: Any) -> Any:
    """``value`` made of JSON's own kinds only; moments and days in ISO 8601, decimals as text (exact)."""
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if hasattr(value, "asDict"):
        return plain(value.asDict(recursive=True))
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, dt.datetime | dt.date):
        return value.isoformat()
    if isinstance(value, decimal.Decimal | PurePath):
        return str(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
