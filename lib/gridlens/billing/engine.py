"""Vectorised billing: the items of many bills of one tariff and month at once, exact to 0.01 CNY."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import pyarrow as pa

from gridlens.billing.book import MonthRates, TariffBook
from gridlens.billing.lines import BillItems, Lines
from gridlens.billing.money import divide_half_up, thousandths
from gridlens.billing.power_factor import adjustment
from gridlens.contracts.codes import TARIFF_PERIODS
from gridlens.errors import ContractError


@dataclass(frozen=True)
class BillInputs:
    """What is known of each bill before it is priced; every array has one entry (or row) for each bill.

    Attributes:
        kwh: energy by period in the order of codes.TARIFF_PERIODS, shape (bills, 5), multiplier applied.
        year_to_date_kwh: energy of the calendar year before this bill (for tiers).
        days: days billed, 1 to the month's length.
        capacity_kva: contract capacity.
        max_demand_kw: the month's maximum demand.
        reactive_kvarh: reactive energy; NaN where not metered, and then without power-factor adjustment.
        export_kwh: energy fed in.
        adjustment_fen: refunds (negative) and back payments (退补), int64 fen.
        tier_months: months of the year over which the tiers are spread (12; fewer for an account opened within it).
    """

    kwh: np.ndarray
    year_to_date_kwh: np.ndarray
    days: np.ndarray
    capacity_kva: np.ndarray
    max_demand_kw: np.ndarray
    reactive_kvarh: np.ndarray
    export_kwh: np.ndarray
    adjustment_fen: np.ndarray
    tier_months: np.ndarray

    @classmethod
    def of(cls, kwh: np.ndarray, *, days: np.ndarray | int, **given: np.ndarray | float) -> BillInputs:
        """Inputs from what is given (arrays or one value for all bills); the rest is zero, reactive energy unmetered, tier_months 12."""
        bills = len(kwh)
        defaults: dict[str, float] = {"reactive_kvarh": np.nan, "tier_months": 12}
        arrays = {f.name: given.pop(f.name, defaults.get(f.name, 0)) for f in fields(cls) if f.name not in ("kwh", "days")}
        if given:
            raise ContractError(f"bill inputs {', '.join(given)} are unknown; correct the name")
        return cls(
            np.asarray(kwh, dtype=np.float64),
            days=np.broadcast_to(days, bills),
            **{k: np.broadcast_to(v, bills) for k, v in arrays.items()},
        )

    def take(self, rows: np.ndarray) -> BillInputs:
        """The inputs of some bills."""
        return replace(self, **{f.name: getattr(self, f.name)[rows] for f in fields(self)})


def bill_items(rates: MonthRates, inputs: BillInputs) -> BillItems:
    """The items of each bill, in the order energy, basic charge, power factor, surcharge, export, adjustment.

    Energy by period where the tariff has periods; with tiers besides, ``energy_tier_2`` and ``energy_tier_3`` then hold
    only what the tier costs more. Without periods, energy by tier at the tier's full price, or as a total.
    The power-factor adjustment is on energy and basic charge, never on surcharges (〔83〕水电财字第215号).
    A basic charge for part of a month counts days/30, at most the whole (《供电营业规则》).

    Raises:
        ContractError: names bill and field of a value that is not finite, is negative, or lies in a period the month has not.
    """
    _check(rates, inputs)
    kwh = thousandths(inputs.kwh, "kwh")
    total = kwh.sum(axis=1)
    capacity = thousandths(inputs.capacity_kva, "capacity_kva")
    lines = Lines(len(kwh))
    _energy_lines(lines, rates, inputs, kwh, total)
    if rates.basic_kind is not None:
        _basic_line(lines, rates, inputs, total, capacity)
    if rates.power_factor_standard is not None:
        _power_factor_line(lines, rates, inputs, total, capacity)
    if rates.surcharge:
        lines.priced("surcharge", total, rates.surcharge, where=total > 0)
    if rates.export_price is not None:
        export = thousandths(inputs.export_kwh, "export_kwh")
        lines.priced("export_credit", export, -rates.export_price, where=export > 0)
    lines.amount("adjustment", inputs.adjustment_fen.astype(np.int64), where=inputs.adjustment_fen != 0)
    return lines.items()


def _check(rates: MonthRates, inputs: BillInputs) -> None:
    where = f"tariff {rates.tariff_id}, {rates.month:%Y-%m}"
    if inputs.kwh.ndim != 2 or inputs.kwh.shape[1] != len(TARIFF_PERIODS):
        raise ContractError(f"{where}: kwh has shape {inputs.kwh.shape}, expected (bills, {len(TARIFF_PERIODS)}) by tariff period")
    outside = (inputs.kwh > 0) & (rates.period_prices < 0)
    if outside.any():
        bill, code = np.argwhere(outside)[0]
        raise ContractError(
            f"bill {bill}: {inputs.kwh[bill, code]} kWh in period {TARIFF_PERIODS[code]}, which {where}, does not have; correct the period"
        )
    for name, low, high in (("days", 1, rates.days), ("tier_months", 1, 12)):
        values = getattr(inputs, name)
        wrong = ~((values >= low) & (values <= high))
        if wrong.any():
            bill = int(np.argmax(wrong))
            raise ContractError(f"bill {bill}: {name} is {values[bill]}, expected {low} to {high} ({where}); correct the input")


def _energy_lines(lines: Lines, rates: MonthRates, inputs: BillInputs, kwh: np.ndarray, total: np.ndarray) -> None:
    if rates.time_of_use:
        for code, period in enumerate(TARIFF_PERIODS):
            if rates.period_prices[code] >= 0:
                lines.priced(f"energy_{period}", kwh[:, code], int(rates.period_prices[code]))
    price = 0 if rates.time_of_use else int(rates.period_prices[TARIFF_PERIODS.index("flat")])
    if rates.tier_limits is None:
        if not rates.time_of_use:
            lines.priced("energy_total", total, price)
        return
    before = thousandths(inputs.year_to_date_kwh, "year_to_date_kwh")
    first, second, third = tier_split(before, total, rates.tier_limits, inputs.tier_months)
    if not rates.time_of_use:
        lines.priced("energy_tier_1", first, price)
    lines.priced("energy_tier_2", second, price + rates.tier_adders[0], where=second > 0)
    lines.priced("energy_tier_3", third, price + rates.tier_adders[1], where=third > 0)


def tier_split(
    before: np.ndarray, total: np.ndarray, limits: tuple[int, int], months: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What of ``total`` falls into tiers 1, 2 and 3 after ``before`` was used in the year (int64 thousandths of a kWh).

    ``limits`` are the year's upper ends of tiers 1 and 2, spread over ``months`` of 12.
    """
    upper = [limit * np.asarray(months, dtype=np.int64) // 12 for limit in limits]
    within = [np.minimum(before + total, limit) - np.minimum(before, limit) for limit in upper]
    return within[0], within[1] - within[0], total - within[1]


def _basic_line(lines: Lines, rates: MonthRates, inputs: BillInputs, total: np.ndarray, capacity: np.ndarray) -> None:
    whole = capacity if rates.basic_kind == "capacity" else thousandths(inputs.max_demand_kw, "max_demand_kw")
    days = np.where(inputs.days >= rates.days, 30, np.minimum(inputs.days, 30)).astype(np.int64)
    price = np.full(len(total), rates.basic_price, dtype=np.int64)
    if rates.discount_kwh_per_kva is not None:
        price[(capacity > 0) & (total >= rates.discount_kwh_per_kva * capacity)] = rates.discounted_price
    lines.priced(f"{rates.basic_kind}_charge", divide_half_up(whole * days, 30), price)


def _power_factor_line(lines: Lines, rates: MonthRates, inputs: BillInputs, total: np.ndarray, capacity: np.ndarray) -> None:
    metered = ~np.isnan(inputs.reactive_kvarh)
    reactive = thousandths(np.where(metered, inputs.reactive_kvarh, 0), "reactive_kvarh")
    assert rates.power_factor_standard is not None
    percent = adjustment(rates.power_factor_standard, total, reactive)
    applies = metered & (capacity >= rates.power_factor_capacity) & (percent != 0)
    lines.amount("power_factor_adjustment", divide_half_up(lines.total() * percent, 10_000), where=applies)


def bill_batch(book: TariffBook, tariff_ids: Sequence[str] | np.ndarray | pa.Array, months: np.ndarray, inputs: BillInputs) -> BillItems:
    """``bill_items`` for bills of any tariffs and months together; ``months`` is datetime64, one for each bill.

    An error counts the bills within their tariff and month.
    """
    names, tariff_index = np.unique(np.asarray(tariff_ids).astype(str), return_inverse=True)
    month_index = months.astype("datetime64[M]").astype(np.int64)
    order = np.lexsort((month_index, tariff_index))
    changes = (np.diff(tariff_index[order]) != 0) | (np.diff(month_index[order]) != 0)
    parts = []
    for rows in np.split(order, np.flatnonzero(changes) + 1) if len(order) else ():
        month: dt.date = np.datetime64(int(month_index[rows[0]]), "M").astype("datetime64[D]").item()
        rates = book.rates(str(names[tariff_index[rows[0]]]), month)
        parts.append(bill_items(rates, inputs.take(rows)).of_bills(rows, len(months)))
    return BillItems.join(parts, len(months))


def year_to_date_before(accounts: np.ndarray, months: np.ndarray, kwh: np.ndarray) -> np.ndarray:
    """Energy of the same account in the same calendar year before each bill, float64 exact to 0.001 kWh; bills in any order."""
    used = thousandths(kwh, "kwh")
    account = np.unique(accounts, return_inverse=True)[1].reshape(-1)
    year = months.astype("datetime64[Y]").astype(np.int64)
    order = np.lexsort((months.astype("datetime64[M]"), account))
    before = np.concatenate([[0], np.cumsum(used[order])[:-1]])[: len(order)]
    starts = np.r_[True, (np.diff(account[order]) != 0) | (np.diff(year[order]) != 0)][: len(order)]
    first = np.maximum.accumulate(np.where(starts, np.arange(len(order)), 0))
    result = np.empty(len(order), dtype=np.int64)
    result[order] = before - before[first]
    return result / 1000
