"""The tag library: every definition of conf/tags checked, expanded over its windows and ordered by dependency."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby
from pathlib import Path

from gridlens.contracts.score import model_of
from gridlens.contracts.tag import OLD, SQL_TYPES, TagColumn, ValueType
from gridlens.definitions import STAMP_LENGTH, definition_files, fingerprint_of, parse_definitions, reading_levels, refuse_repeated
from gridlens.errors import SettingsError, nearest
from gridlens.expressions import Checked
from gridlens.tags.checks import Draft, check_kind, check_sensitivity, checked_expression, compare_inputs, value_type_of
from gridlens.tags.definition import TagDefinition, contradictions, expanded

RESERVED = ("account_id", "as_of", "known_at")


@dataclass(frozen=True)
class Tag:
    """One tag, ready to be computed.

    Attributes:
        definition: as it was written, windows filled in.
        level: 0 where it reads no tag, else one more than the highest level of the tags it reads.
        value_type: ``boolean`` or ``text``.
        features: the feature columns and columns of models it reads, by name.
        tags: the tags it reads, by id.
        fingerprint: SHA-256 (hex) of all that determines its value, the tags it reads included; names are not part of it.
        checked: its expression, or the one that its bands cut.
    """

    definition: TagDefinition
    level: int
    value_type: ValueType
    features: tuple[str, ...]
    tags: tuple[str, ...]
    fingerprint: str
    checked: Checked = field(compare=False, repr=False)

    @property
    def id(self) -> str:
        return self.definition.id

    @property
    def stamp(self) -> str:
        """The fingerprint as rows carry it."""
        return self.fingerprint[:STAMP_LENGTH]

    @property
    def values(self) -> tuple[str, ...]:
        """The closed list of a text tag's values; empty where open, or boolean."""
        return tuple(self.definition.values)


@dataclass(frozen=True)
class TagLibrary:
    """All tags, ordered by level and id: each stands after those it reads.

    Attributes:
        tags: the tags.
        scores: the columns of models that they may read, by name.
    """

    tags: tuple[Tag, ...]
    scores: frozenset[str] = frozenset()

    @cached_property
    def _by_id(self) -> dict[str, Tag]:
        return {tag.id: tag for tag in self.tags}

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(tag.id for tag in self.tags)

    @property
    def scores_read(self) -> tuple[str, ...]:
        """The columns of models that some tag reads."""
        return tuple(sorted({name for tag in self.tags for name in tag.features if name in self.scores}))

    @property
    def models(self) -> tuple[str, ...]:
        """Ids of the models and scorecards whose columns some tag reads."""
        return tuple(dict.fromkeys(model_of(name) for name in self.scores_read))

    @property
    def levels(self) -> tuple[tuple[Tag, ...], ...]:
        """The tags of each level: one pass over the features computes one level."""
        return tuple(tuple(tags) for _, tags in groupby(self.tags, key=lambda tag: tag.level))

    @property
    def columns(self) -> tuple[TagColumn, ...]:
        """What tag_current_v1 says about each tag."""
        return tuple(TagColumn(t.id, t.value_type, t.definition.description, t.definition.sensitivity) for t in self.tags)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 (hex) of all tags' ids and fingerprints."""
        return fingerprint_of({tag.id: tag.fingerprint for tag in self.tags})

    def tag(self, identity: str) -> Tag:
        """The tag with this id; raises SettingsError that names the nearest."""
        if identity not in self._by_id:
            raise SettingsError(f"tag {identity} is not defined; {nearest(identity, self._by_id, 'docs/tags.md lists them')}")
        return self._by_id[identity]

    def affected(self, changed: Iterable[str]) -> tuple[str, ...]:
        """The ids in ``changed`` and of every tag that reads one of them, directly or through others; in library order."""
        touched = {self.tag(identity).id for identity in changed}
        for tag in self.tags:
            if touched.intersection(tag.tags):
                touched.add(tag.id)
        return tuple(identity for identity in self.ids if identity in touched)


