"""The allow-list of checked expressions: every kind of node with the arguments it may have, and how its Column is built."""

from __future__ import annotations

import re
from collections.abc import Callable

from pyspark.sql import Column
from pyspark.sql import functions as F
from sqlglot import exp

from gridlens.errors import nearest
from gridlens.expression_functions import ANY, BOOLEAN, DATE, FUNCTIONS, MOMENT, NULL, NUMBER, SAME, TEXT
from gridlens.expression_values import (
    Part,
    RefusedError,
    common,
    comparable,
    equality,
    expect,
    family_of,
    number_literal,
    time_literal,
)

MAX_DEPTH = 60
_MAX_WILDCARDS = 8
_ARITHMETIC: dict[type[exp.Expression], Callable[[Column, Column], Column]] = {
    exp.Add: lambda a, b: F.try_add(a, b),
    exp.Sub: lambda a, b: F.try_subtract(a, b),
    exp.Mul: lambda a, b: F.try_multiply(a, b),
    exp.Div: lambda a, b: F.try_divide(a, b),
    exp.Mod: lambda a, b: F.try_mod(a, b),
}
_COMPARISONS: dict[type[exp.Expression], Callable[[Column, Column], Column]] = {
    exp.EQ: lambda a, b: a == b,
    exp.NEQ: lambda a, b: a != b,
    exp.GT: lambda a, b: a > b,
    exp.GTE: lambda a, b: a >= b,
    exp.LT: lambda a, b: a < b,
    exp.LTE: lambda a, b: a <= b,
    exp.NullSafeEQ: lambda a, b: a.eqNullSafe(b),
}
_CASTS = {
    TEXT: {NUMBER, TEXT, BOOLEAN, DATE, MOMENT},
    NUMBER: {NUMBER, TEXT},
    BOOLEAN: {BOOLEAN, TEXT},
    DATE: {DATE, MOMENT, TEXT},
    MOMENT: {DATE, MOMENT, TEXT},
}
_CAST_TYPE = re.compile(r"tinyint|smallint|int|bigint|float|double|decimal\(\d\d?, ?\d\d?\)|string|boolean|date|timestamp")


