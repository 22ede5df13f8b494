"""What people read on the screen."""

from __future__ import annotations

import math

import pytest
from gridlens.reports.console import cell


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, ""),
        (True, "yes"),
        (3877924, "3,877,924"),
        (43255488.0, "43,255,488"),
        (0.0, "0"),
        (-2.0, "-2"),
        (0.000528988, "0.000528988"),
        (1234.56789, "1,234.57"),
        (0.00001234, "1.234e-05"),
        (2.5e9, "2,500,000,000"),
        (1234567.5, "1.23457e+06"),
        (1e18, "1e+18"),
        (math.nan, "nan"),
        (math.inf, "inf"),
        ([1, None], "[1, null]"),
    ],
)
def test_a_cell(value: object, shown: str) -> None:
    assert cell(value) == shown
