"""Reads conf/scorecards: every column, expression, label, grade and factor is checked before anything is fitted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from gridlens.contracts.account_feature import COMPARED_ONLY
from gridlens.definitions import Defined, definition_files, parse_definitions, refuse_repeated
from gridlens.errors import nearest
from gridlens.models.characteristic import Characteristic
from gridlens.models.definition import AlgorithmDefinition, Band, LearnerDefinition, ModelDefinition, ModelFeature
from gridlens.models.library import GROUPED, NOT_READ, Model, checked_model
from gridlens.models.scorecard_definition import ScorecardDefinition


@dataclass(frozen=True)
class ScorecardPlan:
    """A definition that holds.

    Attributes:
        definition: as written.
        model: the same as a model: population, label and columns, from which its training set is made as that of any model.
    """

    definition: ScorecardDefinition
    model: Model = field(repr=False, compare=False)


def load_scorecards(places: Sequence[str | Path], columns: Mapping[str, str]) -> tuple[ScorecardPlan, ...]:
    """The scorecards of the given YAML files by id.

    Args:
        places: files and folders.
        columns: the columns that may be read, with their Spark types.

    Raises:
        DefinitionError: names file and line: a field, column or expression that does not hold, a repeated id.
    """
    found: dict[str, tuple[Defined[ScorecardDefinition], ScorecardPlan]] = {}
    for file in definition_files(places, "scorecards", "credit_grade.yml"):
        for origin in parse_definitions(ScorecardDefinition, file, under="scorecards"):
            first = found.get(origin.value.id)
            refuse_repeated(origin.value.id, origin, first[0] if first else None)
            found[origin.value.id] = (origin, _plan(origin, columns))
    return tuple(found[name][1] for name in sorted(found))


def _plan(origin: Defined[ScorecardDefinition], columns: Mapping[str, str]) -> ScorecardPlan:
    definition = origin.value
    for place, sentence in (*_of_characteristics(definition, columns), *_of_grades(definition)):
        raise origin.error(sentence, at=place)
    model = checked_model(Defined(_as_model(definition, columns), origin.document, origin.place), columns)
    return ScorecardPlan(definition, replace(model, fingerprint=definition.fingerprint))


def _as_model(definition: ScorecardDefinition, columns: Mapping[str, str]) -> ModelDefinition:
    """What a training set needs to know; a scorecard learns and is graded in its own way, so that learner and bands say nothing."""
    said = ("id", "name_zh", "name_en", "purpose", "limits", "owner", "version")
    shared = (*said, "population", "label", "snapshots", "groups", "capacity", "gate")
    learner = LearnerDefinition(algorithms=(AlgorithmDefinition(kind="logistic_regression"),))
    bands = (Band(id="good", zh="好", en="good", score_from=0), Band(id="bad", zh="坏", en="bad", score_from=0.5))
    features = {name: _feature(one, name, columns[name]) for one in definition.characteristics for name in one.columns}
    content = {name: getattr(definition, name) for name in shared}
    return ModelDefinition(**content, features=tuple(features.values()), learner=learner, bands=bands)


def _feature(one: Characteristic, column: str, kind: str) -> ModelFeature:
    shown: Literal["number", "flag", "category"] = "flag" if kind == "boolean" else "number"
    shown = "category" if one.kind == "category" else shown
    return ModelFeature(name=column, kind=shown, zh=one.zh, en=one.en, strong_because=one.strong_because)


def _of_characteristics(definition: ScorecardDefinition, columns: Mapping[str, str]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    ids = [c.id for c in definition.characteristics]
    for i, one in enumerate(definition.characteristics):
        at, name = ("characteristics", i), f"characteristic {one.id}"
        if ids.index(one.id) != i:
            yield (*at, "id"), f"{name} is defined twice; choose another id"
        for column in one.columns:
            if column in COMPARED_ONLY:
                yield (*at, "inputs"), f"{name}: {column} {NOT_READ}"
            elif column not in columns:
                yield at, f"{name}: there is no column {column}; {nearest(column, columns, 'see docs/tables.md')}"
        if one.how == "value" and len(one.inputs) > 1:
            yield (*at, "inputs"), f"{name}: expected one input, or how: sum, mean, max, min or above"
        if (one.how == "above") != (one.limit is not None):
            yield at, f"{name}: limit belongs to how: above, and that needs it"
        if one.kind == "number" and any(columns.get(column) == "string" for column in one.columns):
            yield (*at, "inputs"), f"{name} reads text; write kind: category"
        if one.kind == "category" and columns.get(one.inputs[0]) not in (None, *GROUPED):
            yield (*at, "inputs"), f"{name}: a category is text, a whole number or a flag, not {columns[one.inputs[0]]}"
        if one.kind == "category" and (one.how, one.over, one.floor, one.special) != ("value", None, None, ()):
            yield at, f"{name}: a category is the value of one column; remove how, over, floor and special"


def _of_grades(definition: ScorecardDefinition) -> Iterator[tuple[tuple[str | int, ...], str]]:
    ids, limits = definition.grades.ids, [grade.points_from for grade in definition.grades.best_first]
    if len(set(ids)) < len(ids):
        yield ("grades", "best_first"), "a grade is listed twice; keep one"
    given = [limit for limit in limits[:-1] if limit is not None]
    if limits[-1] is not None or len(given) not in (0, len(ids) - 1) or given != sorted(set(given), reverse=True):
        yield ("grades", "best_first"), "expected falling points_from for all grades but the last, or for none"
    for i, factor in enumerate(definition.overlay.factors):
        if factor.at_most is not None and factor.at_most not in ids:
            yield ("overlay", "factors", i), f"factor {factor.id}: {factor.at_most} is no grade; expected one of {', '.join(ids)}"
        if not factor.move and factor.at_most is None:
            yield ("overlay", "factors", i), f"factor {factor.id} changes nothing; give move or at_most"
        if [f.id for f in definition.overlay.factors].index(factor.id) != i:
            yield ("overlay", "factors", i, "id"), f"factor {factor.id} is defined twice; choose another id"
