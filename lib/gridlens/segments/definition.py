"""Segmentations as they stand in conf/segments: population, features with their preparation, algorithms, phrases for names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, field_validator
from pydantic import Field as ModelField

from gridlens.definitions import Defined, Frozen, definition_files, fingerprint_of, parse_definitions
from gridlens.errors import SettingsError, nearest
from gridlens.expressions import Checked, check

Algorithm = Literal["kmeans", "bisecting_kmeans", "gaussian_mixture"]
HOURS = 24
_ID = r"^[a-z][a-z0-9_]*$"
_WORDING = ("name_zh", "name_en", "description")


class Words(Frozen):
    """A phrase in both languages."""

    zh: str = ModelField(min_length=1)
    en: str = ModelField(min_length=1)


class FeatureDefinition(Frozen):
    """One feature, or 24 of a daily profile.

    Attributes:
        id: name; a profile's components are ``<id>_00`` to ``<id>_23``.
        expression: checked numeric or boolean expression over account_feature_v1; or ``profile``.
        profile: a 24-hour profile of account_feature_v1; each hour is taken relative to the mean of ``relative_to``.
        relative_to: the profile whose mean is 1; default ``profile`` itself.
        transform: applied after winsorizing: ``log`` is ln(1 + x) of what is above 0, ``sqrt`` the root of what is above 0.
        scale: ``robust`` subtracts the median and divides by the span from the 10th to the 90th percentile; ``none`` leaves the unit.
        weight: multiplies the scaled feature.
        missing: ``exclude`` leaves the account out, ``median`` takes the training accounts' median, a number is taken itself.
    """

    id: str = ModelField(pattern=_ID)
    expression: str | None = None
    profile: str | None = None
    relative_to: str | None = None
    transform: Literal["none", "log", "sqrt"] = "none"
    scale: Literal["robust", "none"] = "robust"
    weight: float = ModelField(default=1.0, gt=0, allow_inf_nan=False)
    missing: Literal["exclude", "median"] | float = "exclude"

    @property
    def components(self) -> tuple[str, ...]:
        """Names of what it contributes to the feature vector."""
        return tuple(f"{self.id}_{hour:02d}" for hour in range(HOURS)) if self.profile else (self.id,)


class Phrase(Frozen):
    """What a segment is called where an expression's mean is far above (``high``) or below (``low``) that of the others."""

    expression: str = ModelField(min_length=1)
    high: Words
    low: Words


class SegmentationDefinition(Frozen):
    """One segmentation by clustering.

    Attributes:
        id, name_zh, name_en, description: what it is called and is for.
        population: checked boolean expression; the rest is left out.
        features: what is clustered on.
        phrases: what names are made from.
        outliers: values beyond this quantile and beyond 1 minus it count as these quantiles (winsorizing).
        components: number of principal components that are clustered.
        algorithms, k: every algorithm with every k is a candidate.
        stable_from: least adjusted Rand index between models of two halves.
        silhouette_part: least silhouette of the model taken, as a part of the best candidate's.
        refit_psi: a model is fitted anew where the sizes drift more than this.
        refit_silhouette: and where the silhouette falls under this part of what it was when fitted.
        training_accounts: most accounts that a model is fitted on, chosen by a hash of their id.
        seed: of every random choice.
    """

    id: str = ModelField(pattern=_ID)
    name_zh: str = ModelField(min_length=1)
    name_en: str = ModelField(min_length=1)
    description: str = ModelField(min_length=10)
    population: str = ModelField(min_length=1)
    features: tuple[FeatureDefinition, ...]
    phrases: tuple[Phrase, ...]
    outliers: float = ModelField(default=0.005, ge=0, le=0.2)
    components: int = ModelField(ge=1)
    algorithms: tuple[Algorithm, ...] = ModelField(default=("kmeans", "bisecting_kmeans", "gaussian_mixture"), min_length=1)
    k: tuple[int, ...] = ModelField(min_length=1)
    stable_from: float = ModelField(default=0.8, ge=-1, le=1)
    silhouette_part: float = ModelField(default=0.8, ge=0, le=1)
    refit_psi: float = ModelField(default=0.25, gt=0)
    refit_silhouette: float = ModelField(default=0.8, ge=0, le=1)
    training_accounts: int = ModelField(default=50_000, ge=10)
    seed: int = 20260331

    @field_validator("k")
    @classmethod
    def _sizes(cls, k: tuple[int, ...]) -> tuple[int, ...]:
        if min(k) < 2 or len(set(k)) < len(k):
            raise ValueError("expected different numbers of segments, each at least 2")
        return k

    @property
    def components_of_features(self) -> tuple[str, ...]:
        return tuple(name for feature in self.features for name in feature.components)


