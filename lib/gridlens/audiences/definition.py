"""An audience and a suppression as they stand in conf: what each field may hold, and which fields go together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, get_args

from pydantic import Field as ModelField
from pydantic import field_validator

from gridlens.contracts import codes
from gridlens.definitions import Frozen

SuppressionKind = Literal["expression", "consent", "contact"]
KINDS: tuple[str, ...] = get_args(SuppressionKind)
_BELONGS = {"expression": ("where", "unknown"), "consent": (), "contact": ("days",)}
_ID = r"^[a-z][a-z0-9_]*$"
Place = tuple[str | int, ...]


class AudienceDefinition(Frozen):
    """One audience.

    Attributes:
        id: its name in commands and in the expressions of other audiences.
        name_zh: name in Chinese.
        name_en: name in English.
        owner: team that works the audience.
        where: checked expression, boolean; members are the accounts for which it is true, not those where it is unknown.
        org_units: organisation units (责任单位) whose customers the team may work; empty: all.
        areas: areas whose customers the team may work; empty: all.
        purpose: purpose for which a suppression of kind ``consent`` asks.
        channel: channel for which it asks.
        suppressions: ids of suppressions, in the order in which they are applied.
        version: counts up with every change of meaning.
        reason: why these terms: the domain source or the distribution they come from.
    """

    id: str = ModelField(pattern=_ID)
    name_zh: str = ModelField(min_length=1)
    name_en: str = ModelField(min_length=1)
    owner: str = ModelField(min_length=1)
    where: str = ModelField(min_length=1)
    org_units: tuple[str, ...] = ()
    areas: tuple[str, ...] = ()
    purpose: str | None = None
    channel: str | None = None
    suppressions: tuple[str, ...] = ()
    version: int = ModelField(ge=1)
    reason: str = ModelField(min_length=20)

    @field_validator("purpose")
    @classmethod
    def _known_purpose(cls, value: str | None) -> str | None:
        return _one_of(value, codes.CONSENT_PURPOSES)

    @field_validator("channel")
    @classmethod
    def _known_channel(cls, value: str | None) -> str | None:
        return _one_of(value, codes.CONSENT_CHANNELS)

    @property
    def text(self) -> str:
        """The expression in one line."""
        return " ".join(self.where.split())


class SuppressionDefinition(Frozen):
    """One reason not to approach an account.

    Attributes:
        id: its name in audiences and counts.
        name_zh: name in Chinese.
        name_en: name in English.
        kind: ``expression`` holds where ``where`` does; ``consent`` where the party's newest consent for the audience's channel
            and purpose is not granted, or there is none; ``contact`` where we reached the account within ``days``.
        where: checked expression over features, tags and segments.
        unknown: whether an account is removed or kept where ``where`` is unknown; nobody is approached by default.
        days: length of the window in local days, the last day included.
        reason: why.
    """

    id: str = ModelField(pattern=_ID)
    name_zh: str = ModelField(min_length=1)
    name_en: str = ModelField(min_length=1)
    kind: SuppressionKind
    where: str | None = ModelField(default=None, min_length=1)
    unknown: Literal["remove", "keep"] = "remove"
    days: int | None = ModelField(default=None, ge=1, le=3660)
    reason: str = ModelField(min_length=20)


def contradictions(suppression: SuppressionDefinition) -> Iterator[tuple[Place, str]]:
    """Fields that do not go together: where, and one sentence."""
    own = _BELONGS[suppression.kind]
    for name in ("where", "days"):
        given = getattr(suppression, name) is not None
        if name in own and not given:
            yield (), f"field {name}: is missing; a suppression of kind {suppression.kind} needs it"
        elif name not in own and given:
            yield (name,), f"field {name}: does not belong to the kind {suppression.kind}; remove it"
    if suppression.unknown != "remove" and "unknown" not in own:
        yield ("unknown",), f"field unknown: does not belong to the kind {suppression.kind}; remove it"


def _one_of(value: str | None, allowed: tuple[str, ...]) -> str | None:
    if value is not None and value not in allowed:
        raise ValueError(f"expected one of {', '.join(allowed)} but found {value!r}")
    return value
