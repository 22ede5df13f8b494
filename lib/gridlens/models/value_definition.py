"""What customer value is made of, as it stands in conf/value: margin rates, unit costs, trend, which models are read, bands."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import Field as ModelField
from pydantic import field_validator, model_validator

from gridlens.contracts.codes import CUSTOMER_CATEGORIES, PRODUCT_CATEGORIES
from gridlens.definitions import STAMP_LENGTH, Defined, Frozen, Place, fingerprint_of, parse_definitions
from gridlens.errors import nearest
from gridlens.expressions import Checked, check

_ID = r"^[a-z][a-z0-9_]*$"


class EnergyMargin(Frozen):
    """Share of what is billed that is left after energy, network and taxes: one rate, another for some customer categories."""

    default: float = ModelField(ge=-1, le=1)
    by_category: Mapping[str, float] = ModelField(default_factory=dict)

    @field_validator("by_category")
    @classmethod
    def _known(cls, rates: Mapping[str, float]) -> Mapping[str, float]:
        for name, rate in rates.items():
            if name not in CUSTOMER_CATEGORIES:
                hint = nearest(name, CUSTOMER_CATEGORIES, f"expected one of {', '.join(CUSTOMER_CATEGORIES)}")
                raise ValueError(f"{name} is no customer category; {hint}")
            if not -1 <= rate <= 1:
                raise ValueError(f"the rate of {name} is {rate:g}; expected a share between -1 and 1")
        return rates


class UnitCost(Frozen):
    """A cost of service.

    Attributes:
        id, name_zh, name_en: what it is called.
        quantity: checked expression over account_feature_v1: how many of it in 365 days; what is not known counts as none.
        cost: of one, CNY.
    """

    id: str = ModelField(pattern=_ID)
    name_zh: str = ModelField(min_length=1)
    name_en: str = ModelField(min_length=1)
    quantity: str = ModelField(min_length=1)
    cost: float = ModelField(ge=0)


class Trend(Frozen):
    """The next year against this one: 1 + weight × change, between low and high.

    Attributes:
        change: checked expression over account_feature_v1: relative change a year; what is not known counts as none.
        weight: how much of it goes on.
        low, high: bounds of the factor.
    """

    change: str = ModelField(min_length=1)
    weight: float = ModelField(ge=0, le=1)
    low: float = ModelField(ge=0, le=1)
    high: float = ModelField(ge=1, le=5)


class ValueBand(Frozen):
    """A band of value: the accounts with the highest totals, up to this share of all accounts; the last one takes the rest."""

    id: str = ModelField(pattern=_ID)
    zh: str = ModelField(min_length=1)
    en: str = ModelField(min_length=1)
    share: float = ModelField(gt=0, le=1)


class ValueDefinition(Frozen):
    """A file of conf/value.

    Attributes:
        population: checked boolean expression over account_feature_v1: accounts that have a value.
        energy_margin: of what is billed.
        recurring: categories of products that earn their margin every year that they run; others earn it once, when bought.
        service: what serving an account costs.
        arrears: id of the model of arrears. loss_given_default: share of an unpaid bill that is lost.
        churn: ids of the models of churn, for different customers.
        substitution: id of the model of electric substitution.
        trend: the next year against this one.
        least_days: an account that is not yet a year old is extrapolated to a year from no fewer days than these.
        bands: the highest first.
    """

    population: str = ModelField(min_length=1)
    energy_margin: EnergyMargin
    recurring: tuple[str, ...] = ()
    service: tuple[UnitCost, ...] = ()
    arrears: str = ModelField(pattern=_ID)
    loss_given_default: float = ModelField(ge=0, le=1)
    churn: tuple[str, ...] = ModelField(min_length=1)
    substitution: str = ModelField(pattern=_ID)
    trend: Trend
    least_days: int = ModelField(ge=1, le=365)
    bands: tuple[ValueBand, ...] = ModelField(min_length=1)

    @model_validator(mode="after")
    def _bands_rise(self) -> ValueDefinition:
        shares = [band.share for band in self.bands]
        if shares != sorted(set(shares)) or shares[-1] != 1:
            raise ValueError("the shares of bands must rise from the highest value to the lowest, the last one being 1")
        return self


@dataclass(frozen=True)
class Value:
    """A definition that holds, with its expressions checked; ``quantities`` in the order of ``definition.service``."""

    definition: ValueDefinition
    population: Checked = field(repr=False, compare=False)
    change: Checked = field(repr=False, compare=False)
    quantities: tuple[Checked, ...] = field(repr=False, compare=False)

    @property
    def fingerprint(self) -> str:
        """SHA-256 (hex) of the definition."""
        return fingerprint_of(self.definition.model_dump(mode="json"))

    @property
    def stamp(self) -> str:
        return self.fingerprint[:STAMP_LENGTH]

    @property
    def columns(self) -> frozenset[str]:
        """The columns that the expressions read."""
        return frozenset().union(*[one.columns for one in (self.population, self.change, *self.quantities)])

    @property
    def models(self) -> tuple[str, ...]:
        """The models whose scores are read, those of products apart."""
        return (self.definition.arrears, *self.definition.churn, self.definition.substitution)


def load_value(path: str | Path, columns: Mapping[str, str], models: Collection[str]) -> Value:
    """Reads and checks a file of conf/value.

    Args:
        path: the file.
        columns: columns of account_feature_v1 with their Spark types.
        models: ids of the models that are defined.

    Raises:
        DefinitionError: names file and line: a field, an expression, a model or a category that does not hold.
    """
    origin = parse_definitions(ValueDefinition, path)[0]
    for place, sentence in _contradictions(origin, models):
        raise origin.error(sentence, at=place)
    told = origin.value
    return Value(
        told,
        check(told.population, columns, origin.where("population"), family="boolean"),
        check(told.trend.change, columns, origin.where("trend", "change"), family="number"),
        tuple(check(one.quantity, columns, origin.where("service", i, "quantity"), family="number") for i, one in enumerate(told.service)),
    )


def _contradictions(origin: Defined[ValueDefinition], models: Collection[str]) -> Iterator[tuple[Place, str]]:
    told = origin.value
    named: list[tuple[Place, str]] = [(("arrears",), told.arrears), (("substitution",), told.substitution)]
    named += [(("churn", i), name) for i, name in enumerate(told.churn)]
    for place, name in named:
        if name not in models:
            yield place, f"field {place[0]}: model {name} is not defined; {nearest(name, models, 'see conf/models for those there are')}"
    for i, name in enumerate(told.recurring):
        if name not in PRODUCT_CATEGORIES:
            hint = nearest(name, PRODUCT_CATEGORIES, f"expected one of {', '.join(PRODUCT_CATEGORIES)}")
            yield ("recurring", i), f"field recurring: {name} is no category of products; {hint}"
    for part, names in (("service", [one.id for one in told.service]), ("bands", [one.id for one in told.bands])):
        for i, name in enumerate(names):
            if name in names[:i]:
                yield (part, i, "id"), f"field {part}: {name} stands twice; keep one"
