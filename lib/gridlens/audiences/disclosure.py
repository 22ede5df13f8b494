"""Small groups are not shown: numbers under a limit, and numbers from which one under it could be worked out."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

Shown = int | str
"""A number, or a text where it is not shown."""
HIDDEN = "hidden"
"""Stands for a number that is not small itself, but would give a small one away."""


def small(number: int, limit: int) -> bool:
    """True for a group that may not be shown; nobody at all is no group."""
    return 0 < number < limit


def hidden_text(limit: int) -> str:
    return f"<{limit}"


def shown(number: int, limit: int) -> Shown:
    """The number, or that it is under the limit."""
    return hidden_text(limit) if small(number, limit) else number


def shown_parts(parts: Sequence[int], limit: int) -> list[Shown]:
    """The parts of a total that is shown, or known, too.

    Beside parts under the limit further ones are hidden, the smallest first, until what the total gives away, the sum
    of the hidden ones, is of several parts and not under the limit itself (complementary suppression).

    Returns:
        In the order given: the number, ``<15`` for a small part, ``hidden`` for one that covers for it.
    """
    few = {position for position, number in enumerate(parts) if small(number, limit)}
    hidden = set(few)
    rest = sorted((number, position) for position, number in enumerate(parts) if number and position not in few)
    while hidden and rest and _tells([parts[position] for position in hidden], limit):
        hidden.add(rest.pop(0)[1])
    return [_part(number, position, few, hidden, limit) for position, number in enumerate(parts)]


def _tells(hidden: Sequence[int], limit: int) -> bool:
    """True where the sum of the hidden numbers tells one of them, or a group that is small itself."""
    return len(hidden) == 1 or sum(hidden) < limit or all(number == limit - 1 for number in hidden)


def _part(number: int, position: int, few: set[int], hidden: set[int], limit: int) -> Shown:
    if position in few:
        return hidden_text(limit)
    return HIDDEN if position in hidden else number


def shown_total(total: int, parts: Sequence[int], limit: int) -> Shown:
    """The total of parts that are each shown by :func:`shown`: hidden where it would give a small group away."""
    hidden = [number for number in parts if small(number, limit)]
    if hidden and _tells(hidden, limit):
        return HIDDEN
    return shown(total, limit)


def shown_within(number: int, whole: int, limit: int) -> Shown:
    """A part of a whole that is shown: hidden where it, or the rest of the whole, is a small group."""
    return HIDDEN if small(whole - number, limit) and not small(number, limit) else shown(number, limit)


def told_by_parts(parts: Sequence[int], limit: int) -> int:
    """What the parts of a total tell of it where each is shown by :func:`shown`: the sum of those that are not small."""
    return sum(number for number in parts if not small(number, limit))


def shown_apart(numbers: Iterable[int], whole: int, limit: int, *, known: Iterable[int] = (), secret: Collection[int] = ()) -> list[Shown]:
    """Numbers of groups of one whole, any two of which may be one within the other, or apart: no two are shown that tell a small group.

    It could be their difference, or what of the whole is in neither.

    Args:
        numbers: those that matter most first: of two that tell a small group the later one is ``hidden``.
        whole: all there are; it is shown, too.
        limit: least size of a group that is shown.
        known: numbers that are shown elsewhere.
        secret: numbers that are hidden for another reason.
    """
    found: list[Shown] = []
    told = [whole, *known]
    for number in numbers:
        if small(number, limit):
            found.append(hidden_text(limit))
        elif number in secret or any(small(abs(other - rest), limit) for other in told for rest in (number, whole - number)):
            found.append(HIDDEN)
        else:
            found.append(number)
            told.append(number)
    return found
