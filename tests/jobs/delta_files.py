"""Delta tables read without Spark and without Delta: the log is replayed, the Parquet files are read by pyarrow.

An independent reader, and one that costs milliseconds. It knows what these tables use: no deletion
vectors, every commit since the first still in the log.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import pyarrow.parquet as pq

OWN_RECORDS = ("ops.run_log", "ops.quality_metric")
"""What a run writes of itself: other in every run."""


@dataclass(frozen=True)
class Commit:
    """One commit: its operation, and the actions that add and remove files."""

    operation: str
    adds: list[dict]
    removes: list[dict]


def commits(table: Path) -> list[Commit]:
    """The commits of a table, in order."""
    found = []
    for file in sorted((table / "_delta_log").glob("*.json")):
        actions = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
        operation = next((a["commitInfo"]["operation"] for a in actions if "commitInfo" in a), "")
        found.append(Commit(operation, [a["add"] for a in actions if "add" in a], [a["remove"] for a in actions if "remove" in a]))
    return found


def rows(table: Path) -> list[dict]:
    """The rows of a table as it is now."""
    live: dict[str, dict] = {}
    for commit in commits(table):
        for remove in commit.removes:
            live.pop(remove["path"], None)
        for add in commit.adds:
            assert "deletionVector" not in add, f"{table.name} has deletion vectors, which this reader does not know"
            live[add["path"]] = add
    found = []
    for path, add in live.items():
        for row in pq.ParquetFile(table / unquote(path)).read().to_pylist():
            found.append({**row, **add["partitionValues"]})
    return found


def tables(warehouse: Path, *, layers: Iterable[str] = ("bronze", "silver", "gold", "ops")) -> dict[str, list[str]]:
    """Every row of every table that holds one, as text, in order; the runs' own records are left out."""
    found = {}
    for layer in layers:
        for table in sorted((warehouse / layer).glob("*")):
            name = f"{layer}.{table.name}"
            content = sorted(repr(sorted(row.items())) for row in rows(table)) if name not in OWN_RECORDS else []
            if content:
                found[name] = content
    return found


def differences(left: Mapping[str, list[str]], right: Mapping[str, list[str]]) -> list[str]:
    """The tables that differ, each with one row that only one side has; empty where all are equal."""
    found = []
    for name in sorted({*left, *right}):
        mine, theirs = left.get(name, []), right.get(name, [])
        if mine != theirs:
            odd = next(iter(sorted(set(mine) ^ set(theirs))), "the same rows, other counts")
            found.append(f"{name}: {len(mine)} and {len(theirs)} rows, such as {odd[:300]}")
    return found
