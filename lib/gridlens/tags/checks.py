"""What a tag's expression must agree with: its inputs, its kind and its values."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from gridlens.contracts.tag import ValueType
from gridlens.definitions import Defined
from gridlens.errors import DefinitionError
from gridlens.expression_functions import BOOLEAN, NUMBER, TEXT
from gridlens.expressions import Checked, check
from gridlens.tables import Sensitivity
from gridlens.tags.definition import TagDefinition

_QUOTED = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"")


@dataclass(frozen=True)
class Draft:
    """A definition with its windows filled in, and where it stands."""

    definition: TagDefinition
    origin: Defined[TagDefinition]


def checked_expression(draft: Draft, types: Mapping[str, str], *, untyped: Collection[str]) -> Checked:
    """The draft's expression, or the one that its bands cut, checked.

    Args:
        draft: the definition.
        types: Spark type of every feature column, and of every tag that comes earlier in the order.
        untyped: ids of the tags that do not.

    Raises:
        DefinitionError: it is not allowed, or reads a tag that ``inputs`` lacks.
    """
    text, place = draft.definition.formula
    try:
        return check(text, types, draft.origin.where(*place), family=NUMBER if draft.definition.bands else None)
    except DefinitionError:
        # A tag that it reads without saying so may come later in the order, and would be called an unknown column.
        words = set(re.findall(r"\w+", _QUOTED.sub(" ", text)))
        compare_inputs(draft, {*draft.definition.inputs, *words.intersection(untyped)})
        raise


def compare_inputs(draft: Draft, read: Iterable[str]) -> None:
    """Raises where ``inputs`` is not what the definition reads."""
    declared = set(draft.definition.inputs)
    if missing := sorted(set(read) - declared):
        raise draft.origin.error(f"field inputs: {', '.join(missing)} is read but not listed; add it", at=("inputs",))
    if unread := sorted(declared.difference(read)):
        raise draft.origin.error(f"field inputs: {', '.join(unread)} is listed but not read; remove it", at=("inputs",))


def check_kind(draft: Draft, tags: Sequence[str], scores: Sequence[str]) -> None:
    """Raises where the kind does not fit the tags, or the columns of models (``scores``), that the definition reads."""
    kind = draft.definition.kind
    if kind == "model" and not scores:
        raise draft.origin.error("field kind: a model tag reads a model's score, decile or band; make it rule", at=("kind",))
    if kind not in ("model", "derived") and scores:
        raise draft.origin.error(f"field kind: reads {scores[0]} of a model, so expected model but found {kind}", at=("kind",))
    if kind == "derived" and not tags:
        raise draft.origin.error("field kind: a derived tag reads at least one tag; make it fact, statistical, rule or model", at=("kind",))
    if kind != "derived" and tags:
        raise draft.origin.error(f"field kind: reads the tag {tags[0]}, so expected derived but found {kind}", at=("kind",))


def check_sensitivity(draft: Draft, read: Mapping[str, Sensitivity]) -> None:
    """Raises where a tag that the definition reads (``read``, by id) is more sensitive than it is itself: its value could tell the other's.

    Features need no such check: the personal ones are those that no definition may read.
    """
    order, own = list(Sensitivity), draft.definition.sensitivity
    for name, theirs in read.items():
        if order.index(theirs) > order.index(own):
            sentence = f"field sensitivity: reads the {theirs.value} tag {name}, so expected {theirs.value} but found {own.value}"
            raise draft.origin.error(sentence, at=("sensitivity",))


def value_type_of(draft: Draft, checked: Checked) -> ValueType:
    """Type of the tag's value; raises where it is neither boolean nor text, or ``values`` does not go with it."""
    definition = draft.definition
    if definition.bands:
        return "text"
    if checked.family == TEXT:
        if not definition.values and not definition.open_values:
            raise draft.origin.error("field values: is missing; list the texts that the expression gives, or set open_values: true")
        return "text"
    if checked.family != BOOLEAN:
        remedy = "cut it into bands" if checked.family == NUMBER else "compare it with something"
        sentence = f"field expression: gives a {checked.family}, expected a boolean or a text; {remedy}"
        raise draft.origin.error(sentence, at=("expression",))
    if definition.values or definition.open_values:
        name = "values" if definition.values else "open_values"
        raise draft.origin.error(f"field {name}: belongs to text tags, but the expression gives a boolean; remove it", at=(name,))
    return "boolean"
