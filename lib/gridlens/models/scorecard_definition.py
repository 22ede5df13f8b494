"""Scorecards as they stand in conf/scorecards: population, label, characteristics by group, binning, scaling, grades, overlay."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import Field as ModelField

from gridlens.definitions import Defined, Frozen, definition_files, fingerprint_of, parse_definitions, refuse_repeated
from gridlens.errors import nearest
from gridlens.expressions import Checked, check
from gridlens.models.characteristic import BinningDefinition, Characteristic
from gridlens.models.definition import LabelDefinition, Snapshots

_ID = r"^[a-z][a-z0-9_]*$"


class SelectionDefinition(Frozen):
    """Which characteristics stay.

    Attributes:
        min_iv: least information value.
        suspicious_iv: a higher one is reported: look for a leak.
        max_correlation: of two whose WOE correlate more, the one with the lower information value goes.
        max_vif: highest variance inflation factor.
    """

    min_iv: float = ModelField(default=0.02, ge=0)
    suspicious_iv: float = ModelField(default=2.0, gt=0)
    max_correlation: float = ModelField(default=0.85, gt=0, le=1)
    max_vif: float = ModelField(default=10.0, ge=1)


class ScalingDefinition(Frozen):
    """Points: ``points`` at odds (good to bad) of ``odds``, ``double`` more where the odds double; points of a bin have ``decimals``."""

    points: float = 600.0
    odds: float = ModelField(default=50.0, gt=0)
    double: float = ModelField(default=20.0, gt=0)
    decimals: int = ModelField(default=0, ge=0, le=6)


class GradeDefinition(Frozen):
    """A grade. Attributes: points_from: least points; None where fitting finds the cuts."""

    id: str = ModelField(pattern=r"^[A-Z]{1,3}[+-]?$")
    zh: str = ModelField(min_length=1)
    en: str = ModelField(min_length=1)
    points_from: float | None = None


class GradesDefinition(Frozen):
    """The grades and what each must hold where their cuts are found: part of all rows, bad rows and good rows."""

    best_first: tuple[GradeDefinition, ...] = ModelField(min_length=2)
    min_share: float = ModelField(default=0.05, gt=0, le=0.3)
    min_events: int = ModelField(default=5, ge=1)

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(grade.id for grade in self.best_first)


class OverlayFactor(Frozen):
    """A qualitative factor. Attributes: move: grades up (down where negative); at_most: the best grade that it allows."""

    id: str = ModelField(pattern=_ID)
    zh: str = ModelField(min_length=1)
    en: str = ModelField(min_length=1)
    move: int = ModelField(default=0, ge=-4, le=4)
    at_most: str | None = None


class OverlayDefinition(Frozen):
    """Qualitative factors. Attributes: most: grades that all of them together may move up or down; ``at_most`` applies after that."""

    factors: tuple[OverlayFactor, ...] = ()
    most: int = ModelField(default=1, ge=0, le=4)


class ReasonsDefinition(Frozen):
    """Reasons of a score: the ``top`` characteristics that lost most points against the ``best`` bin, or the ``neutral`` one (WOE 0)."""

    top: int = ModelField(default=4, ge=1, le=10)
    against: Literal["best", "neutral"] = "best"


class ScorecardDefinition(Frozen):
    """One scorecard.

    Attributes:
        id, name_zh, name_en, purpose, limits: what it is called, is for, and is not for.
        owner: who answers for it.
        version: of the definition, raised by its author.
        population: checked boolean expression over account_feature_v1; the rest is neither trained on nor graded.
        label, snapshots: as of a model; the label is 1 for bad.
        characteristics, binning, selection, scaling, grades, overlay, reasons: see there.
    """

    id: str = ModelField(pattern=_ID)
    name_zh: str = ModelField(min_length=1)
    name_en: str = ModelField(min_length=1)
    purpose: str = ModelField(min_length=10)
    limits: str = ModelField(min_length=10)
    owner: str = ModelField(min_length=1)
    version: int = ModelField(ge=1)
    population: str = ModelField(min_length=1)
    label: LabelDefinition
    snapshots: Snapshots = Snapshots()
    characteristics: tuple[Characteristic, ...] = ModelField(min_length=1)
    binning: BinningDefinition = BinningDefinition()
    selection: SelectionDefinition = SelectionDefinition()
    scaling: ScalingDefinition = ScalingDefinition()
    grades: GradesDefinition
    overlay: OverlayDefinition = OverlayDefinition()
    reasons: ReasonsDefinition = ReasonsDefinition()

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that the characteristics read."""
        return tuple(dict.fromkeys(name for c in self.characteristics for name in c.columns))

    @property
    def fingerprint(self) -> str:
        """SHA-256 (hex) of all that the scores depend on."""
        return fingerprint_of(self.model_dump(mode="json", exclude={"name_zh", "name_en", "purpose", "limits", "owner", "version"}))


@dataclass(frozen=True)
class ScorecardPlan:
    """A definition that holds, with its population checked."""

    definition: ScorecardDefinition
    population: Checked = field(repr=False, compare=False)


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
    where = f"{origin.document.path} line {origin.document.line((*origin.place, 'population'))}"
    return ScorecardPlan(definition, check(definition.population, columns, where, family="boolean"))


def _of_characteristics(definition: ScorecardDefinition, columns: Mapping[str, str]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    ids = [c.id for c in definition.characteristics]
    for i, one in enumerate(definition.characteristics):
        at, name = ("characteristics", i), f"characteristic {one.id}"
        if ids.index(one.id) != i:
            yield (*at, "id"), f"{name} is defined twice; choose another id"
        for column in one.columns:
            if column not in columns:
                yield at, f"{name}: there is no column {column}; {nearest(column, columns, 'see docs/tables.md')}"
        if one.how == "value" and len(one.inputs) > 1:
            yield (*at, "inputs"), f"{name}: expected one input, or how: sum, mean, max, min or above"
        if (one.how == "above") != (one.limit is not None):
            yield at, f"{name}: limit belongs to how: above, and that needs it"
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
