"""The power-factor table against figures read from the regulation's tables."""

import numpy as np
import pytest
from gridlens.billing.power_factor import TABLES, adjustment, power_factor_hundredths

# cos φ in hundredths to percent.
PRINTED = {
    "0.90": {100: -0.75, 95: -0.75, 94: -0.6, 91: -0.15, 90: 0, 89: 0.5, 80: 5, 70: 10, 69: 11, 65: 15, 64: 17, 63: 19},
    "0.85": {100: -1.1, 94: -1.1, 93: -0.95, 91: -0.65, 90: -0.5, 86: -0.1, 85: 0, 84: 0.5, 65: 10, 64: 11, 60: 15, 59: 17},
    "0.80": {100: -1.3, 92: -1.3, 91: -1.15, 90: -1, 81: -0.1, 80: 0, 79: 0.5, 60: 10, 59: 11, 55: 15, 54: 17},
}


@pytest.mark.parametrize("standard", PRINTED)
def test_the_table_holds_the_printed_figures(standard: str) -> None:
    assert len(TABLES[standard]) == 101
    got = {cosine: TABLES[standard][cosine] / 100 for cosine in PRINTED[standard]}
    assert got == PRINTED[standard]
    assert (np.diff(TABLES[standard]) <= 0).all()


def test_cos_phi_is_rounded_to_hundredths() -> None:
    active, wanted = np.array([3000, 4000, 0, 0, 5000]), [60, 80, 0, 100, 100]
    assert power_factor_hundredths(active, np.array([4000, 3000, 10, 0, 0])).tolist() == wanted


def test_nothing_drawn_is_not_adjusted() -> None:
    assert adjustment("0.90", np.array([0, 0, 1000]), np.array([0, 500, 0])).tolist() == [0, 1500 + 65 * 200, -75]