class Checker:
    """Walks the tree; a node of another kind, or with any argument not named here, is refused."""

    def __init__(self, columns: dict[str, str]) -> None:
        self.columns = columns
        self.used: set[str] = set()

    def part(self, node: exp.Expression, depth: int) -> Part:
        if depth > MAX_DEPTH:
            raise RefusedError(f"is nested more than {MAX_DEPTH} deep; use IN for long lists")
        kind = type(node)
        if kind in _ARITHMETIC:
            return self._arithmetic(node, depth)
        if kind in _COMPARISONS:
            return self._comparison(node, depth)
        handler = _HANDLERS.get(kind)
        if handler is None:
            raise RefusedError(f"uses {construct(node)}, which is not allowed")
        arguments, method = handler
        self._only(node, arguments)
        return method(self, node, depth)

    @staticmethod
    def _only(node: exp.Expression, arguments: tuple[str, ...]) -> None:
        extra = [name for name, value in node.args.items() if value not in (None, [], False) and name not in arguments]
        if extra:
            raise RefusedError(f"uses {construct(node)} with {extra[0].replace('_', ' ')}, which is not allowed")

    def _two(self, node: exp.Expression, depth: int) -> tuple[Part, Part]:
        return self.part(node.args["this"], depth + 1), self.part(node.args["expression"], depth + 1)

    def _arithmetic(self, node: exp.Expression, depth: int) -> Part:
        self._only(node, ("this", "expression", "typed", "safe"))
        left, right = self._two(node, depth)
        for side in (left, right):
            expect(side, NUMBER, construct(node))
        return Part(NUMBER, lambda: _ARITHMETIC[type(node)](left.build(), right.build()))

    def _comparison(self, node: exp.Expression, depth: int) -> Part:
        self._only(node, ("this", "expression"))
        left, right = comparable(*self._two(node, depth))
        return Part(BOOLEAN, lambda: _COMPARISONS[type(node)](left.build(), right.build()))

    def _paren(self, node: exp.Expression, depth: int) -> Part:
        return self.part(node.args["this"], depth + 1)

    def _connector(self, node: exp.Expression, depth: int) -> Part:
        left, right = self._two(node, depth)
        for side in (left, right):
            expect(side, BOOLEAN, construct(node))
        if isinstance(node, exp.And):
            return Part(BOOLEAN, lambda: left.build() & right.build())
        return Part(BOOLEAN, lambda: left.build() | right.build())

    def _not(self, node: exp.Expression, depth: int) -> Part:
        inner = self.part(node.args["this"], depth + 1)
        expect(inner, BOOLEAN, "NOT")
        return Part(BOOLEAN, lambda: ~inner.build())

    def _negative(self, node: exp.Expression, depth: int) -> Part:
        inner = self.part(node.args["this"], depth + 1)
        expect(inner, NUMBER, "a minus sign")
        return Part(NUMBER, lambda: F.try_subtract(F.lit(0), inner.build()))

    def _column(self, node: exp.Expression, depth: int) -> Part:
        name = node.name
        if name not in self.columns:
            hint = nearest(name, self.columns, f"there are {', '.join(sorted(self.columns))}")
            raise RefusedError(f"reads the unknown column {name}; {hint}")
        self.used.add(name)
        return Part(self.columns[name], lambda: F.col("`" + name.replace("`", "``") + "`"))

    def _literal(self, node: exp.Expression, depth: int) -> Part:
        text = str(node.args["this"])
        if node.args.get("is_string"):
            return Part(TEXT, lambda: F.lit(text), literal=text)
        return number_literal(text)

    def _boolean(self, node: exp.Expression, depth: int) -> Part:
        return Part(BOOLEAN, lambda: F.lit(bool(node.args["this"])))

    def _null(self, node: exp.Expression, depth: int) -> Part:
        return Part(NULL, lambda: F.lit(None))

    def _in(self, node: exp.Expression, depth: int) -> Part:
        items = node.args.get("expressions") or []
        if not items:
            raise RefusedError("uses IN without a list of values, which is not allowed")
        subject = self.part(node.args["this"], depth + 1)
        pairs = [comparable(subject, self.part(item, depth + 1)) for item in items]
        values = [right for _, right in pairs]
        return negated(node, Part(BOOLEAN, lambda: subject.build().isin(*(value.build() for value in values))))

    def _between(self, node: exp.Expression, depth: int) -> Part:
        subject = self.part(node.args["this"], depth + 1)
        _, low = comparable(subject, self.part(node.args["low"], depth + 1))
        _, high = comparable(subject, self.part(node.args["high"], depth + 1))
        return negated(node, Part(BOOLEAN, lambda: subject.build().between(low.build(), high.build())))

    def _like(self, node: exp.Expression, depth: int) -> Part:
        subject, pattern = self._two(node, depth)
        expect(subject, TEXT, "LIKE")
        text = pattern.literal
        if text is None:
            raise RefusedError("uses LIKE with something other than a text in quotes")
        if text.count("%") > _MAX_WILDCARDS or re.search(r"\\(?![%_\\])", text.replace("\\\\", "")):
            raise RefusedError(f"uses a LIKE pattern with more than {_MAX_WILDCARDS} % or a \\ that escapes nothing")
        return negated(node, Part(BOOLEAN, lambda: subject.build().like(text)))

    def _is(self, node: exp.Expression, depth: int) -> Part:
        subject = self.part(node.args["this"], depth + 1)
        right = node.args["expression"]
        if isinstance(right, exp.Null):
            return negated(node, Part(BOOLEAN, lambda: subject.build().isNull()))
        if isinstance(right, exp.Boolean):
            expect(subject, BOOLEAN, "IS TRUE or IS FALSE")
            return negated(node, Part(BOOLEAN, lambda: subject.build().eqNullSafe(F.lit(bool(right.args["this"])))))
        raise RefusedError("uses IS with something other than NULL, TRUE or FALSE")

    def _case(self, node: exp.Expression, depth: int) -> Part:
        subject = self.part(node.args["this"], depth + 1) if node.args.get("this") else None
        branches: list[tuple[Part, Part]] = []
        for branch in node.args["ifs"]:
            self._only(branch, ("this", "true"))
            test, value = self.part(branch.args["this"], depth + 1), self.part(branch.args["true"], depth + 1)
            if subject is None:
                expect(test, BOOLEAN, "CASE WHEN")
            else:
                test = equality(*comparable(subject, test))
            branches.append((test, value))
        default = self.part(node.args["default"], depth + 1) if node.args.get("default") else None
        family = common([value for _, value in branches] + ([default] if default else []), "CASE")

        def build() -> Column:
            first, *rest = branches
            column = F.when(first[0].build(), first[1].build())
            for test, value in rest:
                column = column.when(test.build(), value.build())
            return column.otherwise(default.build()) if default else column

        return Part(family, build)

    def _cast(self, node: exp.Expression, depth: int) -> Part:
        inner = self.part(node.args["this"], depth + 1)
        target = node.args["to"].sql(dialect="spark").lower()
        if not _CAST_TYPE.fullmatch(target):
            raise RefusedError(f"casts to {target}, which is not allowed")
        digits = [int(n) for n in re.findall(r"\d+", target)]
        if digits and not (1 <= digits[0] <= 38 and digits[1] <= digits[0]):
            raise RefusedError(f"casts to {target}, which no decimal can be")
        family = family_of(target)
        if inner.literal is not None and family in (DATE, MOMENT):
            return time_literal(inner.literal, family)
        if inner.family != NULL and family not in _CASTS.get(inner.family, ()):
            raise RefusedError(f"casts a {inner.family} to {target}, which is not allowed")
        return Part(family, lambda: inner.build().try_cast(target))

    def _function(self, node: exp.Expression, depth: int) -> Part:
        raw = node.args["this"]
        name = raw.lower() if isinstance(raw, str) else ""
        function = FUNCTIONS.get(name)
        if function is None:
            shown = name or (raw.name if isinstance(raw, exp.Expression) else str(raw))
            raise RefusedError(f"calls the function {shown}, which is not allowed; allowed are {', '.join(sorted(FUNCTIONS))}")
        items = node.args.get("expressions") or []
        if not function.takes(len(items)):
            raise RefusedError(f"calls {name} with {len(items)} argument(s), it takes {len(function.arguments)}")
        for column in function.reads:
            if column not in self.columns:
                raise RefusedError(f"calls {name}, which needs the column {column}, not there; give both days to datediff")
            self.used.add(column)
        parts = [self.part(item, depth + 1) for item in items]
        wanted = [function.arguments[min(i, len(function.arguments) - 1)] for i in range(len(parts))]
        for part, family in zip(parts, wanted, strict=True):
            if family != ANY:
                expect(part, family, name)
        result = function.result
        if result == SAME:
            result = common([part for part, family in zip(parts, wanted, strict=True) if family == ANY], name)
        return Part(result, lambda: function.build(*(part.build() for part in parts)))


