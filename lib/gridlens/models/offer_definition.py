"""How offers are chosen, as it stands in conf/offers: how many, to whom, by which consent, which product for which customers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from pathlib import Path

from pydantic import Field as ModelField
from pydantic import field_validator, model_validator
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from gridlens.contracts.codes import CONSENT_CHANNELS, CONSENT_PURPOSES
from gridlens.definitions import Frozen, fingerprint_of, parse_definitions
from gridlens.errors import nearest
from gridlens.expressions import Checked, check


def _one_of(name: str, known: Sequence[str], what: str) -> str:
    if name not in known:
        raise ValueError(f"{name} is no {what}; {nearest(name, known, 'expected one of ' + ', '.join(known))}")
    return name


class ProductRule(Frozen):
    """Products that only some customers may be offered; ``when``: checked boolean expression over account_feature_v1."""

    products: tuple[str, ...] = ModelField(min_length=1)
    when: str = ModelField(min_length=1)


class OfferPlan(Frozen):
    """A file of conf/offers.

    Attributes:
        offers: most of one account.
        of_one_category: most of one category among them.
        min_probability: what is less likely is not offered.
        population: checked boolean expression over account_feature_v1: who may be offered anything at all.
        purpose, channels: consent for the purpose by at least one of the channels is needed.
        products: who may be offered what; a product that no rule names may be offered to everybody of the population.
    """

    offers: int = ModelField(default=3, ge=1, le=20)
    of_one_category: int = ModelField(default=1, ge=1, le=20)
    min_probability: float = ModelField(default=0.0, ge=0, lt=1)
    population: str = ModelField(default="is_open", min_length=1)
    purpose: str = "marketing"
    channels: tuple[str, ...] = ModelField(default=CONSENT_CHANNELS, min_length=1)
    products: tuple[ProductRule, ...] = ()

    @field_validator("purpose")
    @classmethod
    def _known_purpose(cls, purpose: str) -> str:
        return _one_of(purpose, CONSENT_PURPOSES, "purpose of consents")

    @field_validator("channels")
    @classmethod
    def _known_channels(cls, channels: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(_one_of(channel, CONSENT_CHANNELS, "channel of consents") for channel in channels)

    @model_validator(mode="after")
    def _one_rule_a_product(self) -> OfferPlan:
        named = [name for rule in self.products for name in rule.products]
        twice = sorted({name for name in named if named.count(name) > 1})
        if twice:
            raise ValueError(f"product {', '.join(twice)} has two rules; join them with or")
        return self


@dataclass(frozen=True)
class Offers:
    """A plan that holds, with its expressions checked; ``rules`` by product."""

    plan: OfferPlan
    population: Checked = field(repr=False, compare=False)
    rules: Mapping[str, Checked] = field(repr=False, compare=False)

    @property
    def fingerprint(self) -> str:
        """SHA-256 (hex) of the plan."""
        return fingerprint_of(self.plan.model_dump(mode="json"))

    @property
    def columns(self) -> frozenset[str]:
        """The columns that the expressions read."""
        return frozenset().union(*[one.columns for one in (self.population, *self.rules.values())])

    @property
    def consents(self) -> tuple[tuple[str, str], ...]:
        """(channel, purpose) of each consent that will do."""
        return tuple((channel, self.plan.purpose) for channel in self.plan.channels)


def load_offers(path: str | Path, columns: Mapping[str, str]) -> Offers:
    """Reads and checks a file of conf/offers.

    Args:
        path: the file.
        columns: columns of account_feature_v1 with their Spark types.

    Raises:
        DefinitionError: names file and line: a field or an expression that does not hold.
    """
    origin = parse_definitions(OfferPlan, path)[0]
    population = check(origin.value.population, columns, origin.where("population"), family="boolean")
    rules: dict[str, Checked] = {}
    for i, rule in enumerate(origin.value.products):
        when = check(rule.when, columns, origin.where("products", i, "when"), family="boolean")
        rules |= dict.fromkeys(rule.products, when)
    return Offers(origin.value, population, rules)


def eligible_pairs(features: DataFrame, offers: Offers, products: Sequence[str]) -> DataFrame:
    """account_id and product_id of what may be offered at all; ``products``: ids of the catalogue."""
    free = [F.lit(name) for name in products if name not in offers.rules]
    ruled = [F.when(offers.rules[name].column(), F.lit(name)) for name in products if name in offers.rules]
    people = features.where(offers.population.column())
    possible = F.array_compact(F.array(*free, *ruled)) if free or ruled else F.array().cast("array<string>")
    return people.select("account_id", F.explode(possible).alias("product_id"))


def consenting(features: DataFrame, flags: DataFrame, columns: Sequence[str]) -> DataFrame:
    """account_id of those who consent to one of the ways.

    Args:
        features: account_id, party_id.
        flags: party_id and the boolean columns.
        columns: of which one must hold.
    """
    any_of = reduce(lambda one, other: one | other, [F.coalesce(name, F.lit(False)) for name in columns])
    return features.select("account_id", "party_id").join(flags, on="party_id", how="inner").where(any_of).select("account_id")
