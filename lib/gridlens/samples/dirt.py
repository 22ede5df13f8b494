"""Dirty data: which rows are spoilt how, at stated rates, and what should become of each. Recorded in ``truth/``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gridlens.samples.lines import join, json_lines, text
from gridlens.samples.randomness import Random

Columns = dict[str, pa.Array]
BAD_TEXT = ("--", "abc", "#N/A", "１２")
WRONG_DATES = ("2026-02-30", "31/03/26", "0000-00-00")

FATES = {
    "duplicate_row": "duplicate",
    "second_file": "duplicate",
    "late_correction": "superseded",
    "correction": "accepted",
    "missing_cells": "accepted",
    "text_cell": "accepted",
    "text_required": "quarantined",
    "negative": "accepted",
    "spike": "accepted",
    "flatline": "accepted",
    "zero_run": "accepted",
    "over_capacity": "accepted",
    "backwards": "accepted",
    "future_date": "quarantined",
    "unknown_code": "quarantined",
    "wrong_columns": "quarantined",
    "wrong_date": "quarantined",
    "missing_key": "quarantined",
    "missing_day": "absent",
}
"""What should become of the spoilt row. ``second_file`` and ``duplicate_row`` speak of the extra copy; ``late_correction`` of the
first delivery and ``correction`` of the one that replaces it; ``absent`` rows were never delivered."""


@dataclass(frozen=True)
class Spoilt:
    """Rows of one table chosen for each kind of dirt; every row has at most one."""

    rows: Mapping[str, np.ndarray]

    def of(self, kind: str) -> np.ndarray:
        return self.rows.get(kind, np.zeros(0, dtype=np.int64))


def choose(r: Random, table: str, rates: Mapping[str, float], *keys: np.ndarray) -> Spoilt:
    """Chooses rows by their ``keys`` (arrays of one entry a row)."""
    point = r.uniform("dirt/" + table, *keys)
    edges = np.concatenate([[0.0], np.cumsum(list(rates.values()))])
    return Spoilt({kind: np.flatnonzero((point >= low) & (point < high)) for kind, low, high in zip(rates, edges, edges[1:], strict=False)})


def put(column: pa.Array, rows: np.ndarray, values: list[str | None]) -> pa.Array:
    """``column`` with ``values`` at ``rows``."""
    if not len(rows):
        return column
    mask = np.zeros(len(column), dtype=bool)
    mask[rows] = True
    order = np.argsort(rows)
    return pc.replace_with_mask(column, pa.array(mask), pa.array([values[i] for i in order], pa.string()))


@dataclass
class Delivery:
    """Lines by file kind, with the truth about the dirt among them."""

    lines: dict[str, list[pa.Array]] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)

    def add(self, kind: str, columns: Mapping[str, pa.Array]) -> None:
        """All rows of a table, as they are."""
        self.add_lines(kind, columns, join(list(columns.values())))

    def add_lines(self, kind: str, columns: Mapping[str, pa.Array], lines: pa.Array) -> None:
        """Lines of a table whose header is that of ``columns``."""
        self.headers.setdefault(kind, ",".join(columns))
        if len(lines):
            self.lines.setdefault(kind, []).append(lines)

    def spoil(
        self,
        kind: str,
        columns: Columns,
        spoilt: Spoilt,
        *,
        key: str,
        date: str,
        received: str,
        channel: str | None = None,
        cells: Mapping[str, tuple[str, list[str]]],
        redeliver: bool = False,
    ) -> None:
        """Adds a table's rows with the dirt of ``spoilt`` that text can carry, and the truth about it.

        Args:
            key, date, received, channel: columns that identify a row in ``truth/dirt``.
            cells: for a kind of dirt the column that it spoils and the texts it puts there by turns.
            redeliver: True where the company delivers rows that cannot be read again two days later, now right.
        """
        clean, columns = columns, dict(columns)
        for dirt, (name, texts) in cells.items():
            rows = spoilt.of(dirt)
            columns[name] = put(columns[name], rows, [texts[i % len(texts)] for i in range(len(rows))])
        lines = join(list(columns.values()))
        broken = spoilt.of("wrong_columns")
        if len(broken):
            texts = lines.take(pa.array(broken)).to_pylist()
            lines = put(lines, broken, [t + ",1,2" if i % 2 else t.rsplit(",", 2)[0] for i, t in enumerate(texts)])
        keep = np.ones(len(lines), dtype=bool)
        keep[spoilt.of("missing_day")] = False
        self.add_lines(kind, columns, lines.filter(pa.array(keep)))
        self.add_lines(kind, columns, lines.take(pa.array(spoilt.of("duplicate_row"))))
        self.add_lines(f"{kind}/resend", columns, lines.take(pa.array(spoilt.of("second_file"))))
        none = pa.nulls(len(lines), pa.string())
        identity = {"key": clean[key], "channel": clean[channel] if channel else none, "date": clean[date], "received_at": clean[received]}
        for dirt, rows in spoilt.rows.items():
            self.truth(kind, dirt, identity, rows)
        refused = [rows for dirt, rows in spoilt.rows.items() if FATES[dirt] == "quarantined" and len(rows)]
        if redeliver and refused:
            self.correct(kind, clean, np.sort(np.concatenate(refused)), identity, received=received, days=2)

    def spoil_json(
        self,
        kind: str,
        columns: Columns,
        spoilt: Spoilt,
        *,
        key: str,
        date: str,
        received: str,
        cells: Mapping[str, tuple[str, list[str]]],
        plain: tuple[str, ...] = (),
    ) -> None:
        """As ``spoil``, for JSON lines; ``plain`` columns hold JSON values already. Texts need no escaping."""
        spoiled = dict(columns)
        for dirt, (name, texts) in cells.items():
            rows = spoilt.of(dirt)
            spoiled[name] = put(spoiled[name], rows, [texts[i % len(texts)] for i in range(len(rows))])
        lines = json_lines(spoiled, plain)
        for rows in (np.arange(len(lines)), spoilt.of("duplicate_row")):
            self.add_lines(kind, {}, lines.take(pa.array(rows)))
        none = pa.nulls(len(lines), pa.string())
        for dirt, rows in spoilt.rows.items():
            self.truth(kind, dirt, {"key": columns[key], "channel": none, "date": columns[date], "received_at": columns[received]}, rows)

    def correct(self, kind: str, columns: Columns, rows: np.ndarray, identity: Columns, *, received: str, days: int) -> None:
        """Adds ``rows`` of ``columns`` to the file of late corrections, received ``days`` later, with their truth."""
        index = pa.array(rows)
        moments = np.array(columns[received].take(index).to_pylist(), dtype="datetime64[s]") + np.timedelta64(days, "D")
        again = {name: values.take(index) for name, values in columns.items()} | {received: text(moments)}
        self.add_lines(f"{kind}/late", columns, join(list(again.values())))
        chosen = {name: values.take(index) for name, values in identity.items()} | {"received_at": again[received]}
        self.truth(kind, "correction", chosen, np.arange(len(rows)))

    def truth(self, kind: str, dirt: str, key: Columns, rows: np.ndarray) -> None:
        """Records ``rows`` as spoilt by ``dirt``."""
        if not len(rows):
            return
        count = len(rows)
        index = pa.array(rows)
        self.add(
            "truth/dirt",
            {
                "table": pa.repeat(kind, count),
                "dirt": pa.repeat(dirt, count),
                "expected": pa.repeat(FATES[dirt], count),
                **{name: values.take(index) for name, values in key.items()},
            },
        )
