"""Exact money: fen (0.01 CNY), prices in 1e-8 CNY and quantities in 0.001 units, all int64; rounding half away from zero."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

import numpy as np
import pyarrow as pa

from gridlens.errors import ContractError

MAX_QUANTITY = 10**12
"""Largest quantity in thousandths (1 TWh): together with a price below 900 CNY no product leaves int64."""


def scaled(value: Decimal, places: int) -> int:
    """``value`` times 10**places as an integer, half away from zero: ``scaled(Decimal("0.538"), 8)`` = 53_800_000."""
    return int(value.scaleb(places).to_integral_value(ROUND_HALF_UP))


def thousandths(values: np.ndarray, name: str) -> np.ndarray:
    """Float quantities as int64 thousandths; ContractError names the first row that is not finite, negative or above 1 TWh."""
    numbers = np.asarray(values, dtype=np.float64)
    wrong = ~((numbers >= 0) & (numbers * 1000 <= MAX_QUANTITY))
    if wrong.any():
        row = np.argwhere(wrong)[0]
        raise ContractError(
            f"bill {row[0]}: {name} is {numbers[tuple(row)]}, expected a number from 0 to {MAX_QUANTITY // 1000}; correct the input"
        )
    return np.rint(numbers * 1000).astype(np.int64)


def divide_half_up(numerator: np.ndarray, denominator: int) -> np.ndarray:
    """``numerator / denominator`` as int64, rounded half away from zero."""
    magnitude = (
        (np.abs(numerator) + denominator // 2) // denominator
        if denominator % 2 == 0
        else (2 * np.abs(numerator) + denominator) // (2 * denominator)
    )
    return np.sign(numerator) * magnitude


def charge_fen(quantity_milli: np.ndarray, price_e8: np.ndarray | int) -> np.ndarray:
    """Quantity (thousandths) times price (1e-8 CNY) in fen, half away from zero, exact.

    The product of a large bill leaves int64, so the price is split: q·p = (q·high)·10⁴ + q·low, divided by 10⁹.
    """
    price = np.asarray(price_e8, dtype=np.int64)
    sign = np.sign(quantity_milli) * np.sign(price)
    quantity, price = np.abs(quantity_milli), np.abs(price)
    whole, rest = np.divmod(quantity * (price // 10_000), 100_000)
    return sign * (whole + (rest * 10_000 + quantity * (price % 10_000) + 500_000_000) // 1_000_000_000)


def decimal_array(values: np.ndarray, scale: int, valid: np.ndarray | None = None) -> pa.Array:
    """int64 values in units of 10**-scale as an Arrow decimal128(18, scale), without a Python loop; null where not ``valid``."""
    words = np.empty((len(values), 2), dtype=np.int64)
    words[:, 0] = values
    words[:, 1] = values >> 63  # Arrow's decimals are 128-bit two's complement, low word first.
    mask = None if valid is None else pa.py_buffer(np.packbits(valid, bitorder="little"))
    return pa.Array.from_buffers(pa.decimal128(18, scale), len(values), [mask, pa.py_buffer(words)])
