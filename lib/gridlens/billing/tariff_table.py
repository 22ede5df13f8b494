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
    gives a row for each month of the series, which is then its ``valid_from``; months that the series does not
    reach have a row from the version's own ``valid_from``, with periods and no price. So in every case the row in
    force on a day is the one with the day's month and the greatest ``valid_from`` not after the day.
    """
    rows = [row for tariff_id in sorted(book.tariffs) for row in _rows(book, tariff_id)]
    return pd.DataFrame(rows, columns=TARIFF.columns)


def _rows(book: TariffBook, tariff_id: str) -> Iterator[dict[str, object]]:
    versions = book.tariff(tariff_id).versions
    ends = [version.valid_from for version in versions[1:]] + [dt.date.max]
    for version, end in zip(versions, ends, strict=True):
        for valid_from, month, priced in _months(book, version, end):
            codes = day_codes(version.season(month.month).periods)
            row: dict[str, object] = {"tariff_id": tariff_id, "valid_from": valid_from, "month": month.month}
            row["periods"] = np.array(TARIFF_PERIODS, dtype=object)[codes].tolist()
            for code, period in enumerate(TARIFF_PERIODS):
                price = book.energy_price(tariff_id, version, month, period) if priced and code in codes else None
                row[f"price_{period}"] = price.quantize(Decimal("1e-8")) if price is not None else None
            yield {**row, "definition": book.fingerprints[tariff_id]}


def _months(book: TariffBook, version: TariffVersion, end: dt.date) -> Iterator[tuple[dt.date, dt.date, bool]]:
    """(valid_from, month, whether it has prices) of each row of a version that holds before ``end``."""
    since = version.valid_from
    if version.components is None:
        for month in range(1, 13):
            yield since, dt.date(since.year, month, 1), True
        return
    series = [dt.date.fromisoformat(f"{text}-01") for text in book.purchase[version.components.purchase].value.months]
    for month in range(1, 13):
        first = dt.date(since.year + (month < since.month), month, 1)
        if first < end and (first < since or first not in series):
            yield since, first, first in series
    for month_start in series:
        if since <= month_start < end:
            yield month_start, month_start, True
