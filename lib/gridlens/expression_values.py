"""Values of checked expressions: their families, literals, and which of them may meet."""

from __future__ import annotations

import datetime as dt
import decimal
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pyspark.sql import Column
from pyspark.sql import functions as F
from pyspark.sql.types import DataType, DecimalType, StructType

from gridlens.expression_functions import ARRAY, BOOLEAN, DATE, MOMENT, NULL, NUMBER, OTHER, TEXT

Types = StructType | Mapping[str, str | DataType]


@dataclass(frozen=True)
class Part:
    family: str
    build: Callable[[], Column]
    literal: str | None = None  # the value of a text literal


class RefusedError(Exception):
    """Why an expression is not allowed, to be put behind its place."""


def families_of(columns: Types) -> dict[str, str]:
    if isinstance(columns, StructType):
        return {f.name: family_of(f.dataType.simpleString()) for f in columns.fields}
    return {name: family_of(kind if isinstance(kind, str) else kind.simpleString()) for name, kind in columns.items()}


def family_of(kind: str) -> str:
    if kind.startswith("array<"):
        return ARRAY
    base = kind.split("(")[0]
    if base in ("tinyint", "smallint", "int", "bigint", "float", "double", "decimal"):
        return NUMBER
    return {"string": TEXT, "boolean": BOOLEAN, "date": DATE, "timestamp": MOMENT}.get(base, OTHER)


def expect(part: Part, family: str, where: str) -> None:
    if part.family not in (family, NULL):
        raise RefusedError(f"gives {where} a {part.family} where a {family} is expected")


def comparable(left: Part, right: Part) -> tuple[Part, Part]:
    """Both sides in one family; a text in quotes beside a date or a moment is read as such."""
    if NULL in (left.family, right.family):
        raise RefusedError("compares with NULL, which is never true; use IS NULL or IS NOT NULL")
    if left.family in (DATE, MOMENT) and right.literal is not None:
        right = time_literal(right.literal, left.family)
    elif right.family in (DATE, MOMENT) and left.literal is not None:
        left = time_literal(left.literal, right.family)
    if left.family != right.family or left.family in (ARRAY, OTHER):
        raise RefusedError(f"compares a {left.family} with a {right.family}")
    return left, right


def equality(left: Part, right: Part) -> Part:
    return Part(BOOLEAN, lambda: left.build() == right.build())


def common(parts: list[Part], where: str) -> str:
    families = {part.family for part in parts} - {NULL}
    if len(families) > 1:
        raise RefusedError(f"mixes {' and '.join(sorted(families))} in {where}")
    return families.pop() if families else NULL


def time_literal(text: str, family: str) -> Part:
    """A text in ISO 8601 as a date or, in UTC unless it names an offset, as a moment."""
    try:
        if family == DATE:
            day = dt.date.fromisoformat(text)
            return Part(DATE, lambda: F.lit(day))
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        raise RefusedError(f"has {text!r} where a {family} in ISO 8601 is expected, such as 2026-02-17") from None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
    return Part(MOMENT, lambda: F.lit(aware))


def number_literal(text: str) -> Part:
    if re.fullmatch(r"\d+", text):
        whole = int(text)
        if whole >= 2**63:
            raise RefusedError(f"has the number {text[:20]}..., which is too large")
        return Part(NUMBER, lambda: F.lit(whole))
    if re.fullmatch(r"\d*\.?\d*[eE][+-]?\d+", text):
        value = float(text)
        if not math.isfinite(value):
            raise RefusedError(f"has the number {text}, which is too large")
        return Part(NUMBER, lambda: F.lit(value))
    exact = decimal.Decimal(text)
    scale = -int(exact.as_tuple().exponent)
    precision = max(len(exact.as_tuple().digits), scale)
    if precision > 38:
        raise RefusedError("has a number of more than 38 digits")
    return Part(NUMBER, lambda: F.lit(exact).cast(DecimalType(precision, scale)))
