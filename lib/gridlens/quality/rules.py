"""Rules as data: the YAML files of conf/rules, checked when they are loaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic import Field as ModelField

from gridlens.contracts.entities import ENTITIES
from gridlens.definitions import Defined, definition_files, explain, fingerprint_of, parse_definitions, refuse_repeated
from gridlens.quality.rule_functions import FUNCTIONS, RuleFunction, check_pattern
from gridlens.tables import Field


class Rule(BaseModel):
    """One rule.

    Attributes:
        id: unique name, kept with every row that breaks the rule.
        entity: source entity, see contracts.entities.ENTITIES.
        function: registered function, see quality.rule_functions.
        arguments: of the function, in the checked and completed form.
        severity: ``reject`` sends the row to quarantine, ``flag`` keeps it with a mark, ``stop`` ends the batch.
        tolerance: for ``stop``: largest share of a batch's rows that may break the rule, 0 to 1.
        description: what is wrong with a row that breaks it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = ModelField(pattern=r"^[a-z][a-z0-9_]*$")
    entity: str
    function: str
    arguments: dict[str, Any] = {}
    severity: Literal["reject", "flag", "stop"]
    tolerance: float | None = ModelField(default=None, ge=0, le=1)
    description: str = ModelField(min_length=1)

    @model_validator(mode="after")
    def _tolerance_belongs_to_stop(self) -> Rule:
        if (self.severity == "stop") != (self.tolerance is not None):
            raise ValueError("expected a tolerance with severity stop, and with no other severity")
        return self

    @property
    def implementation(self) -> RuleFunction:
        return FUNCTIONS[self.function]

    @property
    def fields(self) -> list[str]:
        """The entity's fields that the rule judges."""
        return self.implementation.fields(self.arguments)


@dataclass(frozen=True)
class StopBreach:
    """A stop rule that more rows broke than it tolerates."""

    rule: Rule
    count: int
    total: int

    @property
    def sentence(self) -> str:
        """One sentence for QualityStop."""
        return (
            f"rule {self.rule.id} is broken by {self.count} of {self.total} {self.rule.entity} rows "
            f"({self.count / self.total:.1%}, tolerated {self.rule.tolerance:.1%}): {self.rule.description}"
        )


@dataclass(frozen=True)
class RuleSet:
    """All rules in force, ordered by id."""

    rules: tuple[Rule, ...]

    def for_entity(self, entity: str) -> tuple[Rule, ...]:
        """The rules of one entity, by id."""
        return tuple(rule for rule in self.rules if rule.entity == entity)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 (hex) of the rules' content; independent of files, order and layout."""
        return fingerprint_of([rule.model_dump(mode="json") for rule in self.rules])


def load_rules(places: Sequence[str | Path]) -> RuleSet:
    """The rules of the given YAML files, and of every ``*.yml`` in the given folders.

    A later file replaces an earlier one of the same name: so a user's folder overrides the defaults.

    Raises:
        DefinitionError: names file and line: an unknown function, entity, field or argument, a repeated id.
    """
    seen: dict[str, Defined[Rule]] = {}
    rules: list[Rule] = []
    for file in definition_files(places, "rules", "customer.yml"):
        for defined in parse_definitions(Rule, file, under="rules"):
            identity = defined.value.id
            refuse_repeated(identity, defined, seen.get(identity))
            seen[identity] = defined
            rules.append(_checked(defined))
    return RuleSet(tuple(sorted(rules, key=lambda rule: rule.id)))


def _checked(defined: Defined[Rule]) -> Rule:
    """The rule with its function, entity, fields and arguments verified and defaults filled in."""
    rule = defined.value
    if rule.entity not in ENTITIES:
        raise defined.error(f"field entity: {rule.entity} is unknown; expected one of {', '.join(ENTITIES)}", at=("entity",))
    if rule.function not in FUNCTIONS:
        raise defined.error(f"field function: {rule.function} is unknown; expected one of {', '.join(sorted(FUNCTIONS))}", at=("function",))
    function = rule.implementation
    try:
        arguments = function.arguments.model_validate(rule.arguments).model_dump()
    except ValidationError as error:
        details = error.errors()[0]
        details["loc"] = ("arguments", *details["loc"])
        raise defined.error(explain(details, defined.document, defined.place), at=details["loc"]) from error
    fields = entity_fields(rule.entity)
    _check_fields(defined, function, arguments, fields)
    if "pattern" in arguments:
        try:
            check_pattern(arguments["pattern"])
        except ValueError as error:
            raise defined.error(f"field arguments.pattern: {error}", at=("arguments", "pattern")) from error
    return rule.model_copy(update={"arguments": arguments})


def _check_fields(defined: Defined[Rule], function: RuleFunction, arguments: Mapping[str, Any], fields: Mapping[str, Field]) -> None:
    rule = defined.value
    for argument in function.field_arguments:
        value = arguments[argument]
        for name in [value] if isinstance(value, str) else value:
            if name not in fields:
                known = ", ".join(f for f in fields if f != "known_from")
                raise defined.error(
                    f"field arguments.{argument}: {rule.entity} has no field {name}; it has {known}", at=("arguments", argument)
                )
    first = fields[function.fields(arguments)[0]]
    if function.kinds and not first.type.startswith(function.kinds):
        at = ("arguments", function.field_arguments[0])
        raise defined.error(
            f"field arguments.field: {first.name} is {first.type}; {rule.function} judges {', '.join(function.kinds)}", at=at
        )
    if rule.function == "one_of" and not arguments["codes"] and not first.allowed:
        raise defined.error(f"field arguments.codes: is missing; the contract has no closed list for {first.name}", at=("arguments",))


def entity_fields(entity: str) -> dict[str, Field]:
    """The fields a rule may judge: the entity's own and ``known_from``."""
    known_from = Field("known_from", "timestamp", "Moment from which the company knew the row, UTC")
    return {f.name: f for f in (*ENTITIES[entity][1], known_from)}


def stop_rules_broken(ruleset: RuleSet, entity: str, counts: Mapping[str, int], total: int) -> list[StopBreach]:
    """The entity's stop rules broken by a larger share of ``total`` rows than tolerated; ``counts`` has rows by rule id."""
    stops = [rule for rule in ruleset.for_entity(entity) if rule.severity == "stop"]
    breaches = [StopBreach(rule, counts.get(rule.id, 0), total) for rule in stops if total]
    return [b for b in breaches if b.count > (b.rule.tolerance or 0.0) * total]
