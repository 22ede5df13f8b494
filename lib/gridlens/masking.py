"""Personal values made unreadable for people who need to recognise a customer, not to know who it is (脱敏).

What comes out never contains the whole value; a value too short to hide anything becomes asterisks only.
"""

from __future__ import annotations

import re

HIDDEN = "***"
_DOUBLE_SURNAMES = ("欧阳", "司马", "上官", "诸葛", "司徒", "东方", "皇甫", "尉迟", "公孙", "慕容", "令狐", "夏侯", "长孙", "宇文", "端木")
_ROAD = re.compile(r"[路街道巷弄镇乡村]|大道|大街")
_DISTRICT = re.compile(r"(?<![社小园])[区县市旗]")
"""An estate (小区), a neighbourhood (社区) or a park (园区) is nearer than a district."""
_PHONE_SHOWN = 7
_DOCUMENT_SHOWN = 4


def mask_name(name: str | None, *, company: bool = False) -> str | None:
    """A person's surname and ``*``; of a company the first two and the last two characters around ``****``.

    Names that are not written in Chinese keep their first letter.
    """
    text = _clean(name)
    if text is None:
        return None
    if company:
        return _safe(f"{text[:2]}****{text[-2:]}" if len(text) >= 8 else f"{text[0]}****", text)
    surname = next((s for s in _DOUBLE_SURNAMES if text.startswith(s) and len(text) > len(s)), text[0])
    return _safe(f"{surname}*", text)


def mask_phone(phone: str | None) -> str | None:
    """``100****1234``: the first three and the last four digits; of numbers with fewer than eleven digits the last two."""
    text = _clean(phone)
    if text is None:
        return None
    digits = re.sub(r"\D", "", text)
    if len(digits) >= _PHONE_SHOWN + 4:
        return _safe(f"{digits[:3]}****{digits[-4:]}", text, digits)
    return _safe(f"****{digits[-2:]}" if len(digits) >= _PHONE_SHOWN else HIDDEN, text, digits)


def mask_document(number: str | None) -> str | None:
    """The last four characters of a number of at least twelve, else nothing of it."""
    text = _clean(number)
    if text is None:
        return None
    return _safe(f"**** {text[-_DOCUMENT_SHOWN:]}" if len(text) >= 3 * _DOCUMENT_SHOWN else HIDDEN, text)


def mask_address(address: str | None) -> str | None:
    """Up to the road, without digits that might be a house; else up to the district; else nothing of it."""
    text = _clean(address)
    if text is None:
        return None
    road = _ROAD.search(text)
    ends = [road.end()] if road else [found.end() for found in _DISTRICT.finditer(text)]
    shown = max((end for end in ends if end < len(text)), default=0)
    return _safe(f"{text[:shown]}{HIDDEN}", text)


def decade(year: int | None) -> str | None:
    """The decade of a year: ``1980s``."""
    return None if year is None else f"{year // 10 * 10}s"


def _clean(value: str | None) -> str | None:
    text = (value or "").strip()
    return text or None


def _safe(masked: str, *whole: str) -> str:
    """``masked``, unless a whole value can still be read in it."""
    return HIDDEN if any(value and value in masked for value in whole) else masked
