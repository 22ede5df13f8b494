"""What is said of one value of one tag: definition, inputs, and the rows behind them."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Input:
    """What a definition read.

    Attributes:
        of: the tag that reads it.
        name: feature column or tag.
        value: its value for this account.
        meaning: of a feature what it is and how it is computed, of a tag its definition.
    """

    of: str
    name: str
    value: Any
    unit: str
    meaning: str


@dataclass(frozen=True)
class Behind:
    """Rows behind the inputs, the newest first.

    Attributes:
        table: where they stand.
        inputs: the features that they decide.
        rows: how many lie in the widest window.
        newest: the first of them with their locators.
    """

    table: str
    inputs: tuple[str, ...]
    rows: int
    newest: tuple[dict[str, Any], ...]


@dataclass(frozen=True)
class Explanation:
    """One value of one tag; ``since`` is the first as_of with it (None: it is what counts before a tag's first row)."""

    account: str
    tag: str
    names: str
    definition: str
    reason: str
    version: int
    value: Any
    as_of: dt.date
    known_at: dt.datetime
    since: dt.date | None
    inputs: tuple[Input, ...]
    behind: tuple[Behind, ...]
