"""Row-local checks of interval blocks: what can be said of a value without its neighbours."""

from __future__ import annotations

import numpy as np

MEASURED, MISSING, MALFORMED, NEGATIVE, OVER_CAPACITY = range(5)


def interval_capacity(contract_capacity_kva: np.ndarray, resolution_minutes: np.ndarray | int) -> np.ndarray:
    """Largest energy of one interval in kWh: kVA times hours at a power factor of one; a daily total counts 24 hours.

    Args:
        contract_capacity_kva: shape (rows,), NaN where unknown.
        resolution_minutes: length of an interval, shape (rows,) or one for all.
    """
    return np.asarray(contract_capacity_kva, dtype=float) * np.minimum(resolution_minutes, 1440) / 60.0


def check_block(
    values: np.ndarray,
    bad_mask: np.ndarray,
    *,
    allow_negative: np.ndarray | bool = False,
    capacity_kwh: np.ndarray | float = np.nan,
    tolerance: float = 0.05,
) -> tuple[np.ndarray, np.ndarray]:
    """Values that may be used, and a code of codes.QUALITY_CODES for each.

    The first that holds, in this order: malformed (2: marked bad, or infinite), missing (1), negative (3: below zero
    where that cannot be), over capacity (4: its magnitude above capacity plus tolerance; the value stays), measured (0).

    Args:
        values: energy in kWh, NaN where missing, shape (rows, intervals).
        bad_mask: True where a cell was there but unreadable, same shape.
        allow_negative: True where the channel may go below zero, shape (rows,) or one for all.
        capacity_kwh: most that one interval can carry, shape (rows,) or one for all; NaN where unknown.
        tolerance: share by which a value may exceed the capacity. The default also covers the 25-hour day's total.

    Returns:
        (clean values, codes as int8), both (rows, intervals); codes 1, 2 and 3 have NaN as their value.
    """
    rows = values.shape[0]
    may_be_negative = np.broadcast_to(np.asarray(allow_negative, dtype=bool), (rows,))[:, None]
    limit = np.broadcast_to(np.asarray(capacity_kwh, dtype=float), (rows,))[:, None] * (1.0 + tolerance)
    with np.errstate(invalid="ignore"):
        codes = np.where(np.abs(values) > limit, np.int8(OVER_CAPACITY), np.int8(MEASURED))
        codes[(values < 0) & ~may_be_negative] = NEGATIVE
    codes[np.isnan(values)] = MISSING
    codes[bad_mask | np.isinf(values)] = MALFORMED
    unusable = (codes == MISSING) | (codes == MALFORMED) | (codes == NEGATIVE)
    return np.where(unusable, np.nan, values), codes
