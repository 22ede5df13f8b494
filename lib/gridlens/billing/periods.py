"""The division of a day into tariff periods, by quarter hour."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from gridlens.contracts.codes import TARIFF_PERIODS

Period = Literal["sharp", "peak", "flat", "valley", "deep_valley"]
QUARTERS = 96
_RANGE = re.compile(r"^(\d{1,2}):(\d{2})-(\d{1,2}):(\d{2})$")


def _quarter(hour: str, minute: str, text: str) -> int:
    total = int(hour) * 60 + int(minute)
    if total > 24 * 60 or int(minute) > 59 or total % 15:
        raise ValueError(f"{text}: expected times of 00:00 to 24:00 in quarter hours")
    return total // 15


def range_quarters(text: str) -> np.ndarray:
    """The quarter hours (0 to 95) of a range such as ``08:00-11:00``; ``23:00-07:00`` runs over midnight. ValueError else."""
    match = _RANGE.match(text)
    if match is None:
        raise ValueError(f"{text}: expected a range such as 08:00-11:00")
    begin, end = _quarter(match[1], match[2], text), _quarter(match[3], match[4], text)
    if begin in (end, QUARTERS):
        raise ValueError(f"{text}: the range is empty")
    return np.arange(begin, end if end > begin else end + QUARTERS) % QUARTERS


def _clock(quarter: int) -> str:
    return f"{quarter // 4:02d}:{quarter % 4 * 15:02d}"


def day_codes(periods: Mapping[Period, Sequence[str]]) -> np.ndarray:
    """Code of each quarter hour, int8 of shape (96,): the position in codes.TARIFF_PERIODS (0 sharp … 4 deep valley).

    Raises:
        ValueError: names the first quarter hour that no range or two ranges cover.
    """
    codes = np.full(QUARTERS, -1, dtype=np.int8)
    for period, ranges in periods.items():
        for text in ranges:
            quarters = range_quarters(text)
            taken = codes[quarters] >= 0
            if taken.any():
                at = int(quarters[taken][0])
                raise ValueError(f"{_clock(at)} lies in {period} ({text}) and in {TARIFF_PERIODS[codes[at]]}; ranges must not overlap")
            codes[quarters] = TARIFF_PERIODS.index(period)
    if (codes < 0).any():
        raise ValueError(f"no period covers {_clock(int(np.argmax(codes < 0)))}; ranges must cover the 24 hours")
    return codes
