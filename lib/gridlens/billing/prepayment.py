"""Prepaid supply (费控): what a balance means."""

from __future__ import annotations

import numpy as np

from gridlens.billing.money import scaled
from gridlens.billing.tariffs import Prepayment

STATES = ("connected", "warned", "disconnected")


def prepayment_state(rule: Prepayment, balance_fen: np.ndarray) -> np.ndarray:
    """Position in STATES, int8, of each balance (int64 fen): warned below ``warn_balance``, cut at or below ``disconnect_balance``."""
    warned = balance_fen < scaled(rule.warn_balance, 2)
    disconnected = balance_fen <= scaled(rule.disconnect_balance, 2)
    return (warned.astype(np.int8) + disconnected.astype(np.int8)).astype(np.int8)
