"""How the benchmarks measure: contenders in turns, the first round discarded, medians; results compared by DuckDB."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import duckdb

RELATIVE = 1e-6
ABSOLUTE = 1e-9
"""Two results agree where they differ by no more than RELATIVE of the larger plus ABSOLUTE (for what is near zero by cancellation)."""


@dataclass(frozen=True)
class Figure:
    """One line of the output. ``goal`` and ``ok`` are None where a figure is only reported."""

    name: str
    value: float
    unit: str
    goal: float | None
    ok: bool | None
    detail: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def printed(figures: Iterable[Figure]) -> int:
    """Prints a line of JSON a figure as it comes; how many missed their goal."""
    missed = 0
    for figure in figures:
        print(json.dumps(figure.as_dict()), flush=True)
        missed += figure.ok is False
    return missed


def interleaved(contenders: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Seconds of each contender in each of ``rounds`` rounds, one after the other, so that a busy machine hits all of them alike.

    One more round comes first and is not counted: it warms code, caches and Python workers.
    """
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(rounds + 1):
        for name, run in contenders.items():
            began = time.perf_counter()
            run()
            if number:
                seconds[name].append(round(time.perf_counter() - began, 3))
    return seconds


def median_ratio(above: Sequence[float], below: Sequence[float]) -> float:
    """Median of the ratios within each round: what slows the machine in one round slows both."""
    return round(statistics.median(a / b for a, b in zip(above, below, strict=True)), 3)


def parquet(files: Sequence[str]) -> str:
    """Parquet files as a table expression of DuckDB; folders named column=value are columns."""
    quoted = ", ".join("'" + name.removeprefix("file://").replace("'", "''") + "'" for name in files)
    return f"read_parquet([{quoted}], hive_partitioning = true)"


def connect(threads: int) -> duckdb.DuckDBPyConnection:
    """DuckDB with as many threads as Spark has cores."""
    connection = duckdb.connect()
    connection.execute(f"SET threads = {threads}")
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def differences(
    connection: duckdb.DuckDBPyConnection, ours: str, theirs: str, keys: Sequence[str], columns: Mapping[str, str]
) -> dict[str, Any]:
    """How two table expressions differ: rows of each, and the columns that do not agree to RELATIVE.

    Args:
        connection: where both can be read.
        ours: table expression.
        theirs: table expression.
        keys: columns that identify a row in both.
        columns: columns to compare, with their type (``array<double>``, ``string``, else a number).
    """
    checks = [f"max({_excess(name, kind)}) AS {name}" for name, kind in columns.items()]
    on = " AND ".join(f"a.{key} = b.{key}" for key in keys)
    found = connection.execute(f"SELECT count(*) AS rows, {', '.join(checks)} FROM {ours} a JOIN {theirs} b ON {on}")
    names = [column[0] for column in found.description or []]
    values = dict(zip(names, found.fetchone() or (), strict=True))
    rows = [_count(connection, side) for side in (ours, theirs)]
    wrong = [name for name in columns if (values[name] or 0) > 1]
    return {"rows": rows[0], "equal": not wrong and rows[0] == rows[1] == values["rows"], "columns": len(columns), "differing": wrong}


def _count(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    row = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
    return int(row[0]) if row else 0


def _excess(name: str, kind: str) -> str:
    """SQL of how many tolerances a column differs by; a null beside a value counts as 9."""
    if kind == "string":
        return f"CASE WHEN a.{name} IS DISTINCT FROM b.{name} THEN 9 ELSE 0 END"
    if kind.startswith("array"):
        unknown = "[" + ", ".join(["NULL::DOUBLE"] * 24) + "]"
        pairs = f"list_zip(coalesce(a.{name}, {unknown}), coalesce(b.{name}, {unknown}))"
        return f"list_max(list_transform({pairs}, lambda z: {_scalar_excess('z[1]', 'z[2]')}))"
    return _scalar_excess(f"a.{name}", f"b.{name}")


def _scalar_excess(a: str, b: str) -> str:
    tolerance = f"({RELATIVE} * greatest(abs({a}), abs({b})) + {ABSOLUTE})"
    return f"CASE WHEN ({a} IS NULL) != ({b} IS NULL) THEN 9 WHEN {a} IS NULL THEN 0 ELSE abs({a} - {b}) / {tolerance} END"
