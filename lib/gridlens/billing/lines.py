"""Bill items in columns: collected kind by kind, given out bill by bill."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from gridlens.billing.money import charge_fen, decimal_array
from gridlens.contracts.codes import BILL_ITEM_KINDS

KINDS = tuple(BILL_ITEM_KINDS)


@dataclass(frozen=True)
class BillItems:
    """Items of many bills, ordered by bill and position; all arrays have one entry for each item.

    Attributes:
        bills: number of bills the items belong to (bills without an item counted too).
        bill_index: 0-based bill.
        item_no: position on the bill, from 1.
        kind: position in codes.BILL_ITEM_KINDS.
        priced: False where the item is an amount, without quantity and price.
        quantity_milli: kWh, kVA or kW in thousandths.
        price_e8: unit price in 1e-8 CNY.
        charge_fen: amount in 0.01 CNY.
    """

    bills: int
    bill_index: np.ndarray
    item_no: np.ndarray
    kind: np.ndarray
    priced: np.ndarray
    quantity_milli: np.ndarray
    price_e8: np.ndarray
    charge_fen: np.ndarray

    def totals_fen(self) -> np.ndarray:
        """Amount of each bill in fen: the sum of its items, int64 of shape (bills,)."""
        totals = np.zeros(self.bills, dtype=np.int64)
        np.add.at(totals, self.bill_index, self.charge_fen)
        return totals

    def to_arrow(self) -> pa.Table:
        """Columns bill_index, item_no, kind, quantity decimal(18,3), price decimal(18,8), charge decimal(18,2)."""
        kind = pa.DictionaryArray.from_arrays(pa.array(self.kind, type=pa.int8()), pa.array(KINDS)).cast(pa.string())
        return pa.table(
            {
                "bill_index": pa.array(self.bill_index, type=pa.int64()),
                "item_no": pa.array(self.item_no, type=pa.int32()),
                "kind": kind,
                "quantity": decimal_array(self.quantity_milli, 3, self.priced),
                "price": decimal_array(self.price_e8, 8, self.priced),
                "charge": decimal_array(self.charge_fen, 2),
            }
        )

    def of_bills(self, rows: np.ndarray, bills: int) -> BillItems:
        """The same items, bill i of them being bill ``rows[i]`` of ``bills``."""
        return BillItems(
            bills, rows[self.bill_index], self.item_no, self.kind, self.priced, self.quantity_milli, self.price_e8, self.charge_fen
        )

    @staticmethod
    def join(parts: Sequence[BillItems], bills: int) -> BillItems:
        """Items of several parts, each bill in one part, ordered by bill."""
        names = ("bill_index", "item_no", "kind", "priced", "quantity_milli", "price_e8", "charge_fen")
        empty = Lines(0).items()
        columns = {name: np.concatenate([getattr(part, name) for part in (*parts, empty)]) for name in names}
        order = np.argsort(columns["bill_index"], kind="stable")
        return BillItems(bills, **{name: column[order] for name, column in columns.items()})


class Lines:
    """Collects one line after another for all bills at once; ``items`` gives them bill by bill."""

    def __init__(self, bills: int) -> None:
        self.bills = bills
        self._lines: list[tuple[int, bool, np.ndarray, np.ndarray, np.ndarray, np.ndarray]] = []

    def priced(self, kind: str, quantity_milli: np.ndarray, price_e8: np.ndarray | int, *, where: np.ndarray | None = None) -> None:
        """A line of quantity times price, on the bills of ``where`` (default all)."""
        price = np.broadcast_to(np.asarray(price_e8, dtype=np.int64), self.bills)
        self._add(kind, True, quantity_milli, price, charge_fen(quantity_milli, price), where)

    def amount(self, kind: str, amount_fen: np.ndarray, *, where: np.ndarray) -> None:
        """A line of an amount only, on the bills of ``where``."""
        nothing = np.zeros(self.bills, dtype=np.int64)
        self._add(kind, False, nothing, nothing, amount_fen, where)

    def _add(self, kind: str, priced: bool, quantity: np.ndarray, price: np.ndarray, charge: np.ndarray, where: np.ndarray | None) -> None:
        shown = np.ones(self.bills, dtype=bool) if where is None else where
        self._lines.append((KINDS.index(kind), priced, quantity, price, charge, shown))

    def total(self) -> np.ndarray:
        """Sum of the lines so far for each bill, int64 fen."""
        return sum((np.where(shown, charge, 0) for *_, charge, shown in self._lines), np.zeros(self.bills, dtype=np.int64))

    def items(self) -> BillItems:
        """The lines as items, ordered by bill."""
        width = len(self._lines)
        shown = np.stack([line[5] for line in self._lines], axis=1) if width else np.zeros((self.bills, 0), dtype=bool)
        bill, column = np.nonzero(shown)

        def flat(position: int) -> np.ndarray:
            if not width:
                return np.zeros(0, dtype=np.int64)
            return np.stack([line[position] for line in self._lines], axis=1)[shown]

        kinds = np.array([line[0] for line in self._lines], dtype=np.int8)[column]
        priced = np.array([line[1] for line in self._lines], dtype=bool)[column]
        number = np.cumsum(shown, axis=1)[shown].astype(np.int32)
        return BillItems(self.bills, bill, number, kinds, priced, flat(2), flat(3), flat(4))
