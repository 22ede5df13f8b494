"""Counts of bad and good rows by fine bin of every characteristic, in one pass over the rows.

The fine bins are fixed before any row is seen: numbers with a few significant decimal digits. Quantiles found by a sketch would
depend on the partitions, and exact ones would need a sort for each characteristic; integers summed do not depend on any order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from gridlens.arrow import array_to_numpy, from_arrow_schema, map_rows
from gridlens.errors import SourceError
from gridlens.models.characteristic import BinningDefinition, Characteristic
from gridlens.models.woe_bins import Counted
from gridlens.models.woe_sql import value_column, value_stage

SMALLEST, LARGEST = -12, 15
"""Powers of ten beyond which numbers count as 0, or as the largest."""
MOST_CATEGORIES = 1000
MOST_ROWS = 3_000_000
VALUE, SPECIAL, MISSING = 0, 1, 2
_POWERS = np.array([float(f"1e{p}") for p in range(LARGEST - SMALLEST + 7)])
_COUNTS = pa.schema(
    [
        ("position", pa.int32()),
        ("state", pa.int32()),
        ("number", pa.float64()),
        ("text", pa.string()),
        ("rows", pa.int64()),
        ("events", pa.int64()),
    ]
)


def floored(values: np.ndarray, digits: int) -> np.ndarray:
    """The greatest numbers of ``digits`` significant decimal digits that are not above ``values`` (finite or infinite), exactly.

    Numbers nearer to 0 than 1e-12 become 0, or -1e-12; those beyond 1e15 become 1e15 and -1e15.
    """
    size = np.clip(np.abs(values), 10.0**SMALLEST, 10.0**LARGEST)
    decade = np.floor(np.log10(size)).astype(int)
    decade += np.where(size >= _power(decade + 1), 1, 0) - np.where(size < _power(decade), 1, 0)  # the logarithm may be one off
    places = digits - 1 - decade
    clipped = np.clip(values, -_power(np.full(values.shape, LARGEST)), _power(np.full(values.shape, LARGEST)))
    whole = np.floor(_shifted(clipped, places))
    whole = np.where(_shifted(whole, -places) > clipped, whole - 1, whole)
    whole = np.where(_shifted(whole + 1, -places) <= clipped, whole + 1, whole)
    tiny = np.abs(values) < 10.0**SMALLEST
    return np.where(tiny, np.where(values < 0, -(10.0**SMALLEST), 0.0), _shifted(whole, -places)) + 0.0


def _power(exponents: np.ndarray) -> np.ndarray:
    """The doubles nearest to powers of ten."""
    exact = _POWERS[np.abs(exponents)]
    return np.where(exponents >= 0, exact, 1.0 / exact)


def _shifted(values: np.ndarray, places: np.ndarray) -> np.ndarray:
    """``values`` times ten to ``places``; whole values come out as the nearest double to the decimal, as it would be written."""
    power = _POWERS[np.abs(places)]
    return np.where(places >= 0, values * power, values / power)


def counts(rows: DataFrame, characteristics: Sequence[Characteristic], default: BinningDefinition, *, label: str) -> list[Counted]:
    """The counts of each characteristic.

    Args:
        rows: columns that the characteristics read, and the label: 1 for bad, 0 for good.

    Raises:
        SourceError: a label is neither, or all are alike; a category has too many values.
    """
    names = [value_column(one.id) for one in characteristics]
    valued = value_stage(characteristics).transform(rows).select(F.col(label).cast("double").alias("_label"), *names)
    found = map_rows(valued, _Counting(characteristics, default), from_arrow_schema(_COUNTS))
    keys = ["position", "state", "number", "text"]
    summed = found.groupBy(*keys).agg(F.sum("rows").alias("rows"), F.sum("events").alias("events"))
    table = summed.limit(MOST_ROWS).toArrow()
    columns = {name: table.column(name).to_numpy() for name in table.column_names}
    all_rows, all_events = _labels(columns, label)
    return [_counted(columns, i, one, all_rows, all_events) for i, one in enumerate(characteristics)]


class _Counting:
    """Counts of one batch: rows of ``_COUNTS``; the label itself has the position -1."""

    def __init__(self, characteristics: Sequence[Characteristic], default: BinningDefinition) -> None:
        self.columns = [
            (value_column(c.id), c.kind == "category", (c.binning or default).digits, np.array(c.special)) for c in characteristics
        ]

    def __call__(self, batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        label = array_to_numpy(batch.column("_label"))
        yield _number_counts(-1, label, np.nan_to_num(label), digits=5, special=np.array([]))
        for position, (name, category, digits, special) in enumerate(self.columns):
            column = batch.column(name)
            if category:
                yield _text_counts(position, column, label)
            else:
                yield _number_counts(position, array_to_numpy(column), label, digits=digits, special=special)


def _number_counts(position: int, values: np.ndarray, label: np.ndarray, *, digits: int, special: np.ndarray) -> pa.RecordBatch:
    missing = np.isnan(values)
    state = np.where(missing, MISSING, np.where(np.isin(values, special), SPECIAL, VALUE))
    shown = np.where(missing, 0.0, values)
    shown[state == VALUE] = floored(values[state == VALUE], digits)
    order = np.lexsort((shown, state))
    first = np.flatnonzero(np.append(True, (np.diff(shown[order]) != 0) | (np.diff(state[order]) != 0)))
    inverse = np.empty(len(values), dtype=int)
    inverse[order] = np.repeat(np.arange(len(first)), np.diff(np.append(first, len(values))))
    return _batch(position, state[order][first], pa.array(shown[order][first] + 0.0), None, inverse, label)


def _text_counts(position: int, column: pa.Array, label: np.ndarray) -> pa.RecordBatch:
    encoded = pc.dictionary_encode(column, null_encoding="encode")
    names = encoded.dictionary
    state = np.where(names.is_null().to_numpy(zero_copy_only=False), MISSING, VALUE)
    return _batch(position, state, None, names, encoded.indices.to_numpy(), label)


def _batch(
    position: int, state: np.ndarray, numbers: pa.Array | None, texts: pa.Array | None, inverse: np.ndarray, label: np.ndarray
) -> pa.RecordBatch:
    size = len(state)
    rows = np.bincount(inverse, minlength=size)
    events = np.bincount(inverse, weights=label, minlength=size)
    arrays = [
        pa.array(np.full(size, position, dtype=np.int32)),
        pa.array(state.astype(np.int32)),
        numbers if numbers is not None else pa.nulls(size, pa.float64()),
        texts if texts is not None else pa.nulls(size, pa.string()),
        pa.array(rows.astype(np.int64)),
        pa.array(np.nan_to_num(events).astype(np.int64)),
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=_COUNTS)


def _labels(columns: dict[str, np.ndarray], label: str) -> tuple[int, int]:
    of_label = columns["position"] == -1
    if not of_label.any():
        raise SourceError("there is no row to fit a scorecard on; widen the population or take an earlier moment")
    wrong = of_label & ((columns["state"] != VALUE) | ~np.isin(columns["number"], (0.0, 1.0)))
    if wrong.any():
        raise SourceError(f"label {label}: {int(columns['rows'][wrong].sum())} rows are neither 0 nor 1; correct them or leave them out")
    rows, events = int(columns["rows"][of_label].sum()), int(columns["rows"][of_label & (columns["number"] == 1)].sum())
    if events in (0, rows):
        raise SourceError(f"label {label} is {int(bool(events))} in all {rows} rows; a scorecard needs good and bad ones")
    return rows, events


def _counted(columns: dict[str, np.ndarray], position: int, one: Characteristic, all_rows: int, all_events: int) -> Counted:
    here = columns["position"] == position
    part = {name: values[here] for name, values in columns.items()}
    value, missing = part["state"] == VALUE, part["state"] == MISSING
    key = part["text" if one.kind == "category" else "number"][value]
    if one.kind == "category" and len(key) > MOST_CATEGORIES:
        raise SourceError(f"characteristic {one.id} has {len(key)} categories; group them, at most {MOST_CATEGORIES} can be judged")
    order = np.argsort(key)
    special = zip(part["number"], part["rows"], part["events"], part["state"], strict=True)
    return Counted(
        values=key[order].tolist(),
        rows=part["rows"][value][order].astype(float),
        events=part["events"][value][order].astype(float),
        special={float(n): (int(r), int(e)) for n, r, e, state in special if state == SPECIAL},
        missing=(int(part["rows"][missing].sum()), int(part["events"][missing].sum())),
        all_rows=all_rows,
        all_events=all_events,
    )
