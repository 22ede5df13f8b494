"""One tag as it stands in conf/tags: what each field may hold, and which fields go together."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from pydantic import Field as ModelField
from pydantic import field_validator

from gridlens.contracts.tag import Category, Kind, Refresh
from gridlens.definitions import Frozen
from gridlens.tables import Sensitivity

WINDOW = "{window}"
_WITH_WINDOW = ("id", "name_zh", "name_en", "description")
Place = tuple[str | int, ...]


class Label(Frozen):
    """The name of a text value."""

    zh: str = ModelField(min_length=1)
    en: str = ModelField(min_length=1)


class Step(Frozen):
    """One band: numbers less than ``below`` (and not in an earlier band) have ``value``; the last has no ``below``."""

    below: float | None = ModelField(default=None, allow_inf_nan=False)
    value: str = ModelField(min_length=1)


class Bands(Frozen):
    """A number cut into texts: ``of`` is a numeric expression, ``steps`` ascend and leave no gap."""

    of: str = ModelField(min_length=1)
    steps: tuple[Step, ...]

    @field_validator("steps")
    @classmethod
    def _ascend(cls, steps: tuple[Step, ...]) -> tuple[Step, ...]:
        if len(steps) < 2:
            raise ValueError("expected at least two steps")
        limits = [step.below for step in steps[:-1]]
        if None in limits or steps[-1].below is not None:
            raise ValueError("expected below in every step but the last, which takes all the rest")
        if any(first >= second for first, second in pairwise(limit for limit in limits if limit is not None)):
            raise ValueError("expected limits that ascend; put the steps in order")
        return steps

    @property
    def text(self) -> str:
        """The bands in one line: ``annual_kwh: below 100 low; else high``."""
        parts = [f"below {step.below:.15g} {step.value}" if step.below is not None else f"else {step.value}" for step in self.steps]
        return f"{self.of}: {'; '.join(parts)}"


class TagDefinition(Frozen):
    """One definition; with ``windows`` it stands for one tag a window.

    Attributes:
        id: column name of the tag; with windows it holds ``{window}``, as every field that says so.
        name_zh: name in Chinese ({window}).
        name_en: name in English ({window}).
        category: what the tag is about.
        kind: ``fact``, ``statistical`` and ``rule`` read features only, ``model`` reads a model's score, decile or band,
            ``derived`` at least one tag.
        expression: checked expression, boolean or text ({window}); or ``bands``.
        bands: a number cut into texts ({window} in ``of``); or ``expression``.
        values: the closed list of a text tag's values with their names; any other text becomes null.
        open_values: True where a text expression's values are not listed.
        windows: lengths in days.
        inputs: the feature columns, columns of models and tags that are read, no more and no less ({window} in at least one).
        owner: who answers for the definition.
        version: counts up with every change of meaning.
        ttl_days: a value older than this is not served.
        sensitivity: who may see the value.
        refresh: how often it is computed.
        reason: why these thresholds: the domain source or the distribution they come from.
        description: the business sentence ({window}).
    """

    id: str = ModelField(pattern=r"^[a-z]([a-z0-9_]|\{window\})*$")
    name_zh: str = ModelField(min_length=1)
    name_en: str = ModelField(min_length=1)
    category: Category
    kind: Kind
    expression: str | None = ModelField(default=None, min_length=1)
    bands: Bands | None = None
    values: dict[str, Label] = {}
    open_values: bool = False
    windows: tuple[int, ...] = ()
    inputs: tuple[str, ...]
    owner: str = ModelField(min_length=1)
    version: int = ModelField(ge=1)
    ttl_days: int = ModelField(ge=1)
    sensitivity: Sensitivity
    refresh: Refresh
    reason: str = ModelField(min_length=20)
    description: str = ModelField(min_length=10)

    @field_validator("windows")
    @classmethod
    def _days(cls, windows: tuple[int, ...]) -> tuple[int, ...]:
        if any(days < 1 for days in windows) or len(set(windows)) < len(windows):
            raise ValueError("expected different numbers of days, each at least 1")
        return windows

    @property
    def text(self) -> str:
        """Expression or bands in one line."""
        return " ".join((self.bands.text if self.bands else self.expression or "").split())

    @property
    def formula(self) -> tuple[str, Place]:
        """The expression to check, and the field it stands in."""
        return (self.bands.of, ("bands", "of")) if self.bands else (self.expression or "", ("expression",))


def contradictions(tag: TagDefinition) -> Iterator[tuple[Place, str]]:
    """Fields that do not go together: where, and one sentence. Checked apart from the model, so that each names its own line."""
    if (tag.expression is None) == (tag.bands is None):
        yield (), "expected exactly one of expression and bands"
        return
    if not tag.inputs:
        yield ("inputs",), "field inputs: is empty; list the feature columns or tags that it reads"
    yield from _values(tag)
    yield from _windows(tag)
    repeated = [position for position, name in enumerate(tag.inputs) if name in tag.inputs[:position]]
    for position in repeated:
        yield ("inputs", position), f"field inputs: {tag.inputs[position]} is listed twice; remove one"


def _values(tag: TagDefinition) -> Iterator[tuple[Place, str]]:
    if tag.open_values and (tag.bands or tag.values):
        yield ("open_values",), "field open_values: the list of values is closed by bands or values; remove it"
    elif tag.bands:
        given, named = {step.value for step in tag.bands.steps}, set(tag.values)
        if given - named:
            yield ("values",), f"field values: lacks {', '.join(sorted(given - named))} of the bands; name every value in zh and en"
        if named - given:
            yield ("values",), f"field values: no band gives {', '.join(sorted(named - given))}; remove it"


def _windows(tag: TagDefinition) -> Iterator[tuple[Place, str]]:
    formula, place = tag.formula
    texts: list[tuple[Place, str]] = [*(((name,), getattr(tag, name)) for name in _WITH_WINDOW), (place, formula)]
    texts.append((("inputs",), " ".join(tag.inputs)))
    if not tag.windows:
        texts.append((("reason",), tag.reason))
    for where, text in texts:
        field = ".".join(map(str, where))
        if tag.windows and WINDOW not in text:
            yield where, f"field {field}: expected {WINDOW} in it, because windows are given"
        elif not tag.windows and WINDOW in text:
            yield where, f"field {field}: has {WINDOW} but there are no windows; add windows or write the days"


def expanded(tag: TagDefinition) -> list[TagDefinition]:
    """The tags that a definition stands for: itself, or one a window with ``{window}`` filled in."""
    if not tag.windows:
        return [tag]
    content = tag.model_dump(mode="json") | {"windows": []}
    return [TagDefinition.model_validate(_filled(content, str(days))) for days in tag.windows]


def _filled(value: Any, days: str) -> Any:
    if isinstance(value, str):
        return value.replace(WINDOW, days)
    if isinstance(value, dict):
        return {key: _filled(item, days) for key, item in value.items()}
    return [_filled(item, days) for item in value] if isinstance(value, list) else value
