"""Small groups: what is shown never tells a number under the limit, by itself or by difference."""

from __future__ import annotations

from itertools import pairwise

import pytest
from gridlens.audiences.disclosure import HIDDEN, Shown, shown, shown_apart, shown_parts, shown_total, shown_within, told_by_parts
from gridlens.audiences.terms import TermCount
from gridlens.pipelines.audience_explain import Term, shown_terms
from hypothesis import given
from hypothesis import strategies as st

LIMIT = 15
COUNTS = st.lists(st.integers(0, 40), min_size=1, max_size=8)


def is_small(number: int) -> bool:
    return 0 < number < LIMIT


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([100, 50], [100, 50]),
        ([100, 3, 50], [100, "<15", HIDDEN]),
        ([3, 4, 100, 20], ["<15", "<15", 100, HIDDEN]),
        ([9, 9, 100], ["<15", "<15", 100]),
        ([14, 14, 100], ["<15", "<15", HIDDEN]),
        ([0, 5, 30], [0, "<15", HIDDEN]),
        ([5], ["<15"]),
        ([0, 0], [0, 0]),
    ],
)
def test_parts_of_a_known_total(parts: list[int], expected: list) -> None:
    assert shown_parts(parts, LIMIT) == expected


@given(COUNTS)
def test_no_small_part_can_be_worked_out_from_the_total(parts: list[int]) -> None:
    told = shown_parts(parts, LIMIT)
    assert [value for value in told if isinstance(value, int)] == [n for n, v in zip(parts, told, strict=True) if isinstance(v, int)]
    hidden = [number for number, value in zip(parts, told, strict=True) if not isinstance(value, int)]
    assert not any(is_small(value) for value in told if isinstance(value, int))
    if hidden and not is_small(sum(parts)):
        assert len(hidden) > 1
        assert sum(hidden) >= LIMIT
        assert not all(number == LIMIT - 1 for number in hidden) or len(hidden) == len(list(filter(None, parts)))


@given(COUNTS)
def test_a_total_is_shown_only_where_it_gives_no_part_away(parts: list[int]) -> None:
    total = shown_total(sum(parts), parts, LIMIT)
    secret = [number for number in parts if is_small(number)]
    if isinstance(total, int):
        assert total == sum(parts)
        assert not is_small(total)
        assert not secret or (len(secret) > 1 and LIMIT <= sum(secret) < len(secret) * (LIMIT - 1))


@given(st.integers(0, 60), st.integers(0, 60))
def test_a_part_is_shown_only_where_the_rest_is_no_small_group(part: int, rest: int) -> None:
    told = shown_within(part, part + rest, LIMIT)
    if isinstance(told, int):
        assert told == part
        assert not is_small(part)
        assert not is_small(rest)


@given(st.integers(0, 80), st.data())
def test_no_step_of_a_falling_chain_tells_a_small_group(start: int, data: st.DataObject) -> None:
    numbers = sorted(data.draw(st.lists(st.integers(0, start), max_size=6)), reverse=True)
    told = [value for value in shown_apart(numbers, start, LIMIT) if isinstance(value, int)]
    for earlier, later in zip([start, *told], told, strict=False):
        assert not is_small(later)
        assert not is_small(earlier - later)


def test_no_limit_shows_everything() -> None:
    assert shown(1, 0) == 1
    assert shown_parts([1, 2], 0) == [1, 2]
    assert shown_apart([4, 3], 5, 0) == [4, 3]


@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 40))
def test_a_term_does_not_tell_how_few_it_is_false_for(holds: int, unknown: int, fails: int) -> None:
    accounts = holds + unknown + fails
    (term,) = shown_terms([TermCount("in_arrears", holds, unknown, holds)], accounts, [holds], LIMIT)
    if isinstance(term.holds, int) and isinstance(term.unknown, int):
        assert not is_small(accounts - term.holds - term.unknown)
    assert not is_small(term.unknown) if isinstance(term.unknown, int) else True


def told(terms: tuple[Term, ...]) -> list[tuple[Shown, Shown]]:
    return [(term.holds, term.remaining) for term in terms]