def load_tags(places: Sequence[str | Path], columns: Mapping[str, str], scores: Mapping[str, str] | None = None) -> TagLibrary:
    """The tags of the given YAML files, and of every ``*.yml`` in the given folders.

    A later file replaces an earlier one of the same name: so a user's folder overrides the defaults.

    Args:
        places: files and folders.
        columns: the feature columns a tag may read, with their Spark types.
        scores: the columns of models that a model tag may read, with theirs.

    Raises:
        DefinitionError: names file and line: a field that does not hold, a repeated id, an unknown or undeclared input,
            an expression that is not allowed or of another type, a cycle.
    """
    scores = scores or {}
    columns = {**columns, **scores}
    drafts: dict[str, Draft] = {}
    for file in definition_files(places, "tags", "payment_credit.yml"):
        for origin in parse_definitions(TagDefinition, file, under="tags"):
            for place, sentence in contradictions(origin.value):
                raise origin.error(sentence, at=place)
            for definition in expanded(origin.value):
                drafts[definition.id] = _named(Draft(definition, origin), drafts, columns)
    tags: dict[str, Tag] = {}
    for level, identities in enumerate(_levels(drafts, columns)):
        for identity in identities:
            tags[identity] = _tag(drafts[identity], level, drafts, tags, columns, scores)
    return TagLibrary(tuple(tags.values()), frozenset(scores))


def _named(draft: Draft, others: Mapping[str, Draft], columns: Mapping[str, str]) -> Draft:
    """The draft, where its id is free."""
    identity, origin = draft.definition.id, draft.origin
    refuse_repeated(identity, origin, others[identity].origin if identity in others else None)
    if identity in columns:
        raise origin.error(f"field id: {identity} is the name of a feature column; choose another", at=("id",))
    if identity in RESERVED or identity.startswith(OLD):
        raise origin.error(f"field id: {identity} is reserved ({', '.join(RESERVED)}, {OLD}…); choose another", at=("id",))
    return draft


def _levels(drafts: Mapping[str, Draft], columns: Mapping[str, str]) -> list[list[str]]:
    """The ids of each level in order; raises where an input is unknown or tags read one another in a circle."""
    graph: dict[str, list[str]] = {}
    for identity, draft in sorted(drafts.items()):
        for position, name in enumerate(draft.definition.inputs):
            if name not in columns and name not in drafts:
                near = nearest(name, [*columns, *drafts], "correct its name or remove it")
                raise draft.origin.error(f"field inputs: {name} is neither a feature column nor a tag; {near}", at=("inputs", position))
        graph[identity] = sorted(name for name in draft.definition.inputs if name in drafts)
    origins = {identity: draft.origin for identity, draft in drafts.items()}
    return [sorted(level) for level in reading_levels(graph, origins, what="tags", field="inputs")]


def _tag(
    draft: Draft,
    level: int,
    drafts: Mapping[str, Draft],
    tags: Mapping[str, Tag],
    columns: Mapping[str, str],
    scores: Mapping[str, str],
) -> Tag:
    """The draft with its expression checked; ``tags`` holds those it may read."""
    definition = draft.definition
    types = {**columns, **{tag.id: SQL_TYPES[tag.value_type] for tag in tags.values()}}
    checked = checked_expression(draft, types, untyped=drafts.keys() - tags.keys())
    compare_inputs(draft, checked.columns)
    read = tuple(sorted(name for name in checked.columns if name in tags))
    check_kind(draft, read, sorted(scores.keys() & checked.columns))
    check_sensitivity(draft, {name: tags[name].definition.sensitivity for name in read})
    value_type = value_type_of(draft, checked)
    content = {
        "expression": definition.expression,
        "bands": definition.bands and definition.bands.model_dump(mode="json"),
        "values": sorted(definition.values),
        "version": definition.version,
        "value_type": value_type,
        "tags": {name: tags[name].fingerprint for name in read},
    }
    features = tuple(sorted(checked.columns.difference(read)))
    return Tag(definition, level, value_type, features, read, fingerprint_of(content), checked)