_HANDLERS: dict[type[exp.Expression], tuple[tuple[str, ...], Callable[[Checker, exp.Expression, int], Part]]] = {
    exp.Paren: (("this",), Checker._paren),
    exp.And: (("this", "expression"), Checker._connector),
    exp.Or: (("this", "expression"), Checker._connector),
    exp.Not: (("this",), Checker._not),
    exp.Neg: (("this",), Checker._negative),
    exp.Column: (("this",), Checker._column),
    exp.Literal: (("this", "is_string"), Checker._literal),
    exp.Boolean: (("this",), Checker._boolean),
    exp.Null: ((), Checker._null),
    exp.In: (("this", "expressions", "negate"), Checker._in),
    exp.Between: (("this", "low", "high", "negate"), Checker._between),
    exp.Like: (("this", "expression", "negate"), Checker._like),
    exp.Is: (("this", "expression", "negate"), Checker._is),
    exp.Case: (("this", "ifs", "default"), Checker._case),
    exp.Cast: (("this", "to"), Checker._cast),
    exp.TryCast: (("this", "to", "safe"), Checker._cast),
    exp.Anonymous: (("this", "expressions"), Checker._function),
}


def construct(node: exp.Expression) -> str:
    names = {
        exp.Concat: "two texts side by side (write \\' for a quote inside a text)",
        exp.Subquery: "a subquery",
        exp.Select: "a subquery",
    }
    return names.get(type(node), node.key.upper())


def negated(node: exp.Expression, part: Part) -> Part:
    return Part(BOOLEAN, lambda: ~part.build()) if node.args.get("negate") else part
