"""Definitions as data: YAML files read with the line of every value, so that each mistake names file and line."""

from __future__ import annotations

import graphlib
import hashlib
import json
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from gridlens.errors import DefinitionError

ModelT = TypeVar("ModelT", bound=BaseModel)
Step = str | int
Place = tuple[Step, ...]
STAMP_LENGTH = 16
"""Digits of a fingerprint that rows carry."""
_EXPECTED = {"Input should be ": "", "String should match ": "text that matches ", "String should have ": "text with "}


class Frozen(BaseModel):
    """A part of a definition: it cannot be changed, and knows no other fields than its own."""

    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclass(frozen=True)
class Document:
    """A YAML file's content with the line of every mapping key and list item.

    Attributes:
        path: the file.
        data: what it holds, as plain Python values.
        lines: 1-based line of each place; a place is the path of keys and list positions from the top.
    """

    path: Path
    data: Any
    lines: dict[Place, int]

    def line(self, place: Sequence[Step] = ()) -> int:
        """Line of ``place``, or of its nearest ancestor that stands in the file."""
        return self.lines[self.known(place)]

    def known(self, place: Sequence[Step]) -> Place:
        """The longest beginning of ``place`` that stands in the file."""
        steps = tuple(place)
        while steps not in self.lines:
            steps = steps[:-1]
        return steps

    def where(self, place: Sequence[Step] = ()) -> str:
        """File and line of ``place``: ``conf/rules/x.yml line 12``."""
        return f"{self.path} line {self.line(place)}"

    def error(self, place: Sequence[Step], sentence: str) -> DefinitionError:
        """A DefinitionError that begins with file and line: ``conf/rules/x.yml line 12: sentence``."""
        return DefinitionError(f"{self.where(place)}: {sentence}")


@dataclass(frozen=True)
class Defined(Generic[ModelT]):
    """One definition with where it stands, for errors that only appear when several are compared."""

    value: ModelT
    document: Document
    place: Place

    def where(self, *at: Step) -> str:
        """File and line of this definition, or of the place ``at`` inside it."""
        return self.document.where((*self.place, *at))

    def error(self, sentence: str, *, at: Sequence[Step] = ()) -> DefinitionError:
        """A DefinitionError at this definition, or at the place ``at`` inside it."""
        return self.document.error((*self.place, *at), sentence)


def load_yaml(path: str | Path) -> Document:
    """The content of a YAML file with its lines; raises DefinitionError where it cannot be read or repeats a key."""
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise DefinitionError(f"{path}: cannot be read ({reason}); expected a YAML file in UTF-8") from error
    loader = yaml.SafeLoader(text)
    try:
        node = loader.get_single_node()
        lines: dict[Place, int] = {(): node.start_mark.line + 1 if node else 1}
        if node is not None:
            _note_lines(node, (), lines, path, ())
        data = loader.construct_document(node) if node is not None else None
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path} line {mark.line + 1}" if mark else str(path)
        problem = getattr(error, "problem", None) or str(error)
        raise DefinitionError(f"{where}: not valid YAML ({problem}); correct the file") from error
    finally:
        loader.dispose()
    return Document(path, data, lines)


def definition_files(places: Sequence[str | Path], what: str, example: str) -> list[Path]:
    """The given YAML files, and every ``*.yml`` in the given folders, by name; a later file replaces an earlier one of the same name.

    Raises:
        DefinitionError: there is none; says what was looked for.
    """
    paths = [Path(place) for place in places]
    files = {file.name: file for path in paths for file in (sorted(path.glob("*.yml")) if path.is_dir() else [path])}
    if not files:
        where = ", ".join(str(path) for path in paths) or "no folder"
        raise DefinitionError(f"no {what} found in {where}; expected YAML files such as {example}")
    return [file for _, file in sorted(files.items())]


def _note_lines(node: yaml.Node, place: Place, lines: dict[Place, int], path: Path, above: tuple[int, ...]) -> None:
    """Enters the line of every key and item below ``node`` into ``lines``."""
    if id(node) in above:
        raise DefinitionError(f"{path} line {node.start_mark.line + 1}: an alias contains itself; write the value out")
    above = (*above, id(node))
    if isinstance(node, yaml.MappingNode):
        own: set[Hashable] = set()
        for key, value in node.value:
            name = key.value
            if name in own and name != "<<":
                raise DefinitionError(f"{path} line {key.start_mark.line + 1}: {name} is written twice; keep one")
            own.add(name)
            lines[(*place, name)] = key.start_mark.line + 1
            _note_lines(value, (*place, name), lines, path, above)
    elif isinstance(node, yaml.SequenceNode):
        for position, value in enumerate(node.value):
            lines[(*place, position)] = value.start_mark.line + 1
            _note_lines(value, (*place, position), lines, path, above)


