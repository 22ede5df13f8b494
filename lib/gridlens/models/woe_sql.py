"""Characteristics and their bins as SQL text for MLlib's SQLTransformer: a fitted scorecard is readable, and needs none of our code."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pyspark.ml.feature import SQLTransformer

from gridlens.models.characteristic import Characteristic
from gridlens.models.woe_bins import Binned

_SPECIAL = re.compile(r"['\\$\n\r]|_(?=_THIS__)")


def value_column(name: str) -> str:
    """Column with the value of a characteristic."""
    return f"{name}__value"


def woe_column(name: str) -> str:
    """Column with the weight of evidence of a characteristic."""
    return f"{name}__woe"


def points_column(name: str) -> str:
    """Column with the points of a characteristic."""
    return f"{name}__points"


def quoted(name: str) -> str:
    """A column's name in SQL."""
    return "`" + name.replace("`", "``") + "`"


def number(value: float) -> str:
    """A double in SQL, to the last bit."""
    return f"({value!r}D)" if value < 0 else f"{value!r}D"


def text(value: str) -> str:
    """A text in SQL, with what the parser, variable substitution or SQLTransformer itself would read otherwise as code points."""
    return "'" + _SPECIAL.sub(lambda found: f"\\u{ord(found.group()):04x}", value) + "'"


def value_sql(characteristic: Characteristic) -> str:
    """The value of a characteristic: text of a category, else a double; null where missing, where NaN, and where an input is.

    A whole number's text is the same where it comes as a double, as served numbers do.
    """
    if characteristic.kind == "category":
        return f"regexp_replace(CAST({quoted(characteristic.inputs[0])} AS STRING), '[.]0$', '')"
    inputs = [f"nanvl(CAST({quoted(name)} AS DOUBLE), NULL)" for name in characteristic.inputs]
    if characteristic.floor is not None:
        floor = number(characteristic.floor)
        inputs = [f"CASE WHEN {one} < {floor} THEN {floor} ELSE {one} END" for one in inputs]
    combined = _combined(characteristic, inputs)
    if characteristic.over:
        return f"({combined}) / nullif(nanvl(CAST({quoted(characteristic.over)} AS DOUBLE), NULL), 0.0D)"
    return combined


def _combined(characteristic: Characteristic, inputs: Sequence[str]) -> str:
    how = characteristic.how
    if how == "value":
        return inputs[0]
    if how in ("sum", "mean"):
        total = " + ".join(inputs)
        return f"({total}) / {number(float(len(inputs)))}" if how == "mean" else total
    if how == "above":
        limit = number(float(characteristic.limit or 0.0))
        return " + ".join(f"CASE WHEN {one} > {limit} THEN 1.0D WHEN {one} <= {limit} THEN 0.0D END" for one in inputs)
    if len(inputs) == 1:
        return inputs[0]
    function = "greatest" if how == "max" else "least"
    known = " AND ".join(f"{one} IS NOT NULL" for one in inputs)  # the functions would skip what is missing
    return f"CASE WHEN {known} THEN {function}({', '.join(inputs)}) END"


def case_sql(one: Binned, results: Sequence[float]) -> str:
    """The result of the bin that a value falls into. Args: results: of each bin."""
    value = quoted(value_column(one.id))
    whens: list[str] = []
    otherwise = 0.0
    ranges = [(b, r) for b, r in zip(one.bins, results, strict=True) if b.kind == "range"]
    for b, result in zip(one.bins, results, strict=True):
        if b.kind == "missing":
            whens.insert(0, f"WHEN {value} IS NULL THEN {number(result)}")
        elif b.kind == "special":
            whens.append(f"WHEN {value} = {number(float(b.values[0]))} THEN {number(result)}")
        elif b.kind == "values":
            whens.append(f"WHEN {value} IN ({', '.join(text(str(v)) for v in b.values)}) THEN {number(result)}")
        elif b.kind == "other":
            otherwise = result
    whens += [f"WHEN {value} < {number(b.high)} THEN {number(r)}" for b, r in ranges if b.high is not None]
    if ranges:
        otherwise = ranges[-1][1]
    return f"CASE {' '.join(whens)} ELSE {number(otherwise)} END"


def added(columns: Sequence[tuple[str, str]]) -> SQLTransformer:
    """MLlib's stage that adds columns. Args: columns: (name, SQL)."""
    listed = ", ".join(f"{sql} AS {quoted(name)}" for name, sql in columns)
    return SQLTransformer(statement=f"SELECT *, {listed} FROM __THIS__")


def value_stage(characteristics: Sequence[Characteristic]) -> SQLTransformer:
    """Adds the values of characteristics."""
    return added([(value_column(one.id), value_sql(one)) for one in characteristics])


def woe_stage(bins: Sequence[Binned]) -> SQLTransformer:
    """Adds the weights of evidence, reading the values."""
    return added([(woe_column(one.id), case_sql(one, [b.woe for b in one.bins])) for one in bins])