def test_a_term_does_not_tell_how_few_meet_it_and_not_those_before() -> None:
    """900 meet the second term and 895 the first, too: five do not."""
    counts = [TermCount("a", 2000, 0, 2000), TermCount("b", 900, 0, 895)]
    assert told(shown_terms(counts, 5000, [895], LIMIT)) == [(2000, 2000), (HIDDEN, 895)]


def test_an_explanation_does_not_tell_how_few_a_suppression_removes() -> None:
    """`audience count` shows 995 members, and hides that 1,000 match: so must the last term, and whatever is as near."""
    counts = [TermCount("a", 1003, 0, 1003), TermCount("b", 4000, 0, 1000)]
    assert told(shown_terms(counts, 9000, [5, 995], LIMIT)) == [(HIDDEN, HIDDEN), (4000, HIDDEN)]
    assert told(shown_terms(counts[1:], 9000, [20, 980], LIMIT)) == [(4000, 1000)]
    fourteens = [TermCount("a", 1028, 0, 1028)]
    assert told(shown_terms(fourteens, 9000, [14, 14, 1000], LIMIT)) == [(HIDDEN, HIDDEN)], "the sum tells that each is 14"


def test_terms_do_not_tell_how_few_meet_neither() -> None:
    """500 meet the first, 595 the second, 100 both: five of 1,000 meet neither."""
    counts = [TermCount("a", 500, 0, 500), TermCount("b", 595, 0, 100)]
    assert told(shown_terms(counts, 1000, [100], LIMIT)) == [(500, 500), (HIDDEN, 100)]


CELLS = st.lists(
    st.tuples(
        st.one_of(st.integers(0, 16), st.integers(0, 400)),
        st.lists(st.sampled_from([True, False, None]), min_size=3, max_size=3),
        st.integers(0, 2),
    ),
    min_size=1,
    max_size=10,
)
"""Accounts that are alike: how many, what the three terms are for them, and which suppression removes them (0: none)."""


@given(CELLS)
def test_no_two_groups_of_an_explanation_tell_a_small_one(cells: list[tuple[int, list[bool | None], int]]) -> None:
    everybody = frozenset(range(len(cells)))

    def size(group: frozenset[int]) -> int:
        return sum(cells[cell][0] for cell in group)

    def those(number: int, value: bool | None) -> frozenset[int]:
        return frozenset(cell for cell in everybody if cells[cell][1][number] is value)

    holds, unknown = [those(n, True) for n in range(3)], [those(n, None) for n in range(3)]
    left = [holds[0], holds[0] & holds[1], holds[0] & holds[1] & holds[2]]
    removed = [frozenset(cell for cell in left[2] if cells[cell][2] == by) for by in (1, 2, 0)]
    parts = [size(group) for group in removed]
    counts = [TermCount("x", size(h), size(u), size(r)) for h, u, r in zip(holds, unknown, left, strict=True)]
    terms = shown_terms(counts, size(everybody), parts, LIMIT)

    numbers = [*(t.remaining for t in terms), *(t.holds for t in terms), *(t.unknown for t in terms)]
    groups = list(zip([*left, *holds, *unknown], numbers, strict=True))
    assert all(number == size(group) for group, number in groups if isinstance(number, int))
    seen = {group for group, number in groups if isinstance(number, int)} | {everybody}
    of_count = frozenset().union(*(group for group in removed if not is_small(size(group))))
    assert size(of_count) == told_by_parts(parts, LIMIT)
    for inner in seen:
        assert inner == everybody or not is_small(size(inner))
        assert not any(is_small(size(outer - inner)) for outer in seen if inner <= outer)
        assert not any(is_small(size(everybody - inner - other)) for other in seen if not inner & other)
        assert not (of_count <= inner and inner != everybody and is_small(size(inner - of_count)))
    if shown_total(size(left[2]), parts, LIMIT) == HIDDEN:
        assert not any(number == size(left[2]) for _, number in groups[:6])
    for number, (before, after) in enumerate(pairwise(left), start=1):
        if {before, after, holds[number]} <= seen:
            assert not is_small(size(everybody - before - holds[number]))
