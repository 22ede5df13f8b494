"""Cells written the plain way, read in Arrow; every other cell is left as text to the one that reads them all (``mapping``).

A plain cell is one on which both readers agree by construction: an ISO date or time without doubt about the length of its
month, a finite number. Spark's expressions spend 15 µs on a row of twelve cells, Arrow 3 (2 cores, 2026-11), and most cells are plain.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql.types import DataType, DateType, DecimalType, DoubleType, LongType, StructField

from gridlens.contracts.entities import ENTITIES
from gridlens.ingest.fields import FieldSource
from gridlens.ingest.source import SourceFile

PLAIN = "_plain_"
"""Put before a source column's name: its plain cells, typed (of times the wall clock's microseconds since 1970); null for the others."""

_DAY = r"[12]\d{3}-((0[1-9]|1[0-2])-(0[1-9]|1\d|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)"
_DATE = f"^{_DAY}$"
_TIME = rf"^{_DAY}([ T]([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?)?$"
_NUMBER = r"^-?\d{1,18}(\.\d{1,18})?$"


def plain_kinds(source: SourceFile) -> dict[str, str]:
    """Columns whose every use is a number, a date or a time: column to ``double``, ``decimal(18,3)``, ``date`` or ``timestamp``."""
    if source.intervals or source.options.decimal != ".":
        return {}
    types = {f.name: f.type for f in ENTITIES[source.entity][1]}
    uses = [(spec.column, types[name] if _as_written(spec) else "") for name, spec in source.columns.items()]
    uses.append((source.known_from.column, "" if source.known_from.formats else "timestamp"))
    kinds: dict[str, set[str]] = {}
    for column, kind in uses:
        if column is not None:
            kinds.setdefault(column, set()).add(kind)
    return {column: kind for column, found in kinds.items() if len(found) == 1 for kind in found if _reader(kind)}


def _as_written(spec: FieldSource) -> bool:
    return not (spec.formats or spec.codes or spec.extract or spec.prefix or spec.scale is not None)


def plain_fields(kinds: Mapping[str, str]) -> list[StructField]:
    """The columns that ``plain_batches`` adds."""
    return [StructField(PLAIN + column, _spark_type(kind)) for column, kind in kinds.items()]


def _spark_type(kind: str) -> DataType:
    simple: dict[str, DataType] = {"double": DoubleType(), "date": DateType(), "timestamp": LongType()}
    return simple[kind] if kind in simple else DecimalType(*_precision(kind))


def plain_batches(
    batches: Iterator[pa.RecordBatch], kinds: Mapping[str, str], null_values: Sequence[str], schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    """Batches of ``schema``: the plain cells of the columns in ``kinds`` moved to columns of their own, null left in their place."""
    nulls = pa.array(list(null_values), pa.string())
    for batch in batches:
        columns = dict(zip(batch.schema.names, batch.columns, strict=True))
        for name, kind in kinds.items():
            columns[PLAIN + name], columns[name] = split_cells(columns[name], kind, nulls)
        yield pa.RecordBatch.from_arrays([columns[field.name] for field in schema], schema=schema)


def split_cells(text: pa.Array, kind: str, null_values: pa.Array) -> tuple[pa.Array, pa.Array]:
    """(plain cells as ``kind``, the text of the rest), null where a cell belongs to the other, or holds no value."""
    nothing = pc.is_in(text, value_set=null_values)
    some = pc.if_else(nothing, pa.scalar(None, pa.string()), text)
    read = _reader(kind)
    assert read is not None, kind
    values = read(some)
    if values.null_count == some.null_count:
        return values, pa.nulls(len(text), pa.string())
    return values, pc.if_else(values.is_valid(), pa.scalar(None, pa.string()), some)


def _numbers(text: pa.Array) -> pa.Array:
    try:
        values = text.cast(pa.float64())
        if pc.all(pc.is_finite(values)).as_py() is not False:
            return values
    except pa.ArrowInvalid:
        pass
    return _matching(text, _NUMBER).cast(pa.float64())


def _dates(text: pa.Array) -> pa.Array:
    return _by_distinct(text, lambda distinct: _matching(distinct, _DATE).cast(pa.date32()))


def _times(text: pa.Array) -> pa.Array:
    return _by_distinct(text, lambda distinct: _matching(distinct, _TIME).cast(pa.timestamp("us")).cast(pa.int64()))


def _by_distinct(text: pa.Array, read: Callable[[pa.Array], pa.Array]) -> pa.Array:
    """Days and arrivals repeat from row to row: each is read once."""
    encoded = text.dictionary_encode()
    return read(encoded.dictionary).take(encoded.indices)


def _matching(text: pa.Array, pattern: str) -> pa.Array:
    return pc.if_else(pc.match_substring_regex(text, pattern), text, pa.scalar(None, pa.string()))


def _reader(kind: str) -> Callable[[pa.Array], pa.Array] | None:
    """What reads the plain cells of a type; None where its cells stay text."""
    if kind.startswith("decimal"):
        precision, scale = _precision(kind)
        pattern, target = rf"^-?\d{{1,{precision - scale}}}(\.\d{{1,{scale}}})?$", pa.decimal128(precision, scale)
        return lambda text: _matching(text, pattern).cast(target)
    return {"double": _numbers, "date": _dates, "timestamp": _times}.get(kind)


def _precision(kind: str) -> tuple[int, int]:
    precision, scale = re.findall(r"\d+", kind)
    return int(precision), int(scale)
