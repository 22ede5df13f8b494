"""Source columns to contract fields, in Spark SQL: parsing that never raises, and the names of cells that could not be read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import (
    DataType,
    DateType,
    DecimalType,
    FractionalType,
    IntegralType,
    NumericType,
    StringType,
    TimestampNTZType,
    TimestampType,
)

from gridlens.contracts.entities import ENTITIES
from gridlens.ingest import clock
from gridlens.ingest.cells import NUMBER
from gridlens.ingest.fields import FieldSource, KnownFrom
from gridlens.ingest.frames import column
from gridlens.ingest.plain import PLAIN
from gridlens.ingest.source import DATE_OF, SourceFile

TRUE_WORDS = ("true", "1", "y", "yes", "t", "是", "有")
FALSE_WORDS = ("false", "0", "n", "no", "f", "否", "无")
_BLANKS = " \t\u3000\u00a0"
_INTEGER_TAIL = r"\.0+$"

LINEAGE = ("_file_id", "_locator", "_head", "_problem", "_raw")
"""Columns that readers give and the mapping carries through."""
_VALUE = "_value_of_"


def to_contract(rows: DataFrame, source: SourceFile) -> DataFrame:
    """The business columns of ``source.entity``, ``known_from``, ``_bad_cells`` and lineage; not for meter_interval.

    A cell that cannot be read becomes null and its field's name stands in ``_bad_cells`` (required fields too: the rules
    reject the row for the null). NaN and infinity are unreadable.
    """
    fields = ENTITIES[source.entity][1]
    read = read_fields(cleaned(rows, source), source, {f.name: f.data_type for f in fields if f.name in source.columns})
    values = {f.name: value_of(f.name) if f.name in source.columns else F.lit(None).cast(f.data_type) for f in fields}
    known, unreadable = known_from(read, source, values)
    marks = {name: unreadable_mark(spec, name) for name, spec in source.columns.items()} | {"known_from": unreadable}
    return read.select(
        *[value.alias(name) for name, value in values.items()],
        known.alias("known_from"),
        bad_cells(marks).alias("_bad_cells"),
        *LINEAGE,
    )


def cleaned(rows: DataFrame, source: SourceFile) -> DataFrame:
    """``rows`` with the named text columns trimmed, and null where they hold one of the null values.

    A step of its own, as is ``read_fields``: one select with everything in it would parse each cell as often as it is used.
    """
    text = {c for c in source.needed_columns if c in rows.columns and isinstance(rows.schema[c].dataType, StringType)}
    nulls = source.options.null_values
    return rows.select(*[clean_text(column(c), nulls).alias(c) if c in text else column(c) for c in rows.columns])


def read_fields(rows: DataFrame, source: SourceFile, targets: Mapping[str, DataType]) -> DataFrame:
    """Cleaned ``rows`` with each mapped field in a column of its own (``value_of``)."""
    values = [read_cell(rows, source, source.columns[name], target).alias(_VALUE + name) for name, target in targets.items()]
    return rows.select("*", *values)


def value_of(name: str) -> Column:
    """The column of a field after ``read_fields``."""
    return F.col(_VALUE + name)


def unreadable_mark(spec: FieldSource, name: str) -> Column:
    """True where the field's cell held something and no value came of it."""
    return column(spec.column).isNotNull() & value_of(name).isNull() if spec.column is not None else F.lit(False)


def bad_cells(marks: Mapping[str, Column]) -> Column:
    """The names whose mark is true, as an array; null where there is none."""
    flags = [F.coalesce(mark, F.lit(False)) for mark in marks.values()]
    any_bad = flags[0]
    for flag in flags[1:]:
        any_bad = any_bad | flag
    names = F.array(*[F.when(flag, F.lit(name)) for name, flag in zip(marks, flags, strict=True)])
    return F.when(any_bad, F.filter(names, lambda name: name.isNotNull()))


