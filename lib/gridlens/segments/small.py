"""Small and micro customers (小微客户细分): industry, stage, rhythm and need by checked expressions."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import Field as ModelField
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from gridlens.contracts.segment import SMALL_CUSTOMER
from gridlens.definitions import Defined, Frozen, parse_definitions
from gridlens.expressions import Checked, check
from gridlens.segments.definition import fingerprint_of_meaning

DIMENSIONS = ("industry", "stage", "rhythm", "need")


class Group(Frozen):
    """One group; without ``when`` it is the last, and takes the rest."""

    id: str = ModelField(pattern=r"^[a-z][a-z0-9_]*$")
    name_zh: str = ModelField(min_length=1)
    name_en: str = ModelField(min_length=1)
    when: str | None = None


class SmallDefinition(Frozen):
    """Who is a small customer, and the groups of each dimension: the first that holds counts; of ``need`` all do."""

    name_zh: str
    name_en: str
    population: str
    industry: tuple[Group, ...] = ModelField(min_length=1)
    stage: tuple[Group, ...] = ModelField(min_length=1)
    rhythm: tuple[Group, ...] = ModelField(min_length=1)
    need: tuple[Group, ...] = ModelField(min_length=1)


@dataclass(frozen=True)
class SmallCustomers:
    """The definition with its expressions checked; ``conditions`` of each dimension's groups but the last."""

    definition: SmallDefinition
    population: Checked = field(repr=False, compare=False)
    conditions: Mapping[str, tuple[Checked, ...]] = field(repr=False, compare=False)

    @property
    def fingerprint(self) -> str:
        return fingerprint_of_meaning(self.definition)

    def groups(self, dimension: str) -> tuple[Group, ...]:
        return tuple(getattr(self.definition, dimension))


def load_small_customers(file: Path, columns: Mapping[str, str]) -> SmallCustomers:
    """The definition in ``file``; raises DefinitionError that names file and line."""
    (origin,) = parse_definitions(SmallDefinition, file)
    return SmallCustomers(
        origin.value,
        check(origin.value.population, columns, origin.where("population"), family="boolean"),
        {dimension: _conditions(origin, dimension, columns) for dimension in DIMENSIONS},
    )


def _conditions(origin: Defined[SmallDefinition], dimension: str, columns: Mapping[str, str]) -> tuple[Checked, ...]:
    groups = getattr(origin.value, dimension)
    for i, group in enumerate(groups):
        if (group.when is None) != (i == len(groups) - 1):
            raise origin.error(f"group {group.id}: the last group, and only the last, has no when: it takes the rest", at=(dimension, i))
        if [g.id for g in groups].count(group.id) > 1:
            raise origin.error(f"group {group.id} is there twice; choose another id", at=(dimension, i, "id"))
    return tuple(
        check(g.when, columns, origin.where(dimension, i, "when"), family="boolean") for i, g in enumerate(groups) if g.when is not None
    )


def small_customers(features: DataFrame, small: SmallCustomers, *, as_of: dt.date, known_at: dt.datetime) -> DataFrame:
    """The rows of small_customer_v1 from the account features of one moment."""
    rows = features.where(small.population.column())
    values = {dimension: _first(small, dimension, [g.id for g in small.groups(dimension)]) for dimension in DIMENSIONS}
    labels = {
        f"label_{language}": F.concat_ws(
            " · ", *[_first(small, d, [getattr(g, f"name_{language}") for g in small.groups(d)]) for d in DIMENSIONS]
        )
        for language in ("zh", "en")
    }
    held = F.array_compact(
        F.array(*[F.when(c.column(), F.lit(g.id)) for c, g in zip(small.conditions["need"], small.groups("need"), strict=False)])
    )
    facts = {"as_of": F.lit(as_of), "known_at": F.lit(known_at), "needs": held, "definition": F.lit(small.fingerprint[:16])}
    columns = {**values, **labels, **facts}
    return rows.select("account_id", *[column.alias(name) for name, column in columns.items()]).select(*SMALL_CUSTOMER.columns)


def _first(small: SmallCustomers, dimension: str, texts: list[str]) -> Column:
    """The text of the first group that holds; the last one's where none does, or none is known to."""
    conditions = small.conditions[dimension]
    held = [F.when(c.column(), F.lit(text)) for c, text in zip(conditions, texts, strict=False)]
    return F.coalesce(*held, F.lit(texts[-1]))