def parse_definitions(model: type[ModelT], path: str | Path, *, under: str | None = None) -> list[Defined[ModelT]]:
    """The definitions in a YAML file, checked against ``model``.

    Args:
        model: a frozen pydantic model with ``extra="forbid"``.
        path: the file.
        under: top-level key of a list of definitions (the only key allowed); None where the whole file is one definition.

    Raises:
        DefinitionError: names file, line, field and what was expected; the first mistake in the file.
    """
    document = load_yaml(path)
    if under is None:
        return [Defined(_validated(model, document, (), document.data), document, ())]
    if not isinstance(document.data, dict) or under not in document.data:
        raise document.error((), f"expected a mapping with the key {under}")
    for key in document.data:
        if key != under:
            raise document.error((key,), f"field {key}: is unknown; only {under} may stand at the top")
    items = document.data[under]
    if not isinstance(items, list):
        raise document.error((under,), f"field {under}: expected a list")
    return [Defined(_validated(model, document, (under, i), item), document, (under, i)) for i, item in enumerate(items)]


def refuse_repeated(identity: str, origin: Defined[Any], first: Defined[Any] | None) -> None:
    """Raises DefinitionError at ``origin`` where ``first`` has its id already."""
    if first is not None:
        raise origin.error(f"field id: {identity} is already used in {first.where()}; choose another", at=("id",))


def reading_levels(
    reads: Mapping[str, Collection[str]], origins: Mapping[str, Defined[Any]], *, what: str, field: str
) -> list[tuple[str, ...]]:
    """Ids of definitions that read one another, by level: each level reads those before it and nothing else.

    Args:
        reads: of every id those that it reads.
        origins: where each is defined.
        what: what they are, in the plural, for the sentence of an error.
        field: the field that says what a definition reads.

    Raises:
        DefinitionError: they read one another in a circle; the sentence goes round it once from its first id.
    """
    sorter = graphlib.TopologicalSorter(reads)
    try:
        sorter.prepare()
    except graphlib.CycleError as error:
        # graphlib names each id before those that read it; a reader expects "a reads b" as a -> b.
        circle = error.args[1][:0:-1]
        start = circle.index(min(circle))
        circle = [*circle[start:], *circle[:start], circle[start]]
        sentence = f"field {field}: {what} read one another in a circle: {' -> '.join(circle)}; break it at one of them"
        raise origins[circle[0]].error(sentence, at=(field,)) from None
    levels = []
    while sorter.is_active():
        levels.append(sorter.get_ready())
        sorter.done(*levels[-1])
    return levels


def fingerprint_of(content: Any) -> str:
    """SHA-256 (hex) of plain values, whatever the order of their keys."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def _validated(model: type[ModelT], document: Document, place: Place, item: Any) -> ModelT:
    if not isinstance(item, dict):
        raise document.error(place, "expected a mapping of field names to values")
    try:
        return model.model_validate(item)
    except ValidationError as error:
        # The first in reading order, so that a user corrects the file from the top down.
        details = min(error.errors(), key=lambda e: (document.line((*place, *e["loc"])), e["type"]))
        raise document.error((*place, *details["loc"]), explain(details, document, place)) from error


def explain(details: ErrorDetails, document: Document, place: Place = ()) -> str:
    """One sentence about a pydantic error: which field, what was expected."""
    kind, context = details["type"], details.get("ctx", {})
    known = document.known((*place, *details["loc"]))[len(place) :]
    steps = details["loc"][: len(known) + 1] if kind == "missing" else known
    field = f"field {'.'.join(str(step) for step in steps)}: " if steps else ""
    if kind == "missing":
        return f"{field}is missing; add it"
    if kind == "extra_forbidden":
        return f"{field}is unknown; remove it or correct its name"
    if kind in ("literal_error", "enum"):
        return f"{field}expected one of {str(context['expected']).replace(chr(39), '').replace(' or ', ', ')}"
    if kind in ("value_error", "assertion_error"):
        return f"{field}{context['error']}"
    given = details["input"]
    shown = f" but found {given!r}" if isinstance(given, str | int | float | bool) else ""
    for beginning, expected in _EXPECTED.items():
        if details["msg"].startswith(beginning):
            return f"{field}expected {expected}{details['msg'].removeprefix(beginning)}{shown}"
    return f"{field}{details['msg']}{shown}"
