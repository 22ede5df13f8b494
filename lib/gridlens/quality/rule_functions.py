"""The registered rule functions: each gives a Spark Column that is TRUE where a row breaks the rule, never null.

A null in a field is reported by ``required`` alone (rules for required fields are written so); every other
function takes a null field as nothing to object to.
"""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import and_
from typing import Annotated, Any, get_type_hints

from pydantic import BaseModel, ConfigDict, Strict, create_model
from pyspark.sql import Column
from pyspark.sql import functions as F

from gridlens.tables import Field

Entity = Mapping[str, Field]
FIELD = "field"
FieldName = Annotated[str, Strict(), FIELD]
FieldNames = Annotated[tuple[str, ...], FIELD]
Number = int | float

# Moments are compared and shown as seconds since 1970 UTC, so that no session zone changes an answer.
_DAY = 86400
_HOURS_OF_LONGEST_DAY = 25


@dataclass(frozen=True)
class RuleFunction:
    """A registered function.

    Attributes:
        name: how YAML names it.
        build: ``build(entity, **arguments)`` gives the Column.
        arguments: pydantic model of the arguments.
        field_arguments: arguments that name fields of the entity.
        kinds: types of the first field that it can judge; empty where any.
    """

    name: str
    build: Callable[..., Column]
    arguments: type[BaseModel]
    field_arguments: tuple[str, ...]
    kinds: tuple[str, ...]

    def fields(self, arguments: Mapping[str, Any]) -> list[str]:
        """The entity's fields that these arguments name, in order."""
        named: list[str] = []
        for argument in self.field_arguments:
            value = arguments.get(argument)
            named += [value] if isinstance(value, str) else list(value or ())
        return list(dict.fromkeys(named))


FUNCTIONS: dict[str, RuleFunction] = {}
NUMBERS = ("int", "bigint", "smallint", "tinyint", "double", "decimal")
TIMES = ("date", "timestamp")


def rule_function(*kinds: str) -> Callable[[Callable[..., Column]], Callable[..., Column]]:
    """Registers a function under its own name; its keyword parameters are the YAML arguments."""

    def register(function: Callable[..., Column]) -> Callable[..., Column]:
        hints = get_type_hints(function, include_extras=True)
        parameters = list(inspect.signature(function).parameters.values())[1:]
        fields: dict[str, Any] = {p.name: (hints[p.name], ... if p.default is p.empty else p.default) for p in parameters}
        model = create_model(function.__name__, __config__=ConfigDict(extra="forbid", frozen=True), **fields)
        marked = tuple(p.name for p in parameters if FIELD in getattr(hints[p.name], "__metadata__", ()))
        FUNCTIONS[function.__name__] = RuleFunction(function.__name__, function, model, marked, kinds)
        return function

    return register


def _true(condition: Column) -> Column:
    return F.coalesce(condition, F.lit(False))


def _blank(text: Column) -> Column:
    # A blank comes before every letter and digit: most texts need not be trimmed, which copies them (5 % of loading registers, 2026-11).
    return (text < "!") & (F.trim(text) == "")


def _moment(entity: Entity, name: str) -> Column:
    """A date or timestamp as seconds since 1970 UTC (a date: its midnight taken as UTC)."""
    column = F.col(name)
    return F.unix_date(column).cast("bigint") * _DAY if entity[name].type == "date" else F.unix_seconds(column)


@rule_function()
def required(entity: Entity, *, fields: FieldNames) -> Column:
    """A required field is null, or a text of blanks only."""
    broken = F.lit(False)
    for name in fields:
        broken = broken | (_true(_blank(F.col(name))) if entity[name].type == "string" else F.lit(False)) | F.col(name).isNull()
    return broken


@rule_function("string")
def one_of(entity: Entity, *, field: FieldName, codes: tuple[str, ...] = ()) -> Column:
    """A code outside its closed list: ``codes``, by default the list in the contract."""
    return _true(~F.col(field).isin(list(codes or entity[field].allowed or ())))


@rule_function(*NUMBERS)
def in_range(entity: Entity, *, field: FieldName, min: Number | None = None, max: Number | None = None) -> Column:
    """A number below ``min`` or above ``max`` (both belong to the range); not a number is outside."""
    broken = F.lit(False)
    if min is not None:
        broken = broken | (F.col(field) < min)
    if max is not None:
        broken = broken | (F.col(field) > max)
    return _true(broken | F.isnan(F.col(field).cast("double")))


@rule_function(*NUMBERS)
def non_negative(entity: Entity, *, field: FieldName) -> Column:
    """A number below zero."""
    return _true(F.col(field) < 0)


@rule_function(*NUMBERS)
def positive(entity: Entity, *, field: FieldName) -> Column:
    """A number that is zero or below."""
    return _true(F.col(field) <= 0)


