"""The rows that readers hand over to the mapping: text columns, readings in one of three shapes, and lineage."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
import pyarrow as pa
from pyspark.sql.types import StructField, StructType

from gridlens.arrow import matrix_to_list
from gridlens.ingest.cells import marked_positions, row_digest
from gridlens.ingest.csvtext import Parsed


class Shape(str, Enum):
    """What rows a source row makes."""

    FIELDS = "fields"
    """one row of text columns"""
    LINES = "lines"
    """one row with the line itself in ``_text``"""
    WIDE = "wide"
    """one row with all readings in ``_values``, unreadable cells in ``_bad``, and ``_digest`` of the values"""
    SINGLE = "single"
    """one row with one reading: ``_value`` and ``_unreadable``"""
    MELT = "melt"
    """a row for each cell that is not empty (one at least): ``_member`` (column name), ``_value``, ``_unreadable``"""


@dataclass(frozen=True)
class Lineage:
    """Where the rows of a batch come from, (rows,) each."""

    locators: pa.Array
    file_ids: pa.Array
    modified_us: pa.Array
    raw: pa.Array


_READINGS = {
    Shape.FIELDS: "",
    Shape.LINES: "",
    Shape.WIDE: "_values array<double>, _bad array<int>, _digest bigint, ",
    Shape.SINGLE: "_value double, _unreadable boolean, ",
    Shape.MELT: "_member string, _value double, _unreadable boolean, ",
}
_LINEAGE = "_locator string, _head boolean, _file_id string, _modified_us bigint, _problem string, _raw string"


def shape_fields(shape: Shape) -> list[StructField]:
    """The columns that a shape adds to the kept ones."""
    schema = StructType.fromDDL(_READINGS[shape] + _LINEAGE)
    assert isinstance(schema, StructType)
    return schema.fields


def shaped_batches(
    shape: Shape, parsed: Parsed, keep: Sequence[str], members: Sequence[str], lineage: Lineage, schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    """``parsed`` rows in ``shape`` as batches of ``schema``; ``members`` names the columns of ``parsed.values``."""
    rows = len(lineage.locators)
    index, column, head = _melted_cells(parsed) if shape is Shape.MELT else (None, None, np.ones(rows, dtype=bool))
    found = dict(zip(keep, parsed.strings, strict=True)) if shape is not Shape.LINES else {"_text": parsed.strings[0]}
    found |= {"_locator": lineage.locators, "_file_id": lineage.file_ids, "_modified_us": lineage.modified_us}
    found |= {"_problem": _problem_column(parsed.problems, rows), "_raw": lineage.raw}
    if index is not None and column is not None:
        found = {name: array.take(pa.array(index)) for name, array in found.items() if name != "_raw"}
        found["_raw"] = lineage.raw.take(pa.array(index, mask=~(head | _first_bad(parsed.bad, index, column))))
        found["_member"] = pa.array(list(members)).take(pa.array(column))
        found["_value"] = pa.array(parsed.values[index, column], from_pandas=True)
        found["_unreadable"] = pa.array(parsed.bad[index, column] if parsed.bad is not None else np.zeros(len(index), dtype=bool))
    elif shape is Shape.SINGLE:
        found["_value"] = pa.array(parsed.values[:, 0], from_pandas=True)
        found["_unreadable"] = pa.array(parsed.bad[:, 0] if parsed.bad is not None else np.zeros(rows, dtype=bool))
    elif shape is Shape.WIDE:
        found["_values"] = matrix_to_list(parsed.values, pa.float64())
        found["_bad"] = marked_positions(parsed.bad, rows)
        found["_digest"] = pa.array(row_digest(parsed.values))
    found["_head"] = pa.array(head)
    yield pa.RecordBatch.from_arrays([found[f.name].cast(f.type) for f in schema], schema=schema)


def _melted_cells(parsed: Parsed) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(row, column, head) of the cells to keep, row by row: those not empty; of a row without any, the first."""
    full = ~np.isnan(parsed.values)
    if parsed.bad is not None:
        full |= parsed.bad
    full[~full.any(axis=1), 0] = True
    index, column = np.nonzero(full)
    head = np.ones(len(index), dtype=bool)
    head[1:] = index[1:] != index[:-1]
    return index, column, head


def _first_bad(bad: np.ndarray | None, index: np.ndarray, column: np.ndarray) -> np.ndarray:
    """True on the first unreadable cell of each row: it shows the row's text, because no value is left to show."""
    if bad is None:
        return np.zeros(len(index), dtype=bool)
    return bad[index, column] & (column == bad.argmax(axis=1)[index])


def _problem_column(problems: dict[int, str], rows: int) -> pa.Array:
    if not problems:
        return pa.nulls(rows, pa.string())
    places = np.full(rows, -1)
    places[list(problems)] = np.arange(len(problems))
    return pa.array(list(problems.values())).take(pa.array(places, mask=places < 0))
