"""The tags of a library in DuckDB: each expression translated by sqlglot, level by level, from the same Parquet."""

from __future__ import annotations

import datetime as dt

import sqlglot
from duckdb import DuckDBPyConnection
from gridlens.tags.definition import Bands
from gridlens.tags.library import Tag, TagLibrary
from sqlglot import exp


def query(features: str, library: TagLibrary) -> str:
    """A row per account: account_id and every tag. ``features`` is a table expression."""
    read = {name for tag in library.tags for name in tag.features} - {"account_id"}
    source = f"(SELECT account_id, {', '.join(sorted(read))} FROM {features})"
    for level in library.levels:
        source = f"(SELECT *, {', '.join(f'{_value(tag)} AS {tag.id}' for tag in level)} FROM {source})"
    return f"SELECT account_id, {', '.join(library.ids)} FROM {source}"


def prepare(connection: DuckDBPyConnection, as_of: dt.date) -> None:
    """Defines what DuckDB lacks."""
    connection.execute(f"CREATE OR REPLACE MACRO days_since(d) AS date_diff('day', d, DATE '{as_of}')")


def _value(tag: Tag) -> str:
    if tag.definition.bands:
        return _banded(tag.definition.bands)
    value = _translated(tag.definition.expression or "")
    closed = ", ".join(f"'{text}'" for text in tag.values)
    return f"CASE WHEN {value} IN ({closed}) THEN {value} END" if tag.values else f"({value})"


def _banded(bands: Bands) -> str:
    number = f"CAST({_translated(bands.of)} AS DOUBLE)"
    steps = " ".join(f"WHEN {number} < {step.below!r} THEN '{step.value}'" for step in bands.steps[:-1])
    return f"CASE WHEN {number} IS NULL OR isnan({number}) THEN NULL {steps} ELSE '{bands.steps[-1].value}' END"


def _translated(text: str) -> str:
    return sqlglot.parse_one(text, read="spark").transform(_safe).sql(dialect="duckdb")


def _safe(node: exp.Expression) -> exp.Expression:
    """A division by nothing is null, as in the library."""
    if isinstance(node, exp.Div) and not isinstance(node.expression, exp.Nullif):
        divisor = exp.Nullif(this=exp.paren(node.expression), expression=exp.Literal.number(0))
        return exp.Div(this=node.this, expression=divisor, typed=False, safe=False)
    return node
