"""The functions that a checked expression may call: pure, scalar, without access to clock, files or Java."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pyspark.sql import Column
from pyspark.sql import functions as F

NUMBER, TEXT, BOOLEAN, DATE, MOMENT, ARRAY, NULL, OTHER = "number", "text", "boolean", "date", "moment", "array", "null", "other"
ANY = "any value"
SAME = "same"  # as a result: the family of the arguments marked ANY, which must agree


@dataclass(frozen=True)
class Function:
    """One allowed function.

    Attributes:
        arguments: family of each argument; with ``repeat`` the last may stand any number of times.
        result: family of the result.
        build: makes the Column from the arguments' Columns.
        optional: how many trailing arguments may be left out.
        reads: columns that it reads beside its arguments; where one is missing, it cannot be called.
    """

    arguments: tuple[str, ...]
    result: str
    build: Callable[..., Column]
    optional: int = 0
    repeat: bool = False
    reads: tuple[str, ...] = ()

    def takes(self, count: int) -> bool:
        return count >= len(self.arguments) - self.optional and (self.repeat or count <= len(self.arguments))


def _whole(column: Column) -> Column:
    return column.try_cast("int")


def _round(value: Column, digits: Column | None = None) -> Column:
    return F.round(value, _whole(digits) if digits is not None else 0)


_COALESCE = Function((ANY, ANY), SAME, lambda *c: F.coalesce(*c), repeat=True)
_POWER = Function((NUMBER, NUMBER), NUMBER, lambda a, b: F.pow(a, b))
_SUBSTRING = Function((TEXT, NUMBER, NUMBER), TEXT, lambda t, start, length: t.substr(_whole(start), _whole(length)))
_DAY = Function((DATE,), NUMBER, lambda d: F.dayofmonth(d))

FUNCTIONS: dict[str, Function] = {
    "abs": Function((NUMBER,), NUMBER, lambda x: F.abs(x)),
    "round": Function((NUMBER, NUMBER), NUMBER, _round, optional=1),
    "floor": Function((NUMBER,), NUMBER, lambda x: F.floor(x)),
    "ceil": Function((NUMBER,), NUMBER, lambda x: F.ceil(x)),
    "sign": Function((NUMBER,), NUMBER, lambda x: F.signum(x)),
    "sqrt": Function((NUMBER,), NUMBER, lambda x: F.sqrt(x)),
    "exp": Function((NUMBER,), NUMBER, lambda x: F.exp(x)),
    "ln": Function((NUMBER,), NUMBER, lambda x: F.ln(x)),
    "pow": _POWER,
    "power": _POWER,
    "isnan": Function((NUMBER,), BOOLEAN, lambda x: F.isnan(x)),
    "greatest": Function((ANY, ANY), SAME, lambda *c: F.greatest(*c), repeat=True),
    "least": Function((ANY, ANY), SAME, lambda *c: F.least(*c), repeat=True),
    "coalesce": _COALESCE,
    "nvl": _COALESCE,
    "ifnull": _COALESCE,
    "nullif": Function((ANY, ANY), SAME, lambda a, b: F.when(a == b, F.lit(None)).otherwise(a)),
    "if": Function((BOOLEAN, ANY, ANY), SAME, lambda c, a, b: F.when(c, a).otherwise(b)),
    "upper": Function((TEXT,), TEXT, lambda t: F.upper(t)),
    "lower": Function((TEXT,), TEXT, lambda t: F.lower(t)),
    "trim": Function((TEXT,), TEXT, lambda t: F.trim(t)),
    "ltrim": Function((TEXT,), TEXT, lambda t: F.ltrim(t)),
    "rtrim": Function((TEXT,), TEXT, lambda t: F.rtrim(t)),
    "length": Function((TEXT,), NUMBER, lambda t: F.length(t)),
    "substring": _SUBSTRING,
    "substr": _SUBSTRING,
    "concat": Function((TEXT, TEXT), TEXT, lambda *c: F.concat(*c), repeat=True),
    "startswith": Function((TEXT, TEXT), BOOLEAN, lambda t, part: F.startswith(t, part)),
    "endswith": Function((TEXT, TEXT), BOOLEAN, lambda t, part: F.endswith(t, part)),
    "contains": Function((TEXT, TEXT), BOOLEAN, lambda t, part: F.contains(t, part)),
    "year": Function((DATE,), NUMBER, lambda d: F.year(d)),
    "quarter": Function((DATE,), NUMBER, lambda d: F.quarter(d)),
    "month": Function((DATE,), NUMBER, lambda d: F.month(d)),
    "day": _DAY,
    "dayofmonth": _DAY,
    "dayofweek": Function((DATE,), NUMBER, lambda d: F.dayofweek(d)),
    "last_day": Function((DATE,), DATE, lambda d: F.last_day(d)),
    "date_add": Function((DATE, NUMBER), DATE, lambda d, n: F.date_add(d, _whole(n))),
    "date_sub": Function((DATE, NUMBER), DATE, lambda d, n: F.date_sub(d, _whole(n))),
    "datediff": Function((DATE, DATE), NUMBER, lambda end, start: F.datediff(end, start)),
    # Against the last day of the data, a column, never against the clock.
    "days_since": Function((DATE,), NUMBER, lambda d: F.datediff(F.col("as_of"), d), reads=("as_of",)),
    "months_between": Function((DATE, DATE), NUMBER, lambda end, start: F.months_between(end, start)),
    "size": Function((ARRAY,), NUMBER, lambda a: F.size(a)),
}
