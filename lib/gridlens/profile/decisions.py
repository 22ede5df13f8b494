"""Stewards' decisions about identity: pairs of parties that are the same, or are not, whatever the data says."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from gridlens.definitions import Defined, fingerprint_of, parse_definitions


class Decision(BaseModel):
    """One decision; it counts from the day on which it was taken."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    parties: tuple[str, str] = Field(description="Two party ids. Where they are different, the second leaves the first's person.")
    verdict: Literal["same", "different"] = Field(description="What they are.")
    reason: str = Field(min_length=1, description="Why, for those who ask later.")
    decided_on: dt.date = Field(description="Local day of the decision.")

    @field_validator("parties")
    @classmethod
    def _two(cls, value: tuple[str, str]) -> tuple[str, str]:
        if value[0] == value[1]:
            raise ValueError(f"both are {value[0]}; expected two different party ids")
        return value


@dataclass(frozen=True)
class Decisions:
    """What stewards have decided.

    Attributes:
        same: pairs that are the same.
        different: pairs that are not; the second leaves.
    """

    same: tuple[tuple[str, str], ...] = ()
    different: tuple[tuple[str, str], ...] = ()

    @property
    def fingerprint(self) -> str:
        """SHA-256 (hex) of all pairs."""
        return fingerprint_of([sorted(self.same), sorted(self.different)])

    def leaving(self, party: str) -> frozenset[str]:
        """``party`` and all that decisions say are the same as it."""
        return frozenset(_block(self.same, party))


def load_decisions(files: Sequence[Path], *, known_on: dt.date) -> Decisions:
    """The decisions of the given files that had been taken by ``known_on``; of several about one pair the latest counts.

    Raises:
        DefinitionError: names file and line: a field that does not hold, a pair decided both ways on one day, or parties
            said to be different that other decisions make the same.
    """
    latest: dict[frozenset[str], Defined[Decision]] = {}
    for file in files:
        for defined in parse_definitions(Decision, file, under="decisions"):
            if defined.value.decided_on <= known_on:
                _enter(latest, defined)
    same = tuple(d.value.parties for d in latest.values() if d.value.verdict == "same")
    for defined in latest.values():
        first, second = defined.value.parties
        if defined.value.verdict == "different" and second in _block(same, first):
            raise defined.error(f"{first} and {second} are different here, but other decisions make them the same; withdraw one of them")
    return Decisions(same, tuple(d.value.parties for d in latest.values() if d.value.verdict == "different"))


def _enter(latest: dict[frozenset[str], Defined[Decision]], defined: Defined[Decision]) -> None:
    pair = frozenset(defined.value.parties)
    other = latest.get(pair)
    if other and other.value.decided_on == defined.value.decided_on and other.value.verdict != defined.value.verdict:
        raise defined.error(f"the same pair is {other.value.verdict} on the same day in {other.where()}; keep one", at=("verdict",))
    if other is None or other.value.decided_on <= defined.value.decided_on:
        latest[pair] = defined


def _block(same: Sequence[tuple[str, str]], party: str) -> set[str]:
    """``party`` and all that ``same`` connects with it."""
    found, grown = {party}, True
    while grown:
        more = {one for pair in same if found.intersection(pair) for one in pair}
        grown = not more <= found
        found |= more
    return found
