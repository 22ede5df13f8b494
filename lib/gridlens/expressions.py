"""Checked expressions: a SQL text becomes a Column only through allow-listed nodes, functions and columns.

Nothing of the text ever reaches Spark's own parser, so that no expression can call Java, read a file or run a
subquery. The text is read by sqlglot (dialect Spark) without its function rewriting, every node is checked for
kind and for operand families, and the Column is built node by node. Arithmetic and casts give null where they have
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import sqlglot
from pyspark.sql import Column
from sqlglot import exp
from sqlglot.dialects.spark import Spark
from sqlglot.errors import SqlglotError

from gridlens.errors import DefinitionError
from gridlens.expression_functions import NULL
from gridlens.expression_nodes import Checker
from gridlens.expression_values import RefusedError, Types, families_of

MAX_LENGTH = 4000
MAX_NODES = 500
logging.getLogger("sqlglot").setLevel(logging.CRITICAL)  # it would print the text it cannot read


class _Plain(Spark):
    """Spark's grammar with every call left as written: sqlglot would otherwise rewrite functions into its own kinds."""

    class Parser(Spark.Parser):  # type: ignore[valid-type, misc]  # sqlglot's dialects carry their parser as a variable
        FUNCTIONS: dict[str, Callable[..., exp.Expression]] = {}
        FUNCTION_PARSERS = {name: read for name, read in Spark.Parser.FUNCTION_PARSERS.items() if name in ("CAST", "TRY_CAST")}
        NO_PAREN_FUNCTIONS: dict[object, object] = {}
        NO_PAREN_FUNCTION_PARSERS = {name: read for name, read in Spark.Parser.NO_PAREN_FUNCTION_PARSERS.items() if name == "CASE"}


@dataclass(frozen=True)
class Checked:
    """A checked expression.

    Attributes:
        text: as it was given.
        family: of its value: number, text, boolean, date, moment, array, null or other.
        columns: the columns it reads.
        column: builds the Column (needs a Spark session; checking does not).
    """

    text: str
    family: str
    columns: frozenset[str]
    column: Callable[[], Column]


def checked(expression: str, columns: Types, where: str) -> Column:
    """``expression`` as a Column; see :func:`check`."""
    return check(expression, columns, where).column()


def check(expression: str, columns: Types, where: str, *, family: str | None = None) -> Checked:
    """Checks an expression without Spark.

    Args:
        expression: SQL text over the columns, such as ``energy_kwh > 10 and channel = '1.8.0'``.
        columns: the columns it may read with their Spark types.
        where: file and line, or option, named in errors.
        family: what it must give, such as ``boolean``; default anything.

    Raises:
        DefinitionError: one sentence: the unknown column, function or construct, or operands that do not fit.
    """
    families = families_of(columns)
    try:
        checker = Checker(families)
        part = checker.part(_parsed(expression), 0)
        if family is not None and part.family not in (family, NULL):
            raise RefusedError(f"gives a {part.family}, expected a {family}")
    except RefusedError as reason:
        raise DefinitionError(f"{where}: the expression {_shown(expression)} {reason}") from None
    return Checked(expression, part.family, frozenset(checker.used), part.build)


def conjuncts(expression: str) -> list[str]:
    """The terms that AND joins at the top of an expression, in order; the expression itself where there is none.

    Each is text to be given to :func:`check`; together they mean what the whole means.

    Raises:
        DefinitionError: it cannot be read as one expression.
    """
    try:
        tree = _parsed(expression)
    except RefusedError as reason:
        raise DefinitionError(f"the expression {_shown(expression)} {reason}") from None
    return [term.sql(dialect=_Plain) for term in _terms(tree)]


def _terms(node: exp.Expression) -> list[exp.Expression]:
    found: list[exp.Expression] = []
    waiting = [node]
    while waiting:  # not recursive: a long chain of AND is as deep as it is long
        one = waiting.pop()
        inner = one.this if isinstance(one, exp.Paren) and isinstance(one.this, exp.And) else one
        if isinstance(inner, exp.And):
            waiting += [inner.expression, inner.this]
        else:
            found.append(inner)
    return found


def _shown(text: str) -> str:
    short = " ".join(text.split())
    return repr(short if len(short) <= 80 else short[:77] + "...")


def _parsed(text: str) -> exp.Expression:
    if len(text) > MAX_LENGTH:
        raise RefusedError(f"is {len(text)} characters long, at most {MAX_LENGTH} are allowed")
    try:
        trees = sqlglot.parse(text, dialect=_Plain)
    except RecursionError:
        raise RefusedError("is nested too deeply") from None
    except SqlglotError as error:
        details = getattr(error, "errors", None) or [{}]
        place = f" near character {details[0]['col']}" if details[0].get("col") else ""
        raise RefusedError(f"cannot be read as SQL{place}; check quotes, brackets and operators") from None
    if len(trees) != 1 or trees[0] is None:
        raise RefusedError("must be exactly one expression")
    if sum(1 for _ in trees[0].walk()) > MAX_NODES:
        raise RefusedError(f"has more than {MAX_NODES} parts; split it")
    return cast(exp.Expression, trees[0])
