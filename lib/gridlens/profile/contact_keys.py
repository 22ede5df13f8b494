"""Document and telephone numbers brought to one form, so that their keyed hashes agree where the numbers do."""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F

_WIDE = "０１２３４５６７８９ＡＢＣＤＥＦＧＨＩＪＫＬＭＮＯＰＱＲＳＴＵＶＷＸＹＺ－　（）＋"
_NARROW = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ- ()+"
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECKS = "10X98765432"
"""GB 11643-1999: weights of the 17 digits of an identity number, and the check character of their sum modulo 11."""
_SAMPLES = ("12345678901", "13800138000", "13900139000", "12345678")
"""Numbers that clerks type where there is none; 13800138000 is an operator's service number."""
_LEAST_DOCUMENT, _LEAST_PHONE = 8, 7


def document_key(number: Column) -> Column:
    """The number in capitals without spaces and signs, a 15-digit identity number as its 18 digits; null where it is a placeholder.

    15 digits became 18 by the century and a check character (GB 11643-1999); both forms stand in old customer files.
    """
    plain = F.regexp_replace(F.upper(F.translate(F.upper(number), _WIDE, _NARROW)), "[^0-9A-Z]", "")
    old = plain.rlike("^[0-9]{15}$")
    body = F.concat(F.substring(plain, 1, 6), F.lit("19"), F.substring(plain, 7, 9))
    total = sum((F.try_to_number(F.substring(body, i + 1, 1), F.lit("9")) * w for i, w in enumerate(_WEIGHTS)), F.lit(0))
    whole = F.when(old, F.concat(body, F.substring(F.lit(_CHECKS), (total % 11 + 1).cast("int"), F.lit(1)))).otherwise(plain)
    return F.when(_tells(plain, _LEAST_DOCUMENT), whole)


def phone_key(number: Column) -> Column:
    """The digits without the country's prefix; null where it is a placeholder or too short to tell anybody."""
    digits = F.regexp_replace(F.translate(number, _WIDE, _NARROW), "[^0-9]", "")
    plain = F.regexp_replace(digits, "^(0086|86)(1[0-9]{10})$", "$2")
    return F.when(_tells(plain, _LEAST_PHONE) & ~plain.isin(*_SAMPLES), plain)


def _tells(text: Column, least: int) -> Column:
    """True where the text is long enough and not the same sign throughout."""
    return (F.length(text) >= least) & ~text.rlike(r"^(.)\1*$")