@rule_function("double", "array<double>")
def finite(entity: Entity, *, field: FieldName) -> Column:
    """Infinity or not-a-number, in the field or in any element of a list."""
    if entity[field].type == "double":
        return _true(F.isnan(field) | F.col(field).isin([math.inf, -math.inf]))
    highest, lowest = F.array_max(field), F.array_min(field)  # NaN counts as greatest in Spark's order
    return _true(F.isnan(highest) | (highest == math.inf) | F.isnan(lowest) | (lowest == -math.inf))


@rule_function("string")
def matches(entity: Entity, *, field: FieldName, pattern: str) -> Column:
    """A text that the regular expression does not match from end to end."""
    return _true(~F.col(field).rlike(f"^(?:{pattern})$"))


@rule_function("string")
def max_length(entity: Entity, *, field: FieldName, length: int) -> Column:
    """A text of more than ``length`` characters."""
    return _true(F.length(field) > length)


@rule_function(*TIMES)
def not_after(entity: Entity, *, field: FieldName, other: FieldName) -> Column:
    """``field`` later than ``other``."""
    return _true(_moment(entity, field) > _moment(entity, other))


@rule_function(*TIMES)
def not_future(entity: Entity, *, field: FieldName, allowance_days: Number = 1) -> Column:
    """A day or moment more than ``allowance_days`` after the row became known (one day covers every zone)."""
    known = F.unix_seconds("known_from")
    if entity[field].type == "date":
        known = F.floor(known / _DAY) * _DAY
    return _true(_moment(entity, field) > known + allowance_days * _DAY)


@rule_function(*TIMES)
def day_is_plausible(entity: Entity, *, field: FieldName, first_year: int = 1990, last_year: int = 2100) -> Column:
    """A day or moment (UTC) outside the years ``first_year`` to ``last_year``, both included."""
    seconds = _moment(entity, field)
    first, after = (F.unix_date(F.lit(f"{year:04d}-01-01").cast("date")).cast("bigint") * _DAY for year in (first_year, last_year + 1))
    return _true((seconds < first) | (seconds >= after))


@rule_function("array<double>")
def readable(entity: Entity, *, field: FieldName) -> Column:
    """A list without any value: null, empty or of nulls only."""
    return F.array_max(field).isNull()


@rule_function("array<double>")
def none_negative(entity: Entity, *, field: FieldName, code_field: FieldName, codes: tuple[str, ...]) -> Column:
    """An element below zero where ``code_field`` (such as the channel) is one of ``codes``."""
    return _true((F.array_min(field) < 0) & F.col(code_field).isin(list(codes)))


@rule_function("array<double>")
def fits_day(entity: Entity, *, field: FieldName, first: FieldName, resolution: FieldName) -> Column:
    """Intervals that begin before the local day or reach beyond the longest one (25 hours; a daily total is one interval)."""
    minutes = F.col(resolution)
    longest = F.when(minutes >= 1440, F.lit(1440)).otherwise(F.lit(_HOURS_OF_LONGEST_DAY * 60))
    return _true((F.col(first) < 0) | (minutes <= 0) | ((F.col(first) + F.size(field)) * minutes > longest))


@rule_function("int")
def resolution_known(entity: Entity, *, field: FieldName) -> Column:
    """An interval length (minutes) that is no whole part of an hour and no whole day."""
    return _true(~F.col(field).isin([m for m in range(1, 61) if 60 % m == 0] + [1440]))


@rule_function(*NUMBERS)
def not_above(entity: Entity, *, field: FieldName, other: FieldName) -> Column:
    """A number greater than another field's."""
    return _true(F.col(field) > F.col(other))


@rule_function()
def any_present(entity: Entity, *, fields: FieldNames) -> Column:
    """None of the fields has a value."""
    return reduce(and_, (F.col(name).isNull() for name in fields))


@rule_function("decimal")
def adds_up(entity: Entity, *, field: FieldName, parts: FieldNames, tolerance: Number) -> Column:
    """``field`` and the sum of ``parts`` (null parts count as nothing) differ by more than ``tolerance``; unchecked without any part."""
    present = F.coalesce(*[F.col(name) for name in parts]).isNotNull()
    total = sum((F.coalesce(F.col(name).cast("double"), F.lit(0.0)) for name in parts), F.lit(0.0))
    return _true(present & (F.abs(F.col(field).cast("double") - total) > tolerance))


@rule_function("decimal")
def is_product(entity: Entity, *, field: FieldName, factor: FieldName, other: FieldName, tolerance: Number) -> Column:
    """``field`` and ``factor`` times ``other`` differ by more than ``tolerance``; unchecked where one is null."""
    return _true(F.abs(F.col(field).cast("double") - F.col(factor).cast("double") * F.col(other).cast("double")) > tolerance)


def check_pattern(pattern: str) -> None:
    """Raises ValueError where ``pattern`` is no regular expression."""
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"expected a regular expression ({error})") from error