def read_cell(rows: DataFrame, source: SourceFile, spec: FieldSource, target: DataType) -> Column:
    """One field of ``target`` type from its (cleaned) column or constant; null where it is empty or cannot be read."""
    if spec.column is None:
        return _parsed(F.lit(spec.constant), target, spec, source)
    dtype, cell = rows.schema[spec.column].dataType, column(spec.column)
    if not (isinstance(dtype, StringType) or spec.codes or spec.extract or spec.prefix):
        value = _typed(cell, dtype, target, spec, source)
        if value is not None:
            return value
    plain = column(PLAIN + spec.column) if PLAIN + spec.column in rows.columns else None
    return _parsed(_written(cell, dtype), target, spec, source, plain)


_EXACT = 2.0**53
"""Beyond it doubles pass whole numbers over."""
_WHOLE = 1e-9


def _written(cell: Column, dtype: DataType) -> Column:
    """The cell as text; a whole number as its digits, whatever it is stored as: pandas makes doubles of ids where one is missing."""
    if not isinstance(dtype, FractionalType):
        return cell.cast("string")
    if isinstance(dtype, DecimalType):
        whole = cell == F.floor(cell)
        digits = cell.cast(f"decimal({max(1, dtype.precision - dtype.scale)},0)")
    else:
        whole = (cell == F.floor(cell)) & (F.abs(cell) <= F.lit(_EXACT))
        digits = cell.try_cast("bigint")
    return F.when(whole, digits.cast("string")).otherwise(cell.cast("string"))


def clean_text(text: Column, null_values: Sequence[str]) -> Column:
    """``text`` without blanks around it; null where it is one of ``null_values``."""
    trimmed = F.btrim(text, F.lit(_BLANKS))
    return F.when(~trimmed.isin(list(null_values)), trimmed) if null_values else trimmed


def _parsed(text: Column, target: DataType, spec: FieldSource, source: SourceFile, plain: Column | None = None) -> Column:
    """``text`` as ``target``; where the reader has read the plain cells already (``plain``), only the others are in ``text``."""
    if spec.extract:
        text = F.nullif(F.regexp_extract(text, spec.extract, 1), F.lit(""))
    if spec.codes:
        pairs = [F.lit(part) for pair in spec.codes.items() for part in pair]
        text = F.coalesce(F.try_element_at(F.create_map(*pairs), text), text)
    kind = target.typeName()
    if kind == "string":
        return F.concat(F.lit(spec.prefix), text) if spec.prefix else text
    if kind == "boolean":
        word = F.lower(text)
        return F.when(word.isin(*TRUE_WORDS), F.lit(True)).when(word.isin(*FALSE_WORDS), F.lit(False))
    run = spec.clock or source.clock
    if kind == "timestamp":
        read = clock.instant_of_text(text, spec.formats, run, source.zone)
        return read if plain is None else F.coalesce(clock.instant_of_wall(F.timestamp_micros(plain), run, source.zone), read)
    if kind == "date":
        day = read_date(text, spec.formats, run, source.zone)
        return day if plain is None else F.coalesce(plain, day)
    return _number(text, target, spec.scale, source.options.decimal, plain)


def read_date(text: Column, formats: Sequence[str], run: clock.Clock, zone: str) -> Column:
    """The local day of a date or time written as text."""
    if run == "wall" and not any(clock.has_offset(p) for p in formats):
        return clock.date_of_wall(clock.wall_of_text(text, formats)) if formats else _iso_date(text)
    if all("H" not in p and "h" not in p for p in formats) and formats:
        return clock.date_of_wall(clock.wall_of_text(text, formats))
    moment = clock.instant_of_text(text, formats, run, zone)
    local = clock.date_of_wall(clock.wall_of_instant(moment, zone))
    return local if formats else F.when(text.rlike(clock.ISO_DATE), text.try_cast("date")).otherwise(local)


def _iso_date(text: Column) -> Column:
    return F.when(text.rlike(clock.ISO_DATE), text.try_cast("date")).otherwise(clock.date_of_wall(clock.wall_of_text(text)))


def read_number(text: Column, decimal: str = ".") -> Column:
    """A finite double; null for anything else (a cast alone would take 1d, NaN, Infinity and 1e400)."""
    return _number(text, DataType.fromDDL("double"), None, decimal)


