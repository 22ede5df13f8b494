"""The baskets of conf/associations, checked against the features and tags that there are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from gridlens.associations.definition import BasketDefinition, contradictions
from gridlens.associations.related import KnownTag
from gridlens.contracts.account_feature import ACCOUNT_FEATURE
from gridlens.definitions import STAMP_LENGTH, Defined, definition_files, fingerprint_of, parse_definitions, refuse_repeated
from gridlens.errors import SettingsError, nearest
from gridlens.expression_functions import BOOLEAN
from gridlens.expressions import Checked, check

_NAMES = {"name_zh", "name_en", "description", "owner", "reason"}
"""Fields that no rule depends on."""


@dataclass(frozen=True)
class Basket:
    """A basket definition, ready to be filled.

    Attributes:
        definition: as it was written.
        population: whose baskets, checked.
        tags: the tags it reads.
        currency: of its amount; None without one.
        stamp: fingerprint of all that its rules depend on, the tags' definitions included: first 16 hex digits of a SHA-256.
    """

    definition: BasketDefinition
    population: Checked = field(compare=False, repr=False)
    tags: tuple[KnownTag, ...]
    currency: str | None
    stamp: str

    @property
    def id(self) -> str:
        return self.definition.id


@dataclass(frozen=True)
class BasketLibrary:
    """All baskets, by id."""

    baskets: tuple[Basket, ...]

    @cached_property
    def ids(self) -> tuple[str, ...]:
        return tuple(basket.id for basket in self.baskets)

    def chosen(self, identity: str | None) -> tuple[Basket, ...]:
        """The basket with this id, all without one; raises SettingsError that names the nearest."""
        if identity is None:
            return self.baskets
        if identity not in self.ids:
            raise SettingsError(
                f"basket {identity} is not defined; {nearest(identity, self.ids, 'expected one of ' + ', '.join(self.ids))}"
            )
        return tuple(basket for basket in self.baskets if basket.id == identity)


def load_baskets(places: Sequence[str | Path], tags: Mapping[str, KnownTag]) -> BasketLibrary:
    """The baskets of the given YAML files, and of every ``*.yml`` in the given folders; a later file replaces one of the same name.

    Args:
        places: files and folders.
        tags: the tags that there are, by id.

    Raises:
        DefinitionError: names file and line: a field that does not hold, a repeated id, an unknown tag, amount or column.
    """
    found: dict[str, Defined[BasketDefinition]] = {}
    baskets = []
    for file in definition_files(places, "baskets", "home_offers.yml"):
        for origin in parse_definitions(BasketDefinition, file, under="baskets"):
            for place, sentence in contradictions(origin.value):
                raise origin.error(sentence, at=place)
            identity = origin.value.id
            refuse_repeated(identity, origin, found.get(identity))
            found[identity] = origin
            baskets.append(_basket(origin, tags))
    return BasketLibrary(tuple(sorted(baskets, key=lambda basket: basket.id)))


def _basket(origin: Defined[BasketDefinition], tags: Mapping[str, KnownTag]) -> Basket:
    definition = origin.value
    types = {f.name: f.type for f in ACCOUNT_FEATURE.fields if f.name not in ACCOUNT_FEATURE.keys}
    population = check(definition.population, types, origin.where("population"), family=BOOLEAN)
    for position, identity in enumerate(definition.items.tags):
        if identity not in tags:
            sentence = f"field items.tags: {identity} is no tag; {nearest(identity, tags, '`gridlens tags list` shows them')}"
            raise origin.error(sentence, at=("items", "tags", position))
    read = tuple(tags[identity] for identity in definition.items.tags)
    content = {
        "definition": definition.model_dump(mode="json", exclude=_NAMES),
        "tags": {tag.id: tag.fingerprint for tag in read},
    }
    return Basket(definition, population, read, _currency(origin), fingerprint_of(content)[:STAMP_LENGTH])


def _currency(origin: Defined[BasketDefinition]) -> str | None:
    """The currency of the definition's amount: the unit of that feature."""
    name = origin.value.money
    if name is None:
        return None
    amounts = {f.name: f.unit for f in ACCOUNT_FEATURE.fields if f.unit == "CNY"}
    if name not in amounts:
        hint = nearest(name, amounts, "expected one of " + ", ".join(amounts))
        raise origin.error(f"field money: {name} is no amount of an account; {hint}", at=("money",))
    return amounts[name]
