"""Any flat table as a training table: what its columns are, and one column as the label."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pyspark.ml.feature import SQLTransformer
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import BooleanType, DateType, IntegralType, NumericType, StringType, StructField, TimestampNTZType, TimestampType

from gridlens.errors import SourceError, nearest
from gridlens.models.algorithms import DEFAULTS, margin_column, probability_column, raw_column
from gridlens.models.calibration import LOG_ODDS, MARGINS, PLATT, PREDICTION
from gridlens.models.definition import ModelFeature
from gridlens.models.fit import LABEL, WEIGHT
from gridlens.models.preparation import LINEAR_FEATURES, TREE_FEATURES

MAX_CODES = 200
"""Text with more different values is no category but a name or a remark."""
LEAST_ROWS = 20
"""In fewer rows a value may well stand once by chance."""
KEY_SHARE, KEY_DIGITS, RUNNING = 0.97, 6, 1.5
"""A text that is another in nearly every row is a name or a key; so is a whole number where they run on without great gaps (so many times
the rows from the first to the last), or have one number of digits, as account and telephone numbers: amounts have not."""
_NEARLY = 0.01
"""Relative error of the counts of different values."""
EPOCH = "1970-01-01"
ROW, AT = "row_key", "row_at"
"""Names of the columns that tell rows apart, and that order them in time."""
OWN = "gridlens_column_"
"""Beginning of the name that a column has inside, where its own would be taken for another."""
MADE = frozenset(
    {ROW, AT, LABEL, WEIGHT, "fold", "_place", "_content", "_label", "_last", "_scaled", "blend", "blend_vector", "blended"}
    | {TREE_FEATURES, LINEAR_FEATURES, MARGINS, LOG_ODDS, PLATT, PREDICTION}
    | {name(kind) for kind in DEFAULTS for name in (probability_column, raw_column, margin_column)}
)
"""Columns that fitting and judging make; Spark takes no notice of capitals."""
_ENDS = {"low": F.min, "high": F.max}
_CODE = ("__THIS__", "${")
"""What Spark's SQL stages would read as a place to fill in."""


@dataclass(frozen=True)
class FlatTable:
    """A table ready to train on.

    Attributes:
        frame: ``row_key`` (string; the given key, or a hash of the row's content), ``label`` (0 or 1), ``row_at`` (double; null where no
            column of time was given) and the features; dates are days since 1970.
        features: its columns with their kinds, as they are called in ``frame``.
        names: of each feature the name that it has in the table.
        left_out: columns that are no feature, with the reason.
        positive: the value of the label that counts as 1.
    """

    frame: DataFrame
    features: tuple[ModelFeature, ...]
    names: Mapping[str, str]
    left_out: tuple[tuple[str, str], ...]
    positive: str

    @property
    def given(self) -> tuple[ModelFeature, ...]:
        """The features as they are called in the table."""
        return tuple(feature.model_copy(update={"name": self.names[feature.name]}) for feature in self.features)

    def renaming(self) -> SQLTransformer | None:
        """The stage from the table's own names to those of ``frame``; None where they are the same."""
        other = {given: own for own, given in self.names.items() if own != given}
        if not other:
            return None
        listed = ", ".join(f"{_quoted(given)} AS {own}" for given, own in other.items())
        return SQLTransformer(statement=f"SELECT * EXCEPT ({', '.join(map(_quoted, other))}), {listed} FROM __THIS__")


def flat_table(
    rows: DataFrame,
    *,
    label: str,
    key: str | None = None,
    positive: str | None = None,
    without: Collection[str] = (),
    at: str | None = None,
    strong: Collection[str] = (),
    identifiers: Collection[str] = (),
) -> FlatTable:
    """A table with a binary label; its columns may have any name.

    Args:
        rows: the table.
        label: column of the label: 0 and 1, booleans, or two texts.
        key: column that says which rows belong together (a customer): they are never in two parts.
        positive: value of the label that is 1; default 1, true or yes.
        without: columns that are not to be learned from.
        at: column of time, a date or a number; not learned from either.
        strong: columns that may tell the label almost alone.
        identifiers: names that stand for a customer, which no model may read.

    Raises:
        SourceError: a column is missing, the label has not two values, or nothing is left to learn from.
    """
    for name in (label, *([key] if key else []), *([at] if at else []), *without, *strong):
        if name not in rows.columns:
            there = ", ".join(rows.columns)
            raise SourceError(f"column {name} is not in the table; {nearest(name, rows.columns, f'it has {there}')}")
    hit = _positive(rows, label, positive)
    named = [f for f in rows.schema.fields if f.name not in {label, key, at, *without}]
    seen = _seen(rows, named)
    left_out = [(f.name, reason) for f in named if (reason := _no_feature(f, seen[f.name], identifiers))]
    dropped = {name for name, _ in left_out}
    kept = [f for f in named if f.name not in dropped]
    if not kept:
        raise SourceError("no column is left to learn from: the others are keys, texts or constants")
    inside = {f.name: _inside(f.name, place) for place, f in enumerate(kept)}
    may = dict.fromkeys(strong, "said by who trains")
    features = tuple(ModelFeature(name=inside[f.name], kind=_kind(f), strong_because=may.get(f.name)) for f in kept)
    own = _col(key).cast("string") if key else F.hex(F.xxhash64(*[_col(name) for name in rows.columns]))
    value = (_col(label).cast("string") == hit).cast("int")
    when = _time(rows.schema[at]) if at else F.lit(None).cast("double")
    frame = rows.select(own.alias(ROW), value.alias(LABEL), when.alias(AT), *[_column(f).alias(inside[f.name]) for f in kept])
    return FlatTable(frame, features, {own: given for given, own in inside.items()}, tuple(left_out), hit)


