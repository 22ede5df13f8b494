"""Small groups: what is shown never tells a number under the limit, by itself or by difference."""

from __future__ import annotations

import pytest
from gridlens.audiences.disclosure import HIDDEN, shown, shown_chain, shown_parts, shown_total, shown_within
from gridlens.audiences.terms import TermCount
from gridlens.pipelines.audience_explain import shown_terms
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
    told = [value for value in shown_chain(start, numbers, LIMIT) if isinstance(value, int)]
    for earlier, later in zip([start, *told], told, strict=False):
        assert not is_small(later)
        assert not is_small(earlier - later)


def test_no_limit_shows_everything() -> None:
    assert shown(1, 0) == 1
    assert shown_parts([1, 2], 0) == [1, 2]
    assert shown_chain(5, [4, 3], 0) == [4, 3]


@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 40))
def test_a_term_does_not_tell_how_few_it_is_false_for(holds: int, unknown: int, fails: int) -> None:
    accounts = holds + unknown + fails
    (term,) = shown_terms([TermCount("in_arrears", holds, unknown, holds)], accounts, LIMIT)
    if isinstance(term.holds, int) and isinstance(term.unknown, int):
        assert not is_small(accounts - term.holds - term.unknown)
    assert not is_small(term.unknown) if isinstance(term.unknown, int) else True