@dataclass(frozen=True)
class Segmentation:
    """A definition with its expressions checked.

    Attributes:
        definition: as written.
        fingerprint: SHA-256 (hex) of all but the wording.
        population: the checked population.
        features: the checked expression of each feature; None of a profile.
        phrases: the checked expression of each phrase.
    """

    definition: SegmentationDefinition
    fingerprint: str
    population: Checked = field(repr=False, compare=False)
    features: tuple[Checked | None, ...] = field(repr=False, compare=False)
    phrases: tuple[Checked, ...] = field(repr=False, compare=False)

    @property
    def id(self) -> str:
        return self.definition.id

    @property
    def stamp(self) -> str:
        return self.fingerprint[:16]


def load_segmentations(places: Sequence[str | Path], columns: Mapping[str, str]) -> tuple[Segmentation, ...]:
    """The segmentations of the given YAML files by id.

    Args:
        places: files and folders.
        columns: the feature columns that may be read, with their Spark types.

    Raises:
        DefinitionError: names file and line: a field or expression that does not hold, a repeated id.
    """
    found: dict[str, Segmentation] = {}
    for file in definition_files(places, "segmentations", "load_shape.yml"):
        for origin in parse_definitions(SegmentationDefinition, file, under="segmentations"):
            if origin.value.id in found:
                raise origin.error(f"field id: {origin.value.id} is already used; choose another", at=("id",))
            found[origin.value.id] = _checked(origin, columns)
    return tuple(found[name] for name in sorted(found))


def named(segmentations: Sequence[Segmentation], identity: str) -> Segmentation:
    """The segmentation with this id; raises SettingsError that names the nearest."""
    known = {s.id: s for s in segmentations}
    if identity not in known:
        hint = nearest(identity, known, f"expected one of {', '.join(known)}")
        raise SettingsError(f"segmentation {identity} is not defined; {hint}")
    return known[identity]


def _checked(origin: Defined[SegmentationDefinition], columns: Mapping[str, str]) -> Segmentation:
    definition = origin.value
    for place, sentence in _contradictions(definition, columns):
        raise origin.error(sentence, at=place)
    at = origin.where
    return Segmentation(
        definition,
        fingerprint_of_meaning(definition),
        check(definition.population, columns, at("population"), family="boolean"),
        tuple(
            check(feature.expression, columns, at("features", i, "expression")) if feature.expression else None
            for i, feature in enumerate(definition.features)
        ),
        tuple(check(p.expression, columns, at("phrases", i, "expression")) for i, p in enumerate(definition.phrases)),
    )


def fingerprint_of_meaning(definition: BaseModel) -> str:
    """SHA-256 (hex) of a definition without its own wording."""
    return fingerprint_of(definition.model_dump(mode="json", exclude=set(_WORDING)))


def _contradictions(definition: SegmentationDefinition, columns: Mapping[str, str]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    names = definition.components_of_features
    profiles = [name for name, kind in columns.items() if kind == "array<double>"]
    for i, feature in enumerate(definition.features):
        if (feature.expression is None) == (feature.profile is None):
            yield ("features", i), f"feature {feature.id}: expected exactly one of expression and profile"
        for name in (feature.profile, feature.relative_to):
            if name is not None and name not in profiles:
                hint = nearest(name, profiles, f"expected one of {', '.join(profiles)}")
                yield ("features", i), f"feature {feature.id}: {name} is no profile of account_feature_v1; {hint}"
        if feature.profile and feature.missing != "exclude":
            yield ("features", i, "missing"), f"feature {feature.id}: a profile that is not known leaves the account out; remove missing"
        if [f.id for f in definition.features].count(feature.id) > 1:
            yield ("features", i, "id"), f"feature {feature.id} is defined twice; choose another id"
    if definition.components > len(names):
        yield ("components",), f"field components: expected at most {len(names)}, as many as there are features"
