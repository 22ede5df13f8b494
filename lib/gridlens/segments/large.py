"""High-quality large customers (优质大客户): five parts scored by percentile among the large customers, ranked, with the reason."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import reduce
from operator import add
from pathlib import Path
from typing import Literal

from pydantic import Field as ModelField
from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from gridlens.contracts.segment import LARGE_CUSTOMER, NAMES_OF_PARTS, PARTS
from gridlens.definitions import Frozen, parse_definitions
from gridlens.expressions import Checked, check
from gridlens.segments.definition import fingerprint_of_meaning

NEUTRAL = 50.0
"""Score of a part of which nothing is known."""
_SCORES = {"score": "double", **{f"{part}_score": "double" for part in PARTS}}


class Measure(Frozen):
    """One measure of a part: a checked numeric expression, and whether high or low is better."""

    expression: str = ModelField(min_length=1)
    weight: float = ModelField(default=1.0, gt=0)
    better: Literal["high", "low"] = "high"


class Part(Frozen):
    """One part of the score; a measure that is not known is left out of the part's mean."""

    weight: float = ModelField(gt=0)
    measures: tuple[Measure, ...] = ModelField(min_length=1)


class Parts(Frozen):
    """The five parts."""

    value: Part
    growth: Part
    stability: Part
    credit: Part
    potential: Part


class LargeDefinition(Frozen):
    """Who is a large customer, how the parts are scored, and which scores make a high-quality customer."""

    name_zh: str
    name_en: str
    population: str
    high_quality: str
    parts: Parts


@dataclass(frozen=True)
class LargeCustomers:
    """The definition with its expressions checked; ``measures`` by part in order."""

    definition: LargeDefinition
    population: Checked = field(repr=False, compare=False)
    high_quality: Checked = field(repr=False, compare=False)
    measures: Mapping[str, tuple[Checked, ...]] = field(repr=False, compare=False)

    @property
    def fingerprint(self) -> str:
        return fingerprint_of_meaning(self.definition)


def load_large_customers(file: Path, columns: Mapping[str, str]) -> LargeCustomers:
    """The definition in ``file``; raises DefinitionError that names file and line."""
    (origin,) = parse_definitions(LargeDefinition, file)
    definition = origin.value
    at = origin.where
    measures = {
        part: tuple(
            check(m.expression, columns, at("parts", part, "measures", i, "expression"), family="number")
            for i, m in enumerate(getattr(definition.parts, part).measures)
        )
        for part in PARTS
    }
    population = check(definition.population, columns, at("population"), family="boolean")
    return LargeCustomers(definition, population, check(definition.high_quality, _SCORES, at("high_quality"), family="boolean"), measures)


def large_customers(features: DataFrame, large: LargeCustomers, *, as_of: dt.date, known_at: dt.datetime) -> DataFrame:
    """The rows of large_customer_v1 from the account features of one moment."""
    parts = large.definition.parts
    weights = {part: getattr(parts, part).weight for part in PARTS}
    rows = features.where(large.population.column())
    # One window over all of them: large customers are few, some thousands in a province of millions.
    names = {part: [f"_{part}_{i}" for i in range(len(large.measures[part]))] for part in PARTS}
    measured = [m.column().cast("double").alias(n) for part in PARTS for m, n in zip(large.measures[part], names[part], strict=True)]
    rows = rows.select("account_id", *measured)
    for part in PARTS:
        ranked = {name: _percentile(name, m.better) for name, m in zip(names[part], getattr(parts, part).measures, strict=True)}
        rows = rows.withColumns(ranked)
    scores = {f"{part}_score": _weighted(names[part], [m.weight for m in getattr(parts, part).measures]) for part in PARTS}
    rows = rows.withColumns(scores)
    total = sum(weights.values())
    rows = rows.withColumn("score", reduce(add, [F.col(f"{part}_score") * (weight / total) for part, weight in weights.items()]))
    order = Window.partitionBy(F.lit(1)).orderBy(F.desc("score"), "account_id")
    return rows.withColumns(
        {
            "as_of": F.lit(as_of),
            "known_at": F.lit(known_at),
            "rank": F.row_number().over(order),
            "high_quality": F.coalesce(large.high_quality.column(), F.lit(False)),
            "reason_zh": _reason(0),
            "reason_en": _reason(1),
            "definition": F.lit(large.fingerprint[:16]),
        }
    ).select(*LARGE_CUSTOMER.columns)


def _percentile(name: str, better: str) -> Column:
    """0 for the worst to 100 for the best of those known, equal values at the middle of their places; null where not known."""
    known = F.when(F.col(name).isNotNull() & ~F.isnan(name), F.col(name))
    everybody = Window.partitionBy(known.isNull())
    order = everybody.orderBy(known if better == "high" else -known)
    same = Window.partitionBy(known)
    below, equal, count = F.rank().over(order) - 1, F.count("*").over(same), F.count("*").over(everybody)
    middle = (below + (equal - 1) / 2) / F.when(count > 1, count - 1)
    return F.when(known.isNotNull(), 100 * F.coalesce(middle, F.lit(0.5)))


def _weighted(names: list[str], weights: list[float]) -> Column:
    """The weighted mean of those that are known; neutral where none is."""
    known = reduce(add, [F.when(F.col(n).isNotNull(), F.lit(w)).otherwise(0.0) for n, w in zip(names, weights, strict=True)])
    value = reduce(add, [F.coalesce(F.col(n) * w, F.lit(0.0)) for n, w in zip(names, weights, strict=True)])
    return F.coalesce(value / F.when(known > 0, known), F.lit(NEUTRAL))


def _reason(language: int) -> Column:
    """The two strongest parts and the weakest with their scores; ties in the order of PARTS."""
    parts = [
        F.struct((-F.col(f"{part}_score")).alias("low"), F.lit(place).alias("place"), F.lit(NAMES_OF_PARTS[part][language]).alias("name"))
        for place, part in enumerate(PARTS)
    ]
    order = F.sort_array(F.array(*parts))

    def said(index: int) -> Column:
        part = F.element_at(order, index)
        return F.concat(part["name"], F.lit(" "), F.format_string("%.0f", -part["low"]))

    strong, join, weak = (("强项：", "、", "；弱项："), ("strong: ", ", ", "; weak: "))[language]
    return F.concat(F.lit(strong), said(1), F.lit(join), said(2), F.lit(weak), said(5))