def _number(text: Column, target: DataType, scale: float | None, decimal: str, plain: Column | None = None) -> Column:
    if decimal == ",":
        text = F.when(~text.contains("."), F.replace(text, F.lit(","), F.lit(".")))
    if target.typeName() in ("tinyint", "short", "integer", "long", "byte"):
        plain = F.when(_ascii(text), F.regexp_replace(text, _INTEGER_TAIL, ""))
        return plain.try_cast(target)
    if target.typeName() == "double" or scale is not None:
        value = finite(F.when(text.rlike(NUMBER), text).try_cast("double"))
        value = value if plain is None else F.coalesce(plain, value)
        value = value * F.lit(scale) if scale is not None else value
        return value.try_cast(target)
    value = F.when(_ascii(text), text).try_cast(target)
    return value if plain is None else F.coalesce(plain, value)


def _ascii(text: Column) -> Column:
    """Casts to decimal read full-width digits too, and floats do not: neither shall."""
    return F.char_length(text) == F.octet_length(text)


def finite(value: Column) -> Column:
    """``value`` where it is a number, null where it is NaN or infinite."""
    return F.when(~F.isnan(value) & (F.abs(value) < F.lit(float("inf"))), value)


def _typed(value: Column, dtype: DataType, target: DataType, spec: FieldSource, source: SourceFile) -> Column | None:
    """A column that has a type of its own, in the contract's; None where it must go by way of its text."""
    if isinstance(dtype, NumericType) and isinstance(target, NumericType):
        sound = finite(value) if isinstance(dtype, FractionalType) and dtype.typeName() in ("float", "double") else value
        if spec.scale is not None:
            sound = finite(sound.cast("double") * F.lit(spec.scale))
        if isinstance(target, IntegralType) and isinstance(dtype, FractionalType):
            sound = F.when(F.abs(sound - F.round(sound)) < F.lit(_WHOLE), F.round(sound))  # 2.7 of them is unreadable, as it is as text
        return sound.try_cast(target)
    if isinstance(dtype, DateType) and isinstance(target, DateType):
        return value
    if isinstance(dtype, TimestampType | TimestampNTZType) and isinstance(target, DateType | TimestampType):
        moment = instant_of_column(value, dtype, spec.clock or source.clock, source.zone)
        return moment if isinstance(target, TimestampType) else clock.date_of_wall(clock.wall_of_instant(moment, source.zone))
    return value if dtype == target else None


def instant_of_column(value: Column, dtype: DataType, run: clock.Clock, zone: str) -> Column:
    """The moment of a timestamp column: as it is, or, without a zone of its own, on ``run``'s clock."""
    return value if isinstance(dtype, TimestampType) else clock.instant_of_wall(wall_of_ntz(value), run, zone)


def wall_of_ntz(value: Column) -> Column:
    """A timestamp without zone as a wall timestamp (by way of its text: a cast would apply the session's zone)."""
    return F.concat(value.cast("string"), F.lit("Z")).try_cast("timestamp")


def known_from(rows: DataFrame, source: SourceFile, values: Mapping[str, Column]) -> tuple[Column, Column]:
    """(the moment from which the rows were known, UTC; whether its cell was unreadable)."""
    spec = source.known_from
    unreadable = F.lit(False)
    if spec.column is not None:
        origin = FieldSource(column=spec.column, formats=spec.formats, clock=spec.clock)
        moment = read_cell(rows, source, origin, TimestampType())
        unreadable = column(spec.column).isNotNull() & moment.isNull()
    elif spec.file_modified:
        moment = F.timestamp_micros("_modified_us")
    else:
        moment = _lagged(spec, source, values)
    return clock.round_up(moment, spec.round_up, source.zone), unreadable


def _lagged(spec: KnownFrom, source: SourceFile, values: Mapping[str, Column]) -> Column:
    of = spec.of or DATE_OF[source.entity]
    kinds = {f.name: f.type for f in ENTITIES[source.entity][1]}
    day = values[of] if kinds[of] == "date" else clock.date_of_wall(clock.wall_of_instant(values[of], source.zone))
    begin = F.unix_date(F.date_add(day, int(spec.days_after or 0))).cast("bigint") * F.lit(86_400)
    return F.to_utc_timestamp(F.timestamp_seconds(begin + F.lit(spec.hour * 3600)), source.zone)
