"""Reads conf/models: every column, type, expression, label and argument is checked before anything is trained."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from gridlens.contracts.account_feature import COMPARED_ONLY
from gridlens.definitions import Defined, definition_files, explain, fingerprint_of, parse_definitions, refuse_repeated
from gridlens.errors import SettingsError, nearest
from gridlens.expressions import Checked, check
from gridlens.models.definition import ModelDefinition, ModelFeature
from gridlens.models.labels import LABELS, Arguments, LabelFunction

TYPES: dict[str, tuple[str, ...]] = {
    "number": ("int", "bigint", "double", "decimal"),
    "flag": ("boolean",),
    "category": ("string", "int"),
}
"""Column types that a kind of feature may have."""
GROUPED = ("string", "boolean", "int")
IDENTITIES = ("party_id", "account_id")
"""Who somebody is: a model would learn names by heart."""
NOT_READ = "is there to compare groups that a model has to treat alike; take it out, and name it under groups"
_WORDING: dict[str, Any] = {
    **dict.fromkeys(("name_zh", "name_en", "purpose", "limits", "owner"), True),
    "features": {"__all__": dict.fromkeys(("zh", "en", "act", "strong_because"), True)},
    "bands": {"__all__": dict.fromkeys(("zh", "en"), True)},
}


@dataclass(frozen=True)
class Model:
    """A definition that holds.

    Attributes:
        definition: as written.
        fingerprint: SHA-256 (hex) of all but the wording.
        population: the checked population.
        label: the label function.
        arguments: its settings, defaults filled in.
    """

    definition: ModelDefinition
    fingerprint: str
    population: Checked = field(repr=False, compare=False)
    label: LabelFunction = field(repr=False, compare=False)
    arguments: Arguments

    @property
    def id(self) -> str:
        return self.definition.id

    @property
    def stamp(self) -> str:
        return self.fingerprint[:16]

    @property
    def features(self) -> tuple[str, ...]:
        """The columns that the model reads."""
        return tuple(feature.name for feature in self.definition.features)

    @property
    def columns(self) -> tuple[str, ...]:
        """Features, then the columns of groups that are none."""
        return tuple(dict.fromkeys((*self.features, *self.definition.groups)))


def load_models(places: Sequence[str | Path], columns: Mapping[str, str]) -> tuple[Model, ...]:
    """The models of the given YAML files by id.

    Args:
        places: files and folders.
        columns: the feature columns that may be read, with their Spark types.

    Raises:
        DefinitionError: names file and line: a field, column, type, expression or label that does not hold, a repeated id.
    """
    found: dict[str, tuple[Defined[ModelDefinition], Model]] = {}
    for file in definition_files(places, "models", "arrears.yml"):
        for origin in parse_definitions(ModelDefinition, file, under="models"):
            first = found.get(origin.value.id)
            refuse_repeated(origin.value.id, origin, first[0] if first else None)
            found[origin.value.id] = (origin, checked_model(origin, columns))
    return tuple(found[name][1] for name in sorted(found))


def named(models: Sequence[Model], identity: str) -> Model:
    """The model with this id; raises SettingsError that names the nearest."""
    known = {model.id: model for model in models}
    if identity not in known:
        hint = nearest(identity, known, f"expected one of {', '.join(known)}")
        raise SettingsError(f"model {identity} is not defined; {hint}")
    return known[identity]


def checked_model(origin: Defined[ModelDefinition], columns: Mapping[str, str]) -> Model:
    """The model that a definition states; raises DefinitionError at the first mistake."""
    definition = origin.value
    for place, sentence in _contradictions(definition, columns):
        raise origin.error(sentence, at=place)
    where = f"{origin.document.path} line {origin.document.line((*origin.place, 'population'))}"
    population = check(definition.population, columns, where, family="boolean")
    label = LABELS[definition.label.function]
    return Model(definition, _fingerprint(definition), population, label, _arguments(origin, label))


def _arguments(origin: Defined[ModelDefinition], label: LabelFunction) -> Arguments:
    try:
        return label.arguments.model_validate(dict(origin.value.label.arguments))
    except ValidationError as error:
        place = (*origin.place, "label", "arguments")
        details = min(error.errors(), key=lambda e: (origin.document.line((*place, *e["loc"])), e["type"]))
        sentence = f"label {label.name}: {explain(details, origin.document, place)}"
        raise origin.document.error((*place, *details["loc"]), sentence) from error


def _contradictions(definition: ModelDefinition, columns: Mapping[str, str]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    for i, feature in enumerate(definition.features):
        for step, sentence in feature_mistakes(feature, columns):
            yield ("features", i, step), sentence
    usable = [*(name for name, kind in columns.items() if kind in GROUPED and name not in IDENTITIES), *COMPARED_ONLY]
    for i, name in enumerate(definition.groups):
        if name not in usable:
            hint = nearest(name, usable, "expected a column of text, whole numbers or flags")
            yield ("groups", i), f"groups: {name} is no column of account_feature_v1 that has groups; {hint}"
    if definition.last_value is not None and definition.last_value not in [f.name for f in definition.features if f.kind == "number"]:
        yield ("last_value",), f"last_value: {definition.last_value} is none of the model's features that are numbers; take one of them"
    months = definition.snapshots.step_months * (definition.snapshots.count - 1)
    if definition.label.horizon_days > 31 * months:
        sentence = f"the earliest moment is only {months} months before the test and would share its outcomes"
        yield ("label", "horizon_days"), f"label.horizon_days: {sentence}; take more moments, or further apart (snapshots), or fewer days"
    function = definition.label.function
    if function not in LABELS:
        hint = nearest(function, LABELS, f"expected one of {', '.join(LABELS)}")
        yield ("label", "function"), f"label function {function} is unknown; {hint}"


def feature_mistakes(feature: ModelFeature, columns: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """(field, sentence) of everything that does not hold about a feature, given the columns that may be read with their types."""
    name, kind = feature.name, feature.kind
    if name in COMPARED_ONLY:
        yield "name", f"feature {name} {NOT_READ}"
    elif name in IDENTITIES or name not in columns:
        fitting = [column for column, type_ in columns.items() if _fits(kind, type_) and column not in IDENTITIES]
        what = "says who the customer is" if name in IDENTITIES else "is no column of account_feature_v1"
        yield "name", f"feature {name} {what}; {nearest(name, fitting, 'see `gridlens tables` or docs/tables.md for what there is')}"
    elif not _fits(kind, columns[name]):
        other = [k for k in TYPES if _fits(k, columns[name])]
        remedy = f"write kind: {other[0]}" if other else "take another column (days since a date are numbers)"
        yield "name", f"feature {name} is {columns[name]}, which is no {kind}; {remedy}"
    if feature.monotone and kind != "number":
        yield "monotone", f"feature {name}: only a number can be {feature.monotone}; remove monotone"
    if feature.actionable and not feature.act:
        yield "actionable", f"feature {name} is actionable; say in act what can be done"
    if feature.act and not feature.actionable:
        yield "act", f"feature {name} has an act but is not actionable; write actionable: true or remove act"


def _fits(kind: str, column: str) -> bool:
    return column.partition("(")[0] in TYPES[kind]


def _fingerprint(definition: ModelDefinition) -> str:
    return fingerprint_of(definition.model_dump(mode="json", exclude=_WORDING))
