"""A basket as it stands in conf/associations: whose, of what, and which rules are looked for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field as ModelField
from pydantic import field_validator

from gridlens.contracts.association import EVENT_NAMES, KINDS, MIN_GROUP, SERVICE_NAMES
from gridlens.definitions import Frozen

SEPARATOR = ":"
"""Between the parts of an item: kind, code and, of events, what it was about."""
Dimension = Literal["industry", "area", "category"]
Share = Annotated[float, ModelField(gt=0, le=1, allow_inf_nan=False)]


class Products(Frozen):
    """Products and services that the account bought: items ``product:<product_id>``.

    Attributes:
        days: bought in so many days up to as_of.
        ids: of these products; empty: of all.
    """

    days: int = ModelField(ge=1)
    ids: tuple[str, ...] = ()


class Services(Frozen):
    """Contacts: items ``service:<kind>``; ``kinds`` of silver.service_event, opened in ``days`` days up to as_of."""

    days: int = ModelField(ge=1)
    kinds: tuple[str, ...] = ModelField(min_length=1)

    @field_validator("kinds")
    @classmethod
    def _known(cls, kinds: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := [kind for kind in kinds if kind not in SERVICE_NAMES]:
            raise ValueError(f"{unknown[0]} is no kind of service event; expected some of {', '.join(SERVICE_NAMES)}")
        return kinds


class Events(Frozen):
    """Web, app and market events: items ``event:<kind>`` or, with an object, ``event:<kind>:<object>``, in ``days`` days up to as_of.

    ``names`` are kinds of silver.interaction, such as ``quote_received``, or kind and object, such as ``search:tariff``.
    """

    days: int = ModelField(ge=1)
    names: tuple[str, ...] = ModelField(min_length=1)

    @field_validator("names")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := [name for name in names if name.split(SEPARATOR)[0] not in EVENT_NAMES]:
            raise ValueError(f"{unknown[0]} begins with no kind of interaction; expected one of {', '.join(EVENT_NAMES)}")
        return names


class Contents(Frozen):
    """What lies in a basket: any of products, services, events and tags.

    ``tags`` are ids: a boolean tag is the item ``tag:<id>`` where it is true, a text tag is ``tag:<id>=<value>``.
    """

    products: Products | None = None
    services: Services | None = None
    events: Events | None = None
    tags: tuple[str, ...] = ()

    @property
    def kinds(self) -> tuple[str, ...]:
        """Kinds of items that it can hold."""
        there = (self.products, self.services, self.events, self.tags)
        return tuple(kind for kind, given in zip(KINDS, there, strict=True) if given)


class Coverage(Frozen):
    """Items that fewer than ``least`` or more than ``most`` of the baskets hold are left out: the latter say nothing and cost most."""

    least: Share = 0.005
    most: Share = 0.5


class BasketDefinition(Frozen):
    """One basket table.

    Attributes:
        id: its name.
        name_zh: name in Chinese.
        name_en: name in English.
        description: the question it answers.
        population: checked boolean expression over account_feature_v1: whose baskets.
        items: what lies in them.
        coverage: which items are kept.
        consequents: items that may stand on the right: a whole item, or the beginning of several up to a colon, as ``product``.
        min_support: least share of the mining half with all items of the rule.
        min_confidence: least confidence on the mining half.
        min_lift: least lift on the mining half.
        min_count: least number of baskets of the mining half with the whole rule, in each scope.
        min_improvement: rules that are not more than this better in confidence than a more general one are redundant.
        max_length: most items of a rule, both sides together.
        max_itemsets: most frequent itemsets; more stop the run with a sentence, because baskets so dense say nothing.
        by: scopes beside all: of each industry, area or category.
        min_baskets: least baskets of a scope in each half.
        money: feature of account_feature_v1, in CNY, whose mean is compared.
        level: false discovery rate at which a rule is called significant.
        owner: who answers for the definition.
        version: counts up with every change of meaning.
        reason: why these items and thresholds.
    """

    id: str = ModelField(pattern=r"^[a-z][a-z0-9_]*$")
    name_zh: str = ModelField(min_length=1)
    name_en: str = ModelField(min_length=1)
    description: str = ModelField(min_length=10)
    population: str = ModelField(min_length=1)
    items: Contents
    coverage: Coverage = Coverage()
    consequents: tuple[str, ...] = ModelField(min_length=1)
    min_support: Share = 0.005
    min_confidence: Share = 0.05
    min_lift: float = ModelField(default=1.1, ge=1, allow_inf_nan=False)
    min_count: int = ModelField(default=5, ge=1)
    min_improvement: float = ModelField(default=0.0, ge=0, lt=1)
    max_length: int = ModelField(default=3, ge=2, le=6)
    max_itemsets: int = ModelField(default=50_000, ge=1, le=200_000)
    by: tuple[Dimension, ...] = ()
    min_baskets: int = ModelField(default=50, ge=MIN_GROUP)
    money: str | None = None
    level: Share = 0.05
    owner: str = ModelField(min_length=1)
    version: int = ModelField(ge=1)
    reason: str = ModelField(min_length=20)

    def allowed(self, item: str) -> bool:
        """True for an item that may stand on the right."""
        return any(item == one or item.startswith((one + SEPARATOR, one + "=")) for one in self.consequents)


def contradictions(basket: BasketDefinition) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Fields that do not go together: where, and one sentence."""
    kinds = basket.items.kinds
    if not kinds:
        yield ("items",), "field items: is empty; give products, services, events or tags"
    for position, consequent in enumerate(basket.consequents):
        if consequent.split(SEPARATOR)[0] not in kinds:
            place = ("consequents", position)
            yield place, f"field consequents: {consequent} is of no kind that the basket holds; expected {', '.join(kinds)}"
    if basket.coverage.least >= basket.coverage.most:
        yield ("coverage",), "field coverage: least must be below most"