def _inside(name: str, place: int) -> str:
    """What a column is called in the frame: its own name, if nothing else there can be called so."""
    if code := next((code for code in _CODE if code in name), None):
        raise SourceError(f"column {name}: {code} in its name would be read as code; rename it in the table, or leave it out by --without")
    low = name.casefold()
    plain = re.fullmatch(r"\w+", name) and "__" not in name and low not in MADE and not low.startswith(OWN)
    return name if plain else f"{OWN}{place}"


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def _col(name: str) -> Column:
    return F.col(_quoted(name))


def _time(field: StructField) -> Column:
    if not (_is_day(field) or isinstance(field.dataType, NumericType)):
        raise SourceError(f"column {field.name} is {field.dataType.simpleString()}: expected a date or a number to order rows in time")
    return F.nanvl(_column(field).cast("double"), F.lit(None).cast("double"))


def _positive(rows: DataFrame, label: str, wanted: str | None) -> str:
    found = [row["value"] for row in rows.select(_col(label).cast("string").alias("value")).distinct().limit(5).collect()]
    values = sorted("unknown" if value is None else value for value in found)
    if len(values) != 2 or None in found:
        raise SourceError(f"label {label}: expected two different values, none of them missing, but found {', '.join(values) or 'none'}")
    usual = [value for value in values if value.casefold() in ("1", "1.0", "true", "yes", "y")]
    chosen = wanted if wanted is not None else (usual[0] if len(usual) == 1 else None)
    if chosen not in values:
        raise SourceError(f"label {label}: say which of {' and '.join(values)} is the positive one, as in --positive {values[-1]}")
    return str(chosen)


@dataclass(frozen=True)
class _Seen:
    """What a column holds: rows with a value, about how many different ones; of whole numbers the least and the greatest."""

    rows: int
    distinct: int
    low: int | None
    high: int | None

    @property
    def differs(self) -> bool:
        """Whether nearly every row has another value."""
        return self.rows >= LEAST_ROWS and self.distinct >= KEY_SHARE * self.rows

    @property
    def is_key(self) -> bool:
        """Whether the whole numbers are a key: running ones, or all of one length."""
        if self.low is None or self.high is None or not self.differs:
            return False
        of_one_length = len(str(abs(self.low))) == len(str(abs(self.high))) >= KEY_DIGITS and (self.low < 0) == (self.high < 0)
        return of_one_length or self.high - self.low < RUNNING * self.rows


def _seen(rows: DataFrame, fields: Sequence[StructField]) -> dict[str, _Seen]:
    """What each column holds, in one pass."""
    found = []
    for i, field in enumerate(fields):
        column, whole = _col(field.name), isinstance(field.dataType, IntegralType)
        found += [F.count(column).alias(f"rows_{i}"), F.approx_count_distinct(column, _NEARLY).alias(f"distinct_{i}")]
        found += [(ends(column) if whole else F.lit(None)).cast("bigint").alias(f"{name}_{i}") for name, ends in _ENDS.items()]
    row = rows.agg(*found).first() if found else None
    names = ("rows", "distinct", *_ENDS)
    return {field.name: _Seen(*[row[f"{name}_{i}"] for name in names]) for i, field in enumerate(fields)} if row else {}


def _no_feature(field: StructField, seen: _Seen, identifiers: Collection[str]) -> str | None:
    if field.name in identifiers:
        return "identifies a customer: no model may read it"
    if seen.distinct < 2 and not isinstance(field.dataType, BooleanType):
        return "has one value only, or none"
    if isinstance(field.dataType, StringType):
        several = f"has about {seen.distinct:,} different texts"
        if seen.distinct > MAX_CODES:
            return f"{several}; more than {MAX_CODES} are names, not categories"
        return f"{several} in {seen.rows:,} rows: names or keys, not categories" if seen.differs else None
    if seen.is_key:
        return "is a whole number that is another in nearly every row, as keys and telephone numbers are"
    known = isinstance(field.dataType, NumericType | BooleanType) or _is_day(field)
    return None if known else f"is {field.dataType.simpleString()}, which is neither number, flag, text nor date"


def _kind(field: StructField) -> Literal["flag", "category", "number"]:
    if isinstance(field.dataType, BooleanType):
        return "flag"
    return "category" if isinstance(field.dataType, StringType) else "number"


def _is_day(field: StructField) -> bool:
    return isinstance(field.dataType, DateType | TimestampType | TimestampNTZType)


def _column(field: StructField) -> Column:
    column = _col(field.name)
    if _is_day(field):
        return F.date_diff(column.cast("date"), F.lit(EPOCH).cast("date")).cast("double")
    return column.cast("double") if isinstance(field.dataType, NumericType) else column
