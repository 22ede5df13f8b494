"""Tariffs as rows of the silver table ``tariff``."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal

import numpy as np
import pandas as pd

from gridlens.billing.book import TariffBook
from gridlens.billing.periods import day_codes
from gridlens.billing.tariffs import TariffVersion
from gridlens.contracts.codes import TARIFF_PERIODS
from gridlens.contracts.silver import TARIFF


def tariff_rows(book: TariffBook) -> pd.DataFrame:
    """Rows of ``contracts.silver.TARIFF``: energy prices without surcharges and tier adders.

    A version with fixed prices gives twelve rows from its ``valid_from``. One with monthly purchase prices
    gives a row for each month of the series, which is then its ``valid_from``: so in both cases the row in
    force on a day is the one with the day's month and the greatest ``valid_from`` not after the day.
    """
    rows = [row for tariff_id in sorted(book.tariffs) for row in _rows(book, tariff_id)]
    return pd.DataFrame(rows, columns=TARIFF.columns)


def _rows(book: TariffBook, tariff_id: str) -> Iterator[dict[str, object]]:
    versions = book.tariff(tariff_id).versions
    ends = [version.valid_from for version in versions[1:]] + [dt.date.max]
    for version, end in zip(versions, ends, strict=True):
        for valid_from, month in _months(book, version, end):
            codes = day_codes(version.season(month.month).periods)
            row: dict[str, object] = {"tariff_id": tariff_id, "valid_from": valid_from, "month": month.month}
            row["periods"] = np.array(TARIFF_PERIODS, dtype=object)[codes].tolist()
            for code, period in enumerate(TARIFF_PERIODS):
                price = book.energy_price(tariff_id, version, month, period) if code in codes else None
                row[f"price_{period}"] = price.quantize(Decimal("1e-8")) if price is not None else None
            yield {**row, "definition": book.fingerprints[tariff_id]}


def _months(book: TariffBook, version: TariffVersion, end: dt.date) -> Iterator[tuple[dt.date, dt.date]]:
    """(valid_from, month to price) of each row of a version that holds before ``end``."""
    if version.components is None:
        for month in range(1, 13):
            yield version.valid_from, dt.date(version.valid_from.year, month, 1)
        return
    for text in book.purchase[version.components.purchase].value.months:
        month_start = dt.date.fromisoformat(f"{text}-01")
        if version.valid_from <= month_start < end:
            yield month_start, month_start
