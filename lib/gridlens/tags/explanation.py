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
        as_of: the day on which it was read.
        value: its value for this account then.
        meaning: of a feature what it is and how it is computed, of a tag its definition.
    """

    of: str
    name: str
    as_of: dt.date
    value: Any
    unit: str
    meaning: str


@dataclass(frozen=True)
class Behind:
    """Rows behind the inputs, the newest first.

    Attributes:
        table: where they stand.
        inputs: the features that they decide.
        as_of: the last day of their window.
        rows: how many lie in the widest window; None where this user may not read them.
        newest: the first of them with their locators.
    """

    table: str
    inputs: tuple[str, ...]
    as_of: dt.date
    rows: int | None
    newest: tuple[dict[str, Any], ...]


@dataclass(frozen=True)
class Explanation:
    """One value of one tag.

    Attributes:
        as_of: last day of the newest run of the tags.
        since: first as_of with the value; None: it is what counts before a tag's first row.
        computed: last day of the run that computed it, which read the inputs.
        outdated: True where the definition is another than the one that the value was computed from.
        expired: True where that is longer ago than its time to live; it is not served any more.
    """

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
    computed: dt.date
    expired: bool
    inputs: tuple[Input, ...]
    behind: tuple[Behind, ...]
    outdated: bool = False
