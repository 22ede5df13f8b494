"""Parties that are registered twice, and relatives who share a telephone: what identity resolution has to tell apart.

Of the accounts that belong to another account's party (a second home, one of a chain's shops) a sixth, one in a hundred of all
accounts, is registered under a party id of its own. Nothing else about the account changes.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gridlens.samples.accounts import Accounts
from gridlens.samples.dirt import Delivery
from gridlens.samples.lines import codes, repeat, text
from gridlens.samples.world import World

KINDS = ("document", "phone", "relative", "relative_without_document")
"""The same document and another telephone; the same telephone and no document; somebody else with the same telephone and a
document of his own; somebody else with the same telephone and no document, whom nothing recorded tells from the second."""
_SHARES = np.array([0.45, 0.30, 0.20, 0.05])
_SAME = (True, True, False, False)
NOT_DOUBLE = -1
OTHER_NUMBERS = 80_000_000
"""Where the telephone numbers of those begin that have one of their own."""


def doubles_of(world: World, a: Accounts) -> np.ndarray:
    """Index in KINDS of each account that is registered under a second party, else NOT_DOUBLE; shape (accounts,)."""
    r = world.random
    chosen = (a.party != a.index) & (r.uniform("double", a.index) < 1 / 6)
    return np.where(chosen, r.choice("double/kind", _SHARES, a.index), NOT_DOUBLE)


def party_codes(a: Accounts, double: np.ndarray) -> pa.Array:
    """The party id of each account: PY… of its party, PD… where it is registered under another."""
    return pc.if_else(pa.array(double == NOT_DOUBLE), codes("PY", a.party), codes("PD", a.index))


def phone_numbers(a: Accounts, double: np.ndarray) -> np.ndarray:
    """The number from which each account's telephone is made; shape (accounts,), int64."""
    return np.where(double == KINDS.index("document"), OTHER_NUMBERS + a.index, a.party)


def double_truth(a: Accounts, double: np.ndarray, delivery: Delivery) -> None:
    """Adds ``truth/party``: each second party, the party whose account it was, how they resemble, and whether they are the same."""
    rows = np.flatnonzero(double != NOT_DOUBLE)
    delivery.add(
        "truth/party",
        {
            "party_id": codes("PD", a.index[rows]),
            "other_party_id": codes("PY", a.party[rows]),
            "resembles": repeat(list(KINDS), double[rows]),
            "same": text(np.array(_SAME)[double[rows]]),
        },
    )
