"""Scorecards as they stand in conf/scorecards: population, label, characteristics by group, binning, scaling, grades, overlay."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field as ModelField

from gridlens.definitions import Frozen, fingerprint_of
from gridlens.models.characteristic import BinningDefinition, Characteristic
from gridlens.models.definition import Gate, LabelDefinition, Snapshots

_ID = r"^[a-z][a-z0-9_]*$"
GradeId = Annotated[str, ModelField(pattern=r"^[A-Z]{1,3}[+-]?$")]

_NAMES = {"__all__": {"zh", "en"}}
_WORDING: dict[str, Any] = {
    **dict.fromkeys(("name_zh", "name_en", "purpose", "limits", "owner", "version", "groups", "capacity", "gate"), True),
    "characteristics": {"__all__": {"zh", "en", "strong_because"}},
    "grades": {"best_first": _NAMES},
    "overlay": {"factors": _NAMES},
}


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

    id: GradeId
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
        label, snapshots, groups: as of a model; the label is 1 for bad.
        capacity, gate: as of a model.
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
    groups: tuple[str, ...] = ("category",)
    capacity: int = ModelField(default=100, ge=1)
    gate: Gate = Gate()
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
        return fingerprint_of(self.model_dump(mode="json", exclude=_WORDING))
