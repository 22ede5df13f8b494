"""Any flat table as a training table: what its columns are, and one column as the label."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import BooleanType, DateType, NumericType, StringType, StructField, TimestampNTZType, TimestampType

from gridlens.errors import SourceError, nearest
from gridlens.models.definition import ModelFeature

MAX_CODES = 200
"""Text with more different values is no category but a name or a remark."""
EPOCH = "1970-01-01"
ROW, AT = "row_key", "row_at"
"""Names of the columns that tell rows apart, and that order them in time."""


@dataclass(frozen=True)
class FlatTable:
    """A table ready to train on.

    Attributes:
        frame: ``row_key`` (string; the given key, or a hash of the row's content), ``label`` (0 or 1), ``row_at`` (double; null where no
            column of time was given) and the features; dates are days since 1970.
        features: its columns with their kinds.
        left_out: columns that are no feature, with the reason.
        positive: the value of the label that counts as 1.
    """

    frame: DataFrame
    features: tuple[ModelFeature, ...]
    left_out: tuple[tuple[str, str], ...]
    positive: str


def flat_table(
    rows: DataFrame,
    *,
    label: str,
    key: str | None = None,
    positive: str | None = None,
    without: Collection[str] = (),
    at: str | None = None,
) -> FlatTable:
    """A table with a binary label.

    Args:
        rows: the table.
        label: column of the label: 0 and 1, booleans, or two texts.
        key: column that says which rows belong together (a customer): they are never in two parts.
        positive: value of the label that is 1; default 1, true or yes.
        without: columns that are not to be learned from.
        at: column of time, a date or a number; not learned from either.

    Raises:
        SourceError: a column is missing, the label has not two values, or nothing is left to learn from.
    """
    for name in (label, *([key] if key else []), *([at] if at else []), *without):
        if name not in rows.columns:
            there = ", ".join(rows.columns)
            raise SourceError(f"column {name} is not in the table; {nearest(name, rows.columns, f'it has {there}')}")
    hit = _positive(rows, label, positive)
    named = [f for f in rows.schema.fields if f.name not in {label, key, at, *without}]
    distinct = _distinct(rows, [f.name for f in named])
    left_out = [(f.name, reason) for f in named if (reason := _no_feature(f, distinct[f.name]))]
    dropped = {name for name, _ in left_out}
    features = tuple(ModelFeature(name=f.name, kind=_kind(f)) for f in named if f.name not in dropped)
    if not features:
        raise SourceError("no column is left to learn from: the others are keys, texts or constants")
    own = F.col(f"`{key}`").cast("string") if key else F.hex(F.xxhash64(*[F.col(f"`{name}`") for name in rows.columns]))
    value = (F.col(f"`{label}`").cast("string") == hit).cast("int")
    when = _time(rows.schema[at]) if at else F.lit(None).cast("double")
    frame = rows.select(own.alias(ROW), value.alias("label"), when.alias(AT), *[_column(f) for f in named if f.name not in dropped])
    return FlatTable(frame, features, tuple(left_out), hit)


def _time(field: StructField) -> Column:
    if not (_is_day(field) or isinstance(field.dataType, NumericType)):
        raise SourceError(f"column {field.name} is {field.dataType.simpleString()}: expected a date or a number to order rows in time")
    return _column(field).cast("double")


def _positive(rows: DataFrame, label: str, wanted: str | None) -> str:
    found = [row["value"] for row in rows.select(F.col(f"`{label}`").cast("string").alias("value")).distinct().limit(5).collect()]
    values = sorted("unknown" if value is None else value for value in found)
    if len(values) != 2 or None in found:
        raise SourceError(f"label {label}: expected two different values, none of them missing, but found {', '.join(values) or 'none'}")
    usual = [value for value in values if value.casefold() in ("1", "1.0", "true", "yes", "y")]
    chosen = wanted if wanted is not None else (usual[0] if len(usual) == 1 else None)
    if chosen not in values:
        raise SourceError(f"label {label}: say which of {' and '.join(values)} is the positive one, as in --positive {values[-1]}")
    return str(chosen)


def _distinct(rows: DataFrame, names: Sequence[str]) -> dict[str, int]:
    """About how many different values each column has."""
    if not names:
        return {}
    row = rows.agg(*[F.approx_count_distinct(F.col(f"`{name}`")).alias(f"_{i}") for i, name in enumerate(names)]).first()
    return {name: row[f"_{i}"] for i, name in enumerate(names)} if row else dict.fromkeys(names, 0)


def _no_feature(field: StructField, distinct: int) -> str | None:
    if distinct < 2 and not isinstance(field.dataType, BooleanType):
        return "has one value only, or none"
    if isinstance(field.dataType, StringType):
        return f"has about {distinct:,} different texts; more than {MAX_CODES} are names, not categories" if distinct > MAX_CODES else None
    known = isinstance(field.dataType, NumericType | BooleanType) or _is_day(field)
    return None if known else f"is {field.dataType.simpleString()}, which is neither number, flag, text nor date"


def _kind(field: StructField) -> Literal["flag", "category", "number"]:
    if isinstance(field.dataType, BooleanType):
        return "flag"
    return "category" if isinstance(field.dataType, StringType) else "number"


def _is_day(field: StructField) -> bool:
    return isinstance(field.dataType, DateType | TimestampType | TimestampNTZType)


def _column(field: StructField) -> Column:
    column = F.col(f"`{field.name}`")
    if _is_day(field):
        return F.date_diff(column.cast("date"), F.lit(EPOCH).cast("date")).cast("double").alias(field.name)
    return (column.cast("double") if isinstance(field.dataType, NumericType) else column).alias(field.name)
