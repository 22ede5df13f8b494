"""What is known of a registered version."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field

from gridlens.tracking.names import AS_OF, CHAMPIONSHIPS, DATA, DECISION, DEFINITION, KNOWN_AT, REASON


@dataclass(frozen=True)
class Version:
    """A registered version.

    Attributes:
        model: id of the model.
        name: in the registry.
        version: number, from 1.
        run_id: of the run that made it.
        created: UTC.
        aliases: champion, challenger.
        tags: of the version.
        metrics: figures of its run.
    """

    model: str
    name: str
    version: int
    run_id: str
    created: dt.datetime
    aliases: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)

    @property
    def definition_fingerprint(self) -> str:
        return self.tags.get(DEFINITION, "")

    @property
    def data_fingerprint(self) -> str:
        return self.tags.get(DATA, "")

    @property
    def month(self) -> str:
        """Of the moment it was made at, as ``2026-03``; nothing where that was not stated."""
        return self.tags.get(AS_OF, "")[:7]

    @property
    def made_at(self) -> tuple[dt.date, dt.datetime] | None:
        """Last day of the facts it was made from, and what was known of them; None where that was not stated."""
        if AS_OF not in self.tags or KNOWN_AT not in self.tags:
            return None
        return dt.date.fromisoformat(self.tags[AS_OF]), dt.datetime.fromisoformat(self.tags[KNOWN_AT])

    @property
    def facts_to(self) -> dt.date | None:
        """Last day of the facts it was made from; None where that was not stated."""
        return self.made_at[0] if self.made_at else None

    @property
    def decision(self) -> str:
        """champion, challenger, rolled_back, or nothing yet."""
        return self.tags.get(DECISION, "")

    @property
    def reason(self) -> str:
        """Of the decision."""
        return self.tags.get(REASON, "")

    @property
    def championships(self) -> tuple[int, ...]:
        """Its places in the row of champions."""
        return tuple(int(place) for place in self.tags.get(CHAMPIONSHIPS, "").split() if place)

    def __str__(self) -> str:
        return f"version {self.version} of {self.model}"
