"""The audiences of a deployment: every definition checked, ordered so that each stands after those it reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any

from gridlens.audiences.definition import AudienceDefinition, SuppressionDefinition, contradictions
from gridlens.definitions import (
    STAMP_LENGTH,
    Defined,
    definition_files,
    fingerprint_of,
    parse_definitions,
    reading_levels,
    refuse_repeated,
)
from gridlens.errors import SettingsError, nearest
from gridlens.expression_functions import BOOLEAN
from gridlens.expressions import Checked, check

AD_HOC = "ad_hoc"
"""Name of the audience that an expression on the command line makes."""


@dataclass(frozen=True)
class Suppression:
    """One suppression; ``checked`` is None where its kind has no expression."""

    definition: SuppressionDefinition
    checked: Checked | None = field(default=None, compare=False, repr=False)

    @property
    def id(self) -> str:
        return self.definition.id

    @property
    def columns(self) -> frozenset[str]:
        return self.checked.columns if self.checked else frozenset()


@dataclass(frozen=True)
class Audience:
    """One audience, ready to be computed.

    Attributes:
        definition: as it was written.
        checked: its expression; named audiences are boolean columns of it.
        suppressions: in the order applied.
        reads: ids of the audiences that it names, its own not.
        fingerprint: SHA-256 (hex) of all that determines its members, of the audiences it reads too; names are not part of it.
    """

    definition: AudienceDefinition
    suppressions: tuple[Suppression, ...]
    reads: tuple[str, ...]
    fingerprint: str
    checked: Checked = field(compare=False, repr=False)

    @property
    def id(self) -> str:
        return self.definition.id

    @property
    def stamp(self) -> str:
        """The fingerprint as rows carry it."""
        return self.fingerprint[:STAMP_LENGTH]


@dataclass(frozen=True)
class AudienceLibrary:
    """All audiences in an order in which each stands after those it reads.

    Attributes:
        columns: what expressions may read beside audiences, with Spark types.
    """

    audiences: tuple[Audience, ...]
    suppressions: tuple[Suppression, ...]
    columns: Mapping[str, str]

    @cached_property
    def _by_id(self) -> dict[str, Audience]:
        return {audience.id: audience for audience in self.audiences}

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(audience.id for audience in self.audiences)

    @property
    def types(self) -> dict[str, str]:
        """Columns and audiences with their types."""
        return {**self.columns, **dict.fromkeys(self.ids, "boolean")}

    def audience(self, identity: str) -> Audience:
        """The audience with this id; raises SettingsError that names the nearest."""
        if identity not in self._by_id:
            hint = nearest(identity, self._by_id, "`gridlens audience list` shows them")
            raise SettingsError(f"audience {identity} is not defined; {hint}")
        return self._by_id[identity]

    def with_inputs(self, chosen: Iterable[Audience]) -> tuple[Audience, ...]:
        """The chosen audiences and all they read, in an order in which each stands after those it reads."""
        chosen = tuple(chosen)
        found = {audience.id: audience for audience in chosen}
        for audience in reversed((*self.audiences, *chosen)):
            if audience.id in found:
                found |= {name: self.audience(name) for name in audience.reads if name not in found}
        ordered = [found[identity] for identity in self.ids if identity in found]
        return (*ordered, *(audience for audience in chosen if audience not in ordered))

    def ad_hoc(self, where: str) -> Audience:
        """The audience of an expression given on the command line, without suppressions; raises DefinitionError."""
        checked = check(where, self.types, "option --where", family=BOOLEAN)
        definition = AudienceDefinition(
            id=AD_HOC,
            name_zh="临时客群",
            name_en="Ad hoc",
            owner="you",
            where=where,
            version=1,
            reason="given on the command line",
        )
        return Audience(definition, (), _named(checked, self.ids), fingerprint_of({"where": definition.text}), checked)


def load_audiences(
    audience_places: Sequence[str | Path], suppression_places: Sequence[str | Path], columns: Mapping[str, str]
) -> AudienceLibrary:
    """The audiences and suppressions of the given YAML files, and of every ``*.yml`` in the given folders.

    Args:
        audience_places: files and folders with a list under ``audiences``.
        suppression_places: files and folders with a list under ``suppressions``.
        columns: what expressions may read: features, tags and segments, with their Spark types.

    Raises:
        DefinitionError: names file and line: a field that does not hold, a name that is taken, an unknown suppression,
            an expression that is not allowed, audiences that read one another in a circle.
    """
    suppressions = _suppressions(suppression_places, columns)
    origins: dict[str, Defined[AudienceDefinition]] = {}
    for file in definition_files(audience_places, "audiences", "marketing.yml"):
        for origin in parse_definitions(AudienceDefinition, file, under="audiences"):
            _free(origin, origins, columns)
            origins[origin.value.id] = origin
    types = {**columns, **dict.fromkeys(origins, "boolean")}
    checks = {identity: _checked(origin, origin.value.where, types) for identity, origin in origins.items()}
    audiences: dict[str, Audience] = {}
    for identity in _order(origins, checks):
        origin, reads = origins[identity], _named(checks[identity], origins)
        applied = _applied(origin, suppressions)
        stamp = _fingerprint(origin.value, applied, [audiences[name] for name in reads])
        audiences[identity] = Audience(origin.value, applied, reads, stamp, checks[identity])
    return AudienceLibrary(tuple(audiences.values()), tuple(suppressions.values()), dict(columns))


def _suppressions(places: Sequence[str | Path], columns: Mapping[str, str]) -> dict[str, Suppression]:
    found: dict[str, Suppression] = {}
    for file in definition_files(places, "suppressions", "suppressions.yml"):
        for origin in parse_definitions(SuppressionDefinition, file, under="suppressions"):
            for place, sentence in contradictions(origin.value):
                raise origin.error(sentence, at=place)
            if origin.value.id in found:
                raise origin.error(f"field id: {origin.value.id} is defined twice; choose another", at=("id",))
            checked = _checked(origin, origin.value.where, columns) if origin.value.where else None
            found[origin.value.id] = Suppression(origin.value, checked)
    return found


def _free(origin: Defined[AudienceDefinition], others: Mapping[str, Defined[AudienceDefinition]], columns: Mapping[str, str]) -> None:
    """Raises where the id of an audience is taken."""
    identity = origin.value.id
    refuse_repeated(identity, origin, others.get(identity))
    if identity in columns or identity == AD_HOC:
        what = "reserved" if identity == AD_HOC else "the name of a feature, tag or segment"
        raise origin.error(f"field id: {identity} is {what}; choose another", at=("id",))


def _checked(origin: Defined[Any], where: str, types: Mapping[str, str]) -> Checked:
    return check(where, types, origin.where("where"), family=BOOLEAN)


def _named(checked: Checked, audiences: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(checked.columns.intersection(audiences)))


def _applied(origin: Defined[AudienceDefinition], suppressions: Mapping[str, Suppression]) -> tuple[Suppression, ...]:
    definition = origin.value
    for position, identity in enumerate(definition.suppressions):
        if identity not in suppressions:
            hint = nearest(identity, suppressions, f"there are {', '.join(suppressions)}")
            raise origin.error(f"field suppressions: {identity} is not defined; {hint}", at=("suppressions", position))
        if identity in definition.suppressions[:position]:
            raise origin.error(f"field suppressions: {identity} is listed twice; remove one", at=("suppressions", position))
    applied = tuple(suppressions[identity] for identity in definition.suppressions)
    for name in ("purpose", "channel"):
        if getattr(definition, name) is None and any(one.definition.kind == "consent" for one in applied):
            raise origin.error(f"field {name}: is missing; a suppression asks for consent, so say for which {name}")
    return applied


def _order(origins: Mapping[str, Defined[AudienceDefinition]], checks: Mapping[str, Checked]) -> list[str]:
    """Ids in an order in which each audience stands after those it reads; raises where they go in a circle."""
    reads = {identity: _named(checks[identity], origins) for identity in origins}
    return list(chain.from_iterable(reading_levels(reads, origins, what="audiences", field="where")))


def _fingerprint(definition: AudienceDefinition, applied: Iterable[Suppression], read: Iterable[Audience]) -> str:
    names = {"name_zh", "name_en", "reason"}
    own = definition.model_dump(mode="json", exclude={*names, "owner"})
    rules = [one.definition.model_dump(mode="json", exclude=names) for one in applied]
    return fingerprint_of({**own, "where": definition.text, "suppressions": rules, "audiences": {one.id: one.fingerprint for one in read}})
