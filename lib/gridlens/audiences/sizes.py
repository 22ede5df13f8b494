"""Sizes of audiences as people see them: small groups hidden."""

from __future__ import annotations

from dataclasses import dataclass

from gridlens.audiences.disclosure import HIDDEN, Shown, shown, shown_total, shown_within, small
from gridlens.audiences.library import Audience
from gridlens.audiences.membership import Removal, Tally


@dataclass(frozen=True)
class Size:
    """Size of one audience; small groups are hidden.

    Attributes:
        matched: accounts for which the expression is true.
        removed: of them, by any suppression.
        members: the rest.
        outside: members outside its territory; None where it has none.
    """

    audience: str
    name_zh: str
    name_en: str
    matched: Shown
    removed: Shown
    members: Shown
    outside: Shown | None


@dataclass(frozen=True)
class Removed:
    """What one suppression does: matched accounts for which it holds, and those that it removed, being the first that does."""

    audience: str
    suppression: str
    alone: Shown
    removed: Shown


def shown_size(one: Audience, tally: Tally, limit: int) -> Size:
    """The size of an audience as it may be shown."""
    parts = [removal.removed for removal in tally.removals]
    total = shown_total(tally.matched, [*parts, tally.size], limit)
    removed = shown_total(sum(parts), parts, limit) if isinstance(total, int) and not small(tally.size, limit) else HIDDEN
    outside = None if tally.outside is None else shown_within(tally.outside, tally.size, limit)
    names = one.definition.name_zh, one.definition.name_en
    return Size(one.id, *names, total, removed if tally.removals else 0, shown(tally.size, limit), outside)


def shown_removals(tally: Tally, limit: int) -> list[Removed]:
    """What each suppression does, as it may be shown."""

    def alone(one: Removal) -> Shown:
        """Beside what is removed it would tell how many one of the suppressions before holds for, too."""
        telling = small(one.alone - one.removed, limit) and not small(one.alone, limit)
        return HIDDEN if telling else shown(one.alone, limit)

    return [Removed(tally.audience, one.suppression, alone(one), shown(one.removed, limit)) for one in tally.removals]
