"""Masked values tell customers apart and never contain the value itself."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from gridlens.masking import decade, mask_address, mask_document, mask_name, mask_phone
from hypothesis import given
from hypothesis import strategies as st

MASKS: list[Callable[[str | None], str | None]] = [mask_name, lambda v: mask_name(v, company=True), mask_phone, mask_document, mask_address]


@pytest.mark.parametrize(
    ("given_name", "company", "expected"),
    [
        ("张三", False, "张*"),
        ("欧阳明月", False, "欧阳*"),
        ("欧阳", False, "欧*"),
        ("Miller", False, "M*"),
        ("张", False, "***"),
        ("虚构供电有限公司", True, "虚构****公司"),
        ("小店", True, "小****"),
        ("  ", False, None),
        (None, False, None),
    ],
)
def test_names(given_name: str | None, company: bool, expected: str | None) -> None:

    assert mask_name(given_name, company=company) == expected


@pytest.mark.parametrize(
    ("phone", "expected"),
    [("10012345678", "100****5678"), ("+86 100-1234-5678", "861****5678"), ("88881234", "****34"), ("123", "***"), ("", None)],
)
def test_telephone_numbers(phone: str, expected: str | None) -> None:
    assert mask_phone(phone) == expected


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("虚拟省样例市第4区0158路12号3单元", "虚拟省样例市第4区0158路***"),
        ("样例市东城区和平里社区", "样例市东城区***"),
        ("样例市第4区", "样例市***"),
        ("12 Some Place", "***"),
    ],
)
def test_addresses_end_at_the_road_or_the_district(address: str, expected: str) -> None:
    assert mask_address(address) == expected


def test_documents_keep_four_characters_at_most() -> None:
    assert mask_document("000000197001011234") == "**** 1234"
    assert mask_document("12345") == "***"
    assert [decade(year) for year in (1969, 1970, None)] == ["1960s", "1970s", None]


@pytest.mark.parametrize("mask", MASKS)
@given(value=st.text(alphabet=st.sampled_from("张欧阳三路区市0123456789* -ABCx"), min_size=1, max_size=24))
def test_the_whole_value_is_never_readable(mask: Callable[[str | None], str | None], value: str) -> None:
    masked = mask(value)
    text = value.strip()
    assert (masked is None) == (not text)
    if masked is not None and set(text) - {"*"}:
        assert text not in masked
        digits = "".join(c for c in text if c.isdigit())
        assert mask is not mask_phone or not digits or digits not in masked


@given(digits=st.text(alphabet="0123456789", min_size=7, max_size=20))
def test_at_least_four_digits_of_a_number_are_hidden(digits: str) -> None:
    for masked in (mask_phone(digits), mask_document(digits)):
        assert masked is not None
        assert sum(c.isdigit() for c in masked) <= max(len(digits) - 4, 4)
